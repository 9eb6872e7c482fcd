"""Copies between slots, ordered per physical slot (domain notes, section 6, table generation T2).

Copies to host memory run on the offload stream, all others on the onboard stream, and the host waits for neither. Two
tables say what is still under way: for each slot the copies that read it and the one that writes it. Before a copy is
submitted, its stream waits for the pending write of the source (read after write), the pending reads of the target
(write after read) and the pending write of the target (write after write).

The tables are keyed by physical place, level included. Blocks exchange their slots as soon as a copy is submitted, so
keys by block id follow the identity instead of the bytes (#9056), and a slot number without its level names two
places (#15272).

Copies of one stream are gathered into batches, since a launch costs more than the bookkeeping of a block. A batch is
submitted when the operation ends, or earlier when another copy must be ordered after one inside it.
"""

from __future__ import annotations

from kvproof.impl.device.interface import Device, Event, Level, Move, PrefixMove, Stream


class Batch:
    """Copies that are submitted together; `event` is None until they are."""

    __slots__ = ("event", "moves", "number", "prefixes", "stream")

    def __init__(self, stream: Stream, number: int) -> None:
        self.stream = stream
        self.number = number
        self.moves: list[Move] = []
        self.prefixes: list[PrefixMove] = []
        self.event: Event | None = None


class Transfers:
    """Submits copies to `device` and keeps them, and the engine's kernels, in a safe order.

    Slots are given as the block manager numbers them: PRIMARY first, then SECONDARY.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._primary_slots = device.slots[Level.PRIMARY]
        self._open: list[Batch | None] = [None] * len(Stream)
        self._numbers = [0] * len(Stream)
        self._awaited = [[0] * len(Stream) for _ in Stream]  # [waiting][awaited]: newest batch already waited for
        self._reads: dict[int, dict[Stream, Batch]] = {}
        self._writes: dict[int, Batch] = {}
        self._in_iteration = False
        self._compute_is_behind = False

    def begin_iteration(self) -> None:
        """From here on copies come after all kernels submitted so far; what was pending is pending no more."""
        self.end_iteration()
        self.wait_for_compute()
        self._reads.clear()
        self._writes.clear()
        self._in_iteration = True

    def end_iteration(self) -> None:
        """Kernels submitted from here on come after all copies submitted so far."""
        self.flush()
        if self._compute_is_behind:
            self.wait_for_copies()
            self._compute_is_behind = False
        self._in_iteration = False

    def copy(self, source: int, target: int, length: int | None = None) -> None:
        """Copy slot `source` to slot `target`: its first `length` bytes, or all. Outside an iteration this begins one.

        A copy of a part is ordered like one of the whole: the tables know slots, not bytes.
        """
        if not self._in_iteration:
            self.begin_iteration()
        primary = self._primary_slots
        stream = Stream.OFFLOAD if source < primary <= target else Stream.ONBOARD
        source_key, target_key = self.key(source), self.key(target)
        self.order(stream, source_key, target_key)
        batch = self._open[stream]
        if batch is None:
            self._numbers[stream] += 1
            batch = self._open[stream] = Batch(stream, self._numbers[stream])
            self._compute_is_behind = True
        source_move = (Level.SECONDARY, source - primary) if source >= primary else (Level.PRIMARY, source)
        target_move = (Level.SECONDARY, target - primary) if target >= primary else (Level.PRIMARY, target)
        if length is None:
            batch.moves.append(source_move + target_move)
        else:
            batch.prefixes.append((*source_move, *target_move, length))
        self.remember(batch, source_key, target_key)

    def flush(self) -> None:
        """Submit what has been gathered."""
        for stream in (Stream.OFFLOAD, Stream.ONBOARD):
            self.submit(stream)

    def submit(self, stream: Stream) -> None:
        """Submit the open batch of `stream`, if there is one, and record its event."""
        batch = self._open[stream]
        if batch is not None:
            self._open[stream] = None
            self._device.copy(stream, batch.moves, batch.prefixes)
            batch.event = self._device.record_event(stream)

    # What keeps the order; each can be replaced on its own, to show what it is for.

    def key(self, slot: int) -> int:
        """Under what the tables keep `slot`; slot numbers here are distinct across levels."""
        return slot

    def order(self, stream: Stream, source_key: int, target_key: int) -> None:
        """Make `stream` wait for all pending copies that a copy from the source to the target conflicts with.

        What the target had pending is forgotten: whoever comes after this copy comes after those too.
        """
        write = self._writes.get(source_key)
        if write is not None:
            self.wait_for_batch(stream, write)
        reads = self._reads.pop(target_key, None)
        if reads is not None:
            for batch in reads.values():
                self.wait_for_batch(stream, batch)
        write = self._writes.pop(target_key, None)
        if write is not None:
            self.wait_for_batch(stream, write)

    def remember(self, batch: Batch, source_key: int, target_key: int) -> None:
        """Enter a copy into the tables. Of several reads on one stream the last stands for all."""
        reads = self._reads.get(source_key)
        if reads is None:
            self._reads[source_key] = {batch.stream: batch}
        else:
            reads[batch.stream] = batch
        self._writes[target_key] = batch

    def wait_for_batch(self, stream: Stream, batch: Batch) -> None:
        """Later copies on `stream` come after `batch`."""
        if batch.event is None:
            self.submit(batch.stream)
        if batch.event is not None and batch.stream != stream:  # a stream is in order with itself
            awaited = self._awaited[stream]
            if awaited[batch.stream] < batch.number:
                awaited[batch.stream] = batch.number
                self._device.wait_event(stream, batch.event)

    def wait_for_compute(self) -> None:
        """Both copy streams wait for the kernels submitted so far."""
        event = self._device.record_event(Stream.COMPUTE)
        self._device.wait_event(Stream.ONBOARD, event)
        self._device.wait_event(Stream.OFFLOAD, event)

    def wait_for_copies(self) -> None:
        """The compute stream waits for the copies submitted so far."""
        for stream in (Stream.ONBOARD, Stream.OFFLOAD):
            self._device.wait_event(Stream.COMPUTE, self._device.record_event(stream))
