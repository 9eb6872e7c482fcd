"""A replay follows the schedule of its trace, and shows it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve
from rich.console import Console
from toy_queue import TOY, ToyTarget
from toy_streams import MissingWait, Scheduled, SometimesScheduled

from kvproof.fuzz.campaign import Campaign, Engine, Plan, run_campaign
from kvproof.fuzz.pytest_plugin import run_lockstep
from kvproof.fuzz.replay import Comparison, Replay, account, replay
from kvproof.fuzz.shell.report import show_campaign, show_replay
from kvproof.fuzz.target import Operation, TargetError
from kvproof.fuzz.trace import Trace, fit, read_trace, write_trace


def overtaken(minimising_runs: int = 2_500) -> Campaign:
    """A run that found the copy that overtakes."""
    plan = Plan(seconds=60, engine=Engine.WALK, minimising_runs=minimising_runs)
    return run_campaign(TOY, MissingWait, plan)


@pytest.fixture(scope="module")
def trace() -> Trace:
    found = overtaken().trace("toy_streams:MissingWait")
    assert found is not None
    return found


def scheduled(trace: Trace, *schedules: tuple[str, ...] | None) -> Trace:
    """The trace with other schedules."""
    pairs = zip(trace.operations, schedules, strict=True)
    return evolve(trace, operations=tuple(evolve(operation, schedule=each) for operation, each in pairs))


def shown(result: Replay) -> str:
    console = Console(file=io.StringIO(), width=200)
    show_replay(console, result)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_trace_from_a_file_fails_in_the_same_way(trace: Trace, tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.json", trace, TOY.make_shapes(trace.parameters))
    again = fit(read_trace(tmp_path / "trace.json"), TOY, "trace")
    assert again == trace
    assert replay(TOY, again, MissingWait).verdict is Comparison.SAME


def test_what_was_found_fails_in_the_same_way_before_it_is_minimised() -> None:
    found = overtaken(minimising_runs=0).trace(None)
    assert found is not None
    assert any(operation.schedule for operation in found.operations)
    assert replay(TOY, found, MissingWait).verdict is Comparison.SAME


@pytest.mark.parametrize(
    ("schedules", "verdict"),
    [
        (((), ("move",)), Comparison.SAME),
        (((), ("move", "fill")), Comparison.SAME),
        (((), ()), Comparison.GONE),
        (((), ("fill", "move")), Comparison.GONE),
        ((("fill",), ("move",)), Comparison.GONE),
        ((None, None), Comparison.GONE),
    ],
)
def test_it_fails_only_in_a_schedule_in_which_the_copy_overtakes(
    trace: Trace, schedules: tuple[tuple[str, ...] | None, ...], verdict: Comparison
) -> None:
    assert replay(TOY, scheduled(trace, *schedules), MissingWait).verdict is verdict


def test_the_correct_target_survives_the_schedule(trace: Trace) -> None:
    result = replay(TOY, trace, Scheduled)
    assert result.verdict is Comparison.GONE
    assert [row.operation.schedule for row in result.rows] == [(), ()]


def test_a_replay_tells_what_completed(trace: Trace) -> None:
    result = replay(TOY, trace, MissingWait)
    for text in (shown(result), account(result)):
        assert "nothing" in text
        assert "move" in text
    assert "completes: move; when looked at: fill" in account(result)
    assert "completes" in shown(result)


def test_repeated_picks_are_counted(trace: Trace) -> None:
    pushes = tuple(Operation("push", {"job": job, "word": ()}, ()) for job in range(3))
    drained = (*pushes, Operation("drain", {}, ()))
    parameters = {"capacity": 3, "jobs": 3, "letters": 1, "longest": 1}
    result = replay(TOY, evolve(trace, parameters=parameters, operations=drained, failure=None), Scheduled)
    assert "completes: fill x3" in account(result)


def test_nothing_is_told_of_a_target_without_a_schedule(trace: Trace) -> None:
    result = replay(TOY, scheduled(trace, None, None), ToyTarget)
    assert "completes" not in shown(result)
    assert "completes" not in account(result)
    assert not result.unfollowed


def test_a_schedule_that_the_target_cannot_follow_is_noticed(trace: Trace) -> None:
    assert replay(TOY, trace, ToyTarget).unfollowed
    assert not replay(TOY, trace, Scheduled).unfollowed
    assert replay(TOY, trace, SometimesScheduled).unfollowed  # it has none at the capacity of this trace


def test_a_schedule_that_means_nothing_to_the_target_is_bad_input_and_no_finding(trace: Trace) -> None:
    class Strict(Scheduled):
        def follow(self, picks: Sequence[str]) -> None:
            if not {"fill", "move"}.issuperset(picks):
                raise ValueError(f"no such picks: {picks}")
            super().follow(picks)

    last = evolve(trace.operations[-1], schedule=("fil",))
    wrong = evolve(trace, operations=(*trace.operations[:-1], last))
    with pytest.raises(
        TargetError, match=r"operations\[1\].schedule: cannot be followed: Strict.follow raised ValueErr"
    ):
        replay(TOY, wrong, Strict)


def test_a_run_tells_at_which_paces_it_went() -> None:
    console = Console(file=io.StringIO(), width=200)
    show_campaign(console, run_campaign(TOY, Scheduled, Plan(seconds=60, engine=Engine.WALK, operations=900)))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for told in ("schedules: adversarial for", "adversarial", "drawn", "eager", "lazy", "pieces of work completed"):
        assert told in text


def test_a_test_may_ask_for_a_mode(tmp_path: Path) -> None:
    run_lockstep(TOY, MissingWait, seconds=60, operations=600, engine="walk", schedule="lazy", traces=tmp_path)
    with pytest.raises(AssertionError, match="completes: move; when looked at: fill"):
        run_lockstep(TOY, MissingWait, seconds=60, engine="walk", schedule="drawn", traces=tmp_path)
