"""The eviction queues: per level and group the pages that can be given up, front = next victim.

A queue is a list for each priority, oldest first, threaded through two flat arrays with one sentinel a list, and one
integer that marks which priorities have pages; so the next victim is the front of the lowest set bit's list, and a list
that becomes empty is never asked (V2-12). No operation looks at more than one page.

A queued page is *droppable*, when nobody holds it, or *held*. Droppable and held pages wait in the same list, since a page
keeps its place when its last holder lets go. When nothing can move down a level, the next victim is the first droppable
page, wherever it stands. Then an order of the droppable ones alone is made, a heap, and kept up to date until it has
become mostly entries of pages that have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from kvproof.impl.device.interface import Level
from kvproof.impl.refusals import ProtocolError

GROUPS = 3
NOT_QUEUED = -1
SLACK = 64
"""So many entries of pages that have left are borne in a heap beyond twice the number of droppable pages."""

Entry = tuple[int, int, int]
"""Of a heap: priority, place in time, page."""


class EvictionQueues:
    """All pages that can be given up.

    Args:
        pages: number of pages.
        priorities: number of priorities.
    """

    def __init__(self, pages: int, priorities: int) -> None:
        queues = len(Level) * GROUPS
        self._pages = pages
        self._priorities = priorities
        size = pages + queues * priorities
        self._next = list(range(size))
        self._previous = list(range(size))
        self._occupied = [0] * queues
        self._time = 0
        self._since = [0] * pages  # when a queued page was queued: its place in time
        self._order: list[list[Entry] | None] = [None] * queues
        self.handle = [NOT_QUEUED] * pages
        """Per page: queue * priorities + priority of the list it waits in, or NOT_QUEUED. A queue is level * 3 + group."""
        self.counts = [0] * queues
        """Per queue: number of pages in it."""
        self.droppable = [0] * queues
        """Per queue: number of those that nobody holds."""

    def push(self, page: int, queue: int, priority: int, droppable: bool) -> None:
        """Queue `page` at the tail of its priority. Raises ProtocolError when it is queued already."""
        handle = self.handle
        if handle[page] != NOT_QUEUED:
            raise ProtocolError(f"page {page}: queued twice, it is {self._where(page)} already")
        bucket = queue * self._priorities + priority
        head = self._pages + bucket
        before = self._previous[head]
        self._next[before] = page
        self._previous[page] = before
        self._next[page] = head
        self._previous[head] = page
        handle[page] = bucket
        self._occupied[queue] |= 1 << priority
        self.counts[queue] += 1
        self._time += 1
        self._since[page] = self._time
        if droppable:
            self.add_droppable(page, queue)

    def remove(self, page: int, droppable: bool) -> None:
        """Take `page` out of its queue. Raises ProtocolError when it is in none."""
        bucket = self.handle[page]
        if bucket == NOT_QUEUED:
            raise ProtocolError(f"page {page}: taken out of a queue, but it is in none")
        before, after = self._previous[page], self._next[page]
        self._next[before] = after
        self._previous[after] = before
        self.handle[page] = NOT_QUEUED
        queue, priority = divmod(bucket, self._priorities)
        if before == after:  # the sentinel, alone
            self._occupied[queue] &= ~(1 << priority)
        self.counts[queue] -= 1
        if droppable:
            self.droppable[queue] -= 1

    def become_held(self, page: int) -> None:
        """The queued `page` is not droppable any more; it keeps its place."""
        self.droppable[self.handle[page] // self._priorities] -= 1

    def become_droppable(self, page: int) -> None:
        """Nobody holds the queued `page` any more; it keeps its place."""
        self.add_droppable(page, self.handle[page] // self._priorities)

    def add_droppable(self, page: int, queue: int) -> None:
        """Count `page`, and enter it into the order of the droppable ones if there is one."""
        self.droppable[queue] += 1
        order = self._order[queue]
        if order is not None:
            if len(order) > 2 * self.droppable[queue] + SLACK:
                self._order[queue] = None  # made again when it is asked for
            else:
                heappush(order, self._entry(page))

    def front(self, queue: int) -> int:
        """The next victim. Raises ProtocolError when the queue is empty."""
        occupied = self._occupied[queue]
        if not occupied:
            raise ProtocolError(f"{_name(queue)}: a victim was asked for, but no page is queued there")
        lowest = (occupied & -occupied).bit_length() - 1
        return self._next[self._pages + queue * self._priorities + lowest]

    def first_droppable(self, queue: int, holds: list[int]) -> int:
        """The first page that nobody holds (`holds`, per page). Raises ProtocolError when there is none."""
        if self.counts[queue] == self.droppable[queue]:
            return self.front(queue)
        order = self._order[queue]
        if order is None:
            order = [self._entry(page) for page in self.victims(queue) if not holds[page]]  # sorted, and so a heap
            self._order[queue] = order
        while order:
            _, since, page = order[0]
            if self._since[page] == since and self.handle[page] // self._priorities == queue and not holds[page]:
                return page
            heappop(order)
        raise ProtocolError(f"{_name(queue)}: a droppable victim was asked for, but all pages there are held")

    def victims(self, queue: int) -> Iterator[int]:
        """The pages of a queue in victim order; visits them all, so for inspection and for a new order only."""
        for priority in range(self._priorities):
            head = self._pages + queue * self._priorities + priority
            page = self._next[head]
            while page != head:
                yield page
                page = self._next[page]

    def _entry(self, page: int) -> Entry:
        return self.handle[page] % self._priorities, self._since[page], page

    def _where(self, page: int) -> str:
        queue, priority = divmod(self.handle[page], self._priorities)
        return f"in the {_name(queue)} queue of priority {priority}"


def _name(queue: int) -> str:
    level, group = divmod(queue, GROUPS)
    return f"{Level(level).name}/{group}"
