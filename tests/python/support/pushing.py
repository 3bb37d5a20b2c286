# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs push_application.py on an encrypting plugin; no test itself."""

import json

import processes
from sealing import write_key

PROGRAM = (processes.ROOT / "tests/python/programs/push_application.py").read_text()


class Steps:
    """What is pushed into a plugin, a decryptor, and what came of each step."""

    def __init__(self, tmp_path, isolation, plugin="sframe_decryptor.py", more=""):
        self.key = write_key(tmp_path / "call.key")
        self.line = (
            f"pythonfilter name=it script={processes.PLUGINS / plugin} isolation={isolation} "
            f'params="p,key_file={self.key}" {more}'
        )
        self._steps = []
        self._script = tmp_path / "steps.json"

    def add(self, *step):
        """A step, after those before it."""
        self._steps.append(step)
        return self

    def begin(self, caps):
        """What any stream begins with."""
        return self.add("start", "theirs").add("caps", caps).add("segment")

    def frames(self, *frames):
        """Buffers of these bytes."""
        return self.add("buffers", *(frame.hex() for frame in frames))

    def run(self):
        """A row for each step."""
        self._script.write_text(json.dumps(self._steps))
        result = processes.run_python(PROGRAM, self.line, self._script)
        rows = [json.loads(row) for row in result.out.decode().splitlines()]
        assert result.code == 0 and len(rows) == len(self._steps), result
        assert "CRITICAL" not in result.err, result.err
        assert "misorder" not in result.err, result.err
        return rows


def names(row):
    """Of what was seen of a step."""
    return [name for name, *_ in row["seen"]]


def caps_of(row):
    """Those that went downstream."""
    return [text for name, text, *_ in row["seen"] if name == "caps"]
