"""Growing and shrinking: which pages a cache needs at new lengths, and whether they can be had.

A cache takes what it needs or nothing, and what the change itself gives up counts (D-8): a window that slides on leaves a
page behind for each that it takes. Pages that have left the window are kept for a later commit if there may be one,
without a lock; all others are given up. Shrinking is allowed with scratch slots, too (D-10).

Source: resize in TensorRT-LLM's second-generation manager (B-16).
"""

from __future__ import annotations

from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.eviction import Eviction
from kvproof.spec.sequence_caches.kinds import (
    FIRST,
    FULL,
    PRIMARY,
    WINDOW,
    Cache,
    Count,
    Group,
    Kind,
    Ordinal,
    Page,
    Place,
    Priority,
    TokenCount,
)


class Growth(Eviction):
    """Taking pages and scratch slots, and giving them up."""

    def new_page(self, kind: Kind, priority: Priority) -> Page:
        """A new private page."""
        self.make_room(self.group_of_kind(kind))
        page = self.unused(self.group_of_kind(kind))
        self.take_slot(page, kind, priority)
        return page

    def unused(self, group: Group) -> Page:
        """The first page of a group that does not exist."""
        for page in self.every(Page):
            if self.level[page] is None and self.group(page) == group:
                return page
        return FIRST

    def set_scratch(self, cache: Cache, count: Count) -> None:
        """Give scratch slots back or take more, until a cache has so many."""
        if self.params.scratch_share > 0:
            had = self.scratch[cache]
            if count < had:
                self.give_scratch(cache, had - count)
            for number in range(self.params.blocks_max):
                if had + number < count:
                    sometimes("blocks are computed in scratch")
                    self.make_room(self.group_of_kind(WINDOW))
                    self.take_scratch(cache, 1)

    def give_up(self, cache: Cache, place: Place) -> None:
        """Take the page at a place from a cache, if there is one, and see to what becomes of it."""
        page = self.cell[cache][place]
        if page is not None:
            if place in self.locked[cache]:
                self.unlock(cache, place)
            self.let_go(cache, place)
            self.settle(page)

    def lengths_fit(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> bool:
        """Whether these lengths can follow: nothing that was computed is forgotten."""
        return self.history[cache] <= history and history <= capacity

    def is_computed_in_scratch(self, cache: Cache, history: TokenCount) -> bool:
        """Whether at this history, no shorter than the one so far, the window would look at tokens that went to scratch
        (#14849). What had left the window before has left it still."""
        return self.params.scratch_share > 0 and any(
            ordinal < self.blocks(self.capacity[cache])
            and ordinal < self.blocks(history)
            and self.cell[cache][self.window_place(ordinal)] is None
            and not self.is_stale(ordinal, history)
            for ordinal in range(self.params.blocks_max)
        )

    def can_reshape(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> bool:
        """Whether there is room for an active cache of these lengths."""
        return all(self.can_reshape_group(cache, group, capacity, history) for group in range(self.groups()))

    def can_reshape_group(self, cache: Cache, group: Group, capacity: TokenCount, history: TokenCount) -> bool:
        """The same in one pool group."""
        need = 0
        vacated = 0
        dropped = 0
        kept = 0
        if group == self.group_of_kind(FULL):
            need += max(0, self.blocks(capacity) - self.blocks(self.capacity[cache]))
            vacated += max(0, self.blocks(self.capacity[cache]) - self.blocks(capacity))
        if self.windows() and group == self.group_of_kind(WINDOW):
            scratch = self.scratch_needed(cache, history, capacity)
            need += max(0, scratch - self.scratch[cache])
            vacated += max(0, self.scratch[cache] - scratch)
            for ordinal in range(self.params.blocks_max):
                if self.takes_window(cache, ordinal, history, capacity):
                    need += 1
                page = self.cell[cache][self.window_place(ordinal)]
                if page is not None and self.leaves(cache, ordinal, history, capacity):
                    if not self.is_committed(page) and not self.stays(cache, ordinal, capacity):
                        vacated += 1
                    elif self.locks[page] == 1 and self.holds[page] == 1 and not self.stays(cache, ordinal, capacity):
                        dropped += 1
                    elif self.locks[page] == 1:
                        kept += 1
        return need <= self.vacant[PRIMARY][group] or self.is_enough(group, need, vacated, dropped, kept)

    def takes_window(self, cache: Cache, ordinal: Ordinal, history: TokenCount, capacity: TokenCount) -> bool:
        """Whether a block gets a page in the window at these lengths."""
        return self.needs_window(ordinal, history, capacity) and (self.cell[cache][self.window_place(ordinal)] is None)

    def leaves(self, cache: Cache, ordinal: Ordinal, history: TokenCount, capacity: TokenCount) -> bool:
        """Whether the page of a block in the window is not used any more at these lengths."""
        return self.window_place(ordinal) in self.locked[cache] and (
            ordinal >= self.blocks(capacity) or self.is_stale(ordinal, history)
        )

    def stays(self, cache: Cache, ordinal: Ordinal, capacity: TokenCount) -> bool:
        """Whether a page that has left the window is kept, for a later commit."""
        return ordinal < self.blocks(capacity) and ordinal >= self.committed[cache] and not self.stopped[cache]

    def reshape(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> None:
        """Give an active cache the pages that it needs at these lengths, and no others."""
        before = self.blocks(self.capacity[cache])
        self.give_back(cache, capacity, history)
        for ordinal in range(0 if self.windows() else before, self.blocks(capacity)):
            if ordinal >= before:
                self.take(cache, ordinal, FULL)
            if self.windows() and self.takes_window(cache, ordinal, history, capacity):
                self.take(cache, self.window_place(ordinal), WINDOW)
        self.set_scratch(cache, self.scratch_needed(cache, history, capacity))
        self.measure(cache, self.committed[cache], history, capacity)

    def give_back(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> None:
        """Give up what an active cache does not need at these lengths: what has left the window, the tail, and scratch."""
        before = self.blocks(self.capacity[cache])
        blocks = self.blocks(capacity)
        if self.windows():
            for ordinal in range(self.params.blocks_max):
                if ordinal < blocks and self.leaves(cache, ordinal, history, capacity):
                    self.slide_out(cache, ordinal, capacity)
        for ordinal in reversed(range(blocks, before)):
            if self.windows():
                self.give_up(cache, self.window_place(ordinal))
            self.give_up(cache, ordinal)
        scratch = self.scratch_needed(cache, history, capacity)
        if scratch < self.scratch[cache]:
            self.give_scratch(cache, self.scratch[cache] - scratch)

    def slide_out(self, cache: Cache, ordinal: Ordinal, capacity: TokenCount) -> None:
        """A block has left the window."""
        place = self.window_place(ordinal)
        if self.stays(cache, ordinal, capacity):
            sometimes("a block is kept for a later commit")
            self.unlock(cache, place)
            self.settle(self.page_at(cache, place))
        else:
            self.give_up(cache, place)

    def take(self, cache: Cache, place: Place, kind: Kind) -> None:
        """A new page at an empty place, for use at once."""
        self.hold(cache, place, self.new_page(kind, self.page_priority[cache]))
        self.lock(cache, place)
