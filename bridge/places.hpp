// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where things lie in the file system.
#pragma once

#include <string>

namespace pythonfilter {

std::string directory_of(const std::string &path);
// The file that the code or data at this address was loaded from.
std::string file_of(const void *address);
// PYTHONPATH without entries that name the current directory.
std::string safe_python_path();
// Where base_plugin and its like lie: where this module says when it stands
// in a build tree, or where they were installed.
std::string python_directory();

}  // namespace pythonfilter
