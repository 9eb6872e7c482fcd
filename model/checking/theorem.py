"""Proves theorems: statements about all integers, by z3 over the same source that runs.

`a // b` and `a % b` become a quotient q and a remainder r with a == b*q + r and 0 <= r < b; that b is positive is an
obligation of its own. Nothing is proved from assumptions that no integers satisfy. A counterexample is run directly on the
specification before it is reported.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import attrs
import z3

from kvproof.model.checking.theorem_lowering import Statement, stated
from kvproof.model.checking.verdict import Verdict
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.errors import NotAssumed

SMALL = (3, 12, 100)
"""Values up to these are tried first: a counterexample that can be followed by hand, and that z3 finds at once."""

SECONDS_AN_ATTEMPT = 2.0


class TheoremDisagreement(Exception):
    """z3 and the specification run directly do not agree about a theorem: a defect of kvproof, not of the theorem."""


@attrs.frozen
class TheoremReport:
    """What was found about one theorem."""

    theorem: str
    verdict: Verdict
    """PROVED, VIOLATED (by `values`), VACUOUS or UNKNOWN."""
    seconds: float
    assumptions: int
    values: Mapping[str, int] | None = None
    """A counterexample: every argument, and every parameter that is read (as `params.name`)."""
    message: str = ""

    @property
    def told(self) -> str:
        """What was found, in words."""
        found = ", ".join(f"{name} = {value}" for name, value in (self.values or {}).items())
        return f"{self.message} for {found}" if found else self.message

    def __str__(self) -> str:
        return f"{self.theorem}: {self.verdict.value}" + (f": {self.told}" if self.message else "")


def check_theorems(definition: Definition, seconds: float = 60.0) -> tuple[TheoremReport, ...]:
    """Every theorem of a machine, in order of definition; `seconds` for all of them."""
    deadline = time.monotonic() + seconds
    return tuple(
        check_theorem(definition, name, max(0.1, deadline - time.monotonic())) for name in definition.theorems()
    )


def check_theorem(definition: Definition, name: str, seconds: float = 60.0) -> TheoremReport:
    """Prove one theorem for all integers, or find integers for which it is false."""
    started = time.monotonic()
    deadline = started + seconds
    method = definition.theorems()[name]
    statement = stated(definition, method)

    def report(verdict: Verdict, message: str = "", values: Mapping[str, int] | None = None) -> TheoremReport:
        spent = time.monotonic() - started
        return TheoremReport(name, verdict, spent, len(statement.assumptions), values, message)

    presumed = [condition for condition, _ in statement.assumptions]
    outcome, _ = _solved(statement, presumed, deadline)
    if outcome == "unsat":
        return report(Verdict.VACUOUS, "no integers satisfy the assumptions")
    if outcome == "unknown":
        return report(Verdict.UNKNOWN, "the time was spent before integers that satisfy the assumptions were found")
    for claim in statement.claims:
        outcome, values = _solved(statement, [*claim.given, claim.violated], deadline)
        if outcome == "unknown":
            return report(Verdict.UNKNOWN, f"the time was spent on: {claim.text}")
        if outcome == "sat":
            assert values is not None
            if claim.is_conclusion:
                _execute(definition, method, values)
            return report(Verdict.VIOLATED, f"{claim.text} is false", values)
    return report(Verdict.PROVED)


def _solved(statement: Statement, conditions: Sequence[Any], deadline: float) -> tuple[str, dict[str, int] | None]:
    """sat with values, unsat, or unknown.

    Small values come first; then a refutation in which products mean nothing, which is enough for most proofs and quick;
    then larger values, and at last everything at once.
    """
    everything = [*conditions, *statement.definitions]
    for attempt, most in enumerate(SMALL):
        if attempt == 1 and _refuted_linearly(everything, deadline):
            return "unsat", None
        ends = [end for v in statement.variables.values() for end in (v >= -most, v <= most)]
        limit = min(deadline, time.monotonic() + SECONDS_AN_ATTEMPT)
        outcome, values = _asked([*everything, *ends], statement.variables, limit)
        if outcome == "sat":
            return outcome, values
    return _asked(everything, statement.variables, deadline)


def _asked(
    conditions: Sequence[Any], variables: Mapping[str, Any], deadline: float
) -> tuple[str, dict[str, int] | None]:
    solver = z3.Solver()
    left = deadline - time.monotonic()
    if left <= 0:
        return "unknown", None
    solver.set("timeout", max(1, int(left * 1000)))
    solver.add(*conditions)
    outcome = str(solver.check())
    if outcome != "sat":
        return outcome, None
    model = solver.model()
    return outcome, {name: model.eval(v, model_completion=True).as_long() for name, v in variables.items()}


def _refuted_linearly(conditions: Sequence[Any], deadline: float) -> bool:
    """Whether the conditions contradict each other even when each product is any integer at all."""
    abstract = _without_products(z3.simplify(z3.And(*conditions), som=True), {})
    outcome, _ = _asked([abstract], {}, min(deadline, time.monotonic() + SECONDS_AN_ATTEMPT))
    return outcome == "unsat"


def _without_products(node: Any, seen: dict[int, Any]) -> Any:
    """A term in which equal products of variables are one unknown integer."""
    if node.get_id() not in seen:
        parts = [_without_products(part, seen) for part in node.children()]
        seen[node.get_id()] = _rebuilt(node, parts)
    return seen[node.get_id()]


def _rebuilt(node: Any, parts: list[Any]) -> Any:
    if z3.is_mul(node):
        factors = sorted((part for part in parts if not z3.is_int_value(part)), key=str)
        if len(factors) > 1:
            product = z3.Int(f"product of {' and '.join(map(str, factors))}")
            return z3.Product(*(part for part in parts if z3.is_int_value(part)), product)
        return z3.Product(*parts)
    if z3.is_and(node):
        return z3.And(*parts)
    if z3.is_or(node):
        return z3.Or(*parts)
    if z3.is_add(node):
        return z3.Sum(*parts)
    return node.decl()(*parts) if parts else node


def _execute(definition: Definition, method: Method, values: Mapping[str, int]) -> None:
    """Run a counterexample on the specification itself; it must be false there."""
    machine = object.__new__(definition.cls)
    prefix = "params."
    read = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
    object.__setattr__(machine, "params", SimpleNamespace(**read))
    arguments = [values[name] for name, _ in method.arguments]
    try:
        holds = getattr(machine, method.name)(*arguments)
    except NotAssumed as error:
        raise TheoremDisagreement(f"{method.name} does not apply to {dict(values)}, where z3 says it does") from error
    if holds:
        raise TheoremDisagreement(f"{method.name} is true for {dict(values)}, where z3 says it is false")
