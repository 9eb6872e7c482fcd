"""How device memory is vacated: page by page, and only after it is certain that it can be.

Three repairs of the system that this is taken from are here. Whether there is room is decided before anything changes,
so no victim is ever taken from its queue in vain (V2-01, D-4). Pages go down and up one at a time, so a full device and a
full host can exchange pages through a single vacant slot (V2-03, D-5). And where the levels below have no room for a held
page, a droppable page goes instead, although it was used later: a request that waits is worth more than possible reuse
(D-6).

Source: the cascade of TensorRT-LLM's second-generation manager (B-13).
"""

from __future__ import annotations

from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.kinds import (
    FIRST,
    PRIMARY,
    SECONDARY,
    TERTIARY,
    Cache,
    Count,
    Group,
    Level,
    Page,
)
from kvproof.spec.sequence_caches.windows import Windows


class Eviction(Windows):
    """Eviction from level to level. Every question is about one pool group."""

    def queued(self, level: Level, group: Group) -> Count:
        """Pages of a group that wait in the queue of a level."""
        if self.groups() == 1:
            return len(self.queue[level])
        return sum(1 for page in self.queue[level] if self.group(page) == group)

    def droppable(self, level: Level, group: Group) -> Count:
        """Those of them that may be destroyed: all of the last level, as held pages are in no queue there."""
        if self.is_last(level, group):
            return self.queued(level, group)
        return sum(1 for page in self.queue[level] if self.group(page) == group and self.holds[page] == 0)

    def room_on(self, level: Level, group: Group) -> Count:
        """How many pages from above a level can take: into vacant slots, those of droppable pages, and those of held
        ones for which there is room below."""
        droppable = self.droppable(level, group)
        if self.is_last(level, group):
            return self.vacant[level][group] + droppable
        return (
            self.vacant[level][group]
            + droppable
            + min(self.queued(level, group) - droppable, self.vacant[TERTIARY][group] + self.queued(TERTIARY, group))
        )

    def can_obtain(self, group: Group, count: int) -> bool:
        """Whether so many slots of device memory can be vacated, with all victims put up somewhere (S-10)."""
        return count <= self.vacant[PRIMARY][group] or self.is_enough(group, count, 0, 0, 0)

    def is_enough(self, group: Group, count: int, vacated: int, dropped: int, kept: int) -> bool:
        """The same when so many slots more will be vacant, and so many pages more droppable and held."""
        droppable = self.droppable(PRIMARY, group)
        held = self.queued(PRIMARY, group) - droppable + (0 if self.is_last(PRIMARY, group) else kept)
        return count <= self.vacant[PRIMARY][group] + vacated + droppable + dropped + min(
            held, self.room_on(SECONDARY, group)
        )

    def can_bring_up(self, cache: Cache, group: Group, more: int) -> bool:
        """Whether all that a suspended cache will lock can be in device memory at once, with so many slots more.

        Each page that goes up leaves a slot behind for one that goes down, so it takes one spare slot to begin with, and
        one when the first page comes from the lowest level.
        """
        from_host = self.missing(cache, group, SECONDARY)
        from_below = self.missing(cache, group, TERTIARY)
        if from_host + from_below + more <= self.vacant[PRIMARY][group]:
            return True
        droppable = self.droppable(PRIMARY, group)
        at_once = self.vacant[PRIMARY][group] + droppable
        held = self.queued(PRIMARY, group) - droppable - self.queued_of(cache, group, PRIMARY)
        dropped = self.droppable(SECONDARY, group)
        below = self.vacant[SECONDARY][group] + dropped
        staying = self.queued(SECONDARY, group) - dropped - self.queued_of(cache, group, SECONDARY)
        lowest = 0 if self.is_last(SECONDARY, group) else self.vacant[TERTIARY][group] + self.queued(TERTIARY, group)
        return (
            at_once + min(held, below + min(staying, lowest)) > 0
            and (from_below == 0 or at_once + min(held, below + from_host + min(staying, lowest)) > from_host)
            and from_host + from_below + more
            <= at_once + min(held, below + from_host + min(staying, lowest + from_below))
        )

    def missing(self, cache: Cache, group: Group, level: int) -> Count:
        """Pages on a level that a cache will lock."""
        if level >= self.levels():
            return 0
        return sum(1 for place in range(self.places()) if self.is_missing(cache, place, group, level))

    def is_missing(self, cache: Cache, place: int, group: Group, level: int) -> bool:
        """Whether what is at a place, and will be locked, is on a level."""
        page = self.cell[cache][place]
        return (
            self.group_of_kind(self.kind_of(place)) == group
            and page is not None
            and self.level[page] == level
            and self.is_for_use(cache, place)
        )

    def queued_of(self, cache: Cache, group: Group, level: Level) -> Count:
        """Pages on a level that a suspended cache will lock and that wait in the queue: none that another cache uses."""
        return sum(
            1
            for place in range(self.places())
            if self.is_missing(cache, place, group, level) and self.page_at(cache, place) in self.queue[level]
        )

    def unavailable(self, group: Group) -> Count:
        """Slots of device memory that are neither vacant nor a victim's (S-14: the utilisation, before it is divided)."""
        return self.slots(PRIMARY, group) - self.vacant[PRIMARY][group] - self.queued(PRIMARY, group)

    def passes_gate(self) -> bool:
        """Whether the device memory of every group is free enough for one more active cache.

        What that cache will lock does not count: so caches that are promised to run together may need no more than the
        gate's share of the slots (#16484).
        """
        return all(
            self.unavailable(group) * 100 <= self.params.gate_percent * self.slots(PRIMARY, group)
            for group in range(self.groups())
        )

    def is_crowded(self, group: int) -> bool:
        """Whether more of a group's device memory is neither vacant nor a victim's than the gate allows."""
        return self.unavailable(group) * 100 > self.params.gate_percent * self.slots(PRIMARY, group)

    def make_room(self, group: Group) -> None:
        """Vacate one slot of device memory, if none is vacant."""
        if self.vacant[PRIMARY][group] == 0:
            if self.room_on(SECONDARY, group) == 0:
                victim = self.first_droppable(PRIMARY, group)
                self.unqueue(victim)
                sometimes("a page is dropped")
                self.drop(victim)
            else:
                victim = self.front(PRIMARY, group)
                self.unqueue(victim)
                self.make_room_below(group)
                if self.exists(victim):
                    sometimes("a page is offloaded")
                    self.migrate(victim, SECONDARY)
                    self.settle(victim)

    def make_room_below(self, group: Group) -> None:
        """Vacate one slot of host memory, if none is vacant."""
        if self.vacant[SECONDARY][group] == 0:
            if self.is_last(SECONDARY, group):
                victim = self.front(SECONDARY, group)
                self.unqueue(victim)
                self.drop(victim)
            else:
                self.make_room_on_host(group)

    def make_room_on_host(self, group: Group) -> None:
        """Vacate one slot of host memory where there is a level below."""
        if self.room_on(TERTIARY, group) == 0:
            victim = self.first_droppable(SECONDARY, group)
            self.unqueue(victim)
            self.drop(victim)
        else:
            victim = self.front(SECONDARY, group)
            self.unqueue(victim)
            if self.vacant[TERTIARY][group] == 0:
                last = self.front(TERTIARY, group)
                self.unqueue(last)
                self.drop(last)
            if self.exists(victim):
                sometimes("a page goes below the host")
                self.migrate(victim, TERTIARY)
                self.settle(victim)

    def front(self, level: Level, group: Group) -> Page:
        """The next victim of a level."""
        if self.groups() == 1:
            return self.queue[level].front()
        for page in self.queue[level]:
            if self.group(page) == group:
                return page
        return FIRST

    def first_droppable(self, level: Level, group: Group) -> Page:
        """The next victim of a level that nobody has."""
        for page in self.queue[level]:
            if self.group(page) == group and self.holds[page] == 0:
                return page
        return FIRST

    def drop(self, page: Page) -> None:
        """Destroy a droppable page and, when it is a block's of full attention, all that hangs from it: nobody would find
        that any more. Windowed pages and snapshots go alone (V2-10)."""
        path = self.path[page]
        if self.below[page] > 0:
            for other in self.every(Page):
                if other != page and self.path[other][: len(path)] == path:
                    if self.is_queued(other):
                        self.unqueue(other)
                    self.destroy(other)
        self.destroy(page)

    def bring_up(self, page: Page) -> None:
        """Move a page that its owner is about to lock to device memory."""
        if self.is_queued(page):
            self.unqueue(page)
        if self.level[page] != PRIMARY:
            self.make_room(self.group(page))
            self.migrate(page, PRIMARY)
