"""Operations on live sequences: further prefill, new tokens, taking tokens back, offering blocks for reuse, the end."""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.budget import TokenBudget
from kvproof.impl.block_manager.matching import PromptMatching
from kvproof.impl.block_manager.plan import Retention
from kvproof.impl.block_manager.reasons import are, primary_blocks
from kvproof.impl.block_manager.retention import BlockRetention
from kvproof.impl.block_manager.reuse_tree import ROOT
from kvproof.impl.block_manager.sequence import Sequence
from kvproof.impl.device.interface import Level


class LiveSequences:
    """What an engine does with a sequence between its admission and its end; the arguments are those of `BlockManager`.

    Args:
        blocks: the pool.
        allocation: takes free blocks.
        matching: reads tokens.
        budget: says where chunks end.
        retention: of the blocks that are appended.
    """

    def __init__(
        self,
        blocks: Blocks,
        allocation: Allocation,
        matching: PromptMatching,
        budget: TokenBudget,
        retention: BlockRetention,
    ) -> None:
        self._blocks = blocks
        self._config = blocks.config
        self._counters = blocks.counters
        self._refuse = blocks.counters.refuse
        self._allocation = allocation
        self._matching = matching
        self._budget = budget
        self._retention = retention

    def live(self, sequence: int) -> Sequence:
        """The live sequence of this id. Raises Refused: unknown-sequence."""
        live = self._blocks.sequences.get(sequence)
        if live is None:
            self._refuse("unknown-sequence", f"sequence {sequence}: is not live; add it first")
        return live

    def prefill(self, sequence: int, chunk: int = 0) -> int:
        """Go on with a prompt that was admitted in chunks; returns up to where its tokens are computed then."""
        live = self.live(sequence)
        length, computed = len(live.tokens), live.computed
        if chunk < 0:
            raise ValueError(f"sequence {sequence}: chunk {chunk} is negative")
        if computed == length:
            self._refuse("prefill-complete", f"sequence {sequence}: all its {length} tokens are computed; append more")
        self._budget.check_chunk(sequence, chunk, length - computed)
        end = self._budget.chunk_end(computed, chunk or length, length)
        self.write_up_to(sequence, live, end)
        return end

    def append(self, sequence: int, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> range:
        """Append tokens; returns the block positions that the forward pass must write."""
        joined = self._matching.join_tokens(tokens, extra_ids)
        live = self.live(sequence)
        if not joined:
            self._refuse("empty-append", f"sequence {sequence}: no tokens to append; pass at least one")
        self._check_prefilled(sequence, live)
        before, size = len(live.tokens), self._config.tokens_per_block
        length = before + len(joined)
        needed = self._matching.blocks_for(sequence, length)
        present, free = len(live.blocks), self._blocks.queues.counts[Level.PRIMARY]
        if needed - present > free:
            lacking = primary_blocks(needed - present)
            self._refuse("no-free-blocks", f"sequence {sequence}: needs {lacking}, {are(free)} free; wait")
        self._blocks.step_extend(sequence, joined)
        self._extend_keys(live)
        positions = range(before // size, needed)
        retention = self._retention.of_appended(live)
        for position in positions:
            if position >= present:
                self.take_new(sequence, (retention,))
            self._blocks.step_write(sequence, position, min(length, (position + 1) * size))
        self._blocks.transfers.flush()
        return positions

    def rewind(self, sequence: int, count: int) -> int:
        """Take the last `count` tokens back; returns how many blocks the sequence gave up, which become first victims."""
        live = self.live(sequence)
        if count < 0:
            raise ValueError(f"sequence {sequence}: rewinding {count} tokens; pass how many to take back")
        if not count:
            self._refuse("rewind-nothing", f"sequence {sequence}: no tokens to take back; pass at least one")
        self._check_prefilled(sequence, live)
        length, size = len(live.tokens) - count, self._config.tokens_per_block
        if length <= 0:
            self._refuse(
                "rewind-too-far",
                f"sequence {sequence}: {count} of its {length + count} tokens; leave one, or finish it",
            )
        kept = -(-length // size)
        if length % size and self.is_shared(live.blocks[kept - 1]):
            self._refuse(
                "rewind-into-cached",
                f"sequence {sequence}: {length} tokens would end inside a cached or shared block; rewind to its end",
            )
        surplus = live.blocks[kept:]
        self.let_go(sequence, surplus, True)
        self._blocks.step_truncate(sequence, length)
        return len(surplus)

    def is_shared(self, block: int) -> bool:
        """Whether others may read `block`: it is cached, or another sequence has it."""
        return self._blocks.is_cached(block) or self._blocks.refs[block] > 1

    def let_go(self, sequence: int, blocks: list[int], to_front: bool) -> None:
        """Take `blocks`, the last of `sequence`, from it, last first; those that nobody else has become free."""
        refs, drop, release = self._blocks.refs, self._blocks.step_drop, self._blocks.step_release
        for block in reversed(blocks):
            drop(sequence, block)
            if not refs[block]:
                release(block, to_front)

    def store(self, sequence: int) -> int:
        """Offer the computed full blocks for reuse; returns how many are newly cached."""
        return self.store_full_blocks(self.live(sequence))[0]

    def storable_blocks(self, live: Sequence) -> int:
        """How many blocks of a sequence may be offered: the full ones among its computed tokens (#12673)."""
        return live.computed // self._config.tokens_per_block if self._config.reuse else 0

    def store_full_blocks(self, live: Sequence) -> tuple[int, int]:
        """Cache full blocks; how many are new, and the cached block at the end of that path, or ROOT."""
        children, parent, attach = self._blocks.tree.children, self._blocks.parent, self._blocks.step_attach
        node = ROOT
        stored = 0
        count = self.storable_blocks(live)
        for key, own in zip(live.keys[:count], live.blocks, strict=False):
            if parent[own] == node:  # it has its place; looking that up would hash the key once more
                node = own
                continue
            child = children[node].get(key)
            if child is None:
                attach(own, node, key)
                stored += 1
                node = own
            else:
                node = child
        self._counters.blocks_stored += stored
        return stored, node

    def store_partial_block(self, live: Sequence, node: int) -> int:
        """Cache the partly filled last block, under the `node` of the blocks before; returns how many are new."""
        size, computed = self._config.tokens_per_block, live.computed
        if not self._config.partial_reuse or not self._config.reuse or not computed % size:
            return 0
        start = computed - computed % size
        key = tuple(live.tokens[start:computed])
        if key in self._blocks.tree.children[node]:
            return 0
        self._blocks.step_attach(live.blocks[start // size], node, key)
        self._counters.blocks_stored += 1
        return 1

    def finish(self, sequence: int) -> int:
        """Store, give all blocks back, last first, and forget the sequence; returns how many are newly cached."""
        live = self.live(sequence)
        stored, node = self.store_full_blocks(live)
        stored += self.store_partial_block(live, node)
        self.let_go(sequence, live.blocks[:], False)
        self._blocks.step_end(sequence)
        return stored

    def _check_prefilled(self, sequence: int, live: Sequence) -> None:
        if live.computed < len(live.tokens):
            self._refuse(
                "prefill-incomplete",
                f"sequence {sequence}: {live.computed} of {len(live.tokens)} tokens are computed; prefill the rest first",
            )

    def _extend_keys(self, live: Sequence) -> None:
        size, tokens = self._config.tokens_per_block, live.tokens
        for start in range(len(live.keys) * size, len(tokens) - size + 1, size):
            live.keys.append(tuple(tokens[start : start + size]))

    def take_new(self, sequence: int, retentions: Iterable[Retention]) -> None:
        """Give `sequence` an empty block for each of `retentions`."""
        take_free, prioritise, acquire = (
            self._allocation.take_free,
            self._blocks.step_prioritise,
            self._blocks.step_acquire,
        )
        for priority, duration in retentions:
            block = take_free()
            prioritise(block, priority, duration)
            acquire(sequence, block)

    def write_up_to(self, sequence: int, live: Sequence, end: int) -> None:
        """Announce the writes of the tokens from the first that is not computed up to `end`."""
        size, write = self._config.tokens_per_block, self._blocks.step_write
        first, full = live.computed // size, end // size
        for position in range(first, full):
            write(sequence, position, (position + 1) * size)
        if end % size:
            write(sequence, full, end)
