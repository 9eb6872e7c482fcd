"""What a caller may do with the cache itself: offload, pin and give up cached blocks, and let time pass."""

from __future__ import annotations

from kvproof.spec.block_manager.actions import SequenceActions
from kvproof.spec.block_manager.kinds import SECONDARY, Block, Duration, Level, Tokens
from kvproof.spec.lang import ensure, operation, reject, sometimes


class CachedBlockOperations(SequenceActions):
    """The operations on cached blocks, whichever sequences use them."""

    @operation
    def offload(self, tokens: Tokens) -> int:
        """Move the free block that is cached under the whole path `tokens` to the host. Returns 0."""
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        block = path[-1]
        if self.refs[block] > 0:
            reject("in-use")
        if self.level(block) == SECONDARY:
            reject("not-on-primary")
        if len(self.free[SECONDARY]) == 0:
            reject("no-host-block")
        host = self.free[SECONDARY].front()
        if host in path:
            sometimes("an offload is refused because it would evict its own ancestor")
            reject("no-host-block")
        if host in self.cached:
            self.evict(host)
        emptied = self.offload_victim(block, host)
        self.release(emptied, True)
        return 0

    @operation
    def pin_path(self, tokens: Tokens) -> int:
        """Hold every block of the cached path `tokens` where it is. Returns how many blocks that are."""
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        if any(self.pins[block] >= self.params.pins_max for block in path):
            reject("pin-limit")
        pinned = self.pinned[path[-1]]
        for block in path:
            self.hold(block, block == path[-1])
        ensure(self.pinned[path[-1]] == pinned + 1, "a-pin-counts-once")
        return len(path)

    def hold(self, block: Block, last: bool) -> None:
        """Pin a block, claiming it first where nothing refers to it (#12667)."""
        if self.is_free(block):
            self.claim(block)
        self.pin(block, last)

    @operation
    def unpin_path(self, tokens: Tokens) -> int:
        """Let the pins of the cached path `tokens` go, the deepest first. Returns how many blocks that are."""
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        pinned = self.pinned[path[-1]]
        if pinned == 0:
            reject("not-pinned")
        for block in reversed(path):
            self.unpin(block, block == path[-1])
            if self.refs[block] == 0:
                self.let_go(block)
        ensure(self.pinned[path[-1]] == pinned - 1, "an-unpin-takes-one-pin-back")
        return len(path)

    @operation
    def release_subtree(self, tokens: Tokens) -> int:
        """Give up the cached path `tokens` and all that is below it: its free blocks are the next victims with data.

        The top is the first of them, and takes the others along when it is evicted. What is in use follows when it is
        released. Returns how many blocks that are.
        """
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        top = path[-1]
        doomed = self.subtree(top)
        for block in reversed(doomed):
            self.give_up(block)
        ensure(all(self.priority[block] == 0 for block in doomed), "what-is-given-up-has-no-priority")
        ensure(not self.is_free(top) or self.first_cached(self.level(top)) == top, "what-is-given-up-goes-first")
        return len(doomed)

    def first_cached(self, level: Level) -> Block | None:
        """The first block of a level's queue that has data to lose."""
        for block in self.free[level]:
            if block in self.cached:
                return block
        return None

    def give_up(self, block: Block) -> None:
        """Take the priority of a cached block away; a free one is queued anew, before its peers (M-07, M-44)."""
        if self.is_free(block):
            self.claim(block)
            self.prioritise(block, 0, 0)
            self.release(block, True)
        else:
            self.prioritise(block, 0, 0)

    @operation
    def refresh(self, elapsed: Duration) -> int:
        """Let time pass: what has waited as long as its priority was asked for goes on at the default one, at the back.

        The engine calls this once an iteration. Returns how many blocks have expired.
        """
        expired = 0
        if self.params.duration_max > 0:
            for level in Level:
                for _ in range(self.params.blocks):
                    block = self.next_to_expire(level, elapsed)
                    if block is None:
                        break
                    sometimes("a priority expires")
                    self.expire(block)
                    expired += 1
            self.tick(elapsed)
        return expired

    def next_to_expire(self, level: Level, elapsed: Duration) -> Block | None:
        """The block of a level whose time runs out first, within `elapsed`; of several, the first victim."""
        found: Block | None = None
        least = elapsed + 1
        for block in self.free[level]:
            if self.remaining[block] > 0 and self.remaining[block] < least:
                found = block
                least = self.remaining[block]
        return found

    def expire(self, block: Block) -> None:
        """Queue a block anew at the default priority, behind its new peers (M-10)."""
        self.claim(block)
        self.prioritise(block, self.params.default_priority, 0)
        self.release(block, False)
        ensure(self.duration[block] == 0, "what-has-expired-has-no-limit")
