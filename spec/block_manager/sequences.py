"""Sequences: what they hold, and how they are added, grow, are cached and let go.

Every operation tests first and rejects before its first step, so it completes or changes nothing. The engine's forward pass
is part of the operation that brings the tokens: their KV data count as written when it ends.
"""

from __future__ import annotations

from kvproof.spec.block_manager.eviction import Eviction
from kvproof.spec.block_manager.kinds import (
    PRIMARY,
    SECONDARY,
    Block,
    Chain,
    Position,
    Priority,
    Sequence,
    Tokens,
)
from kvproof.spec.lang import (
    Map,
    Set,
    invariant,
    operation,
    reject,
    require,
    sometimes,
    step,
)


class Sequences(Eviction):
    """Live sequences and their blocks."""

    live: Set[Sequence]
    """Sequences that have been added and not finished."""
    tokens: Map[Sequence, Tokens]
    """The tokens of each live sequence."""
    blocks: Map[Sequence, Chain]
    """The blocks of each live sequence, first to last."""
    retention: Map[Sequence, Priority]
    """The retention priority that each live sequence asked for."""

    @step
    def begin(self, sequence: Sequence, tokens: Tokens, priority: Priority) -> None:
        """Open a sequence; its blocks follow."""
        require(sequence not in self.live, "begin-once")
        self.live.add(sequence)
        self.tokens[sequence] = tokens
        self.retention[sequence] = priority

    @step
    def extend(self, sequence: Sequence, tokens: Tokens) -> None:
        """Append tokens to a sequence; the blocks that they need follow."""
        require(sequence in self.live, "extend-live")
        self.tokens[sequence] = self.tokens[sequence] + tokens

    @step
    def acquire(self, sequence: Sequence, block: Block) -> None:
        """Make a block the next one of a sequence, which refers to it from now on."""
        require(not self.is_free(block), "claim-before-acquire")
        require(self.level(block) == PRIMARY, "acquire-on-primary")
        require(len(self.blocks[sequence]) < self.blocks_for(len(self.tokens[sequence])), "acquire-what-is-needed")
        require(
            block not in self.cached
            or self.content[self.slot[block]] == self.path_at(sequence, len(self.blocks[sequence])),
            "acquire-own-prefix",
        )
        self.blocks[sequence] = self.blocks[sequence] + (block,)
        self.refs[block] += 1

    @step
    def drop(self, sequence: Sequence, block: Block) -> None:
        """Take the last block of a sequence away from it. Who drops the last reference releases the block."""
        require(len(self.blocks[sequence]) > 0 and self.blocks[sequence][-1] == block, "drop-last-block-first")
        require(self.refs[block] > 0, "drop-referenced")
        self.blocks[sequence] = self.blocks[sequence][:-1]
        self.refs[block] -= 1

    @step
    def write(self, sequence: Sequence, position: Position) -> None:
        """The forward pass writes the KV data of a sequence's tokens into its block at `position`.

        Nobody else may see the block: a shared or cached block is never written (I-28, true for one window).
        """
        require(position < len(self.blocks[sequence]), "write-own-block")
        require(self.refs[self.blocks[sequence][position]] == 1, "write-unshared")
        require(self.blocks[sequence][position] not in self.cached, "write-uncached")
        self.content[self.slot[self.blocks[sequence][position]]] = self.path_at(sequence, position)

    @step
    def end(self, sequence: Sequence) -> None:
        """Close a sequence that has no blocks any more."""
        require(sequence in self.live, "end-live")
        require(len(self.blocks[sequence]) == 0, "end-without-blocks")
        self.live.discard(sequence)
        self.tokens[sequence] = ()
        self.retention[sequence] = 0

    def blocks_for(self, tokens: int) -> int:
        """Blocks that this many tokens need."""
        return (tokens + self.params.tokens_per_block - 1) // self.params.tokens_per_block

    def path_at(self, sequence: Sequence, position: int) -> Tokens:
        """What the block of a sequence at `position` must hold: its tokens up to the end of that block."""
        return self.tokens[sequence][: (position + 1) * self.params.tokens_per_block]

    @operation
    def add(self, sequence: Sequence, tokens: Tokens, priority: Priority) -> int:
        """Open a sequence on the longest cached prefix of full blocks, and give it blocks for the rest.

        The last token is never reused: its forward pass yields the first output. All matched blocks are claimed before
        the first is onboarded, so that no onboarding takes a block which the same request counts on (M-30). Returns the
        number of tokens reused.
        """
        if sequence in self.live:
            reject("sequence-in-use")
        if len(tokens) == 0:
            reject("empty-prompt")
        if self.blocks_for(len(tokens)) > self.params.primary_blocks:
            reject("prompt-exceeds-pool")
        matched = self.match(tokens, (len(tokens) - 1) // self.params.tokens_per_block)
        if self.blocks_to_take(tokens, matched) > self.blocks_left(matched):
            sometimes("an add is refused for want of blocks")
            reject("no-free-blocks")
        self.begin(sequence, tokens, priority)
        self.take_matched(sequence, matched, priority)
        for position in range(len(matched), self.blocks_for(len(tokens))):
            self.take_new(sequence, position, priority)
        return len(matched) * self.params.tokens_per_block

    def blocks_to_take(self, tokens: Tokens, matched: Chain) -> int:
        """Free primary blocks that a prompt needs: one for each new position, one for each matched block on the host."""
        on_host = sum(1 for block in matched if self.level(block) == SECONDARY)
        return self.blocks_for(len(tokens)) - len(matched) + on_host

    def blocks_left(self, matched: Chain) -> int:
        """Free primary blocks that remain once the matched ones are claimed."""
        return len(self.free[PRIMARY]) - sum(1 for block in matched if block in self.free[PRIMARY])

    def take_matched(self, sequence: Sequence, matched: Chain, priority: Priority) -> None:
        """Claim every matched block, then bring each to the device and let the sequence refer to it."""
        for block in matched:
            if self.is_free(block):
                self.claim(block)
            self.prioritise(block, priority)
        for block in matched:
            if self.level(block) == SECONDARY:
                self.onboard(block)
            self.acquire(sequence, block)

    def take_new(self, sequence: Sequence, position: Position, priority: Priority) -> None:
        """Give a sequence a fresh block at `position`; the forward pass fills it."""
        block = self.take_free()
        self.prioritise(block, priority)
        self.acquire(sequence, block)
        self.write(sequence, position)

    @operation
    def append(self, sequence: Sequence, tokens: Tokens) -> int:
        """Add tokens to a live sequence, filling its last block first. Returns the number of new blocks."""
        if sequence not in self.live:
            reject("unknown-sequence")
        if len(tokens) == 0:
            reject("empty-append")
        before = len(self.tokens[sequence])
        if before + len(tokens) > self.params.max_tokens:
            reject("sequence-too-long")
        needed = self.blocks_for(before + len(tokens))
        if needed > self.params.primary_blocks:
            reject("prompt-exceeds-pool")
        if needed - self.blocks_for(before) > len(self.free[PRIMARY]):
            reject("no-free-blocks")
        self.extend(sequence, tokens)
        for position in range(before // self.params.tokens_per_block, needed):
            if position < self.blocks_for(before):
                self.write(sequence, position)
            else:
                self.take_new(sequence, position, self.retention[sequence])
        return needed - self.blocks_for(before)

    @operation
    def store(self, sequence: Sequence) -> int:
        """Cache the full blocks of a live sequence, so that others can reuse them. Returns how many are new in the tree."""
        if sequence not in self.live:
            reject("unknown-sequence")
        return self.store_blocks(sequence)

    def store_blocks(self, sequence: Sequence) -> int:
        """Walk down the tree along the sequence; where a node has no block yet, the sequence's own takes the place.

        A block that another sequence computed first stays; the duplicate stays private (the reason why I-20 is false).
        """
        stored = 0
        node: Block | None = None
        for position in range(len(self.tokens[sequence]) // self.params.tokens_per_block):
            own = self.blocks[sequence][position]
            key = self.key_at(self.tokens[sequence], position)
            existing = self.child[node].get(key)
            if existing is None:
                self.attach(own, node, key)
                stored += 1
                node = own
            else:
                if existing != own:
                    sometimes("a duplicate stays private")
                node = existing
        return stored

    @operation
    def finish(self, sequence: Sequence) -> int:
        """Store a sequence and let its blocks go, the last first: the deepest block is the first victim of its chain.

        Returns how many blocks are new in the tree.
        """
        if sequence not in self.live:
            reject("unknown-sequence")
        stored = self.store_blocks(sequence)
        for block in reversed(self.blocks[sequence]):
            self.drop(sequence, block)
            if self.refs[block] == 0:
                self.let_go(block)
        self.end(sequence)
        return stored

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
        return all(self.retention[s] == 0 for s in self.every(Sequence) if s not in self.live)

    @invariant
    def referenced_content_is_the_prefix(self) -> bool:
        """Every block of a sequence is on the device and holds the data of the sequence's tokens up to its end (I-17)."""
        return all(
            self.holds_prefix(s, position) for s in self.every(Sequence) for position in range(len(self.blocks[s]))
        )

    @invariant
    def partly_filled_blocks_are_private(self) -> bool:
        """A last block from which tokens are missing is its sequence's alone: only full blocks are shared (I-28)."""
        return all(
            self.refs[self.blocks[s][-1]] == 1
            for s in self.every(Sequence)
            if len(self.blocks[s]) > 0 and len(self.tokens[s]) % self.params.tokens_per_block != 0
        )

    def holds_prefix(self, sequence: Sequence, position: int) -> bool:
        """Whether the block of a sequence at `position` can be read by a kernel."""
        block = self.blocks[sequence][position]
        return self.level(block) == PRIMARY and self.content[self.slot[block]] == self.path_at(sequence, position)
