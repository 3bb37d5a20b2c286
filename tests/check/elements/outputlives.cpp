#include "../conversion.hpp"
using namespace check;
static Suite *outputlives_suite() { return suite_create("x"); }
GST_CHECK_MAIN(outputlives)
