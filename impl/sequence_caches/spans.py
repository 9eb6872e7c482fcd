"""Which blocks of a sequence are needed at given lengths: stale ranges, scratch ranges, and how many blocks tokens take.

All in blocks; ranges are half open. A windowed layer that computes token h sees tokens above h - window, so at a history
of h tokens a block is stale once all its tokens are below h + 1 - window: the 1 is the token in flight. Sink blocks never
are. While a long prefill is under way, blocks that will be stale when its capacity is reached live in scratch slots: they
are written and read within one pass, and never needed after it. The last `rewind` tokens may be taken back, so the range
is that of the capacity without them.
"""

from __future__ import annotations

from kvproof.impl.sequence_caches.config import SequenceCacheConfig

Range = tuple[int, int]
"""First block, and the block after the last; empty when they are equal."""

EMPTY: Range = (0, 0)


class Spans:
    """The ranges of a configuration."""

    def __init__(self, config: SequenceCacheConfig) -> None:
        self._tokens = config.tokens_per_block
        self._window = config.window_tokens
        self._sinks = config.sink_blocks
        self._share = config.scratch_share
        self._rewind = config.rewind

    def blocks(self, tokens: int) -> int:
        """How many blocks so many tokens take."""
        return -(-tokens // self._tokens)

    def stale(self, history: int) -> Range:
        """The blocks that windowed layers need no more once `history` tokens are computed."""
        if not self._window:
            return EMPTY
        start = min(-(-history // self._tokens), self._sinks)
        return start, max(start, (history + 1 - self._window) // self._tokens)

    def scratch(self, history: int, capacity: int) -> Range:
        """The blocks above `history` that will be stale when `capacity`, less what may be rewound, is computed."""
        if not self._share:
            return EMPTY
        start, end = self.stale(max(0, capacity - self._rewind))
        start = max(start, -(-history // self._tokens))
        end = min(end, -(-capacity // self._tokens))
        return (start, end) if start < end else (start, start)

    def scratch_slots(self, blocks: int) -> int:
        """How many slots so many blocks in scratch take."""
        return -(-blocks // self._share) if self._share else 0
