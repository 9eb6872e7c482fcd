"""A target of one's own as a test."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import toy_queue
from toy_queue import TOY, ToyTarget

from kvproof.fuzz.pytest_plugin import run_lockstep

PLUGIN = "kvproof.fuzz.pytest_plugin"

SUITE = """
import sys
sys.path.insert(0, {folder!r})
import toy_queue
from kvproof.fuzz.pytest_plugin import LockstepTest

class TestMine(LockstepTest):
    machine = toy_queue.TOY
    target = toy_queue.{target}
    engine = "walk"
    operations = 300
    until_accepted = True
    seconds = 600
"""


def run_suite(tmp_path: Path, target: str, *options: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_mine.py").write_text(SUITE.format(folder=str(Path(toy_queue.__file__).parent), target=target))
    installed = any(entry.value == PLUGIN for entry in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", PLUGIN]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *options, "test_mine.py"]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)


def test_a_correct_target_passes(tmp_path: Path) -> None:
    result = run_suite(tmp_path, "ToyTarget")
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout


def test_a_broken_target_fails_with_the_minimised_sequence(tmp_path: Path) -> None:
    result = run_suite(tmp_path, "WrongStep", "--kvproof-seed=4")
    assert result.returncode == 1
    for told in ("step oracle", "2. drain(): returned none", "leave(1)"):
        assert told in result.stdout
    assert len(list((tmp_path / ".kvproof" / "traces").iterdir())) == 1


def test_operations_and_acceptances_are_counted_where_seconds_are_not(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="was never drawn"):
        run_lockstep(TOY, ToyTarget, operations=1, engine="walk", traces=tmp_path)
    campaign = run_lockstep(TOY, ToyTarget, operations=1, until_accepted=True, engine="walk", traces=tmp_path)
    assert campaign.idle() == {}
    assert 1 < campaign.progress.operations < 300


def test_a_function_does_the_same(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="result oracle"):
        run_lockstep(TOY, toy_queue.WrongResult, seconds=20, engine="walk", traces=tmp_path)
    campaign = run_lockstep(TOY, ToyTarget, seconds=20, operations=300, engine="walk", traces=tmp_path)
    assert campaign.progress.operations == 300


def test_a_rule_that_never_ran_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="was never drawn"):
        run_lockstep(TOY, ToyTarget, seconds=20, operations=1, engine="walk", traces=tmp_path)


def test_an_operation_that_the_target_lacks_need_not_be_driven(tmp_path: Path) -> None:
    class NoDrain(ToyTarget):
        drain = None  # type: ignore[assignment]  # a target that lacks it

    plan: dict[str, Any] = {"seconds": 20, "operations": 300, "engine": "walk", "traces": tmp_path}
    with pytest.raises(AssertionError, match="crash oracle"):
        run_lockstep(TOY, NoDrain, **plan)
    campaign = run_lockstep(TOY, NoDrain, without=("drain",), **plan)
    assert "drain" not in campaign.progress.attempts
