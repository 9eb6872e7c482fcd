"""Why the bytes are right: what is always true between operations.

The theorem is `completed_is_sequential`. The other invariants carry it through every step of every schedule.
"""

from __future__ import annotations

from kvproof.spec.lang import invariant
from kvproof.spec.transfers.kinds import OFFLOAD, ONBOARD, Block, Granule, Slot, Stream, Work
from kvproof.spec.transfers.operations import TransferOperations


class TransferInvariants(TransferOperations):
    """The invariants of the transfers. Some are about batches, in the words of the operation that completes one."""

    @invariant
    def free_tickets_are_blank(self) -> bool:
        """A ticket that names no work leaves no trace: `retire` and `expire` see to it.

        What no stream knows is covered by nothing and comes before nothing (`streams_know_what_came_before`). The tables
        name pending work alone (`tables_name_copies_of_their_slot`).
        """
        return all(
            self.is_pending(work)
            or (
                self.source[work] is None
                and self.target[work] is None
                and len(self.left[work]) == 0
                and len(self.before[work]) == 0
                and len(self.covers[work]) == 0
                and all(self.brings[work][granule] == 0 for granule in self.every(Granule))
                and all(work not in self.known[stream] for stream in self.every(Stream))
            )
            for work in self.every(Work)
        )

    @invariant
    def pending_work_is_work(self) -> bool:
        """Pending work reads or writes a slot, and its batch is closed between operations and has something left to do."""
        return all(
            not self.is_pending(work)
            or (
                (self.source[work] is not None or self.target[work] is not None)
                and not self.is_open(work)
                and self.is_unfinished(work)
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
    def kernels_are_alone(self) -> bool:
        """A kernel is a batch of its own."""
        return all(
            one == other or not self.shares_batch(one, other)
            for one in self.every(Work)
            if self.is_pending(one) and (self.source[one] is None or self.target[one] is None)
            for other in self.every(Work)
        )

    @invariant
    def batches_are_alike(self) -> bool:
        """The copies of a batch are on one stream, come after the same, and are covered with the same."""
        return all(
            not self.shares_batch(one, other)
            or (
                self.stream[one] == self.stream[other]
                and all(
                    (work in self.before[one]) == (work in self.before[other])
                    and (work in self.covers[one]) == (work in self.covers[other])
                    for work in self.every(Work)
                )
            )
            for one in self.every(Work)
            for other in self.every(Work)
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
        """An event covers whatever comes before what it covers, the work itself included: all that the stream had waited
        for."""
        return all(
            first in self.covers[work]
            for work in self.every(Work)
            for covered in self.every(Work)
            if covered in self.covers[work]
            for first in self.every(Work)
            if first in self.before[covered]
        )

    @invariant
    def streams_know_what_came_before(self) -> bool:
        """A stream is in order, and knows all that its events cover; knowing of work means knowing of all that comes before
        it."""
        return all(
            all(
                first in self.known[stream]
                for later in self.every(Work)
                if later in self.known[stream]
                for first in self.every(Work)
                if first in self.before[later]
            )
            and all(
                first in self.known[stream]
                for work in self.every(Work)
                if self.stream[work] == stream
                for first in self.every(Work)
                if first in self.covers[work]
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
            len(self.left[work]) > 0 and len(self.before[work]) == 0 for work in self.every(Work)
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
