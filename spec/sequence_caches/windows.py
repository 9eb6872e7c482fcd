"""Which blocks a sliding window needs: those that it has not left, and the sinks; and which are computed in scratch.

A block is *stale* when no later token looks at it. Of a long prompt that is computed in one go, most blocks will be stale
as soon as the last token is computed: these need no page, only scratch slots while the layers run.

Source: the stale and the scratch range of TensorRT-LLM's second-generation manager (B-10).
"""

from __future__ import annotations

from kvproof.spec.sequence_caches.caches import Caches
from kvproof.spec.sequence_caches.kinds import WINDOW, Cache, Count, Ordinal, Place, TokenCount


class Windows(Caches):
    """What is live, what is stale, what is scratch."""

    def is_stale(self, ordinal: Ordinal, history: TokenCount) -> bool:
        """Whether a block has left the window when so many tokens have been computed.

        The next token is already on its way, so the window ends one token later.
        """
        return (
            ordinal >= min(self.blocks(history), self.params.sink_blocks)
            and (ordinal + 1) * self.params.tokens_per_block + self.params.window_tokens <= history + 1
        )

    def is_scratch(self, ordinal: Ordinal, history: TokenCount, capacity: TokenCount) -> bool:
        """Whether a block, not computed yet, will be stale when all tokens for which there is room have been."""
        return (
            self.params.scratch_share > 0
            and self.blocks(history) <= ordinal
            and ordinal < self.blocks(capacity)
            and self.is_stale(ordinal, max(0, capacity - self.params.rewind))
        )

    def is_stale_place(self, place: Place, history: TokenCount) -> bool:
        """Whether what is at a place has left its window."""
        return self.kind_of(place) == WINDOW and self.is_stale(self.ordinal_of(place), history)

    def needs_window(self, ordinal: Ordinal, history: TokenCount, capacity: TokenCount) -> bool:
        """Whether a block must have a page in the window at these lengths."""
        return (
            ordinal < self.blocks(capacity)
            and not self.is_stale(ordinal, history)
            and not self.is_scratch(ordinal, history, capacity)
        )

    def is_for_use(self, cache: Cache, place: Place) -> bool:
        """Whether an active cache locks what is at a place: all but stale blocks and the snapshot."""
        return (
            self.cell[cache][place] is not None
            and not self.is_stale_place(place, self.history[cache])
            and not (self.states() and place == self.snapshot_place())
        )

    def scratch_blocks(self, cache: Cache, history: TokenCount, capacity: TokenCount) -> Count:
        """How many blocks have scratch instead of a page at these lengths: a page that is there stays."""
        return sum(
            1
            for ordinal in range(self.params.blocks_max)
            if self.is_scratch(ordinal, history, capacity) and self.cell[cache][self.window_place(ordinal)] is None
        )

    def scratch_needed(self, cache: Cache, history: TokenCount, capacity: TokenCount) -> Count:
        """How many scratch slots these are."""
        if self.params.scratch_share == 0:
            return 0
        blocks = self.scratch_blocks(cache, history, capacity)
        return (blocks + self.params.scratch_share - 1) // self.params.scratch_share
