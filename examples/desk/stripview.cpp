// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stripview.hpp"

#include <cmath>
#include <QAction>
#include <QDropEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QPainter>
#include <QStyledItemDelegate>

namespace desk {

namespace {

enum Column { Name, Level, Latest, Share, Dropped, Overruns, Restarts, How };
enum Role { Peaks = Qt::UserRole, Work };
constexpr double silence = -60;  // dB, and what a meter begins with

// Two bars: what goes into a plugin, and what comes out.
class Meters : public QStyledItemDelegate {
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter *painter, const QStyleOptionViewItem &option,
             const QModelIndex &index) const override {
    QStyledItemDelegate::paint(painter, option, index);
    const QPointF peaks = index.data(Peaks).toPointF();
    QRectF bar = QRectF(option.rect).adjusted(6, 0, -6, 0);
    bar.setHeight(bar.height() * 0.28);
    QLinearGradient colours(bar.topLeft(), bar.topRight());
    colours.setColorAt(0.5, "#43a047");
    colours.setColorAt(0.85, "#f9a825");
    colours.setColorAt(1, "#d32f2f");
    QColor dark = option.palette.color(QPalette::Text);
    dark.setAlpha(40);
    bar.translate(0, bar.height() * 0.6);
    // A source has nothing before it, and a sink nothing behind.
    const bool ends[] = {index.row() == 0,
                         index.row() + 1 == index.model()->rowCount()};
    for (const bool behind : {false, true}) {
      if (ends[behind]) continue;
      const double peak = behind ? peaks.y() : peaks.x();
      QRectF lit = bar;
      lit.setWidth(bar.width() * (1 - std::min(peak, 0.0) / silence));
      painter->fillRect(bar, dark);
      painter->fillRect(lit, colours);
      bar.translate(0, bar.height() * 1.3);
    }
  }
  QSize sizeHint(const QStyleOptionViewItem &option,
                 const QModelIndex &) const override {
    const int height = option.fontMetrics.height();
    return {10 * height, height * 9 / 5};
  }
};

// It falls by 20 dB a second, as a needle does.
double falling(double shown, float peak) {
  const double now = peak > 0 ? 20 * std::log10(double(peak)) : silence;
  return std::max({now, shown - 0.67, silence});
}

}  // namespace

QString title_of(const Node &node) {
  const Place &place = node.place();
  const QString value = QString::fromStdString(place.value);
  if (place.kind == "tone") return QObject::tr("Test tone");
  if (place.kind == "none") return QObject::tr("Nowhere");
  if (place.kind == "device")
    return value.isEmpty() ? QObject::tr("Default device") : value;
  if (place.kind == "network") return QObject::tr("Network, %1").arg(value);
  if (!value.isEmpty()) return QFileInfo(value).fileName();
  return gst_element_get_metadata(node.element(), "long-name");
}

QColor bad_colour(const QPalette &palette) {
  return palette.base().color().lightness() < 128 ? "#ff8a80" : "#b3261e";
}

StripView::StripView(Strip *strip) : strip_(strip) {
  const QString name = QString::fromStdString(strip->name());
  setObjectName(name);
  setAccessibleName(tr("Strip %1").arg(name));
  setHeaderLabels({tr("Place"), tr("Level in, out"), tr("p99"), tr("CPU"),
                   tr("Dropped"), tr("Overruns"), tr("Restarts"), tr("State")});
  header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  setItemDelegateForColumn(Level, new Meters(this));
  setRootIsDecorated(false);
  setAllColumnsShowFocus(true);
  setDragDropMode(DragDrop);
  setContextMenuPolicy(Qt::ActionsContextMenu);
  connect(this, &QTreeWidget::itemSelectionChanged, this, [this] {
    if (!selectedItems().isEmpty()) on_selected();
  });
  connect(this, &QTreeWidget::itemChanged, this, [this](QTreeWidgetItem *item) {
    const int at = indexOfTopLevelItem(item);
    tell(strip_->bypass(size_t(at), item->checkState(Name) == Qt::Unchecked));
    const QSignalBlocker quiet(this);  // it may have been refused
    item->setCheckState(Name, checked(at));
    show_numbers(at, 0);
  });
  const auto action = [this](const QString &text, const QKeySequence &key,
                             const std::function<void()> &done) {
    auto *made = new QAction(text, this);
    made->setShortcut(key);
    made->setShortcutContext(Qt::WidgetShortcut);
    addAction(made);
    connect(made, &QAction::triggered, this, done);
  };
  action(tr("Move up"), Qt::ALT | Qt::Key_Up,
         [this] { move(row(), row() - 1); });
  action(tr("Move down"), Qt::ALT | Qt::Key_Down,
         [this] { move(row(), row() + 1); });
  action(tr("Remove"), Qt::Key_Delete, [this] {
    if (row() < 1 || row() == last()) return;
    strip_->remove(size_t(row()));
    refresh(row());
  });
  action(tr("Own process, or not"), Qt::CTRL | Qt::Key_P,
         [this] { isolate(!strip_->node(size_t(row())).place().process); });
  action(tr("Edit"), Qt::CTRL | Qt::Key_E, [this] { on_edit(); });

  play_->setObjectName(name + "-play");
  play_->setCheckable(true);
  play_->setText(tr("Start %1").arg(name));
  connect(play_, &QPushButton::clicked, this, &StripView::play);
  latency_->setObjectName(name + "-latency");
  auto *line = new QHBoxLayout(head);
  line->setContentsMargins(0, 0, 0, 0);
  line->addWidget(new QLabel("<b>" + name + "</b>"));
  line->addWidget(play_);
  line->addWidget(latency_, 1);
}

void StripView::dropEvent(QDropEvent *event) {
  const int under = indexAt(event->position().toPoint()).row();
  const int below = dropIndicatorPosition() == BelowItem;
  const int to = under < 0 ? last() : std::clamp(under + below, 1, last());
  event->setDropAction(Qt::CopyAction);  // or Qt would take the row away
  event->accept();
  if (event->source() && event->source() != this)
    on_dropped(to);
  else
    move(row(), to > row() ? to - 1 : to);
}

void StripView::paintEvent(QPaintEvent *event) {
  QTreeWidget::paintEvent(event);
  if (topLevelItemCount() > 2) return;
  QPainter painter(viewport());
  painter.setPen(palette().color(QPalette::PlaceholderText));
  const int top = visualItemRect(topLevelItem(last())).bottom() + 8;
  painter.drawText(
      viewport()->rect().adjusted(20, top, -20, 0),
      Qt::AlignHCenter | Qt::TextWordWrap,
      tr("No plugin yet: choose one in the list and press Enter, or drag it "
         "here. Source and sink are changed at the right."));
}

void StripView::tell(const std::string &problem) {
  if (!problem.empty())
    on_message({Message::Severity::Error, strip_->name(), problem, ""});
}

Qt::CheckState StripView::checked(int row) {
  return strip_->node(size_t(row)).place().bypassed ? Qt::Unchecked
                                                    : Qt::Checked;
}

void StripView::refresh(int row) {
  {
    const QSignalBlocker quiet(this);
    clear();
    for (size_t i = 0; i < strip_->count(); i++) {
      auto *item = new QTreeWidgetItem(this, {title_of(strip_->node(i))});
      item->setData(Level, Peaks, QPointF(silence, silence));
      const bool end = i == 0 || i + 1 == strip_->count();
      item->setFlags(item->flags() & ~Qt::ItemIsDropEnabled &
                     ~(end ? Qt::ItemIsDragEnabled : Qt::NoItemFlags));
      if (!end) item->setCheckState(Name, checked(int(i)));
      show_numbers(int(i), 0);
    }
    setCurrentItem(topLevelItem(std::clamp(row, 0, last())));
  }
  on_selected();
}

void StripView::add(int at, const Place &place) {
  const std::string why = strip_->insert(size_t(at), place);
  tell(why);
  if (why.empty()) refresh(at);
}

void StripView::set_end(int at, const Place &place) {
  tell(at == 0 ? strip_->set_source(place) : strip_->set_sink(place));
  refresh(at);
}

void StripView::isolate(bool process) {
  if (!strip_->node(size_t(row())).is_python()) return;
  tell(strip_->isolate(size_t(row()), process));
  show_numbers(row(), 0);
}

void StripView::move(int from, int to) {
  if (std::min(from, to) < 1 || std::max(from, to) >= last()) return;
  strip_->move(size_t(from), size_t(to));
  refresh(to);
}

void StripView::play(bool on) {
  on ? strip_->start() : strip_->stop();
  show_now(true);
}

void StripView::show_numbers(int row, double seconds) {
  Node &node = strip_->node(size_t(row));
  QTreeWidgetItem *item = topLevelItem(row);
  const QString problem = QString::fromStdString(node.problem());
  item->setText(How, !problem.isEmpty()      ? problem
                     : node.place().bypassed ? tr("off")
                     : node.place().process  ? tr("own process")
                                             : "");
  item->setToolTip(How, problem);
  const bool grey = !problem.isEmpty() || node.place().bypassed;
  item->setForeground(
      Name, palette().brush(grey ? QPalette::Disabled : QPalette::Active,
                            QPalette::Text));
  item->setForeground(
      How, problem.isEmpty() ? palette().text() : bad_colour(palette()));
  auto stats = node.statistics();
  if (stats.empty()) return;
  const double work = double(stats["buffers"] * stats["call-mean"]);  // ns
  const double more = work - item->data(Share, Work).toDouble();
  item->setData(Share, Work, work);
  if (seconds > 0 && more >= 0)
    item->setText(Share, tr("%1 %").arg(more / 1e7 / seconds, 0, 'f', 1));
  item->setText(Latest,
                tr("%1 ms").arg(double(stats["call-p99"]) / 1e6, 0, 'f', 2));
  item->setText(Dropped, QString::number(stats["dropped"]));
  item->setText(Overruns, QString::number(stats["overruns"]));
  item->setText(Restarts, QString::number(stats["restarts"]));
}

void StripView::show_now(bool numbers) {
  for (const Message &each : strip_->poll())
    on_message(each);
  const QSignalBlocker quiet(this);
  const gint64 now = g_get_monotonic_time();
  for (int i = 0; i <= last(); i++) {
    Tap &tap = strip_->node(size_t(i)).tap();
    const QPointF shown = topLevelItem(i)->data(Level, Peaks).toPointF();
    const QPointF peaks(falling(shown.x(), tap.take_peak_before()),
                        falling(shown.y(), tap.take_peak_behind()));
    if (peaks != shown) topLevelItem(i)->setData(Level, Peaks, peaks);
    if (numbers) show_numbers(i, double(now - looked_) / 1e6);
  }
  if (!numbers) return;
  looked_ = now;
  const bool plays = strip_->is_playing();
  play_->setChecked(plays);
  play_->setText((plays ? tr("Stop %1") : tr("Start %1")).arg(objectName()));
  latency_->setText(
      plays
          ? tr("latency %1 ms").arg(double(strip_->latency()) / 1e6, 0, 'f', 0)
          : tr("stopped"));
}

}  // namespace desk
