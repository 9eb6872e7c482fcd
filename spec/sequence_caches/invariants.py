"""What is always true of sequence caches, whatever an engine asks of them: S-n of `spec/SOURCES.md`.

S-7, the mirror of slot numbers that kernels read, is below the specification: lockstep compares it. S-12 and S-13, the
bytes and their order, are lockstep's, too: bytes are read back, and a happens-before check sees what is not ordered. S-8
and S-9 are rules: `destroy-only-droppable`, and that every operation completes or changes nothing. S-10 has two directions:
that what is accepted finds its slots is in the rules of the steps; that nothing is refused in vain is shown by the
trials of `trials`.

**Why nobody waits for ever (S-15).** Let no cache be active, and let one wait that fits the device alone. In each pool
group it has some pages on the device, `m` below, and needs `f` slots more. Nothing is locked, so every other page on the
device is queued (S-4: there is a level below), and the utilisation is 0 (S-14): the gate lets the cache through. As it
fits, `m + f` device slots are vacant or have pages of others. To move its first page up takes one vacant device slot: the
spare one, or that of a victim which goes to the spare slot below. The page leaves a slot behind below, which the next
victim takes; so after each of the `m` moves there is again a spare slot, and no move waits for more than the one before it.
The `f` slots take that many spare ones, which is what `has_spare_slots` asks for. So the resume is accepted, whichever
cache asks (b), and so at least one is whenever one waits (a). A scheduler that lets active caches end or suspends them, and
tries every waiting one in turn, therefore serves each. Without a spare slot on device or host nothing can move, so S-15 has
that as its condition: two caches with pages on both levels could not begin. With batched moves (V2-03) one spare slot is
not enough. Both invariants are proved by induction, that is for all depths.
"""

from __future__ import annotations

from kvproof.spec.lang import invariant
from kvproof.spec.sequence_caches.actions import CacheActions
from kvproof.spec.sequence_caches.kinds import (
    FULL,
    PRIMARY,
    SECONDARY,
    STATE,
    Cache,
    Count,
    Group,
    Level,
    Page,
    Place,
    Status,
)


class CacheInvariants(CacheActions):
    """The invariants of the sequence caches."""

    @invariant
    def lengths_are_ordered(self) -> bool:
        """S-1: committed <= history <= capacity, and a page of full attention for each block of the capacity."""
        return all(
            self.committed[cache] * self.params.tokens_per_block <= self.history[cache]
            and self.history[cache] <= self.capacity[cache]
            and all(
                (self.cell[cache][place] is not None) == (place < self.blocks(self.capacity[cache]))
                for place in range(self.params.blocks_max)
            )
            for cache in self.every(Cache)
        )

    @invariant
    def closed_caches_have_nothing(self) -> bool:
        """S-16: a closed cache has no pages and no text; so it has no lengths either (`lengths_are_ordered`)."""
        return all(
            self.status[cache] != Status.CLOSED
            or (
                all(self.cell[cache][place] is None for place in range(self.places()))
                and len(self.text[cache]) == 0
                and not self.stopped[cache]
                and self.page_priority[cache] == 0
            )
            for cache in self.every(Cache)
        )

    @invariant
    def only_active_caches_lock(self) -> bool:
        """S-2, S-6: an active cache has locked all that it uses and nothing else; others have neither locks nor scratch."""
        return all(
            (
                self.scratch[cache]
                == (
                    self.scratch_needed(cache, self.history[cache], self.capacity[cache])
                    if self.is_active(cache)
                    else 0
                )
            )
            and all(
                (place in self.locked[cache]) == (self.is_active(cache) and self.is_for_use(cache, place))
                for place in range(self.places())
            )
            for cache in self.every(Cache)
        )

    def is_active(self, cache: Cache) -> bool:
        """Whether a cache is in use."""
        return self.status[cache] == Status.ACTIVE

    @invariant
    def counters_count(self) -> bool:
        """Each page is held and locked as often as caches have it and use it."""
        return all(
            self.holds[page] == self.cells_with(page) and self.locks[page] == self.locked_cells_with(page)
            for page in self.every(Page)
        )

    def cells_with(self, page: Page) -> Count:
        """How many cells have a page."""
        return sum(
            1 for cache in self.every(Cache) for place in range(self.places()) if self.cell[cache][place] == page
        )

    def locked_cells_with(self, page: Page) -> Count:
        """How many locked cells have a page."""
        return sum(
            1
            for cache in self.every(Cache)
            for place in range(self.places())
            if self.cell[cache][place] == page and place in self.locked[cache]
        )

    @invariant
    def locked_pages_are_on_the_device(self) -> bool:
        """S-3: what an active cache uses is in device memory."""
        return all(self.level[page] == PRIMARY for page in self.every(Page) if self.is_locked(page))

    @invariant
    def queued_means_evictable(self) -> bool:
        """S-4: each queue has exactly the evictable pages of its level, each at its priority."""
        return all(self.is_in_place(page, level) for page in self.every(Page) for level in range(self.levels()))

    def is_in_place(self, page: Page, level: Level) -> bool:
        """Whether a page is in the queue of a level exactly when it should be."""
        if page in self.queue[level]:
            return (
                self.level[page] == level
                and self.is_evictable(page)
                and self.queue[level].priority_of(page) == self.priority[page]
            )
        return self.level[page] != level or not self.is_evictable(page)

    @invariant
    def slots_are_conserved(self) -> bool:
        """S-5: each slot of a level is vacant, or has one page, or is scratch."""
        return all(
            self.vacant[level][group]
            + sum(1 for page in self.every(Page) if self.group(page) == group and self.level[page] == level)
            + (self.scratch_slots(group) if level == PRIMARY else 0)
            == self.slots(level, group)
            for level in range(self.levels())
            for group in range(self.groups())
        )

    @invariant
    def what_does_not_exist_is_nowhere(self) -> bool:
        """S-16: a page without a slot has no contents, no priority and no owner; one with a slot is of its group."""
        return all(
            self.group(page) == self.group_of_kind(self.kind[page])
            if self.exists(page)
            else (
                self.kind[page] == FULL
                and len(self.path[page]) == 0
                and self.priority[page] == 0
                and self.holds[page] == 0
            )
            for page in self.every(Page)
        )

    @invariant
    def private_pages_have_one_owner(self) -> bool:
        """A page that nobody can find is in exactly one cell: else it would never be given back, or be written by two."""
        return all(
            self.holds[page] == 1 for page in self.every(Page) if self.exists(page) and not self.is_committed(page)
        )

    @invariant
    def what_is_committed_is_found(self) -> bool:
        """S-11: one page for a text in each life cycle, and each committed page is found by its text."""
        return all(
            self.known[self.kind[page]].get(self.path[page]) == page
            for page in self.every(Page)
            if self.is_committed(page)
        ) and all(
            len(self.known[kind])
            == sum(1 for page in self.every(Page) if self.is_committed(page) and self.kind[page] == kind)
            for kind in range(self.kinds())
        )

    def kinds(self) -> int:
        """How many life cycles there may be."""
        return 3 if self.states() else 2 if self.windows() else 1

    @invariant
    def blocks_hang_from_their_predecessors(self) -> bool:
        """S-11: what is known of a block implies its page of full attention, and that of the block before."""
        return all(
            self.path[page] in self.known[FULL]
            and (len(self.path[page]) == 1 or self.path[page][: len(self.path[page]) - 1] in self.known[FULL])
            for page in self.every(Page)
            if self.is_committed(page)
        )

    @invariant
    def what_hangs_is_counted(self) -> bool:
        """Each page has as many below it as hang from it: eviction looks for them only when there are any."""
        return all(
            self.below[page]
            == sum(
                1
                for other in self.every(Page)
                if self.is_committed(other)
                and self.is_committed(page)
                and self.kind[page] == FULL
                and self.anchor(self.kind[other], self.path[other]) == self.path[page]
            )
            for page in self.every(Page)
        )

    @invariant
    def committed_blocks_are_everybodys(self) -> bool:
        """S-2: below its committed blocks a cache has the committed pages of its text, above them pages of its own."""
        return all(
            self.committed[cache] <= len(self.text[cache])
            and all(self.is_laid_out(cache, place) for place in range(self.block_places()))
            for cache in self.every(Cache)
        )

    def is_laid_out(self, cache: Cache, place: Place) -> bool:
        """Whether the page at a place is of the kind that belongs there."""
        page = self.cell[cache][place]
        ordinal = self.ordinal_of(place)
        return page is None or (
            self.kind[page] == self.kind_of(place)
            and (
                self.path[page] == self.text[cache][: ordinal + 1]
                if ordinal < self.committed[cache]
                else len(self.path[page]) == 0
            )
        )

    @invariant
    def windows_are_complete(self) -> bool:
        """S-2: a block that the window needs has its page; one that has left it has none, but for a later commit."""
        return not self.windows() or all(
            self.is_window_right(cache, ordinal)
            for cache in self.every(Cache)
            for ordinal in range(self.params.blocks_max)
        )

    def is_window_right(self, cache: Cache, ordinal: int) -> bool:
        """The same for one block."""
        if self.cell[cache][self.window_place(ordinal)] is None:
            return not self.needs_window(ordinal, self.history[cache], self.capacity[cache])
        return ordinal < self.blocks(self.capacity[cache]) and (
            not self.is_stale(ordinal, self.history[cache])
            or (ordinal >= self.committed[cache] and not self.stopped[cache])
        )

    @invariant
    def states_start_once(self) -> bool:
        """S-2: from the first resume on a cache has its recurrent state, before that the snapshot that matched it."""
        return not self.states() or all(
            self.status[cache] == Status.CLOSED or self.is_state_right(cache) for cache in self.every(Cache)
        )

    def is_state_right(self, cache: Cache) -> bool:
        """The same for one cache."""
        state = self.cell[cache][self.state_place()]
        snapshot = self.cell[cache][self.snapshot_place()]
        if state is not None:
            return snapshot is None and self.kind[state] == STATE and len(self.path[state]) == 0
        if self.is_active(cache) or self.history[cache] != self.committed[cache] * self.params.tokens_per_block:
            return False
        if snapshot is None:
            return self.committed[cache] == 0
        return (
            self.committed[cache] > 0
            and self.kind[snapshot] == STATE
            and self.path[snapshot] == self.text[cache][: self.committed[cache]]
        )

    @invariant
    def utilisation_is_what_is_kept(self) -> bool:
        """S-14: what cannot be had is what is locked or scratch, and without a lower level what is held; nothing else."""
        return all(
            self.unavailable(group)
            == self.scratch_slots(group)
            + sum(
                1
                for page in self.every(Page)
                if self.group(page) == group
                and self.level[page] == PRIMARY
                and (self.is_locked(page) or (self.is_last(PRIMARY, group) and self.is_held(page)))
            )
            for group in range(self.groups())
        )

    @invariant
    def any_waiting_cache_can_be_resumed(self) -> bool:
        """S-15 (b): while none is active, each cache that fits the device can be resumed, if one slot is spare.

        It takes that slot: with every slot held, a cache that has pages on both levels cannot move any of them.
        """
        return self.is_busy() or all(self.can_resume(cache) for cache in self.every(Cache) if self.is_waiting(cache))

    @invariant
    def some_waiting_cache_can_be_resumed(self) -> bool:
        """S-15 (a): under the same conditions at least one can be, if any waits: never is everybody stuck.

        It follows from (b), and stands alone for variants in which only this is claimed.
        """
        return (
            self.is_busy()
            or not any(self.is_waiting(cache) for cache in self.every(Cache))
            or any(self.is_waiting(cache) and self.can_resume(cache) for cache in self.every(Cache))
        )

    def is_busy(self) -> bool:
        """Whether some cache is active, or suspended ones could not leave the device at all."""
        return any(
            self.slots(PRIMARY, group) > 0 and self.is_last(PRIMARY, group) for group in range(self.groups())
        ) or any(self.is_active(cache) for cache in self.every(Cache))

    def is_waiting(self, cache: Cache) -> bool:
        """Whether a cache is suspended, would fit the device alone, and has the spare slots that it takes to move."""
        return self.status[cache] == Status.SUSPENDED and all(
            self.would_fit(cache, group) and self.has_spare_slots(cache, group) for group in range(self.groups())
        )

    def would_fit(self, cache: Cache, group: Group) -> bool:
        """Whether the device has enough slots of a group for all that a cache needs."""
        return self.fresh(cache, group) + sum(
            1
            for place in range(self.places())
            if self.group_of_kind(self.kind_of(place)) == group and self.is_for_use(cache, place)
        ) <= self.slots(PRIMARY, group)

    def has_spare_slots(self, cache: Cache, group: Group) -> bool:
        """Whether enough slots of device and host are vacant, or have a page that nobody has."""
        spare = (
            self.vacant[PRIMARY][group]
            + self.vacant[SECONDARY][group]
            + self.droppable(PRIMARY, group)
            + self.droppable(SECONDARY, group)
        )
        moves = any(self.missing(cache, group, level) > 0 for level in range(SECONDARY, self.levels()))
        return spare >= max(self.fresh(cache, group), 1 if moves else 0)
