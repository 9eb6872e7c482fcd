"""The reuse tree: which cached block holds the data of which token path.

At most one block a node (I-16). The tree is kept both ways, child by key and parent by block, as real managers keep it:
the two may disagree, and did (#13571, #13572, #13578). An attached block's parent is attached (I-21): eviction takes the
whole subtree, so everything in the tree can be reached (I-22). What is false stays out: queued blocks need not be leaves
(I-18), and parents and children may be on different levels (I-19) and in use or free independently (I-20).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import Block, Blocks, Chain, Key, TokenCount, Tokens
from kvproof.spec.block_manager.pool import BlockPool
from kvproof.spec.lang import Map, PartialMap, require, sometimes, step


class ReuseTree(BlockPool):
    """The radix tree over blocks, of which only leaves may be partly filled (I-25). None stands for the root."""

    child: Map[Block | None, PartialMap[Key, Block]]
    """The cached blocks under each node, by the tokens of the block."""
    parent: Map[Block, Block | None]
    """The node above a cached block; None for the root, and for a block that is not cached."""
    key: Map[Block, Key]
    """The tokens of a cached block; () for a block that is not cached: eviction clears it."""

    def path(self, node: Block | None) -> Tokens:
        """The token path of a node, as its slot has it: () for the root."""
        return () if node is None else self.held(node)

    @step
    def attach(self, block: Block, parent: Block | None, key: Key) -> None:
        """Make a block in use reachable under `parent`; not while a batch claims, by `claims-change-nothing` (I-30)."""
        require(not self.claiming, "claims-change-nothing")
        require(block not in self.cached, "attach-once")
        require(not self.is_free(block), "attach-only-claimed")
        require(parent is None or self.is_full(parent), "attach-under-full-cached")
        require(len(key) > 0, "attach-under-a-key")
        require(key not in self.child[parent], "one-block-per-node")
        require(self.content[self.slot[block]] == self.path(parent) + key, "attach-what-the-slot-holds")
        self.cached.add(block)
        self.child[parent][key] = block
        self.parent[block] = parent
        self.key[block] = key

    @step
    def detach(self, block: Block) -> None:
        """Take a block without children out of the tree, and clear its key."""
        require(not self.claiming, "claims-change-nothing")
        require(block in self.cached, "detach-only-cached")
        require(not self.is_free(block), "claim-before-detach")
        require(self.pins[block] == 0, "detach-unpinned")
        require(len(self.child[block]) == 0, "detach-leaf-first")
        require(self.child[self.parent[block]].get(self.key[block]) == block, "parent-knows-its-child")
        del self.child[self.parent[block]][self.key[block]]
        self.cached.discard(block)
        self.parent[block] = None
        self.key[block] = ()

    @step
    def close_claims(self, matched: Blocks) -> None:
        """End the first phase: everything that a request of the batch counts on is out of reach of every eviction.

        Evictions take queued blocks and what is below them. So neither a matched block, `matched-blocks-are-claimed`
        (I-31), nor what is above it, `ancestors-are-claimed` (I-32), may wait in a queue.
        """
        require(self.claiming, "close-what-was-opened")
        require(all(not self.is_free(block) for block in matched), "matched-blocks-are-claimed")
        require(all(not self.is_free_node(self.parent[block]) for block in matched), "ancestors-are-claimed")
        self.claiming = False

    def is_free_node(self, node: Block | None) -> bool:
        """Whether a node is a free block; the root is none."""
        return node is not None and self.is_free(node)

    def is_full(self, block: Block) -> bool:
        """Whether a block is cached with all the tokens that it can hold."""
        return len(self.key[block]) == self.params.tokens_per_block

    def usable(self, tokens: Tokens) -> Tokens:
        """What of a prompt may be reused: never the last token, whose forward pass yields the first output (M-48)."""
        return tokens[:-1]

    def match(self, tokens: Tokens) -> Chain:
        """The longest chain of cached full blocks that `tokens` begins with."""
        chain: Chain = ()
        if self.params.reuse == 0:
            return chain
        node: Block | None = None
        for position in range(len(tokens) // self.params.tokens_per_block):
            block = self.child[node].get(self.key_at(tokens, position))
            if block is None:
                break
            chain = chain + (block,)
            node = block
        return chain

    def key_at(self, tokens: Tokens, position: int) -> Key:
        """The tokens of the block at `position`, as far as there are any."""
        return tokens[position * self.params.tokens_per_block : (position + 1) * self.params.tokens_per_block]

    def end_of(self, chain: Chain) -> Block | None:
        """The node at which a chain ends."""
        return chain[-1] if len(chain) > 0 else None

    def tail(self, tokens: Tokens, chain: Chain) -> Block | None:
        """The cached block below `chain` that has the longest beginning in common with the rest of `tokens`.

        Of two equally long ones that with the smallest key: any rule will do that does not depend on block numbers.
        """
        best: Block | None = None
        if self.params.reuse == 0 or self.params.partial_reuse == 0:
            return best
        longest = 0
        rest = self.key_at(tokens, len(chain))
        for block in self.child[self.end_of(chain)].values():
            common = self.common(self.key[block], rest)
            if common > longest and self.is_sharable(block):
                best = block
                longest = common
        return best

    def common(self, first: Key, second: Key) -> TokenCount:
        """The number of tokens with which both keys begin."""
        number = 0
        for position in range(min(len(first), len(second))):
            if first[position] != second[position]:
                break
            number += 1
        return number

    def is_sharable(self, block: Block) -> bool:
        """Whether a part of a block may be matched: it is copied, or nobody else needs it."""
        return self.params.copy_on_partial_reuse == 1 or self.is_free_leaf(block)

    def is_free_leaf(self, block: Block) -> bool:
        """Whether nothing refers to a cached block and nothing is below it."""
        return self.refs[block] == 0 and len(self.child[block]) == 0

    def match_exactly(self, tokens: Tokens) -> Chain:
        """The chain of cached blocks for the whole of `tokens`, of which the last may be partly filled; () if none."""
        chain = self.match(tokens)
        rest = self.key_at(tokens, len(chain))
        if len(rest) == 0:
            return chain
        last = self.child[self.end_of(chain)].get(rest)
        return () if last is None else chain + (last,)

    def subtree(self, top: Block) -> Blocks:
        """A cached block and everything below it, the nearest first."""
        found: Blocks = (top,)
        for position in range(self.params.blocks):
            if position >= len(found):
                break
            for below in self.child[found[position]].values():
                found = found + (below,)
        return found

    def evict(self, top: Block) -> None:
        """Take the identity of a free cached block: it and everything below it leave the tree, the deepest first.

        The free ones become unreachable and so the first victims (I-23), `top` the very first. Those in use (I-20: a parent
        may be free while a child is used) keep their data and their users, and are unreachable when they are released.
        """
        for block in reversed(self.subtree(top)):
            if self.is_free(block):
                self.claim(block)
                self.detach(block)
                self.release(block, True)
            else:
                sometimes("a block in use loses its place in the tree")
                self.detach(block)
