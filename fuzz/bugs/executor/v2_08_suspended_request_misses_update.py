"""V2-08: an update that a suspended request misses."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request, Stage
from kvproof.impl.executor.scheduling import Scheduling
from kvproof.impl.executor.updates import Updates


class SuspendsInFlight(Scheduling):
    """Looks only at what this pass has scheduled."""

    def can_be_paused(self, request: Request) -> bool:
        return (
            request.stage in (Stage.CONTEXT, Stage.GENERATION)
            and not request.scheduled
            and self._pairs.is_active(request)
        )


class UpdatesActiveOnly(Updates):
    """Passes over what is suspended."""

    def update(self, number: int, accepted: int) -> None:
        request = self._steps.requests.get(number)
        if request is not None and request.outstanding and not self._pairs.is_active(request):
            self._steps.step_landed(number, request.cursor)
        else:
            super().update(number, accepted)


UpdateMissed = plant(Executor, parts={Scheduling: SuspendsInFlight, Updates: UpdatesActiveOnly})


BUG = SeededBug(
    id="V2-08",
    title="an update that a suspended request misses",
    source="upstream's update_resources",
    mechanism=(
        "Requests with a pass in flight may be suspended for others, and updates skip what is not active. The "
        "tokens that were rejected are never taken back, nor those that were accepted counted."
    ),
    machine="executor",
    make_target=with_executor(UpdateMissed),
    oracles=("step", "observation"),
    parameters={**PLAIN, "primary_slots": 2, "tokens_per_block": 1},
    without=STAYING,
)
