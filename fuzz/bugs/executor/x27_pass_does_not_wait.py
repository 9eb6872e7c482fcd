"""X-27: a pass that does not wait for the pass before."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.executor import ExecutorTarget
from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.passes import Passes
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class FollowsNothing(Passes):
    """Leaves a cache's passes on several streams in no order."""

    def follow(self, cache: SequenceCache, stream: Stream) -> None:
        """Do not wait."""


PassesUnordered = plant(SequenceCaches, parts={Passes: FollowsNothing})


BUG = SeededBug(
    id="X-27",
    title="a pass that does not wait for the pass before",
    source="#15349",
    mechanism=(
        "The passes of an overlapping engine take two streams in turn. The second pass of a request reads what the first "
        "has computed, but nothing keeps it from running before."
    ),
    machine="executor",
    make_target=lambda: ExecutorTarget(caches_type=PassesUnordered),
    oracles=("race", "content"),
    parameters={**PLAIN, "overlap": 1},
    without=STAYING,
    no_variant="copies and kernels take no time in the specification",
)
