"""What an engine asks of the sequence caches. An operation completes, or is refused and changes nothing."""

from __future__ import annotations

from kvproof.spec.lang import ensure, operation, reject, sometimes
from kvproof.spec.sequence_caches.actions import CacheActions
from kvproof.spec.sequence_caches.kinds import (
    BlockCount,
    Cache,
    Count,
    Priority,
    Status,
    Text,
    TokenCount,
)


class CacheOperations(CacheActions):
    """Create, resume, suspend, resize, commit, stop committing, prefetch and close."""

    @operation
    def create(self, cache: Cache, text: Text, priority: Priority) -> BlockCount:
        """Open a cache and hold what is known of its text, wherever that is; returns how many blocks.

        `text` is what its full blocks are, or will be; `priority` that of the pages that it will take.
        """
        if self.status[cache] != Status.CLOSED:
            reject("cache-in-use")
        reused = self.begin(cache, text, priority)
        ensure(
            not any(self.is_match(text, count) for count in range(reused + 1, self.params.blocks_max + 1)),
            "reuse-all-that-is-known",
        )
        return reused

    @operation
    def resume(self, cache: Cache) -> Count:
        """Lock all that a suspended cache needs in device memory, or nothing; returns how many pages were brought up."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        if not self.passes_gate():
            reject("device-full")
        if not self.fits(cache):
            sometimes("a cache does not fit")
            reject("out-of-pages")
        ensure(not any(self.is_crowded(group) for group in range(self.groups())), "woken-where-there-is-room")
        brought = self.wake(cache)
        ensure(self.status[cache] == Status.ACTIVE, "resumed-is-active")
        return brought

    @operation
    def suspend(self, cache: Cache) -> None:
        """Give up the locks; pages stay where they are and may be evicted if there is a level below."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        self.rest(cache)
        ensure(self.status[cache] == Status.SUSPENDED, "suspended-rests")

    @operation
    def resize(self, cache: Cache, capacity: TokenCount, history: TokenCount) -> None:
        """Give an active cache room for `capacity` tokens, of which `history` have been computed.

        Growing takes all pages that are needed or none; shrinking never cuts below the history.
        """
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        if not self.lengths_fit(cache, capacity, history):
            reject("bad-lengths")
        if self.is_computed_in_scratch(cache, history):
            sometimes("tokens of the window are in scratch")
            reject("window-in-scratch")
        if not self.can_reshape(cache, capacity, history):
            sometimes("a cache cannot grow")
            reject("out-of-pages")
        self.reshape(cache, capacity, history)
        ensure(self.capacity[cache] == capacity and self.history[cache] == history, "resized-as-asked")

    @operation
    def commit(self, cache: Cache) -> bool:
        """Let others reuse the next full block of an active cache. Returns whether somebody had committed it before."""
        if self.status[cache] != Status.ACTIVE:
            reject("not-active")
        if not self.can_commit(cache):
            reject("nothing-to-commit")
        committed = self.committed[cache]
        known = self.commit_next(cache)
        ensure(self.committed[cache] == committed + 1, "one-block-is-committed")
        return known

    @operation
    def stop_committing(self, cache: Cache) -> None:
        """Commit nothing more of a cache; what was kept for that alone is given up."""
        if self.status[cache] == Status.CLOSED:
            reject("closed")
        self.stop_keeping(cache)
        ensure(self.stopped[cache], "stopped-commits-nothing-more")

    @operation
    def prefetch(self, cache: Cache) -> Count:
        """Bring pages of a suspended cache up as far as slots are vacant, evicting nothing; returns how many."""
        if self.status[cache] != Status.SUSPENDED:
            reject("not-suspended")
        fetched = self.fetch(cache)
        ensure(self.status[cache] == Status.SUSPENDED, "prefetched-goes-on-resting")
        return fetched

    @operation
    def close(self, cache: Cache) -> None:
        """Give up all pages of a cache, the last block first; what is committed stays for reuse."""
        if self.status[cache] == Status.CLOSED:
            reject("closed")
        self.end(cache)
        ensure(self.status[cache] == Status.CLOSED, "closed-is-closed")
