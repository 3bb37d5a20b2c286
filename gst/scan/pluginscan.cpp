// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginscan.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../bridge/paths.hpp"
#include "../debug.hpp"

namespace pythonfilter {

namespace {

constexpr char path_variable[] = "GST_PYTHONFILTER_PATH";
// For a folder that does not answer. Files have a limit of processor time,
// which takes many times as long by the clock where a machine is busy.
constexpr gint64 patience_us = 60 * G_USEC_PER_SEC;
constexpr size_t longest_answer = 16 << 20;
// A file that ends the scan costs one more.
constexpr int most_attempts = 4;

// The system's: what packages put beside ours, and ours. A build tree is not
// to see what is installed.
std::vector<std::string> system_folders() {
  if (!source_directory().empty()) return {};
  return {installed_directory() + "/plugins", installed_directory()};
}

std::string unescape(const std::string &text) {
  g_autofree gchar *plain = g_uri_unescape_string(text.c_str(), nullptr);
  return plain ? plain : "";
}

std::string escape(const std::string &text) {
  g_autofree gchar *escaped = g_uri_escape_string(text.c_str(), "/", FALSE);
  return escaped;
}

std::vector<std::string> named_folders() {
  const char *set = getenv(path_variable);
  return split(set ? set : "", ":");
}

// Everything that the process prints, as long as it may.
std::string read_all(int fd, gint64 until) {
  std::string answer;
  char piece[16384];
  while (answer.size() <= longest_answer) {
    const gint64 left = (until - g_get_monotonic_time()) / 1000;
    pollfd waited = {fd, POLLIN, 0};
    const int ready = left > 0 ? poll(&waited, 1, int(left)) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t got = read(fd, piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.append(piece, size_t(got));
  }
  return answer;
}

// g_spawn_sync() waits and reads without a limit, and GSubprocess is of GIO,
// which is not linked otherwise.
std::string run_scan(const std::vector<std::string> &arguments, gint64 until) {
  const std::string script = python_directory() + "/pythonfilter/scan/scan.py";
  const std::string python = system_python();
  std::vector<const char *> command = {python.c_str(), "-I", "-S", "-B",
                                       script.c_str()};
  for (const std::string &argument : arguments)
    command.push_back(argument.c_str());
  command.push_back(nullptr);
  GPid child;
  int output;
  g_autoptr(GError) error = nullptr;
  if (!g_spawn_async_with_pipes(
          "/", const_cast<gchar **>(command.data()), nullptr,
          GSpawnFlags(G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDERR_TO_DEV_NULL),
          nullptr, nullptr, &child, nullptr, &output, nullptr, &error)) {
    GST_WARNING("cannot look for plugins: %s", error->message);
    return "end\n";
  }
  std::string answer = read_all(output, until);
  close(output);
  // The child is at its end, or has nothing more to say that anybody hears.
  kill(child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  g_spawn_close_pid(child);
  return answer;
}

// False: it ended before its time, at the file `current`.
bool sort_out(const std::string &answer, std::vector<std::string> *kept,
              Watched *watched, std::string *current) {
  size_t begin = 0;
  for (size_t end; (end = answer.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const std::string line = answer.substr(begin, end - begin);
    const std::string word = line.substr(0, line.find(' '));
    if (word == "end") return true;
    if (word == "element" || word == "broken") {
      kept->push_back(line);
    } else if (word == "reading") {
      *current = ScanRecord(line).value("file");
      if (g_file_test(current->c_str(), G_FILE_TEST_IS_DIR))
        watched->packages.push_back(*current);
    } else if (word == "watched") {
      watched->others.push_back(ScanRecord(line).value("file"));
    } else {
      GST_INFO("%s", ScanRecord(line).value("text").c_str());
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> split(const std::string &text, const char *by) {
  g_auto(GStrv) pieces = g_strsplit(text.c_str(), by, -1);
  return {pieces, pieces + g_strv_length(pieces)};
}

ScanRecord::ScanRecord(const std::string &line) {
  for (const std::string &word : split(line, " ")) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) continue;
    fields_.push_back({word.substr(0, equals), {}});
    for (const std::string &value : split(word.substr(equals + 1), ","))
      fields_.back().values.push_back(unescape(value));
  }
}

std::string ScanRecord::value(const std::string &key) const {
  for (const Field &field : fields_)
    if (field.key == key && !field.values.empty()) return field.values[0];
  return "";
}

std::vector<std::string> plugin_folders() {
  std::vector<std::string> named = named_folders();
  g_autofree gchar *users = g_build_filename(
      g_get_user_data_dir(), "pythonfilter", "plugins", nullptr);
  named.push_back(users);
  for (const std::string &folder : system_folders())
    named.push_back(folder);

  std::vector<std::string> folders;
  // Not what happens to lie where an application was started.
  for (const std::string &folder : named) {
    if (g_path_is_absolute(folder.c_str()) &&
        g_file_test(folder.c_str(), G_FILE_TEST_IS_DIR))
      folders.push_back(folder);
  }
  return folders;
}

// Nor does GStreamer look for changes in them.
std::vector<std::string> relative_folders() {
  std::vector<std::string> lines;
  for (const std::string &folder : named_folders()) {
    if (folder.empty() || g_path_is_absolute(folder.c_str())) continue;
    GST_WARNING("%s: \"%s\" is no absolute path, and is left out",
                path_variable, folder.c_str());
    lines.push_back("broken file=" + escape(folder) + " reason=" +
                    escape("is no absolute path, as those in " +
                           std::string(path_variable) +
                           " have to be, and is left out"));
  }
  return lines;
}

void watch_plugin_folders(GstPlugin *plugin) {
  const char *names[] = {".py", nullptr};
  const char *variables[] = {path_variable,
                             "XDG_DATA_HOME/pythonfilter/plugins",
                             "HOME/.local/share/pythonfilter/plugins",
                             // Another one has other distributions.
                             "VIRTUAL_ENV", "CONDA_PREFIX", nullptr};
  const std::vector<std::string> system = system_folders();
  std::vector<const char *> paths;
  for (const std::string &folder : system)
    paths.push_back(folder.c_str());
  paths.push_back(nullptr);
  gst_plugin_add_dependency(plugin, variables,
                            system.empty() ? nullptr : paths.data(), names,
                            GST_PLUGIN_DEPENDENCY_FLAG_FILE_NAME_IS_SUFFIX);
}

void watch(GstPlugin *plugin, const std::vector<std::string> &folders,
           const Watched &watched) {
  const auto add = [&](const std::string &path, const char *name,
                       GstPluginDependencyFlags flags) {
    const char *names[] = {name, nullptr}, *paths[] = {path.c_str(), nullptr};
    gst_plugin_add_dependency(plugin, nullptr, paths, names, flags);
  };
  for (const std::string &package : watched.packages)
    add(package, ".py", GST_PLUGIN_DEPENDENCY_FLAG_FILE_NAME_IS_SUFFIX);
  // A package that comes or goes changes its folder, and no name there ends in
  // .py; nor does that of a distribution.
  for (const auto *paths : {&folders, &watched.others}) {
    for (const std::string &path : *paths) {
      g_autofree gchar *parent = g_path_get_dirname(path.c_str());
      g_autofree gchar *name = g_path_get_basename(path.c_str());
      add(parent, name, GST_PLUGIN_DEPENDENCY_FLAG_NONE);
    }
  }
}

std::vector<std::string> scan_plugins(const std::vector<std::string> &folders,
                                      Watched *watched) {
  std::vector<std::string> kept, arguments = folders;
  // A build tree is not to see what is installed, as in system_folders().
  if (source_directory().empty()) arguments.push_back("--system");
  if (arguments.empty() && !getenv("VIRTUAL_ENV") && !getenv("CONDA_PREFIX"))
    return kept;
  const gint64 until = g_get_monotonic_time() + patience_us;
  for (int attempt = 1;; attempt++) {
    std::string current;
    kept.clear();
    *watched = {};
    if (sort_out(run_scan(arguments, until), &kept, watched, &current)) break;
    GST_WARNING("looking for plugins stopped at %s",
                current.empty() ? "its start" : current.c_str());
    if (current.empty() || attempt == most_attempts ||
        g_get_monotonic_time() > until)
      break;
    arguments.insert(arguments.begin(), "--skip=" + current);
  }
  return kept;
}

}  // namespace pythonfilter
