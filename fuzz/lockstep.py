"""Drive a reference and a target operation by operation until an oracle objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from time import perf_counter
from types import TracebackType
from typing import Any

from attrs import define, evolve, field, frozen

from kvproof.fuzz import oracles
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.looks import Looks, Seconds, Sides, TargetRaised, Unreadable, Whole, guarded
from kvproof.fuzz.oracles import Moment, StepValidation
from kvproof.fuzz.pace import EAGER, Pace
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import (
    Abilities,
    Operation,
    Outcome,
    Refused,
    Returned,
    Step,
    Target,
    TargetError,
    as_steps,
    describe,
    reset_target,
)


@define
class Progress:
    """What lockstep did: counts that may be added up over runs."""

    operations: int = 0
    accepted: int = 0
    looked: Counter[str] = field(factory=Counter)
    """How often was looked, by what was looked at: `steps`, `observations`, `contents`, ..."""
    attempts: dict[str, int] = field(factory=dict)
    acceptances: dict[str, int] = field(factory=dict)
    refusals: dict[tuple[str, str], int] = field(factory=dict)
    branches: set[int] = field(factory=set)
    events: dict[str, int] = field(factory=dict)
    paces: dict[str, int] = field(factory=dict)
    """Operations by the mode in which pending work went on; those that followed a schedule are not among them."""
    completed: int = 0
    """Pieces of work that completed during operations, where the target has a schedule."""

    @property
    def steps(self) -> int:
        """Steps of the target that were held against the rules."""
        return self.looked["steps"]

    @property
    def contents(self) -> int:
        """Blocks of bytes that were compared."""
        return self.looked["contents"]

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


@frozen
class Broken:
    """The specification breaks one of its own rules in the operation."""

    rule: str

    def failure(self, moment: Moment) -> Failure:
        """Told as a broken invariant of the specification."""
        message = f"{moment.told} breaks the rule {self.rule} in the specification"
        return moment.failure("invariant", self.rule, message)


@frozen
class Disallowed:
    """The specification leaves a choice open, and what the target chose is none of what it allows."""

    choice: str

    def failure(self, moment: Moment) -> Failure:
        """Told as a wrong result of the target."""
        message = f"{moment.told}: the target's choice is not allowed: {self.choice}"
        return moment.failure("result", self.choice, message)


CHOICES = ("choice-exists:", "choice-allowed:")
"""How the reference names the rules of an open choice."""


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
        looks: Looks | None = None,
    ) -> None:
        """Make both sides ready. `looks` decides what is looked at after an operation; everything, unless it is given.

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
        self.step_log: list[Step] = []
        self.outcome: Outcome = Returned()
        self.operation = Operation("reset", dict(parameters))
        self.ahead: tuple[str, ...] = ()
        self._can = Abilities.of(target)
        self.scheduled = self._can.schedule
        self._validation = StepValidation(subject, subject.reference(parameters)) if self._can.steps else None
        self._events_seen: dict[str, int] = {}
        reset_target(target, parameters)
        self._sides = Sides(subject, self.reference, target, self._can, self._validation, self.progress.looked)
        self.looks = Whole() if looks is None else looks
        self.looks.attach(self._sides)

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

    @property
    def looked(self) -> Counter[str]:
        """How often was looked, by what was looked at."""
        return self.progress.looked

    @property
    def seconds(self) -> Seconds:
        """Where the time went."""
        return self._sides.seconds

    @property
    def events(self) -> dict[str, int]:
        """How often each `sometimes` event of the specification has happened."""
        return event_counts(self.reference.events)

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
        started = perf_counter()
        actual, crash = self._drive(moment, EAGER if pace is None else pace)
        answered = perf_counter()
        self.seconds.implementation += answered - started
        expected = self._expect(operation)
        self.seconds.reference += perf_counter() - answered
        if isinstance(expected, Broken | Disallowed):
            return expected.failure(moment)
        self.progress.count(operation.name, expected)
        self.outcome = expected
        try:
            failure = self._answered(moment, expected, expected if actual is None else actual, crash)
            if failure is None:
                failure = self.looks.after(moment, expected, expected if actual is None else actual, self.step_log)
        except TargetRaised as raised:
            failure = oracles.crash(moment, raised.error)
            if isinstance(raised, Unreadable):
                self._note_ahead()
        if failure is not None and failure.oracle == "content":
            self._note_ahead()
        return failure

    def check(self) -> Failure | None:
        """Look at everything, whatever is looked at after each operation."""
        moment = Moment(self.index - 1, self.operation)
        try:
            return self.looks.check(moment)
        except TargetRaised as raised:
            return oracles.crash(moment, raised.error)

    def _drive(self, moment: Moment, pace: Pace) -> tuple[Outcome | None, Failure | None]:
        """The target's part: its outcome, or its crash, and what completed meanwhile."""
        operation, target = moment.operation, self._sides.target
        actual: Outcome | None = None
        crash: Failure | None = None
        if self.scheduled and operation.schedule is not None:
            self._follow(operation.schedule)
        try:
            if self.scheduled and operation.schedule is None:
                target.pace(*pace)
            actual = target.apply(operation)
            if self._can.choices:
                self.reference.script = list(target.choices())
        except Exception as error:  # noqa: BLE001 - a crash of the target is a finding
            crash = oracles.crash(moment, error)
        if self.scheduled:
            crash = self._note_schedule(moment, pace, crash)
        return actual, crash

    def _follow(self, schedule: Iterable[str]) -> None:
        """Tell the target the picks of an operation; one that means nothing to it is bad input, and no finding."""
        try:
            self._sides.target.follow(schedule)
        except Exception as error:
            told = f"{type(self.target).__name__}.follow raised {describe(error)}"
            raise TargetError(f"operations[{self.index - 1}].schedule: cannot be followed: {told}") from error

    def _note_schedule(self, moment: Moment, pace: Pace, crash: Failure | None) -> Failure | None:
        """Ask what completed, also after a crash; raising here is a crash of its own."""
        try:
            picks = guarded(self._sides.target.schedule)
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
        if self.scheduled and done.schedule is not None and self._can.schedule_ahead:
            with suppress(TargetRaised):
                self.ahead = tuple(guarded(self._sides.target.schedule_ahead))
            self.operation = evolve(done, schedule=done.schedule + self.ahead)

    def _expect(self, operation: Operation) -> Outcome | Broken | Disallowed:
        """The reference's part."""
        try:
            return Returned(self.reference.apply(operation.name, operation.arguments))
        except self.subject.rejected as error:
            return Refused(str(getattr(error, "error", error)))
        except self.subject.rule_broken as error:
            rule = str(getattr(error, "rule", error))
            return Disallowed(rule) if rule.startswith(CHOICES) else Broken(rule)

    def _answered(self, moment: Moment, expected: Outcome, actual: Outcome, crash: Failure | None) -> Failure | None:
        """The target's steps keep the rules, and its outcome is the expected one."""
        started = perf_counter()
        failure = crash
        if self._validation is not None:
            log = as_steps(guarded(self._sides.target.steps))
            if crash is not None and log == self.step_log:
                return crash  # it raised before it began a new log: the steps are those of the operation before
            self.step_log = log
            self.looked["steps"] += len(log)
            failure = self._validation.steps(moment, log) or crash
        failure = failure or oracles.outcome(moment, expected, actual)
        self.seconds.validation += perf_counter() - started
        return failure

    def _add_events(self) -> None:
        now = self.events
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
