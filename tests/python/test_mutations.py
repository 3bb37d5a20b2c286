# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/mutants.py is to break is still in the code, and so are the tests.

It takes too long to be run each time: tests/run.sh --soak does that.
"""

import re
import sys

import pytest

from processes import ROOT

sys.path.insert(0, str(ROOT / "tests"))
from mutations import MUTATIONS  # noqa: E402

CHECKS = (ROOT / "tests" / "check" / "meson.build").read_text()
FUZZERS = (ROOT / "tests" / "fuzz" / "meson.build").read_text()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_a_mutation_can_be_made(mutation):
    assert (ROOT / mutation.file).read_text().count(mutation.old) == 1
    assert mutation.new != mutation.old
    for test in mutation.tests:
        name, _, part = test.partition("::")
        if name.endswith(".py"):
            text = (ROOT / "tests" / "python" / name).read_text()
            assert f"def {part.partition('[')[0] or 'test_'}" in text
            continue
        name = re.sub("^(process|fuzz|sanitize)-", "", name)
        assert f"'{name}'" in CHECKS + FUZZERS
        if part:
            (file,) = (ROOT / "tests" / "check").glob(f"*/{name}.cpp")
            text = file.read_text()
            assert f"GST_START_TEST({part.rstrip('*')}" in text


def test_each_has_a_name_of_its_own():
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names)
    page = (ROOT / "docs" / "testing.md").read_text()
    table = page[page.index("## What the small counts see") :]
    named = re.findall(r"\| `([a-z-]+)`(?:, …)? \|$", table, re.MULTILINE)
    assert len(named) > 20 and set(named) <= set(names)
