"""X-25: a sender whose pages are overwritten."""

from __future__ import annotations

from collections.abc import Sequence

from kvproof.fuzz.bugs.executor.sizes import PLAIN
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.executor import ExecutorTarget
from kvproof.impl.device import Loaded, Stream
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.page_copies import PageCopies


class ForgetsTheSender(PageCopies):
    """Leaves nothing for the slots' next owners to wait for."""

    def send(self, places: Sequence[tuple[int, int]], stream: Stream) -> list[Loaded]:
        before = [self._marks[level][slot] for level, slot in places]
        loads = super().send(places, stream)
        for (level, slot), marks in zip(places, before, strict=True):
            self._marks[level][slot] = marks
        return loads


Sends = plant(SequenceCaches, parts={PageCopies: ForgetsTheSender})


BUG = SeededBug(
    id="X-25",
    title="a sender whose pages are overwritten",
    source="#16913, for sequence caches",
    mechanism=(
        "The data of a request that was handed over are read by a sender, and nobody waits for that. When the request is "
        "finished its slots get new owners, whose kernels write them while they are read."
    ),
    machine="executor",
    make_target=lambda: ExecutorTarget(caches_type=Sends),
    oracles=("race", "content"),
    parameters={**PLAIN, "primary_slots": 2, "tokens_per_block": 1},
    no_variant="copies and kernels take no time in the specification",
)
