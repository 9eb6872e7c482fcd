"""What lockstep looks at after an operation, once its steps and its outcome are right, and how often.

- `Whole`: all that can be seen, of both sides and of the validator, and all bytes, after every operation. Right for pools
  of a few blocks, and for every target.
- `Touched`: after every operation what it touched, as the step logs of both sides tell it; the whole only now and then.
  Right for pools of thousands. What the steps of a machine touch, and by what the two sides are then compared, only the
  machine can say: that is a `Delta`.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import Any, ParamSpec, Protocol, TypeVar

from attrs import define, field, frozen

from kvproof.fuzz import oracles
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.oracles import Moment, StepValidation
from kvproof.fuzz.subject import Reference, Subject
from kvproof.fuzz.target import Abilities, Content, Observation, Outcome, Returned, Step, TargetError

NEVER = 1_000_000_000
"""For what is not to be looked at unless it is asked for."""

Found = TypeVar("Found")
Given = ParamSpec("Given")


class TargetRaised(Exception):
    """A method of the target other than `apply` raised while lockstep looked at it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Unreadable(TargetRaised):
    """It was `contents` that raised."""


def guarded(call: Callable[Given, Found], *given: Given.args, **named: Given.kwargs) -> Found:
    """A look at the target, which may raise as well as answer wrongly.

    Raises:
        TargetRaised: it did.
    """
    try:
        return call(*given, **named)
    except Exception as error:
        raise TargetRaised(error) from error


@define
class Seconds:
    """Where the time of a run went."""

    reference: float = 0.0
    implementation: float = 0.0
    validation: float = 0.0
    content: float = 0.0
    observations: float = 0.0


@frozen
class Sides:
    """What there is to look at in one run, and where it is noted that it was."""

    subject: Subject
    reference: Reference
    target: Any
    """A `Target` with the methods that `abilities` tells of."""
    abilities: Abilities
    validation: StepValidation | None
    looked: Counter[str]
    """How often was looked, by what was looked at."""
    seconds: Seconds = field(factory=Seconds)

    def races(self, moment: Moment) -> Failure | None:
        """What the target knows of unordered accesses, if it can know of any."""
        if not self.abilities.races:
            return None
        self.looked["races"] += 1
        return oracles.races(moment, guarded(self.target.races))

    def states(self, moment: Moment, expected: Observation) -> Failure | None:
        """What the target shows, against what the specification does and against what the target's own steps lead to."""
        seen = guarded(self.target.observe)
        self.looked["observations"] += 1
        failure = oracles.observation(moment, expected, seen)
        if failure is None and self.validation is not None:
            failure = self.validation.state(moment, seen)
        return failure


class Looks(Protocol):
    """How much lockstep looks at."""

    def attach(self, sides: Sides) -> None:
        """A run begins."""

    def after(self, moment: Moment, expected: Outcome, actual: Outcome, steps: list[Step]) -> Failure | None:
        """Look at what an operation has led to; its outcome is the expected one, and no step of it breaks a rule.

        Raises:
            TargetRaised: the target did.
        """

    def check(self, moment: Moment) -> Failure | None:
        """Look at everything, now.

        Raises:
            TargetRaised: the target did.
        """


@define
class Whole:
    """Everything after every operation; the specification's own invariants after every so many."""

    invariants_every: int = 1
    _sides: Sides = field(init=False)
    _view: Observation | None = field(default=None, init=False)

    def attach(self, sides: Sides) -> None:
        """See `Looks`."""
        self._sides = sides

    def after(self, moment: Moment, expected: Outcome, actual: Outcome, steps: list[Step]) -> Failure | None:
        """See `Looks`; bytes are not read after a refusal, which has changed nothing."""
        del actual, steps
        sides, every, accepted = self._sides, self.invariants_every, isinstance(expected, Returned)
        failure = None
        if accepted and moment.index % every == every - 1:
            failure = oracles.invariants(moment, sides.reference.check())
        if failure is None:
            if self._view is None or accepted:
                self._view = sides.reference.observe()
            failure = sides.states(moment, self._view)
        failure = failure or sides.races(moment)
        if failure is None and accepted and sides.abilities.contents:
            failure = self._contents(moment)
        return failure

    def _contents(self, moment: Moment) -> Failure | None:
        try:
            found = list(guarded(self._sides.target.contents))
        except TargetRaised as raised:
            raise Unreadable(raised.error) from raised
        self._sides.looked["contents"] += len(found)
        return oracles.content(moment, found)

    def check(self, moment: Moment) -> Failure | None:
        """See `Looks`: all of it was looked at after the operation, but for the invariants."""
        return oracles.invariants(moment, self._sides.reference.check())


class Delta(Protocol):
    """What the steps of one machine touch, and by what two sides are compared that number things differently."""

    def attach(self, sides: Sides) -> None:
        """A run begins."""

    def compare(self, moment: Moment, actual: Outcome, steps: list[Step]) -> Failure | None:
        """Both sides, as far as an operation touched them; `steps` are the target's. Bytes are for `contents`."""

    def contents(self) -> Iterable[Content]:
        """The bytes that the operation touched, and all that its kernels have read."""

    def totals(self, moment: Moment) -> Failure | None:
        """What only makes sense of a whole state, or of all operations together, beside observations and bytes."""

    def all_contents(self) -> Iterable[Content]:
        """Every byte that means something."""


@define
class Touched:
    """What was touched after every operation, and the whole after every so many that may change something."""

    delta: Delta
    check_every: int = NEVER
    _sides: Sides = field(init=False)
    _changes: int = field(default=0, init=False)

    def attach(self, sides: Sides) -> None:
        """See `Looks`.

        Raises:
            TargetError: the target reports no steps.
        """
        if sides.validation is None:
            told = "reports no steps, which alone tell what was touched: compare whole states, or give it `steps`"
            raise TargetError(f"{type(sides.target).__name__} {told}")
        self._sides = sides
        self.delta.attach(sides)

    def after(self, moment: Moment, expected: Outcome, actual: Outcome, steps: list[Step]) -> Failure | None:
        """See `Looks`."""
        del expected
        sides, started = self._sides, perf_counter()
        sides.looked["results"] += 1
        failure = self.delta.compare(moment, actual, steps)
        compared = perf_counter()
        sides.seconds.validation += compared - started
        if failure is None:
            failure = sides.races(moment) or self._contents(moment, self.delta.contents(), "bytes_read")
        sides.seconds.content += perf_counter() - compared
        if failure is None and moment.operation.name not in sides.subject.queries:
            self._changes += 1
            if self._changes % self.check_every == 0:
                failure = self.check(moment)
        return failure

    def _contents(self, moment: Moment, contents: Iterable[Content], name: str) -> Failure | None:
        def counted() -> Iterator[Content]:
            for content in contents:
                self._sides.looked[name] += 1
                yield content

        return oracles.content(moment, counted())

    def check(self, moment: Moment) -> Failure | None:
        """See `Looks`."""
        sides, started = self._sides, perf_counter()
        collects = gc.isenabled()
        gc.disable()  # a hundred thousand lists are made here, and none is part of a cycle
        try:
            failure = sides.states(moment, sides.reference.observe()) or self.delta.totals(moment)
            return failure or self._contents(moment, self.delta.all_contents(), "all_bytes")
        finally:
            if collects:
                gc.enable()
            sides.seconds.observations += perf_counter() - started
