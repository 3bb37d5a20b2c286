// SPDX-License-Identifier: LGPL-2.1-or-later
#include "panel.hpp"

#include <cmath>
#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFileDialog>
#include <QInputDialog>
#include <QLineEdit>
#include <QPushButton>
#include <QSlider>
#include <QVBoxLayout>

#include <gst/fft/gstfftf32.h>

#include "stripview.hpp"

namespace desk {

Scope::Scope() {
  setMinimumHeight(fontMetrics().height() * 12);
  setAccessibleName(tr("Waveform and spectrum"));
}

void Scope::show_now(Node *node) {
  rate_ = node ? node->tap().rate() : 0;
  samples_ = node ? node->tap().picture() : std::vector<float>();
  levels_.clear();
  loudest_ = 0;
  if (rate_ > 0) {
    const int size = int(samples_.size());
    std::vector<float> windowed(samples_);
    std::vector<GstFFTF32Complex> bands(samples_.size() / 2 + 1);
    GstFFTF32 *fft = gst_fft_f32_new(size, FALSE);
    gst_fft_f32_window(fft, windowed.data(), GST_FFT_WINDOW_HANN);
    gst_fft_f32_fft(fft, windowed.data(), bands.data());
    gst_fft_f32_free(fft);
    for (const GstFFTF32Complex &band : bands)  // a full tone is 0 dB
      levels_.push_back(
          20 *
          std::log10(std::hypot(band.r, band.i) * 4 / float(size) + 1e-6f));
    const auto most = std::max_element(levels_.begin(), levels_.end());
    if (*most > -60) loudest_ = double(most - levels_.begin()) * rate_ / size;
  }
  update();
}

void Scope::paintEvent(QPaintEvent *) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const double height = this->height() / 2.0 - 2, width = this->width();
  for (const bool spectrum : {false, true}) {
    painter.setClipRect(QRectF(0, 0, width, height));
    painter.fillRect(QRectF(0, 0, width, height), palette().base());
    painter.setPen(palette().color(QPalette::PlaceholderText));
    painter.drawText(
        QRectF(6, 2, width, height),
        !spectrum ? tr("Waveform")
        : loudest_ == 0
            ? tr("Spectrum, 20 Hz to 20 kHz")
            : tr("Spectrum, loudest at %1 Hz").arg(loudest_, 0, 'f', 0));
    QPolygonF line;
    for (size_t i = 0; !spectrum && rate_ && i < samples_.size(); i += 2)
      line << QPointF(width * double(i) / double(samples_.size()),
                      height / 2 * (1 - double(samples_[i])));
    for (size_t i = 1; spectrum && i < levels_.size(); i++)
      line << QPointF(
          width * std::log10(double(i) * rate_ / double(samples_.size()) / 20) /
              3,
          -height * double(levels_[i]) / 90);
    painter.setPen(palette().color(QPalette::Highlight));
    painter.drawPolyline(line);
    painter.translate(0, height + 4);
  }
}

Panel::Panel() {
  new QVBoxLayout(this);
  show_node(nullptr);
}

void Panel::set(const std::string &name, const QString &value) {
  if (!set_value(node_->element(), name, value.toStdString()))
    on_refused(
        tr("%1 cannot be “%2”").arg(QString::fromStdString(name), value));
  show_now();
}

void Panel::add_parameter(const Parameter &parameter) {
  using Kind = Parameter::Kind;
  const std::string name = parameter.name;
  const auto text = [](const std::string &from) {
    return QString::fromStdString(from);
  };
  const auto changed = [this, name](const QString &value) { set(name, value); };
  Editor editor{parameter, nullptr, nullptr, {}};
  auto *line = new QHBoxLayout;
  if (parameter.kind == Kind::Switch) {
    auto *box = new QCheckBox;
    connect(box, &QCheckBox::clicked, this,
            [changed](bool on) { changed(on ? "true" : "false"); });
    editor.widget = box;
    editor.show = [box](const QString &value) {
      box->setChecked(value == "true");
    };
  } else if (parameter.kind == Kind::Choice) {
    auto *box = new QComboBox;
    for (const std::string &choice : parameter.choices)
      box->addItem(text(choice));
    connect(box, &QComboBox::textActivated, this, changed);
    editor.widget = box;
    editor.show = [box](const QString &value) { box->setCurrentText(value); };
  } else if (parameter.kind == Kind::Text || parameter.kind == Kind::Secret) {
    const bool secret = parameter.kind == Kind::Secret;
    auto *edit = new QLineEdit;
    edit->setEchoMode(secret ? QLineEdit::Password : QLineEdit::Normal);
    if (secret) edit->setPlaceholderText(tr("cannot be read, only set"));
    connect(edit, &QLineEdit::editingFinished, this, [=] {
      if (edit->isModified()) changed(edit->text());
      edit->setModified(false);
      if (secret) edit->clear();
    });
    editor.widget = edit;
    editor.show = [edit](const QString &value) { edit->setText(value); };
    if (secret || name.find("file") != name.npos || name == "path") {
      auto *choose = new QPushButton(tr("Choose…"));
      choose->setObjectName(text("choose-" + name));
      choose->setAccessibleName(tr("Choose a file for %1").arg(text(name)));
      connect(choose, &QPushButton::clicked, this, [=] {
        const QString path = QFileDialog::getOpenFileName(
            this, tr("File for %1").arg(text(name)));
        QFile file(path);
        if (path.isEmpty()) return;
        if (!secret)  // it is a name that the plugin wants
          changed(path);
        else if (file.open(QIODevice::ReadOnly))
          changed(QString::fromUtf8(file.readAll().trimmed()));
      });
      line->addWidget(choose);
    }
  } else {
    const double least = parameter.least, most = parameter.most;
    const bool whole = parameter.kind == Kind::Whole;
    const bool logarithmic = parameter.logarithmic;
    auto *box = new QDoubleSpinBox;
    box->setRange(least, most);
    box->setDecimals(whole ? 0 : most - least > 100 ? 1 : 3);
    box->setSingleStep(whole ? 1 : std::min((most - least) / 100, 1.0));
    box->setKeyboardTracking(false);
    if (!parameter.unit.empty()) box->setSuffix(" " + text(parameter.unit));
    connect(box, &QDoubleSpinBox::valueChanged, this, [=](double value) {
      changed(QString::number(value, 'g', whole ? 17 : 9));
    });
    editor.widget = box;
    QSlider *slider = nullptr;
    const int steps = whole ? int(std::min(most - least, 1000.0)) : 1000;
    if (most - least <= 1e6) {
      slider = new QSlider(Qt::Horizontal);
      slider->setRange(0, steps);
      slider->setObjectName(text("slider-" + name));
      slider->setAccessibleName(text(name));
      connect(slider, &QSlider::valueChanged, this, [=](int at) {
        const double part = double(at) / steps;
        box->setValue(logarithmic ? least * std::pow(most / least, part)
                                  : least + (most - least) * part);
      });
      line->addWidget(slider, 1);
    }
    editor.show = [=](const QString &shown) {
      const QSignalBlocker quiet(box), silent(slider);
      const double value = shown.toDouble();
      box->setValue(value);
      if (slider && !slider->isSliderDown())
        slider->setValue(int(std::lround(
            steps * (logarithmic
                         ? std::log(value / least) / std::log(most / least)
                         : (value - least) / (most - least)))));
    };
  }
  editor.widget->setObjectName(text("parameter-" + name));
  editor.widget->setAccessibleName(text(name));
  editor.widget->setAccessibleDescription(text(parameter.description));
  editor.widget->setToolTip(text(parameter.description));
  line->addWidget(editor.widget, parameter.kind == Kind::Number ? 0 : 1);
  form_->addRow(text(name), line);
  editors_.push_back(editor);
}

void Panel::add_presets() {
  GstPreset *preset = GST_PRESET(node_->element());
  auto *box = new QComboBox;
  box->setObjectName("presets");
  box->setAccessibleName(tr("Presets"));
  box->setPlaceholderText(tr("none"));
  box->setMinimumContentsLength(4);
  box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  const auto fill = [=](const QString &current) {
    box->clear();
    const Owned<gchar *> names(gst_preset_get_preset_names(preset));
    for (gchar **name = names.get(); name && *name; name++)
      box->addItem(*name);
    box->setCurrentIndex(box->findText(current));
  };
  fill("");
  connect(box, &QComboBox::textActivated, this, [=](const QString &name) {
    gst_preset_load_preset(preset, name.toUtf8());
    show_now();
  });
  auto *line = new QHBoxLayout;
  line->addWidget(box, 1);
  for (const bool rename : {false, true}) {
    auto *button = new QPushButton(rename ? tr("Rename…") : tr("Save as…"));
    button->setObjectName(rename ? "rename-preset" : "save-preset");
    connect(button, &QPushButton::clicked, this, [=] {
      const QString old = box->currentText();
      if (rename && old.isEmpty()) return;
      const QString name = QInputDialog::getText(this, tr("Preset"), tr("Name"),
                                                 QLineEdit::Normal, old);
      if (name.isEmpty()) return;
      if (!(rename
                ? gst_preset_rename_preset(preset, old.toUtf8(), name.toUtf8())
                : gst_preset_save_preset(preset, name.toUtf8())))
        on_refused(tr("The preset could not be saved"));
      fill(name);
    });
    line->addWidget(button);
  }
  form_->addRow(tr("Preset"), line);
}

void Panel::show_node(Node *node) {
  node_ = node;
  editors_.clear();
  own_process_ = nullptr;
  delete body_;
  body_ = new QWidget;
  layout()->addWidget(body_);
  form_ = new QFormLayout(body_);
  form_->setRowWrapPolicy(QFormLayout::WrapLongRows);
  if (!node) {
    form_->addRow(new QLabel(tr("Select something in a strip to set it.")));
    return;
  }
  auto *title = new QLabel("<b>" + title_of(*node).toHtmlEscaped() + "</b>");
  form_->addRow(title);
  if (node->is_python()) {
    if (node->place().value.empty()) {  // not of an element for any plugin
      auto *about = new QLabel(
          QString(gst_element_get_metadata(node->element(), "description"))
              .remove('`'));
      about->setWordWrap(true);
      form_->addRow(about);
    }
    own_process_ =
        new QCheckBox(tr("In a process of its own, which may crash"));
    own_process_->setObjectName("isolation");
    connect(own_process_, &QCheckBox::clicked, this,
            [this](bool on) { on_isolate(on); });
    form_->addRow(own_process_);
  }
  if (GST_IS_PRESET(node->element()) && node->is_python()) add_presets();
  for (const Parameter &each : parameters_of(node->element()))
    add_parameter(each);
  if (!editors_.empty()) {
    auto *reset = new QPushButton(tr("Reset to defaults"));
    reset->setObjectName("reset");
    connect(reset, &QPushButton::clicked, this, [this] {
      for (const Editor &each : editors_)
        if (each.parameter.kind != Parameter::Kind::Secret)
          set(each.parameter.name,
              QString::fromStdString(each.parameter.initial));
    });
    form_->addRow(reset);
  }
  show_now();
  // At once, as the next click may be there already.
  body_->show();
  layout()->activate();
}

void Panel::show_now() {
  if (own_process_) own_process_->setChecked(node_->place().process);
  for (Editor &each : editors_) {
    const QString now =
        QString::fromStdString(value_of(node_->element(), each.parameter.name));
    if (now == each.shown) continue;
    each.show(each.shown = now);
  }
}

}  // namespace desk
