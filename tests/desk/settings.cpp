// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is set: parameters, presets, sessions, an encrypted call, devices.
#include "windowtest.hpp"

namespace check {

void WindowTest::parameters_are_set_and_shown() {
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

void WindowTest::a_session_comes_back() {
  Window window;
  with_plugin(&window);
  child<QDoubleSpinBox>(&window, "parameter-gain")->setValue(0.25);
  StripView *rx = window.view(1);
  rx->put(desk::file_end(desk::Kind::Sink, path("session.wav").toStdString()));
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

void WindowTest::a_call_is_encrypted() {
  Window window, other;
  focus(&window);
  focus(&other);
  write("call.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
  QFile::setPermissions(path("call.key"), QFile::ReadOwner | QFile::WriteOwner);
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
  WAIT_FOR(all_messages(&window).contains("nothing unprocessed may leave"));
  tx->strip().stop();
  rx->strip().stop();
  const auto samples = samples_of(path("call.wav").toStdString());
  QVERIFY(std::fabs(peak(samples, 0, 1 << 30) - 0.8f) < 0.01f);
}

// A server with two devices that play, and one that hears the first of them.
void WindowTest::devices_are_chosen_and_heard() {
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
    const auto heard = rx->strip().heard(row).picture();
    return peak(heard, 0, heard.size());
  };
  play(window, true);
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
  play(window, false);
  server.kill();
  server.waitForFinished();
  QVERIFY(window.open(path("devices.json")));
  WAIT_FOR(all_messages(&window).contains("Headset: is not there"));
}

}  // namespace check
