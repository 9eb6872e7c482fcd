"""Cache events: what entered the reuse tree, what left it and what changed its level.

A block's hash chains over its key and its parent's hash, so it names the whole path: folding the events always gives what
is cached.
"""

from __future__ import annotations

from typing import NamedTuple

from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.device.interface import Level


class Stored(NamedTuple):
    """A block entered the reuse tree; `parent_hash` is None under the root."""

    hash: int
    parent_hash: int | None
    key: Key
    level: Level


class Removed(NamedTuple):
    """A block left the reuse tree."""

    hash: int


class Updated(NamedTuple):
    """A cached block is on `level` now."""

    hash: int
    level: Level


Event = Stored | Removed | Updated
