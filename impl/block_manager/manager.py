"""The block manager: the operations that an engine calls.

Each operation first decides, without changing anything, whether it can complete, and then does. So a refusal leaves
everything as it was, and what passed the checks cannot run out of blocks halfway.

Per iteration the engine calls `begin_iteration`, then operations, then `end_iteration`, `upload_page_tables` for the
sequences of the forward pass, and then launches its kernels, which write the positions that those operations returned.
A token's KV data count as written from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.cached_paths import CachedPaths
from kvproof.impl.block_manager.events import Event
from kvproof.impl.block_manager.page_table import PageTable
from kvproof.impl.block_manager.requests import Admission, BatchAdmission, Request, RetentionRange
from kvproof.impl.device.interface import Level, Loaded, Stream
from kvproof.impl.page_table_upload import UploadedTables


class BlockManager(CachedPaths):
    """A two-level KV-cache block manager with block reuse.

    Args:
        config: sizes and policies.
        device: memory of just these sizes.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
        forward_streams: where the engine launches its kernels; it orders its passes among themselves.

    Raises:
        ValueError: the device is not of these sizes, or the streams will not do.
    """

    def begin_iteration(self) -> None:
        """From here on copies come after the kernels launched so far."""
        self._transfers.begin_iteration()

    def end_iteration(self) -> None:
        """Kernels launched from here on come after the copies of the operations so far."""
        self._transfers.end_iteration()

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
        plans = self.plan_batch(requests)
        if token_budget is not None:
            self.check_charges(plans, token_budget)
        self.match_batch(plans)
        self.set_ends(plans)
        if token_budget is not None:
            self.trim_ends(plans, token_budget)
        self.choose_modes(plans)
        self.check_admission(plans)

        before = self.running_totals()
        admitted = self.run_batch(plans)
        self._transfers.flush()
        return BatchAdmission(tuple(admitted), self.totals_since(before))

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

    def page_table(self, sequence: int) -> PageTable:
        """Where the blocks of a live sequence are: a copy, one uint32 a position; see `page_table.decode_entry`."""
        return self._page_tables.export(self._live(sequence).table)

    @property
    def forward_streams(self) -> tuple[Stream, ...]:
        """The streams on which kernels may run."""
        return self._transfers.forward_streams

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
        return self._page_table_upload.upload(stream, {each: self._live(each).table for each in sequences})

    def send_path(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> list[Loaded]:
        """Read the blocks of a pinned path on the sender's stream, in order, each from where it is now.

        A pinned block is not evicted, but it may move: a prompt that reuses it brings it to device memory (#16913). What
        comes later waits for these reads before it writes there, so the path may be unpinned at once.

        Raises:
            Refused: not-cached or not-pinned.
        """
        path = self.pinned_path(tokens, extra_ids)
        loads = [self._transfers.send(slot) for slot in self.slots_to_send(path)]
        self._transfers.flush()
        return loads

    def block_count(self, sequence: int) -> int:
        """Number of blocks of a live sequence."""
        return len(self._live(sequence).blocks)

    def free_counts(self) -> tuple[int, int]:
        """Number of free blocks in PRIMARY and in SECONDARY."""
        primary, secondary = self._queues.counts
        return primary, secondary

    def used_counts(self) -> tuple[int, int]:
        """Number of blocks in PRIMARY and in SECONDARY that are not free.

        As the free queues count them, and never bounded: a number below 0 is a bug to be seen, not hidden (#11922).
        """
        primary, secondary = self._queues.counts
        slots = self.device.slots
        return slots[Level.PRIMARY] - primary, slots[Level.SECONDARY] - secondary

    def drain_events(self) -> list[Event]:
        """What became cached, moved and left since this was last called, in order.

        Raises:
            ValueError: the pool keeps no events.
        """
        if self._events is None:
            raise ValueError("drain_events: PoolConfig.events is False; make the pool with events=True")
        return self._events.drain()
