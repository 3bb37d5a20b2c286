// SPDX-License-Identifier: LGPL-2.1-or-later
#include "window.hpp"

#include <QApplication>
#include <QClipboard>
#include <QDesktopServices>
#include <QDockWidget>
#include <QFileDialog>
#include <QHeaderView>
#include <QInputDialog>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLineEdit>
#include <QMenuBar>
#include <QSaveFile>
#include <QScrollArea>
#include <QSplitter>
#include <QStyle>
#include <QTime>
#include <QUrl>
#include <QVBoxLayout>

namespace desk {

namespace {

QString text(const std::string &from) {
  return QString::fromStdString(from);
}

QJsonObject json_of(const Place &place) {
  QJsonObject parameters;
  for (const auto &[name, value] : place.parameters)
    parameters[text(name)] = text(value);
  return {{"kind", text(place.kind)},
          {"value", text(place.value)},
          {"process", place.process},
          {"bypassed", place.bypassed},
          {"parameters", parameters}};
}

Place place_of(const QJsonValue &json) {
  Place place{json["kind"].toString().toStdString(),
              json["value"].toString().toStdString(), json["process"].toBool(),
              json["bypassed"].toBool()};
  const QJsonObject parameters = json["parameters"].toObject();
  for (auto each = parameters.begin(); each != parameters.end(); ++each)
    place.parameters[each.key().toStdString()] =
        each.value().toString().toStdString();
  return place;
}

}  // namespace

Window::Window() {
  setWindowTitle(tr("Desk"));
  auto *middle = new QSplitter(Qt::Vertical);
  for (StripView *view : views_) {
    auto *box = new QWidget;
    auto *lines = new QVBoxLayout(box);
    lines->addWidget(view->head);
    lines->addWidget(view);
    middle->addWidget(box);
    view->on_selected = [this, view] { select(view); };
    view->on_message = [this](const Message &message) { tell(message); };
    view->on_dropped = [this, view](int at) { use_plugin(view, at); };
    view->on_edit = [this] { edit(); };
  }
  setCentralWidget(middle);
  const auto dock = [this](const QString &title, QWidget *inside,
                           Qt::DockWidgetArea area) {
    auto *made = new QDockWidget(title);
    made->setObjectName(title);
    made->setFeatures(QDockWidget::DockWidgetMovable);
    made->setWidget(inside);
    addDockWidget(area, made);
  };
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
  dock(tr("Plugins"), make_plugins(), Qt::LeftDockWidgetArea);
  dock(tr("Messages"), make_messages(), Qt::BottomDockWidgetArea);
  auto *menu = new QMenu(this);
  end_->setMenu(menu);
  end_->setObjectName("end");
  connect(menu, &QMenu::aboutToShow, this, [=] { offer_ends(menu); });
  auto *scroll = new QScrollArea;
  scroll->setMinimumWidth(fontMetrics().averageCharWidth() * 66);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  scroll->setWidget(panel_);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  auto *right = new QWidget;
  auto *lines = new QVBoxLayout(right);
  lines->addWidget(end_);
  lines->addWidget(scroll, 1);
  lines->addWidget(scope_);
  dock(tr("Selected"), right, Qt::RightDockWidgetArea);
  panel_->on_refused = [this](const QString &why) {
    tell({Message::Severity::Error, selected_->strip()->name(),
          why.toStdString(), ""});
  };
  panel_->on_isolate = [this](bool on) { selected_->isolate(on); };
  add_menu();
  for (StripView *view : {views_[1], views_[0]})
    view->refresh(0);
  connect(&timer_, &QTimer::timeout, this, &Window::show_now);
  timer_.start(33);
  resize(fontMetrics().averageCharWidth() * 230, fontMetrics().height() * 52);
}

void Window::add_menu() {
  const auto add = [this](QMenu *menu, const QString &name,
                          const QKeySequence &key,
                          const std::function<void()> &done) {
    connect(menu->addAction(name), &QAction::triggered, this, done);
    menu->actions().last()->setShortcut(key);
  };
  const QString sessions = tr("Sessions (*.json)");
  QMenu *file = menuBar()->addMenu(tr("&File"));
  add(file, tr("&Load a plugin…"), Qt::CTRL | Qt::Key_L,
      [this] { load_plugin(); });
  add(file, tr("&Open a session…"), QKeySequence::Open, [=] {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Open a session"), "", sessions);
    if (!path.isEmpty()) open(path);
  });
  add(file, tr("&Save the session…"), QKeySequence::Save, [=] {
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Save the session"), "", sessions);
    if (!path.isEmpty()) save(path);
  });
  add(file, tr("&Quit"), QKeySequence::Quit, [this] { close(); });
  QMenu *sound = menuBar()->addMenu(tr("&Sound"));
  for (int i = 0; i < 2; i++)
    add(sound, tr("Start or stop %1").arg(views_[i]->objectName()),
        Qt::Key_F5 + i,
        [=] { views_[i]->play(!views_[i]->strip()->is_playing()); });
  add(sound, tr("&Edit the selected plugin"), {}, [this] { edit(); });
}

QWidget *Window::make_plugins() {
  auto *all = new QWidget;
  auto *lines = new QVBoxLayout(all);
  auto *find = new QLineEdit;
  find->setPlaceholderText(tr("Search"));
  find->setAccessibleName(tr("Search the plugins"));
  find->setClearButtonEnabled(true);
  connect(find, &QLineEdit::textChanged, this, [this](const QString &part) {
    for (int i = 0; i < list_->count(); i++)
      list_->item(i)->setHidden(
          !list_->item(i)->text().contains(part, Qt::CaseInsensitive));
  });
  list_->setObjectName("plugins");
  list_->setAccessibleName(tr("Plugins"));
  list_->setWordWrap(true);
  list_->setAlternatingRowColors(true);
  list_->setDragEnabled(true);
  connect(list_, &QListWidget::itemActivated, this,
          [this] { use_plugin(selected_, selected_->row() + 1); });
  lines->addWidget(find);
  lines->addWidget(list_);
  auto *buttons = new QHBoxLayout;
  for (StripView *view : views_) {
    auto *add = new QPushButton(tr("Add to %1").arg(view->objectName()));
    add->setObjectName("add-" + view->objectName());
    connect(add, &QPushButton::clicked, this,
            [=] { use_plugin(view, view->row() + 1); });
    buttons->addWidget(add);
  }
  auto *load = new QPushButton(tr("Load a plugin…"));
  load->setObjectName("load");
  connect(load, &QPushButton::clicked, this, &Window::load_plugin);
  lines->addLayout(buttons);
  lines->addWidget(load);
  plugins_ = installed_plugins();
  list_plugins();
  return all;
}

void Window::list_plugins() {
  list_->clear();
  const QString kinds[] = {tr("Source"), tr("Filter"), tr("Sink")};
  for (const Plugin &each : plugins_) {
    QString line = text(each.name) + "\n";
    if (each.problem.empty())
      line += kinds[int(each.kind)] + (each.description.empty() ? "" : ": ") +
              text(each.description).remove('`');
    else
      line += tr("Broken: %1").arg(text(each.problem));
    auto *item = new QListWidgetItem(line, list_);
    item->setToolTip(
        (each.author.empty() ? "" : tr("By %1\n").arg(text(each.author))) +
        text(each.file));
    if (!each.problem.empty()) item->setForeground(bad_colour(palette()));
  }
  if (plugins_.empty())
    new QListWidgetItem(tr("No plugins are installed. Load one from a file, or "
                           "set GST_PYTHONFILTER_PATH to their folder."),
                        list_);
}

void Window::use_plugin(StripView *view, int at) {
  const size_t row = size_t(list_->currentRow());
  if (row >= plugins_.size()) return;
  const Plugin &plugin = plugins_[row];
  Place place{plugin.factory, ""};
  if (plugin.factory.rfind("py-", 0) != 0) place.value = plugin.file;
  Strip *strip = view->strip();
  const int last = int(strip->count()) - 1;
  std::string why = plugin.problem;
  if (!why.empty())
    tell({Message::Severity::Error, plugin.name, why, plugin.file});
  else if (plugin.kind == Plugin::Kind::Filter)
    view->add(std::clamp(at, 1, last), place);
  else if (plugin.kind == Plugin::Kind::Source)
    view->set_end(0, place);
  else
    view->set_end(last, place);
}

void Window::load_plugin() {
  const QString path = QFileDialog::getOpenFileName(
      this, tr("Load a plugin"), "", tr("Python plugins (*.py)"));
  if (path.isEmpty()) return;
  plugins_.push_back(plugin_in(path.toStdString()));
  list_plugins();
  list_->setCurrentRow(list_->count() - 1);
  const Plugin &made = plugins_.back();
  if (!made.problem.empty())
    tell({Message::Severity::Error, made.name, made.problem, made.file});
}

void Window::offer_ends(QMenu *menu) {
  menu->clear();
  const bool sink = selected_->row() > 0;
  const auto offer = [=](const QString &name, const Place &place) {
    connect(menu->addAction(name), &QAction::triggered, this,
            [=] { selected_->set_end(selected_->row(), place); });
  };
  if (sink)
    offer(tr("Nowhere"), {"none"});
  else
    offer(tr("Test tone"), {"tone"});
  offer(tr("Default device"), {"device"});
  for (const std::string &each : devices(sink))
    offer(text(each), {"device", each});
  for (const Plugin &each : plugins_)
    if (each.problem.empty() &&
        each.kind == (sink ? Plugin::Kind::Sink : Plugin::Kind::Source))
      offer(text(each.name),
            {each.factory, each.factory.rfind("py-", 0) == 0 ? "" : each.file});
  connect(menu->addAction(tr("File…")), &QAction::triggered, this, [=] {
    const QString path =
        sink ? QFileDialog::getSaveFileName(this, tr("Write to a file"), "",
                                            "*.wav")
             : QFileDialog::getOpenFileName(this, tr("Play a file"));
    if (!path.isEmpty())
      selected_->set_end(selected_->row(), {"file", path.toStdString()});
  });
  connect(menu->addAction(tr("Network…")), &QAction::triggered, this, [=] {
    const QString address = QInputDialog::getText(
        this, tr("Network"), tr("Port, or address:port (RTP over UDP)"),
        QLineEdit::Normal, "5004");
    if (!address.isEmpty())
      selected_->set_end(selected_->row(), {"network", address.toStdString()});
  });
}

void Window::select(StripView *view) {
  for (StripView *each : views_)
    if (each != view) each->clearSelection();
  selected_ = view;
  const int row = view->row(), last = int(view->strip()->count()) - 1;
  end_->setVisible(row == 0 || row == last);
  end_->setText(row == 0 ? tr("Change the source") : tr("Change the sink"));
  panel_->show_node(row < 0 ? nullptr : &view->strip()->node(size_t(row)));
}

void Window::edit() {
  const std::string file =
      selected_->strip()->node(size_t(selected_->row())).file();
  if (!file.empty()) QDesktopServices::openUrl(QUrl::fromLocalFile(text(file)));
}

// 30 times a second; what is read, and not only seen, twice.
void Window::show_now() {
  const bool numbers = ticks_++ % 15 == 0;
  for (StripView *view : views_)
    view->show_now(numbers);
  if (numbers) panel_->show_now();
  const int row = selected_->row();
  scope_->show_now(selected_->strip()->is_playing() && row >= 0
                       ? &selected_->strip()->node(size_t(row))
                       : nullptr);
}

// ---- messages --------------------------------------------------------------

QWidget *Window::make_messages() {
  messages_->setObjectName("messages");
  messages_->setAccessibleName(tr("Messages"));
  messages_->setHeaderLabels({tr("Time"), tr("From"), tr("What happened")});
  messages_->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  messages_->setContextMenuPolicy(Qt::ActionsContextMenu);
  auto *copy = new QAction(tr("Copy"), messages_);
  copy->setShortcut(QKeySequence::Copy);
  copy->setShortcutContext(Qt::WidgetShortcut);
  messages_->addAction(copy);
  connect(copy, &QAction::triggered, this, [this] {
    QTreeWidgetItem *item = messages_->currentItem();
    if (item && item->parent()) item = item->parent();
    if (!item) return;
    QStringList lines{item->text(0) + " " + item->text(1) + " " +
                      item->text(2)};
    for (int i = 0; i < item->childCount(); i++)
      lines += item->child(i)->text(2);
    QApplication::clipboard()->setText(lines.join("\n"));
  });
  return messages_;
}

void Window::tell(const Message &message) {
  constexpr int kept = 500;
  auto *item =
      new QTreeWidgetItem(messages_, {QTime::currentTime().toString(),
                                      text(message.where), text(message.text)});
  if (!message.details.empty())
    for (const QString &line : text(message.details).split('\n'))
      new QTreeWidgetItem(item, {"", "", line});
  item->setIcon(
      0, style()->standardIcon(message.severity == Message::Severity::Error
                                   ? QStyle::SP_MessageBoxCritical
                               : message.severity == Message::Severity::Warning
                                   ? QStyle::SP_MessageBoxWarning
                                   : QStyle::SP_MessageBoxInformation));
  messages_->scrollToItem(item);
  if (messages_->topLevelItemCount() > kept)
    delete messages_->takeTopLevelItem(0);
}

// ---- sessions --------------------------------------------------------------

bool Window::save(const QString &path) {
  QJsonObject session;
  for (StripView *view : views_) {
    QJsonArray places;
    for (const Place &place : view->strip()->places())
      places.append(json_of(place));
    session[view->objectName()] = places;
  }
  QSaveFile file(path);
  const bool saved = file.open(QIODevice::WriteOnly) &&
                     file.write(QJsonDocument(session).toJson()) > 0 &&
                     file.commit();
  if (!saved)
    tell({Message::Severity::Error, path.toStdString(),
          file.errorString().toStdString(), ""});
  return saved;
}

bool Window::open(const QString &path) {
  QFile file(path);
  QJsonParseError problem{0, QJsonParseError::NoError};
  const QJsonObject session =
      file.open(QIODevice::ReadOnly)
          ? QJsonDocument::fromJson(file.readAll(), &problem).object()
          : QJsonObject();
  bool good = true;
  for (StripView *view : views_)
    good = good && session[view->objectName()].toArray().size() >= 2;
  if (!good) {
    const QString why = file.error() ? file.errorString()
                        : problem.error
                            ? problem.errorString()
                            : tr("it is no session of this program");
    tell({Message::Severity::Error, path.toStdString(), why.toStdString(), ""});
    return false;
  }
  for (StripView *view : views_) {
    Strip *strip = view->strip();
    strip->stop();
    while (strip->count() > 2)
      strip->remove(1);
    const QJsonArray places = session[view->objectName()].toArray();
    view->set_end(0, place_of(places.first()));
    view->set_end(int(strip->count()) - 1, place_of(places.last()));
    for (int i = 1; i + 1 < places.size(); i++)
      view->add(int(strip->count()) - 1, place_of(places[i]));
    view->refresh(0);
  }
  return true;
}

void Window::play(bool on) {
  for (StripView *view : views_)
    view->play(on);
}

}  // namespace desk
