# SPDX-License-Identifier: Apache-2.0
"""How a check ends otherwise than with what it has found."""


class Skipped(Exception):
    """A check that cannot be made here, and why."""
