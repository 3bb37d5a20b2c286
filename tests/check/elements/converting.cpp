#include "../conversion.hpp"
using namespace check;
static Suite *converting_suite() { return suite_create("x"); }
GST_CHECK_MAIN(converting)
