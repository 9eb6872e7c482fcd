"""A machine of another shape gets everything that the block manager gets, with no line changed outside its own file."""

from __future__ import annotations

import mailbox
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kvproof.fuzz.command_line import main
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation, Outcome, Refused, Returned
from kvproof.fuzz.targets.reference import ReferenceTarget
from kvproof.model import machines
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict

NAME = "mailbox:Mailbox"
SIZES = mailbox.MailboxParameters()


class LastFirst:
    """A mailbox written by hand that serves the last job first: the specification leaves that open."""

    def reset(self, parameters: Any) -> None:
        self._sizes = parameters
        self._now, self._waiting, self._served, self._known = 0, dict[int, int](), list[int](), set[int]()
        self._chosen: list[int] = []

    def apply(self, operation: Operation) -> Outcome:
        self._chosen = []
        return getattr(self, operation.name)(**operation.arguments)  # type: ignore[no-any-return]

    def submit(self, job: int, patience: int) -> Outcome:
        if job in self._known:
            return Refused("known-job")
        if len(self._waiting) == self._sizes["room"]:
            return Refused("full")
        self._known.add(job)
        self._waiting[job] = min(self._now + patience, self._sizes["end"])
        return Returned(self._waiting[job])

    def serve(self) -> Outcome:
        if not self._waiting:
            return Refused("empty")
        job = self.pick()
        self._chosen.append(job)
        self._waiting.pop(job, None)
        self._served.append(job)
        return Returned(job)

    def pick(self) -> int:
        return max(self._waiting)

    def wait(self) -> Outcome:
        if self._now == self._sizes["end"]:
            return Refused("end-of-time")
        self._now += 1
        late = [job for job, deadline in self._waiting.items() if deadline < self._now]
        for job in late:
            del self._waiting[job]
        return Returned(len(late))

    def observe(self) -> dict[str, Any]:
        order = sorted(self._waiting.items(), key=lambda pair: pair[1])
        return {"now": self._now, "waiting": [list(pair) for pair in order], "served": list(self._served)}

    def choices(self) -> list[int]:
        return self._chosen

    def close(self) -> None:
        pass


class ServesStrangers(LastFirst):
    """Serves a job that does not wait: a choice that is not allowed."""

    def pick(self) -> int:
        return next(job for job in range(self._sizes["jobs"]) if job not in self._waiting)


def _drive(target: Any, length: int = 400) -> Any:
    subject = subject_named(NAME)
    source = random.Random(1)
    found = None
    for _ in range(length // 8):
        with Lockstep(subject, target, {"jobs": 3, "room": 2, "end": 4}) as lockstep:
            operations = [
                source.choice(
                    [
                        Operation("submit", {"job": source.randrange(3), "patience": source.randrange(3)}),
                        Operation("serve", {}),
                        Operation("wait", {}),
                    ]
                )
                for _ in range(8)
            ]
            found = found or run(lockstep, operations)
    return found


@pytest.mark.parametrize("engine", ["cadical", "z3"])
def test_it_is_proved_by_induction(engine: str) -> None:
    report = check_induction(machines.load(NAME).definition, SIZES, engine=engine)
    assert report.verdict is Verdict.PROVED
    assert report.unreached == ()


@pytest.mark.parametrize("engine", ["cadical", "z3"])
def test_checkers_agree_on_the_shortest_counterexample(engine: str) -> None:
    variant = machines.load(NAME).variant("late")
    bounded = check_bounded(variant.definition, SIZES, engine=engine)
    explored = explore(variant, SIZES).finding
    assert explored is not None
    assert bounded.verdict is Verdict.VIOLATED
    assert bounded.depth == len(explored.calls) == 3


def test_a_target_that_chooses_otherwise_is_followed() -> None:
    assert _drive(LastFirst()) is None


def test_a_choice_that_is_not_allowed_is_found() -> None:
    failure = _drive(ServesStrangers())
    assert failure is not None
    assert "choice-allowed:which job" in failure.fingerprint


def test_its_reference_passes_as_a_target() -> None:
    assert _drive(ReferenceTarget(machines.load(NAME))) is None


def test_its_variant_is_found_in_lockstep() -> None:
    failure = _drive(ReferenceTarget(machines.load(NAME).variant("late")))
    assert failure is not None


def test_the_commands_take_it(tmp_path: Path) -> None:
    runner = CliRunner()
    checked = runner.invoke(main, ["check", "--machine", NAME, "--out", str(tmp_path)])
    assert checked.exit_code == 0, checked.output
    explored = runner.invoke(main, ["explore", "--machine", NAME, "--out", str(tmp_path)])
    assert explored.exit_code == 0, explored.output
    target = f"{__name__}:LastFirst"
    fuzzed = runner.invoke(
        main, ["fuzz", "--machine", NAME, "--target", target, "--seconds", "3", "--out", str(tmp_path)]
    )
    assert fuzzed.exit_code == 0, fuzzed.output
    trace = next(tmp_path.glob("*bounded-check.json"))
    replayed = runner.invoke(main, ["replay", str(trace), "--target", target])
    assert "no longer fails" in replayed.output


def test_an_operation_that_is_off_everywhere_fails_a_whole_check_and_not_one_at_chosen_sizes() -> None:
    off = ["check", "--machine", NAME, "--parameter", "end=0"]  # the clock cannot advance, so `wait` is never accepted
    whole, chosen = (CliRunner().invoke(main, arguments) for arguments in (off, [*off, "--sizes", "3 jobs"]))
    for result in (whole, chosen):
        assert "accepted at none of these sizes, so not covered by the proofs: wait" in result.output
    assert (whole.exit_code, chosen.exit_code) == (1, 0)
