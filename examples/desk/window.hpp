// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two strips, the plugins that there are, a panel and the messages. What they
// are made of, with its menus and keys, is in window.ui and panel.ui.
#pragma once

#include <QtWidgets>

#include "strip.hpp"

namespace desk {

namespace Ui {
class Panel;
class Window;
}  // namespace Ui

inline QString text(const std::string &from) {
  return QString::fromStdString(from);
}

// Of what catalog.cpp calls so, in the user's language.
inline QString title(const std::string &of) {
  return QCoreApplication::translate("desk", of.c_str());
}

inline QColor bad_colour(const QPalette &palette) {
  return palette.base().color().lightness() < 128 ? "#ff8a80" : "#b3261e";
}

// A strip as a table: its source, its plugins and its sink.
class StripView : public QTreeWidget {
  Q_OBJECT

 public:
  explicit StripView(QWidget *parent);

  Strip &strip() { return strip_; }
  Node &node(int row) { return strip_.node(size_t(row)); }
  int row() const { return indexOfTopLevelItem(currentItem()); }
  int last() const { return topLevelItemCount() - 1; }
  // Rows as the strip has them, with the current one.
  void refresh(int row);
  // A filter comes behind the current row, unless it is said where.
  void put(const Place &place, int at = 0);
  void remove();
  void move(int by);
  void isolate(bool on);
  Q_SLOT void play(bool on);
  QString summary() const;
  void show_levels();
  // `seconds`: since they were shown last, or 0: it is out of turn.
  void show_all(double seconds);

 signals:
  void dropped(int at);  // what is dragged from elsewhere

 protected:
  void dropEvent(QDropEvent *event) override;

 private:
  void show_numbers(int row, double seconds);

  Strip strip_;
};

// What can be set at what is selected, made from what it declares.
class Panel : public QWidget {
  Q_OBJECT

 public:
  explicit Panel(QWidget *parent);
  ~Panel() override;
  // NULL: nothing is selected. Not from within a signal of its children.
  void show_node(Node *node);
  void show_now();  // what changed otherwise is shown, too

 signals:
  void failed(const QString &why);

 private slots:
  void on_presets_activated(int at);
  void on_savePreset_clicked();
  void on_renamePreset_clicked();
  void on_reset_clicked();

 private:
  struct Editor {
    Parameter parameter;
    QWidget *widget;  // its user property is the value
    QString shown = {};
  };
  void add_parameter(const Parameter &parameter);
  QWidget *make_number(const Parameter &parameter, const QString &unit,
                       QSlider *slider);
  QWidget *make_text(const Parameter &parameter, QLayout *line);
  void set(const Parameter &parameter, const QString &value);

  const std::unique_ptr<Ui::Panel> ui_;
  Node *node_ = nullptr;
  QFormLayout *form_ = nullptr;
  std::vector<Editor> editors_;
  bool shows_ = false;  // what changes is shown, and not to be set
};

class Window : public QMainWindow {
  Q_OBJECT

 public:
  Window();
  ~Window() override;

  bool open(const QString &path);  // false: it is said in the messages
  bool save(const QString &path);
  void play(bool on);
  StripView *view(int at) const { return views_[at]; }

 private:
  void connect_actions();
  void list(const Plugin &plugin);
  void use_plugin(StripView *view, int at);
  void load_plugin();
  void offer_ends();
  void select(StripView *view);
  void show_sound(const Tap *tap);  // NULL: nothing plays
  void show_now();
  void tell(const QString &where, const QString &what,
            const QString &details = {}, bool good = false);

  const std::unique_ptr<Ui::Window> ui_;
  StripView *views_[2], *selected_;
  std::vector<Plugin> plugins_;
  QElapsedTimer since_numbers_;
};

}  // namespace desk
