"""X-22: a victim that this pass has scheduled."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request, Stage
from kvproof.impl.executor.scheduling import Scheduling


class SuspendsScheduled(Scheduling):
    """Takes any that is not in flight."""

    def can_be_paused(self, request: Request) -> bool:
        return (
            request.stage in (Stage.CONTEXT, Stage.GENERATION)
            and not request.outstanding
            and self._pairs.is_active(request)
        )

    def victim_for(self, request: Request) -> Request | None:
        for other in self._steps.requests.values():
            if other is not request and self.can_be_paused(other):
                return other
        return None


ScheduledSuspended = plant(Executor, parts={Scheduling: SuspendsScheduled})


BUG = SeededBug(
    id="X-22",
    title="a victim that this pass has scheduled",
    source="mutant of C-12",
    mechanism=(
        "For want of pages a request is suspended that this pass has scheduled already: its forward pass reads "
        "pages that are no longer its own."
    ),
    machine="executor",
    make_target=with_executor(ScheduledSuspended),
    oracles=("step", "observation", "result"),
    parameters={**PLAIN, "primary_slots": 3, "tokens_per_block": 1},
    without=STAYING,
    no_variant="the shortest has 11 operations of two requests, too many to explore; the rule has a test of its own",
)
