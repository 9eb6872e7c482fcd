"""What can be done with a sequence cache: each action as a question whether it can be, and an effect that then succeeds.

An operation asks and then acts, so it completes or changes nothing, for all caches and not only the caller's (S-9, D-7).

Sources: the operations of TensorRT-LLM's second-generation manager (B-16) and what a lookup finds (B-15).
"""

from __future__ import annotations

from kvproof.spec.lang import sometimes
from kvproof.spec.sequence_caches.growth import Growth
from kvproof.spec.sequence_caches.kinds import (
    FULL,
    PRIMARY,
    SECONDARY,
    STATE,
    TERTIARY,
    WINDOW,
    BlockCount,
    Cache,
    Count,
    Group,
    Kind,
    Level,
    Ordinal,
    Page,
    Place,
    Priority,
    Status,
    Text,
)


class CacheActions(Growth):
    """Create, resume, suspend, commit and close, as actions; growing and shrinking are in `Growth`."""

    def matched(self, text: Text) -> BlockCount:
        """How many blocks of a text can be reused: the most for which everything that a cache of them needs is known."""
        best = 0
        for count in range(1, self.params.blocks_max + 1):
            if count > len(text) or text[:count] not in self.known[FULL]:
                break
            if self.is_match(text, count):
                best = count
        return best

    def is_match(self, text: Text, count: BlockCount) -> bool:
        """Whether a cache can begin with the first so many blocks of a text."""
        return (
            count <= len(text)
            and text[:count] in self.known[FULL]
            and self.has_window(text, count)
            and (not self.states() or text[:count] in self.known[STATE])
        )

    def has_window(self, text: Text, count: BlockCount) -> bool:
        """Whether the window after so many blocks of a text, and the sinks, are known."""
        return not self.windows() or all(
            text[: ordinal + 1] in self.known[WINDOW] or self.is_stale(ordinal, count * self.params.tokens_per_block)
            for ordinal in range(count)
        )

    def begin(self, cache: Cache, text: Text, priority: Priority) -> BlockCount:
        """Open a cache and hold what is known of its text, wherever that is; returns how many blocks."""
        count = self.matched(text)
        self.begin_with(cache, text, count, priority)
        return count

    def begin_with(self, cache: Cache, text: Text, count: BlockCount, priority: Priority) -> None:
        """Open a cache and hold so many blocks of its text, which are known."""
        tokens = count * self.params.tokens_per_block
        self.open(cache, text, priority)
        for ordinal in range(count):
            self.hold_known(cache, ordinal, FULL, text[: ordinal + 1])
            if self.windows() and not self.is_stale(ordinal, tokens):
                self.hold_known(cache, self.window_place(ordinal), WINDOW, text[: ordinal + 1])
        if self.states() and count > 0:
            self.hold_known(cache, self.snapshot_place(), STATE, text[:count])
        if count > 0:
            sometimes("a prefix is matched")
        self.measure(cache, count, tokens, tokens)

    def hold_known(self, cache: Cache, place: Place, kind: Kind, path: Text) -> None:
        """Hold a committed page."""
        page = self.known[kind][path]
        self.hold(cache, place, page)
        self.settle(page)

    def can_resume(self, cache: Cache) -> bool:
        """Whether a suspended cache would be resumed now."""
        return self.passes_gate() and self.fits(cache)

    def fits(self, cache: Cache) -> bool:
        """Whether everything that a suspended cache needs can be in device memory at once."""
        return all(self.can_bring_up(cache, group, self.fresh(cache, group)) for group in range(self.groups()))

    def fresh(self, cache: Cache, group: Group) -> Count:
        """Slots that a resume takes beside those of the cache's pages: a first recurrent state, and scratch."""
        count = 0
        if self.states() and group == self.group_of_kind(STATE) and self.cell[cache][self.state_place()] is None:
            count += 1
        if self.windows() and group == self.group_of_kind(WINDOW):
            count += self.scratch_needed(cache, self.history[cache], self.capacity[cache])
        return count

    def wake(self, cache: Cache) -> Count:
        """Lock all that a suspended cache needs in device memory; returns how many pages were brought up."""
        brought = 0
        for place in range(self.places()):
            page = self.cell[cache][place]
            if page is not None and self.is_for_use(cache, place) and self.is_queued(page):
                self.unqueue(page)
        brought += self.bring_up_from(cache, SECONDARY)
        if self.levels() > TERTIARY:
            brought += self.bring_up_from(cache, TERTIARY)
        if self.states() and self.cell[cache][self.state_place()] is None:
            self.start_state(cache)
        self.set_scratch(cache, self.scratch_needed(cache, self.history[cache], self.capacity[cache]))
        for place in range(self.places()):
            if self.is_for_use(cache, place):
                self.lock(cache, place)
        self.activate(cache)
        return brought

    def bring_up_from(self, cache: Cache, level: Level) -> Count:
        """Bring up from one level what a cache will lock: the host's pages first, since their slots are taken in turn by
        those that have to go down."""
        brought = 0
        for place in range(self.places()):
            page = self.cell[cache][place]
            if page is not None and self.is_for_use(cache, place) and self.level[page] == level:
                self.bring_up(page)
                brought += 1
        return brought

    def start_state(self, cache: Cache) -> None:
        """Take a page for the recurrent state, copy the snapshot into it from wherever that is, and give that up."""
        self.hold(cache, self.state_place(), self.new_page(STATE, self.page_priority[cache]))
        snapshot = self.cell[cache][self.snapshot_place()]
        if snapshot is not None:
            sometimes("a state starts from a snapshot")
            self.let_go(cache, self.snapshot_place())
            self.settle(snapshot)

    def rest(self, cache: Cache) -> None:
        """Suspend an active cache: its pages stay where they are, and may be evicted if there is a level below."""
        for place in range(self.places()):
            if place in self.locked[cache]:
                self.unlock(cache, place)
        self.set_scratch(cache, 0)
        self.deactivate(cache)
        self.settle_all(cache)

    def settle_all(self, cache: Cache) -> None:
        """Bring the queues up to date for the pages of a cache, the last block first: it is the first victim (D-11)."""
        for place in reversed(range(self.places())):
            page = self.cell[cache][place]
            if page is not None:
                self.settle(page)

    def can_commit(self, cache: Cache) -> bool:
        """Whether the next block of a cache is full of computed tokens, and may still be committed."""
        ordinal = self.committed[cache]
        return (
            not self.stopped[cache]
            and ordinal < len(self.text[cache])
            and (ordinal + 1) * self.params.tokens_per_block <= self.history[cache]
        )

    def commit_next(self, cache: Cache) -> bool:
        """Let others reuse the next block of an active cache. Returns whether somebody had committed it before.

        Then the cache takes that page over. Its own is given up first, and leaves the slot into which the other may have to
        be brought up: so this never runs out of pages (V2-07).
        """
        ordinal = self.committed[cache]
        path = self.text[cache][: ordinal + 1]
        known = path in self.known[FULL]
        if known:
            sometimes("a block has been committed before")
        self.commit_place(cache, ordinal, FULL, path)
        if self.windows():
            self.commit_window(cache, ordinal, path)
        if self.states():
            self.take_snapshot(cache, ordinal, path)
        self.measure(cache, ordinal + 1, self.history[cache], self.capacity[cache])
        return known

    def commit_place(self, cache: Cache, place: Place, kind: Kind, path: Text) -> None:
        """Commit one's own page at a place, or exchange it for the committed one (rebase)."""
        if path in self.known[kind]:
            known = self.known[kind][path]
            self.give_up(cache, place)
            self.bring_up(known)
            self.hold(cache, place, known)
            self.lock(cache, place)
        else:
            self.link(self.page_at(cache, place), path)

    def commit_window(self, cache: Cache, ordinal: Ordinal, path: Text) -> None:
        """The same in the window, where a block may be stale by now: then the cache does not keep it (V2-18)."""
        place = self.window_place(ordinal)
        if self.is_stale(ordinal, self.history[cache]):
            own = self.cell[cache][place]
            if own is not None and path not in self.known[WINDOW]:
                sometimes("a stale block is committed")
                self.link(own, path)
            self.give_up(cache, place)
        else:
            self.commit_place(cache, place, WINDOW, path)

    def take_snapshot(self, cache: Cache, ordinal: Ordinal, path: Text) -> None:
        """Copy the recurrent state into a page from which others may start, if it is the block's and there is room.

        The state is that after the computed tokens, so it is the block's when these end with it (D-14).
        """
        if (
            self.history[cache] == (ordinal + 1) * self.params.tokens_per_block
            and path not in self.known[STATE]
            and self.can_obtain(self.group_of_kind(STATE), 1)
        ):
            sometimes("a snapshot is taken")
            page = self.new_page(STATE, self.page_priority[cache])
            self.link(page, path)
            self.settle(page)

    def stop_keeping(self, cache: Cache) -> None:
        """Commit no more, and give up what was kept for a later commit only."""
        self.stop(cache)
        if self.windows():
            for ordinal in reversed(range(self.params.blocks_max)):
                if ordinal >= self.committed[cache] and self.is_stale(ordinal, self.history[cache]):
                    self.give_up(cache, self.window_place(ordinal))

    def fetch(self, cache: Cache) -> Count:
        """Bring pages of a suspended cache up as far as slots are vacant, evicting nothing (D-9); returns how many."""
        brought = 0
        for place in range(self.places()):
            page = self.cell[cache][place]
            if page is not None and self.is_fetched(cache, place, page):
                self.bring_up(page)
                self.settle(page)
                brought += 1
        return brought

    def is_fetched(self, cache: Cache, place: Place, page: Page) -> bool:
        """Whether the page at a place will be used and has a vacant slot to come up to."""
        return (
            self.is_for_use(cache, place) and self.level[page] != PRIMARY and self.vacant[PRIMARY][self.group(page)] > 0
        )

    def end(self, cache: Cache) -> None:
        """Close a cache: all its pages are given up, the last block first; what is committed stays for reuse."""
        if self.status[cache] == Status.ACTIVE:
            self.rest(cache)
        self.settle_all(cache)
        for place in reversed(range(self.places())):
            self.give_up(cache, place)
        self.shut(cache)
