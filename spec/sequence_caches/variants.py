"""Bugs of the second-generation manager by their numbers in `spec/BUGS.md`, and mutants (X-nn) of its queue discipline.

Every checker must find each of them.
"""

from __future__ import annotations

from kvproof.spec.lang import invariant, operation, reject, sometimes
from kvproof.spec.sequence_caches.kinds import (
    FULL,
    PRIMARY,
    SECONDARY,
    WINDOW,
    BlockCount,
    Cache,
    Count,
    Group,
    Kind,
    Ordinal,
    Page,
    Place,
    Status,
    Text,
    TokenCount,
)
from kvproof.spec.sequence_caches.machine import SequenceCaches


class BatchOnly(SequenceCaches):
    """V2-03: all missing pages need a slot at once, so a full device and a full host cannot exchange pages."""

    BREAKS = ("any_waiting_cache_can_be_resumed",)

    def can_bring_up(self, cache: Cache, group: Group, more: int) -> bool:
        missing = self.missing(cache, group, SECONDARY)
        droppable = self.droppable(PRIMARY, group)
        held = self.queued(PRIMARY, group) - droppable - self.queued_of(cache, group, PRIMARY)
        return missing + more <= self.vacant[PRIMARY][group] + droppable + min(held, self.room_on(SECONDARY, group))


class VictimsLost(BatchOnly):
    """V2-01: victims leave their queue before it is known whether the host takes them, and do not return when not.

    They are then in no queue: nothing evicts them any more, though nobody uses them.
    """

    @operation
    def resume(self, cache: Cache) -> Count:
        """Lock all that a suspended cache needs; on refusal, what was popped stays where it is, out of its queue."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        if not self.passes_gate():
            reject("device-full")
        if not self.fits(cache):
            sometimes("a cache does not fit")
            for page in self.queue[PRIMARY]:
                if not self.has(cache, page):
                    self.unqueue(page)
            return 0
        return self.wake(cache)


class VictimsLostInGrowth(VictimsLost):
    """V2-01 where it was found first: a resize that is refused."""

    BREAKS = ("queued_means_evictable",)

    @operation
    def resize(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> None:
        """Grow or shrink an active cache; on refusal, what was popped stays where it is, out of its queue."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        if not self.lengths_fit(cache, capacity, history):
            reject("bad-lengths")
        if not self.can_reshape(cache, capacity, history):
            sometimes("a cache cannot grow")
            for page in self.queue[PRIMARY]:
                self.unqueue(page)
            return
        self.reshape(cache, capacity, history)


class WedgedByLostVictims(VictimsLostInGrowth):
    """V2-01 once more, with nothing claimed of queues and utilisation: in the end no cache at all passes the gate."""

    BREAKS = ("some_waiting_cache_can_be_resumed",)

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


class ScratchKept(SequenceCaches):
    """V2-05: scratch slots are reserved before the pages are locked, and a resume that is then refused keeps them."""

    BREAKS = ("only_active_caches_lock",)

    @operation
    def resume(self, cache: Cache) -> Count:
        """Lock all that a suspended cache needs; on refusal, the scratch slots stay with it."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        if not self.passes_gate():
            reject("device-full")
        if not self.fits(cache):
            sometimes("a cache does not fit")
            if self.vacant[PRIMARY][self.group_of_kind(WINDOW)] > 0 and self.scratch[cache] == 0:
                self.take_scratch(cache, 1)
            return 0
        return self.wake(cache)


class CommitHalfDone(SequenceCaches):
    """V2-07: the page that a cache takes over is brought up before its own is given up, which may fail half way."""

    BREAKS = ("all-or-nothing",)

    @operation
    def commit(self, cache: Cache) -> bool:
        """Let others reuse the next full block; refused too late when the page to take over does not fit."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        if not self.can_commit(cache):
            reject("nothing-to-commit")
        ordinal = self.committed[cache]
        path = self.text[cache][: ordinal + 1]
        if path in self.known[FULL]:
            known = self.known[FULL][path]
            self.unlock(cache, ordinal)
            if self.level[known] == SECONDARY and not self.can_obtain(0, 1):
                reject("out-of-pages")
            self.lock(cache, ordinal)
        return self.commit_next(cache)


class PruneTooMuch(SequenceCaches):
    """V2-10: with the windowed page of a block after which there is none goes the block itself, whoever else has it."""

    BREAKS = ("destroy-only-droppable",)

    def drop(self, page: Page) -> None:
        path = self.path[page]
        if self.below[page] > 0:
            for other in self.every(Page):
                if other != page and self.path[other][: len(path)] == path:
                    if self.is_queued(other):
                        self.unqueue(other)
                    self.destroy(other)
        if self.kind[page] == WINDOW and self.below[self.known[FULL][path]] == 1:
            block = self.known[FULL][path]
            if self.is_queued(block):
                self.unqueue(block)
            self.destroy(block)
        self.destroy(page)


class PartialRebase(SequenceCaches):
    """V2-17: a cache takes a committed page over though its own block is not full, and writes the rest into it."""

    BREAKS = ("committed-history-capacity",)

    def can_commit(self, cache: Cache) -> bool:
        ordinal = self.committed[cache]
        return (
            not self.stopped[cache]
            and ordinal < len(self.text[cache])
            and ordinal * self.params.tokens_per_block < self.history[cache]
            and (
                self.text[cache][: ordinal + 1] in self.known[FULL]
                or (ordinal + 1) * self.params.tokens_per_block <= self.history[cache]
            )
        )


class StaleKept(SequenceCaches):
    """V2-18: a cache keeps the page of a block that it commits when that has left its window already."""

    BREAKS = ("windows_are_complete",)

    def commit_window(self, cache: Cache, ordinal: Ordinal, path: Text) -> None:
        if self.is_stale(ordinal, self.history[cache]):
            own = self.cell[cache][self.window_place(ordinal)]
            if own is not None and path not in self.known[WINDOW]:
                self.link(own, path)
        else:
            self.commit_place(cache, self.window_place(ordinal), WINDOW, path)


class GateLooksAhead(SequenceCaches):
    """V2-25: the gate counts what the cache is about to lock, so one that needs exactly what there is never starts."""

    BREAKS = ("any_waiting_cache_can_be_resumed",)

    def can_resume(self, cache: Cache) -> bool:
        return self.passes_gate() and self.fits(cache) and self.stays_below(cache)

    def stays_below(self, cache: Cache) -> bool:
        """Whether the utilisation will be as the gate demands."""
        return all(
            (self.unavailable(group) + self.to_lock(cache, group)) * 100
            <= self.params.gate_percent * self.slots(PRIMARY, group)
            for group in range(self.groups())
        )

    def to_lock(self, cache: Cache, group: Group) -> Count:
        """How many slots a cache will use."""
        return self.fresh(cache, group) + sum(
            1
            for place in range(self.places())
            if self.group_of_kind(self.kind_of(place)) == group and self.is_for_use(cache, place)
        )


class OneTooMany(SequenceCaches):
    """X-01: the refusal compares with < instead of <=: one held page more than the host has room for is let through."""

    BREAKS = ("destroy-only-droppable",)

    def is_enough(self, group: Group, count: int, vacated: int, dropped: int, kept: int) -> bool:
        droppable = self.droppable(PRIMARY, group)
        held = self.queued(PRIMARY, group) - droppable
        room = self.room_on(SECONDARY, group) + 1
        return count <= self.vacant[PRIMARY][group] + vacated + droppable + dropped + min(held + kept, room)


class HeldAtTheLastLevel(SequenceCaches):
    """X-02: held pages are queued at the last level, too, where a victim can only be destroyed."""

    BREAKS = ("any_waiting_cache_can_be_resumed",)

    def is_evictable(self, page: Page) -> bool:
        return self.exists(page) and not self.is_locked(page)


class LostOnSuspend(SequenceCaches):
    """X-03: pages are not queued again when the last lock goes."""

    BREAKS = ("any_waiting_cache_can_be_resumed",)

    def settle_all(self, cache: Cache) -> None:
        pass


class SnapshotsWithoutRoom(SequenceCaches):
    """X-04: a snapshot of the recurrent state is taken whether there is room for it or not."""

    BREAKS = ("unqueue-queued",)

    def can_obtain(self, group: Group, count: int) -> bool:
        return True


class WindowUncounted(SequenceCaches):
    """X-05: growth looks whether full attention has room, and forgets that the window takes a page of the same slots."""

    BREAKS = ("windows_are_complete",)

    def takes_window(self, cache: Cache, ordinal: Ordinal, history: TokenCount, capacity: TokenCount) -> bool:
        return False


class MatchWithoutWindow(SequenceCaches):
    """X-06: a prefix is matched by its blocks in full attention alone, whatever became of its window."""

    BREAKS = ("windows_are_complete",)

    def has_window(self, text: Text, count: BlockCount) -> bool:
        return True

    def hold_known(self, cache: Cache, place: Place, kind: Kind, path: Text) -> None:
        page = self.known[kind].get(path)
        if page is not None:
            self.hold(cache, place, page)
            self.settle(page)


class OneTooFew(SequenceCaches):
    """X-07: the refusal compares with < the other way: the last slot of host memory is never counted on (S-10)."""

    BREAKS = ("obtain-what-is-free",)

    def is_enough(self, group: Group, count: int, vacated: int, dropped: int, kept: int) -> bool:
        droppable = self.droppable(PRIMARY, group)
        held = self.queued(PRIMARY, group) - droppable
        room = max(0, self.room_on(SECONDARY, group) - 1)
        return count <= self.vacant[PRIMARY][group] + vacated + droppable + dropped + min(held + kept, room)


VARIANTS: dict[str, type[SequenceCaches]] = {
    "V2-01": VictimsLostInGrowth,
    "V2-01-wedge": WedgedByLostVictims,
    "V2-03": BatchOnly,
    "V2-05": ScratchKept,
    "V2-07": CommitHalfDone,
    "V2-10": PruneTooMuch,
    "V2-17": PartialRebase,
    "V2-18": StaleKept,
    "V2-25": GateLooksAhead,
    "X-01": OneTooMany,
    "X-02": HeldAtTheLastLevel,
    "X-03": LostOnSuspend,
    "X-04": SnapshotsWithoutRoom,
    "X-05": WindowUncounted,
    "X-06": MatchWithoutWindow,
    "X-07": OneTooFew,
}
