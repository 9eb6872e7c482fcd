"""How much is looked at after an operation: the whole, or what was touched and the whole now and then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from attrs import evolve
from toy_queue import (
    DEFAULTS,
    TOY,
    ObserveCrashes,
    Racing,
    SilentStep,
    ToyReference,
    ToyTarget,
    WrongContent,
    make_subject,
)

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.looks import NEVER, Sides, Touched, Whole, guarded
from kvproof.fuzz.oracles import Moment
from kvproof.fuzz.target import Abilities, Content, Operation, Outcome, Step, TargetError


class TouchedJobs:
    """The words of the jobs that an operation's steps are about, and the bytes of these."""

    def attach(self, sides: Sides) -> None:
        self.target: Any = sides.target
        self.ours: Any = sides.reference
        assert sides.validation is not None
        self.theirs: Any = sides.validation.validator
        self.ours.on_step = lambda name, arguments: self.touched.append(arguments[0])
        self.touched: list[int] = []
        self.total: int | None = None

    def compare(self, moment: Moment, actual: Outcome, steps: list[Step]) -> Failure | None:
        self.jobs = {*self.touched, *(step.arguments[0] for step in steps)}
        self.touched.clear()
        for job in self.jobs:
            ours, theirs = self.ours.words.get(job), self.theirs.words.get(job)
            if ours != theirs:
                return moment.failure("step", "touched", f"job {job}", ours, theirs)
        return None

    def contents(self) -> Iterable[Content]:
        return [each for each in guarded(self.target.contents) if int(each.where.split()[1]) in self.jobs]

    def totals(self, moment: Moment) -> Failure | None:
        return None if self.total is None else moment.failure("observation", "total", "too many")

    def all_contents(self) -> Iterable[Content]:
        return guarded(self.target.contents)


def push(job: int, *word: int) -> Operation:
    return Operation("push", {"job": job, "word": word})


def extend(job: int, *word: int) -> Operation:
    return Operation("extend", {"job": job, "word": word})


POP, DRAIN = Operation("pop", {}), Operation("drain", {})

RUN = (push(0, 1), push(1, 2), extend(0, 2), POP, push(2, 1), push(0, 2), DRAIN)


def touching(target: ToyTarget, check_every: int = NEVER, subject: Any = TOY) -> Lockstep:
    return Lockstep(subject, target, DEFAULTS, looks=Touched(TouchedJobs(), check_every))


def test_a_correct_target_passes_either_way() -> None:
    assert run(touching(ToyTarget(), 2), RUN) is None
    assert run(Lockstep(TOY, ToyTarget(), DEFAULTS), RUN) is None


def test_whole_states_are_compared_after_so_many_changes() -> None:
    lockstep = touching(ToyTarget(), 3)
    assert run(lockstep, RUN) is None
    assert lockstep.looked["observations"] == 2
    assert lockstep.looked["results"] == lockstep.looked["races"] == len(RUN)
    assert lockstep.looked["steps"] == 9


def test_questions_are_no_changes() -> None:
    lockstep = touching(ToyTarget(), 1, evolve(TOY, queries=frozenset({"push"})))
    assert run(lockstep, RUN) is None
    assert lockstep.looked["observations"] == 3


def test_what_was_touched_differs_at_once_without_a_look_at_the_whole() -> None:
    lockstep = touching(SilentStep())
    failure = run(lockstep, RUN)
    assert failure is not None
    assert (failure.operation, failure.fingerprint) == (2, "step:touched:extend")
    assert not lockstep.looked["observations"]


def test_bytes_that_were_touched_are_read() -> None:
    failure = run(touching(WrongContent()), (push(0, 1), extend(0, 1)))
    assert failure is not None
    assert (failure.operation, failure.oracle) == (1, "content")


def test_races_are_asked_for() -> None:
    failure = run(touching(Racing()), RUN)
    assert failure is not None
    assert failure.oracle == "race"


class ShowsOneMore(ToyTarget):
    """A difference that no step tells of."""

    def observe(self) -> dict[str, Any]:
        return {**super().observe(), "free": 9}


def test_what_only_the_whole_shows_is_found_when_it_is_time_to_or_when_it_is_asked_for() -> None:
    failure = run(touching(ShowsOneMore(), 4), RUN)
    assert failure is not None
    assert (failure.operation, failure.fingerprint) == (3, "observation:free:pop")
    lockstep = touching(ShowsOneMore())
    assert run(lockstep, RUN) is None
    asked = lockstep.check()
    assert asked is not None
    assert (asked.operation, asked.fingerprint) == (len(RUN) - 1, "observation:free:drain")


def test_bytes_that_nobody_touched_are_read_with_the_whole() -> None:
    target = WrongContent()
    lockstep = touching(target)
    assert run(lockstep, (push(0, 1), push(1, 2))) is None
    target.words[0] = (1, 1)
    target.observe = lambda: lockstep.reference.observe()  # type: ignore[method-assign]
    found = lockstep.check()
    assert found is not None
    assert found.oracle == "content"


def test_totals_are_looked_at_with_the_whole() -> None:
    lockstep = touching(ToyTarget())
    assert run(lockstep, RUN) is None
    assert lockstep.check() is None
    assert isinstance(lockstep.looks, Touched)
    assert isinstance(lockstep.looks.delta, TouchedJobs)
    lockstep.looks.delta.total = 1
    found = lockstep.check()
    assert found is not None
    assert found.fingerprint == "observation:total:drain"


def test_raising_while_it_is_looked_at_is_a_crash_of_the_target() -> None:
    lockstep = touching(ObserveCrashes())
    assert run(lockstep, RUN[:2]) is None
    assert run(lockstep, (push(3, 1),)) is None
    found = lockstep.check()
    assert found is not None
    assert found.fingerprint == "crash:LookupError:push"


class Unreported(ToyTarget):
    steps = None  # type: ignore[assignment]


def test_what_is_touched_is_not_known_without_steps() -> None:
    with pytest.raises(TargetError, match="Unreported reports no steps"):
        touching(Unreported())


def test_invariants_are_tested_after_so_many_operations_or_when_asked_for() -> None:
    def forgetful(parameters: Any) -> ToyReference:
        reference = ToyReference(parameters)
        reference.forgets_invariant = True
        return reference

    subject = make_subject(forgetful)
    assert run(Lockstep(subject, ToyTarget(), DEFAULTS), RUN) is not None
    lockstep = Lockstep(subject, ToyTarget(), DEFAULTS, looks=Whole(NEVER))
    assert run(lockstep, RUN[:2]) is None
    found = lockstep.check()
    assert found is not None
    assert found.fingerprint == "invariant:never_two:push"


def test_abilities_are_the_methods_that_there_are() -> None:
    told = Abilities.of(ToyTarget())
    assert (told.steps, told.contents, told.races) == (True, True, True)
    assert (told.choices, told.schedule, told.schedule_ahead) == (False, False, False)
    assert not Abilities.of(Unreported()).steps
