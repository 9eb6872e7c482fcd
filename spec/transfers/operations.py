"""What a block manager and an engine ask of the transfers, and what the device does in between.

An operation enqueues; `complete` is the device's turn: it carries out one granule of any work that may run. So a
sequence of operations contains its schedule, and all schedules are sequences of operations.
"""

from __future__ import annotations

from kvproof.spec.lang import ensure, operation, reject, sometimes
from kvproof.spec.transfers.actions import TransferActions
from kvproof.spec.transfers.kinds import (
    COMPUTE,
    FIRST,
    FRESH,
    SECONDARY,
    Block,
    Content,
    Data,
    Forward,
    Granule,
    Moves,
    Slot,
    Slots,
    Stream,
    Work,
)


class TransferOperations(TransferActions):
    """Begin and end iterations, move blocks, run forward passes, complete work, read."""

    def free_tickets(self) -> int:
        """How many pieces of work can still be submitted."""
        return sum(1 for work in self.every(Work) if not self.is_pending(work))

    def ticket(self) -> Work:
        """The lowest free ticket."""
        for work in self.every(Work):
            if not self.is_pending(work):
                return work
        return FIRST

    @operation
    def begin_iteration(self) -> None:
        """Let copies come after all forward passes submitted so far, which in turn come after all copies so far."""
        self.begin()

    @operation
    def end_iteration(self) -> None:
        """Let forward passes come after all copies submitted so far."""
        self.end()

    @operation
    def move(self, moves: Moves) -> int:
        """Enqueue copies in order, as one batch a stream where they do not conflict; returns how many.

        A move from one level to the other exchanges the slots of the two blocks; one within device memory leaves them,
        and copies the granules asked for. A move of a block onto itself or within host memory is left out.
        """
        if self.free_tickets() < len(moves):
            sometimes("the queues are full")
            reject("full")
        free, wanted = self.free_tickets(), self.slots_after(moves)
        made, left_out = 0, 0
        for move in moves:
            if move.block != move.into and not (self.on_host(move.block) and self.on_host(move.into)):
                if not self.in_iteration:
                    self.begin()
                self.copy(move, self.ticket())
                made += 1
            else:
                left_out += 1
        for stream in self.every(Stream):
            if self.has_open(stream):
                self.close(stream)
        ensure(made + left_out == len(moves), "every-move-is-made-or-left-out")
        ensure(free - self.free_tickets() == made, "one-piece-of-work-a-move")
        ensure(all(self.slot[block] == wanted[block] for block in self.every(Block)), "moves-exchange-slots")
        return made

    def slots_after(self, moves: Moves) -> Slots:
        """Where all blocks are once moves are made: each from one level to the other exchanges two slots."""
        found: Slots = ()
        for block in self.every(Block):
            found = found + (self.slot[block],)
        for move in moves:
            here, there = found[move.block], found[move.into]
            if self.level(here) != self.level(there):
                moved: Slots = ()
                for block in self.every(Block):
                    moved = moved + (there if block == move.block else here if block == move.into else found[block],)
                found = moved
        return found

    def on_host(self, block: Block) -> bool:
        """Whether a block is in host memory, or will be."""
        return self.level(self.slot[block]) == SECONDARY

    @operation
    def forward(self, on: Forward, reads: Block | None, writes: Block | None, content: Content) -> None:
        """Run a forward pass that reads a block and then writes one, through the page table; either may be none.

        Passes on different streams are ordered by the engine. Kernels reach device memory only.
        """
        if self.free_tickets() < 2:
            reject("full")
        if self.is_out_of_reach(reads) or self.is_out_of_reach(writes):
            reject("not-on-device")
        self.end()
        stream = self.forward_stream(on)
        for other in self.every(Stream):
            if self.is_forward(other) and other != stream:
                self.join(stream, other)
        self.publish_all()
        if reads is not None:
            self.look_up(reads)
            self.submit(self.ticket(), stream, self.page_table[reads], None, self.params.granules, FRESH)
            self.close(stream)
        if writes is not None:
            self.look_up(writes)
            self.submit(self.ticket(), stream, None, self.page_table[writes], self.params.granules, content)
            self.close(stream)

    def is_out_of_reach(self, block: Block | None) -> bool:
        """Whether a kernel that is to use a block cannot."""
        return block is not None and self.on_host(block)

    def forward_stream(self, on: Forward) -> Stream:
        """The stream of forward passes with a number."""
        found = COMPUTE
        for stream in self.every(Stream):
            if stream - COMPUTE == on:
                found = stream
        return found

    def publish_all(self) -> None:
        """Bring the page table up to date."""
        for block in self.every(Block):
            if self.page_table[block] != self.slot[block]:
                self.publish(block)

    @operation
    def complete(self, work: Work, granule: Granule) -> Data:
        """The device carries out one granule of a pending copy, or a pending kernel, which is never torn.

        Returns what a reading kernel saw, granule by granule. With the last granule of its batch the work is complete, as
        one event tells. It is refused as long as the work must wait, and only so long: who waits for more loses overlap.
        """
        if not self.is_pending(work):
            reject("no-such-work")
        if len(self.before[work]) > 0:
            sometimes("work must wait")
            reject("blocked")
        if granule not in self.left[work]:
            reject("done")
        if self.source[work] is not None and self.target[work] is not None:
            self.carry(work, granule)
            if len(self.left[work]) > 0:
                sometimes("a copy is torn")
            if not self.is_unfinished(work):
                for other in self.every(Work):
                    if other != work and self.shares_batch(work, other):
                        self.leave(other)
                self.leave(work)
            return ()
        seen = self.what_is_seen(work)
        for each in self.every(Granule):
            self.carry(work, each)
        self.leave(work)
        return seen

    def shares_batch(self, one: Work, other: Work) -> bool:
        """Whether two pieces of work are of one batch, whose event covers both."""
        return other in self.covers[one] and one in self.covers[other]

    def is_unfinished(self, work: Work) -> bool:
        """Whether something is left of the batch of a piece of work: its copies are over together, with one event."""
        return any(self.shares_batch(work, other) and len(self.left[other]) > 0 for other in self.every(Work))

    def what_is_seen(self, work: Work) -> Data:
        """What a kernel reads; nothing when it writes."""
        source = self.source[work]
        if source is None:
            return ()
        return self.held(source)

    def held(self, slot: Slot) -> Data:
        """What a slot holds now."""
        data: Data = ()
        for granule in self.every(Granule):
            data = data + (self.memory[slot][granule],)
        return data

    def leave(self, work: Work) -> None:
        """Complete work leaves its stream and the tables."""
        self.retire(work)
        self.expire(work)

    @operation
    def read(self, block: Block) -> Data:
        """What a block holds, granule by granule; the host looks only when nothing is pending."""
        if any(self.is_pending(work) for work in self.every(Work)):
            reject("pending")
        return self.held(self.slot[block])
