// SPDX-License-Identifier: LGPL-2.1-or-later
#include "panel.hpp"

#include <cmath>

#include <gst/fft/gstfftf32.h>

namespace desk {

// ---- what is heard ---------------------------------------------------------

Scope::Scope() {
  setMinimumHeight(fontMetrics().height() * 12);
  setAccessibleName(tr("Waveform and spectrum"));
}

void Scope::show_now(Node *node) {
  const int rate = node ? node->tap().rate() : 0;
  wave_.clear();
  spectrum_.clear();
  loudest_ = 0;
  update();
  if (!rate) return;
  std::vector<float> samples = node->tap().picture();
  const int size = int(samples.size());
  for (int i = 0; i < size; i += 2)
    wave_ << QPointF(double(i) / size, 0.5 - double(samples[size_t(i)]) / 2);
  std::vector<GstFFTF32Complex> bands(samples.size() / 2 + 1);
  GstFFTF32 *fft = gst_fft_f32_new(size, FALSE);
  gst_fft_f32_window(fft, samples.data(), GST_FFT_WINDOW_HANN);
  gst_fft_f32_fft(fft, samples.data(), bands.data());
  gst_fft_f32_free(fft);
  double most = -60;
  for (int i = 1; i <= size / 2; i++) {
    const double hz = double(i) * rate / size;
    const auto &[re, im] = bands[size_t(i)];  // a full tone is 0 dB
    const double db =
        20 * std::log10(double(std::hypot(re, im)) * 4 / size + 1e-6);
    spectrum_ << QPointF(std::log10(hz / 20) / 3, db / -90);
    if (db > most) loudest_ = hz;
    most = std::max(most, db);
  }
}

void Scope::paintEvent(QPaintEvent *) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  QRectF box(0, 0, width(), height() / 2.0 - 2);
  const QString heard =
      loudest_ > 0 ? tr("Spectrum, loudest at %1 Hz").arg(loudest_, 0, 'f', 0)
                   : tr("Spectrum, 20 Hz to 20 kHz");
  for (const auto &[name, line] :
       {std::pair(tr("Waveform"), wave_), std::pair(heard, spectrum_)}) {
    painter.setClipRect(box);
    painter.fillRect(box, palette().base());
    painter.setPen(palette().color(QPalette::PlaceholderText));
    painter.drawText(box.adjusted(6, 2, 0, 0), name);
    painter.setPen(palette().color(QPalette::Highlight));
    const int title = fontMetrics().height() + 4;
    const QTransform there(box.width(), 0, 0, box.height() - title, 0,
                           box.y() + title);
    painter.drawPolyline(there.map(line));
    box.moveTop(box.bottom() + 4);
  }
}

// ---- what can be set -------------------------------------------------------

namespace {

// A range and the steps of its slider, which are logarithmic where it has
// several powers of ten.
struct Range {
  double least, most;
  bool whole;

  explicit Range(GParamSpec *spec) : whole(G_IS_PARAM_SPEC_INT64(spec)) {
    least = whole ? double(G_PARAM_SPEC_INT64(spec)->minimum)
                  : G_PARAM_SPEC_DOUBLE(spec)->minimum;
    most = whole ? double(G_PARAM_SPEC_INT64(spec)->maximum)
                 : G_PARAM_SPEC_DOUBLE(spec)->maximum;
  }
  bool has_slider() const { return most - least <= 1e6; }
  bool is_logarithmic() const { return least > 0 && most / least >= 100; }
  int steps() const { return whole ? int(std::min(most - least, 1e3)) : 1000; }
  double at(int step) const {
    const double part = double(step) / steps();
    return is_logarithmic() ? least * std::pow(most / least, part)
                            : least + (most - least) * part;
  }
  int step_of(double value) const {
    return int(std::lround(
        steps() * (is_logarithmic()
                       ? std::log(value / least) / std::log(most / least)
                       : (value - least) / (most - least))));
  }
};

}  // namespace

Panel::Panel() {
  new QVBoxLayout(this);
  show_node(nullptr);
}

void Panel::set(const Parameter &parameter, const QString &value) {
  if (!node_->set(parameter.property, value.toStdString()))
    emit refused(tr("%1 cannot be “%2”").arg(parameter.spec->name, value));
  show_now();
}

QWidget *Panel::make_number(const Parameter &parameter, QSlider **slider) {
  const Range range(parameter.spec);
  const double width = range.most - range.least;
  auto *box = new QDoubleSpinBox;
  box->setRange(range.least, range.most);
  box->setDecimals(range.whole ? 0 : width > 100 ? 1 : 3);
  box->setSingleStep(range.whole ? 1 : std::min(width / 100, 1.0));
  box->setKeyboardTracking(false);
  if (!parameter.unit.empty()) box->setSuffix(" " + text(parameter.unit));
  connect(box, &QDoubleSpinBox::valueChanged, this, [=](double value) {
    set(parameter, QString::number(value, 'g', range.whole ? 17 : 9));
  });
  if (!range.has_slider()) return box;
  *slider = new QSlider(Qt::Horizontal);
  (*slider)->setRange(0, range.steps());
  connect(*slider, &QSlider::valueChanged, box,
          [=](int step) { box->setValue(range.at(step)); });
  return box;
}

QWidget *Panel::make_choice(const Parameter &parameter) {
  auto *box = new QComboBox;
  const GEnumClass *all = G_PARAM_SPEC_ENUM(parameter.spec)->enum_class;
  for (guint i = 0; i < all->n_values; i++)
    box->addItem(all->values[i].value_nick);
  connect(box, &QComboBox::textActivated, this,
          [=](const QString &value) { set(parameter, value); });
  return box;
}

QWidget *Panel::make_text(const Parameter &parameter, QLayout *line) {
  const bool secret = parameter.is_secret();
  const QString name = parameter.spec->name;
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
  connect(choose, &QPushButton::clicked, this, [=] {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("File for %1").arg(name));
    QFile file(path);
    if (path.isEmpty()) return;
    if (!secret)  // it is a name that the plugin wants
      set(parameter, path);
    else if (file.open(QIODevice::ReadOnly))
      set(parameter, QString::fromUtf8(file.readAll().trimmed()));
    else
      emit refused(path + ": " + file.errorString());
  });
  line->addWidget(choose);
  return edit;
}

void Panel::add_parameter(const Parameter &parameter) {
  GParamSpec *spec = parameter.spec;
  auto *line = new QHBoxLayout;
  Editor made{parameter, nullptr, nullptr, {}};
  if (G_IS_PARAM_SPEC_DOUBLE(spec) || G_IS_PARAM_SPEC_INT64(spec)) {
    made.widget = make_number(parameter, &made.slider);
  } else if (G_IS_PARAM_SPEC_ENUM(spec)) {
    made.widget = make_choice(parameter);
  } else if (G_IS_PARAM_SPEC_BOOLEAN(spec)) {
    auto *box = new QCheckBox;
    connect(box, &QCheckBox::clicked, this,
            [=](bool on) { set(parameter, on ? "true" : "false"); });
    made.widget = box;
  } else {
    made.widget = make_text(parameter, line);
  }
  if (made.slider) line->insertWidget(0, made.slider, 1);
  line->addWidget(made.widget, made.slider ? 0 : 1);
  for (QWidget *each : {made.widget, static_cast<QWidget *>(made.slider)}) {
    if (!each) continue;
    each->setObjectName((each == made.slider ? "slider-" : "parameter-") +
                        QString(spec->name));
    each->setAccessibleName(spec->name);
    each->setAccessibleDescription(text(parameter.description));
    each->setToolTip(text(parameter.description));
  }
  form_->addRow(spec->name, line);
  editors_.push_back(made);
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
    g_auto(GStrv) names = gst_preset_get_preset_names(preset);
    for (gchar **name = names; name && *name; name++)
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
        emit refused(tr("The preset could not be saved"));
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
  form_->addRow(
      new QLabel("<b>" + title(node->title()).toHtmlEscaped() + "</b>"));
  if (node->is_python()) {
    auto *about = new QLabel(text(node->description()).remove('`'));
    about->setWordWrap(true);
    about->setHidden(about->text().isEmpty());
    form_->addRow(about);
    own_process_ =
        new QCheckBox(tr("In a process of its own, which may crash"));
    own_process_->setObjectName("isolation");
    connect(own_process_, &QCheckBox::clicked, this, &Panel::isolated);
    form_->addRow(own_process_);
    add_presets();
  }
  for (const Parameter &each : node->parameters())
    add_parameter(each);
  if (!editors_.empty()) {
    auto *reset = new QPushButton(tr("Reset to defaults"));
    reset->setObjectName("reset");
    connect(reset, &QPushButton::clicked, this, [=] {
      for (const Editor &each : editors_)
        if (!each.parameter.is_secret()) node->reset(each.parameter);
      show_now();
    });
    form_->addRow(reset);
  }
  show_now();
  // At once, as the next click may be there already.
  body_->show();
  layout()->activate();
}

void Panel::show_now() {
  if (own_process_) own_process_->setChecked(node_->is_isolated());
  for (Editor &each : editors_) {
    const QString now = text(node_->value(each.parameter.property));
    if (now == each.shown) continue;
    each.shown = now;
    const QSignalBlocker quiet(each.widget), silent(each.slider);
    each.widget->metaObject()->userProperty().write(each.widget, now);
    if (each.slider && !each.slider->isSliderDown())
      each.slider->setValue(Range(each.parameter.spec).step_of(now.toDouble()));
  }
}

}  // namespace desk
