// SPDX-License-Identifier: LGPL-2.1-or-later
#include "portpads.hpp"

#include <algorithm>

#include "element/pythonelement.hpp"

namespace pythonfilter {

namespace {

bool is_number(const std::string &name) {
  return !name.empty() &&
         name.find_first_not_of("0123456789") == std::string::npos;
}

bool is_among(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

PortPads::PortPads(GstElement *element, GstPadDirection direction)
    : element_(element),
      python_(PythonElement::of(element)),
      direction_(direction),
      prefix_(port_prefix(direction)) {}

GstPad *PortPads::make(const std::string &port) const {
  auto *klass = GST_ELEMENT_GET_CLASS(element_);
  const std::string name = prefix_ + port;
  GstPadTemplate *pads =
      gst_element_class_get_pad_template(klass, name.c_str());
  if (!pads)
    pads = gst_element_class_get_pad_template(klass, (prefix_ + "%u").c_str());
  return GST_PAD(g_object_new(GST_PAD_TEMPLATE_GTYPE(pads), "name",
                              name.c_str(), "direction", direction_, "template",
                              pads, nullptr));
}

// What is wrong with a port of that name; "": nothing.
std::string PortPads::problem_of(const Capabilities &plugin,
                                 const std::string &name) const {
  Port port;
  const bool known = python_->caps.find_port(name, &port);
  if (plugin.ports_come_and_go() ? is_number(name) : known) return "";
  std::string all;
  for (const Port &each : plugin.ports)
    all += (all.empty() ? "" : ", ") + prefix_ + each.name;
  return std::string("the plugin has no ") + what() + " for the pad " +
         prefix_ + name +
         (plugin.ports_come_and_go()
              ? ": its pads are " + prefix_ + "0, " + prefix_ + "1, …"
              : "; its pads are " + all);
}

std::vector<std::string> PortPads::names() const {
  std::vector<std::string> names;
  GST_OBJECT_LOCK(element_);
  GList *pads =
      direction_ == GST_PAD_SINK ? element_->sinkpads : element_->srcpads;
  for (GList *each = pads; each; each = each->next)
    names.push_back(port_name(each->data));
  GST_OBJECT_UNLOCK(element_);
  return names;
}

void PortPads::add_declared(const Add &add) const {
  auto *klass = GST_ELEMENT_GET_CLASS(element_);
  for (GList *each = gst_element_class_get_pad_template_list(klass); each;
       each = each->next) {
    auto *pads = static_cast<GstPadTemplate *>(each->data);
    const char *name = GST_PAD_TEMPLATE_NAME_TEMPLATE(pads);
    if (GST_PAD_TEMPLATE_DIRECTION(pads) == direction_ &&
        GST_PAD_TEMPLATE_PRESENCE(pads) == GST_PAD_ALWAYS)
      add(make(name + prefix_.size()));
  }
}

bool PortPads::complete(const Add &add) const {
  Capabilities plugin;
  python_->caps.declared(&plugin);
  const std::vector<std::string> now = names();
  for (const std::string &name : now) {
    const std::string problem = problem_of(plugin, name);
    if (problem.empty()) continue;
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS, ("%s", problem.c_str()),
                      (nullptr));
    return false;
  }
  if (plugin.ports_come_and_go()) {
    if (int(now.size()) <= plugin.port_count.max) return true;
    GST_ELEMENT_ERROR(element_, LIBRARY, SETTINGS,
                      ("the plugin has at most %d %ss, and there are %d pads",
                       plugin.port_count.max, what(), int(now.size())),
                      (nullptr));
    return false;
  }
  for (const Port &each : plugin.ports)
    if (!is_among(now, each.name)) add(make(each.name));
  return true;
}

GstPad *PortPads::make_wanted(GstPadTemplate *pads, const gchar *wanted) const {
  const std::vector<std::string> now = names();
  std::string name;
  if (wanted && !strchr(wanted, '%') &&
      g_str_has_prefix(wanted, prefix_.c_str()))
    name = wanted + prefix_.size();
  for (int i = 0; name.empty(); i++)
    if (!is_among(now, std::to_string(i))) name = std::to_string(i);
  Capabilities plugin;
  const bool known = python_->caps.declared(&plugin);
  const auto most =
      plugin.ports_come_and_go() ? plugin.port_count.max : max_ports;
  std::string problem = known ? problem_of(plugin, name) : "";
  if (problem.empty() && int(now.size()) >= most)
    problem = "there are " + std::to_string(most) + " " + what() + "s at most";
  if (problem.empty() && is_among(now, name))
    problem = "there is a pad " + prefix_ + name + " already";
  if (problem.empty()) return make(name);
  GST_WARNING_OBJECT(element_, "no pad of the template %s: %s",
                     GST_PAD_TEMPLATE_NAME_TEMPLATE(pads), problem.c_str());
  return nullptr;
}

}  // namespace pythonfilter
