# SPDX-License-Identifier: LGPL-2.1-or-later
"""Both ends of a run have to be of one version: what they say is no protocol."""

VERSION = "0.2.0"
