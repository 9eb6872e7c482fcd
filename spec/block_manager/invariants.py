"""What is always true between operations: of the pool, of the reuse tree, of sequences.

Each part of the state has a class of its own, beside that part; no operation derives any of them.
"""

from __future__ import annotations

from kvproof.spec.block_manager.actions import SequenceActions
from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block, Level, Sequence
from kvproof.spec.block_manager.pool import BlockPool
from kvproof.spec.block_manager.tree import ReuseTree
from kvproof.spec.lang import invariant


class PoolInvariants(BlockPool):
    """Slots, queues, references and pins."""

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
    def queued_at_own_rank(self) -> bool:
        """A block waits at its own retention priority, an unreachable one before all others (I-08)."""
        return all(
            self.free[level].priority_of(block) == self.rank(block)
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
        """No level has more free blocks than slots, so the number used is never negative (I-02, I-04, #11879).

        A bound of all slots of both levels, as it was checked once, lets as many blocks be free twice as the host has
        slots (I-03).
        """
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
    def unreachable_is_worthless(self) -> bool:
        """A free block that nothing can reach has the lowest priority, no time limit, and no data."""
        return all(
            self.priority[b] == 0 and self.duration[b] == 0 and self.content[self.slot[b]] is None
            for b in self.every(Block)
            if b not in self.cached and self.is_free(b)
        )

    @invariant
    def only_free_blocks_expire(self) -> bool:
        """What has time left is free, it is no more than it was, and the priority is worth expiring (I-14).

        It is cached, too: what is not has no time limit (`unreachable_is_worthless`).
        """
        return all(
            self.is_free(b)
            and self.remaining[b] <= self.duration[b]
            and self.priority[b] != self.params.default_priority
            for b in self.every(Block)
            if self.remaining[b] > 0
        )

    @invariant
    def no_batch_is_half_done(self) -> bool:
        """Between operations no batch is in its first phase."""
        return not self.claiming

    @invariant
    def only_cached_blocks_are_pinned(self) -> bool:
        """A pin holds a path of the tree; that it is a reference is in `references_are_counted`."""
        return all(self.pins[b] == 0 or b in self.cached for b in self.every(Block))


class TreeInvariants(ReuseTree):
    """The reuse tree, both ways, and what the slots of its blocks hold."""

    @invariant
    def parents_know_their_children(self) -> bool:
        """A cached block is the child that its parent has under its key; the parent is cached, and full (I-16, I-21,
        I-25)."""
        return all(
            self.child[self.parent[b]].get(self.key[b]) == b and self.parent_is_full(b)
            for b in self.every(Block)
            if b in self.cached
        )

    def parent_is_full(self, block: Block) -> bool:
        """Whether the node above is the root or a full block, which is in the tree (`nothing_hangs_from_outside`)."""
        parent = self.parent[block]
        return parent is None or self.is_full(parent)

    @invariant
    def children_know_their_parents(self) -> bool:
        """A node has as many children as there are cached blocks that name it as their parent (I-16).

        Each of those is its child under its own key, so the node has no other entry: none for a block that has left, and
        none for the same block under a second key, which would outlive it (#13571).
        """
        return len(self.child[None]) == sum(
            1 for b in self.every(Block) if b in self.cached and self.parent[b] is None
        ) and all(
            len(self.child[node]) == sum(1 for b in self.every(Block) if b in self.cached and self.parent[b] == node)
            for node in self.every(Block)
        )

    @invariant
    def nothing_hangs_from_outside(self) -> bool:
        """A block that is not cached has no key, no parent and no children: eviction clears all of them (I-24)."""
        return all(
            self.key[b] == () and self.parent[b] is None and len(self.child[b]) == 0
            for b in self.every(Block)
            if b not in self.cached
        )

    @invariant
    def nothing_is_kept_without_reuse(self) -> bool:
        """With reuse switched off no block is ever cached."""
        return self.params.reuse == 1 or len(self.cached) == 0

    @invariant
    def cached_content_is_the_path(self) -> bool:
        """The slot of a cached block holds the data of its path: its parent's path and its own key (I-17).

        Paths grow with every level, so the tree has no cycle.
        """
        return all(
            self.content[self.slot[b]] == self.path(self.parent[b]) + self.key[b]
            and len(self.key[b]) > 0
            and (self.params.partial_reuse == 1 or self.is_full(b))
            for b in self.every(Block)
            if b in self.cached
        )

    @invariant
    def pins_add_up(self) -> bool:
        """The pinned paths through a block are those that end there and those through its children.

        So whatever is above a pinned block is pinned, nothing above it can be evicted, and it stays in the tree.
        """
        return all(
            self.pins[b] == self.pinned[b] + sum(self.pins[below] for below in self.child[b].values())
            for b in self.every(Block)
        )


class SequenceInvariants(SequenceActions):
    """The blocks of sequences, and what these hold."""

    @invariant
    def references_are_counted(self) -> bool:
        """The references of a block are its places in sequences and its pins (I-11)."""
        return all(
            self.refs[b] == self.pins[b] + sum(1 for s in self.every(Sequence) for x in self.blocks[s] if x == b)
            for b in self.every(Block)
        )

    @invariant
    def sequences_have_their_blocks(self) -> bool:
        """A live sequence has tokens and just the blocks that they need; any other has nothing."""
        return all(
            len(self.blocks[s]) == self.blocks_for(len(self.tokens[s]))
            and (len(self.tokens[s]) > 0) == (s in self.live)
            for s in self.every(Sequence)
        )

    @invariant
    def closed_sequences_ask_for_nothing(self) -> bool:
        """A sequence that is not live has no retention priority."""
        return all(
            self.decode_priority[s] is None and self.decode_duration[s] == 0
            for s in self.every(Sequence)
            if s not in self.live
        )

    @invariant
    def prompts_are_computed_in_whole_blocks(self) -> bool:
        """What is computed ends with the sequence or with a block (I-37), and is something; without budgets it is all."""
        return all(
            self.computed[s] == len(self.tokens[s])
            or (
                self.params.budget_max > 0
                and self.computed[s] > 0
                and self.computed[s] < len(self.tokens[s])
                and self.computed[s] % self.params.tokens_per_block == 0
            )
            for s in self.every(Sequence)
        )

    @invariant
    def computed_content_is_the_prefix(self) -> bool:
        """Every block of a sequence is on the device and holds the data of the computed tokens up to its end (I-17)."""
        return all(
            self.level(self.blocks[s][position]) == PRIMARY
            and (
                position * self.params.tokens_per_block >= self.computed[s]
                or self.held(self.blocks[s][position]) == self.path_at(s, position)[: self.computed[s]]
            )
            for s in self.every(Sequence)
            for position in range(len(self.blocks[s]))
        )

    @invariant
    def what_is_to_be_written_is_private(self) -> bool:
        """A block that lacks computed tokens is its sequence's alone: only full blocks are shared (I-28)."""
        return all(
            self.is_private(self.blocks[s][position])
            for s in self.every(Sequence)
            for position in range(len(self.blocks[s]))
            if (position + 1) * self.params.tokens_per_block > self.computed[s]
        )
