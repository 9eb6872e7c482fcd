"""Where the kernels of a forward pass read and write."""

from __future__ import annotations

from attrs import frozen

from kvproof.impl.device.interface import Stream
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.kinds import FULL_GROUP, NO_PAGE, STATE_GROUP, Kind
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


@frozen
class Use:
    """One slot that a pass reads or writes.

    Attributes:
        kind: the life cycle.
        ordinal: the block; 0 for a state.
        group: in whose device memory the slot is.
        slot: a PRIMARY slot.
        first, end: the tokens concerned, counted from the beginning of the sequence; `end` is exclusive. A state that is
            read stands for all tokens before the pass, one that is written for all up to its end.
        scratch: the slot is shared by several blocks, of which a later one overwrites an earlier.
    """

    kind: Kind
    ordinal: int
    group: int
    slot: int
    first: int
    end: int
    scratch: bool = False


@frozen
class Forward:
    """What a pass over some tokens of a cache touches, and on which stream it must be submitted."""

    stream: Stream
    reads: tuple[Use, ...]
    writes: tuple[Use, ...]


class ForwardPlaces:
    """Looks slots up; changes nothing.

    Args:
        steps: the pools and the caches.
    """

    def __init__(self, steps: CacheSteps) -> None:
        self._steps = steps
        self._config = steps.config
        self._windows = steps.config.windows
        self._has_state = steps.config.has_state
        self._spans = steps.spans
        self._pages = steps.pages
        self._window_group = steps.window_group
        self._window_first = steps.config.blocks_max
        self._state_place = steps.config.state_place

    def forward(self, cache: int, start: int, end: int) -> Forward:
        """What a forward pass touches that computes tokens `start` to `end` (exclusive) of an active cache."""
        known = self._steps.active(cache)
        room = self._spans.blocks(known.capacity) * self._config.tokens_per_block
        if not 0 <= start <= end <= room:
            raise ValueError(
                f"cache {cache}: tokens {start}..{end}, but its blocks have room for {room}; resize it first"
            )
        reads = self._full(known, 0, start)
        writes = self._full(known, start, end)
        if self._windows:
            reads += self._windows_seen(known, start)
            writes += self._windows_written(known, start, end)
        if self._has_state and end > start:
            slot = self._pages.slot[known.cells[self._state_place]]
            if start:
                reads.append(Use(Kind.STATE, 0, STATE_GROUP, slot, 0, start))
            writes.append(Use(Kind.STATE, 0, STATE_GROUP, slot, 0, end))
        return Forward(known.stream, tuple(reads), tuple(writes))

    def _full(self, cache: SequenceCache, start: int, end: int) -> list[Use]:
        tokens, slot = self._config.tokens_per_block, self._pages.slot
        return [
            Use(
                Kind.FULL,
                ordinal,
                FULL_GROUP,
                slot[cache.cells[ordinal]],
                max(start, ordinal * tokens),
                min(end, (ordinal + 1) * tokens),
            )
            for ordinal in range(start // tokens, -(-end // tokens))
        ]

    def _windows_seen(self, cache: SequenceCache, start: int) -> list[Use]:
        """The window pages with tokens that token `start` sees."""
        sinks, seen = self._spans.stale(start)
        blocks = -(-start // self._config.tokens_per_block)
        return [
            self._window(cache, ordinal, 0, start)
            for part in (range(min(sinks, blocks)), range(seen, blocks))
            for ordinal in part
            if cache.locked[self._window_first + ordinal]
        ]

    def _windows_written(self, cache: SequenceCache, start: int, end: int) -> list[Use]:
        """The window pages and scratch slots of the tokens of a pass."""
        first = self._window_first
        scratch = {
            ordinal: cache.scratch[number // self._config.scratch_share]
            for number, ordinal in enumerate(self._in_scratch(cache))
        }
        writes = []
        for ordinal in range(start // self._config.tokens_per_block, -(-end // self._config.tokens_per_block)):
            if cache.locked[first + ordinal]:
                writes.append(self._window(cache, ordinal, start, end))
            elif ordinal in scratch:
                writes.append(self._window(cache, ordinal, start, end, scratch[ordinal]))
        return writes

    def _in_scratch(self, cache: SequenceCache) -> list[int]:
        """The blocks that live in scratch slots, ascending; so many as `scratch_share` share one, in this order."""
        scratch = self._spans.scratch(cache.history, cache.capacity)
        return [ordinal for ordinal in range(*scratch) if cache.cells[self._window_first + ordinal] == NO_PAGE]

    def _window(self, cache: SequenceCache, ordinal: int, start: int, end: int, scratch: int | None = None) -> Use:
        tokens = self._config.tokens_per_block
        slot = self._pages.slot[cache.cells[self._window_first + ordinal]] if scratch is None else scratch
        first, last = max(start, ordinal * tokens), min(end, (ordinal + 1) * tokens)
        return Use(Kind.WINDOW, ordinal, self._window_group, slot, first, last, scratch is not None)
