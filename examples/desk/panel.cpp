// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>

#include "ui_panel.h"
#include "ui_parameter.h"
#include "window.hpp"

namespace desk {

Panel::Panel(QWidget *parent) : QWidget(parent), ui_(new Ui_Panel) {
  ui_->setupUi(this);
  ui_->presets->lineEdit()->setAccessibleName(ui_->presets->accessibleName());
  setMinimumWidth(fontMetrics().averageCharWidth() * 66);
  QComboBox *const all = ui_->presets;
  const auto presets = [this] { return GST_PRESET(node_->element()); };
  connect(ui_->reset, &QPushButton::clicked, this, [=] {
    node_->reset();
    show_now();
  });
  connect(all, &QComboBox::activated, this, [=](int at) {
    gst_preset_load_preset(presets(), all->itemText(at).toUtf8());
    show_now();
  });
  connect(ui_->savePreset, &QPushButton::clicked, this, [=] {
    const QString name = all->currentText();
    if (name.isEmpty() || !gst_preset_save_preset(presets(), name.toUtf8()))
      return failed(tr("The preset could not be saved"));
    if (all->findText(name) < 0) all->addItem(name);
    all->setCurrentIndex(all->findText(name));
  });
  connect(ui_->renamePreset, &QPushButton::clicked, this, [=] {
    const QString name = all->currentText(),
                  old = all->itemText(all->currentIndex());
    if (!gst_preset_rename_preset(presets(), old.toUtf8(), name.toUtf8()))
      return failed(tr("Choose a preset, and type another name for it"));
    all->setItemText(all->currentIndex(), name);
  });
}

void Panel::set(GParamSpec *parameter, const QString &value) {
  if (showing_) return;
  if (!node_->set(desk::property(parameter), value.toStdString()))
    emit failed(tr("%1 cannot be “%2”").arg(parameter->name, value));
  show_now();
}

// Its slider is logarithmic where the range has several powers of ten.
void Panel::add_number(GParamSpec *parameter, const Ui_Parameter &ui) {
  const bool whole = G_IS_PARAM_SPEC_INT64(parameter);
  const auto range = [](const auto *spec) {
    return std::pair(double(spec->minimum), double(spec->maximum));
  };
  const auto [least, most] = whole ? range(G_PARAM_SPEC_INT64(parameter))
                                   : range(G_PARAM_SPEC_DOUBLE(parameter));
  const double width = most - least;
  const int decimals = whole ? 0 : width > 100 ? 1 : 3;
  ui.number->setDecimals(decimals);
  ui.number->setRange(least, most);
  ui.number->setValue(least);  // as the slider has it
  ui.number->setSingleStep(whole ? 1 : std::min(width / 100, 1.0));
  connect(ui.number, &QDoubleSpinBox::valueChanged, this, [=](double value) {
    set(parameter, QString::number(value, 'f', decimals));
  });
  ui.slider->setVisible(width <= 1e6);  // or no hand could set it
  const int steps = whole ? int(std::min(width, 1e3)) : 1000;
  ui.slider->setRange(0, steps);
  const bool logarithmic = least > 0 && most / least >= 100;
  const auto place = [=](double value) {
    return logarithmic ? std::log(value) : value;
  };
  const double from = place(least), part = (place(most) - from) / steps;
  connect(ui.slider, &QSlider::valueChanged, ui.number, [=](int step) {
    const double at = from + step * part;
    ui.number->setValue(logarithmic ? std::exp(at) : at);
  });
  connect(ui.number, &QDoubleSpinBox::valueChanged, ui.slider, [=](double now) {
    const QSignalBlocker quiet(ui.slider);
    if (!ui.slider->isSliderDown())
      ui.slider->setValue(int(std::lround((place(now) - from) / part)));
  });
}

void Panel::add_text(GParamSpec *parameter, const Ui_Parameter &ui) {
  const bool secret = is_secret(parameter);
  const QString name = parameter->name;
  if (secret) ui.word->setEchoMode(QLineEdit::Password);
  if (secret) ui.word->setPlaceholderText(tr("cannot be read, only set"));
  connect(ui.word, &QLineEdit::editingFinished, this, [=] {
    if (ui.word->isModified()) set(parameter, ui.word->text());
    ui.word->setModified(false);
    if (secret) ui.word->clear();
  });
  ui.choose->setVisible(secret || name.contains("file") || name == "path");
  ui.choose->setObjectName("choose-" + name);
  ui.choose->setAccessibleName(tr("Choose a file for %1").arg(name));
  connect(ui.choose, &QPushButton::clicked, this, [=] {
    QFile file(QFileDialog::getOpenFileName(this, ui.choose->accessibleName()));
    if (file.fileName().isEmpty()) return;
    if (!secret)  // it is a name that the plugin wants
      set(parameter, file.fileName());
    else if (file.open(QIODevice::ReadOnly))
      set(parameter, QString::fromUtf8(file.readAll().trimmed()));
    else
      emit failed(file.fileName() + ": " + file.errorString());
  });
}

void Panel::add_parameter(GParamSpec *spec) {
  // The element says the unit at the end: "Cutoff (Hz)".
  static const QRegularExpression unit(" \\((.*)\\)$");
  const QString name = spec->name, about = g_param_spec_get_blurb(spec);
  const auto take = [=](const QVariant &value) { set(spec, value.toString()); };
  auto *row = new QWidget;
  Ui_Parameter ui;
  ui.setupUi(row);
  QWidget *widget = ui.word;
  if (G_IS_PARAM_SPEC_DOUBLE(spec) || G_IS_PARAM_SPEC_INT64(spec)) {
    widget = ui.number;
    const QString suffix = unit.match(about).captured(1);
    if (!suffix.isEmpty()) ui.number->setSuffix(" " + suffix);
    add_number(spec, ui);
  } else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    widget = ui.choice;
    const GEnumClass *all = G_PARAM_SPEC_ENUM(spec)->enum_class;
    for (guint i = 0; i < all->n_values; i++)
      ui.choice->addItem(all->values[i].value_nick);
    connect(ui.choice, &QComboBox::currentTextChanged, this, take);
  } else if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    widget = ui.toggle;
    connect(ui.toggle, &QCheckBox::toggled, this, take);
  } else {
    add_text(spec, ui);
  }
  widget->show();
  widget->setObjectName("parameter-" + name);
  ui.slider->setObjectName("slider-" + name);
  ui.slider->setAccessibleName(name);
  widget->setAccessibleName(name);
  row->setToolTip(QString(about).remove(unit));
  ui_->form->addRow(name, row);
  row->show();
  // Only what has changed, as somebody may be typing.
  show_.push_back([=, shown = QString()]() mutable {
    const QString now = text(node_->value(desk::property(spec)));
    if (now != shown) widget->metaObject()->userProperty().write(widget, now);
    shown = now;
  });
}

void Panel::show_node(Node *node) {
  node_ = node;
  show_.clear();
  while (ui_->form->rowCount())
    ui_->form->removeRow(0);
  const bool python = node && node->is_python();
  ui_->title->setText(node ? translated(node->title())
                           : tr("Select something in a strip to set it."));
  ui_->presetLine->setVisible(python);
  ui_->presets->clear();
  g_auto(GStrv) presets =
      python ? gst_preset_get_preset_names(GST_PRESET(node->element()))
             : nullptr;
  for (gchar **each = presets; each && *each; each++)
    ui_->presets->addItem(*each);
  ui_->presets->setCurrentIndex(-1);
  if (node)
    for (GParamSpec *each : node->parameters())
      add_parameter(each);
  ui_->reset->setVisible(!show_.empty());
  show_now();
}

void Panel::show_now() {
  const QScopedValueRollback shows(showing_, true);
  for (const auto &each : show_)
    each();
}

}  // namespace desk
