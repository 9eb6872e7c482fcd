"""Trials: what would come of some steps is explored, proved and refuted like an operation, and changes nothing."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from click.testing import CliRunner
from stairs import (
    ChoosesWhoGoesDown,
    JumpsDown,
    NeverTried,
    OnlyTried,
    SlipsOnTheSecondStair,
    Stairs,
    StairsParameters,
    Walker,
)
from symbolic_agreement import disagreements, random_runs

from kvproof.fuzz.command_line import main
from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.evidence import collect
from kvproof.model.lowering.system import System
from kvproof.model.machines import generated_class, load
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import Machine, NotAssumed, RuleBroken, compile_machine

WRONG = [(SlipsOnTheSecondStair, "up-and-down-is-nothing", 2), (JumpsDown, "one-stair-at-a-time", 2)]
"""Machines, what their trial breaks, and after how many operations; the trial is the last of these."""


def _reference(cls: type[Machine[Any]]) -> Any:
    return generated_class(cast(Hashable, cls))(StairsParameters())


def test_a_trial_is_tried_in_every_state_and_leaves_it() -> None:
    found = explore(load("stairs:Stairs"), StairsParameters())
    assert (found.verdict, found.states) == (Verdict.EXPLORED, 16)
    assert found.trials == {
        "down_undoes_up": 48
    }  # each walker is below the top in 12 states; and two others to look at


def test_a_trial_run_directly_works_on_a_copy() -> None:
    taken: list[str] = []
    machine = Stairs(StairsParameters())
    machine.on_step = lambda name, arguments: taken.append(name)
    machine.apply("down_undoes_up", {"walker": 0, "other": 1})
    assert taken == []
    machine = SlipsOnTheSecondStair(StairsParameters())
    machine.up(cast(Walker, 0))
    before = machine.snapshot()
    with pytest.raises(RuleBroken, match="up-and-down-is-nothing"):
        machine.apply("down_undoes_up", {"walker": 0, "other": 0})
    assert machine.snapshot() == before


def test_a_trial_says_nothing_where_it_assumes_something_else() -> None:
    machine, reference = (
        Stairs(StairsParameters(top=1)),
        generated_class(cast(Hashable, Stairs))(StairsParameters(top=1)),
    )
    machine.up(cast(Walker, 0))
    reference.apply("up", {"walker": 0})
    with pytest.raises(NotAssumed):
        machine.apply("down_undoes_up", {"walker": 0, "other": 1})
    assert not reference.attempt("down_undoes_up", {"walker": 0, "other": 1}, reference.snapshot())
    assert reference.attempt("down_undoes_up", {"walker": 1, "other": 0}, reference.snapshot())


def test_a_trial_of_a_reference_leaves_no_trace() -> None:
    reference = _reference(JumpsDown)
    for _ in range(2):
        reference.apply("up", {"walker": 0})
    taken: list[str] = []
    reference.on_step = lambda name, arguments: taken.append(name)
    saved, steps = reference.snapshot(), reference.steps_taken
    with pytest.raises(reference.RuleBroken, match="one-stair-at-a-time"):
        reference.attempt("down_undoes_up", {"walker": 0, "other": 0}, saved)
    assert (reference.snapshot(), reference.steps_taken, taken) == (saved, steps, [])


@pytest.mark.parametrize(("cls", "broken", "calls"), WRONG)
def test_every_checker_finds_a_trial_that_fails(cls: type[Stairs], broken: str, calls: int) -> None:
    definition, sizes = compile_machine(cls), StairsParameters()
    explored = explore(load(f"stairs:{cls.__name__}"), sizes).finding
    assert explored is not None
    assert (explored.rule, len(explored.calls), explored.calls[-1].operation) == (broken, calls, "down_undoes_up")
    bounded = check_bounded(definition, sizes, depth=4)
    assert bounded.verdict is Verdict.VIOLATED
    assert (bounded.findings[0].rule, len(bounded.findings[0].calls)) == (broken, calls)
    proof = check_induction(definition, sizes, operations=["down_undoes_up"])
    assert proof.verdict is Verdict.NOT_INDUCTIVE
    assert proof.findings[0].rule == broken


def test_a_promise_that_no_proof_comes_to_is_told(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["check", "--machine", "stairs:NeverSaid", "--out", str(tmp_path)])
    assert told.exit_code == 1
    assert "nothing is shown of them: promise up-and-down-is-nothing" in " ".join(told.output.split())


def test_every_choice_of_a_trial_is_tried() -> None:
    """The policy's choice is right in every state: whoever looks at that alone finds nothing."""
    sizes = StairsParameters()
    explored = explore(load("stairs:ChoosesWhoGoesDown"), sizes).finding
    assert explored is not None
    proof = check_induction(compile_machine(ChoosesWhoGoesDown), sizes, operations=["down_undoes_up"])
    assert explored.rule in [finding.rule for finding in proof.findings]
    one = StairsParameters(walkers=1)
    assert explore(load("stairs:ChoosesWhoGoesDown"), one).verdict is Verdict.EXPLORED
    assert check_induction(compile_machine(ChoosesWhoGoesDown), one).verdict is Verdict.PROVED


def test_a_trial_outside_the_language_is_told_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(inspect.getfile(Stairs)).read_text(encoding="utf-8")
    (tmp_path / "stairs_that_call.py").write_text(
        source.replace("self.climb(walker)\n        self.descend", "self.up(walker)\n        self.descend"),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    for command in ("explore", "check", "fuzz"):
        told = CliRunner().invoke(
            main, [command, "--machine", "stairs_that_call:Stairs", "--out", str(tmp_path / "out")]
        )
        assert told.exit_code == 2, told.output
        assert "operation up is called from inside. Move what is shared into a helper" in told.output
        assert isinstance(told.exception, SystemExit)
    assert not (tmp_path / "out").exists()


def test_what_only_a_trial_does_is_not_what_the_machine_does() -> None:
    definition = compile_machine(OnlyTried)
    proof = check_induction(definition, StairsParameters())
    assert proof.verdict is Verdict.PROVED
    assert not [goal for goal in proof.reached if "sit" in goal and goal.startswith("step ")]
    assert "promise sitting-is-low" in proof.reached
    sizes = collect(definition, "cadical", [("three stairs", proof)], {}, {}).sizes_of(definition)
    assert sizes["sit-on-the-ground"] == ()
    assert sizes["sitting-is-low"] == sizes["one-stair-at-a-time"] == ("three stairs",)


def test_a_listener_is_not_copied_with_the_machine() -> None:
    class Listener:
        def __init__(self) -> None:
            self.lock = threading.Lock()  # which cannot be copied

        def hear(self, name: str, arguments: Any) -> None:
            raise AssertionError(name)

    machine, listener = Stairs(StairsParameters()), Listener()
    machine.on_step = listener.hear
    machine.apply("down_undoes_up", {"walker": 0, "other": 1})
    assert machine.on_step == listener.hear


def test_trials_are_left_out_of_variants_that_operations_show() -> None:
    """So that an implementation can execute the counterexample; where only a trial fails, that has to be said."""
    stairs = load("stairs:Stairs")
    known = attrs.evolve(stairs.shipped, variants={"jump": JumpsDown, "slip": SlipsOnTheSecondStair})
    for variant in known.variants:
        told = attrs.evolve(stairs, shipped=attrs.evolve(known, tried={"slip"})).variant(variant)
        assert ("down_undoes_up" in told.checked()) == (variant == "slip")
        found = explore(told, StairsParameters()).finding
        assert found is not None
        assert (found.calls[-1].operation == "down_undoes_up") == (variant == "slip")
        assert "down_undoes_up" in attrs.evolve(stairs, shipped=known).variant(variant).checked()


def test_a_trial_is_proved_with_the_operations() -> None:
    proof = check_induction(compile_machine(Stairs), StairsParameters())
    assert proof.verdict is Verdict.PROVED
    assert [one.operation for one in proof.operations] == ["up", "down", "down_undoes_up"]
    assert proof.off == ()


def test_a_trial_that_assumes_what_never_is_proves_nothing(tmp_path: Path) -> None:
    proof = check_induction(compile_machine(NeverTried), StairsParameters())
    assert proof.off == ("down_undoes_up",)
    for command in ("explore", "check"):
        told = CliRunner().invoke(main, [command, "--machine", "stairs:NeverTried", "--out", str(tmp_path)])
        assert told.exit_code == 1, told.output
        assert "down_undoes_up" in told.output


def test_a_failing_trial_is_told_and_no_trace_is_kept(tmp_path: Path) -> None:
    """No implementation takes part in a trial, so there is nothing to replay."""
    told = CliRunner(env={"COLUMNS": "200"}).invoke(
        main, ["explore", "--machine", "stairs:JumpsDown", "--out", str(tmp_path)]
    )
    assert told.exit_code == 1
    assert "one-stair-at-a-time" in told.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cls", [Stairs, SlipsOnTheSecondStair, JumpsDown, NeverTried])
def test_circuits_and_references_agree_about_trials(cls: type[Stairs]) -> None:
    system = System(compile_machine(cls), StairsParameters())
    for make in (lambda: cls(StairsParameters()), lambda: _reference(cls)):
        found, outcomes = disagreements(system, random_runs(system, make, 300, seed=3))
        assert found == []
        assert outcomes["down_undoes_up not assumed"]
        assert (outcomes["down_undoes_up accepted"] > 0) == (cls is not NeverTried)
        assert (outcomes["down_undoes_up broken"] > 0) == (cls in (SlipsOnTheSecondStair, JumpsDown))


def test_the_reference_of_a_machine_without_trials_has_none() -> None:
    assert "TRIALS" not in reference_source(load("transfers").definition).split("class Transfers")[1]


@pytest.mark.parametrize(("machine", "reached"), [("sequence-caches", 3), ("executor", 1)])
def test_circuits_and_references_agree_about_the_trials_that_are_shipped(machine: str, reached: int) -> None:
    """A random run seldom schedules anything: of the executor's trials it reaches that of a context request."""
    bundle = load(machine)
    sizes = bundle.sizes["explore"]["2+0"]
    system = System(bundle.definition, sizes)
    found, outcomes = disagreements(system, random_runs(system, lambda: bundle.reference(sizes), 600, seed=4))
    assert found == []
    assert len([name for name in bundle.definition.trials() if outcomes[f"{name} accepted"]]) >= reached
