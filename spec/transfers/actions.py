"""The discipline: who waits for what, by the two tables, and two joins an iteration (B-7).

A copy waits for the writer of its source, for the readers of its target and for the writer of its target, and then takes
their place in the tables: whoever comes after it comes after them too. Forward passes wait for all copies enqueued before
them, and the copies of an iteration wait for all passes before it: two joins instead of a wait a block.
"""

from __future__ import annotations

from kvproof.spec.lang import ensure
from kvproof.spec.transfers.kinds import (
    COMPUTE,
    FRESH,
    OFFLOAD,
    ONBOARD,
    PRIMARY,
    SECONDARY,
    Block,
    Data,
    Granule,
    Move,
    Slot,
    Stream,
    Work,
)
from kvproof.spec.transfers.tables import Tables


class TransferActions(Tables):
    """Iterations, and copies with all that each has to wait for."""

    def key(self, block: Block) -> Slot:
        """Under what the tables keep the data of a block."""
        return self.slot[block]

    def is_forward(self, stream: Stream) -> bool:
        """Whether forward passes run on a stream."""
        return stream >= COMPUTE

    def begin(self) -> None:
        """Begin an iteration: its copies come after all forward passes so far, and these after all copies so far."""
        self.end()
        for stream in self.every(Stream):
            if self.is_forward(stream):
                self.join(ONBOARD, stream)
                self.join(OFFLOAD, stream)
        self.start()

    def end(self) -> None:
        """End an iteration: forward passes from here on come after all its copies."""
        if self.forward_is_behind:
            for stream in self.every(Stream):
                if self.is_forward(stream):
                    self.join(stream, ONBOARD)
                    self.join(stream, OFFLOAD)
        self.stop()

    def copy(self, move: Move, work: Work) -> None:
        """Enqueue one copy, and exchange the slots when it goes from one level to the other."""
        source, target = self.slot[move.block], self.slot[move.into]
        stream = self.copy_stream(source, target)
        source_key, target_key = self.key(move.block), self.key(move.into)
        self.order(stream, source_key, target_key)
        self.fall_behind()
        if self.level(source) == self.level(target):
            asked, kept = (
                self.planned_data(source, 0, move.length),
                self.planned_data(target, move.length, self.params.granules),
            )
            self.submit(work, stream, source, target, move.length, FRESH)
            self.remember(work, source_key, target_key)
            ensure(self.planned_data(target, 0, move.length) == asked, "what-is-asked-is-copied")
            ensure(self.planned_data(target, move.length, self.params.granules) == kept, "the-rest-of-a-target-stays")
        else:
            self.submit(work, stream, source, target, self.params.granules, FRESH)
            self.remember(work, source_key, target_key)
            self.swap(move.block, move.into)

    def planned_data(self, slot: Slot, start: int, end: int) -> Data:
        """What some granules of a slot hold when all work submitted so far has run in order."""
        found: Data = ()
        for granule in self.every(Granule):
            if start <= granule and granule < end:
                found = found + (self.planned[slot][granule],)
        return found

    def copy_stream(self, source: Slot, target: Slot) -> Stream:
        """Copies to host memory have one stream, all others another."""
        return OFFLOAD if self.level(source) == PRIMARY and self.level(target) == SECONDARY else ONBOARD

    def order(self, stream: Stream, source_key: Slot, target_key: Slot) -> None:
        """Wait for whatever a copy from the source to the target conflicts with, among the copies of the iteration."""
        self.wait_for_writer(stream, source_key)
        self.wait_for_readers(stream, target_key)
        self.forget_readers(target_key)
        self.wait_for_writer(stream, target_key)

    def wait_for_writer(self, stream: Stream, key: Slot) -> None:
        writer = self.writer[key]
        if writer is not None:
            self.wait_for(stream, writer)

    def wait_for_readers(self, stream: Stream, key: Slot) -> None:
        for reader in self.every(Work):
            if reader in self.readers[key]:
                self.wait_for(stream, reader)

    def wait_for(self, stream: Stream, work: Work) -> None:
        """Come after a pending copy; an open batch in which it is ends here. A stream is in order with itself."""
        for other in self.every(Stream):
            if self.stream[work] == other:
                if self.is_open(work):
                    self.close(other)
                if other != stream:
                    self.wait(stream, work)

    def remember(self, work: Work, source_key: Slot, target_key: Slot) -> None:
        """Enter a copy into the tables."""
        self.note_read(source_key, work)
        self.note_write(target_key, work)
