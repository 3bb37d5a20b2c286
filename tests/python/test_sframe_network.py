# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pipeline over a bad network: what arrives, where it breaks, and the accounts."""

import json

import processes
import sealing
from application import run_application

COUNT, SIZE, SEED = 2000, 64, 5

# Sends what plan.json says after each frame, from all that it has got by then.
NETWORK = """
import json, pathlib

class Network:
    input_caps = output_caps = "application/x-sframe"

    def __init__(self):
        *self.plan, self.rest = json.loads(pathlib.Path("plan.json").read_text())
        self.frames = []

    def process_audio(self, buffer):
        self.frames.append(buffer.data.tobytes())
        return [self.frames[number] for number in self.plan[len(self.frames) - 1]]

    def drain(self):
        return [self.frames[number] for number in self.rest]
"""


def plan_for(numbers, count):
    """What to send after each of `count` frames, and at the end, in this order."""
    plan, waiting = [], list(numbers)
    for got in range(count):
        plan.append([])
        while waiting and waiting[0] <= got:
            plan[-1].append(waiting.pop(0))
    return [*plan, waiting]


CODE = f"""
    def element(name):
        return f"pythonfilter name={{name}} params=p,key_file=call.key script="

    pipeline = Gst.parse_launch(
        "audiotestsrc wave=white-noise num-buffers={COUNT} samplesperbuffer={SIZE} "
        "! audio/x-raw,format=S16LE,channels=1 ! tee name=t t. ! queue ! filesink location=before "
        "t. ! queue ! " + element("e") + "{processes.PLUGINS}/sframe_encryptor.py "
        "! pythonfilter script=network.py ! " + element("d")
        + "{processes.PLUGINS}/sframe_decryptor.py ! filesink name=after location=after")
    breaks, accounts = [], {{}}

    def note(pad, info):
        breaks.append(info.get_buffer().has_flags(Gst.BufferFlags.DISCONT))
        return Gst.PadProbeReturn.OK

    after = pipeline.get_by_name("after").get_static_pad("sink")
    after.add_probe(Gst.PadProbeType.BUFFER, note)
    pipeline.set_state(Gst.State.PLAYING)
    bus = pipeline.get_bus()
    while (message := bus.timed_pop(30 * Gst.SECOND)).type != Gst.MessageType.EOS:
        assert message.type != Gst.MessageType.ERROR, message.parse_error()
        structure = message.get_structure()
        if structure and structure.get_name().startswith("sframe-"):
            accounts[structure.get_name()] = fields(structure)
    pipeline.set_state(Gst.State.NULL)
    tell([breaks, accounts])
"""


def test_what_a_bad_network_lets_through_arrives_exactly(tmp_path):
    sealing.write_key(tmp_path / "call.key")
    (tmp_path / "network.py").write_text(NETWORK)
    numbers = [0, *(n for n in sealing.arrivals(COUNT, SEED, copies=0) if n)]
    (tmp_path / "plan.json").write_text(json.dumps(plan_for(numbers, COUNT)))
    breaks, accounts = run_application(tmp_path, CODE)

    before = (tmp_path / "before").read_bytes()
    sent = [before[at : at + 2 * SIZE] for at in range(0, len(before), 2 * SIZE)]
    assert len(set(sent)) == COUNT
    assert (tmp_path / "after").read_bytes() == b"".join(sent[n] for n in numbers)
    # The first buffer of a stream is one.
    missing = [now != last + 1 for last, now in zip(numbers, numbers[1:])]
    assert breaks == [True, *missing]
    assert 200 < sum(missing) < COUNT - 50

    told = accounts["sframe-decrypted"]
    late = sum(n < max(numbers[:at]) for at, n in enumerate(numbers) if at)
    assert told["frames"] == len(numbers) and told["reordered"] == late > 200
    assert told["lost"] == max(numbers) + 1 - len(numbers) > 50
    assert told["rejected"] == told["replayed"] == 0
    assert accounts["sframe-encrypted"]["frames"] == COUNT
