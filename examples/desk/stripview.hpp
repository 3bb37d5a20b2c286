// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A strip as a table: its source, its plugins and its sink.
#pragma once

#include <functional>
#include <QLabel>
#include <QPushButton>
#include <QTreeWidget>

#include "strip.hpp"

namespace desk {

QString title_of(const Node &node);  // "Test tone", "SimpleGain", "loud.py"
QColor bad_colour(const QPalette &palette);

class StripView : public QTreeWidget {
 public:
  explicit StripView(Strip *strip);

  Strip *strip() const { return strip_; }
  int row() const { return indexOfTopLevelItem(currentItem()); }
  // Rows as the strip has them, with the current one.
  void refresh(int row);
  void add(int at, const Place &place);
  void set_end(int at, const Place &place);  // the first or the last row
  void isolate(bool process);
  void play(bool on);
  // Often; `numbers`: what nobody could read 30 times a second as well.
  void show_now(bool numbers);

  QWidget *const head = new QWidget;
  std::function<void()> on_selected, on_edit;
  std::function<void(int at)> on_dropped;  // what is dragged from elsewhere
  std::function<void(const Message &)> on_message;

 protected:
  void dropEvent(QDropEvent *event) override;
  void paintEvent(QPaintEvent *event) override;

 private:
  int last() const { return topLevelItemCount() - 1; }
  Qt::CheckState checked(int row);
  void tell(const std::string &problem);
  void move(int from, int to);
  void show_numbers(int row, double seconds);

  Strip *const strip_;
  QLabel *const latency_ = new QLabel;
  QPushButton *const play_ = new QPushButton;
  gint64 looked_ = 0;
};

}  // namespace desk
