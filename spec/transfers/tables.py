"""The discipline: who waits for what, kept in two tables by physical slot, and two joins an iteration (B-7).

For each slot the tables name the pending copies that read it and the pending copy that writes it. A copy waits for the
writer of its source, for the readers of its target and for the writer of its target, and then takes their place in the
tables: whoever comes after it comes after them too. Slots and not blocks are the keys, since a block's slot changes as
soon as its copy is enqueued (#9056), and a slot's number without its level would name two places (#15272).

Forward passes are not in the tables. They wait for all copies enqueued before them, and the copies of an iteration wait
for all passes before it: two joins instead of a wait a block.
"""

from __future__ import annotations

from kvproof.spec.lang import Map, Set, ensure, require, step
from kvproof.spec.transfers.device import Device
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


class Tables(Device):
    """Blocks and their slots, the tables of pending copies, and the page table that kernels read."""

    slot: Map[Block, Slot]
    """Where a block's data are, or will be when the copies enqueued so far are complete."""
    page_table: Map[Block, Slot]
    """Where kernels look for a block: what was last published."""
    writer: Map[Slot, Work | None]
    """The pending copy that writes a slot."""
    readers: Map[Slot, Set[Work]]
    """The pending copies that read a slot: several, since two streams may read it at once."""
    in_iteration: bool
    """Whether copies are being enqueued: they come after all forward passes so far."""
    forward_is_behind: bool
    """Whether a copy has been enqueued for which forward passes do not wait yet."""

    def initial(self) -> None:
        for block in self.every(Block):
            self.slot[block] = Slot(block)
            self.page_table[block] = Slot(block)

    @step
    def swap(self, a: Block, b: Block) -> None:
        """Let `a` have the slot of `b`, to which its data are being copied, and `b` the slot that `a` leaves.

        It is enough that the copy is enqueued (B-8): whoever asks for the new slot of `a` comes after it.
        """
        require(a != b, "swap-two-blocks")
        require(self.will_be_equal(self.slot[a], self.slot[b]), "copy-before-swap")
        self.slot[a], self.slot[b] = self.slot[b], self.slot[a]

    def will_be_equal(self, one: Slot, other: Slot) -> bool:
        """Whether two slots hold the same when all work submitted so far has run in order."""
        return all(self.planned[one][granule] == self.planned[other][granule] for granule in self.every(Granule))

    @step
    def publish(self, block: Block) -> None:
        """Tell kernels where a block is."""
        self.page_table[block] = self.slot[block]

    @step
    def look_up(self, block: Block) -> None:
        """A forward pass finds a block through the page table (#15546)."""
        require(self.page_table[block] == self.slot[block], "through-current-table")

    @step
    def note_read(self, key: Slot, work: Work) -> None:
        """Enter a copy as a reader."""
        self.readers[key].add(work)

    @step
    def note_write(self, key: Slot, work: Work) -> None:
        """Enter a copy as the writer."""
        self.writer[key] = work

    @step
    def forget_readers(self, key: Slot) -> None:
        """Take the readers of a slot out: the copy that is about to write it comes after them, and the next after that."""
        for work in self.every(Work):
            self.readers[key].discard(work)

    @step
    def expire(self, work: Work) -> None:
        """Take a copy that is complete out of the tables: it orders nothing any more."""
        for key in self.every(Slot):
            self.readers[key].discard(work)
            if self.writer[key] == work:
                self.writer[key] = None

    @step
    def start(self) -> None:
        """Begin an iteration, with empty tables."""
        require(not self.forward_is_behind, "start-joined")
        self.in_iteration = True
        for key in self.every(Slot):
            self.writer[key] = None
            for work in self.every(Work):
                self.readers[key].discard(work)

    @step
    def fall_behind(self) -> None:
        """A copy is enqueued for which forward passes do not wait yet."""
        require(self.in_iteration, "copy-in-iteration")
        self.forward_is_behind = True

    @step
    def stop(self) -> None:
        """End an iteration."""
        self.in_iteration = False
        self.forward_is_behind = False

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
