// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two strips, the plugins that there are, a panel and the messages. What they
// are made of, with its menus and keys, is in window.ui and panel.ui.
#pragma once

#include <QtWidgets>

#include "strip.hpp"

namespace desk {

inline QString text(const std::string &from) {
  return QString::fromStdString(from);
}

// What catalog.cpp says, in the user's language.
inline QString translated(const std::string &words) {
  return QCoreApplication::translate("desk", words.c_str());
}
inline QString title(const Place &of) {
  return translated(of.title);
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
  Node &node(int row) { return strip_.node(row); }
  // Which one is selected; -1: it is in another strip.
  int row() const { return indexOfTopLevelItem(selectedItems().value(0)); }
  int last() const { return topLevelItemCount() - 1; }
  // Rows as the strip has them, and which one is selected.
  void refresh(int row);
  // A filter comes behind the selected row, unless it is said where.
  void put(const Place &place, int at = 0);
  void move(int by);
  QString summary() const;
  void show_levels();
  // `seconds`: since they were shown last, or 0: it is out of turn.
  void show_numbers(double seconds = 0);

 public slots:
  void play(bool on);
  // These, with what is selected here, if anything.
  void up() { move(-1); }
  void down() { move(1); }
  void remove();
  void edit();
  void isolate(bool on);

 protected:
  void dropEvent(QDropEvent *event) override;

 private:
  Strip strip_;
};

// What can be set at what is selected, made from what it declares.
class Panel : public QWidget {
  Q_OBJECT

 public:
  explicit Panel(QWidget *parent);
  // NULL: nothing is selected. Not from within a signal of its children.
  void show_node(Node *node);
  void show_now();  // what changed otherwise is shown, too

 signals:
  void failed(const QString &why);

 private:
  struct Editor {
    GParamSpec *parameter;
    QWidget *widget;  // its user property is the value
    QString shown = {};
  };
  void add_parameter(GParamSpec *spec);
  QWidget *make_number(GParamSpec *parameter, QSlider *slider);
  QWidget *make_text(GParamSpec *parameter, QLayout *line);
  void set(GParamSpec *parameter, const QString &value);

  const std::shared_ptr<class Ui_Panel> ui_;
  Node *node_ = nullptr;
  QFormLayout *form_ = nullptr;
  std::vector<Editor> editors_;
  bool shows_ = false;  // what changes is shown, and not to be set
};

class Window : public QMainWindow {
  Q_OBJECT

 public:
  Window();

  void play(bool on);
  StripView *view(int at) const { return views_[at]; }

 public slots:
  void choose_file();  // as the action that is triggered says in window.ui
  void load_plugin(const QString &path);
  bool open(const QString &path);  // false: it is said in the messages
  bool save(const QString &path);
  // In the place of the source or sink that is selected.
  void use_file(const QString &path);
  void use_address(const QString &address);
  void offer_ends();
  void copy_message();

 protected:
  void timerEvent(QTimerEvent *) override { show_now(); }

 private:
  void list(const Plugin &plugin);
  void use_plugin(StripView *view);
  Kind end() const { return selected_->row() ? Kind::Sink : Kind::Source; }
  void select(StripView *view);
  void show_sound(const Tap *tap);  // NULL: nothing plays
  void show_now();
  void tell(const QString &where, const QString &what,
            const QString &details = {}, bool good = false);

  const std::shared_ptr<class Ui_Window> ui_;
  StripView *views_[2], *selected_;
  QElapsedTimer since_numbers_;
};

}  // namespace desk
