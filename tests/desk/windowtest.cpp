// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What windowtest.hpp says, and the program.
#include "windowtest.hpp"

namespace check {

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

QWidget *isolation_button(Window *window) {
  auto *action = window->findChild<QAction *>("isolation");
  return child<QToolBar>(window, "tools")->widgetForAction(action);
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
  return view->strip().node(row).stat(name);
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

void WindowTest::write(const QString &name, const QByteArray &text) {
  QFile file(path(name));
  QVERIFY(file.open(QIODevice::WriteOnly) && file.write(text) == text.size());
}

void WindowTest::focus(QWidget *widget) {
  widget->window()->show();
  widget->window()->activateWindow();
  QVERIFY(QTest::qWaitForWindowActive(widget->window()));
  widget->setFocus();
}

void WindowTest::with_plugin(Window *window) {
  write("loud.py", loud);
  focus(window);
  answer(path("loud.py"));
  QTest::mouseClick(child(window, "loadPlugin"), Qt::LeftButton);
  QTest::mouseClick(child(window, "addTX"), Qt::LeftButton);
  QCOMPARE(window->view(0)->topLevelItemCount(), 3);
  QCOMPARE(cell(window->view(0), 1, 0), QString("loud.py"));
}

void WindowTest::plays(StripView *view, int row, quint64 more) {
  const quint64 before = stat(view, row, "buffers");
  WAIT_FOR(stat(view, row, "buffers") >= before + more);
}

}  // namespace check

int main(int argc, char **argv) {
  // How long a test may take is not for a clock to say.
  qputenv("QTEST_FUNCTION_TIMEOUT", "1000000000");
  QApplication::setAttribute(Qt::AA_DontUseNativeDialogs);
  QApplication application(argc, argv);
  gst_init(nullptr, nullptr);
  check::WindowTest test;
  QDesktopServices::setUrlHandler("file", &test, "edited");
  const int failed = QTest::qExec(&test, argc, argv);
  QDesktopServices::unsetUrlHandler("file");
  return failed;
}
