"""V2-22: a draft model that admission forgets."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import DRAFTED, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.pairs import Pairs


class AdmitsTargets(Pairs):
    """Makes the draft model's caches ready when the batch is prepared."""

    def make_ready(self, request: Request, capacity: int) -> bool:
        return self.make_cache_ready(request.caches[0], capacity) is not None

    def start(self, batch: list[Request]) -> None:
        for request in batch:
            for cache in request.caches[1:]:
                if self.make_cache_ready(cache, self.capacity(request)) is None:
                    raise RuntimeError(f"request {request.number}: the draft model's cache cannot be made ready")
        super().start(batch)


DraftsForgotten = plant(Executor, parts={Pairs: AdmitsTargets})


BUG = SeededBug(
    id="V2-22",
    title="a draft model that admission forgets",
    source="#18660 #19006 #18093",
    mechanism=(
        "Whether a request fits is decided by the target model's cache alone. That of the draft model is made "
        "ready when the batch is prepared, where it cannot be refused any more: the engine dies, or one of the "
        "two is taken back."
    ),
    machine="executor",
    make_target=with_executor(DraftsForgotten),
    oracles=("step", "crash"),
    parameters=DRAFTED,
    without=STAYING,
)
