"""What `check` and `explore` make of a counterexample: choices included, and held against what a variant says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kvproof.fuzz.command_line import main
from kvproof.fuzz.target import Operation, Returned
from kvproof.fuzz.targets.reference import ReferenceTarget
from kvproof.fuzz.trace import read_trace
from kvproof.model import machines

COMMANDS = ("check", "explore")


def _run(tmp_path: Path, command: str, variant: str) -> Result:
    return CliRunner().invoke(
        main,
        [command, "--machine", "cells:Cells", "--variant", variant, "--out", str(tmp_path)],
        env={"COLUMNS": "200"},
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bug_that_needs_another_choice_than_the_policy_s_is_found_and_executed(command: str, tmp_path: Path) -> None:
    result = _run(tmp_path, command, "any")
    assert result.exit_code == 0, result.output
    assert "the-first-is-emptied-first in 3 operations" in result.output
    [file] = tmp_path.iterdir()
    assert read_trace(file).operations[-1].choices == ({"cell": 1, "first": False},)
    replayed = CliRunner().invoke(main, ["replay", str(file)])
    assert replayed.exit_code == 1
    assert "still fails in the same way" in replayed.output


def test_a_machine_as_target_takes_the_choices_of_an_operation() -> None:
    target = ReferenceTarget(machines.load("cells:Cells/any"))
    target.reset({"cells": 2})
    for cell in (0, 1):
        target.apply(Operation("fill", {"cell": cell}))
    chosen = {"cell": 1, "first": False}
    assert target.apply(Operation("empty", {}, choices=(chosen,))) == Returned(1)
    assert target.choices() == [chosen]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_variant_that_breaks_something_else_than_it_says_is_a_finding(command: str, tmp_path: Path) -> None:
    result = _run(tmp_path, command, "another")
    assert result.exit_code == 1
    assert "the-first-is-emptied-first in 3 operations; but the variant says that it breaks empty-what-is-full" in (
        " ".join(result.output.split())
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_variant_that_says_what_no_rule_is_is_refused(command: str, tmp_path: Path) -> None:
    result = _run(tmp_path, command, "nothing")
    assert result.exit_code == 2
    assert "BREAKS names 'the-first-is-emtied-first', which is no rule, promise or invariant" in result.output
    assert "Write 'the-first-is-emptied-first'" in result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_variant_that_says_a_text_is_refused(command: str, tmp_path: Path) -> None:
    """As a text, every part of the name would count as what it breaks."""
    result = _run(tmp_path, command, "text")
    assert result.exit_code == 2
    assert "Write ('the-first-is-emptied-first',)" in result.output
