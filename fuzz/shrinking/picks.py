"""Changes to the schedules of a sequence of operations, and how a reader is shown one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

from attrs import evolve

from kvproof.fuzz.target import Operation

Operations = tuple[Operation, ...]


def count(operations: Operations) -> int:
    """Picks of all schedules."""
    return sum(len(operation.schedule or ()) for operation in operations)


def moments(operations: Operations) -> int:
    """Operations during which something completes."""
    return sum(bool(operation.schedule) for operation in operations)


def without(operations: Operations, start: int, size: int) -> Operations:
    """Schedules without `size` picks from the `start`th on, counted through all of them."""
    changed = []
    position = 0
    for operation in operations:
        schedule = operation.schedule or ()
        low, high = max(0, start - position), max(0, start + size - position)
        position += len(schedule)
        if low < len(schedule) and high > 0:
            operation = evolve(operation, schedule=schedule[:low] + schedule[high:])
        changed.append(operation)
    return tuple(changed)


def gathered(operations: Operations) -> Iterator[Operations]:
    """The picks of all operations moved to the last one, then those of one moved to the next that has some."""
    busy = [index for index, operation in enumerate(operations) if operation.schedule]
    groups = [(busy, len(operations) - 1)] if len(busy) > 1 else []
    groups += [([one, other], other) for one, other in pairwise(busy)]
    for sources, target in groups:
        together = tuple(pick for index in sources for pick in operations[index].schedule or ())
        emptied = [evolve(o, schedule=()) if index in sources else o for index, o in enumerate(operations)]
        emptied[target] = evolve(emptied[target], schedule=together)
        yield tuple(emptied)


def unscheduled(operations: Operations) -> Operations:
    """The operations without schedules: lockstep lets everything complete at once then, and records that."""
    return tuple(evolve(operation, schedule=None) for operation in operations)


def simplest(given: Operation, done: Operation) -> Operation:
    """The operation with the schedule that it was given, unless it had none or some picks could not complete."""
    if given.schedule is None or len(done.schedule or ()) < len(given.schedule):
        return done
    return given


def picks_text(picks: Iterable[str]) -> str:
    """Picks in one line: `onboard x2, offload`."""
    told = []
    for pick, run in groupby(picks):
        times = len(list(run))
        told.append(pick if times == 1 else f"{pick} x{times}")
    return ", ".join(told) or "nothing"
