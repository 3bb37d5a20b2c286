# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python programs that do other things while their pipeline plays."""

import pytest

from application import run_application
from processes import GAIN


def test_busy_python_thread_besides(tmp_path):
    """It costs time, but no buffer and no failure."""
    code = f"""
    over = False
    counted = [0]
    def count():
        while not over:
            counted[0] += 1
    thread = threading.Thread(target=count)
    thread.start()
    pipeline, p = make("audiotestsrc num-buffers=100 ! "
                       "pythonfilter name=p script={GAIN} ! fakesink")
    message = play(pipeline)
    over = True
    thread.join()
    tell([message.type == Gst.MessageType.EOS, p.props.stats.get_value("buffers"),
          counted[0] > 1000])
    """
    assert run_application(tmp_path, code) == [True, 100, True]


def test_properties_from_several_threads_while_playing(tmp_path):
    """PyGObject may hold the GIL in a setter: no lock may be waited for there."""
    code = f"""
    pipeline, p = make("audiotestsrc samplesperbuffer=32 ! "
                       "pythonfilter name=p script={GAIN} ! fakesink")
    started = pipeline.set_state(Gst.State.PLAYING)
    assert started != Gst.StateChangeReturn.FAILURE
    over = False
    rounds = [0] * 6
    def until_the_end(number, function):
        def run():
            while not over:
                function()
                rounds[number] += 1
        return run
    def buffers():
        return p.props.stats.get_value("buffers")
    def set_enum():
        p.props.on_error = "silence"
        p.props.on_error = "fail"
    def end():
        global over
        try:
            eventually(lambda: min(rounds) > 100 and buffers() > 100)
        finally:
            over = True
    run_in_threads(end, *(until_the_end(*each) for each in enumerate([
        lambda: p.set_property("params", params(gain=0.5)),
        lambda: p.set_property("params", params(gain=0.25)),
        lambda: fields(p.props.params or params()),
        lambda: fields(p.props.stats),
        set_enum,
        lambda: p.get_property("script"),
    ])))
    pipeline.set_state(Gst.State.NULL)
    error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    tell([min(rounds) > 100, error is None])
    """
    assert run_application(tmp_path, code) == [True] * 2


def test_only_the_last_value_of_a_burst_is_set(files):
    """Or setters that are faster than the plugin would stop the stream."""
    source = """
    import sys, threading
    sys.seen = []
    sys.called, sys.go_on = threading.Event(), threading.Event()
    class Plugin:
        def set_parameter(self, key, value):
            sys.seen.append(f"{key}={value}")
        def process_audio(self, buffer):
            sys.called.set()
            sys.go_on.wait()
    """
    folder = files({"plugin.py": source})
    code = """
    pipeline, p = make("audiotestsrc num-buffers=2 ! "
                       "pythonfilter name=p script=plugin.py ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    eventually(lambda: hasattr(sys, "called") and sys.called.is_set())
    for i in range(1000):
        p.props.params = params(other=1, gain=i)
    sys.go_on.set()
    wait(pipeline)
    pipeline.set_state(Gst.State.NULL)
    tell(sys.seen)
    """
    assert run_application(folder, code) == ["other=1", "gain=999"]


def test_states_and_parameters_from_several_threads(tmp_path):
    code = f"""
    pipeline, p = make("audiotestsrc samplesperbuffer=32 ! "
                       "pythonfilter name=p script={GAIN} ! fakesink async=false")
    over = []
    def set_states():
        for _ in range(100):
            for state in (Gst.State.PLAYING, Gst.State.PAUSED, Gst.State.NULL):
                pipeline.set_state(state)
        over.append(True)
    def set_params():
        while not over:
            p.props.params = params(gain=0.5)
            p.props.stats
    run_in_threads(set_states, set_params)
    error = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    tell(error is None)
    """
    assert run_application(tmp_path, code) is True


def test_elements_are_created_and_dropped_in_a_loop(files):
    """With memory, threads and file descriptors flat."""
    source = """
    from base_plugin import AudioProcessorPlugin
    class Plugin(AudioProcessorPlugin):
        table = bytes(100_000)
        def process_audio(self, buffer):
            buffer.data *= 0.5
    """
    folder = files({"plugin.py": source})
    code = """
    def cycle(states):
        pipeline, p = make("audiotestsrc num-buffers=2 ! "
                           "pythonfilter name=p script=plugin.py ! fakesink")
        for state in states:
            assert pipeline.set_state(state) != Gst.StateChangeReturn.FAILURE
            pipeline.get_state(Gst.SECOND)
        if Gst.State.PLAYING in states:
            wait(pipeline)
        pipeline.set_state(Gst.State.NULL)
    def many(count):
        for _ in range(count):
            cycle([])
            cycle([Gst.State.READY])
            cycle([Gst.State.PAUSED])
            cycle([Gst.State.PLAYING])
    def measure():
        for _ in range(3):
            gc.collect()
        def resident():
            return int(open("/proc/self/statm").read().split()[1]) * 4
        return [sys.getallocatedblocks(), len(sys.modules), resident(),
                len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))]
    many(10)
    before = measure()
    many(50)
    most = [
        2000,  # 200 elements
        0,
        10_000,  # each would keep 100 KB
        1,
        3,  # GLib keeps some idle
    ]
    def flat():
        grown = [b - a for a, b in zip(before, measure())]
        return all(a <= b for a, b in zip(grown, most)) or print(grown, file=sys.stderr)
    # Some threads may only just be about to end.
    eventually(flat, "an end of what grows", seconds=20)
    tell(True)
    """
    assert run_application(folder, code) is True


@pytest.mark.parametrize("elements", [2, 8])
def test_plugins_share_nothing(files, elements):
    source = """
    import helper
    class Plugin:
        def set_parameter(self, key, value):
            helper.ADD = float(value)
        def process_audio(self, buffer):
            buffer.data += helper.ADD
    """
    folder = files({"plugin.py": source, "helper.py": "ADD = 0"})
    code = f"""
    line = "audiotestsrc wave=silence num-buffers=20"
    for i in range({elements}):
        line += f" ! pythonfilter script=plugin.py params=p,add={{2.0 ** i}}"
    pipeline, _ = make(line + " ! appsink name=out sync=false")
    pipeline.set_state(Gst.State.PLAYING)
    sums = set()
    while True:
        sample = pipeline.get_by_name("out").emit("pull-sample")
        if sample is None:
            break
        buffer = sample.get_buffer()
        sums |= set(np.frombuffer(buffer.extract_dup(0, buffer.get_size()), "f4").tolist())
    pipeline.set_state(Gst.State.NULL)
    tell(sorted(sums))
    """
    assert run_application(folder, code) == [2**elements - 1]


STOPPED = {
    "loop": "while True: pass",
    "naps": "while True: time.sleep(0.01)",
    "events": "event = threading.Event()\n        while not event.wait(0.05): pass",
}


@pytest.mark.parametrize("call", STOPPED)
def test_stopping_does_not_wait_for_a_call_in_python(files, call):
    source = (
        "import threading, time\n"
        "class Plugin:\n"
        "    def process_audio(self, buffer):\n"
        "        open('called', 'w').close()\n"
        f"        {STOPPED[call]}\n"
    )
    folder = files({"plugin.py": source})
    code = """
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script=plugin.py ! fakesink")
    pipeline.set_auto_flush_bus(False)
    pipeline.set_state(Gst.State.PLAYING)
    eventually(lambda: os.path.exists("called"))
    began = time.monotonic()
    pipeline.set_state(Gst.State.NULL)
    seconds = time.monotonic() - began
    warning = pipeline.get_bus().pop_filtered(Gst.MessageType.WARNING)
    tell([seconds, warning.parse_warning()[0].message])
    """
    seconds, text = run_application(folder, code)
    assert seconds > 0.9
    assert "was interrupted" in text


def test_a_call_that_hangs_in_c_is_told_with_its_stack(files):
    source = """
    import os, sys
    sys.wait, sys.go_on = os.pipe()
    class Plugin:
        def process_audio(self, buffer):
            self.wait()
        def wait(self):
            sys.called = True
            os.read(sys.wait, 1)
    """
    folder = files({"plugin.py": source})
    code = """
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script=plugin.py ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    eventually(lambda: hasattr(sys, "called"))
    began = time.monotonic()
    threading.Thread(target=pipeline.set_state, args=(Gst.State.NULL,)).start()
    warning = wait(pipeline, Gst.MessageType.WARNING)
    seconds = time.monotonic() - began
    os.write(sys.go_on, b" ")
    error, debug = warning.parse_warning()
    tell([seconds, error.message, debug])
    """
    seconds, text, debug = run_application(folder, code)
    assert seconds > 0.9
    assert "process_audio() hangs outside Python code" in text
    assert "line 9, in wait" in debug
