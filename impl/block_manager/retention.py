"""Retention: which priority the blocks of a request get, for how long, and what happens when it has run out."""

from __future__ import annotations

from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.plan import Retention
from kvproof.impl.block_manager.requests import RetentionRange
from kvproof.impl.block_manager.sequence import Sequence
from kvproof.impl.device.interface import Level


class BlockRetention:
    """Priorities of `blocks` and their durations."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._config = blocks.config

    def check(self, sequence: int, priority: int, duration: int) -> None:
        """Raises ValueError for a priority or a duration that this pool does not have."""
        config = self._config
        if not 0 <= priority < config.priorities:
            raise ValueError(f"sequence {sequence}: priority {priority} is not among 0..{config.priorities - 1}")
        if not 0 <= duration <= config.duration_max:
            raise ValueError(
                f"sequence {sequence}: duration {duration} is not among 0..{config.duration_max}; "
                "PoolConfig.duration_max is the longest"
            )

    def of_appended(self, live: Sequence) -> Retention:
        """Of the blocks that are appended to a sequence."""
        priority = self._config.default_priority if live.decode_priority is None else live.decode_priority
        return priority, live.decode_duration

    def of_fresh(self, demand: RetentionRange | None) -> Retention:
        """Of a block with new data; `demand` is the range of the request that it begins in."""
        return (self._config.default_priority, 0) if demand is None else (demand.priority, demand.duration)

    def of_kept(self, demand: RetentionRange | None) -> Retention:
        """Of a reused block. Without a demand it keeps its priority and loses its duration: it has proved its worth,
        and nobody asks any more that it go after some time (#8830)."""
        return (None, 0) if demand is None else (demand.priority, demand.duration)

    def by_position(self, ranges: tuple[RetentionRange, ...], count: int) -> tuple[list[Retention], list[Retention]]:
        """Of the first `count` block positions: if their blocks are new, and if they are reused.

        The first range that a block begins in counts, so they are entered from the last to the first.
        """
        size = self._config.tokens_per_block
        if ranges and ranges[0].start == 0 and ranges[0].end > (count - 1) * size:  # one for all, the usual case
            return [self.of_fresh(ranges[0])] * count, [self.of_kept(ranges[0])] * count
        fresh, kept = [self.of_fresh(None)] * count, [self.of_kept(None)] * count
        for demand in reversed(ranges):
            first, end = -(-demand.start // size), min(count, -(-demand.end // size))
            if first < end:
                fresh[first:end] = [self.of_fresh(demand)] * (end - first)
                kept[first:end] = [self.of_kept(demand)] * (end - first)
        return fresh, kept

    def refresh(self, now: int) -> int:
        """Let the priorities that have run out by tick `now` become the default; returns how many did."""
        expiry = self._blocks.expiry
        elapsed = now - expiry.now
        if elapsed < 0:
            raise ValueError(f"refresh at tick {now}: the last was at {expiry.now}; time does not go back")
        expired = 0
        for level in Level:
            while (block := expiry.next_due(level, now)) is not None:
                self.expire(block)
                expired += 1
        self._blocks.step_tick(elapsed)
        self._blocks.counters.blocks_expired += expired
        return expired

    def expire(self, block: int) -> None:
        """Requeue a free block whose priority has run out: last of those with the default priority."""
        blocks = self._blocks
        blocks.step_claim(block)
        blocks.step_prioritise(block, self._config.default_priority, 0)
        blocks.step_release(block, False)
