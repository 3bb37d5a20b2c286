# SPDX-License-Identifier: LGPL-2.1-or-later
"""As taking_sink.py, but promises only to read."""

import taking_sink


class ReadingSink(taking_sink.TakingSink):
    read_only = True
