"""Depth: what a check has to reach beside branches, found in the text, reached alike by the prover and by exploration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import shelf
from click.testing import CliRunner

import kvproof.spec
from kvproof.fuzz.command_line import main
from kvproof.model import machines
from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.depth import account, held, machine_goals, method_depth
from kvproof.model.machines import Bundle


def _bundle(name: str = "shelf:Shelf") -> Bundle:
    return machines.load(name)


def _proved(bundle: Bundle, parameters: Any, **changes: int) -> set[str]:
    report = check_induction(bundle.definition, attrs.evolve(parameters, **changes), goals=bundle.goals())
    assert report.verdict is Verdict.PROVED
    return set(report.goals)


def _explored(bundle: Bundle, parameters: Any) -> set[str]:
    found = explore(bundle, parameters, depth=True)
    assert found.verdict is Verdict.EXPLORED
    return set(found.goals)


@pytest.fixture(scope="module")
def one() -> set[str]:
    """What is reached where one book is asked for at a time."""
    return _proved(_bundle(), shelf.ShelfParameters(at_once=1))


@pytest.fixture(scope="module")
def two() -> set[str]:
    """The same with two."""
    return _proved(_bundle(), shelf.ShelfParameters())


def test_a_wrong_protocol_is_proved_where_its_loop_makes_one_round() -> None:
    wrong = _bundle("shelf:FirstOnly")
    report = check_induction(wrong.definition, shelf.ShelfParameters(at_once=1), goals=wrong.goals())
    assert report.verdict is Verdict.PROVED
    assert report.unreached == ()  # every branch is taken
    assert "keep: for book in books: several rounds" in wrong.goals() - set(report.goals)
    assert check_induction(wrong.definition, shelf.ShelfParameters()).verdict is Verdict.NOT_INDUCTIVE


@pytest.mark.parametrize("rounds", ["no round", "one round", "several rounds"])
def test_a_loop_is_to_make_no_round_one_and_several(two: set[str], rounds: str) -> None:
    assert f"keep: for book in books: {rounds}" in two


def test_rounds_that_the_sizes_do_not_allow_are_not_reached(one: set[str]) -> None:
    assert "keep: for book in books: one round" in one
    assert "keep: for book in books: several rounds" not in one


@pytest.mark.parametrize("candidates", ["no candidate", "one candidate", "several candidates"])
def test_a_quantifier_is_to_have_no_candidate_one_and_several(two: set[str], candidates: str) -> None:
    # a loop variable has another value than itself among the books, or not: there is always one
    goal = f"is_taken: sum((1 for other in books if other == book)): {candidates}"
    assert (goal in two) == (candidates != "no candidate")


def test_a_choice_has_a_candidate_by_rule_so_only_one_and_several_are_asked() -> None:
    asked = {goal for goal in machine_goals(_bundle().definition) if goal.startswith("hand_out: choose")}
    assert {goal.rsplit(": ")[-1] for goal in asked} == {"one candidate", "several candidates"}


@pytest.mark.parametrize("holds", ["empty", "holds one", "holds several", "full"])
def test_a_container_is_to_be_empty_to_hold_one_several_and_all(two: set[str], holds: str) -> None:
    assert {f"state queue: {holds}", f"state reserved: {holds}", f"ask: books: {holds}"} <= two


@pytest.mark.parametrize("pair", ["equal", "different"])
def test_arguments_of_one_type_are_to_be_equal_and_to_differ(one: set[str], pair: str) -> None:
    assert f"swap: mine and yours: {pair}" in one


@pytest.mark.parametrize(
    "decides",
    [
        "mine == yours or (mine in self.reserved and yours in self.reserved): `mine == yours` true",
        "mine == yours or (mine in self.reserved and yours in self.reserved): all false",
        "mine in self.reserved and yours in self.reserved: `yours in self.reserved` false",
        "mine in self.reserved and yours in self.reserved: all true",
    ],
)
def test_every_operand_of_a_condition_is_to_decide_it(one: set[str], decides: str) -> None:
    assert f"swap: {decides}" in one


def test_what_a_rule_or_promise_excludes_is_not_asked() -> None:
    asked = _bundle().goals()
    assert not [goal for goal in asked if goal.startswith("enqueue: book in")]  # both conjuncts of a rule hold
    assert {g.rsplit(": ")[-1] for g in asked if g.startswith("lending_empties: book not in")} == {
        "`book not in self.reserved` true",
        "`len(self.queue) > 3` true",
    }


def test_a_loop_over_a_whole_type_is_only_to_make_several_rounds() -> None:
    goals = {g for g in machines.load("transfers").goals() if g.startswith("join: for earlier in self.every(Work)")}
    assert {goal.rsplit(": ")[-1] for goal in goals} == {"several rounds"}


@pytest.mark.parametrize(("length", "limit", "cases"), [(0, 3, (0,)), (1, 1, (1, 3)), (2, 3, (2,)), (3, 3, (2, 3))])
def test_what_is_full_holds_something_too(length: int, limit: int, cases: tuple[int, ...]) -> None:
    assert held(length, limit) == cases


@pytest.mark.parametrize("name", ["shelf:Shelf", "mailbox:Mailbox", "stairs:Stairs", "kitchen:Kitchen"])
def test_what_exploration_reaches_the_prover_reaches(name: str) -> None:
    bundle = _bundle(name)
    for parameters in bundle.sizes["explore"].values():
        assert _explored(bundle, parameters) <= _proved(bundle, parameters)


def test_where_the_invariants_are_exact_both_reach_the_same(two: set[str]) -> None:
    assert _explored(_bundle(), shelf.ShelfParameters()) == two


def test_a_measured_run_is_the_run() -> None:
    bundle = _bundle("kitchen:Kitchen")
    for parameters in bundle.sizes["explore"].values():
        plain, measured = explore(bundle, parameters), explore(bundle, parameters, depth=True)
        assert (plain.states, plain.transitions, plain.depth) == (measured.states, measured.transitions, measured.depth)
        assert not plain.goals
        assert measured.goals
        assert plain.coverage == measured.coverage


def test_a_reason_is_for_goals_that_nothing_reaches() -> None:
    goals = {"a: for x in y: no round", "a: for x in y: one round", "b: x: empty"}
    depth = account(goals, {"b: x: empty"}, {"a: *: no round": "why", "b: *": "wrong", "c: *": "nothing"})
    assert depth.reached == {"b: x: empty"}
    assert depth.missed == ("a: for x in y: one round",)
    assert depth.waived == {"a: for x in y: no round": "why"}
    assert depth.idle == ("b: *", "c: *")


def test_a_pattern_with_a_goal_that_is_reached_is_idle() -> None:
    depth = account({"a: x: empty", "a: x: full"}, {"a: x: full"}, {"a: x: *": "one of them only"})
    assert depth.idle == ("a: x: *",)


def _check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Any:
    monkeypatch.setattr(shelf, "SHIPPED", attrs.evolve(shelf.SHIPPED, **changes))
    return CliRunner().invoke(main, ["check", "--machine", "shelf:Shelf", "--out", str(tmp_path)])


def test_a_check_tells_how_deep_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _check(tmp_path, monkeypatch)
    assert told.exit_code == 0, told.output
    total = len(_bundle().goals())
    assert f"depth: {total - 3} of {total} goals are reached, 3 cannot be, as the machine says" in " ".join(
        told.output.split()
    )


def test_a_shallow_check_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _check(
        tmp_path, monkeypatch, sizes={"induction": {"one at a time": shelf.ShelfParameters(at_once=1)}}, variants={}
    )
    assert told.exit_code == 1
    assert "shallow, as no proof reaches it: keep: for book in books: several rounds" in told.output
    assert "`unreached`" in told.output


def test_a_reason_that_is_not_needed_fails_a_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = _check(tmp_path, monkeypatch, unreached={**shelf.SHIPPED.unreached, "keep: for *: one round": "never"})
    assert told.exit_code == 1
    assert "keep: for *: one round" in told.output


def test_a_promise_that_no_proof_comes_to_fails_a_check(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["check", "--machine", "shelf:SaysNothing", "--out", str(tmp_path)])
    assert told.exit_code == 1
    assert "nothing is shown of them: promise never-said" in " ".join(told.output.split())


def test_depth_is_kept_with_the_evidence(tmp_path: Path) -> None:
    kept = tmp_path / "evidence.json"
    told = CliRunner().invoke(
        main, ["check", "--machine", "shelf:Shelf", "--out", str(tmp_path), "--record", str(kept)]
    )
    assert told.exit_code == 0, told.output
    first, second = json.loads(kept.read_text())["proofs"]
    assert "keep: for book in books: one round" in first["goals"]
    assert "keep: for book in books: several rounds" in second["goals"]
    assert not set(first["goals"]) & set(second["goals"])  # what was reached before is not asked for again


@pytest.mark.parametrize("name", machines.names())
def test_every_size_of_a_shipped_machine_says_what_it_is_for(name: str) -> None:
    shipped = machines.load(name).shipped
    assert list(shipped.purposes) == list(shipped.sizes["induction"])


@pytest.mark.parametrize("name", machines.names())
def test_no_recorded_proof_of_a_shipped_machine_is_shallow(name: str) -> None:
    bundle = machines.load(name)
    folder = Path(next(iter(kvproof.spec.__path__))) / name.replace("-", "_")
    reached = {
        goal for proof in json.loads((folder / "evidence.json").read_text())["proofs"] for goal in proof["goals"]
    }
    depth = account(bundle.goals(), reached, bundle.shipped.unreached)
    assert depth.missed == ()
    assert depth.idle == ()


def test_goals_are_set_by_methods_that_checkers_read() -> None:
    definition = machines.load("block-manager").definition
    for name, method in definition.methods.items():
        if method.kind in ("invariant", "theorem", "observation", "canonical", "initial"):
            assert not list(method_depth(method).goals()), name


@pytest.mark.parametrize("command", ["check", "explore"])
def test_a_subscript_in_what_is_broken_is_shown(tmp_path: Path, command: str) -> None:
    told = CliRunner().invoke(main, [command, "--machine", "shelf:LendsTheSecond", "--out", str(tmp_path)])
    assert told.exit_code == 1
    assert "books[1]" in told.output  # it is no markup
