# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the encrypting plugins share; no test itself."""

import base64
import hashlib
import random
from types import SimpleNamespace

import numpy as np

import sframe_decryptor
import sframe_encryptor

RAW = (
    "audio/x-raw, format=(string)S16LE, layout=(string)interleaved, "
    "rate=(int)48000, channels=(int)2, channel-mask=(bitmask)0x0000000000000003"
)
OPUS = "audio/x-opus, channel-mapping-family=(int)0, channels=(int)2, rate=(int)48000"


def key_text(name="a"):
    """The line of a key file; another for each name."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest()).decode()


def write_key(path, name="a"):
    """The path of a key file that can be used."""
    path.write_text(key_text(name) + "\n")
    path.chmod(0o600)
    return str(path)


def buffer(data=b""):
    """What a plugin is given for these bytes."""
    return SimpleNamespace(data=np.frombuffer(data, np.uint8), discont=False)


def made(module, key, **parameters):
    """A plugin as it is before its first caps."""
    plugin = module.create_plugin()
    assert plugin.initialize() is True
    for name, value in {"key_file": key, **parameters}.items():
        assert plugin.set_parameter(name, str(value)) is not False
    return plugin


def negotiate(plugin, caps):
    """The caps that a plugin gives out, after its start with them."""
    out = plugin.get_output_caps(caps)
    if hasattr(plugin, "set_caps"):
        plugin.set_caps(caps, out)
    assert plugin.start() is True
    return out


def pair(key, caps=RAW, window=1024, **parameters):
    """An encryptor and its decryptor, both started, and the caps between them."""
    encryptor = made(sframe_encryptor, key, **parameters)
    sealed = negotiate(encryptor, caps)
    decryptor = made(sframe_decryptor, key, window=window, short_tags=True)
    assert negotiate(decryptor, sealed) == caps
    return encryptor, decryptor, sealed


def seal(encryptor, *payloads):
    """Their frames."""
    return [encryptor.process_audio(buffer(payload)) for payload in payloads]


def counts(decryptor):
    """(frames, lost, rejected, replayed, reordered), read as anybody reads them."""
    names = "frames", "lost", "rejected", "replayed", "reordered"
    return tuple(int(decryptor.get_parameter(name)) for name in names)


def arrivals(count, seed, loss=0.05, jitter=30, copies=0.02):
    """Frame numbers in the order in which a bad network delivers them."""
    generator = random.Random(seed)
    times = []
    for number in range(count):
        if generator.random() >= loss:
            times.append((number + generator.uniform(0, jitter), number))
            if generator.random() < copies:
                times.append((number + generator.uniform(0, 3 * jitter), number))
    return [number for _, number in sorted(times)]
