#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints what the elements say of themselves, as Markdown.

    element_reference.py [elements.md | reference.md | --write]

And the names of base_plugin. GST_PLUGIN_PATH says where the elements are: build/gst
after a build. --write puts it into the pages, where a line says that it is made.
"""

import pathlib
import re
import sys
import types
import tempfile

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

SOURCES = pathlib.Path(__file__).parents[1] / "gst"
PLUGIN = "pythonfilter"
FAILING = "def process_audio(buffer):\n    raise ValueError('too loud')\n"


def table(head, rows):
    """A Markdown table."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    lines = [" | ".join(row) for row in [head, ["---"] * len(head), *cells]]
    return "".join(f"| {line} |\n" for line in lines)


def comment(name):
    """The documentation comment of the element's source, as Markdown."""
    source = (SOURCES / f"gst{name}.cpp").read_text()
    text = re.search(r"/\*\*\n \* SECTION:.*?\n \*\n(.*?) \*/", source, re.DOTALL)[1]
    text = re.sub(r"^ \* ?", "", text, flags=re.MULTILINE)
    text = re.sub(r"\|\[\n(.*?)\]\| *", r"```sh\n\1```\n\n", text, flags=re.DOTALL)
    text = re.sub(r"#(?:\w+:)?(\w[\w-]*)", r"`\1`", text.replace("\n## ", "\n### "))
    return re.sub(r"^### Example launch line\n", "", text, flags=re.MULTILINE)


def enum_values(spec):
    """The values of an enum by their numbers; none for another type."""
    if not spec.value_type.is_a(GObject.TYPE_ENUM):
        return {}
    # Only a value leads to the class in every version of PyGObject.
    made = type(GObject.new(spec.owner_type).get_property(spec.name))
    values = getattr(made, "__enum_values__", None)
    return {int(v): v for v in (values.values() if values else made)}


def default(spec):
    """The default value as gst-launch-1.0 would take it."""
    value = getattr(spec, "default_value", None)  # a boxed type has none
    if value is None or not spec.flags & GObject.ParamFlags.WRITABLE:
        return ""
    if values := enum_values(spec):
        return f"`{values[int(value)].value_nick}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def type_name(kind):
    """A type as gst-launch-1.0 calls it."""
    named = {"gchararray": "string", "gboolean": "boolean"}
    return named.get(kind.name, kind.name.removeprefix("g"))


def kind(spec):
    """The type, and the values it can have."""
    if enum_values(spec):
        return "enum"
    name = type_name(spec.value_type)
    if hasattr(spec, "minimum"):
        return f"{name}, {spec.minimum}–{spec.maximum}"
    return name


def explanation(spec):
    """What it is for, what its values mean, and whether it changes in PLAYING."""
    text = spec.blurb
    if values := enum_values(spec).values():
        text += ": " + "; ".join(f"`{v.value_nick}`: {v.value_name}" for v in values)
    if not spec.flags & GObject.ParamFlags.WRITABLE:
        text += " (read only)"
    if spec.flags & Gst.PARAM_MUTABLE_PLAYING:
        text += " (while playing too)"
    if spec.flags & Gst.PARAM_CONTROLLABLE:
        text += " (controllable)"
    return text


def properties(element):
    """Its own ones in full, inherited ones by name."""
    own = [s for s in element.list_properties() if s.owner_type == element.__gtype__]
    head = ["property", "type", "default", "what it is"]
    yield "### Properties\n\n"
    rows = [[f"`{s.name}`", kind(s), default(s), explanation(s)] for s in own]
    yield table(head, rows)
    # Which ones these are is another question in each version of GStreamer.
    owners = {s.owner_type.name: None for s in element.list_properties()}
    del owners[element.__gtype__.name]
    yield f"\nAnd those of {' and '.join(reversed(owners))}.\n\n"


def pads(factory):
    """Name, direction and caps of the pad templates."""
    yield "### Pads\n\n"
    # A registry that was read has them the other way round than one just made.
    templates = factory.get_static_pad_templates()
    for template in sorted(templates, key=lambda each: each.name_template):
        where = f"{template.direction.value_nick}, {template.presence.value_nick}"
        caps = template.get_caps().to_string().replace("; ", ";\n")
        yield f"`{template.name_template}` ({where}):\n\n```text\n{caps}\n```\n\n"


def signals(element):
    """Its own signals, with the types of what they take and return."""
    rows = []
    for number in GObject.signal_list_ids(element.__gtype__):
        query = GObject.signal_query(number)
        taken = ", ".join(type_name(each) for each in query.param_types)
        action = query.signal_flags & GObject.SignalFlags.ACTION
        how = "to emit" if action else "to connect to"
        call = f"`{query.signal_name}({taken})`"
        rows.append([call, type_name(query.return_type), how])
    if rows:
        yield "### Signals\n\n" + table(["signal", "returns", ""], rows) + "\n"


def posted(line, wanted):
    """The first message for which wanted(message) gives something, and that."""
    pipeline = Gst.parse_launch(line)
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    try:
        while message := bus.timed_pop(20 * Gst.SECOND):
            if found := wanted(message):
                return message, found
    finally:
        pipeline.set_state(Gst.State.NULL)
    raise RuntimeError(f"no message from: {line}")


def fields(structure):
    """Name and type of each field."""
    names = map(structure.nth_field_name, range(structure.n_fields()))
    return [(f"`{name}`", type_name(structure.get_field_type(name))) for name in names]


def messages():
    """What the elements posted: an ERROR of a failed call, and the statistics."""
    with tempfile.TemporaryDirectory() as folder:
        plugin = pathlib.Path(folder) / "loud.py"
        plugin.write_text(FAILING)
        start = "audiotestsrc num-buffers=3 ! audioconvert ! pythonfilter script="

        def details(message):
            failed = message.type == Gst.MessageType.ERROR
            return failed and message.parse_error_details()

        message, exception = posted(f'{start}"{plugin}" ! fakesink', details)
        text = message.parse_error()[0].message.replace(f"{folder}/", "")
    passthrough = SOURCES.parent / "plugins_py" / "passthrough.py"
    stats = posted(
        f'{start}"{passthrough}" ! fakesink',
        lambda m: m.type == Gst.MessageType.ELEMENT and m.get_structure(),
    )[1]
    yield "## Messages\n\n"
    yield f"A plugin that does this in line 2:\n\n```text\n{FAILING}```\n\n"
    yield f"makes this ERROR:\n\n```text\n{text}\n```\n\n"
    for structure in (exception, stats):
        yield f"The fields of `{structure.get_name()}`:\n\n"
        yield table(["field", "type"], fields(structure)) + "\n"


def reference():
    """All of it."""
    registry = Gst.Registry.get()
    features = registry.get_feature_list_by_plugin(PLUGIN)
    # Those named py-… are somebody's plugins.
    names = sorted(f.get_name() for f in features if not f.get_name().startswith("py-"))
    if not names:
        sys.exit(f"there is no plugin {PLUGIN}: set GST_PLUGIN_PATH to build/gst")
    for name in names:
        factory = registry.lookup_feature(name).load()
        element = factory.create(None)
        yield f"\n## {name}\n\n"
        yield comment(name) + "\n"
        for part in (properties(element), pads(factory), signals(element)):
            yield from part
    yield from messages()


def names():
    """What base_plugin has, each with the first sentence of its docstring."""
    sys.path.insert(0, str(SOURCES.parent / "plugins_py"))
    import base_plugin

    rows = []
    for name in base_plugin.__all__:
        thing = getattr(base_plugin, name)
        doc = "A type, for annotations."
        if isinstance(thing, (type, types.FunctionType)):
            doc = thing.__doc__
        elif isinstance(thing, int):
            doc = f"The number {int(thing)}."
        first = " ".join((doc or "").partition("\n\n")[0].split()).replace("``", "`")
        rows.append([f"`{name}`", first.rstrip(":")])
    yield table(["name", ""], rows)


MADE = "<!-- made -->\n"
PAGES = {"elements.md": reference, "reference.md": names}


def main():
    """Prints it, or writes the pages."""
    Gst.init(None)
    for name, make in PAGES.items():
        made = "".join(make())
        page = pathlib.Path(__file__).with_name(name)
        before, _, rest = page.read_text().partition(MADE)
        after = rest.partition(MADE)[2]
        if sys.argv[1:] == ["--write"]:
            page.write_text(before + MADE + made + (MADE + after if after else ""))
        elif sys.argv[1:] in ([], [name]):
            print(made, end="")


if __name__ == "__main__":
    main()
