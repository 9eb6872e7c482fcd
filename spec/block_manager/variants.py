"""Historic bugs, each as the machine that had it: a subclass that overrides one method.

Every checker must find each of them. The numbers are those of the bug catalogue; # is an issue or pull request of
TensorRT-LLM.
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import SECONDARY, Block, Chain, Priority, Sequence
from kvproof.spec.block_manager.manager import BlockManager
from kvproof.spec.lang import require, sometimes, step


class ClaimAfterSwap(BlockManager):
    """M-01 (#12834, #11879): victim and host block are claimed after their slots were exchanged.

    Both are then looked for in the queue of the wrong level. The counters cancel out by the end of the operation.
    """

    def offload_victim(self, victim: Block, host: Block) -> Block:
        sometimes("a victim is offloaded")
        self.copy(victim, host)
        self.swap(victim, host)
        self.claim(victim)
        self.claim(host)
        self.release(victim, False)
        return host


class PinWithoutClaim(BlockManager):
    """M-02 (#12667): a cached block that nothing refers to is pinned where it waits, in the free queue."""

    def hold(self, block: Block, last: bool) -> None:
        self.pin(block, last)


class ReleaseTwice(BlockManager):
    """M-03 (#14937): a block is listed by two sequences and counted once, so that each of them releases it."""

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

    @step
    def detach(self, block: Block) -> None:
        """Take a block out of its parent's map, and leave its pointer and its key as they are."""
        require(block in self.cached, "detach-only-cached")
        require(not self.is_free(block), "claim-before-detach")
        require(self.child[self.parent[block]].get(self.key[block]) == block, "parent-knows-its-child")
        del self.child[self.parent[block]][self.key[block]]
        self.cached.discard(block)


class OnboardBeforeClaim(BlockManager):
    """M-30 (#12892): matched blocks are claimed one by one, so onboarding the first may evict the second."""

    def take_matched(self, sequence: Sequence, matched: Chain, priority: Priority) -> None:
        for block in matched:
            if self.is_free(block):
                self.claim(block)
            self.prioritise(block, priority)
            if self.level(block) == SECONDARY:
                self.onboard(block)
            self.acquire(sequence, block)


VARIANTS: dict[str, type[BlockManager]] = {
    "M-01": ClaimAfterSwap,
    "M-02": PinWithoutClaim,
    "M-03": ReleaseTwice,
    "M-17": ParentPointerKept,
    "M-30": OnboardBeforeClaim,
}
