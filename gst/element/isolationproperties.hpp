// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The properties that say where a plugin runs, and what becomes of the process
// that it runs in.
#pragma once

#include <string>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

constexpr guint first_isolation_property = 10;
constexpr guint isolation_property = first_isolation_property;
constexpr guint deadline_property = first_isolation_property + 1;
constexpr guint last_isolation_property = first_isolation_property + 8;

constexpr bool is_isolation_property(guint id) {
  return id >= first_isolation_property && id <= last_isolation_property;
}

void install_isolation_properties(GObjectClass *object_class);
const char *isolation_property_name(guint id);
bool names_isolation_property(const std::string &name);

// All of them but the deadline.
void set_isolation_property(Isolation *isolation, guint id,
                            const GValue *value);
void get_isolation_property(const Isolation &isolation, guint id,
                            GValue *value);

// What $GST_PYTHONFILTER_ISOLATION says. False: something else than none or
// process.
bool isolation_of_environment(bool *process);

}  // namespace pythonfilter
