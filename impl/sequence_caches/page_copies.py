"""Copies of pages between the slots of one group, in an order that keeps every byte right.

Each slot remembers the work that whoever uses it next must wait for, as *marks*: points in streams' work. There are two
for each move of a page (B-14): that of the slot it came to says when the copy is there, for its readers; that
of the slot it left says when the copy has been read, for the slot's next owner. Forgetting either is the bug S-13.

- A copy waits for the marks of the slot that it reads and of the slot that it writes.
- A forward stream that gets a page, or a vacant slot for a new one, waits for its marks before its kernels use it.
- When a cache gives up a lock, the work on its forward stream so far becomes a mark of the slot. Copies so wait for the
  stream on which the passes ran, whichever that is (V2-13), and for no later pass than they must.

No machine states this discipline; `spec.transfers` proves that of the block manager, whose tables have copies alone in
them, as its iterations keep all kernels apart from all copies. Here kernels are entered by slot, so that passes on other
pages go on beside copies. The happens-before check and the bytes hold it.

Marks do not tell reads from writes: a wait too many between two reads costs little. So what uses a slot has waited for all
that was marked before, and its own mark replaces those; only passes that use one page on several streams each leave a mark
of their own. Nothing here blocks the host.

Copies to host memory run on the offload stream and others on the onboard stream. They are gathered into a batch for each:
bringing a cache up while others go down is two submissions, whatever the number of pages. A batch that needs what another
open batch does is submitted after it; where each would need the other, or a batch itself, what is open is submitted first.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvproof.impl.device.interface import Device, Event, Level, Loaded, Stream
from kvproof.impl.device.layout import Move


class Mark:
    """A point in a stream's work: the copies of a batch, or all that was submitted when it was made.

    `event` is None while it is a batch that has not been submitted; `after` is then the open batch that it comes after.
    """

    __slots__ = ("after", "event", "moves", "number", "stream")

    def __init__(self, stream: Stream, number: int) -> None:
        self.stream = stream
        self.number = number
        self.moves: list[Move] = []
        self.after: Mark | None = None
        self.event: Event | None = None


COPY_STREAMS = (Stream.ONBOARD, Stream.OFFLOAD)

Marks = tuple[Mark, ...]
"""At most one a stream."""


class PageCopies:
    """The copies of one group, on its `device`; `forward_streams` are where kernels use its pages."""

    def __init__(self, device: Device, forward_streams: tuple[Stream, ...]) -> None:
        self._device = device
        self._forward_streams = forward_streams
        self._marks: list[list[Marks]] = [[()] * slots for slots in device.slots]
        self._open: list[Mark | None] = [None] * len(Stream)
        self._numbers = [0] * len(Stream)
        self._awaited = [[0] * len(Stream) for _ in Stream]  # [waiting][awaited]: newest mark already waited for
        self._finished: dict[Stream, Mark] = {}
        self._acquired: list[tuple[int, Stream]] = []
        self.copied = 0
        """Number of pages copied."""
        self.batches = 0
        """Number of submissions in which they were."""

    # What the manager says.

    def copy(self, source_level: int, source: int, target_level: int, target: int) -> None:
        """Copy a page that no kernel uses to another slot, for good or to be there twice.

        Whoever uses the copy waits for it, and so does the next owner of slot `source`, should the page leave it.
        """
        stream = Stream.OFFLOAD if target_level else Stream.ONBOARD
        self.await_slot(stream, source_level, source)
        self.await_slot(stream, target_level, target)
        batch = self._open_batch(stream)
        batch.moves.append((source_level, source, target_level, target))
        self._marks[source_level][source] = (batch,)
        self._marks[target_level][target] = (batch,)

    def copy_in_passing(self, source: int, target: int, stream: Stream) -> None:
        """Copy a locked PRIMARY page between two forward passes, on their own stream: so it needs to wait for neither."""
        self.flush()
        self.await_slot(stream, Level.PRIMARY, source)
        self.await_slot(stream, Level.PRIMARY, target)
        self._submit_moves(stream, [(Level.PRIMARY, source, Level.PRIMARY, target)])
        self._finished.pop(stream, None)
        self._marks[Level.PRIMARY][target] = (self.finish(stream),)

    def acquire(self, slot: int, stream: Stream) -> None:
        """Kernels that are submitted to `stream` after this operation use PRIMARY `slot`."""
        if self._marks[Level.PRIMARY][slot]:
            self._acquired.append((slot, stream))

    def release(self, slot: int, stream: Stream) -> None:
        """No kernel submitted to `stream` from here on uses PRIMARY `slot`, as far as one cache is concerned."""
        marks = self._marks[Level.PRIMARY]
        finished = self.finish(stream)
        # The copy that brought the page was awaited when it was locked.
        kept = [mark for mark in marks[slot] if mark.stream not in COPY_STREAMS and mark.stream != stream]
        marks[slot] = (*kept, finished) if kept else (finished,)

    def publish(self, slot: int, stream: Stream) -> None:
        """What was submitted to `stream` wrote PRIMARY `slot`, which others may lock from here on."""
        if len(self._forward_streams) > 1:  # one stream is in order with itself
            self._marks[Level.PRIMARY][slot] = (self.finish(stream),)

    def send(self, places: Sequence[tuple[int, int]], stream: Stream) -> list[Loaded]:
        """A sender reads slots (level, slot): after all that was submitted to `stream`, before their next owners write."""
        self.flush()
        self.await_mark(Stream.SEND, self.finish(stream))
        for level, slot in places:
            self.await_slot(Stream.SEND, level, slot)
        loads = [self._device.load(Stream.SEND, level, slot) for level, slot in places]
        sent = self.finish(Stream.SEND)
        for level, slot in places:
            self._marks[level][slot] = (sent,)
        return loads

    def end_operation(self) -> None:
        """Submit what was gathered; kernels may be submitted from here on, and come after what they must."""
        self.flush()
        for slot, stream in self._acquired:
            self.await_slot(stream, Level.PRIMARY, slot)
        self._acquired.clear()
        self._finished.clear()

    # What keeps the order.

    def await_slot(self, stream: Stream, level: int, slot: int) -> None:
        """Work to come on `stream` reads or writes a slot."""
        for mark in self._marks[level][slot]:
            self.await_mark(stream, mark)

    def finish(self, stream: Stream) -> Mark:
        """All that has been submitted to a forward stream; one mark an operation, during which no kernels come."""
        mark = self._finished.get(stream)
        if mark is None:
            mark = self._finished[stream] = self._new_mark(stream)
            mark.event = self._device.record_event(stream)
        return mark

    # Batches.

    def await_mark(self, stream: Stream, mark: Mark) -> None:
        """Work to come on `stream` comes after `mark`."""
        if mark.event is None and not self.put_after(stream, mark):
            self.flush()
        if mark.event is not None and mark.stream != stream:  # a stream is in order with itself
            awaited = self._awaited[stream]
            if awaited[mark.stream] < mark.number:
                awaited[mark.stream] = mark.number
                self._device.wait_event(stream, mark.event)

    def put_after(self, stream: Stream, mark: Mark) -> bool:
        """Let the batch being gathered for `stream` come after the open batch `mark`. False: what is open must go first."""
        if mark.stream == stream or stream in self._forward_streams or mark.after is not None:
            return False
        self._open_batch(stream).after = mark
        return True

    def flush(self) -> None:
        """Submit what has been gathered: copies to host memory first, unless they come after the others."""
        offload, onboard = self._open[Stream.OFFLOAD], self._open[Stream.ONBOARD]
        if offload is None and onboard is None:
            return
        for batch in (onboard, offload) if offload is not None and offload.after is not None else (offload, onboard):
            if batch is not None:
                self._open[batch.stream] = None
                self._submit(batch)

    def _submit(self, batch: Mark) -> None:
        after, batch.after = batch.after, None
        if after is not None:
            self.await_mark(batch.stream, after)
        self._submit_moves(batch.stream, batch.moves)
        batch.moves = []
        batch.event = self._device.record_event(batch.stream)

    def _submit_moves(self, stream: Stream, moves: list[Move]) -> None:
        if moves:
            self._device.copy(stream, moves)
            self.copied += len(moves)
            self.batches += 1

    def _open_batch(self, stream: Stream) -> Mark:
        batch = self._open[stream]
        if batch is None:
            batch = self._open[stream] = self._new_mark(stream)
        return batch

    def _new_mark(self, stream: Stream) -> Mark:
        self._numbers[stream] += 1
        return Mark(stream, self._numbers[stream])
