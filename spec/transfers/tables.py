"""Where blocks are, and what is noted of pending copies: two tables by physical slot, and the page table of kernels.

For each slot the tables name the pending copies that read it and the pending copy that writes it. Slots and not blocks are
the keys, since a block's slot changes as soon as its copy is enqueued (#9056), and a slot's number without its level would
name two places (#15272). Forward passes are not in the tables.
"""

from __future__ import annotations

from kvproof.spec.lang import Map, Set, require, step
from kvproof.spec.transfers.device import Device
from kvproof.spec.transfers.kinds import Block, Granule, Slot, Work


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
