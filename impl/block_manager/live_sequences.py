"""Operations on live sequences: further prefill, new tokens, taking tokens back, offering blocks for reuse, the end."""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.batch_phases import BatchPhases
from kvproof.impl.block_manager.prompts import Retention
from kvproof.impl.block_manager.reasons import are, primary_blocks
from kvproof.impl.block_manager.reuse_tree import ROOT
from kvproof.impl.block_manager.sequence import Sequence
from kvproof.impl.device.interface import Level


class LiveSequences(BatchPhases):
    """What an engine does with a sequence between its admission and its end."""

    def prefill(self, sequence: int, chunk: int = 0) -> int:
        """Go on with a prompt that was admitted in chunks; returns up to where its tokens are computed then.

        The forward pass must write the positions from the block of the token computed before to that of the last one.

        Args:
            sequence: a live one.
            chunk: about so many tokens, ending at a block's end; 0 means all that are left.

        Raises:
            Refused: unknown-sequence, prefill-complete or chunk-below-block.
            ValueError: a negative chunk.
        """
        live = self._live(sequence)
        length, computed = len(live.tokens), live.computed
        if chunk < 0:
            raise ValueError(f"sequence {sequence}: chunk {chunk} is negative")
        if computed == length:
            self._refuse("prefill-complete", f"sequence {sequence}: all its {length} tokens are computed; append more")
        self._check_chunk(sequence, chunk, length - computed)
        end = self.chunk_end(computed, chunk or length, length)
        self.write_up_to(sequence, live, end)
        return end

    def append_tokens(self, sequence: int, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> range:
        """Append tokens to a live sequence; returns the block positions that the forward pass must write.

        Raises:
            Refused: unknown-sequence, empty-append, prefill-incomplete, sequence-too-long, prompt-exceeds-pool or
                no-free-blocks.
        """
        joined = self.join_tokens(tokens, extra_ids)
        live = self._live(sequence)
        if not joined:
            self._refuse("empty-append", f"sequence {sequence}: no tokens to append; pass at least one")
        self._check_prefilled(sequence, live)
        before, size = len(live.tokens), self.config.tokens_per_block
        length = before + len(joined)
        needed = self._blocks_for(sequence, length)
        present, free = len(live.blocks), self._queues.counts[Level.PRIMARY]
        if needed - present > free:
            lacking = primary_blocks(needed - present)
            self._refuse("no-free-blocks", f"sequence {sequence}: needs {lacking}, {are(free)} free; wait")
        self.step_extend(sequence, joined)
        self._extend_keys(live)
        positions = range(before // size, needed)
        retention = self.decode_retention(live)
        for position in positions:
            if position >= present:
                self.take_new(sequence, (retention,))
            self.step_write(sequence, position, min(length, (position + 1) * size))
        self._transfers.flush()
        return positions

    def decode_retention(self, live: Sequence) -> Retention:
        """Of the blocks that are appended."""
        priority = self.config.default_priority if live.decode_priority is None else live.decode_priority
        return priority, live.decode_duration

    def rewind(self, sequence: int, count: int) -> int:
        """Take the last `count` tokens back, as after rejected drafts; returns how many blocks the sequence gave up.

        Blocks that hold nothing any more go to the front of their queues. A block that would be left partly filled must
        be the sequence's own, since it is written again.

        Raises:
            Refused: unknown-sequence, rewind-nothing, prefill-incomplete, rewind-too-far or rewind-into-cached.
            ValueError: a negative count.
        """
        live = self._live(sequence)
        if count < 0:
            raise ValueError(f"sequence {sequence}: rewinding {count} tokens; pass how many to take back")
        if not count:
            self._refuse("rewind-nothing", f"sequence {sequence}: no tokens to take back; pass at least one")
        self._check_prefilled(sequence, live)
        length, size = len(live.tokens) - count, self.config.tokens_per_block
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
        self.step_truncate(sequence, length)
        return len(surplus)

    def is_shared(self, block: int) -> bool:
        """Whether others may read `block`: it is cached, or another sequence has it."""
        return self._is_cached(block) or self._refs[block] > 1

    def let_go(self, sequence: int, blocks: list[int], to_front: bool) -> None:
        """Take `blocks`, the last of `sequence`, from it, last first; those that nobody else has become free."""
        refs, drop, release = self._refs, self.step_drop, self.step_release
        for block in reversed(blocks):
            drop(sequence, block)
            if not refs[block]:
                release(block, to_front)

    def store(self, sequence: int) -> int:
        """Offer the computed full blocks of a live sequence for reuse; returns how many are newly cached.

        A block whose path is cached already stays private. Raises Refused: unknown-sequence.
        """
        return self.store_full_blocks(self._live(sequence))[0]

    def storable_blocks(self, live: Sequence) -> int:
        """How many blocks of a sequence may be offered: the full ones among its computed tokens (#12673)."""
        return live.computed // self.config.tokens_per_block if self.config.reuse else 0

    def store_full_blocks(self, live: Sequence) -> tuple[int, int]:
        """Cache full blocks; how many are new, and the cached block at the end of that path, or ROOT."""
        children, parent, attach = self._tree.children, self._parent, self.step_attach
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
        self.counters.blocks_stored += stored
        return stored, node

    def store_partial_block(self, live: Sequence, node: int) -> int:
        """Cache the partly filled last block, under the `node` of the blocks before; returns how many are new."""
        size, computed = self.config.tokens_per_block, live.computed
        if not self.config.partial_reuse or not self.config.reuse or not computed % size:
            return 0
        start = computed - computed % size
        key = tuple(live.tokens[start:computed])
        if key in self._tree.children[node]:
            return 0
        self.step_attach(live.blocks[start // size], node, key)
        self.counters.blocks_stored += 1
        return 1

    def finish(self, sequence: int) -> int:
        """Store, then give back all blocks, last first, and forget the sequence; returns how many are newly cached.

        With partial reuse a partly filled last block is stored too: nobody writes to it any more.

        Raises Refused: unknown-sequence.
        """
        live = self._live(sequence)
        stored, node = self.store_full_blocks(live)
        stored += self.store_partial_block(live, node)
        self.let_go(sequence, live.blocks[:], False)
        self.step_end(sequence)
        return stored

    def _check_prefilled(self, sequence: int, live: Sequence) -> None:
        if live.computed < len(live.tokens):
            self._refuse(
                "prefill-incomplete",
                f"sequence {sequence}: {live.computed} of {len(live.tokens)} tokens are computed; prefill the rest first",
            )

    def _extend_keys(self, live: Sequence) -> None:
        size, tokens = self.config.tokens_per_block, live.tokens
        for start in range(len(live.keys) * size, len(tokens) - size + 1, size):
            live.keys.append(tuple(tokens[start : start + size]))

    def _live(self, sequence: int) -> Sequence:
        live = self._sequences.get(sequence)
        if live is None:
            self._refuse("unknown-sequence", f"sequence {sequence}: is not live; add it first")
        return live
