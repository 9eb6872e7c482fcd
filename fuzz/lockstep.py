"""Drive a reference and a target operation by operation until an oracle objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from attrs import define, evolve, field

from kvproof.fuzz import oracles
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.oracles import Moment, StepValidation
from kvproof.fuzz.pace import EAGER, Pace
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import (
    Content,
    Observation,
    Operation,
    Outcome,
    Race,
    Refused,
    Returned,
    Step,
    Target,
    TargetError,
    as_steps,
    describe,
    has_schedule,
    reset_target,
)


@define
class Progress:
    """What lockstep did: counts that may be added up over runs."""

    operations: int = 0
    accepted: int = 0
    steps: int = 0
    contents: int = 0
    attempts: dict[str, int] = field(factory=dict)
    acceptances: dict[str, int] = field(factory=dict)
    refusals: dict[tuple[str, str], int] = field(factory=dict)
    branches: set[int] = field(factory=set)
    events: dict[str, int] = field(factory=dict)
    paces: dict[str, int] = field(factory=dict)
    """Operations by the mode in which pending work went on; those that followed a schedule are not among them."""
    completed: int = 0
    """Pieces of work that completed during operations, where the target has a schedule."""

    def count(self, name: str, expected: Outcome) -> None:
        """One more operation, and what the specification answered."""
        self.operations += 1
        self.attempts[name] = self.attempts.get(name, 0) + 1
        if isinstance(expected, Refused):
            key = (name, expected.error)
            self.refusals[key] = self.refusals.get(key, 0) + 1
        else:
            self.accepted += 1
            self.acceptances[name] = self.acceptances.get(name, 0) + 1


class TargetRaised(Exception):
    """A method of the target other than `apply` raised while lockstep looked at it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Lockstep:
    """One run: a fresh reference, a fresh validator and a reset target.

    Use it as a context manager: the target is closed at the end. After a failure the run is over.
    `step_log` holds the steps of the last operation: the target's when it reports them, else the reference's. `operation`
    is the last operation with the schedule that was executed, so that applying it again does the same; where the bytes were
    wrong that schedule ends with `ahead`, what completed only for looking at them. `scheduled` tells whether there is one.
    """

    def __init__(
        self,
        subject: Subject,
        target: Target,
        parameters: Parameters,
        progress: Progress | None = None,
        invariants_every: int = 1,
    ) -> None:
        """Make both sides ready. The specification's own invariants are tested every so many accepted operations.

        Raises:
            MachineError: the machine does not allow the parameters.
            TargetError: the target's `reset` raised.
        """
        self.subject = subject
        self.target = target
        self.parameters = parameters
        self.progress = Progress() if progress is None else progress
        self.reference = subject.reference(parameters)
        self.reference.coverage = self.progress.branches
        self.index = 0
        self._invariants_every = invariants_every
        self.step_log: list[Step] = []
        self.outcome: Outcome = Returned()
        self.operation = Operation("reset", dict(parameters))
        self.ahead: tuple[str, ...] = ()
        self.scheduled = has_schedule(target)
        self._steps = getattr(target, "steps", None)
        self._contents = getattr(target, "contents", None)
        self._races = getattr(target, "races", None)
        self._choices = getattr(target, "choices", None)
        self._validation = StepValidation(subject, subject.reference(parameters)) if self._steps is not None else None
        self._events_seen: dict[str, int] = {}
        self._view: Observation | None = None
        reset_target(target, parameters)

    def __enter__(self) -> Lockstep:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the target and add the reference's events to the progress.

        Raises:
            TargetError: the target's `close` raised.
        """
        self._add_events()
        try:
            self.target.close()
        except Exception as error:
            raise TargetError(f"{type(self.target).__name__}.close raised {describe(error)}") from error

    def initial(self) -> Failure | None:
        """Compare both sides before any operation; a difference is told of operation -1, `reset`."""
        moment = Moment(-1, Operation("reset", dict(self.parameters)))
        try:
            seen = self.target.observe()
        except Exception as error:  # noqa: BLE001 - a crash of the target is a finding
            return oracles.crash(moment, error)
        return oracles.observation(moment, self.reference.observe(), seen)

    def apply(self, operation: Operation, pace: Pace | None = None) -> Failure | None:
        """One operation on both sides, looked at by every oracle.

        The target goes first, so that the reference can follow what it chose where the specification leaves a choice. If it
        has a schedule, it follows the operation's, else the pace; with neither, everything completes at once.

        Raises:
            TargetError: the target cannot follow the operation's schedule: it has something that is no pick.
        """
        moment = Moment(self.index, operation)
        self.index += 1
        self.operation, self.ahead = operation, ()
        actual: Outcome | None = None
        crash: Failure | None = None
        pace = EAGER if pace is None else pace
        if self.scheduled and operation.schedule is not None:
            self._follow(operation.schedule)
        target: Any = self.target
        try:
            if self.scheduled and operation.schedule is None:
                target.pace(*pace)
            actual = target.apply(operation)
            if self._choices is not None:
                self.reference.script = list(self._guarded("choices"))
        except TargetRaised as raised:
            crash = oracles.crash(moment, raised.error)
        except Exception as error:  # noqa: BLE001 - a crash of the target is a finding
            crash = oracles.crash(moment, error)
        if self.scheduled:
            crash = self._note_schedule(moment, pace, crash)
        expected = self._expect(operation)
        if isinstance(expected, str):
            if expected.startswith("choice-"):
                return moment.failure(
                    "result", expected, f"{operation}: the target's choice is not allowed: {expected}"
                )
            return moment.failure("invariant", expected, f"{operation} breaks the rule {expected} in the specification")
        self.progress.count(operation.name, expected)
        self.outcome = expected
        try:
            return self._look(moment, expected, expected if actual is None else actual, crash)
        except TargetRaised as raised:
            return oracles.crash(moment, raised.error)

    def _follow(self, schedule: Iterable[str]) -> None:
        """Tell the target the picks of an operation; one that means nothing to it is bad input, and no finding."""
        target: Any = self.target
        try:
            target.follow(schedule)
        except Exception as error:
            told = f"{type(target).__name__}.follow raised {describe(error)}"
            raise TargetError(f"operations[{self.index - 1}].schedule: cannot be followed: {told}") from error

    def _note_schedule(self, moment: Moment, pace: Pace, crash: Failure | None) -> Failure | None:
        """Ask what completed, also after a crash; raising here is a crash of its own."""
        try:
            picks = self._guarded("schedule")
        except TargetRaised as raised:
            return crash or oracles.crash(moment, raised.error)
        if picks is None:
            self.scheduled = False
            return crash
        operation, progress = moment.operation, self.progress
        self.operation = evolve(operation, schedule=tuple(picks))
        progress.completed += len(picks)
        if operation.schedule is None:
            progress.paces[pace.mode] = progress.paces.get(pace.mode, 0) + 1
        return crash

    def _note_ahead(self) -> None:
        """Add the look's own picks, which the next run then follows; without them where the target cannot tell."""
        done = self.operation
        if self.scheduled and done.schedule is not None and callable(getattr(self.target, "schedule_ahead", None)):
            with suppress(TargetRaised):
                self.ahead = tuple(self._guarded("schedule_ahead"))
            self.operation = evolve(done, schedule=done.schedule + self.ahead)

    def _expect(self, operation: Operation) -> Outcome | str:
        """The reference's outcome, or the name of the rule that it broke."""
        try:
            return Returned(self.reference.apply(operation.name, operation.arguments))
        except self.subject.rejected as error:
            return Refused(str(getattr(error, "error", error)))
        except self.subject.rule_broken as error:
            return str(getattr(error, "rule", error))

    def _look(self, moment: Moment, expected: Outcome, actual: Outcome, crash: Failure | None) -> Failure | None:
        validation = self._validation
        if validation is not None:
            log = as_steps(self._guarded("steps"))
            if crash is not None and log == self.step_log:
                return crash  # it raised before it began a new log: the steps are those of the operation before
            self.step_log = log
            self.progress.steps += len(log)
            failure = validation.steps(moment, self.step_log) or crash
        else:
            failure = crash
        failure = failure or oracles.outcome(moment, expected, actual)
        if (
            failure is None
            and isinstance(expected, Returned)
            and moment.index % self._invariants_every == self._invariants_every - 1
        ):
            failure = oracles.invariants(moment, self.reference)
        if failure is not None:
            return failure
        seen = self._guarded("observe")
        failure = oracles.observation(moment, self._expected_view(expected), seen)
        if failure is None and validation is not None:
            failure = validation.state(moment, seen)
        if failure is None and self._races is not None:
            races: Iterable[Race] = self._guarded("races")
            failure = oracles.races(moment, races)
        if failure is None and self._contents is not None and isinstance(expected, Returned):
            failure = self._look_inside(moment)
        return failure

    def _look_inside(self, moment: Moment) -> Failure | None:
        """The bytes; where they are wrong or cannot be read, the operation's schedule says after what."""
        try:
            contents: list[Content] = list(self._guarded("contents"))
            self.progress.contents += len(contents)
            failure = oracles.content(moment, contents)
        except TargetRaised:
            self._note_ahead()
            raise
        if failure is not None:
            self._note_ahead()
        return failure

    def _expected_view(self, expected: Outcome) -> Observation:
        """The reference's observation; a refusal has changed nothing, so the last one still holds then."""
        if self._view is None or isinstance(expected, Returned):
            self._view = self.reference.observe()
        return self._view

    def _guarded(self, method: str) -> Any:
        try:
            return getattr(self.target, method)()
        except Exception as error:
            raise TargetRaised(error) from error

    def _add_events(self) -> None:
        now = event_counts(self.reference.events)
        for name, count in now.items():
            more = count - self._events_seen.get(name, 0)
            self.progress.events[name] = self.progress.events.get(name, 0) + more
        self._events_seen = now


def event_counts(events: Any) -> dict[str, int]:
    """Counts of a reference's `sometimes` events, whether it keeps counts or only names."""
    if isinstance(events, Mapping):
        return {str(name): int(count) for name, count in events.items()}
    return dict.fromkeys(map(str, events or ()), 1)


def run(lockstep: Lockstep, operations: Iterable[Operation], pace: Pace | None = None) -> Failure | None:
    """Apply operations until a failure; None when all pass. The pace is of those that have no schedule of their own."""
    for operation in operations:
        failure = lockstep.apply(operation, pace)
        if failure is not None:
            return failure
    return None
