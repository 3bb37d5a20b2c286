// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What can be set at what is selected, made from what it declares, and a
// picture of its sound.
#pragma once

#include <QtWidgets>

#include "node.hpp"

namespace desk {

inline QString text(const std::string &from) {
  return QString::fromStdString(from);
}

// Of what strip.hpp and catalog.hpp call so, in the user's language.
inline QString title(const std::string &of) {
  return QCoreApplication::translate("desk", of.c_str());
}

// The waveform, and its spectrum.
class Scope : public QWidget {
  Q_OBJECT

 public:
  Scope();
  void show_now(Node *node);  // NULL: nothing plays
  double loudest_hz() const { return loudest_; }

 protected:
  void paintEvent(QPaintEvent *) override;

 private:
  QPolygonF wave_, spectrum_;  // in a unit square
  double loudest_ = 0;
};

class Panel : public QWidget {
  Q_OBJECT

 public:
  Panel();
  // NULL: nothing is selected. Not from within a signal of its children.
  void show_node(Node *node);
  void show_now();  // what changed otherwise is shown, too

 signals:
  void refused(const QString &why);
  void isolated(bool on);

 private:
  struct Editor {
    Parameter parameter;
    QWidget *widget;  // its user property is the value
    QSlider *slider;
    QString shown;
  };
  void add_parameter(const Parameter &parameter);
  QWidget *make_number(const Parameter &parameter, QSlider **slider);
  QWidget *make_choice(const Parameter &parameter);
  QWidget *make_text(const Parameter &parameter, QLayout *line);
  void add_presets();
  void set(const Parameter &parameter, const QString &value);

  Node *node_ = nullptr;
  QWidget *body_ = nullptr;
  QFormLayout *form_ = nullptr;
  QCheckBox *own_process_ = nullptr;
  std::vector<Editor> editors_;
};

}  // namespace desk
