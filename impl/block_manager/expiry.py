"""When retention priorities run out: a heap a level, with lazy deletion.

A block that is queued with a duration gets a timer; claiming it cancels the timer. A cancelled timer stays in its heap
until its time comes, or until most of the heap is cancelled and it is built anew, so each timer costs O(log n) in all.
Nothing here reads a clock: the engine says what time it is.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import NamedTuple

from kvproof.impl.device.interface import Level

COMPACT_FROM = 64
"""Size of a heap from which on it is built anew when more than half of it is cancelled."""


class Timer(NamedTuple):
    """One timer; timers order by time, then by the victim order of their blocks.

    Attributes:
        time: tick at which the priority runs out.
        priority: of the block, while it is queued.
        place: increases from the front of a queue to its back.
        block: its id.
    """

    time: int
    priority: int
    place: int
    block: int


class Expiry:
    """The timers of all queued blocks, and the time."""

    def __init__(self) -> None:
        self.now = 0
        """Ticks since the start."""
        self.timers: dict[int, Timer] = {}
        """The timers that run, by block."""
        self._heaps: list[list[Timer]] = [[] for _ in Level]
        self._started = 0

    def start(self, block: int, level: int, priority: int, to_front: bool, duration: int) -> None:
        """Start the timer of `block`, which has just been queued on `level`, at the front or the back."""
        self._started += 1
        place = -self._started if to_front else self._started
        timer = self.timers[block] = Timer(self.now + duration, priority, place, block)
        heap = self._heaps[level]
        heappush(heap, timer)
        if len(heap) > COMPACT_FROM and len(heap) > 2 * len(self.timers):
            heap[:] = [timer for timer in heap if self.timers.get(timer.block) is timer]
            heapify(heap)

    def cancel(self, block: int) -> None:
        """Stop the timer of `block`, if it has one."""
        self.timers.pop(block, None)

    def next_due(self, level: int, until: int) -> int | None:
        """The block of `level` whose priority runs out first, if that is at `until` or before; its timer keeps running."""
        heap, timers = self._heaps[level], self.timers
        while heap and heap[0].time <= until:
            timer = heap[0]
            if timers.get(timer.block) is timer:
                return timer.block
            heappop(heap)
        return None
