"""Traces: a failing (or any other) sequence of operations as one JSON file, readable without the tool.

The file has one operation a line and its keys in a fixed order, so that two traces compare by eye. An operation on a
target with a schedule also lists what completed during it (`"schedule": []` when nothing did), which a replay follows,
and one on a machine that leaves choices open may list what it chose (`"choices": [..]`), which a machine as the target
follows. The file is written whole or not at all, and read strictly: what is not understood is an error that names the
file and the field.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import cattrs
from attrs import asdict, evolve, field, frozen
from cattrs.gen import make_dict_structure_fn, override

from kvproof.fuzz.failure import ORACLES, Failure
from kvproof.fuzz.shapes import Shape, from_json, to_json
from kvproof.fuzz.subject import MachineError, Subject
from kvproof.fuzz.target import HarnessError, Operation

FORMAT = "kvproof-trace/1"

ORIGINS = ("fuzz", "bounded check", "induction", "exploration", "workload")
"""Who may have found a trace."""


class TraceError(HarnessError):
    """A trace that cannot be read or does not fit its machine; the message names the file and the line or field."""


@frozen
class Trace:
    """A sequence of operations at given parameters, and what they end in. Arguments hold tuples, not lists."""

    machine: str
    specification: str
    target: str | None
    parameters: Mapping[str, int]
    operations: tuple[Operation, ...]
    failure: Failure | None
    seed: int | None
    origin: str = field()

    def cut(self) -> Trace:
        """The same trace without operations after the failing one."""
        if self.failure is None:
            return self
        return evolve(self, operations=self.operations[: self.failure.operation + 1])


@frozen
class _Line:
    operation: str
    arguments: dict[str, Any]
    schedule: tuple[str, ...] | None = None
    choices: tuple[Any, ...] = ()


@frozen
class _File:
    format: str
    machine: str
    specification: str
    target: str | None
    parameters: dict[str, int]
    operations: list[_Line]
    failure: Failure | None
    seed: int | None
    origin: str


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    """Take a value only when it is of this type: `"3"` is no integer and `1` is no text here."""

    def structure(value: Any, _type: Any) -> Any:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"{json.dumps(value)} is not {_WORDS[kind]}")
        return value

    return structure


_WORDS: dict[type, str] = {int: "an integer", str: "a string"}


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(int, _exactly(int))
    converter.register_structure_hook(str, _exactly(str))
    # Parts before the whole: cattrs looks hooks up when it makes the whole's.
    strict = {_Line: _object("an operation"), Failure: _object("a failure"), _File: _object("the trace")}
    for cls, check in strict.items():
        own = {"schedule": override(struct_hook=_schedule), "choices": override(struct_hook=_choices)}
        hooks = own if cls is _Line else {}
        inner: Callable[[Any, Any], Any] = make_dict_structure_fn(
            cls, converter, _cattrs_forbid_extra_keys=True, **cast(Any, hooks)
        )
        converter.register_structure_hook(cls, _checked(check, inner))
    return converter


def _schedule(value: Any, _type: Any) -> tuple[str, ...]:
    """The names of what completes; an operation without a schedule has no such field at all."""
    if not isinstance(value, list):
        raise ValueError(f"{json.dumps(value)} is not a list of what completes during the operation")
    for index, pick in enumerate(value):
        if not isinstance(pick, str) or not pick:
            raise ValueError(f"item {index}, {json.dumps(pick)}, is not the name of a piece of work")
    return tuple(value)


def _choices(value: Any, _type: Any) -> tuple[Any, ...]:
    """What is taken at each open choice; an operation without one has no such field at all."""
    if not isinstance(value, list):
        raise ValueError(f"{json.dumps(value)} is not a list of what is chosen during the operation")
    return tuple(from_json(one) for one in value)


def _object(what: str) -> Callable[[Any], None]:
    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{json.dumps(value)[:40]} is not {what}, an object in braces")

    return check


def _checked(check: Callable[[Any], None], inner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, kind: Any) -> Any:
        check(value)
        return inner(value, kind)

    return structure


_CONVERTER = _converter()


def read_trace(path: Path) -> Trace:
    """Read a trace; it is well formed, but need not fit any machine (see `fit`).

    Raises:
        TraceError: the file is missing or malformed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(f"{path}: cannot be read: {reason}") from error
    return parse_trace(text, str(path))


def parse_trace(text: str, where: str) -> Trace:
    """As `read_trace`, from text; `where` names its source in messages."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise TraceError(f"{where}, line {error.lineno}, column {error.colno}: no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand brackets
        raise TraceError(f"{where}: not read: {error}; no trace has that") from error
    if isinstance(data, dict) and data.get("format") != FORMAT:
        raise TraceError(f"{where}: format is {data.get('format')!r}, not {FORMAT!r}: no trace, or of another version")
    try:
        file = _CONVERTER.structure(data, _File)
    except cattrs.BaseValidationError as error:
        raise TraceError(f"{where}: {_first_error(error)}") from error
    except ValueError as error:
        raise TraceError(f"{where}: {error}") from error
    if file.origin not in ORIGINS:
        raise TraceError(f"{where}: origin: {file.origin!r} is none of {', '.join(ORIGINS)}")
    if file.failure is not None:
        _check_failure(file, where)
    operations = tuple(
        Operation(line.operation, _arguments(line.arguments), line.schedule, line.choices) for line in file.operations
    )
    return Trace(
        file.machine, file.specification, file.target, file.parameters, operations, file.failure, file.seed, file.origin
    )


def _check_failure(file: _File, where: str) -> None:
    failure = file.failure
    assert failure is not None
    if failure.oracle not in ORACLES:
        raise TraceError(f"{where}: failure.oracle: {failure.oracle!r} is none of {', '.join(ORACLES)}")
    if not -1 <= failure.operation < len(file.operations):
        raise TraceError(
            f"{where}: failure.operation: {failure.operation} is no operation; the trace has {len(file.operations)}"
        )


def _arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_json(value) for name, value in arguments.items()}


def _first_error(error: BaseException) -> str:
    """The first of cattrs' nested errors in one line: the field's path, then what is wrong with it."""
    text = cattrs.transform_error(error, path="$", format_exception=_reason)[0]
    reason, _, place = text.rpartition(" @ ")
    place = place.removeprefix("$").removeprefix(".")
    return f"{place}: {reason}" if place else reason


def _reason(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return f"the field {error.args[0]!r} is missing"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        return f"unknown field {', '.join(sorted(error.extra_fields))}"
    if isinstance(error, TypeError) and "not iterable" in str(error):
        return "not a list"
    if isinstance(error, ValueError):
        return str(error)
    if isinstance(error, AttributeError | TypeError):
        return (
            f"not a value of the kind that belongs here ({kind})"
            if kind
            else "not a value of the kind that belongs here"
        )
    return str(error)


def fit(trace: Trace, subject: Subject, where: str) -> Trace:
    """The trace with every operation checked and its arguments as the machine's values.

    Raises:
        TraceError: another machine's trace, parameters that the machine does not allow, an unknown operation, or arguments
            that are missing or out of range.
    """
    if trace.machine != subject.name:
        raise TraceError(f"{where}: machine: the trace is of {trace.machine!r}, not of {subject.name!r}")
    try:
        subject.reference(trace.parameters)
    except MachineError as error:
        raise TraceError(f"{where}: {error}") from error
    shapes = subject.make_shapes(trace.parameters)
    operations = []
    for index, operation in enumerate(trace.operations):
        place = f"{where}: operations[{index}]"
        known = shapes.get(operation.name)
        if known is None:
            names = ", ".join(shapes)
            raise TraceError(f"{place}: unknown operation {operation.name!r}; {subject.name} has {names}")
        operations.append(evolve(operation, arguments=_fit_arguments(operation, known, place)))
    return evolve(trace, operations=tuple(operations))


def _fit_arguments(operation: Operation, shapes: Mapping[str, Shape], place: str) -> dict[str, Any]:
    for name in operation.arguments:
        if name not in shapes:
            takes = ", ".join(shapes) or "none"
            raise TraceError(f"{place}.arguments: {operation.name} has no argument {name!r}; it takes {takes}")
    found = {}
    for name, shape in shapes.items():
        if name not in operation.arguments:
            raise TraceError(f"{place}.arguments: {operation.name} needs {name!r}, {shape.describe()}")
        try:
            found[name] = shape.parse(to_json(None, operation.arguments[name]))
        except ValueError as error:
            raise TraceError(f"{place}.arguments.{name}: {error}") from error
    return found


def render_trace(trace: Trace, shapes: Mapping[str, Mapping[str, Shape]] | None = None) -> str:
    """The trace's file: fixed key order, one operation a line, final newline."""
    head = {
        "format": FORMAT,
        "machine": trace.machine,
        "specification": trace.specification,
        "target": trace.target,
        "parameters": dict(trace.parameters),
    }
    tail = {
        "failure": None if trace.failure is None else asdict(trace.failure, recurse=False),
        "seed": trace.seed,
        "origin": trace.origin,
    }
    lines = [f"{_text(key)}: {_text(value)}," for key, value in head.items()]
    lines += ['"operations": [' + ("" if trace.operations else "],")]
    for index, operation in enumerate(trace.operations):
        known = (shapes or {}).get(operation.name, {})
        arguments = {name: to_json(known.get(name), value) for name, value in operation.arguments.items()}
        comma = "," if index + 1 < len(trace.operations) else ""
        line: dict[str, Any] = {"operation": operation.name, "arguments": arguments}
        if operation.schedule is not None:
            line["schedule"] = list(operation.schedule)
        if operation.choices:
            line["choices"] = [to_json(None, one) for one in operation.choices]
        lines.append("  " + _text(line) + comma)
    lines += ["],"] if trace.operations else []
    ends = [f"{_text(key)}: {_text(value)}" for key, value in tail.items()]
    return "{\n" + "\n".join(lines) + "\n" + ",\n".join(ends) + "\n}\n"


def trace_name(trace: Trace, shapes: Mapping[str, Mapping[str, Shape]] | None = None) -> str:
    """A file name that says what fails and is the same for the same trace."""
    what = trace.failure.fingerprint if trace.failure is not None else "passes"
    digest = hashlib.sha256(render_trace(trace, shapes).encode()).hexdigest()[:8]
    return re.sub(r"[^\w.]+", "-", f"{trace.machine}-{what}-{digest}").strip("-") + ".json"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def write_trace(path: Path, trace: Trace, shapes: Mapping[str, Mapping[str, Shape]] | None = None) -> None:
    """Write a trace whole or not at all; folders are made.

    Raises:
        TraceError: the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, render_trace(trace, shapes).encode())
    except OSError as error:
        raise TraceError(f"{path}: cannot be written: {error.strerror or error}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's bytes so that a reader, or a crash, sees the old ones or the new, never a part."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def trace_path(folder: Path, trace: Trace, subject: Subject) -> Path:
    """Where a trace goes."""
    return folder / trace_name(trace, subject.make_shapes(trace.parameters))
