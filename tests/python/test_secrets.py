# SPDX-License-Identifier: LGPL-2.1-or-later
"""A secret parameter is looked for everywhere that others can look.

Each place is searched for a second parameter too, which is no secret: a search
that does not find that one proves nothing.
"""

import pathlib

from application import run_application
from processes import launch

SECRET = "sesame-5e7d0c"
OPEN = "marker-91b3aa"

PLUGIN = """
import pathlib
from base_plugin import AudioProcessorPlugin

class Plugin(AudioProcessorPlugin):
    secrets = ("passphrase",)
    refuses = False
    fails = False

    def __init__(self):
        super().__init__()
        self.passphrase = ""
        self.plain = ""

    def set_parameter(self, key, value):
        if self.refuses and value.startswith("sesame"):
            try:
                raise KeyError(value)
            except KeyError as error:
                raise ValueError("cannot use " + value + " for " + key) from error
        if key == "passphrase":
            pathlib.Path("heard.txt").write_text(value)
        return super().set_parameter(key, value)

    def process_audio(self, buffer):
        if self.fails:
            raise ValueError(f"{self.passphrase} and {self.plain}")
"""
REFUSES = PLUGIN.replace("refuses = False", "refuses = True")
FAILS = PLUGIN.replace("fails = False", "fails = True")

# What anybody who holds the pipeline, or runs beside it, can get at.
WATCH = f"""
    import pathlib, subprocess
    # In a file: this program is on the command line.
    SECRET, OPEN = pathlib.Path("secret.txt").read_text(), {OPEN!r}
    places, noted = {{}}, []

    def add(place, *things):
        text = [t.to_string() if isinstance(t, Gst.Structure) else str(t) for t in things]
        places[place] = places.get(place, "") + "\\n".join(text) + "\\n"

    def look():
        for spec in p.list_properties():
            add("property", spec.name, p.get_property(spec.name))
        for detail in (Gst.DebugGraphDetails.ALL, Gst.DebugGraphDetails.VERBOSE):
            add("dot", Gst.debug_bin_to_dot_data(pipeline, detail))
            Gst.debug_bin_to_dot_file(pipeline, detail, "all")
        add("notify", *noted)
        while message := pipeline.get_bus().pop():
            read(message)

    def read(message):
        add("bus", message.get_structure())
        if message.type == Gst.MessageType.WARNING:
            error, debug = message.parse_warning()
            add("bus", error.message, debug, message.parse_warning_details())
        return message.type

    def note(element, child, spec, *rest):
        # As gst-launch-1.0 -v does.
        value = child.get_property(spec.name)
        noted.append(value.to_string() if isinstance(value, Gst.Structure) else value)

    pipeline, p = make("audiotestsrc num-buffers=20 ! audioconvert ! pythonfilter "
                       "name=p script=plugin.py on-error=drop ! fakesink")
    # What is told on the way to NULL as well.
    pipeline.set_property("auto-flush-bus", False)
    pipeline.connect("deep-notify", note)

    def play_all():
        pipeline.set_state(Gst.State.PLAYING)
        while read(pipeline.get_bus().timed_pop(20 * Gst.SECOND)) != Gst.MessageType.EOS:
            pass
        look()

    def told():
        pipeline.set_state(Gst.State.NULL)
        look()
        for name in ("environ", "cmdline"):
            add(name, pathlib.Path("/proc/self", name).read_bytes())
        quiet = {{k: v for k, v in os.environ.items() if not k.startswith("GST_DEBUG")}}
        add("inspect", subprocess.run(["gst-inspect-1.0", "pythonfilter"], env=quiet,
                                      capture_output=True, check=True).stdout)
        for dot in pathlib.Path(".").glob("*.dot"):
            add("dot file", dot.read_text())
        add("log", pathlib.Path("gst.log").read_text(errors="replace"))
        tell(places)
"""


def search(folder, code):
    """{place: text} after `code`, with all that GStreamer can write switched on."""
    pathlib.Path(folder, "secret.txt").write_text(SECRET)
    return run_application(
        folder,
        WATCH + code + "told()\n",
        GST_DEBUG="*:9",
        GST_DEBUG_FILE="gst.log",
        GST_DEBUG_NO_COLOR="1",
        GST_DEBUG_DUMP_DOT_DIR=".",
    )


def hits(places, text):
    return {name for name, content in places.items() if text in content}


def heard(folder):
    return pathlib.Path(folder, "heard.txt").read_text()


def test_a_secret_is_nowhere(files):
    folder = files({"plugin.py": PLUGIN})
    code = """
    pipeline.set_state(Gst.State.READY)
    p.props.params = params(passphrase=SECRET, plain=OPEN)
    look()
    play_all()
    """
    places = search(folder, code)
    assert heard(folder) == SECRET
    assert hits(places, SECRET) == set()
    assert {"property", "dot", "dot file", "notify"} <= hits(places, OPEN)
    # The others can be searched as well.
    assert "plugin.py" in places["log"]
    assert "pythonfilter-stats" in places["bus"]
    assert "GST_DEBUG_FILE" in places["environ"]
    assert "plugin.py" in places["cmdline"]
    assert "set_parameter" in places["inspect"]


def test_a_secret_that_was_set_in_null_is_nowhere_later(files):
    """Before the plugin is loaded nobody can know that it is one."""
    folder = files({"plugin.py": PLUGIN})
    code = """
    p.props.params = params(passphrase=SECRET, plain=OPEN)
    add("before", p.props.params)
    noted.clear()
    for _ in range(2):
        pathlib.Path("heard.txt").unlink(missing_ok=True)
        pipeline.set_state(Gst.State.READY)
        look()
        play_all()
        pipeline.set_state(Gst.State.NULL)
        look()
    """
    places = search(folder, code)
    assert heard(folder) == SECRET
    assert hits(places, SECRET) == {"before"}
    assert {"before", "property", "dot", "dot file"} <= hits(places, OPEN)


def test_a_refused_secret_is_not_told(files):
    folder = files({"plugin.py": REFUSES})
    code = """
    pipeline.set_state(Gst.State.READY)
    p.props.params = params(passphrase=SECRET)
    play_all()
    """
    places = search(folder, code)
    assert hits(places, SECRET) == set()
    refused = (
        "set_parameter() raised ValueError: refused the secret parameter passphrase"
    )
    assert refused in places["bus"]
    assert refused in places["log"]
    # The same, were it no secret.
    places = search(folder, code.replace("passphrase", "plain"))
    assert {"bus", "log"} <= hits(places, SECRET)


def test_a_secret_is_taken_out_of_a_later_traceback(files):
    folder = files({"plugin.py": FAILS})
    code = """
    pipeline.set_state(Gst.State.READY)
    p.props.params = params(passphrase=SECRET, plain=OPEN)
    play_all()
    """
    places = search(folder, code)
    assert heard(folder) == SECRET
    assert hits(places, SECRET) == set()
    assert f"... and {OPEN}" in places["bus"]
    assert {"bus", "log"} <= hits(places, OPEN)


def test_gst_launch_v_shows_no_secret(files):
    """One on a command line is none, but the element does not repeat it."""
    folder = files({"plugin.py": PLUGIN})
    line = (
        "audiotestsrc num-buffers=5 ! audioconvert ! pythonfilter "
        f"script=plugin.py params=p,plain={OPEN},passphrase={SECRET} ! fakesink"
    )
    result = launch(line, "-v", cwd=folder, GST_DEBUG_DUMP_DOT_DIR=folder)
    assert result.code == 0, result.err
    assert heard(folder) == SECRET
    dots = "".join(path.read_text() for path in pathlib.Path(folder).glob("*.dot"))
    assert OPEN in dots
    assert SECRET not in dots
    assert "caps = audio/x-raw" in result.out.decode()
    assert SECRET not in result.out.decode() + result.err


CLOSED = """
from base_plugin import AudioProcessorPlugin, Param

class Closed(AudioProcessorPlugin):
    fail_closed = True
    key_file = Param("")

    def set_parameter(self, key, value):
        if len(value) > 20:
            raise ValueError("a key in place of its name")
        return super().set_parameter(key, value)

    def process_audio(self, buffer): pass
"""


def test_a_key_that_was_refused_is_not_shown_any_more(files):
    """In whatever form people have keys in."""
    folder = files({"plugin.py": CLOSED})
    left = run_application(
        folder,
        """
        import base64
        left = []
        key = bytes(range(100, 132))
        forms = [key.hex(), key.hex(":"), "0x" + key[:16].hex(), key.hex(" ")]
        for each in (base64.b64encode(key), base64.urlsafe_b64encode(key[:16])):
            forms += [each.decode(), each.decode().rstrip("=")]
        for form in forms:
            pipeline, p = make("audiotestsrc num-buffers=2 ! pythonfilter name=p "
                               "script=plugin.py ! fakesink")
            p.props.params = params(key_file=form)
            pipeline.set_state(Gst.State.PLAYING)
            message = wait(pipeline).parse_error()[0].message
            assert "in place of its name" in message, message
            shown = p.props.params.to_string() if p.props.params else ""
            pipeline.set_state(Gst.State.NULL)
            if "key_file" in shown:
                left.append(form)
        tell(left)
        """,
    )
    assert left == []


def test_the_log_has_no_values_of_a_plugin_that_fails_closed(files):
    """A key with a typing error, which nobody can tell from a name."""
    folder = files({"plugin.py": CLOSED, "open.py": CLOSED.replace("True", "False")})
    for name, there in (("plugin", False), ("open", True)):
        result = launch(
            f"audiotestsrc num-buffers=2 ! pythonfilter script={folder}/{name}.py "
            "params=p,key_file=a-typing-error ! fakesink",
            GST_DEBUG="pythonfilter:7",
        )
        assert result.code == 0, result.err
        assert "key_file" in result.err
        assert ("a-typing-error" in result.err) is there
