// SPDX-License-Identifier: LGPL-2.1-or-later
#include "parametertypes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "../../bridge/contract.hpp"
#include "../../bridge/words.hpp"

namespace pythonfilter {

namespace {

using Kind = ParameterSpec::Kind;

template <typename Number>
bool parse(const std::string &text, Number *number) {
  const char *end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, *number);
  return result.ec == std::errc() && result.ptr == end;
}

gint64 whole_or(const std::string &text, gint64 otherwise) {
  parse(text, &otherwise);
  return otherwise;
}

double smallest(const ParameterSpec &spec) {
  return number_or(spec.minimum, -std::numeric_limits<double>::max());
}

double largest(const ParameterSpec &spec) {
  return number_or(spec.maximum, std::numeric_limits<double>::max());
}

constexpr char lenient_prefix[] = "GstPython";

// `parent` with a validation that lets everything through.
GType lenient(GType parent) {
  static Mutex mutex;
  std::lock_guard lock(mutex);
  const std::string name = std::string(lenient_prefix) + g_type_name(parent);
  if (const GType known = g_type_from_name(name.c_str())) return known;
  GTypeQuery query;
  g_type_query(parent, &query);
  const auto init_class = [](gpointer klass, gpointer) {
    static_cast<GParamSpecClass *>(klass)->value_validate =
        [](GParamSpec *, GValue *) -> gboolean { return FALSE; };
  };
  return g_type_register_static_simple(parent, name.c_str(), query.class_size,
                                       init_class, query.instance_size, nullptr,
                                       GTypeFlags(0));
}

// Types cannot be taken back, so the same choices are the same type again.
GType enum_of(const std::vector<std::string> &choices) {
  static Mutex mutex;
  static auto &known = *new std::map<std::vector<std::string>, GType>;
  std::lock_guard lock(mutex);
  GType &type = known[choices];
  if (type) return type;
  auto *values = new GEnumValue[choices.size() + 1]();  // GLib keeps it
  for (size_t i = 0; i < choices.size(); i++) {
    const char *text = g_intern_string(choices[i].c_str());
    values[i] = {int(i), text, text};
  }
  type = g_enum_register_static(
      ("GstPythonChoice" + std::to_string(known.size())).c_str(), values);
  return type;
}

int choice_of(const ParameterSpec &spec, const std::string &text) {
  const auto found = std::find(spec.choices.begin(), spec.choices.end(), text);
  return found == spec.choices.end() ? -1 : int(found - spec.choices.begin());
}

// As Python reads it.
bool truth_of(const std::string &text, bool *truth) {
  static const std::pair<const char *, bool> words[] = {
      {"true", true},   {"1", true},  {"yes", true}, {"on", true},
      {"false", false}, {"0", false}, {"no", false}, {"off", false}};
  for (const auto &[word, means] : words) {
    if (g_ascii_strcasecmp(word, text.c_str())) continue;
    *truth = means;
    return true;
  }
  return false;
}

GParamFlags flags_of(const ParameterSpec &spec) {
  int flags =
      G_PARAM_WRITABLE | G_PARAM_EXPLICIT_NOTIFY | GST_PARAM_MUTABLE_PLAYING;
  if (!spec.secret) flags |= G_PARAM_READABLE;
  if (!spec.secret && spec.kind != Kind::String && spec.kind != Kind::Choice)
    flags |= GST_PARAM_CONTROLLABLE;
  return GParamFlags(flags);
}

}  // namespace

double number_or(const std::string &text, double otherwise) {
  parse(text, &otherwise);
  return otherwise;
}

GParamSpec *new_param_spec(const ParameterSpec &spec) {
  const std::string blurb = blurb_of(spec);
  const auto make = [&](GType type) {
    return static_cast<gpointer>(g_param_spec_internal(
        lenient(type), spec.name.c_str(), spec.name.c_str(), blurb.c_str(),
        flags_of(spec)));
  };
  const std::string &text = spec.default_value;
  switch (spec.kind) {
    case Kind::Bool: {
      auto *made = static_cast<GParamSpecBoolean *>(make(G_TYPE_PARAM_BOOLEAN));
      made->default_value = text == "true";
      return G_PARAM_SPEC(made);
    }
    case Kind::Int: {
      auto *made = static_cast<GParamSpecInt64 *>(make(G_TYPE_PARAM_INT64));
      made->minimum = whole_or(spec.minimum, G_MININT64);
      made->maximum = whole_or(spec.maximum, G_MAXINT64);
      made->default_value = whole_or(text, 0);
      return G_PARAM_SPEC(made);
    }
    case Kind::Float: {
      auto *made = static_cast<GParamSpecDouble *>(make(G_TYPE_PARAM_DOUBLE));
      made->minimum = smallest(spec);
      made->maximum = largest(spec);
      made->default_value = number_or(text, 0);
      return G_PARAM_SPEC(made);
    }
    case Kind::Choice: {
      const GType type = enum_of(spec.choices);
      auto *made = static_cast<GParamSpecEnum *>(make(G_TYPE_PARAM_ENUM));
      G_PARAM_SPEC(made)->value_type = type;
      made->enum_class = static_cast<GEnumClass *>(g_type_class_ref(type));
      made->default_value = std::max(0, choice_of(spec, text));
      return G_PARAM_SPEC(made);
    }
    case Kind::String:
      break;
  }
  auto *made = static_cast<GParamSpecString *>(make(G_TYPE_PARAM_STRING));
  made->default_value = g_strdup(text.c_str());
  return G_PARAM_SPEC(made);
}

bool is_parameter(GParamSpec *property) {
  return g_str_has_prefix(G_PARAM_SPEC_TYPE_NAME(property), lenient_prefix) &&
         (property->flags & G_PARAM_READABLE);
}

bool value_from_text(const ParameterSpec &spec, const std::string &text,
                     GValue *value) {
  const auto init = [&](GType type) { return g_value_init(value, type); };
  switch (spec.kind) {
    case Kind::Bool: {
      bool truth;
      if (!truth_of(text, &truth)) return false;
      g_value_set_boolean(init(G_TYPE_BOOLEAN), truth);
      return true;
    }
    case Kind::Int: {
      gint64 number;
      if (!parse(text, &number)) return false;
      g_value_set_int64(init(G_TYPE_INT64), number);
      return true;
    }
    case Kind::Float: {
      double number;
      if (!parse(text, &number)) return false;
      g_value_set_double(init(G_TYPE_DOUBLE), number);
      return true;
    }
    case Kind::Choice: {
      const int choice = choice_of(spec, text);
      if (choice < 0) return false;
      g_value_set_enum(init(enum_of(spec.choices)), choice);
      return true;
    }
    case Kind::String:
      break;
  }
  g_value_set_string(init(G_TYPE_STRING), text.c_str());
  return true;
}

GType number_type(const ParameterSpec &spec) {
  switch (spec.kind) {
    case Kind::Bool:
      return G_TYPE_BOOLEAN;
    case Kind::Int:
      return G_TYPE_INT64;
    case Kind::Float:
      return G_TYPE_DOUBLE;
    case Kind::Choice:
    case Kind::String:
      break;
  }
  return 0;
}

Number number_of(const ParameterSpec &spec, size_t index, const GValue *value) {
  Number number = {&spec, index, 0, 0};
  if (spec.kind == Kind::Float)
    number.real = g_value_get_double(value);
  else if (spec.kind == Kind::Bool)
    number.whole = g_value_get_boolean(value);
  else
    number.whole = g_value_get_int64(value);
  return number;
}

void value_of(const Number &number, GValue *value) {
  g_value_init(value, number_type(*number.spec));
  if (number.spec->kind == Kind::Float)
    g_value_set_double(value, number.real);
  else if (number.spec->kind == Kind::Bool)
    g_value_set_boolean(value, number.whole != 0);
  else
    g_value_set_int64(value, number.whole);
}

void plain_value(const GValue *value, GValue *plain) {
  if (!G_VALUE_HOLDS_ENUM(value)) {
    g_value_copy(value, g_value_init(plain, G_VALUE_TYPE(value)));
    return;
  }
  g_autoptr(GEnumClass) klass =
      static_cast<GEnumClass *>(g_type_class_ref(G_VALUE_TYPE(value)));
  const GEnumValue *found = g_enum_get_value(klass, g_value_get_enum(value));
  g_value_set_string(g_value_init(plain, G_TYPE_STRING),
                     found ? found->value_nick : "");
}

bool is_allowed(const ParameterSpec &spec, const GValue *value) {
  switch (spec.kind) {
    case Kind::Int: {
      const gint64 number = g_value_get_int64(value);
      return number >= whole_or(spec.minimum, G_MININT64) &&
             number <= whole_or(spec.maximum, G_MAXINT64);
    }
    case Kind::Float: {
      const double number = g_value_get_double(value);
      const double infinite = std::numeric_limits<double>::infinity();
      return number >= number_or(spec.minimum, -infinite) &&
             number <= number_or(spec.maximum, infinite);  // NaN is not
    }
    case Kind::Choice: {
      const int choice = g_value_get_enum(value);
      return choice >= 0 && choice < int(spec.choices.size());
    }
    case Kind::Bool:
    case Kind::String:
      break;
  }
  return true;
}

void clamp_value(const ParameterSpec &spec, GValue *value) {
  if (spec.kind == Kind::Int)
    g_value_set_int64(value, std::clamp(g_value_get_int64(value),
                                        whole_or(spec.minimum, G_MININT64),
                                        whole_or(spec.maximum, G_MAXINT64)));
  else if (spec.kind == Kind::Float)
    g_value_set_double(value, std::clamp(g_value_get_double(value),
                                         smallest(spec), largest(spec)));
}

std::string blurb_of(const ParameterSpec &spec) {
  std::string text = spec.description.empty() ? spec.name : spec.description;
  return spec.unit.empty() ? text : text + " (" + spec.unit + ")";
}

std::string signature_of(const std::vector<ParameterSpec> &specs) {
  std::string all;
  for (const ParameterSpec &spec : specs) {
    all += spec.name + word_for(parameter_words, spec.kind);
    for (const auto &[name, flag] : parameter_flags)
      all += spec.*flag ? '1' : '0';
    for (const auto &[name, text] : parameter_texts)
      all += '\n' + spec.*text;
    for (const std::string &choice : spec.choices)
      all += '\n' + choice;
    all += '\f';
  }
  return all;
}

}  // namespace pythonfilter
