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

// What a strip says, in the user's language; what others said stays.
inline QString translated(const std::string &words) {
  return QCoreApplication::translate("desk", words.c_str());
}

inline QColor bad_colour(const QPalette &palette) {
  return palette.base().color().lightness() < 128 ? "#ff8a80" : "#b3261e";
}

// A line in a unit square, under its name.
struct Plot : QWidget {
  using QWidget::QWidget;
  void paintEvent(QPaintEvent *) override;
  QStaticText name;
  QPolygonF line;
};

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
  void put(const Place &place, int at = 0) {
    const auto there = strip_.put(place, at ? at : row() + 1);
    if (there) refresh(*there);
  }
  void move(int by);
  QString summary() const;
  void show_levels();
  // `seconds`: since they were shown last, or 0: it is out of turn.
  void show_numbers(double seconds = 0);

 public slots:
  void play(bool on) {
    on ? strip_.start() : strip_.stop();
    show_numbers();
  }
  // These, with what is selected here, if anything.
  void up() { move(-1); }
  void down() { move(1); }
  void remove();
  void edit() {
    const QString file = row() < 0 ? "" : text(node(row()).file());
    if (!file.isEmpty()) QDesktopServices::openUrl(QUrl::fromLocalFile(file));
  }
  void isolate(bool on) {
    if (row() >= 0 && node(row()).is_python()) strip_.isolate(row(), on);
    show_numbers();
  }

 private:
  void dropEvent(QDropEvent *event) override;
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
  void add_parameter(GParamSpec *spec);
  void add_number(GParamSpec *parameter, const class Ui_Parameter &ui);
  void add_text(GParamSpec *parameter, const Ui_Parameter &ui);
  void set(GParamSpec *parameter, const QString &value);

  const std::shared_ptr<class Ui_Panel> ui_;
  Node *node_ = nullptr;
  std::vector<std::function<void()>> show_;  // each a parameter's value
  bool showing_ = false;  // what changes is shown, and not to be set
};

class Window : public QMainWindow {
  Q_OBJECT

 public:
  Window();

  StripView *view(int at) const { return views_[at]; }

 public slots:
  void choose_file();  // as the action that is triggered says in window.ui
  void load_plugin(const QString &path);
  bool open(const QString &path);  // false: it is said in the messages
  bool save(const QString &path);
  // A file or an address, in the place of the source or sink that is selected.
  void use_end(const QString &where) {
    const auto make = where.contains('/') ? file_end : network_end;
    selected_->put(make(end(), where.toStdString()));
  }
  void offer_ends();
  void copy_message();

 private:
  void timerEvent(QTimerEvent *) override { show_now(); }
  QListWidgetItem *list(const Plugin &plugin);
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
