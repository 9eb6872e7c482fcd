"""The block manager: the operations that an engine calls.

Each operation first decides, without changing anything, whether it can complete, and then does. So a refusal leaves
everything as it was, and what passed the checks cannot run out of blocks halfway.

Per iteration the engine calls `begin_iteration`, then operations, then `end_iteration`, and then launches the kernels
that write the positions which those operations returned. A token's KV data count as written from then on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from attrs import frozen

from kvproof.impl.allocation import BlockAllocation
from kvproof.impl.device.interface import Level
from kvproof.impl.free_queues import NOT_QUEUED
from kvproof.impl.page_table import PageTable
from kvproof.impl.refusal import Reason, Refused
from kvproof.impl.reuse_tree import ROOT, UNATTACHED, Key
from kvproof.impl.sequence import Sequence


@frozen
class Admission:
    """How a prompt was admitted.

    Attributes:
        reused_tokens: tokens at its start whose KV data are there already; never the whole prompt.
        new_positions: block positions that the forward pass must write.
    """

    reused_tokens: int
    new_positions: range


class BlockManager(BlockAllocation):
    """A two-level KV-cache block manager with block reuse.

    Args:
        config: sizes and policies.
        device: memory of just these sizes.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
    """

    def begin_iteration(self) -> None:
        """From here on copies come after the kernels launched so far."""
        self._transfers.begin_iteration()

    def end_iteration(self) -> None:
        """Kernels launched from here on come after the copies of the operations so far."""
        self._transfers.end_iteration()

    def add_sequence(self, sequence: int, tokens: Iterable[int], priority: int | None = None) -> Admission:
        """Admit a prompt: reuse the longest cached prefix of full blocks, allocate the rest.

        Args:
            sequence: any id that is not live.
            tokens: the prompt.
            priority: retention priority of its blocks; the pool's default when None.

        Raises:
            Refused: sequence-in-use, empty-prompt, sequence-too-long, prompt-exceeds-pool or no-free-blocks.
            ValueError: no such priority.
        """
        tokens = tuple(tokens)
        config = self.config
        if priority is None:
            priority = config.default_priority
        elif not 0 <= priority < config.priorities:
            raise ValueError(f"sequence {sequence}: priority {priority} is not among 0..{config.priorities - 1}")
        if sequence in self._sequences:
            live = len(self._sequences[sequence].tokens)
            self._refuse("sequence-in-use", f"sequence {sequence}: is live with {live} tokens; finish it first")
        length, block_tokens = len(tokens), config.tokens_per_block
        if not length:
            self._refuse("empty-prompt", f"sequence {sequence}: the prompt is empty; it needs at least one token")
        needed = self._blocks_for(sequence, length)
        full = length - length % block_tokens
        keys = [tokens[start : start + block_tokens] for start in range(0, full, block_tokens)]
        matched = self._tree.match(keys, (length - 1) // block_tokens)
        self._check_admission(sequence, needed, matched)

        self.step_begin(sequence, tokens, priority)
        self._sequences[sequence].keys = keys
        self.reuse(sequence, matched, priority)
        self._allocate(sequence, range(len(matched), needed), priority)
        self._transfers.flush()
        reused = len(matched) * block_tokens
        counters = self.counters
        counters.sequences_added += 1
        counters.tokens_added += length
        counters.tokens_reused += reused
        return Admission(reused, range(len(matched), needed))

    def append_tokens(self, sequence: int, tokens: Iterable[int]) -> range:
        """Append tokens to a live sequence; returns the block positions that the forward pass must write.

        Raises:
            Refused: unknown-sequence, empty-append, sequence-too-long, prompt-exceeds-pool or no-free-blocks.
        """
        tokens = tuple(tokens)
        live = self._live(sequence)
        if not tokens:
            self._refuse("empty-append", f"sequence {sequence}: no tokens to append; pass at least one")
        before, block_tokens = len(live.tokens), self.config.tokens_per_block
        needed = self._blocks_for(sequence, before + len(tokens))
        present, free = len(live.blocks), self._queues.counts[Level.PRIMARY]
        if needed - present > free:
            self._refuse(
                "no-free-blocks", f"sequence {sequence}: needs {_primary(needed - present)}, {_are(free)} free; wait"
            )
        self.step_extend(sequence, tokens)
        self._extend_keys(live)
        first = before // block_tokens
        if first < present:
            self.step_write(sequence, first)
        self._allocate(sequence, range(present, needed), live.priority)
        self._transfers.flush()
        return range(first, needed)

    def store(self, sequence: int) -> int:
        """Offer the full blocks of a live sequence for reuse; returns how many are newly cached.

        A block whose path is cached already stays private. Raises Refused: unknown-sequence.
        """
        live = self._live(sequence)
        children, attach = self._tree.children, self.step_attach
        node = ROOT
        stored = 0
        for key, own in zip(live.keys, live.blocks, strict=False):
            child = children[node].get(key)
            if child is None:
                attach(own, node, key)
                stored += 1
                node = own
            else:
                node = child
        self.counters.blocks_stored += stored
        return stored

    def finish(self, sequence: int) -> int:
        """Store, then give back all blocks, last first, and forget the sequence; returns how many are newly cached.

        Raises Refused: unknown-sequence.
        """
        stored = self.store(sequence)
        refs, drop, release = self._refs, self.step_drop, self.step_release
        for block in self._sequences[sequence].blocks[::-1]:
            drop(sequence, block)
            if not refs[block]:
                release(block, False)
        self.step_end(sequence)
        return stored

    def offload(self, tokens: Iterable[int]) -> None:
        """Move the cached block whose whole path is `tokens` to host memory now.

        Raises:
            Refused: not-cached, in-use, not-on-primary or no-host-block.
        """
        path = self._cached_path(tuple(tokens))
        block, queues = path[-1], self._queues
        if self._refs[block]:
            self._refuse("in-use", f"block of {_path(path)}: has {self._refs[block]} references; wait for their end")
        if self._level(block) is not Level.PRIMARY:
            self._refuse("not-on-primary", f"block of {_path(path)}: is in host memory already")
        if not queues.counts[Level.SECONDARY]:
            self._refuse("no-host-block", f"block of {_path(path)}: no host block is free")
        host = queues.front(Level.SECONDARY)
        if host in path:
            self._refuse("no-host-block", f"block of {_path(path)}: the next host victim is its own ancestor")
        if self._tree.parent[host] != UNATTACHED:
            self.evict(host)
        self.exchange_with_host(block, host)
        self.step_release(host, True)
        self._transfers.flush()
        self.counters.blocks_offloaded += 1

    def pin(self, tokens: Iterable[int]) -> int:
        """Keep the blocks of the cached path `tokens` from eviction, where they are; returns how many blocks that is.

        Raises:
            Refused: not-cached or pin-limit.
        """
        path = self._cached_path(tuple(tokens))
        limit, pins = self.config.pins_max, self._pins
        if any(pins[block] >= limit for block in path):
            self._refuse(
                "pin-limit", f"block on {_path(path)}: has {limit} pins already, the most allowed; unpin first"
            )
        for block in path:
            self.hold(block)
            self.step_pin(block, block == path[-1])
        return len(path)

    def unpin(self, tokens: Iterable[int]) -> int:
        """Undo one `pin` of exactly this path; returns how many blocks that is.

        A beginning of a pinned path is not itself pinned: could it be undone, the rest would stay pinned with nothing
        that keeps its beginning, and no lookup would find it to unpin it.

        Raises:
            Refused: not-cached or not-pinned.
        """
        path = self._cached_path(tuple(tokens))
        last, refs = path[-1], self._refs
        if not self._pinned[last]:
            self._refuse("not-pinned", f"path of {_path(path)}: no pin of just this path to take away; pin it first")
        for block in reversed(path):
            self.step_unpin(block, block == last)
            if not refs[block]:
                self.step_release(block, False)
        return len(path)

    def page_table(self, sequence: int) -> PageTable:
        """Where the blocks of a live sequence are: a copy, one uint32 a position; see `page_table.decode_entry`."""
        return self._page_tables.export(self._live(sequence).table)

    def block_count(self, sequence: int) -> int:
        """Number of blocks of a live sequence."""
        return len(self._live(sequence).blocks)

    def free_counts(self) -> tuple[int, int]:
        """Number of free blocks in PRIMARY and in SECONDARY."""
        primary, secondary = self._queues.counts
        return primary, secondary

    # Parts of operations that hold a rule of their own.

    def reuse(self, sequence: int, matched: list[int], priority: int) -> None:
        """Hand the matched blocks to `sequence`.

        All are claimed before the first is onboarded: onboarding takes free blocks, and must not take these (#12892).
        """
        self.claim_matches(matched, priority)
        counters = self.counters
        for block in matched:
            if self._slot[block] < self._primary_slots:
                counters.blocks_reused_primary += 1
            else:
                counters.blocks_reused_secondary += 1
                self.onboard(block)
            self.step_acquire(sequence, block)

    def claim_matches(self, matched: list[int], priority: int) -> None:
        """Claim those that are free; the last claimer's priority wins."""
        handle = self._queues.handle
        for block in matched:
            if handle[block] != NOT_QUEUED:
                self.step_claim(block)
            self.step_prioritise(block, priority)

    def hold(self, block: int) -> None:
        """Claim `block` if it is free: a pinned block left in its queue would be a victim still (#12667)."""
        if self._queues.handle[block] != NOT_QUEUED:
            self.step_claim(block)

    def _allocate(self, sequence: int, positions: range, priority: int) -> None:
        take_free, prioritise, acquire, write = (
            self.take_free,
            self.step_prioritise,
            self.step_acquire,
            self.step_write,
        )
        for position in positions:
            block = take_free()
            prioritise(block, priority)
            acquire(sequence, block)
            write(sequence, position)

    def _check_admission(self, sequence: int, needed: int, matched: list[int]) -> None:
        """Refuse what would run out of free blocks.

        Each new block takes one, each onboarding takes one, and each match that is free on PRIMARY is itself one less.
        """
        demand = needed - len(matched)
        free = self._queues.counts[Level.PRIMARY]
        for block in matched:
            if self._slot[block] >= self._primary_slots:
                demand += 1
            elif self._queues.handle[block] != NOT_QUEUED:
                free -= 1
        if demand > free:
            self._refuse("no-free-blocks", f"sequence {sequence}: needs {_primary(demand)}, {_are(free)} free; wait")

    def _blocks_for(self, sequence: int, length: int) -> int:
        """The number of blocks for `length` tokens, if a sequence can be so long."""
        config = self.config
        if length > config.max_sequence_tokens:
            self._refuse(
                "sequence-too-long",
                f"sequence {sequence}: {length} tokens, but a sequence has at most {config.max_sequence_tokens}",
            )
        needed = -(-length // config.tokens_per_block)
        if needed > config.primary_blocks:
            self._refuse(
                "prompt-exceeds-pool",
                f"sequence {sequence}: needs {_primary(needed)}, the pool has {config.primary_blocks}; shorten it",
            )
        return needed

    def _extend_keys(self, live: Sequence) -> None:
        block_tokens, tokens = self.config.tokens_per_block, live.tokens
        for start in range(len(live.keys) * block_tokens, len(tokens) - block_tokens + 1, block_tokens):
            live.keys.append(tuple(tokens[start : start + block_tokens]))

    def _live(self, sequence: int) -> Sequence:
        live = self._sequences.get(sequence)
        if live is None:
            self._refuse("unknown-sequence", f"sequence {sequence}: is not live; add it first")
        return live

    def _cached_path(self, tokens: Key) -> list[int]:
        """The cached blocks from the root to the one whose path is `tokens`."""
        block_tokens = self.config.tokens_per_block
        length = len(tokens)
        if not length or length % block_tokens:
            self._refuse("not-cached", f"path of {length} tokens: is not a whole number of {block_tokens}-token blocks")
        keys = [tokens[start : start + block_tokens] for start in range(0, length, block_tokens)]
        path = self._tree.match(keys, len(keys))
        if len(path) < len(keys):
            self._refuse("not-cached", f"path of {_path(keys)}: only its first {len(path)} are cached; store it first")
        return path

    def _refuse(self, reason: Reason, message: str) -> NoReturn:
        self.counters.refusals += 1
        raise Refused(reason, message)


def _primary(count: int) -> str:
    return f"{count} primary block{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'}"


def _path(blocks: list[int] | list[Key]) -> str:
    return f"{len(blocks)} block{'' if len(blocks) == 1 else 's'}"
