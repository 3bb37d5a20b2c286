// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>

#include "window.hpp"

namespace desk {

namespace {

enum Column { Name, In, Out, Latest, Share, Dropped, Overruns, Restarts, How };

// The same picture for the same level, or Qt, which keeps what it has painted,
// would have ten megabytes of them.
QIcon meter(int dB) {
  const QString name = QString("desk-meter%1").arg(dB);
  QPixmap bar(90, 14);
  if (!QPixmapCache::find(name, &bar)) {
    bar.fill("#909090");
    const QColor now = dB > -1 ? "#d32f2f" : dB > -9 ? "#f9a825" : "#43a047";
    QPainter(&bar).fillRect(0, 0, 90 + 3 * dB / 2, 14, now);
    QPixmapCache::insert(name, bar);
  }
  QIcon meter(bar);
  meter.addPixmap(bar, QIcon::Selected);  // or it gets that row's colour
  return meter;
}

}  // namespace

StripView::StripView(QWidget *parent) : QTreeWidget(parent) {
  header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  connect(this, &QTreeWidget::itemChanged, this, [this](auto *item) {
    const bool off = item->checkState(Name) == Qt::Unchecked;
    node(indexOfTopLevelItem(item)).set("bypass", off ? "true" : "false");
    show_numbers();  // it may have been refused
  });
}

void StripView::refresh(int row) {
  clear();
  for (int i = 0; i < strip_.count(); i++) {
    auto *item = new QTreeWidgetItem({translated(node(i).title())});
    item->setSizeHint(Out, {90, fontMetrics().height() * 2});
    item->setFlags(node(i).is_filter()
                       ? item->flags() & ~Qt::ItemIsDropEnabled
                       : Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    addTopLevelItem(item);
  }
  show_numbers();
  show_levels();
  setCurrentItem(topLevelItem(std::clamp(row, 0, last())));
}

void StripView::dropEvent(QDropEvent *event) {
  const int under = indexAt(event->position().toPoint()).row();
  const int below = dropIndicatorPosition() == BelowItem;
  const int to = under < 0 ? last() : std::clamp(under + below, 1, last());
  event->setDropAction(Qt::CopyAction);  // or Qt would take the row away
  event->accept();
  if (const auto *list = qobject_cast<QListWidget *>(event->source()))
    put(list->currentItem()->data(Qt::UserRole).value<Place>(), to);
  else
    move((to > row() ? to - 1 : to) - row());
}

void StripView::move(int by) {
  const int from = row(), to = from + by;
  if (std::min(from, to) < 1 || std::max(from, to) >= last()) return;
  strip_.move(from, to);
  refresh(to);
}

void StripView::remove() {
  const int at = row();
  if (at < 0 || !node(at).is_filter()) return;
  strip_.remove(at);
  refresh(at);
}

void StripView::show_numbers(double seconds) {
  const QSignalBlocker quiet(this);  // only the user changes an item
  const QColor grey = palette().color(QPalette::Disabled, QPalette::Text);
  const QColor normal = palette().color(QPalette::Active, QPalette::Text);
  for (int i = 0; i <= last(); i++) {
    QTreeWidgetItem *item = topLevelItem(i);
    const QString problem = text(node(i).problem());
    const bool bad = !problem.isEmpty(), off = node(i).is_bypassed();
    item->setText(How, bad                     ? problem
                       : off                   ? tr("off")
                       : node(i).is_isolated() ? tr("own process")
                                               : "");
    item->setToolTip(How, problem);
    item->setForeground(How, bad ? bad_colour(palette()) : normal);
    if (node(i).is_filter())
      item->setCheckState(Name, off ? Qt::Unchecked : Qt::Checked);
    item->setForeground(Name, bad || off ? grey : normal);
    if (!node(i).is_python()) continue;
    const auto stat = [&](const char *name) { return node(i).stat(name); };
    const double work = double(stat("buffers") * stat("call-mean"));  // ns
    const double more = work - item->data(Share, Qt::UserRole).toDouble();
    if (seconds > 0) item->setData(Share, Qt::UserRole, work);
    if (seconds > 0 && more >= 0)
      item->setText(Share, tr("%1 %").arg(more / 1e7 / seconds, 0, 'f', 1));
    const double latest = double(stat("call-p99")) / 1e6;
    item->setText(Latest, tr("%1 ms").arg(latest, 0, 'f', 2));
    item->setText(Dropped, QString::number(stat("dropped")));
    item->setText(Overruns, QString::number(stat("overruns")));
    item->setText(Restarts, QString::number(stat("restarts")));
  }
}

QString StripView::summary() const {
  if (strip_.is_playing())
    return tr("latency %1 ms").arg(strip_.latency() / GST_MSECOND);
  if (last() > 1) return tr("stopped");
  return tr(
      "No plugin yet: choose one in the list and press Enter, or drag it "
      "here. Source and sink are changed at the right.");
}

void StripView::show_levels() {
  const QSignalBlocker quiet(this);
  for (int i = 0; i < last(); i++) {
    const QVariant shown = topLevelItem(i)->data(Out, Qt::UserRole);
    // It falls by 20 dB a second, as a needle does, from 0 dB to -60.
    const double least = shown.isValid() ? shown.toDouble() - 0.67 : -60;
    const double now = 20 * std::log10(strip_.heard(i).take_peak() + 1e-6);
    const double peak = std::clamp(now, std::max(least, -60.0), 0.0);
    if (shown == peak) continue;
    topLevelItem(i)->setData(Out, Qt::UserRole, peak);
    const QIcon level = meter(int(std::lround(peak)));
    topLevelItem(i)->setIcon(Out, level);
    topLevelItem(i + 1)->setIcon(In, level);
  }
}

}  // namespace desk
