// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A strip as a table: its source, its plugins and its sink.
#pragma once

#include <QtWidgets>

#include "strip.hpp"

namespace desk {

QColor bad_colour(const QPalette &palette);

class StripView : public QTreeWidget {
  Q_OBJECT

 public:
  explicit StripView(const std::string &name);

  Strip &strip() { return strip_; }
  Node &node(int row) { return strip_.node(size_t(row)); }
  int row() const { return indexOfTopLevelItem(currentItem()); }
  int last() const { return topLevelItemCount() - 1; }
  // Rows as the strip has them, with the current one.
  void refresh(int row);
  // Behind the current row, unless it says where.
  void add(const Place &place, int at = 0);
  void set_end(bool sink, const Place &place);
  void remove();
  void isolate(bool on);
  void move(int from, int to);
  void play(bool on);
  // Often; `numbers`: what nobody could read 30 times a second as well.
  void show_now(bool numbers);

  QWidget *const head = new QWidget;

 signals:
  void selected();
  void dropped(int at);  // what is dragged from elsewhere
  void told(const desk::Message &message);

 protected:
  void dropEvent(QDropEvent *event) override;
  void paintEvent(QPaintEvent *event) override;

 private:
  void bypass(QTreeWidgetItem *item);
  void tell(const std::string &problem);
  void show_numbers(int row, double seconds);

  Strip strip_;
  QLabel *const latency_ = new QLabel;
  QPushButton *const play_ = new QPushButton;
  gint64 looked_ = 0;
};

}  // namespace desk
