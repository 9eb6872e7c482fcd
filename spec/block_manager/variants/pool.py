"""Historic bugs of queues, tree and cache, each as the machine that had it: a subclass that overrides one method.

Every checker must find each of them. The numbers are those of `spec/BUGS.md`; # is an issue or pull request of
TensorRT-LLM.
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import Block, Sequence
from kvproof.spec.block_manager.machine import BlockManager
from kvproof.spec.lang import require, sometimes, step


class ClaimAfterSwap(BlockManager):
    """M-01 (#12834, #11879): victim and host block are claimed after their slots were exchanged.

    Both are then looked for in the queue of the wrong level. The counters cancel out by the end of the operation.
    """

    BREAKS = ("claim-before-swap",)

    def offload_victim(self, victim: Block, host: Block) -> Block:
        sometimes("a victim is offloaded")
        self.copy(victim, host, self.params.tokens_per_block)
        self.swap(victim, host)
        self.claim(victim)
        self.claim(host)
        self.release(victim, False)
        return host


class PinWithoutClaim(BlockManager):
    """M-02 (#12667): a cached block that nothing refers to is pinned where it waits, in the free queue."""

    BREAKS = ("claim-before-pin",)

    def hold(self, block: Block, last: bool) -> None:
        self.pin(block, last)


class ReleaseTwice(BlockManager):
    """M-03 (#14937): a block is listed by two sequences and counted once, so that each of them releases it."""

    BREAKS = ("references_are_counted",)

    @step
    def acquire(self, sequence: Sequence, block: Block) -> None:
        """Make a block the next one of a sequence; a reference is counted only where there is none yet."""
        require(not self.is_free(block), "claim-before-acquire")
        self.blocks[sequence] = self.blocks[sequence] + (block,)
        if self.refs[block] == 0:
            self.refs[block] += 1


class ParentPointerKept(BlockManager):
    """M-17 (#13571, #13572, #13578): a child is removed from its parent's map and keeps its pointer to the parent.

    Whoever follows the pointer later asks the parent to remove a child that it has not.
    """

    BREAKS = ("nothing_hangs_from_outside",)

    @step
    def detach(self, block: Block) -> None:
        """Take a block out of its parent's map, and leave its pointer and its key as they are."""
        require(block in self.cached, "detach-only-cached")
        require(not self.is_free(block), "claim-before-detach")
        require(self.child[self.parent[block]].get(self.key[block]) == block, "parent-knows-its-child")
        del self.child[self.parent[block]][self.key[block]]
        self.cached.discard(block)


class DuplicateReleaseIgnored(ReleaseTwice):
    """M-04 (#14937, as proposed): the second release of M-03 is ignored. Nothing stands twice in a queue any more, and
    the missing reference, of which the second release was the symptom, stays.
    """

    BREAKS = ("references_are_counted",)

    @step
    def release(self, block: Block, to_front: bool) -> None:
        """Put a block into the free queue of its level, unless it is there."""
        if not self.is_free(block):
            if block not in self.cached:
                self.priority[block] = 0
                self.duration[block] = 0
                self.content[self.slot[block]] = None
            if to_front:
                self.free[self.level(block)].push_front(block, self.rank(block))
            else:
                self.free[self.level(block)].push_back(block, self.rank(block))


class PriorityOfQueuedBlock(BlockManager):
    """M-07 (#12834): the priority of a block is changed while it waits in the queue of its old one."""

    BREAKS = ("prioritise-only-claimed",)

    def give_up(self, block: Block) -> None:
        self.prioritise(block, 0, 0)


class ReleaseWithoutClaim(BlockManager):
    """M-44: giving up a subtree releases blocks that nothing refers to, which are all free already."""

    BREAKS = ("release-once",)

    def give_up(self, block: Block) -> None:
        if self.refs[block] == 0:
            self.release(block, True)
        else:
            self.prioritise(block, 0, 0)


class UnreachableLast(BlockManager):
    """M-11 (#11685): a block that nothing can reach is queued behind blocks that are worth keeping."""

    BREAKS = ("unreachable-to-front",)

    def let_go(self, block: Block) -> None:
        self.release(block, False)


class EvictInnerBlock(BlockManager):
    """M-18 (#699, #2708, #3735): the victim is taken for a leaf, and leaves its children behind."""

    BREAKS = ("detach-leaf-first",)

    def evict(self, top: Block) -> None:
        self.claim(top)
        self.detach(top)
        self.release(top, True)


class HostChildrenForgotten(BlockManager):
    """M-19 (#4596): an eviction takes only what is below the victim on the victim's own level."""

    BREAKS = ("detach-leaf-first",)

    def evict(self, top: Block) -> None:
        for block in reversed(self.subtree(top)):
            if self.level(block) == self.level(top):
                if self.is_free(block):
                    self.claim(block)
                    self.detach(block)
                    self.release(block, True)
                else:
                    self.detach(block)


class StoreUncomputed(BlockManager):
    """M-55 (#12673, #12769): the whole prompt is cached after its first chunk."""

    BREAKS = ("attach-what-the-slot-holds",)

    def storable(self, sequence: Sequence) -> int:
        return len(self.tokens[sequence])


POOL_VARIANTS: dict[str, type[BlockManager]] = {
    "M-01": ClaimAfterSwap,
    "M-02": PinWithoutClaim,
    "M-03": ReleaseTwice,
    "M-04": DuplicateReleaseIgnored,
    "M-07": PriorityOfQueuedBlock,
    "M-11": UnreachableLast,
    "M-17": ParentPointerKept,
    "M-18": EvictInnerBlock,
    "M-19": HostChildrenForgotten,
    "M-44": ReleaseWithoutClaim,
    "M-55": StoreUncomputed,
}
