"""Retention: which priority the blocks of a request get, for how long, and what happens when it has run out."""

from __future__ import annotations

from kvproof.impl.block_manager.prompts import Retention
from kvproof.impl.block_manager.requests import RetentionRange
from kvproof.impl.block_manager.token_budget import TokenBudget
from kvproof.impl.device.interface import Level


class BlockRetention(TokenBudget):
    """Priorities and their durations."""

    def fresh_retention(self, demand: RetentionRange | None) -> Retention:
        """Of a block with new data; `demand` is the range of the request that it begins in."""
        return (self.config.default_priority, 0) if demand is None else (demand.priority, demand.duration)

    def kept_retention(self, demand: RetentionRange | None) -> Retention:
        """Of a reused block. Without a demand it keeps its priority and loses its duration: it has proved its worth,
        and nobody asks any more that it go after some time (#8830)."""
        return (None, 0) if demand is None else (demand.priority, demand.duration)

    def retention_by_position(
        self, ranges: tuple[RetentionRange, ...], count: int
    ) -> tuple[list[Retention], list[Retention]]:
        """Of the first `count` block positions: if their blocks are new, and if they are reused.

        The first range that a block begins in counts, so they are entered from the last to the first.
        """
        size = self.config.tokens_per_block
        if ranges and ranges[0].start == 0 and ranges[0].end > (count - 1) * size:  # one for all, the usual case
            return [self.fresh_retention(ranges[0])] * count, [self.kept_retention(ranges[0])] * count
        fresh, kept = [self.fresh_retention(None)] * count, [self.kept_retention(None)] * count
        for demand in reversed(ranges):
            first, end = -(-demand.start // size), min(count, -(-demand.end // size))
            if first < end:
                fresh[first:end] = [self.fresh_retention(demand)] * (end - first)
                kept[first:end] = [self.kept_retention(demand)] * (end - first)
        return fresh, kept

    def refresh(self, now: int) -> int:
        """Let the retention priorities that have run out by tick `now` become the default; returns how many did.

        Ticks count from 0, where the manager was made; a block whose priority runs out at `now` is among them.

        Raises:
            ValueError: `now` is before the tick of the last refresh.
        """
        expiry = self._expiry
        elapsed = now - expiry.now
        if elapsed < 0:
            raise ValueError(f"refresh at tick {now}: the last was at {expiry.now}; time does not go back")
        expired = 0
        for level in Level:
            while (block := expiry.next_due(level, now)) is not None:
                self.expire(block)
                expired += 1
        self.step_tick(elapsed)
        self.counters.blocks_expired += expired
        return expired

    def expire(self, block: int) -> None:
        """Requeue a free block whose priority has run out: last of those with the default priority."""
        self.step_claim(block)
        self.step_prioritise(block, self.config.default_priority, 0)
        self.step_release(block, False)
