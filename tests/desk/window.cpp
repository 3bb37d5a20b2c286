// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The window as a person uses it, in a real X server: what is heard is in a
// sink's file. Its pictures are in the build folder's tests/desk/pictures.
#include "desk/window.hpp"

#include <csignal>
#include <QAccessible>
#include <QApplication>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QDesktopServices>
#include <QDialog>
#include <QDir>
#include <QDoubleSpinBox>
#include <QDropEvent>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QProcess>
#include <QRegularExpression>
#include <QSlider>
#include <QTemporaryDir>
#include <QtTest>
#include <time.h>

#include "heard.hpp"

using check::peak;
using check::samples_of;
using desk::StripView;
using desk::Window;

namespace {

constexpr int patience = 60000;  // ms; a busy machine is no fault

const char loud[] = R"(from base_plugin import AudioProcessorPlugin, Param

class Loud(AudioProcessorPlugin):
    """Makes it louder, or fails."""
    cutoff = Param(100.0, min=20.0, max=20000.0, unit="Hz", description="Edge")
    colour = Param("warm", choices=("warm", "cold"))
    word = Param("", secret=True)
    gain = Param(1.0, min=0.0, max=4.0, unit="×", description="How much louder")
    fail = Param(False, description="Whether it fails")

    def process_audio(self, buffer):
        if self.fail:
            raise ValueError("too loud")
        buffer.data *= self.gain
)";

// Asks again and again, while the window goes on.
#define WAIT_FOR(what) QTRY_VERIFY_WITH_TIMEOUT(what, patience)

// Types into the next dialog, and accepts it.
void answer(const QString &text) {
  auto *timer = new QTimer(qApp);
  QObject::connect(timer, &QTimer::timeout, timer, [=] {
    auto *dialog = qobject_cast<QDialog *>(QApplication::activeModalWidget());
    auto *edit = dialog ? dialog->findChild<QLineEdit *>() : nullptr;
    if (!edit || !dialog->isVisible()) return;
    timer->deleteLater();
    edit->setText(text);
    QMetaObject::invokeMethod(dialog, "accept");
  });
  timer->start(20);
}

// An entry of the menu that the button opens, by the keyboard.
void choose(QPushButton *button, const QString &entry) {
  auto *timer = new QTimer(qApp);
  QObject::connect(timer, &QTimer::timeout, timer, [=] {
    auto *menu = qobject_cast<QMenu *>(QApplication::activePopupWidget());
    if (!menu) return;
    timer->deleteLater();
    for (QAction *each : menu->actions())
      if (each->text() == entry) menu->setActiveAction(each);
    QTest::keyClick(menu, Qt::Key_Return);
  });
  timer->start(20);
  QTest::keyClick(button, Qt::Key_Space);
}

template <typename Widget = QPushButton>
Widget *child(Window *window, const char *name) {
  auto *found = window->findChild<Widget *>(QString(name));
  if (!found) qFatal("there is no %s", name);
  return found;
}

// Of 16 steps of each colour those 256 that it has most of: small, and sharp.
void picture(QWidget *window, const QString &name) {
  QTest::qWait(100);
  QImage image = window->grab().toImage().convertToFormat(QImage::Format_RGB32);
  QHash<QRgb, int> often;
  for (int y = 0; y < image.height(); y++) {
    for (int x = 0; x < image.width(); x++) {
      const QRgb exact = image.pixel(x, y);
      const auto step = [](int from) { return (from + 8) / 17 * 17; };
      const QRgb pixel =
          qRgb(step(qRed(exact)), step(qGreen(exact)), step(qBlue(exact)));
      image.setPixel(x, y, pixel);
      often[pixel]++;
    }
  }
  QList<QRgb> colours = often.keys();
  std::sort(colours.begin(), colours.end(),
            [&](QRgb a, QRgb b) { return often[a] > often[b]; });
  colours.resize(std::min<qsizetype>(colours.size(), 256));
  QDir().mkpath(DESK_PICTURES);
  image = image.convertToFormat(QImage::Format_Indexed8, colours,
                                Qt::ThresholdDither);
  QVERIFY(image.save(DESK_PICTURES "/" + name + ".png", "PNG", 1));
}

quint64 stat(StripView *view, int row, const char *name) {
  return view->strip().node(size_t(row)).statistics()[name];
}

QString cell(StripView *view, int row, int column) {
  return view->topLevelItem(row)->text(column);
}

QString all_messages(Window *window) {
  QString all;
  for (QTreeWidgetItemIterator each(child<QTreeWidget>(window, "messages"));
       *each; ++each)
    all += (*each)->text(1) + ": " + (*each)->text(2) + "\n";
  return all;
}

}  // namespace

class WindowTest : public QObject {
  Q_OBJECT

 public:
  // The file that a handler of "file:" was asked to open.
  Q_SLOT void edited(const QUrl &url) { edited_ = url.toLocalFile(); }

 private:
  QString path(const QString &name) { return folder_.filePath(name); }
  void write(const QString &name, const QByteArray &text) {
    QFile file(path(name));
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(text) == text.size());
  }
  // Ready for keys: no window manager gives a window back what a dialog took.
  void focus(QWidget *widget) {
    widget->window()->show();
    widget->window()->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(widget->window()));
    widget->setFocus();
  }
  // With loud.py in TX, by the buttons.
  void with_plugin(Window *window) {
    write("loud.py", loud);
    focus(window);
    answer(path("loud.py"));
    QTest::mouseClick(child(window, "loadPlugin"), Qt::LeftButton);
    QTest::mouseClick(child(window, "addTX"), Qt::LeftButton);
    QCOMPARE(window->view(0)->topLevelItemCount(), 3);
    QCOMPARE(cell(window->view(0), 1, 0), QString("loud.py"));
  }
  void plays(StripView *view, int row = 1, quint64 more = 30) {
    const quint64 before = stat(view, row, "buffers");
    WAIT_FOR(stat(view, row, "buffers") >= before + more);
  }

  QTemporaryDir folder_;
  QString edited_;

 private Q_SLOTS:
  void from_empty_to_hearing() {
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
    QTest::keyClick(slider, Qt::Key_PageUp);  // a tenth of 0 to 4
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

  void both_strips_play() {
    Window window;
    with_plugin(&window);
    auto *list = child<QListWidget>(&window, "plugins");
    for (const auto &[view, plugin] : {std::pair("TX", "SimpleGain"),
                                       {"RX", "SineWaveSource"},
                                       {"RX", "Passthrough"},
                                       {"RX", "NullSink"}}) {
      list->setCurrentItem(
          list->findItems(plugin, Qt::MatchStartsWith).value(0));
      QTest::mouseClick(child(&window, QByteArray("add") + view),
                        Qt::LeftButton);
    }
    StripView *tx = window.view(0), *rx = window.view(1);
    QCOMPARE(cell(rx, 0, 0), QString("SineWaveSource"));
    QCOMPARE(cell(rx, 2, 0), QString("NullSink"));
    tx->setCurrentItem(tx->topLevelItem(2));
    QTest::mouseClick(child<QToolButton>(&window, "isolationButton"),
                      Qt::LeftButton, Qt::NoModifier, QPoint(8, 8));
    child<QDoubleSpinBox>(&window, "parameter-gain")->setValue(0.5);
    window.play(true);
    for (int row = 0; row < 3; row++)
      plays(rx, row);
    tx->setCurrentItem(tx->topLevelItem(1));
    plays(tx, 1, 100);
    plays(tx, 2);
    picture(&window, "both");
  }

  // Clicks wait while a plugin starts, and then come in one go.
  void each_click_meets_what_is_selected_by_then() {
    Window window;
    with_plugin(&window);
    QTest::mouseClick(child(&window, "addRX"), Qt::LeftButton);
    StripView *tx = window.view(0), *rx = window.view(1);
    auto *box = child<QToolButton>(&window, "isolationButton");
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
    WAIT_FOR(!child<QToolButton>(&window, "isolationButton")->isChecked());
    QCOMPARE(cell(tx, 1, 8), QString());
    QCOMPARE(cell(rx, 1, 8), QString("own process"));
  }

  void it_fails_and_comes_back() {
    Window window;
    StripView *tx = window.view(0);
    with_plugin(&window);
    QTest::mouseClick(child<QToolButton>(&window, "startTX"), Qt::LeftButton);
    plays(tx);
    QTest::mouseClick(child<QToolButton>(&window, "isolationButton"),
                      Qt::LeftButton, Qt::NoModifier, QPoint(8, 8));
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
    QTest::mouseClick(child<QCheckBox>(&window, "parameter-fail"),
                      Qt::LeftButton, Qt::NoModifier, QPoint(8, 8));
    WAIT_FOR(cell(tx, 1, 8) == "own process");

    GstStructure *stats;
    gint64 pid = 0;
    g_object_get(tx->strip().node(1).element(), "stats", &stats, nullptr);
    QVERIFY(gst_structure_get_int64(stats, "worker-pid", &pid) && pid > 1);
    gst_structure_free(stats);
    kill(pid_t(pid), SIGSEGV);
    WAIT_FOR(cell(tx, 1, 8).contains("loud.py"));
    WAIT_FOR(cell(tx, 1, 7) == "1");
    WAIT_FOR(cell(tx, 1, 8) == "own process");
    plays(tx);
  }

  void an_edit_is_heard() {
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

  void the_chain_is_changed() {
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
    WAIT_FOR(all_messages(&window).contains("mistyped.py:1: "));
  }

  void parameters_are_set_and_shown() {
    Window window;
    StripView *tx = window.view(0);
    with_plugin(&window);
    desk::Node &node = tx->node(1);
    auto *gain = child<QDoubleSpinBox>(&window, "parameter-gain");
    gain->setValue(2);
    QCOMPARE(node.value("plugin::gain"), std::string("2"));
    // Half of the way is the geometric mean.
    auto *cutoff = child<QSlider>(&window, "slider-cutoff");
    cutoff->setValue(cutoff->maximum() / 2);
    QVERIFY(std::fabs(std::stod(node.value("plugin::cutoff")) - 632.5) < 1);
    auto *colour = child<QComboBox>(&window, "parameter-colour");
    focus(colour);
    QTest::keyClick(colour, Qt::Key_Down);
    QCOMPARE(node.value("plugin::colour"), std::string("cold"));
    auto *word = child<QLineEdit>(&window, "parameter-word");
    QTest::keyClicks(word, "sesame");
    QTest::keyClick(word, Qt::Key_Return);
    QVERIFY(word->text().isEmpty());

    auto *presets = child<QComboBox>(&window, "presets");
    presets->setEditText("Cold");
    QTest::mouseClick(child(&window, "savePreset"), Qt::LeftButton);
    QTest::mouseClick(child(&window, "reset"), Qt::LeftButton);
    QCOMPARE(gain->value(), 1.0);
    QCOMPARE(colour->currentText(), QString("warm"));
    QCOMPARE(presets->currentText(), QString("Cold"));
    presets->setEditText("Colder");
    QTest::mouseClick(child(&window, "renamePreset"), Qt::LeftButton);
    QCOMPARE(presets->currentText(), QString("Colder"));
    QMetaObject::invokeMethod(presets, "activated", Q_ARG(int, 0));
    QCOMPARE(gain->value(), 2.0);
    QCOMPARE(colour->currentText(), QString("cold"));
    // Set by somebody else.
    QVERIFY(node.set("plugin::gain", "0.5"));
    WAIT_FOR(gain->value() == 0.5);
    QCOMPARE(child<QSlider>(&window, "slider-gain")->value(), 125);
  }

  void a_session_comes_back() {
    Window window;
    with_plugin(&window);
    child<QDoubleSpinBox>(&window, "parameter-gain")->setValue(0.25);
    StripView *rx = window.view(1);
    rx->put(
        desk::file_end(desk::Kind::Sink, path("session.wav").toStdString()));
    QTest::mouseClick(child(&window, "addRX"), Qt::LeftButton);
    QVERIFY(window.save(path("one.json")));
    const auto read = [this](const QString &name) {
      QFile file(path(name));
      return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    };
    QVERIFY(!read("one.json").contains("word"));
    Window again;
    QVERIFY(again.open(path("one.json")));
    QVERIFY(again.save(path("two.json")));
    QCOMPARE(read("two.json"), read("one.json"));
    QCOMPARE(again.view(0)->node(1).value("plugin::gain"), std::string("0.25"));
    QCOMPARE(all_messages(&again), QString());
    for (const char *text : {"{", "[]", "{\"TX\": []}"}) {
      write("broken.json", text);
      QVERIFY(!again.open(path("broken.json")));
      QVERIFY(again.view(0)->strip().count() == 3);
    }
    QVERIFY(!again.open(path("not there.json")));
    QCOMPARE(all_messages(&again).count(".json"), 4);

    // From the command line it plays at once.
    QProcess desk;
    desk.start(DESK_PROGRAM, {path("one.json"), "--start"});
    WAIT_FOR(read("session.wav").size() > 500000);
    desk.terminate();
    QVERIFY(desk.waitForFinished(patience));
  }

  void a_call_is_encrypted() {
    Window window, other;
    focus(&window);
    focus(&other);
    write("call.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    QFile::setPermissions(path("call.key"),
                          QFile::ReadOwner | QFile::WriteOwner);
    const std::string port = std::to_string(10000 + getpid() % 20000);
    StripView *tx = window.view(0), *rx = other.view(1);
    tx->put(desk::network_end(desk::Kind::Sink, port));
    rx->put(desk::network_end(desk::Kind::Source, port));
    rx->put(desk::file_end(desk::Kind::Sink, path("call.wav").toStdString()));
    for (StripView *view : {rx, tx}) {
      auto *of = view == tx ? &window : &other;
      auto *list = child<QListWidget>(of, "plugins");
      list->setCurrentItem(
          list->findItems(view == tx ? "SFrameEncryptor" : "SFrameDecryptor",
                          Qt::MatchStartsWith)
              .value(0));
      QTest::mouseClick(child(of, view == tx ? "addTX" : "addRX"),
                        Qt::LeftButton);
      // As a person chooses it.
      answer(path("call.key"));
      QTest::mouseClick(child(of, "choose-key-file"), Qt::LeftButton);
      view->strip().start();
    }
    WAIT_FOR(stat(rx, 1, "buffers") > 100);
    picture(&other, "call");
    QCOMPARE(all_messages(&window) + all_messages(&other), QString());
    // Nothing goes past an encryptor.
    tx->setCurrentItem(tx->topLevelItem(1));
    focus(tx);
    QTest::keyClick(tx, Qt::Key_Space);
    QVERIFY(!tx->strip().node(1).is_bypassed());
    WAIT_FOR(all_messages(&window).contains("nothing may go past"));
    tx->strip().stop();
    rx->strip().stop();
    const auto samples = samples_of(path("call.wav").toStdString());
    QVERIFY(std::fabs(peak(samples, 0, 1 << 30) - 0.8f) < 0.01f);
  }

  // A server with two devices that play, and one that hears the first of them.
  void devices_are_chosen_and_heard() {
    const QString plugin(DESK_PULSE);
    const QString program = QStandardPaths::findExecutable("pulseaudio");
    if (program.isEmpty() || !QFile::exists(plugin))
      QSKIP("Debian: apt install pulseaudio gstreamer1.0-pulseaudio");
    const QString socket = path("socket");
    QProcess server;
    QStringList options{"-n", "--daemonize=no", "--use-pid-file=no",
                        "--exit-idle-time=-1", "--disable-shm=yes"};
    for (const QString &module :
         {"module-native-protocol-unix auth-anonymous=1 socket=" + socket,
          QString("module-null-sink sink_name=first norewinds=1 "
                  "sink_properties=device.description=Headset"),
          QString("module-null-sink sink_name=second norewinds=1 "
                  "sink_properties=device.description=Speaker"),
          QString("module-remap-source source_name=ear master=first.monitor "
                  "source_properties=device.description=Microphone")})
      options << "-L" << module;
    server.start(program, options);
    const auto end = qScopeGuard([&] {
      server.kill();
      server.waitForFinished();
    });
    WAIT_FOR(QFile::exists(socket));
    qputenv("PULSE_SERVER", QFile::encodeName("unix:" + socket));
    gst_object_unref(gst_plugin_load_file(QFile::encodeName(plugin), nullptr));
    WAIT_FOR(desk::devices(desk::Kind::Sink).size() == 2);

    Window window;
    focus(&window);
    StripView *tx = window.view(0), *rx = window.view(1);
    const auto use = [&](StripView *view, int row, const char *device) {
      view->setCurrentItem(view->topLevelItem(row));
      choose(child(&window, "end"), device);
      WAIT_FOR(cell(view, row, 0) == device);
    };
    use(tx, 1, "Headset");
    use(rx, 0, "Microphone");
    const auto loudest = [&](int row) {
      const auto heard = rx->strip().heard(size_t(row)).picture();
      return peak(heard, 0, heard.size());
    };
    window.play(true);
    WAIT_FOR(std::fabs(loudest(1) - 0.8f) < 0.05f);
    QVERIFY(tx->strip().latency() > 0);
    use(tx, 1, "Speaker");  // while it plays: the other one is quiet then
    WAIT_FOR(loudest(1) < 0.01f);
    QVERIFY(tx->strip().is_playing());
    use(tx, 1, "Headset");
    WAIT_FOR(std::fabs(loudest(1) - 0.8f) < 0.05f);
    QCOMPARE(all_messages(&window), QString());
    // A session has it by its name, and says so when it is not there.
    QVERIFY(window.save(path("devices.json")));
    window.play(false);
    server.kill();
    server.waitForFinished();
    QVERIFY(window.open(path("devices.json")));
    WAIT_FOR(all_messages(&window).contains("Headset is not there"));
  }

  void everything_has_a_name() {
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

  void german_and_dark() {
    QTranslator german;
    if (!german.load("desk_de", DESK_WORDS))
      QSKIP("lrelease was not there (Debian: apt install qt6-l10n-tools)");
    qApp->installTranslator(&german);
    const QPalette light = qApp->palette();
    qApp->setPalette(QPalette(QColor("#2b2d30"), QColor("#2b2d30")));
    {
      Window window;
      with_plugin(&window);
      window.play(true);
      plays(window.view(0));
      picture(&window, "dark");
      QCOMPARE(child<QToolButton>(&window, "startTX")->text(),
               QString("TX anhalten"));
      QCOMPARE(cell(window.view(0), 0, 0), QString("Prüfton"));
    }
    qApp->setPalette(light);
    qApp->removeTranslator(&german);
  }

  // As lupdate writes them, without which nothing has to be built.
  void all_words_are_in_german() {
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

  // Two strips for DESK_MINUTES: memory stays, nothing is late, and the window
  // takes less than a twentieth of a core.
  void soak() {
    const int minutes = qEnvironmentVariableIntValue("DESK_MINUTES");
    if (!minutes) QSKIP("DESK_MINUTES is not set");
    Window window;
    with_plugin(&window);
    QTest::mouseClick(child(&window, "addRX"), Qt::LeftButton);
    window.play(true);
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
    QTest::qWait(minutes * 60000);
    for (int i = 0; i < 3; i++)
      spent[i] += seconds(clocks[i]);
    qInfo(
        "%ld kB, then %ld kB; of a core the window's thread took %.1f %%, and "
        "all with both streams %.1f %%",
        begun, resident(), 100 * spent[1] / spent[0],
        100 * spent[2] / spent[0]);
    QVERIFY(resident() < begun + 5000);
    QVERIFY(spent[1] / spent[0] < 0.05);
    for (int i = 0; i < 2; i++) {
      QCOMPARE(stat(window.view(i), 1, "overruns"), 0ull);
      QVERIFY(stat(window.view(i), 1, "buffers") > 5000u * unsigned(minutes));
    }
    QCOMPARE(all_messages(&window), QString());
  }
};

int main(int argc, char **argv) {
  // How long a test may take is not for a clock to say.
  qputenv("QTEST_FUNCTION_TIMEOUT", "1000000000");
  QApplication::setAttribute(Qt::AA_DontUseNativeDialogs);
  QApplication application(argc, argv);
  gst_init(nullptr, nullptr);
  WindowTest test;
  QDesktopServices::setUrlHandler("file", &test, "edited");
  const int failed = QTest::qExec(&test, argc, argv);
  QDesktopServices::unsetUrlHandler("file");
  return failed;
}

#include "window.moc"
