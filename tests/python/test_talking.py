# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plugins say, by post(), logging and print(), and who gets to see it."""

import re
import textwrap

import pytest

from application import run_application
from processes import launch

LINE = "audiotestsrc num-buffers=2 ! pythonfilter name=p script={} ! fakesink"

# Of GStreamer's default log function, without colours.
RECORD = re.compile(
    r"^[\d:.]+ +\d+ +\w+ +(?P<level>\w+) +pythonplugin "
    r"(?P<file>[^:]+):(?P<line>\d+):(?P<function>[^:]+):(?P<object><[^>]*>)? (?P<text>.*)$",
    re.M,
)


def records(result):
    """(level, file, line, function, object, text) of each record logged."""
    return [
        (m["level"], m["file"], int(m["line"]), m["function"], m["object"], m["text"])
        for m in RECORD.finditer(result.err)
    ]


def logged(folder, source, level=5, line=LINE, **env):
    (folder / "plugin.py").write_text(textwrap.dedent(source))
    if level is not None:
        env["GST_DEBUG"] = f"pythonplugin:{level}"
    result = launch(line.format("plugin.py"), cwd=folder, GST_DEBUG_NO_COLOR=1, **env)
    assert result.code == 0, result.err
    assert result.out == b""
    return result


# ---- messages ---------------------------------------------------------------


def test_application_reads_what_was_posted(files):
    source = """
    import numpy as np
    from base_plugin import AudioProcessorPlugin
    class Plugin(AudioProcessorPlugin):
        def process_audio(self, buffer):
            self.post("measured", on=True, count=2**40, level=-3.5, name="grün",
                      peaks=np.array([0.5, 0.25], "f4"), numbers=(1, 2), names=["a"])
    """
    folder = files({"plugin.py": source})
    code = f"""
    pipeline, p = make("{LINE.format('plugin.py')}")
    pipeline.set_state(Gst.State.PLAYING)
    message = wait(pipeline, Gst.MessageType.ELEMENT)
    assert message.src == p
    told = fields(message.get_structure())
    pipeline.set_state(Gst.State.NULL)
    tell([message.get_structure().get_name(), {{
        name: value if isinstance(value, (bool, int, float, str)) else list(value)
        for name, value in told.items()}}])
    """
    name, told = run_application(folder, code)
    assert name == "measured"
    assert told == {
        "timestamp": 0,
        "stream-time": 0,
        "running-time": 0,
        "duration": 23219954,
        "on": True,
        "count": 2**40,
        "level": -3.5,
        "name": "grün",
        "peaks": [0.5, 0.25],
        "numbers": [1, 2],
        "names": ["a"],
    }


def test_application_stops_the_pipeline_on_a_message(files):
    """From a bus watch, while the plugin goes on posting."""
    source = """
    from base_plugin import AudioProcessorPlugin
    class Plugin(AudioProcessorPlugin):
        def process_audio(self, buffer):
            self.post("again")
    """
    folder = files({"plugin.py": source})
    code = """
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script=plugin.py ! fakesink")
    loop = GLib.MainLoop()
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::element", lambda bus, message: loop.quit())
    # In the streaming thread, which takes the GIL for it.
    seen = []
    bus.enable_sync_message_emission()
    bus.connect("sync-message::element", lambda bus, message: seen.append(1))
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    tell(len(seen) > 0)
    """
    assert run_application(folder, code) is True


# ---- logging, where the element started Python ------------------------------

LOGGING = """\
import logging, threading
log = logging.getLogger(__name__)
log.info("loaded")
class Plugin:
    def __init__(self):
        log.debug("made %d", 1)
    def process_audio(self, buffer):
        if buffer.offset:
            return
        logging.warning("of the root")
        logging.getLogger("a.library").error("of a library")
        log.critical("a critical")
        thread = threading.Thread(target=self.in_thread)
        thread.start()
        thread.join()
    def in_thread(self):
        log.warning("in a thread")
        logging.warning("nobody's")
"""

ALL = [
    ("INFO", "plugin.py", 3, "<module>", "<p>", "loaded"),
    ("DEBUG", "plugin.py", 6, "__init__", "<p>", "made 1"),
    ("WARN", "plugin.py", 10, "process_audio", "<p>", "of the root"),
    ("ERROR", "plugin.py", 11, "process_audio", "<p>", "a.library: of a library"),
    ("ERROR", "plugin.py", 12, "process_audio", "<p>", "a critical"),
    ("WARN", "plugin.py", 17, "in_thread", "<p>", "in a thread"),
    ("WARN", "plugin.py", 18, "in_thread", None, "nobody's"),
]
SHOWN = {1: ["ERROR"], 2: ["ERROR", "WARN"], 4: ["ERROR", "WARN", "INFO"]}


@pytest.mark.parametrize("level", [1, 2, 4, 5, 9])
def test_log_has_level_place_and_object(tmp_path, level):
    wanted = [each for each in ALL if each[0] in SHOWN.get(level, each[0])]
    assert records(logged(tmp_path, LOGGING, level)) == wanted


@pytest.mark.parametrize("level", [None, 0])
def test_without_the_category_warnings_are_shown_as_python_shows_them(tmp_path, level):
    result = logged(tmp_path, LOGGING, level)
    assert result.err.splitlines() == [
        "of the root",
        "of a library",
        "a critical",
        "in a thread",
        "nobody's",
    ]


def test_two_elements_log_as_themselves(tmp_path):
    source = """
    import logging
    class Plugin:
        def set_parameter(self, key, value):
            self.value = value
        def start(self):
            logging.getLogger(__name__).info("I am %s", self.value)
            logging.info("root, too")
        def process_audio(self, buffer):
            pass
    """
    line = (
        "audiotestsrc num-buffers=1 ! pythonfilter name=one script=plugin.py params=p,a=1 "
        "! pythonfilter name=two script=plugin.py params=p,a=2 ! fakesink"
    )
    found = records(logged(tmp_path, source, line=line))
    assert sorted((each[4], each[5]) for each in found) == [
        ("<one>", "I am 1"),
        ("<one>", "root, too"),
        ("<two>", "I am 2"),
        ("<two>", "root, too"),
    ]


def test_traceback_is_logged(tmp_path):
    source = """
    import logging
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger(__name__).exception("caught")
    def process_audio(buffer): pass
    """
    result = logged(tmp_path, source)
    assert [each[0] for each in records(result)] == ["ERROR"]
    assert re.search(r"caught\nTraceback.*\n.*plugin.py.*\n.*1 / 0\n", result.err)


def test_record_that_cannot_be_formatted_fails_nothing(tmp_path):
    source = """
    import logging
    class Bad:
        def __str__(self):
            raise ValueError("no text")
    def process_audio(buffer):
        logging.getLogger(__name__).error("%s", Bad())
        logging.getLogger(__name__).error("%d", "x")
        logging.getLogger(__name__).error("100%s %n")
        logging.getLogger(__name__).error("a\\0b \\udc80 \\u00e4")
    """
    result = logged(tmp_path, source)
    assert [each[5] for each in records(result)][:2] == ["100%s %n", r"a\0b \udc80 ä"]


def test_last_words_before_a_crash_are_shown(tmp_path):
    source = """
    import logging, os
    def process_audio(buffer):
        logging.getLogger(__name__).info("about to go")
        os._exit(7)
    """
    (tmp_path / "plugin.py").write_text(textwrap.dedent(source))
    result = launch(LINE.format("plugin.py"), cwd=tmp_path, GST_DEBUG="pythonplugin:4")
    assert result.code == 7
    assert "about to go" in result.err


def test_what_is_not_shown_is_not_made(tmp_path):
    source = """
    import logging
    class Costly:
        def __str__(self):
            raise SystemExit("formatted")
    log = logging.getLogger(__name__)
    assert not log.isEnabledFor(logging.INFO)
    def process_audio(buffer):
        log.info("%s", Costly())
        logging.info("%s", Costly())
    """
    assert records(logged(tmp_path, source, level=2)) == []


def test_plugins_own_handlers_still_work(tmp_path):
    source = """
    import logging
    handler = logging.FileHandler("own.log")
    logging.getLogger().addHandler(handler)
    logging.getLogger(__name__).warning("to both")
    def process_audio(buffer): pass
    """
    for level in (0, 1, 5):
        (tmp_path / "own.log").unlink(missing_ok=True)
        found = records(logged(tmp_path, source, level))
        assert [each[5] for each in found] == (["to both"] if level == 5 else [])
        assert (tmp_path / "own.log").read_text() == "to both\n"


CONFIGURED = """
import logging
logging.basicConfig(level=logging.DEBUG, format="MY %(name)s %(message)s")
log = logging.getLogger(__name__)
def process_audio(b):
    if not b.offset:
        logging.info("root info"); log.info("own info"); log.warning("own warning")
        logging.getLogger("lib").warning("lib warning"); log.debug("own debug")
"""
MINE = [
    "MY root root info", "MY plugin own info", "MY plugin own warning",
    "MY lib lib warning", "MY plugin own debug",
]  # fmt: skip


@pytest.mark.parametrize("level", [None, 2])
def test_basic_config_of_a_plugin_works(tmp_path, level):
    result = logged(tmp_path, CONFIGURED, level)
    assert [line for line in result.err.splitlines() if line[:2] == "MY"] == MINE
    shown = [each[5] for each in records(result)]
    assert shown == (["own warning", "lib: lib warning"] if level else [])


def test_basic_config_of_a_plugin_in_a_worker_works(tmp_path):
    line = LINE.replace("script", "isolation=process script")
    result = logged(tmp_path, CONFIGURED, 4, line)
    assert re.findall(r"output:0::<p> (.*)", result.err) == MINE


def test_each_plugin_has_its_own_logger_of_a_name(tmp_path):
    """With its own handlers, also after the other one is gone."""
    source = """
    import logging, sys
    log = logging.getLogger(__name__)
    assert not log.handlers or type(log.handlers[0]).__module__.startswith("_python")
    log.addHandler(logging.StreamHandler(sys.stderr))
    def process_audio(b):
        if not b.offset:
            log.warning("a warning")
    """
    (tmp_path / "two").mkdir()
    (tmp_path / "two/plugin.py").write_text(textwrap.dedent(source))
    line = LINE.replace("!", "! pythonfilter name=q script=two/plugin.py !", 1)
    result = logged(tmp_path, source, 5, line)
    assert result.err.splitlines().count("a warning") == 2
    assert sorted(each[4] for each in records(result)) == ["<p>", "<q>"]


def test_print_goes_to_standard_error(tmp_path):
    source = """
    import sys
    print("loading")
    def process_audio(buffer):
        print("processing")
        sys.stdout.write("written")
        print("to stdout", file=sys.stdout)
    """
    result = logged(tmp_path, source)
    assert result.err.startswith("loading\nprocessing\nwrittento stdout\n")


# ---- logging in a Python application ----------------------------------------

# Collects what GStreamer's log gets; for Python as its application.
COLLECT = """
import logging
shown = []
def collect(category, level, file, function, line, source, message, data):
    if category.get_name() == "pythonplugin":
        shown.append([Gst.debug_level_get_name(level).strip(), function,
                      source.get_name() if source else None, message.get()])
Gst.debug_remove_log_function(None)
Gst.debug_add_log_function(collect, None)
class Own(logging.Handler):
    def __init__(self):
        super().__init__()
        self.got = []
    def emit(self, record):
        self.got.append(record.getMessage())
own = Own()
logging.getLogger("application").warning("to nobody")
"""

PLUGIN = """
import logging
log = logging.getLogger(__name__)
class Plugin:
    def process_audio(self, buffer):
        if not buffer.offset:
            log.debug("a debug")
            log.warning("a warning")
            logging.getLogger("application").warning("not the plugin's")
"""


def test_application_has_plugins_in_the_category(files):
    """By a log function in Python, too, and with no handler of its own."""
    folder = files({"plugin.py": PLUGIN})
    code = (
        COLLECT
        + f"""
Gst.debug_set_threshold_from_string("pythonplugin:5", True)
play(make("{LINE.format('plugin.py')}")[0])
tell([shown, logging.getLogger().handlers, logging.getLogger().level])
"""
    )
    shown, handlers, level = run_application(folder, code)
    assert shown == [
        ["DEBUG", "process_audio", "p", "a debug"],
        ["WARN", "process_audio", "p", "a warning"],
    ]
    assert handlers == [] and level == 30


@pytest.mark.parametrize("category", [0, 5])
@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_applications_handlers_get_what_they_would_without_us(files, level, category):
    folder = files({"plugin.py": PLUGIN})
    code = (
        COLLECT
        + f"""
Gst.debug_set_threshold_from_string("pythonplugin:{category}", True)
logging.getLogger().addHandler(own)
logging.getLogger().setLevel(logging.{level})
play(make("{LINE.format('plugin.py')}")[0])
tell([own.got, len(shown)])
"""
    )
    got, shown = run_application(folder, code)
    assert shown == (2 if category else 0)
    assert (
        got
        == {
            "DEBUG": ["a debug", "a warning", "not the plugin's"],
            "INFO": ["a warning", "not the plugin's"],
            "WARNING": ["a warning", "not the plugin's"],
            "ERROR": [],
        }[level]
    )


def test_module_of_the_application_logs_to_the_category(files):
    folder = files({"package/__init__.py": "", "package/plugin.py": PLUGIN})
    code = (
        COLLECT
        + """
Gst.debug_set_threshold_from_string("pythonplugin:2", True)
sys.path.insert(0, ".")
for life in range(2):
    play(make("audiotestsrc num-buffers=1 ! pythonfilter name=p module=package.plugin"
              " ! fakesink")[0])
tell(shown)
"""
    )
    warning = ["WARN", "process_audio", "p", "package.plugin: a warning"]
    assert run_application(folder, code) == [warning] * 2


def test_loggers_of_plugins_that_are_gone_are_forgotten(files):
    folder = files({"plugin.py": PLUGIN, "broken.py": PLUGIN + "1 / 0"})
    code = (
        COLLECT
        + """
def known():
    gc.collect()
    return [len(logging.Logger.manager.loggerDict), len(logging._handlerList)]
def live(script):
    pipeline, p = make(f"audiotestsrc ! pythonfilter name=p script={script} ! fakesink")
    pipeline.set_state(Gst.State.READY)
    pipeline.set_state(Gst.State.NULL)
live("plugin.py")
before = known()
for life in range(5):
    live("plugin.py")
    live("broken.py")
tell([before, known()])
"""
    )
    before, after = run_application(folder, code)
    assert before == after
