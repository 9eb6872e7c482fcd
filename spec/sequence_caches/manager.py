"""What an executor asks of the sequence caches. An operation completes, or is refused and changes nothing."""

from __future__ import annotations

from typing import Any

from kvproof.spec.lang import canonical, invariant, normal_form, observation, operation, phase, reject, sometimes
from kvproof.spec.sequence_caches.kinds import (
    FIRST,
    PRIMARY,
    SECONDARY,
    BlockCount,
    Cache,
    Level,
    Page,
    Priority,
    Prompt,
    Status,
    TokenCount,
)
from kvproof.spec.sequence_caches.room import Room


class SequenceCaches(Room):
    """Caches with committed <= history <= capacity, suspended, active or closed, over two levels of memory."""

    @operation
    def create(self, cache: Cache, prompt: Prompt) -> BlockCount:
        """Open a cache and hold what is committed of its text, wherever that is; returns how many blocks."""
        if self.status[cache] != Status.CLOSED:
            reject("cache-in-use")
        self.open(cache, prompt)
        matched = 0
        for ordinal in range(self.params.blocks_max):
            page = self.find(prompt, ordinal)
            if page is None:
                break
            self.attach(cache, page)
            self.settle(page)
            matched += 1
        if matched > 0:
            sometimes("a prefix is matched")
        self.measure(cache, matched, matched * self.params.tokens_per_block, matched * self.params.tokens_per_block)
        return matched

    @operation
    def resume(self, cache: Cache) -> BlockCount:
        """Lock all pages of a suspended cache in device memory, or none; returns how many were brought up."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        if not self.passes_gate():
            reject("device-full")
        if not self.can_bring_up(cache):
            sometimes("a cache does not fit")
            reject("out-of-pages")
        missing = self.missing(cache)
        for page in self.pages[cache]:
            if self.is_queued(page):
                self.unqueue(page)
        for page in self.pages[cache]:
            self.bring_up(page)
        self.activate(cache)
        return missing

    @operation
    def suspend(self, cache: Cache) -> None:
        """Give up the locks; pages stay where they are and may be evicted if there is host memory."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        self.deactivate(cache)
        self.settle_all(cache)

    def settle_all(self, cache: Cache) -> None:
        """Bring the queues up to date for the pages of a cache, the last block first: it is the first to be given up."""
        for position in reversed(range(len(self.pages[cache]))):
            self.settle(self.pages[cache][position])

    @operation
    def resize(self, cache: Cache, capacity: TokenCount, history: TokenCount, priority: Priority) -> None:
        """Give an active cache room for `capacity` tokens, of which `history` have been computed.

        Growing takes all pages that are needed or none; shrinking never cuts below the history. New pages have `priority`.
        """
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        if history < self.history[cache] or capacity < history:
            reject("bad-lengths")
        blocks = self.blocks(capacity)
        if blocks > len(self.pages[cache]):
            if not self.can_allocate(blocks - len(self.pages[cache])):
                sometimes("a cache cannot grow")
                reject("out-of-pages")
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

    def unused(self) -> Page:
        """The first page that does not exist."""
        for page in self.every(Page):
            if not self.exists(page):
                return page
        return FIRST

    def let_go_of_last(self, cache: Cache) -> None:
        """Take the last page from a cache, and see to what becomes of it."""
        page = self.pages[cache][len(self.pages[cache]) - 1]
        self.drop_last(cache)
        self.settle(page)

    @operation
    def commit(self, cache: Cache) -> bool:
        """Let others reuse the next full block of an active cache. Returns whether somebody had committed it before.

        Then the cache takes that page over. Its own is given up first, and leaves the slot into which the other may have to
        be brought up: so this never runs out of pages (V2-07).
        """
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
            self.settle(own)
            self.bring_up(known)
        self.measure(cache, ordinal + 1, self.history[cache], self.capacity[cache])
        return known is not None

    @operation
    def prefetch(self, cache: Cache) -> BlockCount:
        """Bring pages of a suspended cache up as far as slots are vacant, evicting nothing; returns how many."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        brought = 0
        for page in self.pages[cache]:
            if self.level[page] == SECONDARY and self.vacant(PRIMARY) > 0:
                self.bring_up(page)
                self.settle(page)
                brought += 1
        return brought

    @operation
    def close(self, cache: Cache) -> None:
        """Give up all pages of a cache, the last block first; what is committed stays for reuse."""
        if self.status[cache] == Status.CLOSED:
            reject("closed")
        if self.status[cache] == Status.ACTIVE:
            self.deactivate(cache)
        self.settle_all(cache)
        for _ in range(self.params.blocks_max):
            if len(self.pages[cache]) > 0:
                self.let_go_of_last(cache)
        self.shut(cache)

    @invariant
    def lengths_are_ordered(self) -> bool:
        """S1: committed <= history <= capacity, and a page for each block of the capacity."""
        return all(
            self.committed[cache] * self.params.tokens_per_block <= self.history[cache]
            and self.history[cache] <= self.capacity[cache]
            and len(self.pages[cache]) == self.blocks(self.capacity[cache])
            for cache in self.every(Cache)
        )

    @invariant
    def closed_caches_have_nothing(self) -> bool:
        """S6: a closed cache has no pages and no lengths."""
        return all(
            self.status[cache] != Status.CLOSED
            or (
                len(self.pages[cache]) == 0
                and self.text[cache] == 0
                and self.committed[cache] == 0
                and self.history[cache] == 0
                and self.capacity[cache] == 0
            )
            for cache in self.every(Cache)
        )

    @invariant
    def locked_pages_are_on_the_device(self) -> bool:
        """S3: what an active cache has is in device memory."""
        return all(self.level[page] == PRIMARY for page in self.every(Page) if self.is_locked(page))

    @invariant
    def queued_means_evictable(self) -> bool:
        """S4: each queue has exactly the evictable pages of its level, each at its priority."""
        return all(self.is_in_place(page, level) for page in self.every(Page) for level in Level)

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
    def slots_suffice(self) -> bool:
        """S5: no level has more pages than slots."""
        return self.occupied(PRIMARY) <= self.params.primary_slots and self.occupied(SECONDARY) <= self.slots(SECONDARY)

    @invariant
    def what_does_not_exist_is_nowhere(self) -> bool:
        """S16: a page without a slot has no contents, no priority and no owner."""
        return all(
            self.exists(page)
            or (
                self.prompt[page] is None
                and self.priority[page] == 0
                and not any(self.has(cache, page) for cache in self.every(Cache))
            )
            for page in self.every(Page)
        )

    @invariant
    def private_pages_have_one_owner(self) -> bool:
        """A page that is not committed is in exactly one cache, once; one that is has its place in no cache twice."""
        return all(
            (
                self.prompt[page] is not None
                or (self.ordinal[page] == 0 and (not self.exists(page) or self.owners(page) == 1))
            )
            and all(self.uses(cache, page) <= 1 for cache in self.every(Cache))
            for page in self.every(Page)
        )

    def owners(self, page: Page) -> int:
        """How many caches have a page."""
        return sum(1 for cache in self.every(Cache) if self.has(cache, page))

    def uses(self, cache: Cache, page: Page) -> int:
        """How often a cache has a page."""
        return sum(1 for mine in self.pages[cache] if mine == page)

    @invariant
    def blocks_are_committed_once_and_in_order(self) -> bool:
        """S11: one page at most for each block of a text, and none without that of the block before."""
        return all(
            self.prompt[one] is None
            or (
                all(
                    one == other or self.prompt[other] != self.prompt[one] or self.ordinal[other] != self.ordinal[one]
                    for other in self.every(Page)
                )
                and (
                    self.ordinal[one] == 0
                    or any(
                        self.prompt[other] == self.prompt[one] and self.ordinal[other] + 1 == self.ordinal[one]
                        for other in self.every(Page)
                    )
                )
            )
            for one in self.every(Page)
        )

    @invariant
    def committed_blocks_are_everybodys(self) -> bool:
        """S2: below its committed blocks a cache has the committed pages of its text, above it pages of its own."""
        return all(self.is_laid_out(cache) for cache in self.every(Cache))

    def is_laid_out(self, cache: Cache) -> bool:
        """Whether each page of a cache is of the kind that belongs there."""
        return all(
            (
                self.prompt[self.pages[cache][position]] == self.text[cache]
                and self.ordinal[self.pages[cache][position]] == position
            )
            if position < self.committed[cache]
            else self.prompt[self.pages[cache][position]] is None
            for position in range(len(self.pages[cache]))
        )

    @invariant
    def utilisation_is_what_is_kept(self) -> bool:
        """S14: what cannot be had is what is locked, and without host memory what is held; nothing else ever is."""
        return self.unavailable() == sum(
            1
            for page in self.every(Page)
            if self.level[page] == PRIMARY
            and (self.is_locked(page) or (self.params.secondary_slots == 0 and self.is_held(page)))
        )

    @invariant
    def any_waiting_cache_can_be_resumed(self) -> bool:
        """S15 (b): while none is active, each cache that fits the device can be resumed, if one slot is spare.

        It takes that slot: with every slot held, a cache that has pages on both levels cannot move any of them.
        """
        return self.is_busy() or all(
            self.can_resume(cache)
            for cache in self.every(Cache)
            if self.is_waiting(cache) and (self.has_spare_slot() or self.missing(cache) == 0)
        )

    @invariant
    def some_waiting_cache_can_be_resumed(self) -> bool:
        """S15 (a): under the same conditions at least one can be, if any waits: never is everybody stuck."""
        return (
            self.is_busy()
            or not any(
                self.is_waiting(cache) and (self.has_spare_slot() or self.missing(cache) == 0)
                for cache in self.every(Cache)
            )
            or any(self.is_waiting(cache) and self.can_resume(cache) for cache in self.every(Cache))
        )

    def is_busy(self) -> bool:
        """Whether some cache is active, or suspended ones could not leave the device at all."""
        return self.params.secondary_slots == 0 or any(
            self.status[cache] == Status.ACTIVE for cache in self.every(Cache)
        )

    def is_waiting(self, cache: Cache) -> bool:
        """Whether a cache is suspended and would fit the device alone."""
        return self.status[cache] == Status.SUSPENDED and len(self.pages[cache]) <= self.params.primary_slots

    def can_resume(self, cache: Cache) -> bool:
        """Whether a resume would be accepted."""
        return self.passes_gate() and self.can_bring_up(cache)

    def has_spare_slot(self) -> bool:
        """Whether a slot is vacant, or has a page that nobody has."""
        return (
            self.vacant(PRIMARY) > 0
            or self.vacant(SECONDARY) > 0
            or any(self.is_droppable(page) for page in self.every(Page))
        )

    @observation
    def observe(self) -> dict[str, Any]:
        """Caches by number; pages by what they are for and where."""

        def name(page: Page) -> list[Any]:
            if self.prompt[page] is not None:
                return ["text", int(self.prompt[page] or 0), self.ordinal[page]]
            cache = next(c for c in self.every(Cache) if page in self.pages[c])
            return ["cache", int(cache), self.pages[cache].index(page)]

        return {
            "caches": {
                str(int(cache)): {
                    "status": self.status[cache].name,
                    "text": int(self.text[cache]),
                    "committed": self.committed[cache],
                    "history": self.history[cache],
                    "capacity": self.capacity[cache],
                    "pages": [
                        [*name(page), "PRIMARY" if self.level[page] == 0 else "SECONDARY"] for page in self.pages[cache]
                    ],
                }
                for cache in self.every(Cache)
                if self.status[cache] != Status.CLOSED
            },
            "victims": {
                level.name: [[*name(page), self.priority[page]] for page in self.queue[level]] for level in Level
            },
            "vacant": {level.name: self.vacant(level) for level in Level},
        }

    @phase
    def phase_of(self, page: Page) -> str:
        """Locked, held or droppable, committed or private, and where."""
        if not self.exists(page):
            return "vacant"
        kept = "locked" if self.is_locked(page) else "held" if self.is_held(page) else "droppable"
        kind = "private" if self.prompt[page] is None else "committed"
        return f"{kept} {kind} {'primary' if self.level[page] == PRIMARY else 'secondary'}"

    @normal_form
    def pages_are_named_in_order(self) -> bool:
        """Pages are interchangeable: let those of device memory come first, then those of host memory, then the rest."""
        return all(
            all(self.rank(later) >= self.rank(page) for later in self.every(Page) if later > page)
            for page in self.every(Page)
        )

    def rank(self, page: Page) -> int:
        """0 in device memory, 1 in host memory, 2 nowhere."""
        if self.level[page] is None:
            return 2
        return 0 if self.level[page] == PRIMARY else 1

    @canonical
    def names(self) -> dict[type, list[int]]:
        """Pages by level, queue and owner; caches and texts keep their names."""
        order: dict[int, None] = {}
        for level in Level:
            order.update(dict.fromkeys(map(int, self.queue[level])))
            for cache in self.every(Cache):
                order.update(dict.fromkeys(int(p) for p in self.pages[cache] if self.level[p] == level))
            order.update(dict.fromkeys(int(p) for p in self.every(Page) if self.level[p] == level))
        order.update(dict.fromkeys(map(int, self.every(Page))))
        return {Page: list(order)}
