// SPDX-License-Identifier: LGPL-2.1-or-later
//
// No Python to be had: a program of its own, as a bridge that was once opened
// stays for the life of the process.
#include "../support/harness.hpp"

using namespace check;

GST_START_TEST(test_missing_bridge_is_one_error_and_not_a_missing_element) {
  setenv("GST_PYTHONFILTER_BRIDGE_DIR", folder().c_str(), 1);
  Element element(plugin_file("untouched.py"));
  for (int i = 0; i < 2; i++) {
    fail_unless(!element.to(GST_STATE_READY));
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    fail_unless(reports[0].domain == GST_LIBRARY_ERROR);
    fail_unless_equals_int(reports[0].code, GST_LIBRARY_ERROR_INIT);
    expect_part(reports[0].text, "the bridge to Python 3.");
    expect_part(reports[0].text, "is missing");
    expect_part(reports[0].text, folder());
    expect_part(reports[0].text, "untouched.py");
  }
}
GST_END_TEST;

GST_START_TEST(test_missing_bridge_to_other_processes_is_one_error) {
  setenv("GST_PYTHONFILTER_BRIDGE_DIR", folder().c_str(), 1);
  Element element(plugin_file("untouched.py"), {{"isolation", "process"}});
  for (int i = 0; i < 2; i++) {
    fail_unless(!element.to(GST_STATE_READY));
    const Reports reports = element.reports();
    fail_unless(reports.size() == 1, "%s", reports.text().c_str());
    fail_unless(reports[0].type == GST_MESSAGE_ERROR);
    fail_unless(reports[0].domain == GST_LIBRARY_ERROR);
    fail_unless_equals_int(reports[0].code, GST_LIBRARY_ERROR_INIT);
    expect_part(reports[0].text, "isolation=process");
    expect_part(reports[0].text, "is missing");
    expect_part(reports[0].text, "bridge.process.so in " + folder());
  }
  fail_unless(!contains(read_file("/proc/self/maps"), "libpython"));
}
GST_END_TEST;

GST_START_TEST(test_bridge_that_is_no_library_is_one_error) {
  setenv("GST_PYTHONFILTER_BRIDGE_DIR", folder().c_str(), 1);
  write_file("bridge." CHECK_PYTHON_TAG ".so", "not a library");
  Element element(plugin_file("untouched.py"));
  fail_unless(!element.to(GST_STATE_READY));
  const Reports reports = element.reports();
  fail_unless(reports.size() == 1, "%s", reports.text().c_str());
  expect_part(reports[0].text, "cannot be used");
}
GST_END_TEST;

GST_START_TEST(test_element_can_be_looked_at_without_python) {
  Element element("");
  fail_unless(element.text_of("on-error") == "fail");
  GstPad *pad = gst_element_get_static_pad(element.get(), "sink");
  GstCaps *caps = gst_pad_query_caps(pad, nullptr);
  fail_unless(!gst_caps_is_empty(caps));
  gst_caps_unref(caps);
  gst_object_unref(pad);
  // Nothing of Python came into the process.
  expect_part(read_file("/proc/self/maps"), "libgstpythonfilter");
  fail_unless(!contains(read_file("/proc/self/maps"), "libpython"));
}
GST_END_TEST;

static Suite *nobridge_suite() {
  setenv("CK_FORK", "yes", 0);  // each looks at what is in its own process
  Suite *suite = suite_create("nobridge");
  TCase *bridge = new_case(suite, "bridge");
  tcase_add_test(bridge,
                 test_missing_bridge_is_one_error_and_not_a_missing_element);
  tcase_add_test(bridge, test_missing_bridge_to_other_processes_is_one_error);
  tcase_add_test(bridge, test_bridge_that_is_no_library_is_one_error);
  tcase_add_test(bridge, test_element_can_be_looked_at_without_python);
  return suite;
}

GST_CHECK_MAIN(nobridge)
