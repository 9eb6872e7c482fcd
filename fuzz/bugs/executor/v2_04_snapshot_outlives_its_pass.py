"""V2-04: a snapshot that outlives its pass."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.steps import ExecutorSteps


class KeepsSnapshots(ExecutorSteps):
    """Clears everything but the snapshot."""

    @staticmethod
    def _unmark(request: Request) -> None:
        request.scheduled = request.resumed = False


SnapshotsOutlive = plant(Executor, parts={ExecutorSteps: KeepsSnapshots})


BUG = SeededBug(
    id="V2-04",
    title="a snapshot that outlives its pass",
    source="#13805 (review)",
    mechanism=(
        "The capacity before a chunk is noted for a rollback, and the note is not cleared when the chunk is "
        "computed. A later rollback finds it and asks for less room than is in use, or frees the whole cache."
    ),
    machine="executor",
    make_target=with_executor(SnapshotsOutlive),
    oracles=("observation", "step", "crash"),
    parameters=PLAIN,
    without=STAYING,
)
