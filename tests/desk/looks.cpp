// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How it looks and what it costs: names for screen readers, German, dark, half
// an hour.
#include <atomic>
#include <chrono>
#include <QAccessible>
#include <sched.h>
#include <thread>
#include <time.h>
#include <vector>

#include "windowtest.hpp"

namespace check {

void WindowTest::everything_has_a_name() {
  Window window;
  with_plugin(&window);
  for (QWidget *each : window.findChildren<QWidget *>()) {
    if (!(each->focusPolicy() & Qt::TabFocus) || !each->isVisible() ||
        each->objectName().startsWith("qt_") || each->inherits("QScrollArea"))
      continue;
    const QString name =
        QAccessible::queryAccessibleInterface(each)->text(QAccessible::Name);
    QVERIFY2(!name.isEmpty(), qPrintable(each->metaObject()->className() +
                                         (" " + each->objectName())));
  }
}

// Menus and their keys aside: whatever the mouse can be at.
void WindowTest::tab_reaches_everything() {
  Window window;
  with_plugin(&window);
  focus(child<QListWidget>(&window, "plugins"));
  QSet<QWidget *> reached;
  for (int i = 0; i < 60; i++) {
    QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
    reached << QApplication::focusWidget();
  }
  int count = 0;
  for (QWidget *each : window.findChildren<QWidget *>()) {
    if (each->focusPolicy() == Qt::NoFocus || each->focusProxy() ||
        !each->isVisible() || each->objectName().startsWith("qt_"))
      continue;
    QVERIFY2(reached.contains(each),
             qPrintable(each->metaObject()->className() +
                        (" " + each->objectName())));
    count++;
  }
  QVERIFY(count > 15);
}

void WindowTest::german_and_dark() {
  QTranslator german;
  if (!german.load("desk_de", DESK_WORDS))
    QSKIP("lrelease was not there (Debian: apt install qt6-l10n-tools)");
  qApp->installTranslator(&german);
  const QPalette light = qApp->palette();
  qApp->setPalette(QPalette(QColor("#2b2d30"), QColor("#2b2d30")));
  {
    Window window;
    with_plugin(&window);
    play(window, true);
    plays(window.view(0));
    picture(&window, "dark");
    QCOMPARE(child<QToolButton>(&window, "startTX")->text(),
             QString("TX anhalten"));
    QCOMPARE(cell(window.view(0), 0, 0), QString("Prüfton"));
    write("loud.py", QByteArray(loud) + "# saved\n");
    WAIT_FOR(all_messages(&window) ==
             "TX loud.py: spielt gespeicherten Code\n");
    auto *source = window.view(0)->node(0).element();
    gst_element_send_event(source, gst_event_new_eos());
    WAIT_FOR(all_messages(&window).endsWith("TX : das Ende\n"));
  }
  qApp->setPalette(light);
  qApp->removeTranslator(&german);
}

// As lupdate writes them, without which nothing has to be built.
void WindowTest::all_words_are_in_german() {
  QDir sources(DESK_SOURCES);
  const auto read = [&](const QString &name) {
    QFile file(sources.filePath(name));
    return file.open(QIODevice::ReadOnly) ? QString(file.readAll()) : "";
  };
  const QString words = read("desk_de.ts");
  QVERIFY(words.contains("<translation>"));
  QVERIFY(!words.contains("unfinished") && !words.contains("vanished"));
  static const QRegularExpression said(
      "\\b(?:tr\\(|QT_TRANSLATE_NOOP\\(\"desk\",)\\s*((?:\"(?:[^\"\\\\]|\\\\."
      ")*\"\\s*)+)\\)");
  static const QRegularExpression seam("\"\\s*\"");
  static const QRegularExpression in_a_form("<string>([^<]*)</string>");
  for (const QString &name : sources.entryList({"*.ui"})) {
    auto each = in_a_form.globalMatch(read(name));
    while (each.hasNext())
      QVERIFY(
          words.contains("<source>" + each.next().captured(1) + "</source>"));
  }
  for (const QString &name : sources.entryList({"*.cpp"})) {
    auto each = said.globalMatch(read(name));
    while (each.hasNext()) {
      QString text = each.next().captured(1).trimmed().remove(seam);
      text = text.mid(1, text.size() - 2).toHtmlEscaped();
      QVERIFY2(words.contains("<source>" + text + "</source>"),
               qPrintable(name + ": " + text));
    }
  }
}

namespace {

// How often the machine itself was late by most of what a buffer lasts: threads
// that come before all others, one on each processor, only wake. A virtual
// machine's host may take a processor away for longer than that.
class Wakes {
 public:
  Wakes() {
    for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); cpu++)
      threads_.emplace_back([=] { wake(cpu); });
  }
  ~Wakes() {
    ended_ = true;
    for (std::thread &each : threads_)
      each.join();
  }
  unsigned late() const { return late_; }

 private:
  void wake(unsigned cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    sched_setaffinity(0, sizeof only, &only);
    const sched_param priority = {50};
    sched_setscheduler(0, SCHED_FIFO, &priority);
    using clock = std::chrono::steady_clock;
    using std::chrono::milliseconds;
    for (auto next = clock::now(); !ended_; next += milliseconds(2)) {
      std::this_thread::sleep_until(next);
      if (clock::now() < next + milliseconds(6)) continue;
      late_++;
      next = clock::now();
    }
  }

  std::atomic<bool> ended_{false};
  std::atomic<unsigned> late_{0};
  std::vector<std::thread> threads_;
};

}  // namespace

// Two strips for DESK_MINUTES: memory stays, nothing is late, and the window
// takes less than a twentieth of a core. Where something was late it is said
// how often the machine was.
void WindowTest::soak() {
  const int minutes = qEnvironmentVariableIntValue("DESK_MINUTES");
  if (!minutes) QSKIP("DESK_MINUTES is not set");
  Window window;
  with_plugin(&window);
  QTest::mouseClick(child(&window, "addRX"), Qt::LeftButton);
  play(window, true);
  const auto resident = [] {
    QFile file("/proc/self/statm");
    return file.open(QIODevice::ReadOnly)
               ? file.readAll().split(' ')[1].toLong() * 4
               : 0;
  };
  const auto seconds = [](clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return double(now.tv_sec) + double(now.tv_nsec) / 1e9;
  };
  QTest::qWait(20000);
  const long begun = resident();
  const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_THREAD_CPUTIME_ID,
                              CLOCK_PROCESS_CPUTIME_ID};
  double spent[3];
  for (int i = 0; i < 3; i++)
    spent[i] = -seconds(clocks[i]);
  const Wakes machine;
  quint64 late = 0;
  for (int second = 0; second < minutes * 60; second++) {
    const unsigned before = machine.late();
    QTest::qWait(1000);
    const quint64 more = stat(window.view(0), 1, "overruns") +
                         stat(window.view(1), 1, "overruns") - late;
    if (more)
      qInfo("second %d: %llu late, the machine %u times", second, more,
            machine.late() - before);
    late += more;
  }
  for (int i = 0; i < 3; i++)
    spent[i] += seconds(clocks[i]);
  qInfo(
      "%ld kB, then %ld kB; of a core the window's thread took %.1f %%, and "
      "all with both streams %.1f %%",
      begun, resident(), 100 * spent[1] / spent[0], 100 * spent[2] / spent[0]);
  QVERIFY(resident() < begun + 5000);
  QVERIFY(spent[1] / spent[0] < 0.05);
  qInfo("%llu late; the machine %u times", late, machine.late());
  QCOMPARE(late, 0ull);
  for (int i = 0; i < 2; i++)
    QVERIFY(stat(window.view(i), 1, "buffers") > 5000u * unsigned(minutes));
  QCOMPARE(all_messages(&window), QString());
}

}  // namespace check
