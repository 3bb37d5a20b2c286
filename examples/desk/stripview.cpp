// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stripview.hpp"

#include <cmath>

#include "panel.hpp"

namespace desk {

namespace {

enum Column { Name, Level, Latest, Share, Dropped, Overruns, Restarts, How };
enum Role { Peaks = Qt::UserRole, Work };
[[maybe_unused]] constexpr const char *titles[] = {
    QT_TRANSLATE_NOOP("desk", "Test tone"),
    QT_TRANSLATE_NOOP("desk", "Nowhere"),
    QT_TRANSLATE_NOOP("desk", "Default device")};
constexpr double silence = -60;  // dB, and what a meter begins with

// Two bars: what goes into a plugin, and what comes out.
class Meters : public QStyledItemDelegate {
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter *painter, const QStyleOptionViewItem &option,
             const QModelIndex &index) const override {
    QStyledItemDelegate::paint(painter, option, index);
    const QPointF peaks = index.data(Peaks).toPointF();
    const double height = option.rect.height();
    QRectF bar = option.rect.adjusted(6, 0, -6, 0);
    QLinearGradient colours(bar.topLeft(), bar.topRight());
    colours.setStops({{0.5, "#43a047"}, {0.85, "#f9a825"}, {1, "#d32f2f"}});
    QColor dark = option.palette.color(QPalette::Text);
    dark.setAlpha(40);
    // A source has nothing before it, and a sink nothing behind.
    const bool source = index.row() == 0;
    const bool sink = index.row() + 1 == index.model()->rowCount();
    for (int i = source; i < 2 - sink; i++) {
      QRectF lit(bar.x(), bar.y() + height * (0.17 + 0.37 * i), bar.width(),
                 height * 0.28);
      painter->fillRect(lit, dark);
      const double peak = std::min(i ? peaks.y() : peaks.x(), 0.0);
      lit.setWidth(bar.width() * (1 - peak / silence));
      painter->fillRect(lit, colours);
    }
  }
  QSize sizeHint(const QStyleOptionViewItem &option,
                 const QModelIndex &) const override {
    return option.fontMetrics.height() * QSize(10, 2);
  }
};

// It falls by 20 dB a second, as a needle does.
double falling(double shown, float peak) {
  const double now = peak > 0 ? 20 * std::log10(double(peak)) : silence;
  return std::max({now, shown - 0.67, silence});
}

}  // namespace

QColor bad_colour(const QPalette &palette) {
  return palette.base().color().lightness() < 128 ? "#ff8a80" : "#b3261e";
}

StripView::StripView(const std::string &name) : strip_(name) {
  setObjectName(text(name));
  setAccessibleName(tr("Strip %1").arg(objectName()));
  setHeaderLabels({tr("Place"), tr("Level in, out"), tr("p99"), tr("CPU"),
                   tr("Dropped"), tr("Overruns"), tr("Restarts"), tr("State")});
  header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  setItemDelegateForColumn(Level, new Meters(this));
  setRootIsDecorated(false);
  setAllColumnsShowFocus(true);
  setDragDropMode(DragDrop);
  setContextMenuPolicy(Qt::ActionsContextMenu);
  connect(this, &QTreeWidget::itemSelectionChanged, this, [this] {
    if (!selectedItems().isEmpty()) emit selected();
  });
  connect(this, &QTreeWidget::itemChanged, this, &StripView::bypass);
  play_->setObjectName(objectName() + "-play");
  play_->setCheckable(true);
  connect(play_, &QPushButton::clicked, this, &StripView::play);
  latency_->setObjectName(objectName() + "-latency");
  auto *line = new QHBoxLayout(head);
  line->setContentsMargins(0, 0, 0, 0);
  line->addWidget(new QLabel("<b>" + objectName() + "</b>"));
  line->addWidget(play_);
  line->addWidget(latency_, 1);
  refresh(0);
  show_now(true);
}

void StripView::dropEvent(QDropEvent *event) {
  const int under = indexAt(event->position().toPoint()).row();
  const int below = dropIndicatorPosition() == BelowItem;
  const int to = under < 0 ? last() : std::clamp(under + below, 1, last());
  event->setDropAction(Qt::CopyAction);  // or Qt would take the row away
  event->accept();
  if (event->source() && event->source() != this)
    emit dropped(to);
  else
    move(row(), to > row() ? to - 1 : to);
}

void StripView::paintEvent(QPaintEvent *event) {
  QTreeWidget::paintEvent(event);
  if (last() > 1) return;
  QPainter painter(viewport());
  painter.setPen(palette().color(QPalette::PlaceholderText));
  const int top = visualItemRect(topLevelItem(last())).bottom() + 8;
  painter.drawText(
      viewport()->rect().adjusted(20, top, -20, 0),
      Qt::AlignHCenter | Qt::TextWordWrap,
      tr("No plugin yet: choose one in the list and press Enter, or drag it "
         "here. Source and sink are changed at the right."));
}

void StripView::refresh(int row) {
  {
    const QSignalBlocker quiet(this);
    clear();
    for (int i = 0; i < int(strip_.count()); i++) {
      auto *item = new QTreeWidgetItem(this, {title(node(i).title())});
      item->setData(Level, Peaks, QPointF(silence, silence));
      item->setFlags(item->flags() & ~Qt::ItemIsDropEnabled);
      if (i == 0 || i + 1 == int(strip_.count()))
        item->setFlags(item->flags() & ~Qt::ItemIsDragEnabled);
      else
        item->setCheckState(Name, Qt::Checked);
      show_numbers(i, 0);
    }
    setCurrentItem(topLevelItem(std::clamp(row, 0, last())));
  }
  emit selected();
}

// ---- what is done to it ----------------------------------------------------

void StripView::tell(const std::string &problem) {
  if (!problem.empty())
    emit told({Message::Severity::Error, strip_.name(), problem});
}

void StripView::add(const Place &place, int at) {
  if (at == 0) at = row() + 1;
  at = std::clamp(at, 1, last());
  const std::string why = strip_.insert(size_t(at), place);
  tell(why);
  if (why.empty()) refresh(at);
}

void StripView::set_end(bool sink, const Place &place) {
  tell(strip_.set_end(sink, place));
  refresh(sink ? last() : 0);
}

void StripView::remove() {
  if (row() < 1 || row() == last()) return;
  strip_.remove(size_t(row()));
  refresh(row());
}

void StripView::isolate(bool on) {
  if (!node(row()).is_python()) return;
  tell(strip_.isolate(size_t(row()), on));
  show_numbers(row(), 0);
}

void StripView::move(int from, int to) {
  if (std::min(from, to) < 1 || std::max(from, to) >= last()) return;
  strip_.move(size_t(from), size_t(to));
  refresh(to);
}

void StripView::bypass(QTreeWidgetItem *item) {
  const int at = indexOfTopLevelItem(item);
  tell(strip_.bypass(size_t(at), item->checkState(Name) == Qt::Unchecked));
  show_numbers(at, 0);  // it may have been refused
}

void StripView::play(bool on) {
  on ? strip_.start() : strip_.stop();
  show_now(true);
}

// ---- what it shows ---------------------------------------------------------

void StripView::show_numbers(int row, double seconds) {
  const QSignalBlocker quiet(this);
  const Node &node = this->node(row);
  QTreeWidgetItem *item = topLevelItem(row);
  const bool bypassed = node.place().bypassed;
  const QString problem = text(node.problem());
  item->setText(How, !problem.isEmpty()   ? problem
                     : bypassed           ? tr("off")
                     : node.is_isolated() ? tr("own process")
                                          : "");
  item->setToolTip(How, problem);
  item->setForeground(
      How, problem.isEmpty() ? palette().text() : bad_colour(palette()));
  const bool grey = !problem.isEmpty() || bypassed;
  item->setForeground(
      Name, palette().brush(grey ? QPalette::Disabled : QPalette::Active,
                            QPalette::Text));
  if (item->data(Name, Qt::CheckStateRole).isValid())
    item->setCheckState(Name, bypassed ? Qt::Unchecked : Qt::Checked);
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
  for (const Message &each : strip_.poll())
    emit told(each);
  const gint64 now = g_get_monotonic_time();
  for (int i = 0; i <= last(); i++) {
    const QSignalBlocker quiet(this);
    Tap &tap = node(i).tap();
    const QPointF shown = topLevelItem(i)->data(Level, Peaks).toPointF();
    const QPointF peaks(falling(shown.x(), tap.take_peak(false)),
                        falling(shown.y(), tap.take_peak(true)));
    if (peaks != shown) topLevelItem(i)->setData(Level, Peaks, peaks);
    if (numbers) show_numbers(i, double(now - looked_) / 1e6);
  }
  if (!numbers) return;
  looked_ = now;
  const bool plays = strip_.is_playing();
  const double latency = double(strip_.latency()) / 1e6;
  play_->setChecked(plays);
  play_->setText((plays ? tr("Stop %1") : tr("Start %1")).arg(objectName()));
  latency_->setText(plays ? tr("latency %1 ms").arg(latency, 0, 'f', 0)
                          : tr("stopped"));
}

}  // namespace desk
