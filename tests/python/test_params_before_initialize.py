# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Param that was set is there in initialize(), where models are loaded."""

import json

import pytest

from application import run_application
import soak
from processes import launch

PLUGIN = """
import json, os
from base_plugin import AudioProcessorPlugin, Param
class Model(AudioProcessorPlugin):
    model = Param("none", description="A file")
    size = Param(1, min=0, max=9)
    key = Param("", secret=True)
    def say(self, what):
        with open(os.path.join(os.path.dirname(__file__), "said"), "a") as file:
            print(json.dumps([what, self.model, self.size, self.key]), file=file)
    def initialize(self):
        self.say("initialize")
        return super().initialize()
    def set_parameter(self, key, value):
        result = super().set_parameter(key, value)
        self.say(key)
        return result
    def process_audio(self, buffer): pass
"""
LINES = {
    "child": "pythonfilter script=plugin.py plugin::model=big plugin::size=3 plugin::key=k",
    "params": 'pythonfilter script=plugin.py params="p,model=big,size=3,key=k"',
    "both": 'pythonfilter script=plugin.py params="p,size=3,key=k" plugin::model=big',
    "element": "py-plugin model=big size=3 key=k",
    "element and params": 'py-plugin model=big params="p,size=3" plugin::key=k',
}


def said(folder):
    return [json.loads(line) for line in (folder / "said").read_text().splitlines()]


def play(folder, line, **env):
    return launch(
        f"audiotestsrc num-buffers=3 ! {line} ! fakesink",
        cwd=folder,
        GST_PYTHONFILTER_PATH=folder,
        GST_REGISTRY=folder / "registry",
        **env,
    )


@soak.one_in(2)
@pytest.mark.parametrize("isolation", ["none", "process"])
@pytest.mark.parametrize("line", LINES)
def test_what_was_set_is_there_in_initialize(files, line, isolation):
    folder = files({"plugin.py": PLUGIN})
    result = play(folder, f"{LINES[line]} isolation={isolation}")
    assert result.code == 0, result.err
    first, *others = said(folder)
    assert first == ["initialize", "big", 3, "k"]
    # And set_parameter() is told of each once, as always.
    assert sorted(each[0] for each in others) == ["key", "model", "size"]


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_value_that_is_refused_fails_the_load(files, isolation):
    """Before initialize(), which would load the wrong model."""
    source = PLUGIN.replace("def set_parameter", "def unused")
    folder = files({"plugin.py": source})
    line = f'pythonfilter script=plugin.py isolation={isolation} params="p,size=77"'
    result = play(folder, line)
    assert result.code != 0
    assert "size = '77': must be a whole number from 0 to 9" in result.err
    assert not (folder / "said").exists()
    result = play(folder, line.replace("size=77", "key=secretly,size=77"))
    assert result.code != 0 and "secretly" not in result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_plain_parameters_come_after_initialize(files, isolation):
    """Plugins of NDA's set their defaults in initialize()."""
    source = """
    class Plain:
        def initialize(self):
            self.gain, self.calls = "1.0", ["initialize"]
        def set_parameter(self, key, value):
            self.calls.append([key, value])
        def process_audio(self, buffer):
            open(__file__ + ".said", "w").write(repr(self.calls))
    """
    folder = files({"plain.py": source})
    result = play(
        folder,
        f'pythonfilter script=plain.py isolation={isolation} params="p,sampleRate=7,gain=0.5"',
    )
    assert result.code == 0, result.err
    assert (folder / "plain.py.said").read_text() == str(
        ["initialize", ["sampleRate", "7"], ["gain", "0.5"]]
    )


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_own_set_parameter_may_know_more_than_the_param(files, isolation):
    source = """
    from base_plugin import AudioProcessorPlugin, Param
    class Named(AudioProcessorPlugin):
        size = Param(1, min=0, max=9)
        def set_parameter(self, key, value):
            self.size = {"huge": 1000}[value]
        def process_audio(self, buffer):
            assert self.size == 1000
    """
    folder = files({"plugin.py": source})
    line = f'pythonfilter script=plugin.py isolation={isolation} params="p,size=huge"'
    result = play(folder, line)
    assert result.code == 0, result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_new_code_and_a_new_instance_have_it_too(files, isolation):
    folder = files({"plugin.py": PLUGIN})
    code = f"""
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script=plugin.py "
                       "isolation={isolation} ! fakesink")
    pipeline.set_state(Gst.State.PLAYING)
    child = p.get_child_by_name("plugin")
    child.props.model, child.props.size = "big", 4
    child.props.key = "k"
    while not open("said").read().count("key"): time.sleep(0.01)
    read = [child.props.model, child.props.size]
    p.emit("reload")
    wait(pipeline, Gst.MessageType.ELEMENT)
    pipeline.set_state(Gst.State.NULL)
    pipeline.set_state(Gst.State.READY)
    child = p.get_child_by_name("plugin")
    read += [child.props.model, child.props.size]
    pipeline.set_state(Gst.State.NULL)
    tell(read)
    """
    assert run_application(folder, code) == ["big", 4] * 2
    first, *later = [each for each in said(folder) if each[0] == "initialize"]
    assert first[1:] == ["none", 1, ""]
    assert later == [["initialize", "big", 4, "k"]] * 2


def test_another_worker_has_it_too(files):
    source = PLUGIN.replace(
        "buffer): pass",
        'buffer):\n        self.say("process"); os.kill(os.getpid(), 9)',
    )
    folder = files({"plugin.py": source})
    line = "pythonfilter script=plugin.py isolation=process max-restarts=1"
    play(folder, line + " on-error=silence plugin::model=big")
    told = [each[1] for each in said(folder) if each[0] == "initialize"]
    assert told == ["big"] * 2


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_what_initialize_makes_of_it_is_read_outside(files, isolation):
    source = """
    from base_plugin import AudioProcessorPlugin, Param
    class Sized(AudioProcessorPlugin):
        size = Param(1, min=0, max=9)
        seen = Param(0)
        def initialize(self):
            self.seen = self.size
        def process_audio(self, buffer): pass
    """
    folder = files({"plugin.py": source})
    code = f"""
    pipeline, p = make("audiotestsrc ! pythonfilter name=p script=plugin.py "
                       "isolation={isolation} params=\\"p,size=5\\" ! fakesink")
    pipeline.set_state(Gst.State.READY)
    child = p.get_child_by_name("plugin")
    tell([child.props.size, child.props.seen])
    pipeline.set_state(Gst.State.NULL)
    """
    assert run_application(folder, code) == [5, 5]
