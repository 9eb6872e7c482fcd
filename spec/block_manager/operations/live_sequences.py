"""What happens to a live sequence: chunked prefill, growth, rewinding, caching, and its end."""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import PRIMARY, Chunk, Sequence, TokenCount, Tokens
from kvproof.spec.block_manager.operations.batch import BatchOperations
from kvproof.spec.lang import operation, reject, sometimes


class LiveSequenceOperations(BatchOperations):
    """The operations on live sequences."""

    @operation
    def prefill(self, sequence: Sequence, chunk: Chunk) -> int:
        """Compute the next chunk of a prompt, or all that is left of it (0). Returns how many tokens are computed now."""
        if sequence not in self.live:
            reject("unknown-sequence")
        length = len(self.tokens[sequence])
        if self.computed[sequence] == length:
            reject("prefill-complete")
        if self.is_too_short(chunk, length - self.computed[sequence]):
            reject("chunk-below-block")
        end = self.chunk_end(self.computed[sequence], length if chunk == 0 else chunk, length)
        self.compute(sequence, end)
        return end

    @operation
    def append(self, sequence: Sequence, tokens: Tokens) -> int:
        """Add tokens to a live sequence, filling its last block first. Returns the number of new blocks."""
        if sequence not in self.live:
            reject("unknown-sequence")
        if len(tokens) == 0:
            reject("empty-append")
        before = len(self.tokens[sequence])
        if self.computed[sequence] < before:
            reject("prefill-incomplete")
        if before + len(tokens) > self.params.max_tokens:
            reject("sequence-too-long")
        needed = self.blocks_for(before + len(tokens))
        if needed > self.params.primary_blocks:
            reject("prompt-exceeds-pool")
        if needed - self.blocks_for(before) > len(self.free[PRIMARY]):
            reject("no-free-blocks")
        self.extend(sequence, tokens)
        for _ in range(self.blocks_for(before), needed):
            self.take_new(sequence, self.decode_priority[sequence], self.decode_duration[sequence])
        self.compute(sequence, before + len(tokens))
        return needed - self.blocks_for(before)

    @operation
    def rewind(self, sequence: Sequence, count: TokenCount) -> int:
        """Take back the last `count` tokens of a sequence, as after rejected draft tokens. Returns the blocks it lets go.

        Blocks that only it used become the first victims of their priority, cached or not. It cannot be rewound into
        the middle of a block that others can see: an engine stores what it will not take back.
        """
        if sequence not in self.live:
            reject("unknown-sequence")
        if count == 0:
            reject("rewind-nothing")
        length = len(self.tokens[sequence])
        if self.computed[sequence] < length:
            reject("prefill-incomplete")
        if count >= length:
            reject("rewind-too-far")
        kept = self.blocks_for(length - count)
        if (length - count) % self.params.tokens_per_block != 0 and not self.is_private(
            self.blocks[sequence][kept - 1]
        ):
            sometimes("a rewind is refused because others can see the block")
            reject("rewind-into-cached")
        dropped = self.blocks[sequence][kept:]
        for block in reversed(dropped):
            self.drop(sequence, block)
            if self.refs[block] == 0:
                self.release(block, True)
        self.truncate(sequence, length - count)
        return len(dropped)

    @operation
    def store(self, sequence: Sequence) -> int:
        """Cache the full blocks of a live sequence, so that others can reuse them. Returns how many are new in the tree."""
        if sequence not in self.live:
            reject("unknown-sequence")
        return self.store_blocks(sequence, False)

    @operation
    def finish(self, sequence: Sequence) -> int:
        """Store a sequence and let its blocks go, the last first: the deepest block is the first victim of its chain.

        Returns how many blocks are new in the tree.
        """
        if sequence not in self.live:
            reject("unknown-sequence")
        stored = self.store_blocks(sequence, True)
        for block in reversed(self.blocks[sequence]):
            self.drop(sequence, block)
            if self.refs[block] == 0:
                self.let_go(block)
        self.end(sequence)
        return stored
