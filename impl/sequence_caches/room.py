"""Vacating slots, and knowing beforehand that it will succeed.

A page that must leave device memory goes to host memory, and if that is full, a page that nobody holds goes from there for
good. Which pages can be given up is stored, in the queues, and every operation brings them up to date with `settle` for
each page that it touches. Whether an operation can have all the slots that it needs is decided before it starts, so a
refusal leaves every page and every queue as it was: no victims are lost (V2-01).
"""

from __future__ import annotations

from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.eviction_queues import GROUPS, NOT_QUEUED
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, Kind
from kvproof.impl.sequence_caches.pages import NO_SLOT
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache

PRIMARY, SECONDARY = 0, 1


class Room:
    """How pages give way to others.

    Args:
        steps: the pools and the caches.
    """

    def __init__(self, steps: CacheSteps) -> None:
        self._steps = steps
        self._config = steps.config
        self._groups = steps.config.groups
        self._slots = {group: steps.config.slots_of(group)[PRIMARY] for group in steps.config.groups}
        self._pages = steps.pages
        self._queues = steps.queues
        self._tree = steps.tree
        self._window_group = steps.window_group

    # What can be had.

    def absorb(self, level: int, group: int) -> int:
        """How many pages from above a level of a group can take; 0 where there is no such level.

        For each that comes, a slot is vacant, or a page is dropped or goes further down.
        """
        pages, queues = self._pages, self._queues
        if level > pages.last_level[group]:
            return 0
        queue = level * GROUPS + group
        droppable = queues.droppable[queue]
        room = len(pages.vacant[level][group]) + droppable
        held = queues.counts[queue] - droppable
        return room + min(held, self.absorb(level + 1, group)) if held else room

    def has_room(
        self, group: int, need: int, vacated: int = 0, droppable: int = 0, held: int = 0, missing: int = 0
    ) -> bool:
        """Whether `need` more slots of device memory can be had, and `missing` pages brought up from host memory.

        Each page that goes up leaves a slot for one that goes down, so they are exchanged one by one (V2-03): for that one
        slot must be had first.

        Args:
            group: whose slots.
            need: how many.
            vacated, droppable, held: slots, droppable pages and held pages that can be given up besides those that can be
                now; negative for those that are queued but must stay.
            missing: pages that are in host memory.
        """
        need += missing
        if not need:
            return True
        queues = self._queues
        now_droppable = queues.droppable[group]
        free = len(self._pages.vacant[PRIMARY][group]) + vacated + now_droppable + droppable
        held += queues.counts[group] - now_droppable
        below = self.absorb(SECONDARY, group)
        return free + min(held, below + missing) >= need and free + min(held, below) > 0

    def passes_gate(self) -> bool:
        """Whether each group's device memory is used little enough to resume a cache, whichever it is."""
        percent, slots = self._config.gate_percent, self._slots
        return all(self.unavailable(group) * 100 <= percent * slots[group] for group in self._groups)

    def unavailable(self, group: int) -> int:
        """Slots of device memory that nothing can vacate: of locked pages, of held ones that cannot go down, scratch."""
        vacant = len(self._pages.vacant[PRIMARY][group])
        return self._slots[group] - vacant - self._queues.counts[group]

    # Giving way.

    def make_room(self, level: int, group: int) -> None:
        """See to it that a slot of a level of a group is vacant; that it can be has been decided before."""
        pages = self._pages
        if pages.vacant[level][group]:
            return
        below = self.absorb(level + 1, group) > 0
        victim = self.victim(level, group, below)
        self._steps.step_unqueue(victim)
        if not below:
            self.drop(victim)
            return
        self.make_room(level + 1, group)
        if pages.slot[victim] != NO_SLOT:  # it may have gone with one below
            self._steps.step_migrate(victim, level + 1)
            self.settle(victim)

    def victim(self, level: int, group: int, below: bool) -> int:
        """Which page of a level leaves next: the first in its queue if there is room `below`, or that nobody holds."""
        queue = level * GROUPS + group
        return self._queues.front(queue) if below else self._queues.first_droppable(queue, self._pages.holds)

    def drop(self, page: int) -> None:
        """Give up a committed page that nobody holds.

        A full-attention page takes with it all that is committed at its block and below, which nothing could match any
        more, and which nobody holds either. A window or a snapshot goes alone, and its block stays (V2-10).
        """
        node, pages = self._pages.node[page], self._pages
        if node is None or pages.kind[page] != FULL:
            self._steps.step_destroy(page)
            return
        handle = self._queues.handle
        for each in self._tree.subtree(node):
            for kind in reversed(Kind):  # FULL last
                gone = each.pages[kind]
                if gone != NO_PAGE:
                    if handle[gone] != NOT_QUEUED:
                        self._steps.step_unqueue(gone)
                    self._steps.step_destroy(gone)

    def settle(self, page: int) -> None:
        """Bring the queues up to date for `page`; one that is private and that nobody holds is destroyed.

        Queued are exactly the pages that can be given up: those that nobody holds, and those that are held, not locked, and
        can go down a level. A page that could be given up before keeps its place.
        """
        pages = self._pages
        queued = self._queues.handle[page] != NOT_QUEUED
        evictable = self.evictable(page)
        if queued and not evictable:
            self._steps.step_unqueue(page)
        if not pages.holds[page] and pages.node[page] is None:
            self._steps.step_destroy(page)
        elif evictable and not queued:
            self._steps.step_enqueue(page)

    def evictable(self, page: int) -> bool:
        """Whether `page` can be given up: nobody holds it and it is committed, or nobody has locked it and it can sink."""
        pages = self._pages
        if not pages.holds[page]:
            return pages.node[page] is not None
        return not pages.locks[page] and pages.level[page] < pages.last_level[pages.group[page]]

    # Single pages and cells.

    def bring_up(self, page: int) -> None:
        """Take `page` out of its queue and into device memory."""
        if self._queues.handle[page] != NOT_QUEUED:
            self._steps.step_unqueue(page)
        if self._pages.level[page] != PRIMARY:
            self.make_room(PRIMARY, self._pages.group[page])
            self._steps.step_migrate(page, PRIMARY)

    def new_page(self, kind: int, priority: int) -> int:
        """A new private page, for which others give way."""
        group = self._config.group_of(kind)
        self.make_room(PRIMARY, group)
        page = self._pages.next_unused(group)
        self._steps.step_take_slot(page, kind, priority)
        return page

    def add_page(self, cache: SequenceCache, place: int, kind: int) -> None:
        """Put a new page into an empty cell of an active cache."""
        self._steps.step_hold(cache, place, self.new_page(kind, cache.priority))
        self._steps.step_lock(cache, place)

    def take_scratch(self, cache: SequenceCache, count: int) -> None:
        """Take scratch slots, for which others give way."""
        for _ in range(count):
            self.make_room(PRIMARY, self._window_group)
            self._steps.step_take_scratch(cache, 1)

    def let_go(self, cache: SequenceCache, place: int) -> None:
        """Empty a cell, unlocking it first, and see to what becomes of its page."""
        page = cache.cells[place]
        if cache.locked[place]:
            self._steps.step_unlock(cache, place)
        self._steps.step_let_go(cache, place)
        self.settle(page)
