"""Nothing is refused in vain (S-10): what fits is accepted, counted a second time and in another way.

`eviction` and `growth` decide by queues, by vacant slots, and by what a change gives up. Here pages are counted by what
they are for: a slot of device memory can be had unless it is locked, scratch, or has a held page without room below. These
are trials: they look at a state, and at what it would be after a change, and leave it. That the operations ask these
questions, and refuse for no other want of room, is read in `operations`: a trial does not call an operation.

Source: what V2-01 and V2-03 break; upstream's resize, batched lock and cascade promise nothing of the kind (B-13, B-16).
"""

from __future__ import annotations

from kvproof.spec.lang import assume, ensure, trial
from kvproof.spec.sequence_caches.actions import CacheActions
from kvproof.spec.sequence_caches.kinds import (
    FULL,
    PRIMARY,
    SECONDARY,
    STATE,
    TERTIARY,
    WINDOW,
    Cache,
    Count,
    Group,
    Level,
    Page,
    Status,
    TokenCount,
)


class CacheTrials(CacheActions):
    """What fits, and that it is accepted."""

    def free_for_all(self, group: Group) -> int:
        """Device slots of a group that can be had: all but those in use, and those of held pages that cannot go down."""
        stuck = max(0, self.held_on(PRIMARY, group) - self.room_below(group))
        return self.slots(PRIMARY, group) - self.in_use(group) - stuck

    def in_use(self, group: Group) -> Count:
        """Device slots of a group that are locked or scratch."""
        return self.scratch_slots(group) + sum(
            1 for page in self.every(Page) if self.group(page) == group and self.is_locked(page)
        )

    def held_on(self, level: Level, group: Group) -> Count:
        """Held pages of a group on a level."""
        return sum(
            1
            for page in self.every(Page)
            if self.group(page) == group and self.level[page] == level and self.is_held(page)
        )

    def room_below(self, group: Group) -> int:
        """Host slots of a group without a held page that must stay there."""
        if self.levels() == 2:
            return self.slots(SECONDARY, group) - self.held_on(SECONDARY, group)
        lowest = self.slots(TERTIARY, group) - self.held_on(TERTIARY, group)
        return self.slots(SECONDARY, group) - max(0, self.held_on(SECONDARY, group) - lowest)

    @trial
    def slots_that_can_be_had_are_had(self, group: Group, count: Count) -> None:
        """S-10: so many slots can be vacated exactly when so many are not in use or held for want of room below."""
        ensure(self.can_obtain(group, count) == (count <= self.free_for_all(group)), "obtain-what-is-free")

    @trial
    def growth_that_fits_is_accepted(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> None:
        """S-10: a resize is accepted exactly when its pages find slots, once it has given back what it does not need."""
        assume(self.status[cache] == Status.ACTIVE and self.lengths_fit(cache, capacity, history))
        assume(not self.is_computed_in_scratch(cache, history))
        accepted = self.can_reshape(cache, capacity, history)
        self.give_back(cache, capacity, history)
        fits = all(
            self.lacking(cache, group, capacity, history) <= self.free_for_all(group) for group in range(self.groups())
        )
        ensure(accepted == fits, "grow-where-it-fits")

    def lacking(self, cache: Cache, group: Group, capacity: TokenCount, history: TokenCount) -> int:
        """Slots of a group that a cache does not have yet and needs at these lengths."""
        count = 0
        for ordinal in range(self.params.blocks_max):
            if ordinal < self.blocks(capacity):
                if group == self.group_of_kind(FULL) and self.cell[cache][ordinal] is None:
                    count += 1
                windowed = self.windows() and group == self.group_of_kind(WINDOW)
                if windowed and self.takes_window(cache, ordinal, history, capacity):
                    count += 1
        if self.windows() and group == self.group_of_kind(WINDOW):
            count += max(0, self.scratch_needed(cache, history, capacity) - self.scratch[cache])
        return count

    @trial
    def resume_that_fits_is_accepted(self, cache: Cache) -> None:
        """S-10: where the gate is open, a resume is refused only when what the cache would lock does not fit beside what
        has to stay, or when pages have to move up and not a slot of device or host is spare to begin with."""
        assume(self.status[cache] == Status.SUSPENDED)
        accepted = self.fits(cache)
        fits = all(self.would_fit_beside(cache, group) for group in range(self.groups()))
        ensure(not accepted or fits, "resume-only-what-fits")
        spare = all(self.moves_nothing(cache, group) or self.is_spare(group) for group in range(self.groups()))
        ensure(accepted or not fits or not spare, "resume-what-fits")

    @trial
    def snapshot_that_fits_is_taken(self, cache: Cache) -> None:
        """S-10: a commit of the block that ends where the recurrent state is leaves a snapshot exactly when a slot can be
        had for it."""
        assume(self.states() and self.status[cache] == Status.ACTIVE and self.can_commit(cache))
        assume(self.history[cache] == (self.committed[cache] + 1) * self.params.tokens_per_block)
        path = self.text[cache][: self.committed[cache] + 1]
        assume(path not in self.known[STATE])
        fits = self.free_for_all(self.group_of_kind(STATE)) > 0
        self.commit_next(cache)
        ensure((path in self.known[STATE]) == fits, "snapshot-where-it-fits")

    def would_fit_beside(self, cache: Cache, group: Group) -> bool:
        """Whether the device has room for all that a suspended cache would lock, all that is in use, and all held pages
        of others that find no room below."""
        used = self.in_use(group) + self.fresh(cache, group)
        device = self.held_on(PRIMARY, group)
        host = self.held_on(SECONDARY, group)
        lowest = self.held_on(TERTIARY, group) if self.levels() > TERTIARY else 0
        for place in range(self.places()):
            page = self.cell[cache][place]
            if page is None or self.group(page) != group or self.is_locked(page):
                continue
            if self.is_for_use(cache, place):
                used += 1
                device -= 1 if self.level[page] == PRIMARY else 0
                host -= 1 if self.level[page] == SECONDARY else 0
                lowest -= 1 if self.level[page] == TERTIARY else 0
        if self.levels() > TERTIARY:
            host = max(0, host - (self.slots(TERTIARY, group) - lowest))
        return used + max(0, device - (self.slots(SECONDARY, group) - host)) <= self.slots(PRIMARY, group)

    def moves_nothing(self, cache: Cache, group: Group) -> bool:
        """Whether all that a cache will lock in a group is on the device already."""
        return all(self.missing(cache, group, level) == 0 for level in range(SECONDARY, self.levels()))

    def is_spare(self, group: Group) -> bool:
        """Whether a slot of device or host is vacant, or has a page that nobody has."""
        return any(
            self.vacant[level][group] > 0
            or any(
                self.group(page) == group and self.level[page] == level and self.holds[page] == 0
                for page in self.every(Page)
            )
            for level in range(TERTIARY)
        )
