"""The reuse tree: which cached block holds the data of which token path.

At most one block a node (I-16). The tree is kept both ways, child by key and parent by block, as real managers keep it:
the two may disagree, and did (#13571, #13572, #13578). An attached block's parent is attached (I-21): eviction takes the
whole subtree, so everything in the tree can be reached (I-22). What is false stays out: queued blocks need not be leaves
(I-18), and parents and children may be on different levels (I-19) and in use or free independently (I-20).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import Block, Blocks, Chain, Key, OwnKey, Tokens
from kvproof.spec.block_manager.pool import BlockPool
from kvproof.spec.lang import Map, PartialMap, invariant, require, sometimes, step


class ReuseTree(BlockPool):
    """The radix tree over full blocks. None stands for the root."""

    child: Map[Block | None, PartialMap[Key, Block]]
    """The cached blocks under each node, by the tokens of the block."""
    parent: Map[Block, Block | None]
    """The node above a cached block; None for the root, and for a block that is not cached."""
    key: Map[Block, OwnKey]
    """The tokens of a cached block; () for a block that is not cached: eviction clears it."""

    def path(self, node: Block | None) -> Tokens:
        """The token path of a node, as its slot has it: () for the root."""
        if node is None:
            return ()
        held = self.content[self.slot[node]]
        return () if held is None else held

    @step
    def attach(self, block: Block, parent: Block | None, key: Key) -> None:
        """Make a block in use reachable under `parent`."""
        require(block not in self.cached, "attach-once")
        require(not self.is_free(block), "attach-only-claimed")
        require(parent is None or parent in self.cached, "attach-under-cached")
        require(key not in self.child[parent], "one-block-per-node")
        require(self.content[self.slot[block]] == self.path(parent) + key, "attach-what-the-slot-holds")
        self.cached.add(block)
        self.child[parent][key] = block
        self.parent[block] = parent
        self.key[block] = key

    @step
    def detach(self, block: Block) -> None:
        """Take a block without children out of the tree, and clear its key."""
        require(block in self.cached, "detach-only-cached")
        require(not self.is_free(block), "claim-before-detach")
        require(self.pins[block] == 0, "detach-unpinned")
        require(len(self.child[block]) == 0, "detach-leaf-first")
        require(self.child[self.parent[block]].get(self.key[block]) == block, "parent-knows-its-child")
        del self.child[self.parent[block]][self.key[block]]
        self.cached.discard(block)
        self.parent[block] = None
        self.key[block] = ()

    def match(self, tokens: Tokens, limit: int) -> Chain:
        """The longest chain of cached blocks that starts `tokens`, at most `limit` blocks."""
        chain: Chain = ()
        node: Block | None = None
        for position in range(limit):
            block = self.child[node].get(self.key_at(tokens, position))
            if block is None:
                break
            chain = chain + (block,)
            node = block
        return chain

    def key_at(self, tokens: Tokens, position: int) -> Key:
        """The tokens of the full block at `position`."""
        return tokens[position * self.params.tokens_per_block : (position + 1) * self.params.tokens_per_block]

    def evict(self, top: Block) -> None:
        """Take the identity of a free cached block: it and everything below it leave the tree, the deepest first.

        The free ones become unreachable and so the first victims, `top` the very first. Those in use (I-20: a parent may
        be free while a child is used) keep their data and their users, and are unreachable when they are released.
        """
        doomed: Blocks = (top,)
        for position in range(self.params.blocks):
            if position >= len(doomed):
                break
            for below in self.child[doomed[position]].values():
                doomed = doomed + (below,)
        for block in reversed(doomed):
            if self.is_free(block):
                self.claim(block)
                self.detach(block)
                self.release(block, True)
            else:
                sometimes("a block in use loses its place in the tree")
                self.detach(block)

    @invariant
    def parents_know_their_children(self) -> bool:
        """A cached block is the child that its parent has under its key, and its parent is cached (I-16, I-21)."""
        return all(
            self.child[self.parent[b]].get(self.key[b]) == b and self.parent_is_cached(b)
            for b in self.every(Block)
            if b in self.cached
        )

    def parent_is_cached(self, block: Block) -> bool:
        """Whether the node above is the root or in the tree."""
        parent = self.parent[block]
        return parent is None or parent in self.cached

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
    def cached_content_is_the_path(self) -> bool:
        """The slot of a cached block holds the data of its path: its parent's path and its own key (I-17).

        Paths grow with every level, so the tree has no cycle.
        """
        return all(
            self.content[self.slot[b]] == self.path(self.parent[b]) + self.key[b]
            and len(self.key[b]) == self.params.tokens_per_block
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
