"""Make a failing sequence short and simple, on operations rather than on draws.

Operations are absolute, so any of them may be left out: what is disabled then is refused by both sides alike and is
dropped afterwards. A candidate counts only when it fails with the same fingerprint as the sequence it came from. Five
passes repeat until none helps: schedules (picks left out in chunks and singly), operations (chunks, singles, pairs),
parameters, values everywhere (an index or a sequence item renamed throughout, one position removed throughout), single
arguments. Everything is deterministic: the budget is a number of runs, not of seconds.

An operation keeps its schedule when others are left out; a pick that can then not complete is passed over. Most failures
do not depend on the schedule, so two simple ones are tried before anything else: nothing completes until it is waited
for, and everything completes at once. The result tells what must complete during each operation, were it nothing.

Pools and the sequences that fill them shrink only together, which no such pass does. So a few short walks at the
machine's smallest parameters come first: most bugs show there as well, and a failure found there starts smaller.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations
from typing import Any

from attrs import define, evolve, field, frozen

from kvproof.fuzz import edits
from kvproof.fuzz.drawing.walk import Case, walk_case
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, Progress
from kvproof.fuzz.looks import NEVER, Whole
from kvproof.fuzz.pace import EAGER, Pace
from kvproof.fuzz.shapes import Shape
from kvproof.fuzz.shrinking import picks
from kvproof.fuzz.subject import MachineError, Parameters, Subject
from kvproof.fuzz.target import Operation, Refused, Target, TargetError

RUNS_BUDGET = 2_500
"""Lockstep runs that one minimisation may take; at ten operations each, some five seconds."""

SMALL_CASES = 40
"""Walks at each of the smallest parameters that look for the same failure."""

RUNS_PER_WALK = 6
"""What one of these walks counts for in the budget, half of which they may take: it has as many operations as six runs."""

WORST = Pace("adversarial")
"""What the last operation is tried at when the picks that it had do not do."""

PAIRS_UP_TO = 40
"""Sequences longer than this are not tried with each pair of operations left out: the cost is quadratic."""


@frozen
class Candidate:
    """A sequence at given parameters, and the failure it ends in."""

    parameters: Parameters
    operations: tuple[Operation, ...]
    failure: Failure

    def size(self) -> tuple[int, int, int, int, int]:
        """What minimising makes smaller, most important first: operations, tokens, parameters, picks, moments of picks."""
        operations = self.operations
        items = sum(edits.length(operation.arguments) for operation in operations)
        parameters = sum(self.parameters.values())
        return (len(operations), items, parameters, picks.count(operations), picks.moments(operations))


@define
class Minimiser:
    """Shortens sequences that fail with one fingerprint. `make_target` is called once for each run."""

    subject: Subject
    make_target: Callable[[], Target]
    budget: int = RUNS_BUDGET
    runs: int = 0
    """Lockstep runs taken so far."""
    schedule: str | None = None
    """The mode of the walks that look for a smaller start; None draws one for each."""
    _tried: set[Any] = field(factory=set)
    _ordered: bool = False  # does the failure depend on the schedule?

    def minimise(self, parameters: Parameters, operations: tuple[Operation, ...], failure: Failure) -> Candidate:
        """The shortest failing sequence that the passes reach; the given one when it does not fail again."""
        start = Candidate(parameters, operations[: failure.operation + 1], failure)
        best = self._smaller_start(self.attempt(start, parameters, start.operations) or start)
        best = self._simple_schedule(best)
        passes = (self._fewer_picks, self._fewer_operations, self._parameters, self._everywhere, self._arguments)
        while True:
            before = best
            for improve in passes:
                best = improve(best)
            if best == before or self.runs >= self.budget:
                return best

    def _smaller_start(self, best: Candidate) -> Candidate:
        """The same failure at the machine's smallest parameters, if some walks find it there."""
        target, wanted = self.make_target(), best.failure.fingerprint
        for preset in self.subject.presets:
            if sum(preset.values()) >= sum(best.parameters.values()):
                continue
            for seed in range(SMALL_CASES):
                if self.runs >= self.budget // 2:
                    return best
                self.runs += RUNS_PER_WALK
                case = self._walk(target, preset, seed)
                if case is not None and case.failure is not None and case.failure.fingerprint == wanted:
                    return Candidate(case.parameters, tuple(case.operations), case.failure)
        return best

    def _walk(self, target: Target, parameters: Parameters, seed: int) -> Case | None:
        last: deque[Case] = deque(maxlen=1)
        with suppress(TargetError):
            last.extend(walk_case(self.subject, target, seed, Progress(), parameters, mode=self.schedule))
        return last[0] if last else None

    def attempt(self, best: Candidate, parameters: Parameters, operations: tuple[Operation, ...]) -> Candidate | None:
        """Run a sequence; None unless it fails with `best`'s fingerprint. Needless operations are dropped from it.

        Where the failure depends on the schedule, the picks of the last operation may be wrong for a sequence that was
        changed: the target then looks for the worst itself.
        """
        found = self._execute(best, parameters, operations)
        if found is None and self._ordered and operations:
            last = picks.unscheduled(operations[-1:])
            found = self._execute(best, parameters, operations[:-1] + last, WORST)
        if found is None:
            return None
        candidate, refused = found
        if not refused:
            return candidate
        kept = tuple(o for i, o in enumerate(candidate.operations) if i not in refused)
        again = self._execute(best, parameters, kept)
        return candidate if again is None else again[0]

    def _execute(
        self, best: Candidate, parameters: Parameters, operations: tuple[Operation, ...], pace: Pace = EAGER
    ) -> tuple[Candidate, set[int]] | None:
        told = tuple((o.name, edits.frozen(o.arguments), o.schedule) for o in operations)
        key = (tuple(parameters.values()), told, pace)
        if self.runs >= self.budget or key in self._tried:
            return None
        self._tried.add(key)
        self.runs += 1
        # The specification's own invariants cost most of a run.
        stride = 1 if best.failure.oracle == "invariant" else NEVER
        refused: set[int] = set()
        done: list[Operation] = []
        try:
            shapes = self.subject.make_shapes(parameters)
            fitting = tuple(operation for operation in operations if edits.fits(operation, shapes))
            with Lockstep(self.subject, self.make_target(), parameters, looks=Whole(stride)) as lockstep:
                failure = lockstep.initial()
                for index, operation in enumerate(fitting):
                    if failure is not None:
                        break
                    failure = lockstep.apply(operation, pace)
                    done.append(picks.simplest(operation, lockstep.operation))
                    if isinstance(lockstep.outcome, Refused) and failure is None:
                        refused.add(index)
        except (MachineError, TargetError):
            return None
        if failure is None or failure.fingerprint != best.failure.fingerprint:
            return None
        return Candidate(parameters, tuple(done), failure), refused

    def _better(self, best: Candidate, parameters: Parameters, operations: tuple[Operation, ...]) -> Candidate:
        """The candidate when it fails alike and is no larger, else `best`."""
        found = self.attempt(best, parameters, operations)
        return found if found is not None and found.size() <= best.size() else best

    def _simple_schedule(self, best: Candidate) -> Candidate:
        """The same failure when nothing completes until it is waited for, else when everything does at once.

        Else the failure depends on the order. That in which most goes wrong at the very end is simple too.
        """
        if not picks.count(best.operations):
            return best
        nothing = picks.without(best.operations, 0, picks.count(best.operations))
        worst = nothing[:-1] + picks.unscheduled(nothing[-1:])
        for operations, pace in ((nothing, EAGER), (picks.unscheduled(nothing), EAGER), (worst, WORST)):
            self._ordered = pace is WORST
            found = self._execute(best, best.parameters, operations, pace)
            if found is not None:
                return found[0]
        return best

    def _fewer_picks(self, best: Candidate) -> Candidate:
        size = picks.count(best.operations)
        while size >= 1:
            start = 0
            while start < picks.count(best.operations):
                found = self._execute(best, best.parameters, picks.without(best.operations, start, size))
                if found is not None and found[0].size() < best.size():
                    best = found[0]
                else:
                    start += size
            size //= 2
        return self._gathered(best)

    def _gathered(self, best: Candidate) -> Candidate:
        """What completes during several operations completes during one, so that there is one place to look at."""
        progress = True
        while progress:
            progress = False
            for operations in picks.gathered(best.operations):
                found = self._execute(best, best.parameters, operations)
                if found is not None and found[0].size() < best.size():
                    best, progress = found[0], True
                    break
        return best

    def _fewer_operations(self, best: Candidate) -> Candidate:
        size = len(best.operations) // 2
        while size >= 1:
            start = 0
            while start < len(best.operations):
                shorter = best.operations[:start] + best.operations[start + size :]
                found = self._better(best, best.parameters, shorter)
                if len(found.operations) < len(best.operations):
                    best = found
                else:
                    start += size
            size //= 2
        return self._merged(self._fewer_pairs(best))

    def _merged(self, best: Candidate) -> Candidate:
        """One operation left out, its sequence appended to another operation's: what two calls did, one may do."""
        progress = True
        while progress:
            progress = False
            for operations in edits.merged(best.operations, self.subject.make_shapes(best.parameters)):
                found = self._better(best, best.parameters, operations)
                if len(found.operations) < len(best.operations):
                    best, progress = found, True
                    break
        return best

    def _fewer_pairs(self, best: Candidate) -> Candidate:
        progress = len(best.operations) <= PAIRS_UP_TO
        while progress:
            progress = False
            for one, other in combinations(range(len(best.operations) - 1), 2):
                shorter = tuple(o for i, o in enumerate(best.operations) if i not in (one, other))
                found = self._better(best, best.parameters, shorter)
                if len(found.operations) < len(best.operations):
                    best, progress = found, True
                    break
        return best

    def _everywhere(self, best: Candidate) -> Candidate:
        """One change in all operations at once, so that what must agree between them still agrees."""
        progress = True
        while progress:
            progress = False
            for operations in everywhere(self.subject, best):
                found = self.attempt(best, best.parameters, operations)
                if found is not None and _simplicity(found) < _simplicity(best):
                    best, progress = found, True
                    break
        return best

    def _arguments(self, best: Candidate) -> Candidate:
        index = 0
        while index < len(best.operations):
            shapes = self.subject.make_shapes(best.parameters)[best.operations[index].name]
            for name, shape in shapes.items():
                best = self._argument(best, index, name, shape)
                if index >= len(best.operations):
                    break
            index += 1
        return best

    def _argument(self, best: Candidate, index: int, name: str, shape: Shape) -> Candidate:
        progress = True
        while progress:
            progress = False
            operation = best.operations[index]
            if name not in operation.arguments:
                break
            for value in shape.simpler(operation.arguments[name]):
                changed = evolve(operation, arguments={**operation.arguments, name: value})
                candidate = (*best.operations[:index], changed, *best.operations[index + 1 :])
                found = self.attempt(best, best.parameters, candidate)
                if found is None or found.size() > best.size():
                    continue
                progress = len(found.operations) == len(best.operations)
                best = found
                break
        return best

    def _parameters(self, best: Candidate) -> Candidate:
        for name in best.parameters:
            for value in _smaller(best.parameters[name]):
                found = self._at(best, {**best.parameters, name: value})
                if found is not None:
                    best = found
                    break
        return best

    def _at(self, best: Candidate, parameters: Parameters) -> Candidate | None:
        """The sequence at smaller parameters, with its longer arguments cut as far as it takes to fit them."""
        try:
            shapes = self.subject.make_shapes(parameters)
        except MachineError:
            return None
        for limit in range(max(1, edits.longest(best.operations)), 0, -1):
            found = self.attempt(best, parameters, edits.cut(best.operations, shapes, limit))
            if found is not None and found.size() < best.size():
                return found
        return None


def _smaller(value: int) -> Iterator[int]:
    yield from range(value) if value < 16 else (0, 1, 2, 4, 8, value // 2)


def everywhere(subject: Subject, best: Candidate) -> Iterator[tuple[Operation, ...]]:
    """The sequence with one index or item renamed to a smaller one, or one position or item removed, throughout."""
    shapes = subject.make_shapes(best.parameters)
    yield from edits.renamed(best.operations, shapes)
    for position in range(edits.longest(best.operations)):
        yield edits.without_position(best.operations, shapes, position)


def _simplicity(candidate: Candidate) -> tuple[Any, ...]:
    """Order of the pass `everywhere`: size first, then small values before large ones."""
    values = [value for operation in candidate.operations for value in operation.arguments.values()]
    return (*candidate.size(), [edits.numbers(value) for value in values])
