"""What a newcomer gets wrong about sequence caches and the executor: the thing, the value and the remedy are named, the
exit status is 2, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis.configuration import set_hypothesis_home_dir
from workload_cases import request

from kvproof.fuzz.command_line import main
from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.target import Operation
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.trace import Trace, write_trace
from kvproof.fuzz.workload.generate import write_requests

OTHERS = {
    "executor": "kvproof.fuzz.targets.sequence_caches:simulated",
    "sequence-caches": "kvproof.fuzz.targets.executor:simulated",
}
"""For each machine, a target that is of another."""

CACHES = ["--manager", "sequence-caches"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    set_hypothesis_home_dir(None)


def kvproof(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def refused(*arguments: str) -> str:
    """What is said; only what was there before may be in the folder afterwards."""
    before = sorted(Path().rglob("*"))
    result = kvproof(*arguments)
    assert result.exit_code == 2, result.output
    assert sorted(Path().rglob("*")) == before
    return result.output


# Commands.


def test_every_command_tells_how_it_is_used() -> None:
    result = kvproof("--help")
    assert result.exit_code == 0, result.output
    commands = [line.split()[0] for line in result.output.partition("Commands:")[2].strip().splitlines()]
    assert commands == ["bugs", "check", "explore", "fuzz", "generate", "replay", "witnesses", "workload"]
    assert [kvproof(command, "--help").exit_code for command in commands] == [0] * len(commands)


@pytest.mark.parametrize("machine", sorted(OTHERS))
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["explore", "--sizes", "9+9"], "there are no sizes '9+9': choose from '"),
        (["check", "--sizes", "9+9"], "there are no sizes '9+9': choose from '"),
        (["explore", "--variant", "V2-none"], "no variant 'V2-none': there are V2-"),
        (["check", "--variant", "V2-none"], "no variant 'V2-none': there are V2-"),
        (["explore", "--parameter", "chunk=1"], "parameter 'chunk' is unknown"),
        (["check", "--parameter", "chunk=1"], "parameter 'chunk' is unknown"),
        (["fuzz", "--parameter", "chunk=1"], "unknown chunk; it has primary_slots"),
        (["explore", "--parameter", "chunks=few"], "'chunks=few': write it as NAME=INTEGER"),
        (["explore", "--parameter", "primary_slots=0"], "primary_slots is 0: it must be at least 1"),
        (["check", "--parameter", "window_primary=3"], "window_primary is 3 but window_tokens is 0: set window_tokens"),
        (["fuzz", "--parameter", "rewind=-1"], "rewind is -1: it must be at least 0"),
        (["fuzz", "--parameter", "tertiary_slots=2"], "tertiary_slots: 2, but devices have two levels; make it 0"),
        (
            ["fuzz", "--parameter", "chunks=1", "--parameter", "chunks=2"],
            "'chunks=2': chunks is 1 already; give it once",
        ),
        (["fuzz", "--parameter", "chunks=1000001"], "chunks=1000001: out of all proportion; give at most 1000000"),
        (["explore", "--parameter", "chunks=" + "9" * 5000], "out of all proportion; give at most 1000000"),
        (["fuzz", "--without", "fly"], "--without fly:"),
    ],
)
def test_what_a_machine_does_not_have_is_named(machine: str, arguments: list[str], told: str) -> None:
    assert told in refused(*arguments, "--machine", machine)


@pytest.mark.parametrize("machine", sorted(OTHERS))
def test_a_target_of_another_machine_is_told_as_such(machine: str) -> None:
    told = refused("fuzz", "--machine", machine, "--target", OTHERS[machine])
    assert "raised KeyError: " in told
    assert "if the target is one of another machine, name one of this" in told


@pytest.mark.parametrize("command", ["bugs", "check", "explore", "fuzz"])
def test_a_place_for_traces_that_cannot_be_is_told_before_the_work(command: str) -> None:
    Path("a-file").write_text("")
    assert "a-file is no folder; name a folder" in refused(command, "--out", "a-file/traces")


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("absent/evidence.json", "there is no folder absent"),
        (".", ".: is a folder; name a file"),
        ("a-file/evidence.json", "a-file is no folder"),
    ],
)
def test_a_place_for_evidence_that_cannot_be_is_told_before_the_proofs(place: str, told: str) -> None:
    Path("a-file").write_text("")
    assert told in refused("check", "--machine", "executor", "--record", place)


# Request traces.


@pytest.fixture
def requests() -> str:
    write_requests(Path("requests.jsonl"), [request(0, (1, 2, 3))])
    return "requests.jsonl"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([*CACHES, "--primary", "1", "--secondary", "0"], "primary: 1 pages are impossible; give at least 2"),
        ([*CACHES, "--primary", "64", "--secondary", "-1"], "secondary: -1 pages are impossible; give at least 0"),
        ([*CACHES, "--primary", "1000001", "--secondary", "0"], "primary: 1000001 pages are out of all proportion"),
        (["--primary", "1000001", "--secondary", "0"], "primary: 1000001 blocks are out of all proportion"),
        ([*CACHES, "--primary", "64", "--secondary", "0", "--window", "1000001"], "window: 1000001 blocks are out of"),
        ([*CACHES, "--primary", "64", "--secondary", "0", "--states", "1000001"], "states: 1000001 states are out of"),
        ([*CACHES, "--primary", "64", "--secondary", "0", "--drafts", "96"], "drafts: 96 tokens and the one that"),
        ([*CACHES, "--primary", "64", "--secondary", "0", "--out", "requests.jsonl"], "requests.jsonl is no folder"),
        ([*CACHES, "--primary", "64"], "give both pool sizes"),
    ],
)
def test_sizes_of_a_replay_that_cannot_be_are_told(requests: str, arguments: list[str], told: str) -> None:
    assert told in refused("workload", requests, *arguments)


def test_the_most_drafts_that_are_allowed_are_generated(requests: str) -> None:
    """One more would wait for ever: its tokens never fit an iteration."""
    result = kvproof("workload", requests, *CACHES, "--primary", "400", "--secondary", "0", "--drafts", "95")
    assert result.exit_code == 0, result.output
    assert "no divergence" in result.output


# Edited traces.


def recorded(machine: str, *operations: Operation) -> Path:
    """A trace of these operations."""
    subject = subject_named(machine)
    path = Path("trace.json")
    target = DEFAULT_TARGETS[machine]
    write_trace(path, Trace(machine, subject.digest, target, subject.defaults, operations, None, None, "fuzz"))
    return path


PEERS = {"all_have_context": False, "all_generate": False, "some_do_not_generate": False}

PASS = (
    Operation("submit", {"request": 0, "text": (), "tokens": 1, "priority": 0}),
    Operation("begin_pass", {}),
    Operation("run", {"peers": PEERS, "ready": True, "connector": 0, "encoder": 3}),
)

CREATE = (Operation("create", {"cache": 0, "text": (), "priority": 0}),)


def at(index: int, **changed: Any) -> Callable[[dict[str, Any]], None]:
    """Change arguments of an operation."""
    return lambda data: data["operations"][index]["arguments"].update(changed)


def top(**changed: Any) -> Callable[[dict[str, Any]], None]:
    """Change fields of a trace."""
    return lambda data: data.update(changed)


def sizes(**changed: int) -> Callable[[dict[str, Any]], None]:
    """Change parameters."""
    return lambda data: data["parameters"].update(changed)


def test_the_traces_that_are_edited_here_are_right_as_they_are() -> None:
    for machine, operations in (("executor", PASS), ("sequence-caches", CREATE)):
        result = kvproof("replay", str(recorded(machine, *operations)))
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (at(0, request=7), "operations[0].arguments.request: 7 is not an integer from 0 to 2"),
        (at(0, request="0"), 'operations[0].arguments.request: "0" is not an integer from 0 to 2'),
        (at(0, text=["a"]), 'operations[0].arguments.text: "a" is not an integer from 0 to 1'),
        (at(2, peers={"all_generate": False}), "operations[2].arguments.peers: a Peers needs the field"),
        (at(2, peers={**PEERS, "alone": True}), "a Peers has no field 'alone'; it has all_have_context"),
        (at(2, ready=1), "operations[2].arguments.ready: 1 is not true or false"),
        (lambda data: data["operations"][0]["arguments"].pop("tokens"), "submit needs 'tokens', an integer from 0 to"),
        (lambda data: data["operations"][1].update(operation="end_pass"), "unknown operation 'end_pass'; executor has"),
        (lambda data: data["operations"][1].update(schedule=["x"]), "operations[1].schedule: cannot be followed"),
        (lambda data: data["parameters"].pop("rows"), "parameters of executor: missing rows; it has"),
        (sizes(rows=9), "parameters of executor: rows is 9: it must be at most 3"),
        (top(machine="sequence-caches"), "parameters of sequence-caches: unknown attended_max"),
        (top(machine="executer"), "machine: there is no machine 'executer': choose from"),
        (top(target=OTHERS["executor"]), "if the target is one of another machine, name one of this"),
        (top(target="kvproof.fuzz.targets.executor:real"), "has no 'real'; it has"),
    ],
)
def test_an_edited_trace_of_the_executor_is_told(edit: Callable[[dict[str, Any]], None], told: str) -> None:
    path = recorded("executor", *PASS)
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    said = refused("replay", str(path))
    assert said.startswith("Error: trace.json: ")
    assert told in said


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (at(0, cache=2), "operations[0].arguments.cache: 2 is not an integer from 0 to 1"),
        (sizes(window_primary=1), "parameters of sequence-caches: window_primary is 1 but window_tokens is 0"),
        (top(machine="executor"), "parameters of executor: unknown caches; missing attended_max"),
    ],
)
def test_an_edited_trace_of_sequence_caches_is_told(edit: Callable[[dict[str, Any]], None], told: str) -> None:
    path = recorded("sequence-caches", *CREATE)
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))
    said = refused("replay", str(path))
    assert said.startswith("Error: trace.json: ")
    assert told in said


@pytest.mark.parametrize("text", ["", "[" * 100_000, '{"seed": ' + "9" * 5_000 + "}", "null", "\ufeff{}"])
def test_a_file_that_is_no_trace_is_told(text: str) -> None:
    Path("trace.json").write_text(text, encoding="utf-8")
    assert refused("replay", "trace.json").startswith("Error: trace.json")


def test_no_test_is_printed_for_a_target_that_is_not_there() -> None:
    said = refused("replay", str(recorded("executor", *PASS)), "--pytest", "--target", "no_such_module:Target")
    assert "there is no module 'no_such_module'" in said
