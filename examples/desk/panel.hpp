// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What can be set at what is selected, made from what it declares, and a
// picture of its sound.
#pragma once

#include <functional>
#include <QCheckBox>
#include <QFormLayout>
#include <QLabel>
#include <QPainter>

#include "parameters.hpp"
#include "strip.hpp"

namespace desk {

// The waveform, and its spectrum.
class Scope : public QWidget {
 public:
  Scope();
  void show_now(Node *node);
  double loudest_hz() const { return loudest_; }

 protected:
  void paintEvent(QPaintEvent *) override;

 private:
  std::vector<float> samples_, levels_;  // dB of each band
  double loudest_ = 0;
  int rate_ = 0;
};

class Panel : public QWidget {
 public:
  Panel();
  // NULL: nothing is selected. Not from within a signal of its children.
  void show_node(Node *node);
  void show_now();  // what changed otherwise is shown, too

  std::function<void(const QString &)> on_refused;
  std::function<void(bool)> on_isolate;

 private:
  struct Editor {
    Parameter parameter;
    QWidget *widget;
    std::function<void(const QString &)> show;
    QString shown;
  };
  void add_parameter(const Parameter &parameter);
  void add_presets();
  void set(const std::string &name, const QString &value);

  Node *node_ = nullptr;
  QWidget *body_ = nullptr;
  QFormLayout *form_ = nullptr;
  QCheckBox *own_process_ = nullptr;
  std::vector<Editor> editors_;
};

}  // namespace desk
