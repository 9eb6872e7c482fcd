"""V2-13-caches: migrations that wait for another stream than that of the forward passes."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.page_copies import Mark, PageCopies


class ComputeStreamOnly(PageCopies):
    """Takes all kernels to be on the compute stream."""

    def finish(self, stream: Stream) -> Mark:
        del stream
        return super().finish(Stream.COMPUTE)


PassesElsewhere = plant(SequenceCaches, parts={PageCopies: ComputeStreamOnly})


BUG = SeededBug(
    id="V2-13-caches",
    title="migrations that wait for another stream than that of the forward passes",
    source="#13488 #13597",
    mechanism=(
        "Giving up a lock notes what the manager's own stream has done so far, but the forward passes run elsewhere. A "
        "page goes to host memory before the pass that writes it has run, or its slot is overwritten under one that reads."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(PassesElsewhere),
    seed=1,
    oracles=("race", "content"),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 2, "secondary_slots": 2, "caches": 2},
    without=ENDS | COMMITS,
    no_variant="implementation only: here copies take no time in the specification",
)
