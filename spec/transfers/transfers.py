"""What a block manager and an engine ask of the transfers, and what the device does in between.

An operation enqueues; `complete` is the device's turn: it carries out one granule of any work that may run. So a
sequence of operations contains its schedule, and all schedules are sequences of operations.
"""

from __future__ import annotations

from typing import Any

from kvproof.spec.lang import canonical, invariant, normal_form, observation, operation, phase, reject, sometimes
from kvproof.spec.transfers.kinds import (
    COMPUTE,
    FIRST,
    FRESH,
    OFFLOAD,
    ONBOARD,
    SECONDARY,
    Block,
    Content,
    Data,
    Forward,
    Granule,
    Moves,
    Slot,
    Stream,
    Work,
)
from kvproof.spec.transfers.tables import Tables


class Transfers(Tables):
    """Copies between levels beside forward passes: metadata change at enqueue, data whenever the device likes."""

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
        made = 0
        for move in moves:
            if move.block != move.into and not (self.on_host(move.block) and self.on_host(move.into)):
                if not self.in_iteration:
                    self.begin()
                self.copy(move, self.ticket())
                made += 1
        for stream in self.every(Stream):
            if self.has_open(stream):
                self.close(stream)
        return made

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

        Returns what a reading kernel saw, granule by granule. With the last granule the work is complete. It is refused as
        long as the work must wait, and only so long: who waits for more than conflicts loses overlap.
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
                return ()
            self.leave(work)
            return ()
        seen = self.what_is_seen(work)
        for each in self.every(Granule):
            self.carry(work, each)
        self.leave(work)
        return seen

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

    @invariant
    def free_tickets_are_blank(self) -> bool:
        """A ticket that names no work leaves no trace: `retire` and `expire` see to it."""
        return all(
            self.is_pending(work)
            or (
                self.source[work] is None
                and self.target[work] is None
                and len(self.left[work]) == 0
                and len(self.before[work]) == 0
                and len(self.covers[work]) == 0
                and all(self.brings[work][granule] == 0 for granule in self.every(Granule))
                and all(work not in self.before[other] for other in self.every(Work))
                and all(work not in self.covers[other] for other in self.every(Work))
                and all(work not in self.known[stream] for stream in self.every(Stream))
                and all(self.writer[key] != work and work not in self.readers[key] for key in self.every(Slot))
            )
            for work in self.every(Work)
        )

    @invariant
    def pending_work_is_work(self) -> bool:
        """Pending work reads or writes a slot, has something left to do, and its batch is closed between operations."""
        return all(
            not self.is_pending(work)
            or (
                (self.source[work] is not None or self.target[work] is not None)
                and len(self.left[work]) > 0
                and not self.is_open(work)
            )
            for work in self.every(Work)
        )

    @invariant
    def kernels_are_not_torn(self) -> bool:
        """Only copies are carried out granule by granule; a kernel has all of its granules before it, or none."""
        return all(
            granule in self.left[work]
            for work in self.every(Work)
            if self.is_pending(work) and (self.source[work] is None or self.target[work] is None)
            for granule in self.every(Granule)
        )

    @invariant
    def order_is_strict(self) -> bool:
        """Nothing comes before itself, and what comes before something before it comes before it, too."""
        return all(
            work not in self.before[work]
            and all(self.before_all(earlier, work) for earlier in self.every(Work) if earlier in self.before[work])
            for work in self.every(Work)
        )

    def before_all(self, earlier: Work, work: Work) -> bool:
        """Whether all that comes before `earlier` comes before `work`."""
        return all(first in self.before[work] for first in self.every(Work) if first in self.before[earlier])

    @invariant
    def events_cover_what_came_before(self) -> bool:
        """An event covers the work before it, what that comes after, and whatever the stream had waited for."""
        return all(
            all(first in self.covers[work] for first in self.every(Work) if first in self.before[work])
            and all(
                first in self.covers[work]
                for covered in self.every(Work)
                if covered in self.covers[work]
                for first in self.every(Work)
                if first in self.before[covered]
            )
            for work in self.every(Work)
        )

    @invariant
    def streams_know_what_came_before(self) -> bool:
        """A stream is in order, and knowing of work means knowing of all that comes before it."""
        return all(
            all(
                first in self.known[stream]
                for later in self.every(Work)
                if later in self.known[stream]
                for first in self.every(Work)
                if first in self.before[later]
            )
            and all(
                work in self.known[stream]
                and all(first in self.known[stream] for first in self.every(Work) if first in self.covers[work])
                for work in self.every(Work)
                if self.stream[work] == stream
            )
            for stream in self.every(Stream)
        )

    @invariant
    def conflicts_are_ordered(self) -> bool:
        """Of two pieces of pending work that touch one slot, one of them writing, one comes before the other."""
        return all(
            one == other
            or not (self.writes(one, self.source[other]) or self.writes(one, self.target[other]))
            or one in self.before[other]
            or other in self.before[one]
            for one in self.every(Work)
            for other in self.every(Work)
        )

    @invariant
    def work_meets_what_it_expects(self) -> bool:
        """What pending work is to read is there, or is what the last writer before it brings."""
        return all(
            self.expects(work, granule)
            for work in self.every(Work)
            for granule in self.every(Granule)
            if granule in self.left[work]
        )

    def expects(self, work: Work, granule: Granule) -> bool:
        """Whether the last writer of the source before `work`, or else the memory, has what `work` brings."""
        source = self.source[work]
        if source is None:
            return True
        if not any(self.is_earlier_writer(first, work, source, granule) for first in self.every(Work)):
            return self.memory[source][granule] == self.brings[work][granule]
        return any(
            self.is_earlier_writer(last, work, source, granule)
            and self.brings[last][granule] == self.brings[work][granule]
            and all(
                first == last or first in self.before[last]
                for first in self.every(Work)
                if self.is_earlier_writer(first, work, source, granule)
            )
            for last in self.every(Work)
        )

    def is_earlier_writer(self, first: Work, work: Work, slot: Slot, granule: Granule) -> bool:
        """Whether `first` has still to write the granule before `work` comes."""
        return first in self.before[work] and self.writes(first, slot) and granule in self.left[first]

    @invariant
    def memory_becomes_what_was_planned(self) -> bool:
        """A granule that nobody has still to write is as in sequence; otherwise the last writer brings that."""
        return all(self.becomes(slot, granule) for slot in self.every(Slot) for granule in self.every(Granule))

    def becomes(self, slot: Slot, granule: Granule) -> bool:
        """Whether the last writer of a granule, or else the memory, has what was planned."""
        if not any(self.is_writer(work, slot, granule) for work in self.every(Work)):
            return self.memory[slot][granule] == self.planned[slot][granule]
        return any(
            self.is_writer(last, slot, granule)
            and self.brings[last][granule] == self.planned[slot][granule]
            and all(
                first == last or first in self.before[last]
                for first in self.every(Work)
                if self.is_writer(first, slot, granule)
            )
            for last in self.every(Work)
        )

    def is_writer(self, work: Work, slot: Slot, granule: Granule) -> bool:
        """Whether pending work has still to write a granule."""
        return self.writes(work, slot) and granule in self.left[work]

    @invariant
    def completed_is_sequential(self) -> bool:
        """The theorem: when nothing is pending, every slot holds what it would hold had all work run in order."""
        return any(self.is_pending(work) for work in self.every(Work)) or all(
            self.memory[slot][granule] == self.planned[slot][granule]
            for slot in self.every(Slot)
            for granule in self.every(Granule)
        )

    @invariant
    def something_may_run(self) -> bool:
        """Waits are not circular: as long as work is pending, some of it waits for nothing."""
        return not any(self.is_pending(work) for work in self.every(Work)) or any(
            self.is_pending(work) and len(self.before[work]) == 0 for work in self.every(Work)
        )

    @invariant
    def forward_passes_wait_for_copies(self) -> bool:
        """Unless a copy of this iteration has left them behind, forward streams know of all copies."""
        return self.forward_is_behind or all(
            work in self.known[stream]
            for stream in self.every(Stream)
            if self.is_forward(stream)
            for work in self.every(Work)
            if self.stream[work] == ONBOARD or self.stream[work] == OFFLOAD
        )

    @invariant
    def copies_wait_for_forward_passes(self) -> bool:
        """In an iteration both copy streams know of all forward passes; only in one can copies be behind."""
        return (self.in_iteration or not self.forward_is_behind) and (
            not self.in_iteration
            or all(
                work in self.known[ONBOARD] and work in self.known[OFFLOAD]
                for stream in self.every(Stream)
                if self.is_forward(stream)
                for work in self.every(Work)
                if self.stream[work] == stream
            )
        )

    @invariant
    def tables_name_what_streams_do_not_know(self) -> bool:
        """In an iteration, a pending copy is in the tables, or comes before what is, or both copy streams know of it."""
        return not self.in_iteration or all(
            self.is_found(work)
            for work in self.every(Work)
            if self.stream[work] == ONBOARD or self.stream[work] == OFFLOAD
        )

    def is_found(self, work: Work) -> bool:
        """Whether whoever reads or writes the slots of a copy finds out about it."""
        source, target = self.source[work], self.target[work]
        if work in self.known[ONBOARD] and work in self.known[OFFLOAD]:
            return True
        if source is None or target is None:
            return False
        return self.is_followed(work, self.writer[target]) and (
            work in self.readers[source] or self.is_followed(work, self.writer[source])
        )

    def is_followed(self, work: Work, writer: Work | None) -> bool:
        """Whether the writer in a table is a copy, or one that comes after it."""
        if writer is None:
            return False
        return writer == work or work in self.before[writer]

    @invariant
    def tables_name_copies_of_their_slot(self) -> bool:
        """What the tables name is a pending copy, and has that slot as its target or its source."""
        return all(
            self.is_writer_of(self.writer[key], key)
            and all(self.source[work] == key for work in self.every(Work) if work in self.readers[key])
            for key in self.every(Slot)
        )

    def is_writer_of(self, work: Work | None, slot: Slot) -> bool:
        """Whether a table's entry, if it has one, writes the slot."""
        if work is None:
            return True
        return self.target[work] == slot

    @invariant
    def slots_are_shared_by_none(self) -> bool:
        """Every block has a slot of its own."""
        return all(
            one == other or self.slot[one] != self.slot[other]
            for one in self.every(Block)
            for other in self.every(Block)
        )

    @observation
    def observe(self) -> dict[str, Any]:
        """Where blocks are, what slots hold, and what is pending under which ticket."""
        names = dict(enumerate(("ONBOARD", "OFFLOAD", "COMPUTE", "EXECUTION")))
        return {
            "slots": [int(self.slot[block]) for block in self.every(Block)],
            "memory": [[int(self.memory[s][g]) for g in self.every(Granule)] for s in self.every(Slot)],
            "pending": {
                str(int(work)): {
                    "stream": names[self.stream[work] or 0],
                    "source": self.source[work],
                    "target": self.target[work],
                    "left": [int(g) for g in self.every(Granule) if g in self.left[work]],
                }
                for work in self.every(Work)
                if self.stream[work] is not None
            },
        }

    @phase
    def phase_of(self, work: Work) -> str:
        """Free, waiting for other work, or ready."""
        if not self.is_pending(work):
            return "free"
        if len(self.before[work]) > 0:
            return "waiting"
        return "ready"

    @normal_form
    def named_by_order(self) -> bool:
        """Blocks are interchangeable: let one be named by its slot. So are tickets: let them be in order, free last."""
        return all(self.slot[block] - block == 0 for block in self.every(Block)) and all(
            (self.is_pending(work) and all(later > work for later in self.every(Work) if work in self.before[later]))
            or (
                not self.is_pending(work)
                and all(later < work or not self.is_pending(later) for later in self.every(Work))
            )
            for work in self.every(Work)
        )

    @canonical
    def names(self) -> dict[type, list[int]]:
        """Slots of a level by what they hold and who is busy with them, blocks by their slots, tickets by their place in
        the order and what they do, contents by first appearance."""
        works = [work for work in self.every(Work) if self.is_pending(work)]
        owner = {self.slot[block]: block for block in self.every(Block)}

        def look(slot: Slot) -> tuple[Any, ...]:
            held = [(self.memory[slot][granule], self.planned[slot][granule]) for granule in self.every(Granule)]
            busy = sorted(
                (len(self.before[work]), self.stream[work] or 0, self.source[work] == slot, self.target[work] == slot)
                for work in works
                if slot in (self.source[work], self.target[work])
            )
            noted = (self.writer[slot] is not None, len(self.readers[slot]), self.page_table[owner[slot]] == slot)
            return (self.level(slot), held, busy, noted)

        slots = sorted(self.every(Slot), key=look)
        place = {slot: position for position, slot in enumerate(slots)}

        def task(work: Work) -> tuple[int, ...]:
            source, target = self.source[work], self.target[work]
            return (
                len(self.before[work]),
                self.stream[work] or 0,
                -1 if source is None else place[source],
                -1 if target is None else place[target],
            )

        free = [work for work in self.every(Work) if not self.is_pending(work)]
        contents = {0: None}
        for slot in slots:
            for granule in self.every(Granule):
                contents[int(self.memory[slot][granule])] = None
                contents[int(self.planned[slot][granule])] = None
        contents.update(dict.fromkeys(map(int, self.every(Content))))
        return {
            Slot: list(map(int, slots)),
            Block: [int(owner[slot]) for slot in slots],
            Work: [*map(int, sorted(works, key=task)), *map(int, free)],
            Content: list(contents),
        }
