# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTP packets as rtpgstpay makes them, and as somebody else does; no test."""

CAPS = (
    "application/x-rtp, media=(string)application, clock-rate=(int)90000, "
    "encoding-name=(string)X-GST, payload=(int)96"
)
EVENTS = {"tag": 1, "custom": 2, "custom-both": 3, "stream-start": 4}


def packet(seqnum, data=b"", caps=None, event=None, version=0, ssrc=1, time=0):
    """One that holds a whole buffer, after caps or an event if there are any."""
    inline = b""
    if caps is not None:
        inline = with_length(caps.encode())
    if event is not None:
        inline = with_length(event[1].encode())
    header = bytes((0x80, 0x80 | 96)) + (seqnum & 0xFFFF).to_bytes(2, "big")
    header += time.to_bytes(4, "big") + ssrc.to_bytes(4, "big")
    kind = EVENTS[event[0]] if event else 0
    # Whether caps are inline, their number, what event; then which fragment.
    flags = (caps is not None) << 7 | version << 4
    return header + bytes((flags, kind, 0, 0)) + bytes(4) + inline + data


def with_length(text):
    """A text as it stands in a packet: in groups of 7 bits how long, and a NUL."""
    size, groups = len(text) + 1, []
    while size or not groups:
        groups.insert(0, size & 127)
        size >>= 7
    return bytes([*(group | 128 for group in groups[:-1]), groups[-1]]) + text + b"\0"
