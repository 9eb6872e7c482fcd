"""V2-09: a pass that is skipped keeps its prompts grown."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request, Stage
from kvproof.impl.executor.release import Release


class SkipsForGenerationOnly(Release):
    """Forgets what it has scheduled of prompts."""

    def release(self, requests: list[Request]) -> None:
        for request in requests:
            if request.stage is Stage.GENERATION:
                self.release_generation(request)
            else:
                self._steps.step_strike(request.number)


PromptsStayGrown = plant(Executor, parts={Release: SkipsForGenerationOnly})


BUG = SeededBug(
    id="V2-09",
    title="a pass that is skipped keeps its prompts grown",
    source="#13805 (review)",
    mechanism=(
        "When another rank has nothing to run the pass is skipped, and only what generating requests were given "
        "is taken back. The prompts that were scheduled keep their pages locked."
    ),
    machine="executor",
    make_target=with_executor(PromptsStayGrown),
    oracles=("step",),
    parameters=PLAIN,
    without=STAYING,
)
