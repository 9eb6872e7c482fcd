"""Random machines: all ways of executing one do the same, and its checkers do not contradict each other.

`random_machines/campaign.py` does the same for as many machines as one likes, and `random_machines/faults.py` tells how
many it takes to find each fault that was mended.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from random_machines.campaign import main, text_of, tried
from random_machines.faults import FAULTS, put_back, table
from random_machines.generator import machine_text
from random_machines.loading import forgotten, loaded
from random_machines.smaller import smaller

from kvproof.model.lowering.statements import Statements
from kvproof.spec.lang import compile_machine

RUN, CHECKED, SPOILT = range(0, 160, 20), range(0, 24, 6), range(0, 36, 12)
"""First seeds of the machines that each test takes."""

QUICKLY_FOUND = ("p12", "p17")
"""Faults that a few machines find; all are in the table of `faults.py`."""

CALLED = Statements.called.__code__


@pytest.fixture(autouse=True)
def _odd_expressions() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # Python's, about expressions that are always true
        yield


def _told(sort: str, seeds: range) -> tuple[list[str], Counter[str]]:
    found, counted = [], Counter[str]()
    for seed in seeds:
        _, _, differences, outcomes, _ = tried((sort, seed))
        found += [f"{sort} {seed}: {one.kind}: {one.told}" for one in differences]
        counted.update(outcomes)
    return found, counted


@pytest.mark.parametrize("first", RUN)
def test_a_machine_does_the_same_in_all_executions(first: int) -> None:
    found, outcomes = _told("run", range(first, first + RUN.step))
    assert not found, "\n".join(found)
    assert outcomes["returned"] > 160
    assert outcomes["broken"] > 20
    assert outcomes["undefined"] > 0
    assert outcomes["rejected"] > 0


@pytest.mark.parametrize("first", CHECKED)
def test_checkers_do_not_contradict_each_other(first: int) -> None:
    found, verdicts = _told("check", range(first, first + CHECKED.step))
    assert not found, "\n".join(found)
    assert verdicts["explore explored"]
    assert verdicts["induction proved"] + verdicts["induction not inductive"]


def test_exploration_tries_trials_as_bounded_checks_do() -> None:
    _, _, differences, outcomes, _ = tried(("check", 3000060))  # a machine whose trial fails at once
    assert not differences
    assert outcomes["explore violated"] == outcomes["bounded violated"] == 1


@pytest.mark.parametrize("first", SPOILT)
def test_what_is_wrong_is_refused_or_the_same_in_all_executions(first: int) -> None:
    found, counted = _told("spoil", range(first, first + SPOILT.step))
    assert not found, "\n".join(found)
    assert counted["spoilt and refused"]


def test_faults_that_are_put_back_are_found() -> None:
    """All of them take hundreds of machines; these take few."""
    wanted = [fault for fault in FAULTS if fault.name in QUICKLY_FOUND]
    assert len(wanted) == len(QUICKLY_FOUND)
    found = {fault.name: count for fault, count, _ in table(wanted, 30)}
    assert all(found.values()), found


def test_a_fault_is_gone_after_it_was_put_back() -> None:
    fault = next(fault for fault in FAULTS if fault.name == "p12")
    with put_back(fault):
        assert Statements.called.__code__.co_consts != CALLED.co_consts
    assert Statements.called.__code__ is CALLED


def test_a_seed_names_one_machine_whatever_else_runs() -> None:
    code = "from random_machines.generator import machine_text; print(machine_text(11), end='')"
    for hashes in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            encoding="utf-8",
            env={"PYTHONPATH": str(Path(__file__).parent), "PYTHONHASHSEED": hashes, "PYTHONIOENCODING": "utf-8"},
        )
        assert run.stdout == machine_text(11)


def test_the_machines_have_everything_that_the_language_has() -> None:
    trees = [ast.parse(text_of(sort, seed)) for sort in ("run", "check") for seed in range(60)]
    seen = Counter(type(node).__name__ for tree in trees for node in ast.walk(tree))
    for construct in (
        *("If", "For", "Break", "Continue", "Return", "Delete", "AugAssign", "AnnAssign", "Assign", "Pass"),
        *("BoolOp", "Compare", "IfExp", "Subscript", "Slice", "Tuple", "GeneratorExp", "UnaryOp", "Lambda"),
        *("Add", "Sub", "Mult", "FloorDiv", "Mod", "USub", "Not", "Is", "IsNot", "In", "NotIn", "And", "Or"),
    ):
        assert seen[construct] > 1, construct
    assert any(len(node.ops) > 1 for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Compare))
    assert any(
        len(node.generators) > 1 for tree in trees for node in ast.walk(tree) if isinstance(node, ast.GeneratorExp)
    )
    assert any(node.keywords for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = Counter(node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name))
    for name in (
        *("Map", "PartialMap", "Set", "PriorityQueue", "Ghost", "AtMost", "Exactly", "Between", "Index", "Record"),
        *("step", "operation", "invariant", "trial", "theorem", "require", "reject", "ensure", "sometimes", "assume"),
        *("choose", "len", "min", "max", "all", "any", "sum", "range", "reversed", "IntEnum"),
        *("known", "replace", "tuple", "enumerate", "zip", "super", "WAIVED"),
    ):
        assert names[name] > 1, name
    methods = Counter(node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    for name in (
        "get",
        "values",
        "front",
        "priority_of",
        "push_back",
        "push_front",
        "remove",
        "add",
        "discard",
        "every",
    ):
        assert methods[name] > 1, name


def test_few_machines_are_refused() -> None:
    """Well typed as they are, all are in the language."""
    for seed in range(300, 340):
        module = loaded(machine_text(seed), f"random_refused_{seed}")
        compile_machine(module.MACHINE)
        forgotten(module)


def test_a_machine_is_made_smaller_as_long_as_it_fails() -> None:
    text = machine_text(3)
    less = smaller(text, lambda candidate: "self.every" in candidate and "class M" in candidate, attempts=2000)
    assert "self.every" in less
    assert len(less) < len(text) / 2


def test_a_campaign_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--machines", "6", "--jobs", "1", "--check-every", "3", "--spoil-every", "5", "--out", str(tmp_path)]
    assert main(arguments) == 0
    told = capsys.readouterr().out
    assert "6 machines" in told
    assert "returned" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.campaign
def test_a_thousand_machines(tmp_path: Path) -> None:
    assert main(["--machines", "1000", "--seed", "100000", "--out", str(tmp_path)]) == 0
