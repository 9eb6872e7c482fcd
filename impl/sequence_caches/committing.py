"""Committing: letting other caches reuse what this one has computed."""

from __future__ import annotations

from kvproof.impl.sequence_caches.growth import Growth
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, STATE, STATE_GROUP, WINDOW
from kvproof.impl.sequence_caches.prefix_tree import Node
from kvproof.impl.sequence_caches.room import PRIMARY
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class Committing(Growth):
    """From private pages to those that everybody finds."""

    def commit(self, cache: int) -> bool:
        """Let others reuse the next full block of an active cache.

        If the same block of the same text is committed already, the cache takes its pages over and gives its own up first:
        they leave the slots into which those may have to be brought up, so this never runs out of pages (V2-07). With
        recurrent state a snapshot is kept if the history ends with this block and there is room for one.

        Returns:
            Whether somebody had committed the block before.

        Raises:
            Refused: not-active; nothing-to-commit: the next block of the text is not known, or not computed to its
                end, or the cache has stopped.
        """
        owner = self._active(cache)
        ordinal = owner.committed
        end = (ordinal + 1) * self.config.tokens_per_block
        if not self.can_commit(owner, ordinal):
            self._refuse(
                "nothing-to-commit",
                f"cache {cache}: has committed {ordinal} of {len(owner.text)} known blocks, its history is "
                f"{owner.history} tokens, stopped: {owner.stopped}",
            )
        known = self.find(owner, ordinal)
        node = self.share(owner, ordinal) if known is None else self.rebase(owner, ordinal, known)
        if self.config.windows:
            self.let_go_of_stale(owner, ordinal)
        if self.config.has_state and owner.history == end and node.pages[STATE] == NO_PAGE:
            self.keep_snapshot(owner, ordinal)
        owner.tip = node
        self.step_measure(owner, ordinal + 1, owner.history, owner.capacity)
        self.end_copies()
        return known is not None

    def can_commit(self, cache: SequenceCache, ordinal: int) -> bool:
        """Whether block `ordinal`, the next, is of the known text, and computed to its end (V2-17)."""
        full = (ordinal + 1) * self.config.tokens_per_block <= cache.history
        return full and ordinal < len(cache.text) and not cache.stopped

    def find(self, cache: SequenceCache, ordinal: int) -> Node | None:
        """Where the next block of a cache is committed; None when it is not."""
        return cache.tip.children.get(cache.text[ordinal])

    def share(self, cache: SequenceCache, ordinal: int) -> Node:
        """Let others find the cache's own pages of a block; returns its node."""
        node = self.link(cache, ordinal, ordinal)
        if self.config.windows and cache.cells[self._window_first + ordinal] != NO_PAGE:
            self.link(cache, ordinal, self._window_first + ordinal)
        return node

    def rebase(self, cache: SequenceCache, ordinal: int, known: Node) -> Node:
        """Take the pages over that are committed for a block, or add what is missing there; returns its node."""
        self.exchange(cache, ordinal, known.pages[FULL])
        if self.config.windows:
            place, window = self._window_first + ordinal, known.pages[WINDOW]
            if cache.cells[place] != NO_PAGE:
                if window == NO_PAGE:
                    self.link(cache, ordinal, place)
                elif cache.locked[place]:
                    self.exchange(cache, place, window)
                else:  # stale: nobody but others needs it
                    self.let_go(cache, place)
        return known

    def link(self, cache: SequenceCache, ordinal: int, place: int) -> Node:
        """Let others find the cache's own page of a place."""
        page, pages = cache.cells[place], self._pages
        if pages.level[page] == PRIMARY:
            self._copies[pages.group[page]].publish(pages.slot[page], cache.stream)
        return self.step_link(page, cache.tip, cache.text[ordinal])

    def exchange(self, cache: SequenceCache, place: int, known: int) -> None:
        """Give a locked private page up for the committed one `known`, which holds the same."""
        self.let_go(cache, place)
        self.bring_up(known)
        self.step_hold(cache, place, known)
        self.step_lock(cache, place)

    def let_go_of_stale(self, cache: SequenceCache, ordinal: int) -> None:
        """A stale window block was kept to be committed, and now it is (V2-18)."""
        place = self._window_first + ordinal
        start, end = self._spans.stale(cache.history)
        if cache.cells[place] != NO_PAGE and start <= ordinal < end:
            self.let_go(cache, place)

    def keep_snapshot(self, cache: SequenceCache, ordinal: int) -> None:
        """Keep a copy of the recurrent state as it is behind a block, where there is room for one."""
        if not self.has_room(STATE_GROUP, 1):
            return
        page, pages = self.new_page(STATE, cache.priority), self._pages
        self.step_link(page, cache.tip, cache.text[ordinal])
        live = pages.slot[cache.cells[self._state_place]]
        cache.last_pass = None
        self._copies[STATE_GROUP].copy_in_passing(live, pages.slot[page], cache.stream)
        self.settle(page)

    def stop_committing(self, cache: int) -> None:
        """An open cache commits no more, and gives up the stale window blocks that it kept for that. Idempotent.

        Raises:
            Refused: closed.
        """
        owner = self._open(cache)
        if not owner.stopped:
            self.step_stop(owner)
        if self.config.windows:
            start, end = self._spans.stale(owner.history)
            for ordinal in reversed(range(max(start, owner.committed), end)):
                if owner.cells[self._window_first + ordinal] != NO_PAGE:
                    self.let_go(owner, self._window_first + ordinal)
        self.end_copies()
