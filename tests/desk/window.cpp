// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From an empty window to hearing, and what changes while it plays: what is
// heard is in a sink's file.
#include <csignal>

#include "windowtest.hpp"

namespace check {

void WindowTest::from_empty_to_hearing() {
  Window window;
  StripView *tx = window.view(0);
  focus(&window);
  picture(&window, "empty");
  with_plugin(&window);

  tx->setCurrentItem(tx->topLevelItem(2));
  answer(path("heard.wav"));
  choose(child(&window, "end"), "File…");
  WAIT_FOR(cell(tx, 2, 0) == "heard.wav");
  QTest::mouseClick(child<QToolButton>(&window, "startTX"), Qt::LeftButton);
  tx->setCurrentItem(tx->topLevelItem(1));
  plays(tx);
  auto *slider = child<QSlider>(&window, "slider-gain");
  focus(slider);
  QTest::keyClick(slider, Qt::Key_Home);
  QTest::keyClick(slider, Qt::Key_PageUp);  // some way up
  WAIT_FOR(child<QDoubleSpinBox>(&window, "parameter-gain")->value() > 0.01);
  const float gain =
      float(child<QDoubleSpinBox>(&window, "parameter-gain")->value());
  plays(tx);
  plays(tx);
  picture(&window, "playing");
  QTest::mouseClick(child<QToolButton>(&window, "startTX"), Qt::LeftButton);
  QVERIFY(!tx->strip().is_playing());

  auto samples = samples_of(path("heard.wav").toStdString());
  QVERIFY(samples.size() > 80 * 960);
  QVERIFY(std::fabs(peak(samples, 0, 20 * 960) - 0.8f) < 0.01f);
  const size_t end = samples.size();
  QVERIFY(std::fabs(peak(samples, end - 9600, end) - gain * 0.8f) < 0.01f);
  // What it shows is what the element says.
  QCOMPARE(
      cell(tx, 1, 3),
      QString::number(double(stat(tx, 1, "call-p99")) / 1e6, 'f', 2) + " ms");
  QCOMPARE(cell(tx, 1, 5).toULongLong(), stat(tx, 1, "dropped"));
  QCOMPARE(cell(tx, 1, 6).toULongLong(), stat(tx, 1, "overruns"));
  QCOMPARE(cell(tx, 1, 7).toULongLong(), stat(tx, 1, "restarts"));
  QCOMPARE(all_messages(&window), QString());

  // Again, and the same plugin goes on.
  focus(tx);
  QTest::keyClick(tx, Qt::Key_F5);
  plays(tx);
  window.close();  // while it plays
}

void WindowTest::both_strips_play() {
  Window window;
  with_plugin(&window);
  auto *list = child<QListWidget>(&window, "plugins");
  for (const auto &[view, plugin] : {std::pair("TX", "SimpleGain"),
                                     {"RX", "SineWaveSource"},
                                     {"RX", "Passthrough"},
                                     {"RX", "NullSink"}}) {
    list->setCurrentItem(list->findItems(plugin, Qt::MatchStartsWith).value(0));
    QTest::mouseClick(child(&window, QByteArray("add") + view), Qt::LeftButton);
  }
  StripView *tx = window.view(0), *rx = window.view(1);
  QCOMPARE(cell(rx, 0, 0), QString("SineWaveSource"));
  QCOMPARE(cell(rx, 2, 0), QString("NullSink"));
  tx->setCurrentItem(tx->topLevelItem(2));
  QTest::mouseClick(isolation_button(&window), Qt::LeftButton, Qt::NoModifier,
                    QPoint(8, 8));
  child<QDoubleSpinBox>(&window, "parameter-gain")->setValue(0.5);
  play(window, true);
  for (int row = 0; row < 3; row++)
    plays(rx, row);
  tx->setCurrentItem(tx->topLevelItem(1));
  plays(tx, 1, 100);
  plays(tx, 2);
  picture(&window, "both");
}

// Clicks wait while a plugin starts, and then come in one go.
void WindowTest::each_click_meets_what_is_selected_by_then() {
  Window window;
  with_plugin(&window);
  QTest::mouseClick(child(&window, "addRX"), Qt::LeftButton);
  StripView *tx = window.view(0), *rx = window.view(1);
  auto *box = qobject_cast<QToolButton *>(isolation_button(&window));
  WAIT_FOR(box->isVisible() && box->width() > 20);
  const QPoint at = box->mapTo(&window, QPoint(8, 8));
  for (StripView *view : {rx, tx}) {
    view->setCurrentItem(view->topLevelItem(1));
    QWidget *there = window.childAt(at);
    QVERIFY(there);
    QTest::mouseClick(there, Qt::LeftButton, Qt::NoModifier,
                      there->mapFrom(&window, at));
  }
  for (StripView *view : {rx, tx})
    WAIT_FOR(cell(view, 1, 8) == "own process");
  // What else changes it is shown.
  focus(tx);
  QTest::keyClick(tx, Qt::Key_P, Qt::ControlModifier);
  WAIT_FOR(!box->isChecked());
  QCOMPARE(cell(tx, 1, 8), QString());
  QCOMPARE(cell(rx, 1, 8), QString("own process"));
}

void WindowTest::it_fails_and_comes_back() {
  Window window;
  StripView *tx = window.view(0);
  with_plugin(&window);
  QTest::mouseClick(child<QToolButton>(&window, "startTX"), Qt::LeftButton);
  plays(tx);
  QTest::mouseClick(isolation_button(&window), Qt::LeftButton, Qt::NoModifier,
                    QPoint(8, 8));
  WAIT_FOR(cell(tx, 1, 8) == "own process");
  plays(tx);
  auto *fail = child<QCheckBox>(&window, "parameter-fail");
  QTest::mouseClick(fail, Qt::LeftButton, Qt::NoModifier, QPoint(8, 8));
  WAIT_FOR(cell(tx, 1, 8).contains("loud.py:13"));
  picture(&window, "failing");
  auto *messages = child<QTreeWidget>(&window, "messages");
  // A busy machine may have had something to say before.
  messages->setCurrentItem(
      messages->findItems("too loud", Qt::MatchContains, 2).value(0));
  focus(messages);
  QTest::keyClick(messages, Qt::Key_C, Qt::ControlModifier);
  QVERIFY(QApplication::clipboard()->text().contains("Traceback"));
  QTest::mouseClick(child<QCheckBox>(&window, "parameter-fail"), Qt::LeftButton,
                    Qt::NoModifier, QPoint(8, 8));
  WAIT_FOR(cell(tx, 1, 8) == "own process");

  GstStructure *stats;
  gint64 pid = 0;
  g_object_get(tx->strip().node(1).element(), "stats", &stats, nullptr);
  QVERIFY(gst_structure_get_int64(stats, "worker-pid", &pid) && pid > 1);
  gst_structure_free(stats);
  // Shown at once, and for as long as 50 buffers last. How it ended is not
  // known in time on a busy machine.
  bool shown = false;
  connect(tx->model(), &QAbstractItemModel::dataChanged, tx,
          [&] { shown = shown || cell(tx, 1, 8).contains("the worker"); });
  kill(pid_t(pid), SIGSEGV);
  WAIT_FOR(shown);
  WAIT_FOR(cell(tx, 1, 7) == "1");
  WAIT_FOR(cell(tx, 1, 8) == "own process");
  plays(tx);
}

void WindowTest::an_edit_is_heard() {
  Window window;
  StripView *tx = window.view(0);
  with_plugin(&window);
  QTest::mouseClick(child<QToolButton>(&window, "startTX"), Qt::LeftButton);
  plays(tx);
  focus(tx);
  QTest::keyClick(tx, Qt::Key_E, Qt::ControlModifier);
  QCOMPARE(edited_, path("loud.py"));
  write("loud.py", QByteArray(loud).replace("*= self.gain", "*= 0.125"));
  WAIT_FOR(all_messages(&window).contains("saved"));
  plays(tx, 1, 5);
  WAIT_FOR(std::fabs(peak(tx->strip().heard(1).picture(), 0, 9999) - 0.1f) <
           0.01f);
  write("loud.py", "def broken(:\n");
  WAIT_FOR(cell(tx, 1, 8).contains("loud.py:1"));
  WAIT_FOR(all_messages(&window).contains("invalid syntax"));
  plays(tx);
  QVERIFY(cell(tx, 1, 8).contains("loud.py:1"));
  // Another parameter is shown, and what is set stays.
  QVERIFY(tx->node(1).set("plugin::gain", "0.5"));
  write("loud.py", QByteArray(loud).replace("    gain =",
                                            "    more = Param(2)\n"
                                            "    balance = Param(0.0, "
                                            "min=-1.0, max=1.0)"
                                            "\n    gain ="));
  WAIT_FOR(cell(tx, 1, 8).isEmpty());
  WAIT_FOR(window.findChild<QDoubleSpinBox *>("parameter-more"));
  QCOMPARE(child<QDoubleSpinBox>(&window, "parameter-more")->value(), 2.0);
  QCOMPARE(child<QSlider>(&window, "slider-balance")->value(), 500);
  QCOMPARE(child<QDoubleSpinBox>(&window, "parameter-gain")->value(), 0.5);
}

void WindowTest::the_chain_is_changed() {
  Window window;
  StripView *tx = window.view(0);
  with_plugin(&window);
  QTest::mouseClick(child<QToolButton>(&window, "startTX"), Qt::LeftButton);
  plays(tx);
  auto *list = child<QListWidget>(&window, "plugins");
  list->setCurrentItem(
      list->findItems("SimpleGain", Qt::MatchStartsWith).value(0));
  focus(list);
  QTest::keyClick(list, Qt::Key_Return);
  QCOMPARE(cell(tx, 2, 0), QString("SimpleGain"));
  focus(tx);
  QTest::keyClick(tx, Qt::Key_Up, Qt::AltModifier);
  QCOMPARE(cell(tx, 1, 0), QString("SimpleGain"));
  QTest::keyClick(tx, Qt::Key_Up, Qt::AltModifier);  // not past the source
  QCOMPARE(cell(tx, 1, 0), QString("SimpleGain"));
  // By the mouse: what is dragged is dropped above the sink.
  std::unique_ptr<QMimeData> data(
      tx->model()->mimeData({tx->model()->index(1, 0)}));
  QDragEnterEvent enter(tx->visualItemRect(tx->topLevelItem(3)).center(),
                        Qt::MoveAction, data.get(), Qt::LeftButton,
                        Qt::NoModifier);
  QCoreApplication::sendEvent(tx->viewport(), &enter);
  QDropEvent drop(tx->visualItemRect(tx->topLevelItem(3)).center(),
                  Qt::MoveAction, data.get(), Qt::LeftButton, Qt::NoModifier);
  QCoreApplication::sendEvent(tx->viewport(), &drop);
  QCOMPARE(cell(tx, 2, 0), QString("SimpleGain"));
  QCOMPARE(tx->topLevelItemCount(), 4);
  QTest::keyClick(tx, Qt::Key_Space);
  QVERIFY(tx->strip().node(2).is_bypassed());
  QCOMPARE(cell(tx, 2, 8), QString("off"));
  plays(tx, 2);
  QTest::keyClick(tx, Qt::Key_Delete);
  QCOMPARE(tx->topLevelItemCount(), 3);
  QTest::keyClick(tx, Qt::Key_Delete);  // the sink stays
  QCOMPARE(tx->topLevelItemCount(), 3);
  plays(tx);
  QCOMPARE(all_messages(&window), QString());
  // By a click the other strip is the one that is meant.
  StripView *rx = window.view(1);
  QTest::mouseClick(rx->viewport(), Qt::LeftButton, Qt::NoModifier,
                    rx->visualItemRect(rx->topLevelItem(0)).center());
  focus(list);
  QTest::keyClick(list, Qt::Key_Return);
  QCOMPARE(cell(rx, 1, 0), QString("SimpleGain"));

  // What is broken is refused with its reason.
  list->setCurrentItem(
      list->findItems("mistyped.py", Qt::MatchStartsWith).value(0));
  focus(list);
  QTest::keyClick(list, Qt::Key_Return);
  WAIT_FOR(all_messages(&window).contains("(mistyped.py:1)"));
}

}  // namespace check
