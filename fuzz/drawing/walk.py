"""The second engine: a plain seeded walk, ten times as fast as Hypothesis and drawing through the same code."""

from __future__ import annotations

from collections.abc import Iterator

from kvproof.fuzz.chooser import Chooser, RandomChooser, choice
from kvproof.fuzz.drawing.arguments import ArgumentSource, draw_parameters
from kvproof.fuzz.drawing.novelty import Novelty, Scout
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.looks import Whole
from kvproof.fuzz.pace import PaceSource
from kvproof.fuzz.shapes import Fields, Run, Shape
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Returned, Target, UnsupportedParameters

OPERATIONS_PER_CASE = 60
"""Operations between resets: enough to fill pools of a few blocks several times over."""

INVARIANTS_EVERY = 8
"""Operations between two tests of the specification's own invariants, which are proved elsewhere and are slow."""

PARAMETER_DRAWS = 50
"""Parameter sets drawn for a case until the target offers one."""

REFUSABLE_ONE_IN = 8
"""One operation in so many is not looked for among the enabled ones."""

BEYOND_ONE_IN = 8
"""One in so many is just beyond what the specification allows, where a target that counts wrongly would go on."""

NOVEL_AMONG = 4
"""Enabled operations of which the most novel is taken, half of the time."""

NAMES_TRIED = 4
"""Names of operations without an enabled candidate that are passed over before giving up."""

CASE_SEED_STRIDE = 1_000_003
"""A prime, so that the cases of neighbouring seeds differ."""


def case_seed(seed: int, case: int) -> int:
    """Seed of a case of a run."""
    return seed * CASE_SEED_STRIDE + case


def weights(subject: Subject) -> tuple[str, ...]:
    """The operations, with repetition as weight.

    Queries change nothing and have a third of the weight of others. One that takes records has three times that: it can
    do many more things than any other. Those that are to be used seldom have a sixth.
    """
    shapes, scale = subject.make_shapes(subject.defaults), 2 if subject.seldom else 1

    def weight(name: str) -> int:
        if name in subject.seldom:
            return 1
        if name in subject.queries:
            return scale
        return scale * (9 if any(map(has_records, shapes[name].values())) else 3)

    return tuple(name for name in subject.operations for _ in range(weight(name)))


def has_records(shape: Shape) -> bool:
    """Whether values of a shape are lists of records."""
    return isinstance(shape, Run) and isinstance(shape.inner, Fields)


def mixture(subject: Subject, chooser: Chooser) -> tuple[str, ...]:
    """The operations of one case, with repetition as weight ("swarm": some cases leave some out)."""
    names = weights(subject)
    if chooser.integer(0, 1) == 0:
        return names
    return tuple(name for name in names if chooser.integer(0, 1) == 1) or names


class Case:
    """What a case did: its parameters, the operations so far and the failure that ended it."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.operations: list[Operation] = []
        self.failure: Failure | None = None


def begin(
    subject: Subject, target: Target, chooser: Chooser, progress: Progress, fixed: Parameters | None = None
) -> Lockstep:
    """Lockstep at drawn parameters that the target offers.

    Raises:
        UnsupportedParameters: none of `PARAMETER_DRAWS` drawn sets was offered.
    """
    for _ in range(PARAMETER_DRAWS - 1):
        try:
            return _lockstep(subject, target, draw_parameters(subject, chooser, fixed), progress)
        except UnsupportedParameters:
            continue
    return _lockstep(subject, target, draw_parameters(subject, chooser, fixed), progress)


def _lockstep(subject: Subject, target: Target, parameters: Parameters, progress: Progress) -> Lockstep:
    return Lockstep(subject, target, parameters, progress, Whole(INVARIANTS_EVERY))


def next_operation(source: ArgumentSource, scout: Scout, names: tuple[str, ...], chooser: Chooser) -> Operation:
    """Mostly the most novel of a few enabled operations; now and then whatever is drawn first."""
    if chooser.integer(0, REFUSABLE_ONE_IN - 1) == 0:
        return source.draw_any(choice(chooser, names), chooser)
    if chooser.integer(0, BEYOND_ONE_IN - 1) == 0:
        for _ in range(NAMES_TRIED):
            operation = source.draw_beyond(choice(chooser, names), chooser)
            if operation is not None:
                return operation
    wanted = choice(chooser, (1, NOVEL_AMONG))
    found: list[Operation] = []
    for _ in range(wanted + NAMES_TRIED):
        operation = source.draw_enabled(choice(chooser, names), chooser)
        if operation is not None:
            found.append(operation)
            if len(found) == wanted:
                break
    if not found:
        return source.draw_any(choice(chooser, names), chooser)
    return scout.rarest(found)


def operation_for(name: str, source: ArgumentSource, names: tuple[str, ...], chooser: Chooser) -> Operation:
    """An enabled operation called `name`, else one of another name; now and then any, and seldom a query."""
    if chooser.integer(0, REFUSABLE_ONE_IN - 1) == 0:
        return source.draw_any(name, chooser)
    if chooser.integer(0, BEYOND_ONE_IN - 1) == 0:
        operation = source.draw_beyond(name, chooser)
        if operation is not None:
            return operation
    if names.count(name) == 1:
        name = choice(chooser, names)
    for _ in range(1 + NAMES_TRIED):
        operation = source.draw_enabled(name, chooser)
        if operation is not None:
            return operation
        name = choice(chooser, names)
    return source.draw_any(name, chooser)


def walk_case(
    subject: Subject,
    target: Target,
    seed: int,
    progress: Progress,
    fixed: Parameters | None = None,
    count: int = OPERATIONS_PER_CASE,
    novelty: Novelty | None = None,
    mode: str | None = None,
) -> Iterator[Case]:
    """Drive one case, giving it after every operation, so that the caller may stop at any point.

    The last one given has the failure when there is one. `seed` and what `novelty` has seen decide everything. `fixed`
    parameters are not drawn, nor is a given `mode` of the schedule.
    """
    chooser = RandomChooser(seed)
    lockstep = begin(subject, target, chooser, progress, fixed)
    case = Case(lockstep.parameters)
    with lockstep:
        case.failure = lockstep.initial()
        if case.failure is not None:
            yield case
            return
        source = ArgumentSource(subject, case.parameters, lockstep.reference)
        scout = Scout(subject, case.parameters, lockstep.reference, novelty or Novelty())
        names = mixture(subject, chooser)
        paces = PaceSource(seed, mode) if lockstep.scheduled else None
        for _ in range(count):
            operation = next_operation(source, scout, names, chooser)
            case.failure = lockstep.apply(operation, None if paces is None else paces.next())
            case.operations.append(lockstep.operation)
            if isinstance(lockstep.outcome, Returned):
                source.moved()
            yield case
            if case.failure is not None:
                return
