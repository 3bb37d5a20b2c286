// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A person at the window: what they do, and what they see of it. The window is
// in a real X server, and its pictures are in the build folder's
// tests/desk/pictures.
#pragma once

#include <QtTest>

#include "desk/window.hpp"
#include "heard.hpp"

namespace check {

using desk::StripView;
using desk::Window;

constexpr int patience = 60000;  // ms; a busy machine is no fault

// Asks again and again, while the window goes on.
#define WAIT_FOR(what) QTRY_VERIFY_WITH_TIMEOUT(what, check::patience)

// A plugin that makes it louder.
extern const char loud[];

// Types into the next dialog, and accepts it.
void answer(const QString &text);
// An entry of the menu that the button opens, by the keyboard.
void choose(QPushButton *button, const QString &entry);

template <typename Widget = QPushButton>
Widget *child(Window *window, const char *name) {
  auto *found = window->findChild<Widget *>(QString(name));
  if (!found) qFatal("there is no %s", name);
  return found;
}

// The button of "Own process".
QWidget *isolation_button(Window *window);

// Both strips.
inline void play(const Window &window, bool on) {
  for (int at = 0; at < 2; at++)
    window.view(at)->play(on);
}

void picture(QWidget *window, const QString &name);

// A number of what is in that row, as the element has it.
quint64 stat(StripView *view, int row, const char *name);
// What the window shows.
QString cell(StripView *view, int row, int column);
QString all_messages(Window *window);

class WindowTest : public QObject {
  Q_OBJECT

 public:
  // The file that a handler of "file:" was asked to open.
  Q_SLOT void edited(const QUrl &url) { edited_ = url.toLocalFile(); }

 private:
  QString path(const QString &name) { return folder_.filePath(name); }
  void write(const QString &name, const QByteArray &text);
  // Ready for keys: no window manager gives a window back what a dialog took.
  void focus(QWidget *widget);
  // With loud.py in TX, by the buttons.
  void with_plugin(Window *window);
  void plays(StripView *view, int row = 1, quint64 more = 30);

  QTemporaryDir folder_;
  QString edited_;

 private Q_SLOTS:
  // window.cpp
  void from_empty_to_hearing();
  void both_strips_play();
  void each_click_meets_what_is_selected_by_then();
  void it_fails_and_comes_back();
  void an_edit_is_heard();
  void the_chain_is_changed();
  // settings.cpp
  void parameters_are_set_and_shown();
  void a_session_comes_back();
  void a_call_is_encrypted();
  void devices_are_chosen_and_heard();
  // looks.cpp
  void everything_has_a_name();
  void tab_reaches_everything();
  void german_and_dark();
  void all_words_are_in_german();
  void soak();
};

}  // namespace check
