// SPDX-License-Identifier: LGPL-2.1-or-later
#include "window.hpp"

namespace desk {

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

Place place_of(const QJsonValue &json) {
  const auto text = [&json](const char *name) {
    return json[QLatin1String(name)].toString().toStdString();
  };
  Place place{text("title"), text("line"), text("device")};
  const QVariantMap properties = json["properties"].toObject().toVariantMap();
  for (auto each = properties.begin(); each != properties.end(); ++each)
    place.properties[each.key().toStdString()] = each->toString().toStdString();
  place.bypassed = json["bypassed"].toBool();
  return place;
}

}  // namespace

// ---- what it is made of ----------------------------------------------------

Window::Window() {
  setWindowTitle(tr("Desk"));
  auto *middle = new QSplitter(Qt::Vertical);
  for (StripView *view : views_) {
    auto *box = new QWidget;
    auto *lines = new QVBoxLayout(box);
    lines->addWidget(view->head);
    lines->addWidget(view);
    middle->addWidget(box);
    connect(view, &StripView::selected, this, [=] { select(view); });
    connect(view, &StripView::told, this, &Window::tell);
    connect(view, &StripView::dropped, this,
            [=](int at) { use_plugin(view, at); });
  }
  setCentralWidget(middle);
  setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
  setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
  const auto dock = [this](const QString &title, QWidget *inside,
                           Qt::DockWidgetArea area) {
    auto *made = new QDockWidget(title);
    made->setFeatures(QDockWidget::DockWidgetMovable);
    made->setWidget(inside);
    addDockWidget(area, made);
  };
  dock(tr("Plugins"), make_plugins(), Qt::LeftDockWidgetArea);
  dock(tr("Messages"), make_messages(), Qt::BottomDockWidgetArea);
  dock(tr("Selected"), make_selected(), Qt::RightDockWidgetArea);
  add_menu();
  select(selected_);
  auto *timer = new QTimer(this);
  connect(timer, &QTimer::timeout, this, &Window::show_now);
  timer->start(33);
  resize(fontMetrics().averageCharWidth() * 230, fontMetrics().height() * 52);
}

void Window::add_menu() {
  const QString sessions = tr("Sessions (*.json)");
  QMenu *file = menuBar()->addMenu(tr("&File"));
  file->addAction(tr("&Load a plugin…"), Qt::CTRL | Qt::Key_L, this,
                  &Window::load_plugin);
  file->addAction(tr("&Open a session…"), QKeySequence::Open, this, [=] {
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Open a session"), "", sessions);
    if (!path.isEmpty()) open(path);
  });
  file->addAction(tr("&Save the session…"), QKeySequence::Save, this, [=] {
    const QString path = QFileDialog::getSaveFileName(
        this, tr("Save the session"), "", sessions);
    if (!path.isEmpty()) save(path);
  });
  file->addAction(tr("&Quit"), QKeySequence::Quit, this, &Window::close);
  QMenu *sound = menuBar()->addMenu(tr("&Sound"));
  for (StripView *view : views_)
    sound->addAction(tr("Start or stop %1").arg(view->objectName()),
                     view == views_[0] ? Qt::Key_F5 : Qt::Key_F6, this,
                     [=] { view->play(!view->strip().is_playing()); });
  // What is done to the selected place, where a strip has the focus.
  QMenu *place = menuBar()->addMenu(tr("&Place"));
  place->addAction(tr("Move &up"), Qt::ALT | Qt::Key_Up, this, [this] {
    selected_->move(selected_->row(), selected_->row() - 1);
  });
  place->addAction(tr("Move &down"), Qt::ALT | Qt::Key_Down, this, [this] {
    selected_->move(selected_->row(), selected_->row() + 1);
  });
  place->addAction(tr("&Remove"), Qt::Key_Delete, this,
                   [this] { selected_->remove(); });
  place->addAction(tr("Own &process, or not"), Qt::CTRL | Qt::Key_P, this,
                   [this] {
                     const Node &node = selected_->node(selected_->row());
                     selected_->isolate(!node.is_isolated());
                   });
  place->addAction(tr("&Edit"), Qt::CTRL | Qt::Key_E, this, &Window::edit);
  for (QAction *each : place->actions())
    each->setShortcutContext(Qt::WidgetShortcut);
  for (StripView *view : views_)
    view->addActions(place->actions());
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
          [this] { use_plugin(selected_, 0); });
  lines->addWidget(find);
  lines->addWidget(list_);
  auto *buttons = new QHBoxLayout;
  lines->addLayout(buttons);
  for (StripView *view : views_) {
    auto *add = new QPushButton(tr("Add to %1").arg(view->objectName()));
    add->setObjectName("add-" + view->objectName());
    connect(add, &QPushButton::clicked, this, [=] { use_plugin(view, 0); });
    buttons->addWidget(add);
  }
  auto *load = new QPushButton(tr("Load a plugin…"));
  load->setObjectName("load");
  connect(load, &QPushButton::clicked, this, &Window::load_plugin);
  lines->addWidget(load);
  plugins_ = installed_plugins();
  list_plugins();
  return all;
}

QWidget *Window::make_selected() {
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
  connect(panel_, &Panel::refused, this, [this](const QString &why) {
    tell({Message::Severity::Error, selected_->strip().name(),
          why.toStdString()});
  });
  connect(panel_, &Panel::isolated, this,
          [this](bool on) { selected_->isolate(on); });
  auto *all = new QWidget;
  auto *lines = new QVBoxLayout(all);
  lines->addWidget(end_);
  lines->addWidget(scroll, 1);
  lines->addWidget(scope_);
  return all;
}

// ---- plugins, sources and sinks --------------------------------------------

void Window::list_plugins() {
  list_->clear();
  const QString kinds[] = {tr("Source"), tr("Filter"), tr("Sink")};
  for (const Plugin &each : plugins_) {
    const bool broken = !each.problem.empty();
    QString about = broken ? tr("Broken: %1").arg(text(each.problem))
                           : kinds[int(each.kind)];
    if (!each.description.empty())
      about += ": " + text(each.description).remove('`');
    auto *item = new QListWidgetItem(text(each.name) + "\n" + about, list_);
    item->setToolTip(text(each.file));
    if (!each.author.empty())
      item->setToolTip(tr("By %1").arg(text(each.author)) + "\n" +
                       item->toolTip());
    if (broken) item->setForeground(bad_colour(palette()));
  }
  if (plugins_.empty())
    new QListWidgetItem(tr("No plugins are installed. Load one from a file, or "
                           "set GST_PYTHONFILTER_PATH to their folder."),
                        list_);
}

void Window::use_plugin(StripView *view, int at) {
  const auto row = size_t(list_->currentRow());
  if (row >= plugins_.size()) return;
  const Plugin &plugin = plugins_[row];
  if (!plugin.problem.empty())
    tell({Message::Severity::Error, plugin.name, plugin.problem, plugin.file});
  else if (plugin.kind == Plugin::Kind::Filter)
    view->add(plugin.place, at);
  else
    view->set_end(plugin.kind == Plugin::Kind::Sink, plugin.place);
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
  const auto offer = [=](const QString &title, const Place &place) {
    menu->addAction(title, this, [=] { selected_->set_end(sink, place); });
  };
  for (const auto &places : {ends(sink), devices(sink)})
    for (const Place &each : places)
      offer(title(each.title), each);
  const auto kind = sink ? Plugin::Kind::Sink : Plugin::Kind::Source;
  for (const Plugin &each : plugins_)
    if (each.problem.empty() && each.kind == kind)
      offer(text(each.name), each.place);
  menu->addAction(tr("File…"), this, [=] {
    const QString path =
        sink ? QFileDialog::getSaveFileName(this, tr("Write to a file"), "",
                                            "*.wav")
             : QFileDialog::getOpenFileName(this, tr("Play a file"));
    if (!path.isEmpty())
      selected_->set_end(sink, file_end(sink, path.toStdString()));
  });
  menu->addAction(tr("Network…"), this, [=] {
    const QString address = QInputDialog::getText(
        this, tr("Network"), tr("Port, or address:port (RTP over UDP)"),
        QLineEdit::Normal, "5004");
    if (!address.isEmpty())
      selected_->set_end(sink, network_end(sink, address.toStdString()));
  });
}

// ---- what is selected ------------------------------------------------------

void Window::select(StripView *view) {
  for (StripView *each : views_)
    if (each != view) each->clearSelection();
  selected_ = view;
  const int row = view->row();
  end_->setVisible(row == 0 || row == view->last());
  end_->setText(row == 0 ? tr("Change the source") : tr("Change the sink"));
  panel_->show_node(row < 0 ? nullptr : &view->node(row));
}

void Window::edit() {
  const QString file = text(selected_->node(selected_->row()).file());
  if (!file.isEmpty()) QDesktopServices::openUrl(QUrl::fromLocalFile(file));
}

// 30 times a second; what is read, and not only seen, twice.
void Window::show_now() {
  const bool numbers = ticks_++ % 15 == 0;
  for (StripView *view : views_)
    view->show_now(numbers);
  if (numbers) panel_->show_now();
  const int row = selected_->row();
  const bool plays = selected_->strip().is_playing() && row >= 0;
  scope_->show_now(plays ? &selected_->node(row) : nullptr);
}

void Window::play(bool on) {
  for (StripView *view : views_)
    view->play(on);
}

// ---- messages --------------------------------------------------------------

QWidget *Window::make_messages() {
  messages_->setObjectName("messages");
  messages_->setAccessibleName(tr("Messages"));
  messages_->setHeaderLabels({tr("Time"), tr("From"), tr("What happened")});
  messages_->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  messages_->setContextMenuPolicy(Qt::ActionsContextMenu);
  QAction *copy =
      messages_->addAction(tr("Copy"), QKeySequence::Copy, this, [this] {
        if (const QTreeWidgetItem *item = messages_->currentItem())
          QApplication::clipboard()->setText(
              item->data(0, Qt::UserRole).toString());
      });
  copy->setShortcutContext(Qt::WidgetShortcut);
  return messages_;
}

void Window::tell(const Message &message) {
  constexpr int kept = 500;
  const QStyle::StandardPixmap icons[] = {QStyle::SP_MessageBoxInformation,
                                          QStyle::SP_MessageBoxWarning,
                                          QStyle::SP_MessageBoxCritical};
  const QStringList line{QTime::currentTime().toString(), text(message.where),
                         text(message.text)};
  auto *item = new QTreeWidgetItem(messages_, line);
  item->setIcon(0, style()->standardIcon(icons[int(message.severity)]));
  const QString details = text(message.details);
  for (const QString &each : details.split('\n', Qt::SkipEmptyParts))
    new QTreeWidgetItem(item, {"", "", each});
  for (QTreeWidgetItemIterator each(item); *each; ++each)
    (*each)->setData(0, Qt::UserRole, line.join(" ") + "\n" + details);
  messages_->scrollToItem(item);
  if (messages_->topLevelItemCount() > kept)
    delete messages_->takeTopLevelItem(0);
  // Code that was saved may have other parameters.
  if (message.severity == Message::Severity::Info) select(selected_);
}

// ---- sessions --------------------------------------------------------------

bool Window::save(const QString &path) {
  QJsonObject session;
  for (StripView *view : views_) {
    QJsonArray places;
    for (const Place &place : view->strip().places())
      places.append(json_of(place));
    session[view->objectName()] = places;
  }
  QSaveFile file(path);
  const bool saved = file.open(QIODevice::WriteOnly) &&
                     file.write(QJsonDocument(session).toJson()) > 0 &&
                     file.commit();
  if (!saved)
    tell({Message::Severity::Error, path.toStdString(),
          file.errorString().toStdString()});
  return saved;
}

bool Window::open(const QString &path) {
  QFile file(path);
  QJsonParseError problem{0, QJsonParseError::NoError};
  QJsonObject session;
  if (file.open(QIODevice::ReadOnly))
    session = QJsonDocument::fromJson(file.readAll(), &problem).object();
  bool good = true;
  for (StripView *view : views_)
    good = good && session[view->objectName()].toArray().size() >= 2;
  if (!good) {
    const QString why = file.error() ? file.errorString()
                        : problem.error
                            ? problem.errorString()
                            : tr("it is no session of this program");
    tell({Message::Severity::Error, path.toStdString(), why.toStdString()});
    return false;
  }
  for (StripView *view : views_) {
    view->play(false);
    while (view->strip().count() > 2)
      view->strip().remove(1);
    const QJsonArray places = session[view->objectName()].toArray();
    view->set_end(false, place_of(places.first()));
    view->set_end(true, place_of(places.last()));
    for (int i = 1; i + 1 < places.size(); i++)
      view->add(place_of(places[i]), view->last());
    view->refresh(0);
  }
  return true;
}

}  // namespace desk
