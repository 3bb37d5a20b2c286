// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Plugins that cannot be loaded: one ERROR that names the file and the line,
// and no READY.
#include "../support/mistake.hpp"

using namespace check;

namespace {

const Mistake mistakes[] = {
    // ---- the file
    {"syntax error", "def process_audio(buffer):\n    return (1  # here\n",
     "load", "SyntaxError", "cannot be loaded: SyntaxError",
     gst_library_error_quark},
    {"indentation", "x = 1\n    y = 2  # here\n", "load", "IndentationError",
     "unexpected indent", gst_library_error_quark},
    {"missing module", "import numpy\nimport not_there_at_all  # here\n",
     "load", "ModuleNotFoundError", "No module named 'not_there_at_all'",
     gst_library_error_quark},
    {"missing name", "from os import not_there  # here\n", "load",
     "ImportError", "cannot import name", gst_library_error_quark},
    {"module raises", "1 / 0  # here\n", "load", "ZeroDivisionError",
     "division by zero", gst_library_error_quark},
    {"module exits", "import sys\nsys.exit(3)  # here\n", "load", "SystemExit",
     "cannot be loaded: SystemExit: 3", gst_library_error_quark},
    {"null byte", "x = 'a'\n\xff\xfe\n", "load", "SyntaxError",
     "cannot be loaded", gst_library_error_quark},
    {"empty file", "", "load", "", "has no plugin", gst_library_error_quark},
    // ---- which class
    {"no plugin in it", "class Other:\n    def run(self): pass\n", "load", "",
     "has no plugin", gst_library_error_quark},
    {"several classes", "class One:\n" FINE "class Two:\n" FINE, "load", "",
     "several plugin classes (One, Two)", gst_library_error_quark},
    {"no such class",
     "class One:\n" FINE,
     "load",
     "",
     "has no class 'Two' (plugin classes in it: One)",
     gst_library_error_quark,
     {{"class", "Two"}}},
    {"a plugin for another element",
     "class Source:\n    def read_audio(self, buffer): pass\n", "load", "",
     "belongs to the element pythonsrc", gst_library_error_quark},
    {"abstract class only",
     "from base_plugin import AudioProcessorPlugin\n"
     "class Half(AudioProcessorPlugin): pass\n",
     "load", "", "Half lacks process_audio", gst_library_error_quark},
    {"async def",
     CLASS "    async def process_audio(self, b):  # here\n"
           "        pass\n",
     "load", "", "`async def`", gst_library_error_quark},
    {"takes no buffer", CLASS "    def process_audio(self): pass  # here\n",
     "load", "", "is called with the buffer alone", gst_library_error_quark},
    {"an argument that nobody gives",
     CLASS "    def process_audio(self, b, rate):  # here\n"
           "        pass\n",
     "load", "", "missing a required argument: 'rate'",
     gst_library_error_quark},
    {"create_plugin returns None", "def create_plugin():  # here\n    pass\n",
     "load", "", "create_plugin() returned None", gst_library_error_quark},
    {"unknown format", CLASS "    formats = ('U8',)\n" FINE, "load", "",
     "declares formats = ('U8',)", gst_library_error_quark},
    {"unknown layout", CLASS "    layouts = 'planar'\n" FINE, "load", "",
     "declares layouts", gst_library_error_quark},
    {"impossible channels", CLASS "    channels = 65\n" FINE, "load", "",
     "declares channels = 65", gst_library_error_quark},
    {"impossible rates", CLASS "    rates = 'high'\n" FINE, "load", "",
     "declares rates = 'high'", gst_library_error_quark},
    // ---- the start of its life
    {"__init__ raises",
     CLASS "    def __init__(self):\n        raise OSError('no model')"
           "  # here\n" FINE,
     "load", "OSError", "no model", gst_library_error_quark},
    {"initialize raises",
     CLASS "    def initialize(self):\n        raise OSError('no model')"
           "  # here\n" FINE,
     "initialize", "OSError", "initialize() raised OSError: no model",
     gst_library_error_quark},
    {"initialize takes something else",
     CLASS "    def initialize(self, rate):  # here\n        pass\n" FINE,
     "initialize", "TypeError", "missing 1 required positional argument",
     gst_library_error_quark},
    {"initialize returns False",
     CLASS "    def initialize(self): return False  # here\n" FINE,
     "initialize", "", "initialize() returned False", gst_library_error_quark},
    // ---- parameters
    {"parameter raises",
     CLASS "    def set_parameter(self, key, value):\n"
           "        raise KeyError(key)  # here\n" FINE,
     "set_parameter",
     "KeyError",
     "set_parameter() raised KeyError: 'gain'",
     gst_stream_error_quark,
     {{"params", "p,gain=0.5"}}},
    {"set_parameter takes something else",
     CLASS "    def set_parameter(self, key):  # here\n        pass\n" FINE,
     "set_parameter",
     "TypeError",
     "set_parameter() takes 2 positional arguments but 3 were given",
     gst_stream_error_quark,
     {{"params", "p,gain=0.5"}}},
    {"parameter refused",
     CLASS "    def set_parameter(self, key, value):  # here\n"
           "        return False\n" FINE,
     "set_parameter",
     "",
     "refused the parameter gain=0.5",
     gst_stream_error_quark,
     {{"params", "p,gain=0.5"}}},
    {"no set_parameter",
     CLASS FINE,
     "set_parameter",
     "",
     "has no set_parameter(), so gain=0.5 means nothing",
     gst_stream_error_quark,
     {{"params", "p,gain=0.5"}}},
};

}  // namespace

GST_START_TEST(test_mistake_is_one_error_that_names_file_and_line) {
  const Mistake &row = mistakes[__i__];
  const std::string file = write_file("mistake.py", row.source);
  Element element(file, row.properties);
  fail_unless(!element.to(GST_STATE_READY), "%s: reached READY", row.name);
  expect_one_error(element, row, file);
  fail_unless(GST_STATE(element.get()) == GST_STATE_NULL);
}
GST_END_TEST;

// ---- what is no plugin at all -----------------------------------------------

namespace {

struct NoPlugin {
  std::string script;
  Properties properties;
  const char *text;
  Quark domain;
  int code;
};

std::vector<NoPlugin> no_plugins() {
  const std::string dir = folder();
  const std::string other_venv = dir + "/other";
  g_mkdir(other_venv.c_str(), 0700);
  write_file("other/pyvenv.cfg", "home = /usr/bin\nversion = 3.2.1\n");
  const std::string plugin = plugin_file("untouched.py");
  return {
      {dir + "/not-there.py",
       {},
       "there is no such file",
       gst_resource_error_quark,
       GST_RESOURCE_ERROR_NOT_FOUND},
      {dir,
       {},
       "is a folder without __init__.py, so no package",
       gst_resource_error_quark,
       GST_RESOURCE_ERROR_NOT_FOUND},
      {"",
       {{"module", "not_there.at_all"}},
       "there is no module 'not_there.at_all'",
       gst_resource_error_quark,
       GST_RESOURCE_ERROR_NOT_FOUND},
      {"",
       {},
       "set script=FILE.py or module=NAME",
       gst_library_error_quark,
       GST_LIBRARY_ERROR_SETTINGS},
      {plugin,
       {{"module", "wave"}},
       "either script or module",
       gst_library_error_quark,
       GST_LIBRARY_ERROR_SETTINGS},
      {plugin,
       {{"venv", dir + "/no-venv"}},
       "is not a virtual environment",
       gst_library_error_quark,
       -1},
      {plugin,
       {{"venv", other_venv}},
       "was made for Python 3.2",
       gst_library_error_quark,
       -1},
  };
}

}  // namespace

GST_START_TEST(test_what_is_no_plugin_is_one_error) {
  for (const NoPlugin &row : no_plugins()) {
    Element element(row.script, row.properties);
    fail_unless(!element.to(GST_STATE_READY), "%s", row.text);
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    fail_unless(reports[0].domain == row.domain(), "%s", row.text);
    if (row.code >= 0) fail_unless_equals_int(reports[0].code, row.code);
    expect_part(reports[0].text, row.text);
    if (!row.script.empty() && row.properties.empty())
      expect_part(reports[0].text, row.script);
  }
}
GST_END_TEST;

GST_START_TEST(test_element_works_after_its_mistake_is_mended) {
  const std::string file = write_file("mended.py", "1 / 0\n");
  Element element(file);
  fail_unless(!element.to(GST_STATE_READY));
  write_file("mended.py", CLASS FINE);
  fail_unless(element.to(GST_STATE_READY), "%s",
              element.reports().text().c_str());
}
GST_END_TEST;

static Suite *loading_suite() {
  Suite *suite = suite_create("loading");
  TCase *plugin = new_case(suite, "plugin");
  tcase_add_loop_test(plugin,
                      test_mistake_is_one_error_that_names_file_and_line, 0,
                      int(std::size(mistakes)));
  tcase_add_test(plugin, test_what_is_no_plugin_is_one_error);
  tcase_add_test(plugin, test_element_works_after_its_mistake_is_mended);
  return suite;
}

GST_CHECK_MAIN(loading)
