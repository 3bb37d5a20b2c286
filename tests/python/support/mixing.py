"""Calls mixers and splitters block by block, as an element does, without one."""

import numpy as np

import base_plugin as bp


def show(port, block):
    """Its samples of the current call, which are only read."""
    port.data = block
    port.data.flags.writeable = False


def started(plugin, rate, channels=1, **parameters):
    """The plugin, ready for a stream."""
    assert plugin.initialize() is not False
    for key, value in parameters.items():
        assert plugin.set_parameter(key, str(value)) is not False
    plugin.set_sample_rate(rate)
    plugin.set_channels(channels)
    assert plugin.start() is not False
    return plugin


def mix(plugin, streams, block, channels, rate=48000, absent=(), settings=None):
    """What comes out: (channels, frames). Streams are (channels, frames), by name.

    `absent`: names of inputs that bring nothing; `settings`: of each input, by name.
    """
    frames = min(each.shape[1] for each in streams.values())
    inputs = bp.MixerInputs(
        {name: bp.MixerInput(len(each), block, rate) for name, each in streams.items()}
    )
    defaults = {
        name: param.default
        for name, param in vars(type(plugin)).items()
        if isinstance(param, bp.InputParam)
    }
    for name, port in inputs.items():
        vars(port).update(defaults | (settings or {}).get(name, {}))
        port._stream.present = name not in absent
    heard = []
    for begin in range(0, frames - block + 1, block):
        output = bp.MixerOutput(channels, block, rate)
        if not type(plugin).output_zero:
            output.data[:] = np.nan
        for name, stream in streams.items():
            samples = stream[:, begin : begin + block].astype(np.float32)
            show(inputs[name], samples * 0 if name in absent else samples)
        assert plugin.mix_audio(output, inputs) in (None, True)
        heard.append(output.data)
    return np.concatenate(heard, axis=1)


def split(plugin, data, outputs, unlinked=()):
    """What is in each output after one block: an array, or "silent"."""
    buffer = bp.AudioBuffer(len(data), data.shape[1])
    show(buffer, data.copy())
    ports = bp.SplitterOutputs(
        {name: bp.SplitterOutput(1, data.shape[1]) for name in outputs}
    )
    for name, port in ports.items():
        port.data = port.data.astype(data.dtype)
        port._stream.linked = name not in unlinked
    assert plugin.split_audio(buffer, ports) in (None, True)
    return {
        name: "silent" if port._stream.is_silent else port.data
        for name, port in ports.items()
    }
