"""X-26: pages given up under a pass that runs elsewhere."""

from __future__ import annotations

from typing import Any

from kvproof.fuzz.bugs.executor.sizes import PLAIN
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.executor import ExecutorTarget
from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class WaitsWhereItWasResumed(CacheSteps):
    """Gives a page up once the stream is through on which its cache was resumed."""

    def __init__(self, *arguments: Any, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._resumed_on: dict[int, Stream] = {}

    def step_activate(self, cache: SequenceCache) -> None:
        super().step_activate(cache)
        self._resumed_on[cache.number] = cache.stream

    def step_unlock(self, cache: SequenceCache, place: int) -> None:
        stream, cache.stream = cache.stream, self._resumed_on[cache.number]
        super().step_unlock(cache, place)
        cache.stream = stream


ElsewhereUnawaited = plant(SequenceCaches, parts={CacheSteps: WaitsWhereItWasResumed})


BUG = SeededBug(
    id="X-26",
    title="pages given up under a pass that runs elsewhere",
    source="mutant of the marks of a slot (B-14; #15349 #13488)",
    mechanism=(
        "The passes of an overlapping engine take two streams in turn, but what a request gives up waits for the stream "
        "on which it was resumed. A pass on the other one is still under way: the slot's next owner, or a copy into it, "
        "does not wait for that."
    ),
    machine="executor",
    make_target=lambda: ExecutorTarget(caches_type=ElsewhereUnawaited),
    seed=4,
    oracles=("race", "content"),
    parameters={**PLAIN, "primary_slots": 3, "tokens_per_block": 1, "overlap": 1},
    without=frozenset({"hand_over"}),
    no_variant="copies and kernels take no time in the specification",
)
