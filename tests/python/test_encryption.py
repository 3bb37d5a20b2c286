# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypted audio through whole pipelines: what comes out is what went in, or nothing."""

import base64
import pathlib
import re
import shlex
import shutil

import pytest

import processes
import soak
import sealing
from application import run_application

PAIRS = ("sframe", "fernet")
TAMPER = """\
class Tamper:
    # Every third frame gets one wrong bit.
    input_caps = "application/x-sframe; application/x-fernet"
    count = 0

    def process_audio(self, buffer):
        self.count += 1
        if self.count % 3 == 0:
            buffer.data[self.count % len(buffer.data)] ^= 1 << self.count % 8
"""


def plugin(pair, role, key, name=None):
    script = processes.PLUGINS / f"{pair}_{role}.py"
    named = f"name={name or role}"
    return f'pythonfilter {named} script={script} params="p,key_file=(string){key}"'


def through(pair, key, between=""):
    """Encryptor and decryptor, with something between them."""
    decryptor = plugin(pair, "decryptor", key)
    return f"{plugin(pair, 'encryptor', key)} ! {between} {decryptor}"


def stat(output, element, field):
    """Of the statistics that -m shows at EOS."""
    pattern = rf'"{element}" \(element\): pythonfilter-stats.* {field}=\(guint64\)(\d+)'
    return int(re.search(pattern, output)[1])


@pytest.fixture
def key(tmp_path):
    return sealing.write_key(tmp_path / "call.key")


FORMATS = [
    ("F32LE", "interleaved", 2, 48000, 480),
    ("F32LE", "non-interleaved", 2, 44100, 441),
    ("F64LE", "non-interleaved", 5, 8000, 17),
    ("S16LE", "interleaved", 1, 16000, 1),
    ("S16BE", "interleaved", 8, 96000, 4096),
    ("S24LE", "interleaved", 3, 48000, 333),
    ("S32BE", "non-interleaved", 2, 48000, 1024),
    ("S32LE", "interleaved", 6, 192000, 512),
    ("U8", "interleaved", 2, 22050, 7),
]


@soak.one_in(2)
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize(
    "form", FORMATS, ids=lambda form: f"{form[0]}-{form[1]}-{form[2]}"
)
def test_round_trip_is_bit_exact(pair, form, key, tmp_path):
    sample, layout, channels, rate, size = form
    caps = (
        f"audio/x-raw,format={sample},layout={layout},channels={channels},rate={rate}"
    )
    mask = "" if channels < 3 else f",channel-mask=(bitmask){hex((1 << channels) - 1)}"
    result = processes.launch(
        f"audiotestsrc wave=white-noise num-buffers=60 samplesperbuffer={size} "
        f"! audioconvert ! {caps}{mask} ! tee name=t "
        f"t. ! queue ! filesink location={tmp_path}/before "
        f"t. ! queue ! {through(pair, key)} ! {caps}{mask} ! filesink location={tmp_path}/after"
    )
    assert result.code == 0, result.err
    before = (tmp_path / "before").read_bytes()
    assert len(before) > 60 * size and before == (tmp_path / "after").read_bytes()


@pytest.mark.parametrize("pair", PAIRS)
def test_encrypted_bytes_are_labelled_and_are_not_the_audio(pair, key, tmp_path):
    result = processes.launch(
        "audiotestsrc wave=silence num-buffers=3 samplesperbuffer=480 "
        f"! audio/x-raw,format=S16LE ! {plugin(pair, 'encryptor', key)} "
        f"! application/x-{pair} ! filesink location={tmp_path}/sealed",
    )
    assert result.code == 0, result.err
    sealed = (tmp_path / "sealed").read_bytes()
    # Silence, if any of it came through, is a run of zeros.
    assert len(sealed) > 3 * 960 and b"\0" * 16 not in sealed
    refused = processes.launch(
        f"audiotestsrc num-buffers=3 ! {plugin(pair, 'encryptor', key)} "
        "! audio/x-raw ! fakesink async=false"
    )
    said = refused.err + refused.out.decode()
    # Which of the two is first gst-launch-1.0 shows.
    why = "not-negotiated", f"what comes after it does not take application/x-{pair}"
    assert refused.code != 0 and any(each in said for each in why), said


def test_encoded_audio_goes_over_rtp(key, tmp_path):
    rtp = "rtpgstpay ! rtpgstdepay !"
    result = processes.launch(
        "audiotestsrc wave=ticks num-buffers=50 ! audioconvert ! audioresample "
        "! audio/x-raw,rate=48000,channels=2 ! opusenc ! tee name=t "
        f"t. ! queue ! filesink location={tmp_path}/before "
        f"t. ! queue ! {through('sframe', key, rtp)} ! audio/x-opus "
        f"! tee name=u u. ! queue ! filesink location={tmp_path}/after "
        "u. ! queue ! opusdec ! fakesink"
    )
    assert result.code == 0, result.err
    before = (tmp_path / "before").read_bytes()
    assert len(before) > 1000 and before == (tmp_path / "after").read_bytes()


def test_a_long_call_loses_no_sample(key):
    # A second in each buffer but for some frames, and so the last one is short: an
    # hour in a soak, else five minutes.
    buffers, size = soak.count(301, 3601), 47999
    result = processes.launch(
        f"audiotestsrc wave=red-noise num-buffers={buffers} samplesperbuffer={size} "
        "! audio/x-raw,format=S16LE,rate=48000,channels=1 "
        f"! {through('sframe', key)} ! audioconvert ! audio/x-raw,format=F32LE "
        f"! pythonfilter name=after script={processes.PLUGINS}/passthrough.py ! fakesink",
        "-m",
    )
    assert result.code == 0, result.err
    output = result.out.decode()
    assert buffers * size > (buffers - 1) * 48000
    for element in ("encryptor", "after"):
        assert stat(output, element, "frames") == buffers * size
    assert stat(output, "decryptor", "dropped") == 0


@pytest.mark.parametrize("pair", PAIRS)
def test_tampered_frames_are_dropped_and_counted(pair, key, tmp_path):
    tamper = tmp_path / "tamper.py"
    tamper.write_text(TAMPER)
    result = processes.launch(
        "audiotestsrc num-buffers=90 samplesperbuffer=256 ! audio/x-raw,format=S16LE,channels=1 "
        f"! {through(pair, key, f'pythonfilter script={tamper} !')} "
        f"! filesink location={tmp_path}/after",
        "-m",
    )
    assert result.code == 0, result.err
    output = result.out.decode()
    assert stat(output, "decryptor", "buffers") == 90
    assert stat(output, "decryptor", "dropped") == 30
    assert (tmp_path / "after").stat().st_size == 60 * 512


@pytest.mark.parametrize("pair", PAIRS)
def test_a_wrong_key_gets_nothing_but_a_count(pair, key, tmp_path):
    wrong = sealing.write_key(tmp_path / "wrong.key", "b")
    result = processes.launch(
        f"audiotestsrc num-buffers=90 samplesperbuffer=256 ! {plugin(pair, 'encryptor', key)} "
        f"! {plugin(pair, 'decryptor', wrong)} ! filesink location={tmp_path}/after",
        "-m",
    )
    assert result.code == 0, result.err
    output = result.out.decode()
    assert stat(output, "decryptor", "dropped") == 90
    assert (tmp_path / "after").stat().st_size == 0


def test_a_wrong_key_reads_like_a_wrong_tag(key, tmp_path):
    wrong = sealing.write_key(tmp_path / "wrong.key", "b")
    tamper = tmp_path / "tamper.py"
    tamper.write_text(TAMPER)
    source = "audiotestsrc num-buffers=30 samplesperbuffer=256 !"
    encryptor = plugin("sframe", "encryptor", key)
    texts = []
    for middle, used in ((f"pythonfilter script={tamper} !", key), ("", wrong)):
        result = processes.launch(
            f"{source} {encryptor} ! {middle} {plugin('sframe', 'decryptor', used)} ! fakesink",
            "-m",
        )
        assert result.code == 0, result.err
        warned = result.err + result.out.decode()
        warned = re.findall(r"WARNING: from element .*decryptor: (.*)", warned)
        # Without the number of frames that a warning stands for.
        texts.append({re.sub(r"\d+", "N", text) for text in warned})
    assert texts[0] == texts[1] and texts[0], texts


@pytest.mark.parametrize("policy", ["passthrough", "silence"])
@pytest.mark.parametrize("role", ["encryptor", "decryptor"])
def test_policies_that_let_something_through_are_refused(policy, role, key):
    source = "application/x-sframe" if role == "decryptor" else "audio/x-raw"
    result = processes.launch(
        f"fakesrc num-buffers=3 ! capsfilter caps={source} "
        f"! {plugin('sframe', role, key)} on-error={policy} ! fakesink async=false"
    )
    assert result.code != 0
    assert "on-error" in result.err and "fail" in result.err and "drop" in result.err


@pytest.mark.parametrize("isolation", ["none", "process"])
def test_accounts_are_told_at_the_end(isolation, key, tmp_path):
    tamper = tmp_path / "tamper.py"
    tamper.write_text(TAMPER)
    result = processes.launch(
        "audiotestsrc num-buffers=90 samplesperbuffer=256 ! audio/x-raw,format=S16LE,channels=1 "
        f"! {through('sframe', key, f'pythonfilter script={tamper} !')} ! fakesink",
        "-m",
        GST_PYTHONFILTER_ISOLATION=isolation,
    )
    assert result.code == 0, result.err
    output = result.out.decode()
    # The last frame is one of those that are not authentic, and so not known of.
    for element, name, counts in (
        ("encryptor", "sframe-encrypted", {"frames": 90}),
        (
            "decryptor",
            "sframe-decrypted",
            {"frames": 60, "lost": 29, "reordered": 0, "rejected": 30, "replayed": 0},
        ),
    ):
        told = re.findall(rf'"{element}" \(element\): {name}, (.*);', output)
        assert len(told) == 1
        for field, count in counts.items():
            assert f" {field}=(gint64){count}" in told[0]


def test_lost_frames_are_counted(key):
    result = processes.launch(
        "audiotestsrc wave=white-noise num-buffers=2000 samplesperbuffer=64 "
        "! audio/x-raw,format=S16LE,channels=1 "
        f"! {through('sframe', key, 'identity drop-probability=0.05 ! ')} "
        f"! pythonfilter name=after script={processes.PLUGINS}/passthrough.py ! fakesink",
        "-m",
    )
    assert result.code == 0, result.err
    output = result.out.decode()
    arrived = stat(output, "decryptor", "buffers")
    assert 1800 < arrived < 1980
    assert stat(output, "decryptor", "dropped") == 0
    assert stat(output, "after", "frames") == arrived * 64
    told = re.findall(
        r"sframe-decrypted, .* frames=\(gint64\)(\d+), lost=\(gint64\)(\d+)", output
    )
    frames, lost = map(int, told[-1])
    # But for some at the end, of which nobody knows.
    assert frames == arrived and 2000 - 20 < frames + lost <= 2000


def forms_of(line):
    """A key as it might turn up somewhere: its text, bytes, hexadecimal and repr.

    Base64 without the = at its end, which caps, params, dots and logs write as
    \\=, and pieces of each, for what cuts or wraps a text.
    """
    raw = base64.urlsafe_b64decode(line)
    encoded = [base64.urlsafe_b64encode(raw), base64.b64encode(raw)]
    encoded = [each.decode().rstrip("=") for each in encoded]
    encoded += [raw.hex(), raw.hex().upper()]
    pieces = [text[at:][:12] for text in encoded for at in (0, len(text) // 2 - 6, -12)]
    texts = [*encoded, *pieces, repr(raw)[2:-1], str(list(raw))]
    return [raw, *(text.encode() for text in texts)]


def places_of(key, seen):
    """Where any form of the key is, in {place: what it shows}."""
    forms = forms_of(key)
    return {
        place for place, text in seen.items() if any(form in text for form in forms)
    }


# With a frame that fails now and then, and a plugin that fails with a traceback
# while the keys are in memory.
WATCHED = """\
class Watched:
    input_caps = output_caps = "application/x-sframe"
    count = 0

    def process_audio(self, buffer):
        self.count += 1
        if self.count == 20:
            raise ValueError("in the middle")
        return bytes(buffer.data[:-1]) if self.count % 3 == 0 else None
"""


def watch(line, tmp_path):
    """{place: what it shows} of all that a pipeline shows while it runs."""
    dots, log = tmp_path / "dots", tmp_path / "debug.log"
    dots.mkdir()
    process = processes.start(
        ["gst-launch-1.0", "-v", "-m", *shlex.split(line)],
        GST_DEBUG="*:9",
        GST_DEBUG_FILE=log,
        GST_DEBUG_DUMP_DOT_DIR=dots,
    )
    seen = {}
    while process.poll() is None and "environ" not in seen:
        if any(dots.glob("*PAUSED_PLAYING*")):
            for name in ("cmdline", "environ"):
                seen[name] = pathlib.Path(f"/proc/{process.pid}/{name}").read_bytes()
    result = processes.finish(process)
    assert result.code == 0, result.err
    return seen | {
        "out": result.out,
        "err": result.err.encode(),
        "log": log.read_bytes(),
        "dots": b"".join(path.read_bytes() for path in dots.glob("*.dot")),
        "inspect": processes.run(["gst-inspect-1.0", "pythonfilter"]).out,
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_the_key_is_seen_nowhere(pair, key, tmp_path):
    watched = tmp_path / "watched.py"
    watched.write_text(WATCHED.replace("sframe", pair))
    seen = watch(
        "audiotestsrc is-live=true num-buffers=60 samplesperbuffer=480 "
        f"! {through(pair, key, f'pythonfilter on-error=drop script={watched} !')} ! fakesink",
        tmp_path,
    )
    # It was all there to be searched: the key's name is found where it may be.
    assert (
        b"in the middle" in seen["err"] + seen["out"]
        and b"not authentic" in seen["log"]
    )
    assert all(b"key_file" in seen[place] for place in ("cmdline", "dots", "log"))
    assert places_of(sealing.key_text(), seen) == set()


# What the search has to find: an encryptor that shows its key in one place.
LEAKING = """\
import logging
import sframe_encryptor

class Leaking(sframe_encryptor.SFrameEncryptor):
    def _line(self):
        with open(self.key_file) as file:
            return file.read().strip()

    def get_output_caps(self, input_caps):
        caps = super().get_output_caps(input_caps)
        return caps + ', leak=(string)"' + self._line() + '"' if {caps} else caps

    def start(self):
        key = self._read_key()
        if {post}:
            self.post("leak", key=key.hex())
        if {log}:
            logging.getLogger(__name__).warning("this is the key: %s", list(key))
        if {wrap}:
            line = self._line()
            self.post("leak", first=line[:30], second=line[30:])
        return super().start()
"""


@soak.one_in(2)
@pytest.mark.parametrize(
    "how, places",
    [
        ("caps", {"out", "log", "dots"}),
        ("post", {"out"}),
        ("wrap", {"out"}),
        ("log", {"log"}),
    ],
)
def test_the_search_finds_a_key_that_is_shown(how, places, key, tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    for path in processes.PLUGINS.glob("*.py"):
        shutil.copy(path, plugins)
    which = {name: name == how for name in ("caps", "post", "log", "wrap")}
    (plugins / "leaking.py").write_text(LEAKING.format(**which))
    seen = watch(
        "audiotestsrc is-live=true num-buffers=30 samplesperbuffer=480 ! pythonfilter "
        f'script={plugins}/leaking.py params="p,key_file=(string){key}" ! fakesink',
        tmp_path,
    )
    assert places <= places_of(sealing.key_text(), seen)


@pytest.mark.parametrize("state", ["NULL", "READY"])
@pytest.mark.parametrize("isolation", ["none", "process"])
def test_a_key_in_place_of_its_name_is_forgotten(state, isolation, key, tmp_path):
    code = f"""
    pipeline, p = make("audiotestsrc num-buffers=5 ! pythonfilter name=p "
                       "script={processes.PLUGINS}/sframe_encryptor.py ! fakesink")
    if {state!r} == "READY":
        p.set_property("params", params(key_file={key!r}))
        pipeline.set_state(Gst.State.READY)
    p.set_property("params", params(key_file={sealing.key_text()!r}, frame_limit="7"))
    pipeline.set_state(Gst.State.PLAYING)
    error = wait(pipeline).parse_error()
    shown = p.get_property("params").to_string()
    dot = Gst.debug_bin_to_dot_data(pipeline, Gst.DebugGraphDetails.VERBOSE)
    tell([str(error), shown, dot])
    pipeline.set_state(Gst.State.NULL)
    """
    error, shown, dot = run_application(
        tmp_path, code, GST_PYTHONFILTER_ISOLATION=isolation
    )
    assert "make a new one" in error and "frame_limit" in shown and "frame_limit" in dot
    seen = {"error": error.encode(), "params": shown.encode(), "dot": dot.encode()}
    assert places_of(sealing.key_text(), seen) == set()
