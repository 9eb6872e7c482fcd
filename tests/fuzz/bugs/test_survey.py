"""`kvproof bugs --seeds`: in how many of so many seeds a bug is found."""

from __future__ import annotations

import pytest
import toy_queue
import toy_streams
from attrs import evolve
from click.testing import CliRunner, Result
from toy_queue import TOY, ToyTarget

from kvproof.fuzz.bugs.hunt import hunt
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.survey import Survey, survey
from kvproof.fuzz.campaign import Engine, Plan
from kvproof.fuzz.commands import bugs as bugs_command
from kvproof.fuzz.commands.bugs import survey_table
from kvproof.fuzz.target import Operation, Outcome

BUG = SeededBug(
    id="toy-1",
    title="a copy that does not wait",
    source="none",
    mechanism="The copy reads a word that may not be written yet.",
    make_target=toy_streams.MissingWait,
    oracles=("content",),
    machine="toy-queue",
)


def cells(surveys: list[Survey]) -> list[list[str]]:
    return [[str(cell) for cell in column.cells] for column in survey_table(surveys).columns]


def test_every_seed_is_hunted_and_nothing_is_minimised() -> None:
    after: list[int] = []
    result = survey(TOY, BUG, 30, range(4, 7), after=lambda each: after.append(len(each.hunts)))
    assert [each.campaign.plan.seed for each in result.hunts] == [4, 5, 6]
    assert len(result.found) == 3
    assert result.missed() == {}
    assert result.oracles() == {"content": 3}
    assert after == [1, 2, 3]
    findings = [each.campaign.finding for each in result.hunts]
    assert all(found is not None and found.best().operations == found.operations for found in findings)


def test_the_figures_are_those_of_the_same_hunts_alone() -> None:
    result = survey(TOY, BUG, 30, range(3))
    alone = [hunt(TOY, BUG, 30, seed, minimising_runs=0).campaign.finding for seed in range(3)]
    counts = sorted(each.after_operations for each in alone if each is not None)
    assert result.operations() == (counts[1], counts[2])
    median, worst = result.seconds() or (0.0, 0.0)
    assert 0 < median <= worst


def test_a_seed_that_misses_is_told() -> None:
    bug = evolve(BUG, make_target=ToyTarget)
    result = survey(TOY, bug, 0.05, range(2))
    assert list(result.missed()) == [0, 1]
    assert all(why.startswith("not found in ") for why in result.missed().values())
    assert result.operations() is None
    assert result.seconds() is None
    assert cells([result])[2:] == [["[red]0 of 2[/]"], [""], [""], [""]]


def test_a_failure_that_the_bug_does_not_explain_is_a_miss() -> None:
    result = survey(TOY, evolve(BUG, make_target=toy_queue.WrongResult), 30, range(2))
    assert result.missed() == dict.fromkeys((0, 1), "another failure: result:value:push")
    assert result.found == []


class Interrupting(toy_streams.MissingWait):
    """Has the user press Ctrl-C in the next operation once `stop` is set."""

    stop = False

    def apply(self, operation: Operation) -> Outcome:
        if Interrupting.stop:
            raise KeyboardInterrupt
        return super().apply(operation)


def test_an_interrupt_keeps_the_hunts_that_are_over() -> None:
    Interrupting.stop = False

    def after(each: Survey) -> None:
        Interrupting.stop = len(each.hunts) == 2

    result = survey(TOY, evolve(BUG, make_target=Interrupting), 30, range(5), after=after)
    assert result.interrupted
    assert len(result.hunts) == 2
    assert len(result.found) == 2


def test_an_interrupt_between_two_hunts_is_kept_too() -> None:
    def after(each: Survey) -> None:
        if len(each.hunts) == 1:
            raise KeyboardInterrupt

    result = survey(TOY, BUG, 30, range(5), after=after)
    assert result.interrupted
    assert len(result.hunts) == 1


def test_the_table_has_one_line_a_bug() -> None:
    result = survey(TOY, BUG, 30, range(3))
    found = cells([result, evolve(result, bug=evolve(BUG, id="toy-2"))])
    assert found[0] == ["toy-1", "toy-2"]
    assert found[2] == ["3 of 3"] * 2
    assert found[3] == ["content 3"] * 2
    median, worst = result.operations() or (0, 0)
    assert found[4] == [f"{median:,.0f} ({worst:,})"] * 2


def command(monkeypatch: pytest.MonkeyPatch, bug: SeededBug, *arguments: str) -> Result:
    """`kvproof bugs` as if `bug`, of the toy machine, were the only one."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(bugs_command, "bugs_named", lambda ids: [bug])
    monkeypatch.setattr(bugs_command, "subject_named", lambda name: TOY)
    return CliRunner().invoke(bugs_command.command, list(arguments))


def test_the_command_succeeds_when_all_seeds_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = command(monkeypatch, BUG, "--seeds", "3", "--seconds", "30")
    assert result.exit_code == 0, result.output
    assert "3 of 3" in result.output
    assert "content 3" in result.output


def test_the_command_fails_when_a_seed_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    bug = evolve(BUG, make_target=ToyTarget)
    result = command(monkeypatch, bug, "--seeds", "2", "--seconds", "0.05", "--seed", "8")
    assert result.exit_code == 1
    assert "0 of 2" in result.output
    assert "toy-1 with seed 8: not found in" in result.output
    assert "toy-1 with seed 9: not found in" in result.output


def test_the_command_tells_of_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(toy_streams.MissingWait):
        def apply(self, operation: Operation) -> Outcome:
            raise KeyboardInterrupt

    result = command(monkeypatch, evolve(BUG, make_target=Impatient), "--seeds", "2")
    assert result.exit_code == 130
    assert "0 of 0" in result.output
    assert "interrupted" in result.output


@pytest.mark.parametrize("seeds", ["1", "0", "-3", "many"])
def test_a_number_of_seeds_that_tells_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, seeds: str) -> None:
    result = command(monkeypatch, BUG, "--seeds", seeds)
    assert result.exit_code == 2
    assert "--seeds" in result.output


def test_the_engine_is_that_which_was_asked_for() -> None:
    result = survey(TOY, BUG, 30, range(2), Engine.HYPOTHESIS)
    assert [each.campaign.plan.engine for each in result.hunts] == [Engine.HYPOTHESIS] * 2


def test_a_plan_of_a_hunt_has_the_seconds_that_were_given() -> None:
    result = survey(TOY, evolve(BUG, make_target=ToyTarget), 0.02, range(1))
    assert result.hunts[0].campaign.plan == Plan(0.02, 0, Engine.WALK, minimising_runs=0)
