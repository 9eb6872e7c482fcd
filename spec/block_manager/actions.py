"""What can be done with a live sequence: it takes fresh blocks, computes into them, and offers them for reuse (B-3)."""

from __future__ import annotations

from kvproof.spec.block_manager.eviction import Eviction
from kvproof.spec.block_manager.kinds import Block, Duration, Priority, Sequence
from kvproof.spec.block_manager.sequences import Sequences
from kvproof.spec.lang import sometimes


class SequenceActions(Sequences, Eviction):
    """Taking, computing, and storing. An operation has made sure before that there are blocks to be taken."""

    def take_new(self, sequence: Sequence, priority: Priority | None, duration: Duration) -> None:
        """Give a sequence a fresh block as its next; without a wish for it, it is kept at the default priority."""
        block = self.take_free()
        self.prioritise(block, self.params.default_priority if priority is None else priority, duration)
        self.acquire(sequence, block)

    def compute(self, sequence: Sequence, end: int) -> None:
        """The forward pass computes a sequence's next tokens up to `end`, block by block."""
        for position in range(self.computed[sequence] // self.params.tokens_per_block, self.blocks_for(end)):
            self.write(sequence, position, min(end, (position + 1) * self.params.tokens_per_block))

    def store_blocks(self, sequence: Sequence, with_last: bool) -> int:
        """Walk down the tree along the computed tokens; where a node has no block yet, the sequence's own takes the place.

        A block that another sequence computed first stays; the duplicate stays private (the reason why I-20 is false).
        What is not computed yet is worth nothing to anybody (#12673). With `with_last`, a partly filled last block is
        cached too. Returns how many blocks are new in the tree.
        """
        stored = 0
        if self.params.reuse == 0:
            return stored
        node: Block | None = None
        tokens = self.tokens[sequence][: self.storable(sequence)]
        for position in range(len(tokens) // self.params.tokens_per_block):
            own = self.blocks[sequence][position]
            key = self.key_at(tokens, position)
            existing = self.child[node].get(key)
            if existing is None:
                self.attach(own, node, key)
                stored += 1
                node = own
            else:
                if existing != own:
                    sometimes("a duplicate stays private")
                node = existing
        rest = self.key_at(tokens, len(tokens) // self.params.tokens_per_block)
        if self.params.partial_reuse == 1 and with_last and len(rest) > 0 and rest not in self.child[node]:
            sometimes("a partly filled block is cached")
            self.attach(self.block_of(sequence, len(tokens) - 1), node, rest)
            stored += 1
        return stored

    def storable(self, sequence: Sequence) -> int:
        """How many tokens of a sequence have data that others may reuse (#12673)."""
        return self.computed[sequence]
