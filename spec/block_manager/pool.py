"""Who owns each block, where its data are, and the free queue in which it waits.

Sources: the eviction policy and the window manager of TensorRT-LLM, #12297, #12834, #14937; I-nn are the invariants of
the domain notes. Counters are no state here: the number of free blocks *is* the length of the queue (I-01).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import (
    PRIMARY,
    SECONDARY,
    Block,
    BlockManagerParameters,
    Level,
    Pins,
    Priority,
    References,
    Slot,
    Tokens,
)
from kvproof.spec.lang import Ghost, Machine, Map, PriorityQueue, Set, invariant, require, step


class BlockPool(Machine[BlockManagerParameters]):
    """Blocks, their slots, their references, and the free queues."""

    slot: Map[Block, Slot]
    """Where each block's data are now."""
    refs: Map[Block, References]
    """Uses of a block: its places in sequences, and its pins."""
    pins: Map[Block, Pins]
    """Pinned paths through a block: uses that no sequence has, for a transfer or a connector."""
    pinned: Map[Block, Pins]
    """Pinned paths that end at a block: what may be unpinned."""
    priority: Map[Block, Priority]
    """Retention priority; the last request that claimed the block has set it."""
    cached: Set[Block]
    """Blocks in the reuse tree. Every other block is unreachable: no prompt can match it."""
    free: Map[Level, PriorityQueue[Block, Priority]]
    """The free queue of each level; its front is the next victim."""
    content: Ghost[Map[Slot, Tokens | None]]
    """The token path whose KV data the slot's bytes are; None when they mean nothing."""

    def initial(self) -> None:
        for block in self.every(Block):
            self.slot[block] = Slot(block)
            self.free[self.level(block)].push_back(block, 0)

    def level(self, block: Block) -> Level:
        """A block's level is that of its slot."""
        return PRIMARY if self.slot[block] < self.params.primary_blocks else SECONDARY

    def is_free(self, block: Block) -> bool:
        """Whether the block waits in a free queue, of whatever level."""
        return block in self.free[PRIMARY] or block in self.free[SECONDARY]

    @step
    def claim(self, block: Block) -> None:
        """Take a block out of the free queue of its level, wherever it stands there."""
        require(block in self.free[self.level(block)], "claim-from-own-level")
        self.free[self.level(block)].remove(block)

    @step
    def release(self, block: Block, to_front: bool) -> None:
        """Put a block into the free queue of its level, at the back or the front of its priority.

        An unreachable block is worth nothing, whatever it was worth before: it becomes the first victim (#11685).
        """
        require(not self.is_free(block), "release-once")
        require(self.refs[block] == 0, "release-unreferenced")
        require(to_front or block in self.cached, "unreachable-to-front")
        if block not in self.cached:
            self.priority[block] = 0
            self.content[self.slot[block]] = None
        if to_front:
            self.free[self.level(block)].push_front(block, self.priority[block])
        else:
            self.free[self.level(block)].push_back(block, self.priority[block])

    def let_go(self, block: Block) -> None:
        """Release a block where it belongs: behind its peers when it is cached, as the first victim when it is not."""
        self.release(block, block not in self.cached)

    @step
    def prioritise(self, block: Block, priority: Priority) -> None:
        """Set the retention priority. A queued block stands in the queue of its old one (M-07): claim it first."""
        require(not self.is_free(block), "prioritise-only-claimed")
        self.priority[block] = priority

    @step
    def copy(self, source: Block, target: Block) -> None:
        """Enqueue a copy of the data of `source` into the slot of `target`."""
        require(self.content[self.slot[source]] is not None, "copy-from-defined-content")
        require(target not in self.cached and self.refs[target] == 0, "copy-over-nothing-needed")
        self.content[self.slot[target]] = self.content[self.slot[source]]

    @step
    def swap(self, first: Block, second: Block) -> None:
        """Exchange the slots of two blocks; their data have been copied already.

        Queues are typed by level and a swap changes the level, so both blocks must be out of every queue (#12834):
        claimed afterwards, they would be looked for in the queue of the wrong level.
        """
        require(not self.is_free(first) and not self.is_free(second), "claim-before-swap")
        self.slot[first], self.slot[second] = self.slot[second], self.slot[first]

    @step
    def pin(self, block: Block, last: bool) -> None:
        """Hold a cached block for a path that is pinned through it; `last` when the path ends there."""
        require(not self.is_free(block), "claim-before-pin")
        require(block in self.cached, "pin-only-cached")
        self.pins[block] += 1
        self.refs[block] += 1
        if last:
            self.pinned[block] += 1

    @step
    def unpin(self, block: Block, last: bool) -> None:
        """Let the hold of one pinned path go. Who takes the last reference away releases the block."""
        require(self.pins[block] > 0, "unpin-only-pinned")
        require(self.pinned[block] > 0 or not last, "unpin-whole-paths")
        self.pins[block] -= 1
        self.refs[block] -= 1
        if last:
            self.pinned[block] -= 1

    @invariant
    def slots_are_a_permutation(self) -> bool:
        """No two blocks share a slot (I-06): only swap moves them."""
        return all(self.slot[a] != self.slot[b] for a in self.every(Block) for b in self.every(Block) if a < b)

    @invariant
    def queued_at_own_level(self) -> bool:
        """A block waits only in the queue of its level (I-07, I-08): it enters there, and swap takes no queued block."""
        return all(
            self.level(block) == level for block in self.every(Block) for level in Level if block in self.free[level]
        )

    @invariant
    def queued_at_own_priority(self) -> bool:
        """A block waits at its own retention priority (I-08): prioritise takes no queued block."""
        return all(
            self.free[level].priority_of(block) == self.priority[block]
            for block in self.every(Block)
            for level in Level
            if block in self.free[level]
        )

    @invariant
    def free_iff_unreferenced(self) -> bool:
        """Between operations a block is queued exactly when nothing refers to it (I-09, I-10).

        I-10 is false inside operations, where claimed blocks have no reference yet; here it holds at every boundary
        because a refused operation has taken no step.
        """
        return all(self.is_free(block) == (self.refs[block] == 0) for block in self.every(Block))

    @invariant
    def free_at_most_slots(self) -> bool:
        """No level has more free blocks than slots, so the number used is never negative (I-02, I-04, #11879)."""
        return (
            len(self.free[PRIMARY]) <= self.params.primary_blocks
            and len(self.free[SECONDARY]) <= self.params.secondary_blocks
        )

    @invariant
    def free_and_used_fill_the_level(self) -> bool:
        """Free blocks of a level and blocks in use whose slot is there are all of its slots (I-05)."""
        used = sum(1 for b in self.every(Block) if self.level(b) == PRIMARY and not self.is_free(b))
        return len(self.free[PRIMARY]) + used == self.params.primary_blocks

    @invariant
    def unreachable_first(self) -> bool:
        """A free block that nothing can reach has priority 0 and stands before every cached one of its level."""
        return all(
            self.priority[a] == 0 and self.content[self.slot[a]] is None and self.before_all_cached(a)
            for a in self.every(Block)
            if a not in self.cached and self.is_free(a)
        )

    def before_all_cached(self, block: Block) -> bool:
        """No cached block stands between `block` and the front of its queue."""
        ahead = True
        for other in self.free[self.level(block)]:
            if other == block:
                break
            if other in self.cached:
                ahead = False
        return ahead

    @invariant
    def pins_are_references(self) -> bool:
        """Each pin is a reference, and only cached blocks are pinned."""
        return all(self.pins[b] <= self.refs[b] and (self.pins[b] == 0 or b in self.cached) for b in self.every(Block))
