// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pluginparams.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "parametertypes.hpp"

namespace pythonfilter {

namespace {

// As set_parameter() gets it: 0.5, 7, true, warm. Numbers in their shortest
// form that reads back equal.
std::string value_to_text(const GValue *value) {
  if (G_VALUE_HOLDS_STRING(value)) {
    const char *text = g_value_get_string(value);
    return text ? text : "";
  }
  if (G_VALUE_HOLDS_DOUBLE(value)) return shortest(g_value_get_double(value));
  if (G_VALUE_HOLDS_FLOAT(value)) return shortest(g_value_get_float(value));
  g_autofree char *text = gst_value_serialize(value);
  return text ? text : "";
}

// Whether a text is what GStreamer may have read this value from.
bool reads_as(const std::string &text, const GValue *value) {
  g_auto(GValue) read = G_VALUE_INIT;
  g_value_init(&read, G_VALUE_TYPE(value));
  return gst_value_deserialize(&read, text.c_str()) &&
         gst_value_compare(&read, value) == GST_VALUE_EQUAL;
}

// Puts what the plugin says a parameter is now into its field, keeping the
// field's type where the text can be read as it.
void set_from_text(GstStructure *params, const char *key,
                   const std::string &text) {
  const GValue *now = gst_structure_get_value(params, key);
  if (now && value_to_text(now) == text) return;
  g_auto(GValue) value = G_VALUE_INIT;
  if (now && !G_VALUE_HOLDS_STRING(now) &&
      gst_value_deserialize(g_value_init(&value, G_VALUE_TYPE(now)),
                            text.c_str()))
    gst_structure_set_value(params, key, &value);
  else
    gst_structure_set(params, key, G_TYPE_STRING, text.c_str(), nullptr);
}

void wipe(std::optional<std::string> *text) {
  if (*text) pythonfilter::wipe(&**text);
  text->reset();
}

// Nothing is made anew where there is one of this type.
void set_field(GstStructure *fields, const char *key, const GValue *value) {
  auto *now = const_cast<GValue *>(gst_structure_get_value(fields, key));
  if (now && G_VALUE_TYPE(now) == G_VALUE_TYPE(value))
    g_value_copy(value, now);
  else
    gst_structure_set_value(fields, key, value);
}

// A word this short is in any text by chance, and hiding it there tells it.
constexpr size_t shortest_redacted = 4;

// In base64 of either alphabet, with its padding or without, or in hexadecimal
// digits: what _keys.py takes for a key, which refuses it.
bool looks_like_a_key(const std::string &text) {
  constexpr size_t sizes[] = {16, 20, 24, 28, 32, 48, 64, 96, 128};
  std::string digits;
  for (const char c : text)
    if (!strchr(": \t\r\n", c)) digits += c;
  while (!digits.empty() && digits.back() == '=')
    digits.pop_back();
  if (g_ascii_strncasecmp(digits.c_str(), "0x", 2) == 0) digits.erase(0, 2);
  const auto is_hexadecimal = [](char c) { return bool(g_ascii_isxdigit(c)); };
  const auto is_base64 = [](char c) {
    return g_ascii_isalnum(c) || strchr("+/-_", c);
  };
  if (!std::all_of(digits.begin(), digits.end(), is_base64)) return false;
  const bool in_twos =
      std::all_of(digits.begin(), digits.end(), is_hexadecimal);
  const size_t size = in_twos ? digits.size() / 2 : digits.size() * 3 / 4;
  return std::find(std::begin(sizes), std::end(sizes), size) != std::end(sizes);
}

void redact_text(std::string *text, const std::string &secret) {
  for (size_t at; (at = text->find(secret)) != std::string::npos;)
    text->replace(at, secret.size(), "...");
}

}  // namespace

PluginParams::~PluginParams() {
  forget_secrets();
  if (params_) gst_structure_free(params_);
  if (accepted_) gst_structure_free(accepted_);
}

void PluginParams::set(const GstStructure *changes) {
  std::lock_guard lock(mutex_);
  if (!params_)
    params_ = gst_structure_new_empty(gst_structure_get_name(changes));
  for (int i = 0; i < gst_structure_n_fields(changes); i++) {
    const char *key = gst_structure_nth_field_name(changes, guint(i));
    properties_.erase(key);
    put(key, gst_structure_get_value(changes, key));
  }
}

// A text as it was written, where GStreamer took it for something else: the one
// choice that reads as this. NULL: nobody knows any more.
const GValue *PluginParams::as_text(const std::string &key, const GValue *value,
                                    GValue *text) {
  misread_.erase(key);
  const auto known = texts_.find(key);
  if (known == texts_.end() || G_VALUE_HOLDS_STRING(value)) return value;
  const std::string *only = nullptr;
  int found = 0;
  for (const std::string &choice : known->second) {
    if (!reads_as(choice, value)) continue;
    only = &choice;
    found++;
  }
  if (found != 1) {
    misread_[key] = secrets_.count(key) ? "" : value_to_text(value);
    return value;
  }
  g_value_set_string(g_value_init(text, G_TYPE_STRING), only->c_str());
  return text;
}

bool PluginParams::is_as_written(const std::string &key,
                                 Failure *failure) const {
  std::lock_guard lock(mutex_);
  const auto found = misread_.find(key);
  if (found == misread_.end()) return true;
  *failure = {
      Failure::Kind::Refused, "set_parameter", "",
      key + " is a text, and GStreamer takes what params gives it for " +
          (found->second.empty() ? "a number or a truth value"
                                 : "the value " + found->second) +
          ", which is no text: put (string) before it, as in params=\"p," +
          key + "=(string)...\", or write plugin::" + key + "=..."};
  return false;
}

void PluginParams::declare(const std::vector<ParameterSpec> &specs) {
  std::lock_guard lock(mutex_);
  texts_.clear();
  for (const ParameterSpec &spec : specs)
    if (spec.kind == ParameterSpec::Kind::String ||
        spec.kind == ParameterSpec::Kind::Choice)
      texts_[spec.name] = spec.choices;
}

void PluginParams::put(const char *key, const GValue *given) {
  g_auto(GValue) written = G_VALUE_INIT;
  const GValue *value = as_text(key, given, &written);
  std::string text = value_to_text(value);
  const auto secret = secrets_.find(key);
  if (secret == secrets_.end()) {
    gst_structure_set_value(params_, key, value);
  } else {
    wipe(&secret->second.value);
    secret->second.value = text;
  }
  pending_.set(Change(Parameter{key, std::move(text)}));
  changed_ = true;
}

void PluginParams::note_property(const std::string &key) {
  if (!params_) params_ = gst_structure_new_empty("p");
  if (!gst_structure_has_field(params_, key.c_str())) properties_.insert(key);
}

void PluginParams::set_property(const std::string &key, const GValue *value) {
  std::lock_guard lock(mutex_);
  note_property(key);
  put(key.c_str(), value);
}

void PluginParams::set_number(const Number &number, const GValue *value) {
  const std::string &key = number.spec->name;
  std::lock_guard lock(mutex_);
  note_property(key);
  if (secrets_.count(key)) return put(key.c_str(), value);
  set_field(params_, key.c_str(), value);
  pending_.set(Change(number));
  changed_ = true;
}

bool PluginParams::read(const std::string &key, std::string *text) const {
  std::lock_guard lock(mutex_);
  const GValue *value =
      params_ ? gst_structure_get_value(params_, key.c_str()) : nullptr;
  if (value) *text = value_to_text(value);
  return value != nullptr;
}

bool PluginParams::read_number(const std::string &key, GValue *value) const {
  std::lock_guard lock(mutex_);
  const GValue *now =
      params_ ? gst_structure_get_value(params_, key.c_str()) : nullptr;
  if (!now || G_VALUE_TYPE(now) != G_VALUE_TYPE(value)) return false;
  g_value_copy(now, value);
  return true;
}

bool PluginParams::knows_secrets() const {
  std::lock_guard lock(mutex_);
  return knows_secrets_;
}

bool PluginParams::is_secret(const std::string &key) const {
  std::lock_guard lock(mutex_);
  return secrets_.count(key) > 0;
}

void PluginParams::get(GValue *value) const {
  std::lock_guard lock(mutex_);
  gst_value_set_structure(value, params_);
}

void PluginParams::begin(const std::vector<std::string> &secrets,
                         const std::vector<ParameterSpec> &specs) {
  declare(specs);
  std::lock_guard lock(mutex_);
  knows_secrets_ = true;
  pending_.clear();
  g_clear_pointer(&accepted_, gst_structure_free);
  accepted_numbers_.clear();
  std::map<std::string, Secret> before;
  before.swap(secrets_);
  for (const std::string &key : secrets) {
    Secret &secret = secrets_[key];
    if (auto known = before.find(key); known != before.end())
      secret.value.swap(known->second.value);
    const GValue *shown =
        params_ ? gst_structure_get_value(params_, key.c_str()) : nullptr;
    if (shown) {
      g_auto(GValue) written = G_VALUE_INIT;
      wipe(&secret.value);
      secret.value = value_to_text(as_text(key, shown, &written));
      gst_structure_remove_field(params_, key.c_str());
    }
    if (secret.value) pending_.set(Change(Parameter{key, *secret.value}));
  }
  for (auto &[key, secret] : before) {
    wipe(&secret.value);
    wipe(&secret.accepted);
  }
  for (int i = 0; params_ && i < gst_structure_n_fields(params_); i++) {
    const char *key = gst_structure_nth_field_name(params_, guint(i));
    GValue written = G_VALUE_INIT;
    const GValue *value =
        as_text(key, gst_structure_get_value(params_, key), &written);
    pending_.set(Change(Parameter{key, value_to_text(value)}));
    if (G_IS_VALUE(&written)) gst_structure_take_value(params_, key, &written);
  }
}

void PluginParams::declare(const std::vector<std::string> &secrets) {
  std::lock_guard lock(mutex_);
  write_accepted();
  for (const std::string &key : secrets) {
    if (secrets_.count(key)) continue;
    Secret &secret = secrets_[key];
    for (const auto &[fields, text] :
         {std::pair(params_, &secret.value), {accepted_, &secret.accepted}}) {
      const GValue *shown =
          fields ? gst_structure_get_value(fields, key.c_str()) : nullptr;
      if (!shown) continue;
      *text = value_to_text(shown);
      gst_structure_remove_field(fields, key.c_str());
    }
  }
}

std::vector<Parameter> PluginParams::accepted() {
  std::lock_guard lock(mutex_);
  write_accepted();
  std::vector<Parameter> all;
  for (int i = 0; accepted_ && i < gst_structure_n_fields(accepted_); i++) {
    const char *key = gst_structure_nth_field_name(accepted_, guint(i));
    all.push_back(
        {key, value_to_text(gst_structure_get_value(accepted_, key))});
  }
  for (const auto &[key, secret] : secrets_)
    if (secret.accepted) all.push_back({key, *secret.accepted});
  return all;
}

void PluginParams::forget_secrets() {
  std::lock_guard lock(mutex_);
  for (auto &[key, secret] : secrets_) {
    wipe(&secret.value);
    wipe(&secret.accepted);
    pending_.forget(key);
  }
  secrets_.clear();
  texts_.clear();
  misread_.clear();
  knows_secrets_ = false;
  for (const std::string &key : properties_)
    gst_structure_remove_field(params_, key.c_str());
  properties_.clear();
}

std::vector<Parameter> PluginParams::pending() {
  std::lock_guard lock(mutex_);
  std::vector<Parameter> all;
  for (Change &each : pending_)
    all.push_back(*each.write_out());
  return all;
}

void PluginParams::take(Changes *changes) {
  std::lock_guard lock(mutex_);
  changed_ = false;
  pending_.swap(changes);
}

void PluginParams::accept(const Parameter &parameter) {
  std::lock_guard lock(mutex_);
  const char *key = parameter.key.c_str();
  if (auto secret = secrets_.find(key); secret != secrets_.end()) {
    wipe(&secret->second.accepted);
    secret->second.accepted = parameter.value;
    return;
  }
  set_from_text(params_, key, parameter.value);
  write_accepted();
  if (!accepted_) accepted_ = gst_structure_new_empty("p");
  gst_structure_set_value(accepted_, key,
                          gst_structure_get_value(params_, key));
}

// For each buffer of a plugin that is controlled: fields are found by a table
// of all names in the process, which nothing else there has in the caches.
void PluginParams::accept(const Number &number) {
  std::lock_guard lock(mutex_);
  if (number.index >= accepted_numbers_.size())
    accepted_numbers_.resize(number.index + 1);
  accepted_numbers_[number.index] = number;
}

void PluginParams::write_accepted() {
  for (const Number &number : accepted_numbers_) {
    if (!number.spec) continue;
    const std::string &key = number.spec->name;
    if (auto secret = secrets_.find(key); secret != secrets_.end()) {
      wipe(&secret->second.accepted);
      secret->second.accepted = Change(number).write_out()->value;
      continue;
    }
    if (!accepted_) accepted_ = gst_structure_new_empty("p");
    g_auto(GValue) value = G_VALUE_INIT;
    value_of(number, &value);
    gst_structure_set_value(accepted_, key.c_str(), &value);
  }
  accepted_numbers_.clear();
}

void PluginParams::take_back(const std::string &key) {
  std::lock_guard lock(mutex_);
  if (pending_.has(key)) return;
  write_accepted();
  if (auto found = secrets_.find(key); found != secrets_.end()) {
    Secret &secret = found->second;
    wipe(&secret.value);
    // Not an assignment of one that may be empty, of which GCC 14 warns.
    if (secret.accepted) secret.value = *secret.accepted;
    return;
  }
  restore(key);
}

void PluginParams::forget_key(const Parameter &refused) {
  if (!looks_like_a_key(refused.value)) return;
  std::lock_guard lock(mutex_);
  if (pending_.has(refused.key)) return;
  write_accepted();
  // A secret's is still needed, to be taken out of what is told.
  if (!secrets_.count(refused.key)) restore(refused.key);
}

void PluginParams::restore(const std::string &key) {
  const GValue *before =
      accepted_ ? gst_structure_get_value(accepted_, key.c_str()) : nullptr;
  if (before)
    gst_structure_set_value(params_, key.c_str(), before);
  else
    gst_structure_remove_field(params_, key.c_str());
}

void PluginParams::redact(Failure *failure) const {
  std::lock_guard lock(mutex_);
  for (const auto &[key, secret] : secrets_)
    for (const auto &each : {&secret.value, &secret.accepted})
      if (*each && (*each)->size() >= shortest_redacted)
        for (std::string *text :
             {&failure->type, &failure->message, &failure->file,
              &failure->function, &failure->traceback})
          redact_text(text, **each);
}

}  // namespace pythonfilter
