// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A window for two strips of Python plugins: desk [SESSION.json] [--start]
#include "window.hpp"

int main(int argc, char **argv) {
  QApplication application(argc, argv);
  application.setApplicationName("desk");
  gst_init(nullptr, nullptr);
  QCommandLineParser parser;
  parser.addHelpOption();
  parser.addPositionalArgument("session", "A session that was saved.");
  parser.addOptions({{"start", "Play at once."},
                     {"language", "en or de.", "code", QLocale().name()}});
  parser.process(application);
  QTranslator words;
  if (words.load(QLocale(parser.value("language")), "desk", "_", DESK_WORDS))
    application.installTranslator(&words);
  desk::Window window;
  window.show();
  for (const QString &path : parser.positionalArguments())
    window.open(path);
  for (int at = 0; parser.isSet("start") && at < 2; at++)
    window.view(at)->play(true);
  return application.exec();
}
