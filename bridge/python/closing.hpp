// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What happens to plugins when the process or the application's Python ends:
// the gate closes, and whoever is inside is waited for and interrupted.
#pragma once

namespace pythonfilter {

// In an interpreter of our own: closes at exit(). Exit handlers run in reverse
// order, so this is called again after anything was loaded, and ours runs
// before those of libraries which plugins use. Else it does nothing.
void close_before_later_handlers();

// At exit OpenSSL frees itself under the threads that use it, before our
// handler runs, unless whoever uses it first says not to. NumPy imports it.
// With the GIL.
void keep_openssl_at_exit();

// In an application's interpreter: closes with its atexit. With the GIL; false
// with an exception set.
bool close_with_application();

}  // namespace pythonfilter
