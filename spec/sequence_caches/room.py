"""How device memory is vacated: page by page, and only after it is certain that it can be.

Three repairs of the system that this is taken from are here. Whether there is room is decided before anything changes,
so no victim is ever taken from its queue in vain (V2-01). Pages go down and up one at a time, so a full device and a full
host can exchange pages through a single vacant slot (V2-03). And where the host has no room for a held page, a droppable
page goes instead, although it was used later: a request that waits is worth more than what may be reused some day.

Source: section 1.4 of the domain notes on sequence caches.
"""

from __future__ import annotations

from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.caches import Caches
from kvproof.spec.sequence_caches.kinds import PRIMARY, SECONDARY, Cache, Count, Page


class Room(Caches):
    """Eviction from level to level."""

    def host_room(self) -> Count:
        """Slots of host memory that a held page may get: vacant ones, and those of droppable pages."""
        return self.vacant(SECONDARY) + len(self.queue[SECONDARY])

    def droppable_on_device(self) -> Count:
        """Victims that may be destroyed."""
        return sum(1 for page in self.queue[PRIMARY] if self.is_droppable(page))

    def can_allocate(self, count: Count) -> bool:
        """Whether so many slots of device memory can be vacated, with all victims put up somewhere (S10)."""
        droppable = self.droppable_on_device()
        held = len(self.queue[PRIMARY]) - droppable
        return count <= self.vacant(PRIMARY) + droppable + min(held, self.host_room())

    def can_bring_up(self, cache: Cache) -> bool:
        """Whether all pages of a suspended cache can be in device memory at once.

        Each page that goes up leaves a slot behind for one that goes down, so it takes one spare slot to begin with.
        """
        missing = self.missing(cache)
        others = sum(1 for page in self.queue[PRIMARY] if not self.has(cache, page))
        if missing > self.vacant(PRIMARY) + others:
            return False
        return missing == 0 or self.vacant(PRIMARY) > 0 or self.host_room() > 0 or self.droppable_on_device() > 0

    def unavailable(self) -> Count:
        """Slots of device memory that are neither vacant nor a victim's (S14: the utilisation, before it is divided)."""
        return self.params.primary_slots - self.vacant(PRIMARY) - len(self.queue[PRIMARY])

    def passes_gate(self) -> bool:
        """Whether device memory is free enough for one more active cache."""
        return self.unavailable() * 100 <= self.params.gate_percent * self.params.primary_slots

    def missing(self, cache: Cache) -> Count:
        """Pages of a cache that are not in device memory."""
        return sum(1 for page in self.pages[cache] if self.level[page] == SECONDARY)

    def make_room(self) -> None:
        """Vacate one slot of device memory, if none is vacant."""
        if self.vacant(PRIMARY) == 0:
            victim = self.victim()
            self.unqueue(victim)
            if self.host_room() == 0:
                sometimes("a page is dropped")
                self.drop(victim)
            else:
                self.make_host_room()
                if self.exists(victim):
                    sometimes("a page is offloaded")
                    self.migrate(victim)
                    self.settle(victim)

    def victim(self) -> Page:
        """The next victim of device memory: the front of the queue, or the first that may be destroyed."""
        found = self.queue[PRIMARY].front()
        if self.host_room() == 0 and not self.is_droppable(found):
            for page in self.queue[PRIMARY]:
                if self.is_droppable(page):
                    sometimes("a held page is spared")
                    return page
        return found

    def make_host_room(self) -> None:
        """Vacate one slot of host memory, if none is vacant."""
        if self.vacant(SECONDARY) == 0:
            last = self.queue[SECONDARY].front()
            self.unqueue(last)
            self.drop(last)

    def drop(self, page: Page) -> None:
        """Destroy a droppable page and, as nobody can find them any more, those of the blocks that follow it."""
        prompt, ordinal = self.prompt[page], self.ordinal[page]
        self.destroy(page)
        for other in self.every(Page):
            if prompt is not None and self.prompt[other] == prompt and self.ordinal[other] > ordinal:
                if self.is_queued(other):
                    self.unqueue(other)
                self.destroy(other)

    def bring_up(self, page: Page) -> None:
        """Move a page that its owner is about to lock to device memory."""
        if self.is_queued(page):
            self.unqueue(page)
        if self.level[page] == SECONDARY:
            self.make_room()
            self.migrate(page)
