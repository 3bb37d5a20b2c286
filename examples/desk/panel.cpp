// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>

#include "ui_panel.h"
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
  if (shows_) return;
  if (!node_->set(desk::property(parameter), value.toStdString()))
    emit failed(tr("%1 cannot be “%2”").arg(parameter->name, value));
  show_now();
}

// Its slider is logarithmic where the range has several powers of ten.
QWidget *Panel::make_number(GParamSpec *parameter, QSlider *slider) {
  const bool whole = G_IS_PARAM_SPEC_INT64(parameter);
  const auto range = [](const auto *spec) {
    return std::pair(double(spec->minimum), double(spec->maximum));
  };
  const auto [least, most] = whole ? range(G_PARAM_SPEC_INT64(parameter))
                                   : range(G_PARAM_SPEC_DOUBLE(parameter));
  const double width = most - least;
  const int decimals = whole ? 0 : width > 100 ? 1 : 3;
  auto *box = new QDoubleSpinBox;
  box->setRange(least, most);
  box->setDecimals(decimals);
  box->setSingleStep(whole ? 1 : std::min(width / 100, 1.0));
  box->setKeyboardTracking(false);
  connect(box, &QDoubleSpinBox::valueChanged, this, [=](double value) {
    set(parameter, QString::number(value, 'f', decimals));
  });
  slider->setVisible(width <= 1e6);  // or no hand could set it
  const int steps = whole ? int(std::min(width, 1e3)) : 1000;
  slider->setRange(0, steps);
  const bool logarithmic = least > 0 && most / least >= 100;
  const auto place = [=](double value) {
    return logarithmic ? std::log(value) : value;
  };
  const double from = place(least), part = (place(most) - from) / steps;
  connect(slider, &QSlider::valueChanged, box, [=](int step) {
    const double at = from + step * part;
    box->setValue(logarithmic ? std::exp(at) : at);
  });
  const auto follow = [=](double value) {
    const QSignalBlocker quiet(slider);
    if (!slider->isSliderDown())
      slider->setValue(int(std::lround((place(value) - from) / part)));
  };
  connect(box, &QDoubleSpinBox::valueChanged, slider, follow);
  follow(box->value());
  return box;
}

QWidget *Panel::make_text(GParamSpec *parameter, QLayout *line) {
  const bool secret = is_secret(parameter);
  const QString name = parameter->name;
  auto *edit = new QLineEdit;
  edit->setEchoMode(secret ? QLineEdit::Password : QLineEdit::Normal);
  if (secret) edit->setPlaceholderText(tr("cannot be read, only set"));
  connect(edit, &QLineEdit::editingFinished, this, [=] {
    if (edit->isModified()) set(parameter, edit->text());
    edit->setModified(false);
    if (secret) edit->clear();
  });
  if (!secret && !name.contains("file") && name != "path") return edit;
  auto *choose = new QPushButton(tr("Choose…"));
  choose->setObjectName("choose-" + name);
  choose->setAccessibleName(tr("Choose a file for %1").arg(name));
  line->addWidget(choose);
  connect(choose, &QPushButton::clicked, this, [=] {
    QFile file(QFileDialog::getOpenFileName(this, choose->accessibleName()));
    if (file.fileName().isEmpty()) return;
    if (!secret)  // it is a name that the plugin wants
      set(parameter, file.fileName());
    else if (file.open(QIODevice::ReadOnly))
      set(parameter, QString::fromUtf8(file.readAll().trimmed()));
    else
      emit failed(file.fileName() + ": " + file.errorString());
  });
  return edit;
}

void Panel::add_parameter(GParamSpec *spec) {
  // The element says the unit at the end: "Cutoff (Hz)".
  static const QRegularExpression unit(" \\((.*)\\)$");
  const QString name = spec->name, about = g_param_spec_get_blurb(spec);
  const auto take = [=](const QVariant &value) { set(spec, value.toString()); };
  auto *line = new QHBoxLayout;
  auto *slider = new QSlider(Qt::Horizontal);
  QWidget *widget;
  line->addWidget(slider, 1);
  slider->hide();
  if (G_IS_PARAM_SPEC_DOUBLE(spec) || G_IS_PARAM_SPEC_INT64(spec)) {
    widget = make_number(spec, slider);
    const QString suffix = unit.match(about).captured(1);
    if (!suffix.isEmpty()) widget->setProperty("suffix", " " + suffix);
  } else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    auto *box = new QComboBox;
    const GEnumClass *all = G_PARAM_SPEC_ENUM(spec)->enum_class;
    for (guint i = 0; i < all->n_values; i++)
      box->addItem(all->values[i].value_nick);
    connect(box, &QComboBox::currentTextChanged, this, take);
    widget = box;
  } else if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    auto *box = new QCheckBox;
    connect(box, &QCheckBox::toggled, this, take);
    widget = box;
  } else {
    widget = make_text(spec, line);
  }
  line->insertWidget(1, widget, slider->isHidden());
  slider->setObjectName("slider-" + name);
  widget->setObjectName("parameter-" + name);
  for (QWidget *each : {static_cast<QWidget *>(slider), widget}) {
    each->setAccessibleName(name);
    each->setToolTip(QString(about).remove(unit));
  }
  form_->addRow(name, line);
  editors_.push_back({spec, widget});
}

void Panel::show_node(Node *node) {
  node_ = node;
  editors_.clear();
  auto *body = new QWidget;
  form_ = new QFormLayout(body);
  form_->setRowWrapPolicy(QFormLayout::WrapLongRows);
  const bool python = node && node->is_python();
  ui_->title->setText(node ? "<b>" + title(node->place()).toHtmlEscaped() +
                                 "</b>"
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
  ui_->reset->setVisible(!editors_.empty());
  ui_->area->setWidget(body);  // and what was there goes
  show_now();
}

void Panel::show_now() {
  shows_ = true;
  for (Editor &each : editors_) {
    const QString now = text(node_->value(desk::property(each.parameter)));
    if (now != each.shown)
      each.widget->metaObject()->userProperty().write(each.widget, now);
    each.shown = now;
  }
  shows_ = false;
}

}  // namespace desk
