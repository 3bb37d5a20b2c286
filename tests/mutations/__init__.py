# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/mutants.py changes in the code, and which tests have to see it."""

from .audited import AUDITED
from .compiled import COMPILED, MACHINE, MIXERS
from .corpus import CORPUS
from .counted import COUNTED
from .guards import TRIED
from .mixing import MIXING
from .rules import RULES
from .sandbox import APART
from .unheard import OTHERS

MUTATIONS = (
    *(*COUNTED, *OTHERS, *APART, *AUDITED, *RULES, *TRIED),
    *(*MACHINE, *COMPILED, *MIXERS, *MIXING, *CORPUS),
)
