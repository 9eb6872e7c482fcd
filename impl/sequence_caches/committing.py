"""Committing: letting other caches reuse what this one has computed."""

from __future__ import annotations

from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, STATE, STATE_GROUP, WINDOW
from kvproof.impl.sequence_caches.prefix_tree import Node
from kvproof.impl.sequence_caches.reasons import refuse
from kvproof.impl.sequence_caches.room import PRIMARY, Room
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class Commits:
    """From private pages to those that everybody finds; the arguments are those of `SequenceCaches`.

    Args:
        steps: the pools and the caches.
        room: for the pages that are taken over, and for snapshots.
    """

    def __init__(self, steps: CacheSteps, room: Room) -> None:
        self._steps = steps
        self._room = room
        self._config = steps.config
        self._windows = steps.config.windows
        self._has_state = steps.config.has_state
        self._spans = steps.spans
        self._pages = steps.pages
        self._copies = steps.copies
        self._window_first = steps.config.blocks_max
        self._state_place = steps.config.state_place

    def commit(self, cache: int) -> bool:
        """Let others reuse the next full block of an active cache."""
        owner = self._steps.active(cache)
        ordinal = owner.committed
        end = (ordinal + 1) * self._config.tokens_per_block
        if not self.can_commit(owner, ordinal):
            refuse(
                "nothing-to-commit",
                f"cache {cache}: has committed {ordinal} of {len(owner.text)} known blocks, its history is "
                f"{owner.history} tokens, stopped: {owner.stopped}",
            )
        known = self.find(owner, ordinal)
        node = self.share(owner, ordinal) if known is None else self.rebase(owner, ordinal, known)
        if self._windows:
            self.let_go_of_stale(owner, ordinal)
        if self._has_state and owner.history == end and node.pages[STATE] == NO_PAGE:
            self.keep_snapshot(owner, ordinal)
        owner.tip = node
        self._steps.step_measure(owner, ordinal + 1, owner.history, owner.capacity)
        self._steps.end_copies()
        return known is not None

    def can_commit(self, cache: SequenceCache, ordinal: int) -> bool:
        """Whether block `ordinal`, the next, is of the known text, and computed to its end (V2-17)."""
        full = (ordinal + 1) * self._config.tokens_per_block <= cache.history
        return full and ordinal < len(cache.text) and not cache.stopped

    def find(self, cache: SequenceCache, ordinal: int) -> Node | None:
        """Where the next block of a cache is committed; None when it is not."""
        return cache.tip.children.get(cache.text[ordinal])

    def share(self, cache: SequenceCache, ordinal: int) -> Node:
        """Let others find the cache's own pages of a block; returns its node."""
        node = self.link(cache, ordinal, ordinal)
        if self._windows and cache.cells[self._window_first + ordinal] != NO_PAGE:
            self.link(cache, ordinal, self._window_first + ordinal)
        return node

    def rebase(self, cache: SequenceCache, ordinal: int, known: Node) -> Node:
        """Take the pages over that are committed for a block, or add what is missing there; returns its node."""
        self.exchange(cache, ordinal, known.pages[FULL])
        if self._windows:
            place, window = self._window_first + ordinal, known.pages[WINDOW]
            if cache.cells[place] != NO_PAGE:
                if window == NO_PAGE:
                    self.link(cache, ordinal, place)
                elif cache.locked[place]:
                    self.exchange(cache, place, window)
                else:  # stale: nobody but others needs it
                    self._room.let_go(cache, place)
        return known

    def link(self, cache: SequenceCache, ordinal: int, place: int) -> Node:
        """Let others find the cache's own page of a place."""
        page, pages = cache.cells[place], self._pages
        if pages.level[page] == PRIMARY:
            self._copies[pages.group[page]].publish(pages.slot[page], cache.stream)
        return self._steps.step_link(page, cache.tip, cache.text[ordinal])

    def exchange(self, cache: SequenceCache, place: int, known: int) -> None:
        """Give a locked private page up for the committed one `known`, which holds the same."""
        self._room.let_go(cache, place)
        self._room.bring_up(known)
        self._steps.step_hold(cache, place, known)
        self._steps.step_lock(cache, place)

    def let_go_of_stale(self, cache: SequenceCache, ordinal: int) -> None:
        """A stale window block was kept to be committed, and now it is (V2-18)."""
        place = self._window_first + ordinal
        start, end = self._spans.stale(cache.history)
        if cache.cells[place] != NO_PAGE and start <= ordinal < end:
            self._room.let_go(cache, place)

    def keep_snapshot(self, cache: SequenceCache, ordinal: int) -> None:
        """Keep a copy of the recurrent state as it is behind a block, where there is room for one."""
        if not self._room.has_room(STATE_GROUP, 1):
            return
        page, pages = self._room.new_page(STATE, cache.priority), self._pages
        self._steps.step_link(page, cache.tip, cache.text[ordinal])
        live = pages.slot[cache.cells[self._state_place]]
        cache.last_pass = None
        self._copies[STATE_GROUP].copy_in_passing(live, pages.slot[page], cache.stream)
        self._room.settle(page)

    def stop_committing(self, cache: int) -> None:
        """An open cache commits no more, and gives up the stale window blocks that it kept for that. Idempotent."""
        owner = self._steps.open(cache)
        if not owner.stopped:
            self._steps.step_stop(owner)
        if self._windows:
            start, end = self._spans.stale(owner.history)
            for ordinal in reversed(range(max(start, owner.committed), end)):
                if owner.cells[self._window_first + ordinal] != NO_PAGE:
                    self._room.let_go(owner, self._window_first + ordinal)
        self._steps.end_copies()
