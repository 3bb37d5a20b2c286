// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where things lie in the file system.
#pragma once

#include <string>
#include <vector>

namespace pythonfilter {

std::string directory_of(const std::string &path);
// The file that the code or data at this address was loaded from.
std::string file_of(const void *address);
// PYTHONPATH without entries that name the current directory.
std::string safe_python_path();
// Where the library lies that this is in.
std::string own_directory();
// Where base_plugin and its like lie in a build tree's sources; empty: this is
// installed.
std::string source_directory();
std::string installed_directory();
// Either, or what the environment says.
std::string python_directory();
// Where bridges are looked for: beside what is installed, or in a build tree.
std::vector<std::string> bridge_directories();
// The bridge of that tag, such as "cpython-311"; empty: there is none.
std::string path_of_bridge(const std::string &tag);
// "cpython-311" for "3.11".
std::string tag_of(const std::string &version);
// The interpreter for what is not in a process that has one. It is called like
// /usr/bin/python3.11.
std::string system_python();

}  // namespace pythonfilter
