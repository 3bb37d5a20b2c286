// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The Params of a plugin as the properties of a class, and their values, which
// are strings for the plugin.
#pragma once

#include <string>
#include <vector>

#include <gst/gst.h>

#include "../../bridge/bridge.hpp"

namespace pythonfilter {

// GParamSpec for `spec`. It keeps values that are out of range as they are, so
// that the object's set_property sees them: GLib would only clamp them and
// complain on standard error. Floating.
GParamSpec *new_param_spec(const ParameterSpec &spec);

// Whether new_param_spec() made it, for something that can be read.
bool is_parameter(GParamSpec *property);

// Makes a value of the type that a property of new_param_spec() has. False: the
// text is no such value, and `value` is not initialised.
bool value_from_text(const ParameterSpec &spec, const std::string &text,
                     GValue *value);

// The type of a number's values; 0: it is none. Those of choices have names.
GType number_type(const ParameterSpec &spec);
Number number_of(const ParameterSpec &spec, size_t index, const GValue *value);
void value_of(const Number &number, GValue *value);

// A choice as a string: what `params` shows.
void plain_value(const GValue *value, GValue *plain);

// Whether the spec's range or choices have it.
bool is_allowed(const ParameterSpec &spec, const GValue *value);
// The nearest number that they have.
void clamp_value(const ParameterSpec &spec, GValue *value);

// "Cutoff frequency (Hz)"
std::string blurb_of(const ParameterSpec &spec);

// Everything that makes specs the same properties.
std::string signature_of(const std::vector<ParameterSpec> &specs);

double number_or(const std::string &text, double otherwise);

}  // namespace pythonfilter
