// SPDX-License-Identifier: LGPL-2.1-or-later
#include "window.hpp"

#include <cmath>

#include <gst/fft/gstfftf32.h>

#include "ui_window.h"

namespace desk {

namespace {

// In a unit square, under its name.
void draw(QLabel *label, const QPolygonF &line) {
  QPixmap picture(label->size() * label->devicePixelRatio());
  picture.setDevicePixelRatio(label->devicePixelRatio());
  picture.fill(label->palette().base().color());
  QPainter painter(&picture);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(label->palette().color(QPalette::PlaceholderText));
  painter.drawText(label->rect().adjusted(6, 2, 0, 0), label->accessibleName());
  painter.setPen(label->palette().color(QPalette::Highlight));
  painter.drawPolyline(
      QTransform::fromScale(label->width(), label->height()).map(line));
  painter.end();
  label->setPixmap(picture);
}

}  // namespace

Window::Window() : ui_(new Ui::Window) {
  ui_->setupUi(this);
  views_[0] = selected_ = ui_->TX;
  views_[1] = ui_->RX;
  setCentralWidget(ui_->all);
  ui_->all->setStretchFactor(1, 1);
  ui_->startTX->setDefaultAction(ui_->playTX);
  ui_->startRX->setDefaultAction(ui_->playRX);
  ui_->tools->widgetForAction(ui_->isolation)->setObjectName("isolationButton");
  ui_->messages->addAction(ui_->copy);
  ui_->messages->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  ui_->end->setMenu(new QMenu(this));
  connect_actions();
  for (const Plugin &each : installed_plugins())
    list(each);
  for (StripView *view : views_) {
    view->addActions(ui_->place->actions());
    connect(view, &StripView::dropped, this,
            [=](int at) { use_plugin(view, at); });
    connect(view, &StripView::itemSelectionChanged, this, [=] {
      if (!view->selectedItems().isEmpty()) select(view);
    });
    view->refresh(0);
  }
  select(ui_->TX);
  auto *timer = new QTimer(this);
  connect(timer, &QTimer::timeout, this, &Window::show_now);
  timer->start(33);
  show_now();
  resize(fontMetrics().averageCharWidth() * 230, fontMetrics().height() * 52);
}

Window::~Window() = default;

// Their names and keys are in window.ui.
void Window::connect_actions() {
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
  on(ui_->up, [this] { selected_->move(-1); });
  on(ui_->down, [this] { selected_->move(1); });
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
  connect(ui_->addTX, &QPushButton::clicked, this,
          [this] { use_plugin(ui_->TX, 0); });
  connect(ui_->addRX, &QPushButton::clicked, this,
          [this] { use_plugin(ui_->RX, 0); });
  connect(ui_->plugins, &QListWidget::itemActivated, this,
          [this] { use_plugin(selected_, 0); });
  connect(ui_->end->menu(), &QMenu::aboutToShow, this, &Window::offer_ends);
  connect(ui_->panel, &Panel::failed, this,
          [this](const QString &why) { tell(selected_->objectName(), why); });
}

void Window::list(const Plugin &plugin) {
  const QString kinds[] = {tr("Source"), tr("Filter"), tr("Sink")};
  const bool broken = !plugin.problem.empty();
  const QString what = broken ? tr("Broken: %1").arg(text(plugin.problem))
                              : kinds[int(plugin.place.kind)] + ": " +
                                    text(plugin.description).remove('`');
  auto *item =
      new QListWidgetItem(text(plugin.place.title) + "\n" + what, ui_->plugins);
  item->setToolTip(tr("By %1").arg(text(plugin.author)) + "\n" +
                   text(plugin.file));
  if (broken) item->setForeground(bad_colour(palette()));
  plugins_.push_back(plugin);
  ui_->noPlugins->hide();
}

void Window::use_plugin(StripView *view, int at) {
  const auto row = size_t(ui_->plugins->currentRow());
  if (row >= plugins_.size()) return;
  const Plugin &plugin = plugins_[row];
  if (plugin.problem.empty())
    view->put(plugin.place, at);
  else
    tell(text(plugin.place.title), text(plugin.problem), text(plugin.file));
}

void Window::load_plugin() {
  const QString path = QFileDialog::getOpenFileName(
      this, tr("Load a plugin"), "", tr("Python plugins (*.py)"));
  if (path.isEmpty()) return;
  list(plugin_in(path.toStdString()));
  ui_->plugins->setCurrentRow(ui_->plugins->count() - 1);
  if (!plugins_.back().problem.empty()) use_plugin(selected_, 0);
}

void Window::offer_ends() {
  QMenu *menu = ui_->end->menu();
  menu->clear();
  const bool sink = selected_->row() > 0;
  const Kind kind = sink ? Kind::Sink : Kind::Source;
  const auto offer = [=](const Place &place) {
    menu->addAction(title(place.title), this, [=] { selected_->put(place); });
  };
  for (const auto &places : {ends(kind), devices(kind)})
    std::for_each(places.begin(), places.end(), offer);
  for (const Plugin &each : plugins_)
    if (each.problem.empty() && each.place.kind == kind) offer(each.place);
  menu->addAction(tr("File…"), this, [=] {
    const QString path =
        sink ? QFileDialog::getSaveFileName(this, tr("Write to a file"), "",
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
  draw(ui_->wave, wave);
  draw(ui_->spectrum, spectrum);
}

// 30 times a second; what is read, and not only seen, twice.
void Window::show_now() {
  const double seconds = double(since_numbers_.elapsed()) / 1e3;
  const bool numbers = !since_numbers_.isValid() || seconds > 0.5;
  if (numbers) since_numbers_.start();
  for (const auto &[view, action, label] :
       {std::tuple(ui_->TX, ui_->playTX, ui_->stateTX),
        {ui_->RX, ui_->playRX, ui_->stateRX}}) {
    const auto news = view->strip().poll();
    for (const Message &each : news)
      tell(view->objectName() + " " + text(each.where), text(each.text),
           text(each.details), each.good);
    const bool plays = view->strip().is_playing();
    action->setChecked(plays);
    action->setText(
        (plays ? tr("Stop %1") : tr("Start %1")).arg(view->objectName()));
    view->show_levels();
    if (!numbers && news.empty()) continue;
    view->show_all(numbers ? seconds : 0);
    label->setText(view->summary());
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

void Window::tell(const QString &where, const QString &what,
                  const QString &details, bool good) {
  constexpr int kept = 500;
  const QStringList line{QTime::currentTime().toString(), where, what};
  auto *item = new QTreeWidgetItem(ui_->messages, line);
  if (!good) item->setForeground(2, bad_colour(palette()));
  item->setData(0, Qt::UserRole, line.join(" ") + "\n" + details);
  for (const QString &each : details.split('\n', Qt::SkipEmptyParts))
    new QTreeWidgetItem(item, {"", "", each});
  ui_->messages->scrollToItem(item);
  if (ui_->messages->topLevelItemCount() > kept)
    delete ui_->messages->takeTopLevelItem(0);
  // Code that was saved may have other parameters.
  if (good) select(selected_);
}

namespace {

QJsonObject json_of(const Place &place) {
  QJsonObject properties;
  for (const auto &[name, value] : place.properties)
    properties[text(name)] = text(value);
  return {{"title", text(place.title)},
          {"line", text(place.line)},
          {"device", text(place.device)},
          {"properties", properties},
          {"bypassed", place.bypassed}};
}

Place place_of(const QJsonObject &json, Kind kind) {
  const auto said = [](const QJsonValue &value) {
    return value.toString().toStdString();
  };
  Place place{kind, said(json["title"]), said(json["line"]),
              said(json["device"])};
  const QJsonObject properties = json["properties"].toObject();
  for (const QString &name : properties.keys())
    place.properties[name.toStdString()] = said(properties[name]);
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
  if (!saved) tell(path, file.errorString());
  return saved;
}

bool Window::open(const QString &path) {
  QFile file(path);
  QJsonParseError problem{0, QJsonParseError::NoError};
  const bool read = file.open(QIODevice::ReadOnly);
  const QJsonObject session =
      QJsonDocument::fromJson(file.readAll(), &problem).object();
  if (session["TX"].toArray().size() < 2 ||
      session["RX"].toArray().size() < 2) {
    tell(path, !read           ? file.errorString()
               : problem.error ? problem.errorString()
                               : tr("it is no session of this program"));
    return false;
  }
  for (StripView *view : views_) {
    view->strip().stop();
    while (view->strip().count() > 2)
      view->strip().remove(1);
    view->refresh(0);
    const QJsonArray places = session[view->objectName()].toArray();
    for (int i = 0; i < places.size(); i++) {
      const Kind kind = i == 0                  ? Kind::Source
                        : i + 1 < places.size() ? Kind::Filter
                                                : Kind::Sink;
      view->put(place_of(places[i].toObject(), kind), view->last());
    }
    view->refresh(0);
  }
  return true;
}

}  // namespace desk
