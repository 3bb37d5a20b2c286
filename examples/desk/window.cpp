// SPDX-License-Identifier: LGPL-2.1-or-later
#include "window.hpp"

#include <cmath>

#include <gst/fft/gstfftf32.h>

#include "ui_window.h"

namespace desk {

namespace {

QJsonObject json_of(const Place &place) {
  QJsonObject properties;
  for (const auto &[name, value] : place.properties)
    properties[text(name)] = text(value);
  return {{"kind", int(place.kind)},
          {"title", text(place.title)},
          {"line", text(place.line)},
          {"properties", properties}};
}

Place place_of(const QJsonObject &json) {
  Place place{Kind(std::clamp(json["kind"].toInt(), 0, 2)),
              json["title"].toString().toStdString(),
              json["line"].toString().toStdString()};
  const QVariantMap properties = json["properties"].toObject().toVariantMap();
  for (const auto &[name, value] : properties.asKeyValueRange())
    place.properties[name.toStdString()] = value.toString().toStdString();
  return place;
}

}  // namespace

// What its actions and dialogs do is in window.ui.
Window::Window() : ui_(new Ui_Window) {
  ui_->setupUi(this);
  views_[0] = selected_ = ui_->TX;
  views_[1] = ui_->RX;
  ui_->startTX->setDefaultAction(ui_->playTX);
  ui_->startRX->setDefaultAction(ui_->playRX);
  ui_->end->setMenu(ui_->ends);
  ui_->messages->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  connect(ui_->plugins, &QListWidget::itemActivated, this,
          [this] { use_plugin(selected_); });
  connect(ui_->panel, &Panel::failed, this,
          [this](const QString &why) { tell(selected_->objectName(), why); });
  for (const Plugin &each : installed_plugins())
    list(each);
  for (StripView *view : views_) {
    connect(findChild<QPushButton *>("add" + view->objectName()),
            &QPushButton::clicked, this, [=] { use_plugin(view); });
    connect(view, &StripView::itemSelectionChanged, this, [=] {
      if (view->row() >= 0) select(view);
    });
    view->refresh(0);
  }
  select(ui_->TX);
  startTimer(33);
  show_now();
  resize(fontMetrics().averageCharWidth() * 230, fontMetrics().height() * 52);
}

void Window::copy_message() {
  const QTreeWidgetItem *item = ui_->messages->currentItem();
  if (item && item->parent()) item = item->parent();
  if (item) qApp->clipboard()->setText(item->data(0, Qt::UserRole).toString());
}

QListWidgetItem *Window::list(const Plugin &plugin) {
  const QString kinds[] = {tr("Source"), tr("Filter"), tr("Sink")};
  const bool broken = !plugin.problem.empty();
  QString what = text(plugin.place.title) + "\n";
  what += broken ? tr("Not usable: %1").arg(translated(plugin.problem))
                 : kinds[int(plugin.place.kind)] + ": " +
                       text(plugin.description).remove('`');
  const QString author = text(plugin.author);
  if (!author.isEmpty()) what += "\n" + tr("By %1").arg(author);
  auto *item = new QListWidgetItem(what, ui_->plugins);
  item->setToolTip(text(plugin.file));
  item->setData(Qt::UserRole, QVariant::fromValue(plugin.place));
  if (broken) item->setForeground(bad_colour(palette()));
  ui_->noPlugins->hide();
  return item;
}

// What is broken says so again, or was mended.
void Window::use_plugin(StripView *view) {
  if (const auto *item = ui_->plugins->currentItem())
    view->put(item->data(Qt::UserRole).value<Place>());
}

void Window::choose_file() {
  const auto *action = static_cast<QAction *>(sender());
  const QString filter = action->property("filter").toString();
  const bool saves = action->property("saves").toBool();
  const auto ask =
      saves ? QFileDialog::getSaveFileName : QFileDialog::getOpenFileName;
  const QString path = ask(this, action->iconText(), "", filter, nullptr, {});
  if (!path.isEmpty())
    QMetaObject::invokeMethod(this, action->property("then").toByteArray(),
                              Q_ARG(QString, path));
}

void Window::load_plugin(const QString &path) {
  const Plugin plugin = plugin_in(path.toStdString());
  ui_->plugins->setCurrentItem(list(plugin));
  if (!plugin.problem.empty()) use_plugin(selected_);
}

void Window::offer_ends() {
  ui_->ends->clear();
  const auto offer = [this](const Place &place) {
    if (place.kind == end())
      ui_->ends->addAction(translated(place.title), this,
                           [=] { selected_->put(place); });
  };
  for (const Place &each : ends(end()))
    offer(each);
  for (const auto &[name, device] : devices(end()))
    offer(device_end(end(), name));
  for (int i = 0; i < ui_->plugins->count(); i++)
    offer(ui_->plugins->item(i)->data(Qt::UserRole).value<Place>());
  ui_->ends->addAction(end() == Kind::Sink ? ui_->toFile : ui_->fromFile);
  ui_->ends->addAction(ui_->network);
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

void Plot::paintEvent(QPaintEvent *) {
  QPainter painter(this);
  painter.fillRect(rect(), palette().base());
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(palette().color(QPalette::PlaceholderText));
  if (name.text().isEmpty()) name.setText(accessibleName());
  painter.drawStaticText(6, 2, name);
  painter.setPen(palette().color(QPalette::Highlight));
  painter.drawPolyline(QTransform::fromScale(width(), height()).map(line));
}

void Window::show_sound(const Tap *tap) {
  QPolygonF &wave = ui_->wave->line, &spectrum = ui_->spectrum->line;
  wave = spectrum = {};
  ui_->wave->update();
  ui_->spectrum->update();
  if (!tap || !tap->rate()) return;
  constexpr int size = Tap::kept;
  static GstFFTF32 *const fft = gst_fft_f32_new(size, FALSE);
  auto samples = tap->picture();
  for (size_t i = 0; i < size; i += 4)
    wave << QPointF(double(i) / size, 0.5 - double(samples[i]) / 2);
  GstFFTF32Complex bands[size / 2 + 1];
  gst_fft_f32_window(fft, samples.data(), GST_FFT_WINDOW_HANN);
  gst_fft_f32_fft(fft, samples.data(), bands);
  for (int i = 1; i <= size / 2; i++) {
    const auto &[re, im] = bands[i];  // a full tone is 0 dB
    const double level = double(std::hypot(re, im)) * 4 / size + 1e-6;
    spectrum << QPointF(std::log10(i * tap->rate() / 20.0 / size) / 3,
                        std::log10(level) / -4.5);
  }
}

// 30 times a second; what is read, and not only seen, twice.
void Window::show_now() {
  const double seconds = double(since_numbers_.elapsed()) / 1e3;
  const bool numbers = !since_numbers_.isValid() || seconds > 0.5;
  if (numbers) since_numbers_.start();
  for (StripView *view : views_) {
    const QString name = view->objectName();
    const auto news = view->strip().poll();
    for (const Message &each : news)
      tell(name + " " + translated(each.where), translated(each.text),
           text(each.details), each.good);
    const bool plays = view->strip().is_playing();
    auto *action = findChild<QAction *>("play" + name);
    action->setChecked(plays);
    action->setText((plays ? tr("Stop %1") : tr("Start %1")).arg(name));
    view->show_levels();
    if (!numbers && news.empty()) continue;
    view->show_numbers(numbers ? seconds : 0);
    findChild<QLabel *>("state" + name)->setText(view->summary());
  }
  const int row = selected_->row();
  const bool plays = selected_->strip().is_playing() && row >= 0;
  show_sound(plays ? &selected_->strip().heard(row) : nullptr);
  if (numbers) ui_->panel->show_now();
}

void Window::tell(const QString &where, const QString &what,
                  const QString &details, bool good) {
  const QStringList line{QTime::currentTime().toString(), where, what};
  auto *item = new QTreeWidgetItem(ui_->messages, line);
  if (!good) item->setForeground(2, bad_colour(palette()));
  item->setData(0, Qt::UserRole, line.join(" ") + "\n" + details);
  for (const QString &each : details.split('\n', Qt::SkipEmptyParts))
    new QTreeWidgetItem(item, {"", "", each});
  ui_->messages->scrollToItem(item);
  if (ui_->messages->topLevelItemCount() > 500)
    delete ui_->messages->takeTopLevelItem(0);
  // Code that was saved may have other parameters.
  if (good) select(selected_);
}

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
                     file.write(QJsonDocument(session).toJson()) &&
                     file.commit();
  if (!saved) tell(path, file.errorString());
  return saved;
}

bool Window::open(const QString &path) {
  QFile file(path);
  const bool read = file.open(QIODevice::ReadOnly);
  const QJsonObject session =
      QJsonDocument::fromJson(read ? file.readAll() : "").object();
  if (session["TX"].toArray().size() < 2 ||
      session["RX"].toArray().size() < 2) {
    tell(path,
         read ? tr("it is no session of this program") : file.errorString());
    return false;
  }
  for (StripView *view : views_) {
    view->strip().stop();
    while (view->strip().count() > 2)
      view->strip().remove(1);
    for (const QJsonValue each : session[view->objectName()].toArray())
      view->strip().put(place_of(each.toObject()), view->strip().count() - 1);
    view->refresh(0);
  }
  return true;
}

}  // namespace desk
