// SPDX-License-Identifier: LGPL-2.1-or-later
#include "window.hpp"

#include <cmath>

#include <gst/fft/gstfftf32.h>

#include "ui_window.h"

namespace desk {

Window::Window() : ui_(new Ui::Window) {
  ui_->setupUi(this);
  views_[0] = selected_ = ui_->TX;
  views_[1] = ui_->RX;
  setCentralWidget(ui_->all);
  ui_->all->setStretchFactor(1, 1);
  ui_->tools->widgetForAction(ui_->isolation)->setObjectName("isolationButton");
  ui_->messages->addAction(ui_->copy);
  ui_->messages->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  ui_->end->setMenu(new QMenu(this));
  connect(ui_->end->menu(), &QMenu::aboutToShow, this, &Window::offer_ends);
  connect(ui_->panel, &Panel::failed, this, [this](const QString &why) {
    tell({false, selected_->objectName().toStdString(), why.toStdString(), ""});
  });
  connect(ui_->plugins, &QListWidget::itemActivated, this,
          [this] { use_plugin(selected_, 0); });
  for (const auto &[view, add, button, action] :
       {std::tuple(ui_->TX, ui_->addTX, ui_->startTX, ui_->playTX),
        {ui_->RX, ui_->addRX, ui_->startRX, ui_->playRX}}) {
    button->setDefaultAction(action);
    view->addActions(ui_->place->actions());
    connect(action, &QAction::triggered, view, &StripView::play);
    connect(add, &QPushButton::clicked, this,
            [this, view = view] { use_plugin(view, 0); });
    connect(view, &StripView::dropped, this,
            [this, view = view](int at) { use_plugin(view, at); });
    connect(view, &StripView::itemSelectionChanged, this, [this, view = view] {
      if (!view->selectedItems().isEmpty()) select(view);
    });
    view->refresh(0);
  }
  add_actions();
  plugins_ = installed_plugins();
  list_plugins();
  select(ui_->TX);
  auto *timer = new QTimer(this);
  connect(timer, &QTimer::timeout, this, &Window::show_now);
  timer->start(33);
  show_now();
  resize(fontMetrics().averageCharWidth() * 230, fontMetrics().height() * 52);
}

// Their names and keys are in window.ui.
void Window::add_actions() {
  const auto on = [this](QAction *action, const auto &what) {
    connect(action, &QAction::triggered, this, what);
  };
  const QString sessions = tr("Sessions (*.json)");
  on(ui_->load, [this] { load_plugin(); });
  on(ui_->openSession, [=] {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Open a session"), "", sessions);
    if (!path.isEmpty()) open(path);
  });
  on(ui_->saveSession, [=] {
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Save the session"), "", sessions);
    if (!path.isEmpty()) save(path);
  });
  on(ui_->up, [this] { selected_->move(selected_->row(), -1); });
  on(ui_->down, [this] { selected_->move(selected_->row(), 1); });
  on(ui_->remove, [this] { selected_->remove(); });
  on(ui_->isolation, [this](bool own) { selected_->isolate(own); });
  on(ui_->edit, [this] {
    const QString file = text(selected_->node(selected_->row()).file());
    if (!file.isEmpty()) QDesktopServices::openUrl(QUrl::fromLocalFile(file));
  });
  on(ui_->copy, [this] {
    const QTreeWidgetItem *item = ui_->messages->currentItem();
    if (item && item->parent()) item = item->parent();
    if (item)
      qApp->clipboard()->setText(item->data(0, Qt::UserRole).toString());
  });
}

Window::~Window() = default;

void Window::list_plugins() {
  ui_->plugins->clear();
  const QString kinds[] = {tr("Source"), tr("Filter"), tr("Sink")};
  for (const Plugin &each : plugins_) {
    const bool broken = !each.problem.empty();
    const QString what = broken ? tr("Broken: %1").arg(text(each.problem))
                                : kinds[int(each.place.kind)] + ": " +
                                      text(each.description).remove('`');
    auto *item =
        new QListWidgetItem(text(each.place.title) + "\n" + what, ui_->plugins);
    item->setToolTip(tr("By %1").arg(text(each.author)) + "\n" +
                     text(each.file));
    if (broken) item->setForeground(bad_colour(palette()));
  }
  if (plugins_.empty())
    ui_->plugins->addItem(
        tr("No plugins are installed. Load one from a file, or "
           "set GST_PYTHONFILTER_PATH to their folder."));
}

void Window::use_plugin(StripView *view, int at) {
  const auto row = size_t(ui_->plugins->currentRow());
  if (row >= plugins_.size()) return;
  const Plugin &plugin = plugins_[row];
  if (plugin.problem.empty())
    view->put(plugin.place, at);
  else
    tell({false, plugin.place.title, plugin.problem, plugin.file});
}

void Window::load_plugin() {
  const QString path = QFileDialog::getOpenFileName(
      this, tr("Load a plugin"), "", tr("Python plugins (*.py)"));
  if (path.isEmpty()) return;
  plugins_.push_back(plugin_in(path.toStdString()));
  list_plugins();
  ui_->plugins->setCurrentRow(ui_->plugins->count() - 1);
  if (!plugins_.back().problem.empty()) use_plugin(selected_, 0);
}

void Window::offer_ends() {
  QMenu *menu = ui_->end->menu();
  menu->clear();
  const Kind kind = selected_->row() > 0 ? Kind::Sink : Kind::Source;
  const auto offer = [=](const Place &place) {
    menu->addAction(title(place.title), this, [=] { selected_->put(place); });
  };
  for (const auto &places : {ends(kind), devices(kind)})
    std::for_each(places.begin(), places.end(), offer);
  for (const Plugin &each : plugins_)
    if (each.problem.empty() && each.place.kind == kind) offer(each.place);
  menu->addAction(tr("File…"), this, [=] {
    const QString path =
        kind == Kind::Sink
            ? QFileDialog::getSaveFileName(this, tr("Write to a file"), "",
                                           "*.wav")
            : QFileDialog::getOpenFileName(this, tr("Play a file"));
    if (!path.isEmpty()) selected_->put(file_end(kind, path.toStdString()));
  });
  menu->addAction(tr("Network…"), this, [=] {
    const QString address = QInputDialog::getText(
        this, tr("Network"), tr("Port, or address:port (RTP over UDP)"),
        QLineEdit::Normal, "5004");
    if (!address.isEmpty())
      selected_->put(network_end(kind, address.toStdString()));
  });
}

void Window::select(StripView *view) {
  for (StripView *each : views_)
    if (each != view) each->clearSelection();
  selected_ = view;
  const int row = view->row();
  ui_->end->setVisible(row == 0 || row == view->last());
  ui_->end->setText(row == 0 ? tr("Change the source") : tr("Change the sink"));
  ui_->panel->show_node(row < 0 ? nullptr : &view->node(row));
  ui_->isolation->setChecked(row >= 0 && view->node(row).is_isolated());
}

void Scope::show_line(const QPolygonF &line) {
  line_ = line;
  update();
}

void Scope::paintEvent(QPaintEvent *) {
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.fillRect(rect(), palette().base());
  painter.setPen(palette().color(QPalette::PlaceholderText));
  painter.drawText(rect().adjusted(6, 2, 0, 0), accessibleName());
  painter.setPen(palette().color(QPalette::Highlight));
  painter.drawPolyline(QTransform::fromScale(width(), height()).map(line_));
}

void Window::show_sound(const Tap *tap) {
  QPolygonF wave, spectrum;
  std::vector<float> samples;
  if (tap && tap->rate()) samples = tap->picture();
  const size_t size = samples.size();
  for (size_t i = 0; i < size; i += 2)
    wave << QPointF(double(i) / double(size), 0.5 - double(samples[i]) / 2);
  std::vector<GstFFTF32Complex> bands(size / 2 + 1);
  GstFFTF32 *fft = size ? gst_fft_f32_new(int(size), FALSE) : nullptr;
  if (fft) gst_fft_f32_window(fft, samples.data(), GST_FFT_WINDOW_HANN);
  if (fft) gst_fft_f32_fft(fft, samples.data(), bands.data());
  g_clear_pointer(&fft, gst_fft_f32_free);
  for (size_t i = 1; i <= size / 2; i++) {
    const double hz = double(i) * tap->rate() / double(size);
    const auto &[re, im] = bands[i];  // a full tone is 0 dB
    const double level = double(std::hypot(re, im)) * 4 / double(size) + 1e-6;
    spectrum << QPointF(std::log10(hz / 20) / 3, std::log10(level) / -4.5);
  }
  ui_->wave->show_line(wave);
  ui_->spectrum->show_line(spectrum);
}

// 30 times a second; what is read, and not only seen, twice.
void Window::show_now() {
  const double seconds = double(since_numbers_.elapsed()) / 1e3;
  const bool numbers = !since_numbers_.isValid() || seconds > 0.5;
  if (numbers) since_numbers_.start();
  for (StripView *view : views_) {
    for (Message &each : view->strip().poll()) {
      each.where = view->objectName().toStdString() + " " + each.where;
      tell(each);
    }
    view->show_now(numbers ? seconds : 0);
  }
  for (const auto &[view, action, label] :
       {std::tuple(ui_->TX, ui_->playTX, ui_->stateTX),
        {ui_->RX, ui_->playRX, ui_->stateRX}}) {
    const bool plays = view->strip().is_playing();
    action->setChecked(plays);
    action->setText(
        (plays ? tr("Stop %1") : tr("Start %1")).arg(view->objectName()));
    if (numbers) label->setText(view->summary());
  }
  const int row = selected_->row();
  const bool plays = selected_->strip().is_playing() && row >= 0;
  show_sound(plays ? &selected_->strip().heard(size_t(row)) : nullptr);
  if (numbers) ui_->panel->show_now();
}

void Window::play(bool on) {
  for (StripView *view : views_)
    view->play(on);
}

void Window::tell(const Message &message) {
  constexpr int kept = 500;
  const QStringList line{QTime::currentTime().toString(), text(message.where),
                         text(message.text)};
  const QString details = text(message.details);
  auto *item = new QTreeWidgetItem(ui_->messages, line);
  if (!message.good) item->setForeground(2, bad_colour(palette()));
  item->setData(0, Qt::UserRole, line.join(" ") + "\n" + details);
  for (const QString &each : details.split('\n', Qt::SkipEmptyParts))
    new QTreeWidgetItem(item, {"", "", each});
  ui_->messages->scrollToItem(item);
  if (ui_->messages->topLevelItemCount() > kept)
    delete ui_->messages->takeTopLevelItem(0);
  // Code that was saved may have other parameters.
  if (message.good) select(selected_);
}

namespace {

constexpr std::pair<const char *, std::string Place::*> texts[] = {
    {"title", &Place::title},
    {"line", &Place::line},
    {"device", &Place::device}};

QJsonObject json_of(const Place &place) {
  QJsonObject json, properties;
  for (const auto &[name, value] : place.properties)
    properties[text(name)] = text(value);
  for (const auto &[name, value] : texts)
    json[name] = text(place.*value);
  json["properties"] = properties;
  json["bypassed"] = place.bypassed;
  return json;
}

Place place_of(const QJsonObject &json, Kind kind) {
  Place place{kind};
  const QJsonObject properties = json["properties"].toObject();
  for (const QString &name : properties.keys())
    place.properties[name.toStdString()] =
        properties[name].toString().toStdString();
  for (const auto &[name, value] : texts)
    place.*value = json[name].toString().toStdString();
  place.bypassed = json["bypassed"].toBool();
  return place;
}

}  // namespace

bool Window::save(const QString &path) {
  QJsonObject session;
  for (StripView *view : views_) {
    QJsonArray places;
    for (int i = 0; i <= view->last(); i++)
      places.append(json_of(view->node(i).place()));
    session[view->objectName()] = places;
  }
  QSaveFile file(path);
  const bool saved = file.open(QIODevice::WriteOnly) &&
                     file.write(QJsonDocument(session).toJson()) > 0 &&
                     file.commit();
  if (!saved)
    tell({false, path.toStdString(), file.errorString().toStdString(), ""});
  return saved;
}

bool Window::open(const QString &path) {
  QFile file(path);
  QJsonParseError problem{0, QJsonParseError::NoError};
  QJsonObject session;
  if (file.open(QIODevice::ReadOnly))
    session = QJsonDocument::fromJson(file.readAll(), &problem).object();
  if (session["TX"].toArray().size() < 2 ||
      session["RX"].toArray().size() < 2) {
    const QString why = file.error() ? file.errorString()
                        : problem.error
                            ? problem.errorString()
                            : tr("it is no session of this program");
    tell({false, path.toStdString(), why.toStdString(), ""});
    return false;
  }
  for (StripView *view : views_) {
    view->strip().stop();
    while (view->strip().count() > 2)
      view->strip().remove(1);
    view->refresh(0);
    const QJsonArray places = session[view->objectName()].toArray();
    for (int i = 0; i < places.size(); i++)
      view->put(
          place_of(places[i].toObject(), i == 0                  ? Kind::Source
                                         : i + 1 < places.size() ? Kind::Filter
                                                                 : Kind::Sink),
          view->last());
    view->refresh(0);
  }
  return true;
}

}  // namespace desk
