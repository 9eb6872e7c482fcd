"""What becomes of a checker's counterexample: it is executed, saved as a trace, and offered to the implementation.

A counterexample that cannot be executed with the same result is a defect of the checker or of the reference, and one that
an implementation of the repaired machine does not survive is a bug of that implementation: both are errors here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import attrs

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep, run
from kvproof.fuzz.machines import subject_of
from kvproof.fuzz.pace import MODES, Pace
from kvproof.fuzz.target import HarnessError, Operation, Target, load_target
from kvproof.fuzz.targets import DEFAULT_TARGETS
from kvproof.fuzz.targets.reference import ReferenceTarget, specifier
from kvproof.fuzz.trace import Trace, write_trace
from kvproof.model.checking.verdict import Call
from kvproof.model.machines import Bundle


class Disagreement(HarnessError):
    """Two ways of executing the same run ended differently: one of them is wrong."""


@attrs.frozen
class Settled:
    """A counterexample after it was executed everywhere."""

    broken: str
    """The rule or invariant that breaks when the reference of the variant executes it."""
    trace: Trace | None
    """None where a trial fails: no implementation takes part in one, so there is nothing to replay on it."""
    implementation: str | None
    """The target that survived it in every mode of its schedule, or None when the machine has no implementation."""


def execute(bundle: Bundle, parameters: Any, calls: Sequence[Call]) -> str | None:
    """The rule or invariant that breaks in the last call on the reference, or None; an earlier break is an error."""
    reference = bundle.reference(parameters)
    for position, call in enumerate(calls):
        broken: str | None = None
        reference.script = list(call.choices)
        name, arguments = call.operation, dict(call.arguments)
        try:
            if name in reference.TRIALS:
                reference.attempt(name, arguments, reference.snapshot())
            else:
                reference.apply(name, arguments)
        except reference.RuleBroken as error:
            broken = str(error.rule)
        except reference.Rejected as error:
            raise Disagreement(f"{bundle.name}: the reference rejects {name} with {error.error}") from error
        violated = reference.check() if broken is None else []
        broken = broken or (str(violated[0]) if violated else None)
        if broken is not None and position + 1 < len(calls):
            raise Disagreement(f"{bundle.name}: {broken} breaks in call {position + 1} of {len(calls)} already")
        if position + 1 == len(calls):
            return broken
    return None


def settle(
    base: Bundle,
    faulty: Bundle,
    parameters: Any,
    calls: Sequence[Call],
    origin: str,
    out: Path | None,
) -> Settled:
    """Execute a counterexample of `faulty`, a variant of `base` or `base` itself; save it under `out` when given.

    Raises:
        Disagreement: the reference does not break, or the implementation does.
    """
    broken = execute(faulty, parameters, calls)
    if broken is None:
        raise Disagreement(f"{faulty.name}: nothing breaks when the reference executes the counterexample")
    if calls[-1].operation in faulty.definition.trials():
        return Settled(broken, None, None)
    operations = tuple(Operation(call.operation, dict(call.arguments), choices=call.choices) for call in calls)
    values = {field.name: getattr(parameters, field.name) for field in attrs.fields(cast(Any, type(parameters)))}
    failure = _lockstep(base, ReferenceTarget(faulty), values, operations)
    if failure is None:
        raise Disagreement(f"{faulty.name}: lockstep does not notice that {broken} is broken")
    target = specifier(faulty)
    trace = Trace(base.name, base.definition.digest(), target, values, operations, failure, None, origin)
    if out is not None:
        name = re.sub(r"[^\w.]+", "-", f"{faulty.name}-{origin}").strip("-.")  # a machine may be named by its file
        write_trace(out / f"{name}.json", trace, subject_of(base).make_shapes(values))
    implementation = DEFAULT_TARGETS.get(base.name) if faulty is not base else None
    if implementation is not None:
        for mode in MODES:
            found = _lockstep(base, load_target(implementation), values, operations, Pace(mode))
            if found is not None:
                raise Disagreement(
                    f"{implementation} does not survive the counterexample of {faulty.name} ({mode}): {found.message}"
                )
    return Settled(broken, trace, implementation)


def _lockstep(
    base: Bundle,
    target: Target,
    values: dict[str, int],
    operations: tuple[Operation, ...],
    pace: Pace | None = None,
) -> Failure | None:
    with Lockstep(subject_of(base), target, values) as lockstep:
        return lockstep.initial() or run(lockstep, operations, pace)
