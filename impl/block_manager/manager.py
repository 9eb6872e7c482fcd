"""The block manager: the operations that an engine calls.

Each operation first decides, without changing anything, whether it can complete, and then does. So a refusal leaves
everything as it was, and what passed the checks cannot run out of blocks halfway.

Per iteration the engine calls `begin_iteration`, then operations, then `end_iteration`, `upload_page_tables` for the
sequences of the forward pass, and then launches its kernels, which write the positions that those operations returned.
A token's KV data count as written from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.budget import TokenBudget
from kvproof.impl.block_manager.config import PoolConfig, check_device
from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.events import Event
from kvproof.impl.block_manager.matching import PromptMatching
from kvproof.impl.block_manager.page_table import PageTable, PageTables
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.block_manager.requests import Admission, BatchAdmission, Request, RetentionRange
from kvproof.impl.block_manager.retention import BlockRetention
from kvproof.impl.block_manager.sequences import LiveSequences
from kvproof.impl.block_manager.snapshot import Snapshot, take_snapshot
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device.forward_streams import FORWARD_STREAMS
from kvproof.impl.device.interface import Device, Level, Loaded, Stream
from kvproof.impl.observer import Observer
from kvproof.impl.page_table_upload import PageTableUpload, UploadedTables


class BlockManager:
    """A two-level KV-cache block manager with block reuse.

    Tokens are given as token ids, with one extra id a token where the pool has such; see `tokens`.

    Args:
        config: sizes and policies.
        device: memory of just these sizes.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
        forward_streams: where the engine launches its kernels; it orders its passes among themselves.

    Raises:
        ValueError: the device is not of these sizes, or the streams will not do.
    """

    def __init__(
        self,
        config: PoolConfig,
        device: Device,
        observer: Observer | None = None,
        *,
        forward_streams: tuple[Stream, ...] = FORWARD_STREAMS,
    ) -> None:
        check_device(config, device)
        self._device = device
        self._transfers = Transfers(device, forward_streams)
        self._page_table_upload = PageTableUpload(device)
        blocks = self._blocks = Blocks(config, self._transfers, observer)
        self._matching = PromptMatching(blocks)
        self._retention = BlockRetention(blocks)
        budget = TokenBudget(config.tokens_per_block, blocks.counters)
        allocation = Allocation(blocks)
        self._admission = AdmissionControl(blocks, self._matching, budget, self._retention)
        self._sequences = LiveSequences(blocks, allocation, self._matching, budget, self._retention)
        self._batch = BatchPhases(blocks, allocation, self._retention, self._sequences)
        self._paths = CachedPaths(blocks, allocation, self._matching)

    # What it was made of, and how it fares.

    @property
    def config(self) -> PoolConfig:
        """Sizes and policies."""
        return self._blocks.config

    @property
    def device(self) -> Device:
        """The memory."""
        return self._device

    @property
    def forward_streams(self) -> tuple[Stream, ...]:
        """The streams on which kernels may run."""
        return self._transfers.forward_streams

    @property
    def counters(self) -> Counters:
        """Running totals; to be read only."""
        return self._blocks.counters

    def free_counts(self) -> tuple[int, int]:
        """Number of free blocks in PRIMARY and in SECONDARY."""
        primary, secondary = self._blocks.queues.counts
        return primary, secondary

    def used_counts(self) -> tuple[int, int]:
        """Number of blocks in PRIMARY and in SECONDARY that are not free.

        As the free queues count them, and never bounded: a number below 0 is a bug to be seen, not hidden (#11922).
        """
        primary, secondary = self._blocks.queues.counts
        slots = self._device.slots
        return slots[Level.PRIMARY] - primary, slots[Level.SECONDARY] - secondary

    def drain_events(self) -> list[Event]:
        """What became cached, moved and left since this was last called, in order.

        Raises:
            ValueError: the pool keeps no events.
        """
        if self._blocks.events is None:
            raise ValueError("drain_events: PoolConfig.events is False; make the pool with events=True")
        return self._blocks.events.drain()

    def snapshot(self) -> Snapshot:
        """All that the manager knows, copied, for inspection: it takes time in proportion to the pool."""
        return take_snapshot(self._blocks)

    # An iteration.

    def begin_iteration(self) -> None:
        """From here on copies come after the kernels launched so far."""
        self._transfers.begin_iteration()

    def end_iteration(self) -> None:
        """Kernels launched from here on come after the copies of the operations so far."""
        self._transfers.end_iteration()

    def upload_page_tables(self, sequences: Iterable[int], stream: Stream | None = None) -> UploadedTables:
        """Bring the page tables of live sequences to the device, for the kernels launched on `stream` from here on.

        To be called after `end_iteration`. The tables are those of this moment; they stay valid until the next upload for
        this stream. The host does not wait, unless several earlier uploads are still under way.

        Args:
            sequences: each once.
            stream: the first of `forward_streams` when None.

        Raises:
            Refused: unknown-sequence.
            ValueError: copies are not ordered with kernels on that stream.
        """
        stream = self.forward_streams[0] if stream is None else stream
        if stream not in self.forward_streams:
            names = ", ".join(each.name for each in self.forward_streams)
            raise ValueError(f"stream {stream.name}: is no forward stream of this manager; it has {names}")
        return self._page_table_upload.upload(stream, {each: self._sequences.live(each).table for each in sequences})

    # Admission.

    def estimate(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """How many tokens of a prompt would be reused, at least, if it were admitted now: whole blocks only.

        Raises Refused: empty-prompt.
        """
        return self._matching.estimate(self._matching.prompt(tokens, extra_ids)) * self.config.tokens_per_block

    def blocks_needed(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """How many free PRIMARY blocks admitting a prompt takes at most: prompts that need no more together than are
        free are never refused for want of blocks.

        Raises Refused: empty-prompt.
        """
        return self._matching.blocks_needed(self._matching.prompt(tokens, extra_ids))

    def add_sequence_batch(self, requests: Iterable[Request], token_budget: int | None = None) -> BatchAdmission:
        """Admit prompts together: all are matched and claimed before the first block is taken.

        Each reuses the longest cached beginning of its prompt, so what a request finds does not depend on what the
        others allocate. Either the whole batch is admitted or nothing changes.

        Args:
            requests: at least one.
            token_budget: tokens that the forward pass may compute for them; their ends are trimmed to it. None: no limit.

        Raises:
            Refused: empty-batch, sequence-in-use, empty-prompt, sequence-too-long, prompt-exceeds-pool,
                chunk-below-block, over-token-budget or no-free-blocks.
            ValueError: a priority, duration, range, chunk or id that this pool does not have.
        """
        return self._batch.run(self._admission.decide(requests, token_budget))

    def add_sequence(
        self,
        sequence: int,
        tokens: Iterable[int],
        priority: int | None = None,
        extra_ids: Iterable[int] | None = None,
    ) -> Admission:
        """Admit one prompt, all its blocks and those appended later at one retention priority.

        Args:
            sequence: any id that is not live.
            tokens: the prompt.
            priority: the pool's default when None.
            extra_ids: one a token, or None.

        Raises:
            Refused: sequence-in-use, empty-prompt, sequence-too-long, prompt-exceeds-pool or no-free-blocks.
            ValueError: a priority or an id that this pool does not have.
        """
        tokens = tuple(tokens)
        if priority is None:
            priority = self.config.default_priority
        request = Request(
            sequence,
            tokens,
            (RetentionRange(0, len(tokens), priority),),
            priority,
            extra_ids=None if extra_ids is None else tuple(extra_ids),
        )
        admitted = self.add_sequence_batch((request,)).requests[0]
        size = self.config.tokens_per_block
        return Admission(admitted.reused, range(admitted.reused // size, -(-admitted.computed // size)))

    # Live sequences.

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
        return self._sequences.prefill(sequence, chunk)

    def append_tokens(self, sequence: int, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> range:
        """Append tokens to a live sequence; returns the block positions that the forward pass must write.

        Raises:
            Refused: unknown-sequence, empty-append, prefill-incomplete, sequence-too-long, prompt-exceeds-pool or
                no-free-blocks.
        """
        return self._sequences.append(sequence, tokens, extra_ids)

    def rewind(self, sequence: int, count: int) -> int:
        """Take the last `count` tokens back, as after rejected drafts; returns how many blocks the sequence gave up.

        Blocks that hold nothing any more go to the front of their queues. A block that would be left partly filled must
        be the sequence's own, since it is written again.

        Raises:
            Refused: unknown-sequence, rewind-nothing, prefill-incomplete, rewind-too-far or rewind-into-cached.
            ValueError: a negative count.
        """
        return self._sequences.rewind(sequence, count)

    def store(self, sequence: int) -> int:
        """Offer the computed full blocks of a live sequence for reuse; returns how many are newly cached.

        A block whose path is cached already stays private. Raises Refused: unknown-sequence.
        """
        return self._sequences.store(sequence)

    def finish(self, sequence: int) -> int:
        """Store, then give back all blocks, last first, and forget the sequence; returns how many are newly cached.

        With partial reuse a partly filled last block is stored too: nobody writes to it any more.

        Raises Refused: unknown-sequence.
        """
        return self._sequences.finish(sequence)

    def page_table(self, sequence: int) -> PageTable:
        """Where the blocks of a live sequence are: a copy, one uint32 a position; see `page_table.decode_entry`.

        Raises Refused: unknown-sequence.
        """
        return PageTables.export(self._sequences.live(sequence).table)

    def block_count(self, sequence: int) -> int:
        """Number of blocks of a live sequence. Raises Refused: unknown-sequence."""
        return len(self._sequences.live(sequence).blocks)

    # What is cached, by its path: all tokens from the beginning of a prompt to the end of a cached block.

    def offload(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> None:
        """Move the cached block whose whole path is `tokens` to host memory now.

        Raises:
            Refused: not-cached, in-use, not-on-primary or no-host-block.
        """
        self._paths.offload(tokens, extra_ids)

    def pin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Keep the blocks of the cached path `tokens` from eviction, where they are; returns how many blocks that is.

        Raises:
            Refused: not-cached or pin-limit.
        """
        return self._paths.pin(tokens, extra_ids)

    def unpin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Undo one `pin` of exactly this path; returns how many blocks that is.

        A beginning of a pinned path is not itself pinned: could it be undone, the rest would stay pinned with nothing
        that keeps its beginning, and no lookup would find it to unpin it.

        Raises:
            Refused: not-cached or not-pinned.
        """
        return self._paths.unpin(tokens, extra_ids)

    def send_path(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> list[Loaded]:
        """Read the blocks of a pinned path on the sender's stream, in order, each from where it is now.

        A pinned block is not evicted, but it may move: a prompt that reuses it brings it to device memory (#16913). What
        comes later waits for these reads before it writes there, so the path may be unpinned at once.

        Raises:
            Refused: not-cached or not-pinned.
        """
        return self._paths.send(tokens, extra_ids)

    def release_subtree(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Make the block at the path `tokens` and all below it the next victims among cached blocks; returns how many.

        They stay cached until they are needed. Each goes to the front, the deepest first, so the block at the path is the
        very next, and its eviction takes along what hangs under it.

        Raises:
            Refused: not-cached.
        """
        return self._paths.release_subtree(tokens, extra_ids)

    def refresh(self, now: int) -> int:
        """Let the retention priorities that have run out by tick `now` become the default; returns how many did.

        Ticks count from 0, where the manager was made; a block whose priority runs out at `now` is among them.

        Raises:
            ValueError: `now` is before the tick of the last refresh.
        """
        return self._retention.refresh(now)
