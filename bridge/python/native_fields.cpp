// SPDX-License-Identifier: LGPL-2.1-or-later
#include "native_fields.hpp"

#include <algorithm>
#include <strings.h>

#include "../text.hpp"

namespace pythonfilter {

namespace {

bool is_within(double value, const ParameterSpec &spec) {
  double limit;
  return value == value &&
         !(parse_number(spec.minimum, &limit) && value < limit) &&
         !(parse_number(spec.maximum, &limit) && value > limit);
}

bool is_within(int64_t value, const ParameterSpec &spec) {
  int64_t limit;
  return !(parse_number(spec.minimum, &limit) && value < limit) &&
         !(parse_number(spec.maximum, &limit) && value > limit);
}

// As Param.parse() of base_plugin takes it.
bool find_truth(const std::string &text, bool *truth) {
  for (const char *word : {"true", "yes", "on", "1"})
    if (strcasecmp(text.c_str(), word) == 0) return *truth = true;
  *truth = false;
  for (const char *word : {"false", "no", "off", "0"})
    if (strcasecmp(text.c_str(), word) == 0) return true;
  return false;
}

}  // namespace

// Memory that is made again when a longer block comes, and not for each.
[[gnu::hot]] void NativeCurves::fill(const std::vector<Curve> *given,
                                     size_t frames, std::byte *record) {
  for (Each &curve : curves_) {
    const float *values = nullptr;
    float constant = 0;
    for (size_t i = 0; given && i < given->size(); i++) {
      const Curve &each = (*given)[i];
      if (each.name != curve.name) continue;
      constant = each.constant;
      if (each.values.size() >= frames) values = each.values.data();
    }
    if (!values) {
      curve.values.assign(frames, constant);
      values = curve.values.data();
    }
    store(record, curve.place, values);
  }
}

void NativeFields::list_curves(const std::string &prefix,
                               NativeCurves *curves) const {
  curves->clear();
  for (const Field &field : fields_)
    if (field.place != nowhere && field.spec->curve)
      curves->add(prefix + field.spec->name, field.place);
}

bool NativeFields::read(PyObject *list,
                        const std::vector<ParameterSpec> &specs) {
  fields_.clear();
  for (const ParameterSpec &spec : specs)
    fields_.push_back({&spec, nowhere});
  for (Py_ssize_t i = 0; i < PyList_Size(list); i++) {
    const char *name;
    Py_ssize_t place;
    if (!PyArg_ParseTuple(PyList_GET_ITEM(list, i), "sn", &name, &place))
      return false;
    for (Field &field : fields_)
      if (field.spec->name == name) field.place = place;
  }
  return true;
}

NativeFields::Set NativeFields::set(std::byte *record,
                                    const Parameter &parameter,
                                    std::string *problem) const {
  for (const Field &field : fields_) {
    const ParameterSpec &spec = *field.spec;
    if (spec.name != parameter.key) continue;
    if (field.place == nowhere) return Set::NotMine;
    // The values of a curve are the elements' to know.
    if (spec.curve || put(record, field, parameter.value)) return Set::Done;
    *problem = spec.name + " = " +
               (spec.secret ? "this value" : parameter.value) + ": must be " +
               spec.allowed;
    return Set::Refused;
  }
  return Set::NotMine;
}

bool NativeFields::set(std::byte *record, const Number &number) const {
  if (number.index >= fields_.size()) return false;
  const Field &field = fields_[number.index];
  const ParameterSpec &spec = *field.spec;
  // It was held against the limits that it was set under, which may be those of
  // the code before this.
  if (field.place == nowhere || spec.kind != number.spec->kind ||
      spec.name != number.spec->name || spec.minimum != number.spec->minimum ||
      spec.maximum != number.spec->maximum)
    return false;
  if (spec.curve) return true;
  if (spec.kind == ParameterSpec::Kind::Float)
    store(record, field.place, number.real);
  else if (spec.kind == ParameterSpec::Kind::Bool)
    store(record, field.place, uint8_t(number.whole));
  else
    store(record, field.place, number.whole);
  return true;
}

bool NativeFields::put(std::byte *record, const Field &field,
                       const std::string &text) {
  const ParameterSpec &spec = *field.spec;
  double number;
  int64_t whole;
  bool truth;
  switch (spec.kind) {
    case ParameterSpec::Kind::Float:
      if (!parse_number(text, &number) || !is_within(number, spec))
        return false;
      store(record, field.place, number);
      return true;
    case ParameterSpec::Kind::Int:
      if (!parse_number(text, &whole) || !is_within(whole, spec)) return false;
      store(record, field.place, whole);
      return true;
    case ParameterSpec::Kind::Bool:
      if (!find_truth(text, &truth)) return false;
      store(record, field.place, uint8_t(truth));
      return true;
    case ParameterSpec::Kind::Choice: {
      const auto found =
          std::find(spec.choices.begin(), spec.choices.end(), text);
      if (found == spec.choices.end()) return false;
      store(record, field.place, int64_t(found - spec.choices.begin()));
      return true;
    }
    case ParameterSpec::Kind::String:
      break;
  }
  return false;
}

void NativeFields::set_defaults(std::byte *record) const {
  for (const Field &field : fields_)
    if (field.place != nowhere && !field.spec->curve)
      put(record, field, field.spec->default_value);
}

}  // namespace pythonfilter
