"""Bugs of the second-generation manager by their numbers in the bug catalogue, and mutants (Q-nn) of its queue discipline.

Every checker must find each of them.
"""

from __future__ import annotations

from kvproof.spec.lang import invariant, operation, reject, sometimes
from kvproof.spec.sequence_caches.kinds import (
    PRIMARY,
    SECONDARY,
    BlockCount,
    Cache,
    Count,
    Page,
    Priority,
    Status,
    TokenCount,
)
from kvproof.spec.sequence_caches.manager import SequenceCaches


class BatchOnly(SequenceCaches):
    """V2-03: all missing pages need a slot at once, so a full device and a full host cannot exchange pages."""

    def can_bring_up(self, cache: Cache) -> bool:
        missing = self.missing(cache)
        droppable = self.droppable_on_device()
        held = sum(1 for page in self.queue[PRIMARY] if self.is_held(page) and not self.has(cache, page))
        return missing <= self.vacant(PRIMARY) + droppable + min(held, self.host_room())


class VictimsLost(BatchOnly):
    """V2-01: victims leave their queue before it is known whether the host takes them, and do not return when not.

    They are then in no queue: nothing evicts them any more, though nobody uses them.
    """

    @operation
    def resume(self, cache: Cache) -> BlockCount:
        """Lock all pages of a suspended cache; on refusal, what was popped stays where it is, out of its queue."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        if not self.passes_gate():
            reject("device-full")
        if not self.can_bring_up(cache):
            sometimes("a cache does not fit")
            for page in self.queue[PRIMARY]:
                if not self.has(cache, page):
                    self.unqueue(page)
            return 0
        missing = self.missing(cache)
        for page in self.pages[cache]:
            if self.is_queued(page):
                self.unqueue(page)
        for page in self.pages[cache]:
            self.bring_up(page)
        self.activate(cache)
        return missing


class VictimsLostInGrowth(VictimsLost):
    """V2-01 where it was found first: a resize that is refused."""

    @operation
    def resize(self, cache: Cache, capacity: TokenCount, history: TokenCount, priority: Priority) -> None:
        """Grow or shrink an active cache; on refusal, what was popped stays where it is, out of its queue."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        if history < self.history[cache] or capacity < history:
            reject("bad-lengths")
        blocks = self.blocks(capacity)
        if blocks > len(self.pages[cache]):
            if not self.can_allocate(blocks - len(self.pages[cache])):
                sometimes("a cache cannot grow")
                for page in self.queue[PRIMARY]:
                    self.unqueue(page)
                return
            for _ in range(self.params.blocks_max):
                if len(self.pages[cache]) < blocks:
                    self.make_room()
                    page = self.unused()
                    self.take_slot(page, priority)
                    self.attach(cache, page)
        else:
            for _ in range(self.params.blocks_max):
                if len(self.pages[cache]) > blocks:
                    self.let_go_of_last(cache)
        self.measure(cache, self.committed[cache], history, capacity)


class CommitHalfDone(SequenceCaches):
    """V2-07: the page that a cache takes over is brought up after the change, which then may fail half way."""

    @operation
    def commit(self, cache: Cache) -> bool:
        """Let others reuse the next full block; refused too late when the page to take over does not fit."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        ordinal = self.committed[cache]
        if (ordinal + 1) * self.params.tokens_per_block > self.history[cache]:
            reject("nothing-to-commit")
        known = self.find(self.text[cache], ordinal)
        own = self.pages[cache][ordinal]
        if known is None:
            self.link(own, self.text[cache], ordinal)
        else:
            sometimes("a block has been committed before")
            self.rebase(cache, ordinal, known)
            if self.level[known] == SECONDARY and not self.can_allocate(1):
                reject("out-of-pages")
            self.bring_up(known)
            self.settle(own)
        self.measure(cache, ordinal + 1, self.history[cache], self.capacity[cache])
        return known is not None


class OneTooMany(SequenceCaches):
    """Q-01: the refusal compares with < instead of <=: one held page more than the host has room for is let through."""

    def can_allocate(self, count: Count) -> bool:
        droppable = self.droppable_on_device()
        held = len(self.queue[PRIMARY]) - droppable
        return count <= self.vacant(PRIMARY) + droppable + min(held, self.host_room() + 1)


class HeldAtTheLastLevel(SequenceCaches):
    """Q-02: held pages are queued at the last level, too, where a victim can only be destroyed."""

    def is_evictable(self, page: Page) -> bool:
        return self.is_droppable(page) or (self.params.secondary_slots > 0 and self.is_held(page))


class LostOnSuspend(SequenceCaches):
    """Q-03: pages are not queued again when the last lock goes."""

    def settle_all(self, cache: Cache) -> None:
        pass


class WedgedByLostVictims(VictimsLostInGrowth):
    """V2-01 once more, with nothing claimed of queues and utilisation: in the end no cache at all passes the gate."""

    @invariant
    def queued_means_evictable(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def utilisation_is_what_is_kept(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def any_waiting_cache_can_be_resumed(self) -> bool:
        """Nothing is claimed."""
        return True


VARIANTS: dict[str, type[SequenceCaches]] = {
    "V2-01": VictimsLostInGrowth,
    "V2-01-wedge": WedgedByLostVictims,
    "V2-03": BatchOnly,
    "V2-07": CommitHalfDone,
    "Q-01": OneTooMany,
    "Q-02": HeldAtTheLastLevel,
    "Q-03": LostOnSuspend,
}
