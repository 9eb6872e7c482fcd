"""Traces: written whole, read strictly."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from toy_queue import DEFAULTS, TOY

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.target import Operation
from kvproof.fuzz.trace import (
    Trace,
    TraceError,
    fit,
    parse_trace,
    read_trace,
    render_trace,
    trace_name,
    write_atomically,
    write_trace,
)

OLD = Operation("pop", {})
"""As in the traces of before there were schedules."""


def make_trace(**changes: Any) -> Trace:
    values: dict[str, Any] = {
        "machine": "toy-queue",
        "specification": TOY.digest,
        "target": "toy_queue:ToyTarget",
        "parameters": DEFAULTS,
        "operations": (Operation("push", {"job": 1, "word": (0, 2)}), Operation("pop", {})),
        "failure": Failure("result", 1, "result:value:pop", "pop: differs", [1, {"a": None}], "x"),
        "seed": 7,
        "origin": "fuzz",
    }
    return Trace(**{**values, **changes})


def data_of(trace: Trace) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(render_trace(trace))
    return data


def test_a_trace_reads_back_as_it_was_written(tmp_path: Path) -> None:
    trace = make_trace()
    write_trace(tmp_path / "deep" / "trace.json", trace)
    assert fit(read_trace(tmp_path / "deep" / "trace.json"), TOY, "trace") == trace


@pytest.mark.parametrize(
    "changes",
    [{"failure": None}, {"target": None}, {"seed": None}, {"operations": (), "failure": None}],
    ids=["no-failure", "no-target", "no-seed", "empty"],
)
def test_what_may_be_missing_reads_back(changes: dict[str, Any]) -> None:
    trace = make_trace(**changes)
    assert parse_trace(render_trace(trace), "trace") == trace


def test_the_file_has_a_fixed_key_order_and_one_operation_a_line() -> None:
    text = render_trace(make_trace())
    assert list(json.loads(text)) == [
        "format",
        "machine",
        "specification",
        "target",
        "parameters",
        "operations",
        "failure",
        "seed",
        "origin",
    ]
    assert '  {"operation": "push", "arguments": {"job": 1, "word": [0, 2]}},\n' in text


@pytest.mark.parametrize("schedule", [None, (), ("onboard", "offload:1", "onboard")], ids=["none", "empty", "picks"])
def test_a_schedule_reads_back_as_it_was_written(schedule: tuple[str, ...] | None) -> None:
    trace = make_trace(operations=(Operation("pop", {}, schedule), Operation("pop", {}, ("fill",))))
    assert fit(parse_trace(render_trace(trace), "trace"), TOY, "trace") == trace


def test_a_schedule_follows_the_arguments_and_is_left_out_where_there_is_none() -> None:
    text = render_trace(make_trace(operations=(Operation("pop", {}, ()), Operation("pop", {}, ("a",)), OLD)))
    assert '{"operation": "pop", "arguments": {}, "schedule": []},' in text
    assert '{"operation": "pop", "arguments": {}, "schedule": ["a"]},' in text
    assert '{"operation": "pop", "arguments": {}}\n' in text


def test_the_file_name_is_stable_and_tells_the_failure() -> None:
    assert trace_name(make_trace()) == trace_name(make_trace())
    assert trace_name(make_trace()).startswith("toy-queue-result-value-pop-")


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (["format"], "kvproof-trace/9", "format is 'kvproof-trace/9'"),
        (["machine"], 3, "machine: 3 is not a string"),
        (["parameters", "capacity"], "3", "parameters['capacity']: \"3\" is not an integer"),
        (["parameters", "capacity"], True, "parameters['capacity']: true is not an integer"),
        (["parameters"], [], "parameters: "),
        (["operations"], 5, "operations: "),
        (["operations", 0], [], "operations[0]: [] is not an operation"),
        (["operations", 0, "operation"], None, "operations[0].operation: null is not a string"),
        (["operations", 0, "arguments"], 3, "operations[0].arguments: "),
        (["operations", 0, "extra"], 3, "operations[0]: unknown field extra"),
        (["operations", 0, "schedule"], "fill", 'operations[0].schedule: "fill" is not a list of what completes'),
        (["operations", 0, "schedule"], None, "operations[0].schedule: null is not a list of what completes"),
        (["operations", 0, "schedule"], ["a", 3], "operations[0].schedule: item 1, 3, is not the name of a piece"),
        (["operations", 0, "schedule"], [""], 'operations[0].schedule: item 0, "", is not the name of a piece'),
        (["failure", "oracle"], "luck", "failure.oracle: 'luck' is none of"),
        (["failure", "operation"], 2, "failure.operation: 2 is no operation"),
        (["failure", "operation"], 1.5, "failure.operation: 1.5 is not an integer"),
        (["failure"], "bad", "failure: "),
        (["origin"], "hearsay", "origin: 'hearsay' is none of"),
        (["seed"], "x", 'seed: "x" is not an integer'),
        (["more"], 1, "unknown field more"),
    ],
)
def test_a_malformed_field_is_named(path: list[Any], value: Any, told: str) -> None:
    data: Any = data_of(make_trace())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(TraceError) as caught:
        parse_trace(json.dumps(data), "here.json")
    assert str(caught.value).startswith("here.json: ")
    assert told in str(caught.value)


@pytest.mark.parametrize("key", ["machine", "operations", "seed", "origin", "failure"])
def test_a_missing_field_is_named(key: str) -> None:
    data = data_of(make_trace())
    del data[key]
    with pytest.raises(TraceError, match=f"the field '{key}' is missing"):
        parse_trace(json.dumps(data), "here.json")


def test_broken_json_is_told_with_line_and_column() -> None:
    text = render_trace(make_trace()).replace('"pop", "arguments"', '"pop" "arguments"')
    with pytest.raises(TraceError, match=r"here.json, line 9, column \d+: no JSON"):
        parse_trace(text, "here.json")


@pytest.mark.parametrize("text", ["[]", "3", '"trace"', "null"])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(TraceError, match=r"here\.json"):
        parse_trace(text, "here.json")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"absent.json: cannot be read: No such file"):
        read_trace(tmp_path / "absent.json")


def test_a_binary_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "trace.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError, match=r"trace.json: cannot be read"):
        read_trace(tmp_path / "trace.json")


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        (Operation("puhs", {}), r"operations\[0\]: unknown operation 'puhs'; toy-queue has push, extend, pop, drain"),
        (Operation("pop", {"job": 1}), r"operations\[0\].arguments: pop has no argument 'job'; it takes none"),
        (Operation("push", {"job": 1}), r"operations\[0\].arguments: push needs 'word', a list of at most 4"),
        (Operation("push", {"job": 4, "word": ()}), r"arguments.job: 4 is not an integer from 0 to 3"),
        (Operation("push", {"job": "1", "word": ()}), r'arguments.job: "1" is not an integer from 0 to 3'),
        (
            Operation("push", {"job": 0, "word": (0,) * 5}),
            r"arguments.word: a list of 5 items is not a list of at most 4",
        ),
        (Operation("push", {"job": 0, "word": (3,)}), r"arguments.word: 3 is not an integer from 0 to 2"),
        (Operation("push", {"job": 0, "word": 3}), r"arguments.word: 3 is not a list"),
    ],
)
def test_an_operation_that_does_not_fit_the_machine_is_told(operation: Operation, told: str) -> None:
    with pytest.raises(TraceError, match=told):
        fit(make_trace(operations=(operation,), failure=None), TOY, "here.json")


def test_a_trace_of_another_machine_is_refused() -> None:
    with pytest.raises(TraceError, match="the trace is of 'other', not of 'toy-queue'"):
        fit(make_trace(machine="other"), TOY, "here.json")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({**DEFAULTS, "capacity": 0}, "capacity is 0"),
        ({**DEFAULTS, "depth": 1}, "unknown depth"),
        ({"capacity": 1}, "missing jobs"),
    ],
)
def test_parameters_that_the_machine_does_not_allow_are_refused(parameters: dict[str, int], told: str) -> None:
    with pytest.raises(TraceError, match=f"here.json: parameters of toy-queue: {told}"):
        fit(make_trace(parameters=parameters), TOY, "here.json")


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "trace.json"
    path.write_text("old")

    def fail(source: object, destination: object) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk gone"):
        write_atomically(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["trace.json"]
    assert path.read_text() == "old"


def test_text_is_on_disk_before_the_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace, fsync = os.replace, os.fsync

    def noted_fsync(handle: int) -> None:
        order.append("fsync")
        fsync(handle)

    def noted_replace(source: str, destination: Path) -> None:
        order.append("replace")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_atomically(tmp_path / "trace.json", b"text")
    assert order == ["fsync", "replace", "fsync"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TraceError, match="cannot be written"):
        write_trace(tmp_path / "file" / "trace.json", make_trace())
