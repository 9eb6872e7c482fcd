"""Historic bugs of asynchronous copies, each as the machine that had it: a subclass that overrides one method or two.

Every checker must find each of them. Numbers are those of `spec/BUGS.md`; # is an issue or pull request of
TensorRT-LLM. X-nn are mutants of the discipline: what remains of it when one part is left out.
"""

from __future__ import annotations

from kvproof.spec.lang import invariant, step
from kvproof.spec.transfers.kinds import COMPUTE, FRESH, OFFLOAD, ONBOARD, Block, Move, Slot, Stream, Work
from kvproof.spec.transfers.machine import Transfers


class Undisciplined(Transfers):
    """What is claimed of the tables and of the joins serves the proof of the machine that has them.

    A bug with other tables, or without a join, claims nothing of the kind; it has to break a rule, or to have wrong bytes.
    """

    @invariant
    def forward_passes_wait_for_copies(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def copies_wait_for_forward_passes(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def tables_name_what_streams_do_not_know(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def tables_name_copies_of_their_slot(self) -> bool:
        """Nothing is claimed."""
        return True


class EventsByBlock(Undisciplined):
    """M-56 (#9056): an onboarding waits for the offload of the same block, and nothing waits for anything else."""

    BREAKS = ("read-after-write",)

    def key(self, block: Block) -> Slot:
        found = self.slot[block]
        for slot in self.every(Slot):
            if slot - block == 0:
                found = slot
        return found

    def order(self, stream: Stream, source_key: Slot, target_key: Slot) -> None:
        if stream == ONBOARD:
            self.wait_for_readers(stream, source_key)

    def remember(self, work: Work, source_key: Slot, target_key: Slot) -> None:
        if self.stream[work] == OFFLOAD:
            self.note_read(source_key, work)


class LevelBlindKeys(Undisciplined):
    """M-57 (#15272): events are kept by slot number without the level, so that device slot 0 and host slot 0 share them.

    A copy did not wait for the writer of its target then: the stream that writes a level is in order with itself. With
    levels told apart that is enough. Without, the entry of one level is overwritten by a copy to the other.
    """

    BREAKS = ("write-after-read", "read-after-write")

    def key(self, block: Block) -> Slot:
        found = self.slot[block]
        for slot in self.every(Slot):
            if slot == found - self.params.primary_slots:
                found = slot
        return found

    def order(self, stream: Stream, source_key: Slot, target_key: Slot) -> None:
        self.wait_for_writer(stream, source_key)
        self.wait_for_readers(stream, target_key)
        self.forget_readers(target_key)


class OneReader(Undisciplined):
    """M-58: the tables keep the last reader of a slot, where two streams may be reading it."""

    BREAKS = ("write-after-read",)

    @step
    def note_read(self, key: Slot, work: Work) -> None:
        """Enter a copy as the only reader."""
        for other in self.every(Work):
            if other != work:
                self.readers[key].discard(other)
        self.readers[key].add(work)


class CopiesBesideForward(Undisciplined):
    """M-59 (#9056): an iteration's copies do not wait for the forward passes that are still queued."""

    BREAKS = ("read-after-write",)

    def begin(self) -> None:
        self.end()
        self.start()


class WaitsForTheWrongStream(Undisciplined):
    """V2-13 (#13488, #13597; #15349): copies wait for one stream while forward passes run on another, too."""

    BREAKS = ("write-after-read", "read-after-write")

    def begin(self) -> None:
        self.end()
        self.join(ONBOARD, COMPUTE)
        self.join(OFFLOAD, COMPUTE)
        self.start()


class SourceForgotten(Undisciplined):
    """X-31: a copy is not entered as a reader of its source, whose next owner then writes over data still being read."""

    BREAKS = ("write-after-read",)

    def remember(self, work: Work, source_key: Slot, target_key: Slot) -> None:
        self.note_write(target_key, work)


class DestinationForgotten(Undisciplined):
    """X-32: a copy is not entered as the writer of its target, whose readers then come too early."""

    BREAKS = ("read-after-write",)

    def remember(self, work: Work, source_key: Slot, target_key: Slot) -> None:
        self.note_read(source_key, work)


class SwapFirst(Undisciplined):
    """X-33: slots are exchanged before the copy is enqueued, which then goes the wrong way."""

    BREAKS = ("copy-before-swap",)

    def copy(self, move: Move, work: Work) -> None:
        source, target = self.slot[move.block], self.slot[move.into]
        stream = self.copy_stream(source, target)
        source_key, target_key = self.key(move.block), self.key(move.into)
        self.order(stream, source_key, target_key)
        self.fall_behind()
        if self.level(source) == self.level(target):
            self.submit(work, stream, source, target, move.length, FRESH)
        else:
            self.swap(move.block, move.into)
            self.submit(work, stream, self.slot[move.block], self.slot[move.into], self.params.granules, FRESH)
        self.remember(work, source_key, target_key)


class StaleTable(Transfers):
    """X-34: kernels go on to read through the page table of an earlier iteration (#15546)."""

    BREAKS = ("through-current-table",)

    def publish_all(self) -> None:
        pass


VARIANTS: dict[str, type[Transfers]] = {
    "M-56": EventsByBlock,
    "M-57": LevelBlindKeys,
    "M-58": OneReader,
    "M-59": CopiesBesideForward,
    "V2-13": WaitsForTheWrongStream,
    "X-31": SourceForgotten,
    "X-32": DestinationForgotten,
    "X-33": SwapFirst,
    "X-34": StaleTable,
}
