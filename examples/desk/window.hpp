// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two strips, the plugins that there are, a panel and the messages.
#pragma once

#include <QtWidgets>

#include "catalog.hpp"
#include "panel.hpp"
#include "stripview.hpp"

namespace desk {

class Window : public QMainWindow {
  Q_OBJECT

 public:
  Window();

  bool open(const QString &path);  // false: it is said in the messages
  bool save(const QString &path);
  void play(bool on);
  StripView *view(int at) const { return views_[at]; }

 private:
  void add_menu();
  QWidget *make_plugins();
  QWidget *make_messages();
  QWidget *make_selected();
  void list_plugins();
  void use_plugin(StripView *view, int at);
  void load_plugin();
  void offer_ends(QMenu *menu);
  void select(StripView *view);
  void edit();
  void show_now();
  void tell(const Message &message);

  StripView *const views_[2] = {new StripView("TX"), new StripView("RX")};
  StripView *selected_ = views_[0];
  std::vector<Plugin> plugins_;
  QListWidget *const list_ = new QListWidget;
  QTreeWidget *const messages_ = new QTreeWidget;
  Panel *const panel_ = new Panel;
  Scope *const scope_ = new Scope;
  QPushButton *const end_ = new QPushButton;
  unsigned ticks_ = 0;
};

}  // namespace desk
