"""`kvproof fuzz`, `replay` and `bugs`: exit status, messages, what is written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cli_targets
import pytest
from click.testing import CliRunner, Result
from hypothesis.configuration import set_hypothesis_home_dir

from kvproof.fuzz.command_line import main
from kvproof.fuzz.target import render

UNSCHEDULED = "kvproof.fuzz.targets.reference:block_manager"
FAST = ["--seconds", "20", "--operations", "200", "--engine", "walk"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    yield
    set_hypothesis_home_dir(None)


def kvproof(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of the seeded bug M-01, found once."""
    folder = tmp_path_factory.mktemp("found")
    assert kvproof("bugs", "M-01", "--out", str(folder)).exit_code == 0
    return next(folder.glob("*.json"))


@pytest.fixture
def trace(found: Path, tmp_path: Path) -> Path:
    """A copy of that trace, to be changed."""
    copied = tmp_path / found.name
    copied.write_text(found.read_text())
    return copied


@pytest.mark.parametrize("engine", ["walk", "hypothesis"])
def test_fuzz_passes_on_the_projects_own_manager(engine: str) -> None:
    counted = ["--operations", "700", "--until-accepted", "--seconds", "600"]
    result = kvproof("fuzz", *counted, "--engine", engine, "--seed", "1")
    assert result.exit_code == 0, result.output
    for told in ("no divergence", "operations (", "branches of the specification:", "sometimes:", "unpin_path"):
        assert told in result.output


def test_fuzz_goes_at_the_pace_that_is_asked_for() -> None:
    result = kvproof("fuzz", *FAST, "--schedule", "lazy")
    assert "schedules: lazy for 200 operations" in result.output


def test_fuzz_ends_with_a_minimised_trace_on_a_divergence(tmp_path: Path) -> None:
    result = kvproof("fuzz", *FAST, "--target", "cli_targets:Forgetful", "--out", str(tmp_path / "found"))
    assert result.exit_code == 1
    assert "observation oracle" in result.output
    (path,) = (tmp_path / "found").iterdir()
    data = json.loads(path.read_text())
    assert data["target"] == "cli_targets:Forgetful"
    assert len(data["operations"]) == 1
    assert str(path) in result.output


def test_a_target_that_raises_in_an_operation_is_a_finding() -> None:
    result = kvproof("fuzz", *FAST, "--target", "cli_targets:Crashing")
    assert result.exit_code == 1
    assert "RuntimeError: finish is not written yet" in result.output


def test_operations_that_are_left_out_are_named() -> None:
    result = kvproof("fuzz", *FAST, "--target", "cli_targets:Crashing", "--without", "finish", "--without", "refresh")
    assert "not driven: finish, refresh" in result.output
    assert "RuntimeError: finish is not written yet" not in result.output


def test_a_run_in_which_a_rule_never_ran_fails() -> None:
    result = kvproof("fuzz", "--seconds", "20", "--operations", "1", "--engine", "walk")
    assert result.exit_code == 1
    assert "the run has failed" in result.output
    assert "was never drawn" in result.output


def test_a_run_goes_on_until_every_operation_was_accepted() -> None:
    short = kvproof("fuzz", "--operations", "1", "--engine", "walk")
    assert "give it more --operations, or --until-accepted" in " ".join(short.output.split())
    result = kvproof("fuzz", "--operations", "1", "--until-accepted", "--seconds", "600", "--engine", "walk")
    assert result.exit_code == 0, result.output


def test_an_operation_that_is_never_accepted_is_waited_for_no_longer_than_the_time() -> None:
    never = ["--parameter", "batch_max=0", "--refused", "prefill"]
    result = kvproof("fuzz", "--until-accepted", "--seconds", "1", "--engine", "walk", *never)
    assert result.exit_code == 1
    told = " ".join(result.output.split())
    assert "add_batch was never accepted" in told
    assert "give it more --seconds" in told


def test_an_interrupted_run_tells_what_it_did() -> None:
    cli_targets.Interrupted.count = 0
    result = kvproof("fuzz", "--seconds", "20", "--engine", "walk", "--target", "cli_targets:Interrupted")
    assert result.exit_code == 130
    assert "interrupted" in result.output
    assert "99 operations" in result.output


def test_the_same_seed_finds_the_same_trace(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        kvproof("fuzz", *FAST, "--target", "cli_targets:Forgetful", "--out", str(tmp_path / folder))
    one, two = (next((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert one.name == two.name
    assert one.read_text() == two.read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fuzz", "--machine", "no-such"], "no-such"),
        (["fuzz", "--target", "nonsense"], "write it as MODULE:ATTR"),
        (["fuzz", "--target", "no_such_module:X"], "there is no module 'no_such_module'"),
        (["fuzz", "--target", "cli_targets:Absent"], "cli_targets has no 'Absent'"),
        (["fuzz", "--target", "cli_targets:not_callable"], "cannot be called"),
        (["fuzz", "--target", "cli_targets:NoMethods"], "lacks apply, observe, close"),
        (["fuzz", "--target", "cli_targets:constructor_raises"], "ValueError: no licence"),
        (["fuzz", "--target", "cli_targets:ResetRaises"], "OSError: no memory"),
        (["fuzz", "--parameter", "primary_blocks=0"], "primary_blocks is 0"),
        (["fuzz", "--parameter", "blocks=2"], "blocks"),
        (["fuzz", "--parameter", "primary_blocks"], "write it as NAME=INTEGER"),
        (["fuzz", "--seconds", "0"], "--seconds"),
        (["fuzz", "--seed", "-1"], "--seed"),
        (["fuzz", "--engine", "luck"], "--engine"),
        (["fuzz", "--schedule", "hasty"], "--schedule"),
        (["fuzz", "--schedule", "lazy", "--target", UNSCHEDULED], "ReferenceTarget has no schedule; ask for none"),
        (["bugs", "--seeds", "1"], "--seeds"),
        (["fuzz", "--without", "fly"], "--without fly: block-manager has no such operation; it has estimate"),
        (["bugs", "M-none"], "there is no seeded bug 'M-none'; there are "),
        (["replay", "absent.json"], "absent.json: cannot be read"),
        (["unknown-command"], "No such command"),
    ],
)
def test_bad_input_is_told_with_status_2_and_nothing_is_written(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    result = kvproof(*arguments)
    assert result.exit_code == 2, result.output
    assert told in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("{", ""), "line 2, column"),
        (('"operation": "finish"', '"operation": "vanish"'), "unknown operation 'vanish'"),
        (('"sequence": 0', '"sequence": 99'), "sequence: 99 is not an integer from 0 to"),
        (('"primary_blocks": ', '"primary_blocks": -'), "primary_blocks is -"),
        (('"format": "kvproof-trace/1"', '"format": "other"'), "format is 'other'"),
        (('"machine": "block-manager"', '"machine": "bock-manager"'), "bock-manager"),
    ],
)
def test_a_malformed_trace_is_told(trace: Path, change: tuple[str, str], told: str) -> None:
    trace.write_text(trace.read_text().replace(*change, 1) if change[0] != "{" else '{\n"format" 3}')
    result = kvproof("replay", str(trace))
    assert result.exit_code == 2, result.output
    assert told in result.output


def test_replay_says_that_it_still_fails(trace: Path) -> None:
    result = kvproof("replay", str(trace))
    assert result.exit_code == 1
    assert "still fails in the same way" in result.output
    assert "swap(" in result.output


def test_replay_says_that_it_no_longer_fails(trace: Path) -> None:
    result = kvproof("replay", str(trace), "--target", "kvproof.fuzz.targets.block_manager:simulated")
    assert result.exit_code == 0
    assert "no longer fails" in result.output


def test_replay_says_that_it_fails_differently(trace: Path) -> None:
    result = kvproof("replay", str(trace), "--target", "cli_targets:Forgetful")
    assert result.exit_code == 1
    assert "not in the way that was recorded" in result.output
    assert "step:claim-before-swap:swap" in result.output


def test_a_digest_mismatch_is_warned_of(trace: Path) -> None:
    data = json.loads(trace.read_text())
    trace.write_text(json.dumps({**data, "specification": "ffff"}))
    result = kvproof("replay", str(trace))
    assert result.exit_code == 1
    assert "was recorded against specification ffff" in result.stderr


def test_a_schedule_that_the_target_does_not_follow_is_warned_of(trace: Path) -> None:
    data = json.loads(trace.read_text())
    data["operations"][0]["schedule"] = ["onboard"]
    trace.write_text(json.dumps(data))
    result = kvproof("replay", str(trace), "--target", UNSCHEDULED)
    assert result.exit_code == 0
    assert "has a schedule, which kvproof.fuzz.targets.reference:block_manager does not follow" in result.stderr


def test_a_schedule_that_names_no_stream_is_bad_input(trace: Path) -> None:
    data = json.loads(trace.read_text())
    data["operations"][0]["schedule"] = ["onbord"]
    trace.write_text(json.dumps(data))
    result = kvproof("replay", str(trace))
    assert result.exit_code == 2
    assert "operations[0].schedule: cannot be followed" in result.stderr
    assert "pick 'onbord': is neither a stream's name" in result.stderr


def test_replay_prints_a_test_that_stands_alone(trace: Path, tmp_path: Path) -> None:
    for target, status in (
        ("kvproof.fuzz.bugs.block_manager.m01_claim_after_swap:BUG.make_target", 1),
        ("kvproof.fuzz.targets.block_manager:simulated", 0),
    ):
        source = kvproof("replay", str(trace), "--pytest", "--target", target)
        assert source.exit_code == 0
        (tmp_path / "test_recorded.py").write_text(source.output)
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_recorded.py"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert run.returncode == status, run.stdout
        assert ("step:claim-before-swap" in run.stdout) == (status == 1)


def test_bugs_fails_when_one_is_not_found() -> None:
    result = kvproof("bugs", "M-57", "--seconds", "0.01")
    assert result.exit_code == 1
    assert "not found" in result.output


def test_bugs_are_listed_with_source_and_mechanism() -> None:
    result = kvproof("bugs", "--list")
    assert result.exit_code == 0
    for bug in ("M-01", "M-02", "M-03", "M-17", "M-30", "M-56", "M-57", "M-62"):
        assert bug in result.output
    assert "#12834" in result.output


@pytest.mark.parametrize(
    ("value", "text"), [((1, (2, None)), "[1, [2, none]]"), (True, "true"), (False, "false"), (0, "0"), ("x", "x")]
)
def test_values_are_rendered_as_a_reader_writes_them(value: object, text: str) -> None:
    assert render(value) == text
