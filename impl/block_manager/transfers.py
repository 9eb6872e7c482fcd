"""Copies between slots, ordered per physical slot: the discipline of `spec.transfers` (B-7).

Copies to host memory run on the offload stream, all others on the onboard stream, and the host waits for neither. Two
tables say what is still under way: for each slot the work that reads it and the copy that writes it. Before a copy is
submitted, its stream waits for the pending write of the source (read after write), the pending reads of the target
(write after read) and the pending write of the target (write after write). A sender, which only reads, waits for the
pending write and is entered as one more read.

The tables are keyed by physical place: slots are numbered across both levels. Blocks exchange their slots as soon as a
copy is submitted, so keys by block id follow the identity instead of the bytes (#9056), and a slot's number within its
level names two places (#15272).

Forward passes may run on several streams, as under an overlap scheduler (#15349): copies wait for all of them, and all
of them wait for the copies. Among themselves the engine orders its passes.

Copies of one stream are gathered into batches, since a launch costs more than the bookkeeping of a block. A batch is
submitted when the operation ends, or earlier when other work must be ordered after a copy inside it.
"""

from __future__ import annotations

from kvproof.impl.device.forward_streams import FORWARD_STREAMS, check_forward_streams
from kvproof.impl.device.interface import Device, Event, Level, Loaded, Stream
from kvproof.impl.device.layout import Move, PrefixMove


class Batch:
    """Copies that are submitted together, or what a sender reads; `event` is None until that is submitted."""

    __slots__ = ("event", "moves", "number", "prefixes", "stream")

    def __init__(self, stream: Stream, number: int) -> None:
        self.stream = stream
        self.number = number
        self.moves: list[Move] = []
        self.prefixes: list[PrefixMove] = []
        self.event: Event | None = None


class Transfers:
    """Submits copies to `device` and keeps them, the engine's kernels and a sender in a safe order.

    Slots are given as the block manager numbers them: PRIMARY first, then SECONDARY. No method blocks the host.

    Args:
        device: what carries them out.
        forward_streams: the streams on which the engine runs forward passes, at least one.
    """

    def __init__(self, device: Device, forward_streams: tuple[Stream, ...] = FORWARD_STREAMS) -> None:
        check_forward_streams(forward_streams)
        self.forward_streams = forward_streams
        self._device = device
        self._primary_slots = device.slots[Level.PRIMARY]
        self._open: list[Batch | None] = [None] * len(Stream)
        self._numbers = [0] * len(Stream)
        self._awaited = [[0] * len(Stream) for _ in Stream]  # [waiting][awaited]: newest batch already waited for
        self._reads: dict[int, dict[Stream, Batch]] = {}
        self._writes: dict[int, Batch] = {}
        self._passes: list[Event] = []  # the forward passes before this iteration
        self._in_iteration = False
        self._compute_is_behind = False
        self._sends = False

    def begin_iteration(self) -> None:
        """From here on copies come after all kernels submitted so far; what was pending is pending no more."""
        self.end_iteration()
        self.wait_for_compute()
        self._reads.clear()
        self._writes.clear()
        self._in_iteration = True

    def end_iteration(self) -> None:
        """Kernels submitted from here on come after all copies submitted so far, and after what was sent."""
        self.flush()
        if self._compute_is_behind:
            self.wait_for_copies()
            self._compute_is_behind = self._sends = False
        self._in_iteration = False

    def copy(self, source: int, target: int, tokens: int | None = None) -> None:
        """Copy slot `source` to slot `target`: its first `tokens` tokens, or all. Outside an iteration this begins one.

        A copy of a part is ordered like one of the whole: the tables know slots, not bytes.
        """
        if not self._in_iteration:
            self.begin_iteration()
        primary = self._primary_slots
        stream = Stream.OFFLOAD if source < primary <= target else Stream.ONBOARD
        source_place = (Level.SECONDARY, source - primary) if source >= primary else (Level.PRIMARY, source)
        target_place = (Level.SECONDARY, target - primary) if target >= primary else (Level.PRIMARY, target)
        self.await_source(stream, source)
        self.await_target(stream, target)
        batch = self._open[stream] or self._new_batch(stream)
        if tokens is None:
            batch.moves.append(source_place + target_place)
        else:
            batch.prefixes.append((*source_place, *target_place, tokens))
        self.remember_read(batch, source)
        self.remember_write(batch, target)

    def send(self, slot: int) -> Loaded:
        """A sender reads `slot`, on whichever level: after what writes it now, and before what will write it later.

        Outside an iteration this begins one.
        """
        if not self._in_iteration:
            self.begin_iteration()
        if not self._sends:  # only now: most iterations send nothing
            self._sends = True
            for event in self._passes:
                self._device.wait_event(Stream.SEND, event)
        primary = self._primary_slots
        self.await_source(Stream.SEND, slot)
        batch = self._open[Stream.SEND] or self._new_batch(Stream.SEND)
        place = (Level.SECONDARY, slot - primary) if slot >= primary else (Level.PRIMARY, slot)
        loaded = self._device.load(Stream.SEND, *place)
        self.remember_read(batch, slot)
        return loaded

    def flush(self) -> None:
        """Submit what has been gathered: copies to host memory first, since they make room for the others."""
        for batch in reversed(self._open):
            if batch is not None:
                self.submit(batch.stream)

    def submit(self, stream: Stream) -> None:
        """Submit the open batch of `stream`, if there is one, and record its event."""
        batch = self._open[stream]
        if batch is not None:
            self._open[stream] = None
            if batch.moves or batch.prefixes:  # what a sender reads has been submitted already
                self._device.copy(stream, batch.moves, batch.prefixes)
            batch.event = self._device.record_event(stream)

    def _new_batch(self, stream: Stream) -> Batch:
        self._numbers[stream] += 1
        batch = self._open[stream] = Batch(stream, self._numbers[stream])
        self._compute_is_behind = True
        return batch

    # What keeps the order.

    def await_source(self, stream: Stream, slot: int) -> None:
        """Make `stream` wait for the pending write of what it will read."""
        write = self._writes.get(slot)
        if write is not None:
            self.wait_for_batch(stream, write)

    def await_target(self, stream: Stream, slot: int) -> None:
        """Make `stream` wait for the pending reads and the pending write of what it will write.

        They are forgotten: whoever comes after this copy comes after those too.
        """
        reads = self._reads.pop(slot, None)
        if reads is not None:
            for batch in reads.values():
                self.wait_for_batch(stream, batch)
        write = self._writes.pop(slot, None)
        if write is not None:
            self.wait_for_batch(stream, write)

    def remember_read(self, batch: Batch, slot: int) -> None:
        """Enter a read of `slot`. Of several on one stream the last stands for all."""
        reads = self._reads.get(slot)
        if reads is None:
            self._reads[slot] = {batch.stream: batch}
        else:
            reads[batch.stream] = batch

    def remember_write(self, batch: Batch, slot: int) -> None:
        """Enter a write of `slot`; what was pending there before has been awaited."""
        self._writes[slot] = batch

    def wait_for_batch(self, stream: Stream, batch: Batch) -> None:
        """Later work on `stream` comes after `batch`."""
        if batch.event is None:
            self.submit(batch.stream)
        if batch.event is not None and batch.stream != stream:  # a stream is in order with itself
            awaited = self._awaited[stream]
            if awaited[batch.stream] < batch.number:
                awaited[batch.stream] = batch.number
                self._device.wait_event(stream, batch.event)

    def wait_for_compute(self) -> None:
        """The copy streams wait for the kernels submitted so far, and a sender will."""
        self._passes = [self._device.record_event(stream) for stream in self.forward_streams]
        for event in self._passes:
            self._device.wait_event(Stream.ONBOARD, event)
            self._device.wait_event(Stream.OFFLOAD, event)

    def wait_for_copies(self) -> None:
        """The forward streams wait for the copies submitted so far, and for what was sent."""
        streams = (Stream.ONBOARD, Stream.OFFLOAD, Stream.SEND) if self._sends else (Stream.ONBOARD, Stream.OFFLOAD)
        for event in [self._device.record_event(stream) for stream in streams]:
            for stream in self.forward_streams:
                self._device.wait_event(stream, event)
