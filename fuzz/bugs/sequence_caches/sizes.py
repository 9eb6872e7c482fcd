"""Sizes at which bugs of the sequence caches show soonest, and operations that they do not take."""

from __future__ import annotations

from collections.abc import Mapping

NO_WINDOW: Mapping[str, int] = {
    "window_tokens": 0,
    "sink_blocks": 0,
    "window_primary": 0,
    "window_secondary": 0,
    "scratch_share": 0,
    "rewind": 0,
}

SHARED_WINDOW: Mapping[str, int] = {
    "window_tokens": 1,
    "sink_blocks": 0,
    "window_primary": 0,
    "window_secondary": 0,
    "scratch_share": 0,
    "rewind": 0,
}
"""Windowed pages of one token, in the slots of full attention."""

NO_STATE: Mapping[str, int] = {"state_primary": 0, "state_secondary": 0}

FULL_ATTENTION: Mapping[str, int] = {"tertiary_slots": 0, **NO_WINDOW, **NO_STATE}
"""One life cycle alone."""

SHORT_BLOCKS: Mapping[str, int] = {"tokens_per_block": 1, "chunks": 1, "blocks_max": 3, "priorities": 1}
"""One token a block and one text, so that blocks are soon full and shared."""

COMMITS = frozenset({"commit", "stop_committing"})
ENDS = frozenset({"close", "stop_committing", "prefetch"})
"""Not needed for what goes wrong between caches that stay open."""
