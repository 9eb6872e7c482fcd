"""The kinds of things a sequence cache has, and the groups of pools in which they lie."""

from __future__ import annotations

from enum import IntEnum

NO_PAGE = -1
"""An empty cell."""

FULL_GROUP = 0
"""The pools of full attention, and of windows that have none of their own."""
WINDOW_GROUP = 1
"""The pools of windows, when they have their own."""
STATE_GROUP = 2
"""The pools of recurrent states."""


class Kind(IntEnum):
    """A life cycle: which pages of a sequence are needed, and how long.

    FULL: every block, always. WINDOW: the sink blocks and those that a sliding window still sees. STATE: one page, the
    recurrent state after the last token.
    """

    FULL = 0
    WINDOW = 1
    STATE = 2


FULL, WINDOW, STATE = (int(kind) for kind in Kind)
"""The same as plain numbers, for the hot paths."""


class Status(IntEnum):
    """What a sequence cache is doing.

    CLOSED: there is none. SUSPENDED: it holds its pages, wherever they are. ACTIVE: it has the pages that a forward pass
    needs locked in device memory.
    """

    CLOSED = 0
    SUSPENDED = 1
    ACTIVE = 2
