"""Sequences: the blocks that they hold, and how far their tokens are computed.

The engine's forward pass is part of the operation that brings the tokens: their KV data count as written when it ends. How
blocks are let go is as upstream (B-3).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import (
    PRIMARY,
    Block,
    Chain,
    Duration,
    Position,
    Priority,
    Sequence,
    TokenCount,
    Tokens,
)
from kvproof.spec.block_manager.tree import ReuseTree
from kvproof.spec.lang import Map, Set, require, step


class Sequences(ReuseTree):
    """Live sequences and their blocks."""

    live: Set[Sequence]
    """Sequences that have been added and not finished."""
    tokens: Map[Sequence, Tokens]
    """The tokens of each live sequence."""
    computed: Map[Sequence, TokenCount]
    """How many of its tokens have KV data: all of them, unless a long prompt is computed chunk by chunk."""
    blocks: Map[Sequence, Chain]
    """The blocks of each live sequence, first to last."""
    decode_priority: Map[Sequence, Priority | None]
    """The retention priority that each live sequence asked for the blocks that it grows into; None for the default."""
    decode_duration: Map[Sequence, Duration]
    """For how long it asked for that."""

    @step
    def begin(self, sequence: Sequence, tokens: Tokens, priority: Priority | None, duration: Duration) -> None:
        """Open a sequence; its blocks follow. Priority and duration are for the blocks that it grows into."""
        require(sequence not in self.live, "begin-once")
        require(not self.claiming, "claims-change-nothing")
        self.live.add(sequence)
        self.tokens[sequence] = tokens
        self.decode_priority[sequence] = priority
        self.decode_duration[sequence] = duration

    @step
    def extend(self, sequence: Sequence, tokens: Tokens) -> None:
        """Append tokens to a sequence; the blocks that they need follow."""
        require(sequence in self.live, "extend-live")
        require(self.computed[sequence] == len(self.tokens[sequence]), "extend-after-prefill")
        self.tokens[sequence] = self.tokens[sequence] + tokens

    @step
    def acquire(self, sequence: Sequence, block: Block) -> None:
        """Make a block the next one of a sequence, which refers to it from now on."""
        require(not self.claiming, "claims-change-nothing")
        require(not self.is_free(block), "claim-before-acquire")
        require(self.level(block) == PRIMARY, "acquire-on-primary")
        require(len(self.blocks[sequence]) < self.blocks_for(len(self.tokens[sequence])), "acquire-what-is-needed")
        require(
            block not in self.cached or self.held(block) == self.path_at(sequence, len(self.blocks[sequence])),
            "acquire-own-prefix",
        )
        require(block not in self.cached or self.is_full(block), "acquire-full-or-own")
        self.blocks[sequence] = self.blocks[sequence] + (block,)
        self.refs[block] += 1

    @step
    def drop(self, sequence: Sequence, block: Block) -> None:
        """Take the last block of a sequence away from it. Who drops the last reference releases the block."""
        require(not self.claiming, "claims-change-nothing")
        require(len(self.blocks[sequence]) > 0 and self.blocks[sequence][-1] == block, "drop-last-block-first")
        require(self.refs[block] > 0, "drop-referenced")
        self.blocks[sequence] = self.blocks[sequence][:-1]
        self.refs[block] -= 1

    @step
    def reuse(self, sequence: Sequence, tokens: TokenCount) -> None:
        """Count the first `tokens` tokens of a fresh sequence as computed: its blocks have their data already.

        What a partly matched last block holds beyond them is about to be overwritten, and means nothing any more. By
        `last-token-is-computed` the last token is never among them (I-36).
        """
        require(self.computed[sequence] == 0, "reuse-before-computing")
        require(tokens < len(self.tokens[sequence]), "last-token-is-computed")
        require(self.blocks_for(tokens) <= len(self.blocks[sequence]), "reuse-own-blocks")
        require(
            all(self.holds(sequence, position, tokens) for position in range(self.blocks_for(tokens))),
            "reuse-what-is-there",
        )
        self.computed[sequence] = tokens
        if tokens % self.params.tokens_per_block != 0:
            self.content[self.slot[self.block_of(sequence, tokens - 1)]] = self.tokens[sequence][:tokens]

    @step
    def write(self, sequence: Sequence, position: Position, end: TokenCount) -> None:
        """The forward pass computes the next tokens of a sequence, up to `end`, into its block at `position`.

        Nobody else may see the block: a shared or cached block is never written, `write-unshared`, `write-uncached` (I-28,
        true for one window). What is in it already must be the sequence's own.
        """
        require(position < len(self.blocks[sequence]), "write-own-block")
        require(self.computed[sequence] < end and end <= len(self.tokens[sequence]), "write-what-is-next")
        require(
            self.computed[sequence] // self.params.tokens_per_block == position
            and end <= (position + 1) * self.params.tokens_per_block,
            "write-block-by-block",
        )
        require(self.refs[self.blocks[sequence][position]] == 1, "write-unshared")
        require(self.blocks[sequence][position] not in self.cached, "write-uncached")
        require(
            self.computed[sequence] % self.params.tokens_per_block == 0
            or self.held(self.blocks[sequence][position]) == self.tokens[sequence][: self.computed[sequence]],
            "write-behind-own-data",
        )
        self.content[self.slot[self.blocks[sequence][position]]] = self.tokens[sequence][:end]
        self.computed[sequence] = end

    @step
    def truncate(self, sequence: Sequence, length: TokenCount) -> None:
        """Forget the tokens of a sequence beyond `length`; the blocks that only they needed have been dropped."""
        require(length > 0 and length < len(self.tokens[sequence]), "truncate-to-less")
        require(self.computed[sequence] == len(self.tokens[sequence]), "truncate-after-prefill")
        require(len(self.blocks[sequence]) == self.blocks_for(length), "truncate-after-dropping")
        require(
            length % self.params.tokens_per_block == 0 or self.is_private(self.blocks[sequence][-1]),
            "truncate-into-private",
        )
        self.tokens[sequence] = self.tokens[sequence][:length]
        self.computed[sequence] = length
        if length % self.params.tokens_per_block != 0:
            self.content[self.slot[self.blocks[sequence][-1]]] = self.tokens[sequence][:length]

    @step
    def end(self, sequence: Sequence) -> None:
        """Close a sequence that has no blocks any more."""
        require(sequence in self.live, "end-live")
        require(len(self.blocks[sequence]) == 0, "end-without-blocks")
        self.live.discard(sequence)
        self.tokens[sequence] = ()
        self.computed[sequence] = 0
        self.decode_priority[sequence] = None
        self.decode_duration[sequence] = 0

    def blocks_for(self, tokens: int) -> int:
        """Blocks that this many tokens need."""
        return (tokens + self.params.tokens_per_block - 1) // self.params.tokens_per_block

    def path_at(self, sequence: Sequence, position: int) -> Tokens:
        """What the block of a sequence at `position` must hold: its tokens up to the end of that block."""
        return self.tokens[sequence][: (position + 1) * self.params.tokens_per_block]

    def block_of(self, sequence: Sequence, token: int) -> Block:
        """The block of a sequence that holds its token number `token`."""
        return self.blocks[sequence][token // self.params.tokens_per_block]

    def holds(self, sequence: Sequence, position: int, tokens: int) -> bool:
        """Whether a kernel finds the data of the first `tokens` tokens, as far as they belong there, at `position`."""
        block = self.blocks[sequence][position]
        needed = self.path_at(sequence, position)[:tokens]
        return self.level(block) == PRIMARY and self.held(block)[: len(needed)] == needed

    def is_private(self, block: Block) -> bool:
        """Whether only one sequence can see a block."""
        return self.refs[block] == 1 and block not in self.cached
