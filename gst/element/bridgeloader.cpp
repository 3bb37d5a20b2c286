// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bridgeloader.hpp"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <glib.h>

#include "../../bridge/contract.hpp"
#include "../../bridge/paths.hpp"

namespace pythonfilter {

namespace {

// A Python that is already here: its version ("3.11"), and the file of its
// libpython, empty when it is part of the executable (Debian's python3).
struct RunningPython {
  std::string version;
  std::string library;
};

std::string version_in(const char *path) {
  const char *name = strrchr(path, '/');
  name = name ? name + 1 : path;
  int major, minor, length = 0;
  if (sscanf(name, "libpython%d.%d%n", &major, &minor, &length) != 2 ||
      strncmp(name + length, ".so", 3) != 0)
    return "";
  return std::to_string(major) + "." + std::to_string(minor);
}

int note_libpython(dl_phdr_info *info, size_t, void *found) {
  const std::string version = version_in(info->dlpi_name);
  if (version.empty()) return 0;
  *static_cast<RunningPython *>(found) = {version, info->dlpi_name};
  return 1;
}

RunningPython find_running_python() {
  RunningPython found;
  using GetVersion = const char *();
  // The executable first: it wins every symbol look-up.
  if (void *symbol = dlsym(RTLD_DEFAULT, "Py_GetVersion")) {
    const char *text = reinterpret_cast<GetVersion *>(symbol)();
    const char *dot = strchr(text, '.');
    found.version = std::string(text, size_t(dot - text) + 1) +
                    std::to_string(atoi(dot + 1));
    return found;
  }
  dl_iterate_phdr(note_libpython, &found);
  return found;
}

// The bridge of plugins in processes of their own, which needs no Python here.
constexpr char process_tag[] = "process";

MakePlugin *fail(Failure *failure, std::string message) {
  *failure = {Failure::Kind::Unusable, "python", "", std::move(message)};
  return nullptr;
}

std::string missing(const std::string &tag) {
  std::string looked;
  for (const std::string &directory : bridge_directories())
    looked += (looked.empty() ? "" : ", ") + directory;
  return " (no bridge." + tag + ".so in " + looked + ")";
}

MakePlugin *open_module(const std::string &path, Failure *failure) {
  void *module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void *symbol = module ? dlsym(module, make_plugin_symbol) : nullptr;
  if (!symbol) fail(failure, path + " cannot be used: " + dlerror());
  return reinterpret_cast<MakePlugin *>(symbol);
}

MakePlugin *load_process_bridge(Failure *failure) {
  const std::string path = path_of_bridge(process_tag);
  if (!path.empty()) return open_module(path, failure);
  return fail(failure,
              "what runs plugins in other processes, for isolation=process, "
              "is missing" +
                  missing(process_tag));
}

MakePlugin *load_bridge(Failure *failure) {
  const RunningPython running = find_running_python();
  std::string version = running.version;
  if (version.empty()) {
    version = system_python();
    version.erase(0, version.rfind("python") + strlen("python"));
  }
  const std::string tag = tag_of(version);
  const std::string path = path_of_bridge(tag);
  if (path.empty())
    return fail(failure,
                (running.version.empty()
                     ? "the bridge to Python " + version + " is missing"
                     : "this process runs Python " + version +
                           ", and there is no bridge for it") +
                    missing(tag));
  // Extension modules such as NumPy's are not linked with libpython: its
  // symbols have to be global, also where somebody loaded it locally.
  const std::string library = !running.library.empty()
                                  ? running.library
                                  : "libpython" + version + ".so.1.0";
  const bool inside_executable =
      !running.version.empty() && running.library.empty();
  const int flags =
      RTLD_NOW | RTLD_GLOBAL | (inside_executable ? RTLD_NOLOAD : 0);
  if (!dlopen(library.c_str(), flags) && !inside_executable)
    return fail(failure,
                "Python " + version + " cannot be loaded: " + dlerror());
  return open_module(path, failure);
}

}  // namespace

MakePlugin *find_bridge(const PluginSpec &spec, Failure *failure) {
  static Mutex mutex;  // a leaf: no Python runs under it
  static MakePlugin *here = nullptr, *elsewhere = nullptr;
  std::lock_guard lock(mutex);
  MakePlugin *&known = spec.isolation.process ? elsewhere : here;
  if (!known)
    known = spec.isolation.process ? load_process_bridge(failure)
                                   : load_bridge(failure);
  return known;
}

}  // namespace pythonfilter
