"""The second engine: a plain seeded walk, ten times as fast as Hypothesis and drawing through the same code."""

from __future__ import annotations

from collections.abc import Iterator

from kvproof.fuzz.arguments import ArgumentSource, Chooser, RandomChooser, choice, draw_parameters
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Target

OPERATIONS_PER_CASE = 60
"""Operations between resets: enough to fill pools of a few blocks several times over."""

CASE_SEED_STRIDE = 1_000_003
"""A prime, so that the cases of neighbouring seeds differ."""


def case_seed(seed: int, case: int) -> int:
    """Seed of a case of a run."""
    return seed * CASE_SEED_STRIDE + case


def mixture(names: tuple[str, ...], chooser: Chooser) -> tuple[str, ...]:
    """The operations of one case, with repetition as weight ("swarm": some cases leave some out)."""
    if chooser.integer(0, 1) == 0:
        return names
    weighted = tuple(name for name in names for _ in range(chooser.integer(0, 3)))
    return weighted or names


class Case:
    """What a case did: its parameters, the operations so far and the failure that ended it."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.operations: list[Operation] = []
        self.failure: Failure | None = None


def walk_case(
    subject: Subject,
    target: Target,
    seed: int,
    progress: Progress,
    fixed: Parameters | None = None,
    count: int = OPERATIONS_PER_CASE,
) -> Iterator[Case]:
    """Drive one case, giving it after every operation, so that the caller may stop at any point.

    The last one given has the failure when there is one. `seed` decides everything. `fixed` parameters are not drawn.
    """
    chooser = RandomChooser(seed)
    case = Case(draw_parameters(subject, chooser, fixed))
    with Lockstep(subject, target, case.parameters, progress) as lockstep:
        case.failure = lockstep.initial()
        if case.failure is not None:
            yield case
            return
        source = ArgumentSource(subject, case.parameters, lockstep.reference)
        names = mixture(subject.operations, chooser)
        for _ in range(count):
            operation = source.draw(choice(chooser, names), chooser)
            case.operations.append(operation)
            case.failure = lockstep.apply(operation)
            yield case
            if case.failure is not None:
                return
