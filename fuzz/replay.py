"""Run a trace step by step and say whether it still fails in the same way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum

from attrs import frozen

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.shrinking.picks import picks_text
from kvproof.fuzz.subject import Subject
from kvproof.fuzz.target import Operation, Outcome, Step, Target, load_target
from kvproof.fuzz.trace import Trace, fit, parse_trace, render_trace


class Comparison(Enum):
    """What became of the failure that a trace records, in its replay."""

    SAME = "same"
    DIFFERENT = "different"
    NEW = "new"
    GONE = "gone"
    PASSES = "passes"

    @property
    def exit_status(self) -> int:
        """1 while there is a failure, 0 when there is none."""
        return 0 if self in (Comparison.GONE, Comparison.PASSES) else 1


@frozen
class Row:
    """One operation of a replay and what it did; `failure` only on the last one."""

    index: int
    operation: Operation
    """With the schedule that was executed, if the target has one."""
    outcome: Outcome
    steps: tuple[Step, ...]
    failure: Failure | None
    ahead: tuple[str, ...] = ()
    """The last part of that schedule: what completed only when the bytes were looked at, and showed them wrong."""


@frozen
class Replay:
    """A trace that was run."""

    trace: Trace
    rows: tuple[Row, ...]
    failure: Failure | None
    stale: bool
    """The trace was recorded against another version of the specification."""
    unfollowed: bool = False
    """The trace has a schedule, and the target has none that could follow it."""

    @property
    def verdict(self) -> Comparison:
        """The failure found against the one recorded: alike when their fingerprints are equal."""
        recorded = self.trace.failure
        if self.failure is None:
            return Comparison.PASSES if recorded is None else Comparison.GONE
        if recorded is None:
            return Comparison.NEW
        return Comparison.SAME if recorded.fingerprint == self.failure.fingerprint else Comparison.DIFFERENT


def replay(subject: Subject, trace: Trace, make_target: Callable[[], Target]) -> Replay:
    """Run a trace that fits its machine (see `kvproof.fuzz.trace.fit`), following its schedule.

    The steps of a row are the target's when it reports them, else the specification's.

    Raises:
        TargetError: the target could not be made, reset or closed.
    """
    rows: list[Row] = []
    with Lockstep(subject, make_target(), trace.parameters) as lockstep:
        reference_steps: list[Step] = []
        lockstep.reference.on_step = lambda name, arguments: reference_steps.append(Step(name, tuple(arguments)))
        failure = lockstep.initial()
        for index, operation in enumerate(trace.operations):
            if failure is not None:
                break
            reference_steps.clear()
            lockstep.step_log = []
            failure = lockstep.apply(operation)
            steps = tuple(lockstep.step_log or reference_steps)
            rows.append(Row(index, lockstep.operation, lockstep.outcome, steps, failure, lockstep.ahead))
        unfollowed = not lockstep.scheduled and any(each.schedule is not None for each in trace.operations)
    return Replay(trace, tuple(rows), failure, trace.specification != subject.digest, unfollowed)


def steps_text(steps: Sequence[Step]) -> str:
    """A step log in one line."""
    return " ".join(str(step) for step in steps) or "no step"


def schedule_text(row: Row) -> str:
    """What completed during an operation, in one line; empty when the target has no schedule."""
    schedule = row.operation.schedule
    if schedule is None:
        return ""
    told = picks_text(schedule[: len(schedule) - len(row.ahead)])
    return f"{told}; when looked at: {picks_text(row.ahead)}" if row.ahead else told


def assert_passes(text: str, target: str, subject: Subject | None = None) -> None:
    """Replay a trace given as text; raises AssertionError with an account of any failure. For generated tests.

    Raises:
        TraceError, TargetError: the trace or the target cannot be used.
    """
    from kvproof.fuzz.machines import subject_named

    trace = parse_trace(text, "the trace in this test")
    subject = subject_named(trace.machine) if subject is None else subject
    result = replay(subject, fit(trace, subject, "the trace in this test"), lambda: load_target(target))
    if result.failure is not None:
        raise AssertionError(account(result))


def account(result: Replay) -> str:
    """A replay as plain text, without a terminal: what each operation did, in which schedule, and the failure."""
    sizes = ", ".join(f"{name}={value}" for name, value in result.trace.parameters.items())
    lines = [f"{result.trace.machine} with {sizes}"]
    for row in result.rows:
        lines += [f"  {row.index}. {row.operation}: {row.outcome}", f"       {steps_text(row.steps)}"]
        if row.operation.schedule is not None:
            lines.append(f"       completes: {schedule_text(row)}")
    if result.failure is not None:
        lines += [f"{result.failure.oracle} oracle [{result.failure.fingerprint}]", f"  {result.failure.message}"]
    return "\n".join(lines)


def pytest_source(trace: Trace, subject: Subject, target: str) -> str:
    """A test file that needs nothing but kvproof and the target: it replays the trace and passes once the bug is gone."""
    told = trace.failure.message if trace.failure is not None else "no failure was recorded"
    name = re.sub(r"\W+", "_", trace.failure.fingerprint).strip("_") if trace.failure is not None else "trace"
    told = told.replace("\\", "\\\\").replace('"""', "'''")
    text = render_trace(trace, subject.make_shapes(trace.parameters))
    return f'''"""A recorded trace, made by `kvproof replay --pytest`.

{told}
"""

from kvproof import assert_passes

TRACE = r"""
{text}"""


def test_{name}() -> None:
    assert_passes(TRACE, target={target!r})
'''
