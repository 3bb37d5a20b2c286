# SPDX-License-Identifier: LGPL-2.1-or-later
"""The header of an SFrame frame, which anybody on the network may have written.

sframe.py CORPUS NUMBER

The files of a corpus, and so many inputs made from them by chance, the same in
each run; in a soak (PYTHONFILTER_SOAK=1) ten million. What reads a header is
Python, where libFuzzer sees nothing to be guided by, but all of its ways are
short: chance changes the config byte, of which each of the 256 comes thousands
of times, and the numbers behind it, or where they end. Held against a second
reading, written from RFC 9605, 4.3, alone.
"""

import os
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "plugins_py"))

from _sframe import decode_header, encode_header

SEED = 6
SOAK = 10_000_000
EDGES = (b"\0", b"\7", b"\x08", b"\xff")


def read_by_the_rules(frame):
    """Kid, ctr and the length of the header; None: it is none."""
    if not frame:
        return None
    config, at = frame[0], 1
    numbers = []
    for bits in (config >> 4, config & 15):
        if bits < 8:
            numbers.append(bits)
            continue
        length = bits - 7
        number = frame[at : at + length]
        # As few bytes as there can be; what fits into three bits has none.
        if len(number) < length or number[0] < (8 if length == 1 else 1):
            return None
        numbers.append(int.from_bytes(number, "big"))
        at += length
    return numbers[0], numbers[1], at


def check(frame):
    """One frame, read in both ways."""
    expected = read_by_the_rules(frame)
    try:
        found = decode_header(frame)
    except ValueError:
        found = None
    assert found == expected, (frame.hex(), found, expected)
    if found is not None:
        assert encode_header(*found[:2]) == frame[: found[2]], frame.hex()


def changed(frame, chance):
    """The frame with a change or some."""
    some = chance.getrandbits(32)
    frame = bytearray(frame)
    if some & 1:
        frame[:1] = bytes(((some >> 8) & 255,))
    at = 1 + (some >> 16) % 17
    what = (some >> 1) & 7
    if what < 2:
        frame[at : at + 1] = EDGES[some >> 24 & 3]
    elif what < 4:
        frame[at:at] = chance.randbytes(1 + (some >> 4 & 7))
    elif what < 6:
        del frame[at:]
    return bytes(frame)


def main():
    folder, number = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    if os.environ.get("PYTHONFILTER_SOAK", "0") not in ("", "0"):
        number = SOAK
    corpus = [path.read_bytes() for path in sorted(folder.iterdir())]
    for frame in corpus:
        assert read_by_the_rules(frame) is not None
        check(frame)
    chance = random.Random(SEED)
    pick = chance.randrange
    headers = 0
    for _ in range(number):
        frame = changed(corpus[pick(len(corpus))], chance)
        check(frame)
        headers += read_by_the_rules(frame) is not None
    print(f"{len(corpus)} files, {number} inputs made from them, {headers} headers")
    # Neither all of them nor none.
    assert number // 10 < headers < number - number // 10


if __name__ == "__main__":
    main()
