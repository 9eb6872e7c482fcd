"""The two ways in which a machine runs under Python, with the same answers: its class, and its generated reference."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import attrs

from kvproof.spec.lang import NotAssumed, Rejected, RuleBroken, plain
from kvproof.spec.lang.containers import frozen

from .states import put_into


@attrs.frozen
class Outcome:
    """How a call ended: returned, rejected, not assumed, broken (a rule or promise), or undefined; and with what."""

    sort: str
    what: Any = None
    told: str = attrs.field(default="", eq=False)

    @property
    def sound(self) -> bool:
        """Whether the state afterwards means anything."""
        return self.sort not in ("broken", "undefined", "error")


@attrs.define
class Ran:
    """Everything that one call did."""

    outcome: Outcome
    after: Any
    steps: list[tuple[str, Any]]
    events: set[str]
    offered: list[tuple[str, tuple[Any, ...]]]
    chosen: list[Any]


def outcome_of(rule: str, told: str = "") -> Outcome:
    """What a broken rule is: one that the machine states, or the use of something undefined."""
    undefined = rule.startswith(("bound", "defined"))
    return Outcome("undefined", told=told) if undefined else Outcome("broken", rule)


def typed(value: Any) -> Any:
    """A value that is equal to another only if both are truth values, or neither."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return {name: typed(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return tuple(typed(part) for part in value)
    return value


class Direct:
    """The class itself; its open choices and events are redirected."""

    def __init__(self, module: ModuleType, parameters: Any) -> None:
        self._module = module
        self.parameters = parameters
        self.machine = module.MACHINE(parameters)
        self._ran = Ran(Outcome(""), None, [], set(), [], [])
        self._script: list[int] = []
        self._made = 0
        module.__dict__["choose"] = self._choose
        module.__dict__["sometimes"] = lambda event: self._ran.events.add(event)

    def _choose(self, candidates: Iterable[Any], name: str) -> Any:
        allowed = tuple(candidates)
        self._ran.offered.append((name, tuple(map(frozen, allowed))))
        if not allowed:
            raise RuleBroken(f"choice-exists:{name}", "there is nothing to choose from")
        number = self._script[self._made % len(self._script)] if self._script else 0
        self._made += 1
        self._ran.chosen.append(allowed[number % len(allowed)])
        return allowed[number % len(allowed)]

    def restore(self, snapshot: Any) -> None:
        put_into(self.machine, snapshot)

    def snapshot(self) -> Any:
        return self.machine.snapshot()

    def call(self, name: str, arguments: dict[str, Any], script: list[int]) -> Ran:
        """Run an operation or a trial; `script` says which candidate is taken at each open choice, by position."""
        self._ran = ran = Ran(Outcome(""), None, [], set(), [], [])
        self._script, self._made = script, 0
        self.machine.on_step = lambda step, taken: ran.steps.append((step, frozen(taken)))
        try:
            ran.outcome = Outcome("returned", typed(plain(self.machine.apply(name, arguments))))
        except Rejected as rejection:
            ran.outcome = Outcome("rejected", rejection.error)
        except NotAssumed:
            ran.outcome = Outcome("not assumed")
        except RuleBroken as broken:
            ran.outcome = outcome_of(broken.rule, str(broken))
        except Exception as error:  # noqa: BLE001  # whatever it is, it should have been a broken rule
            ran.outcome = Outcome("error", told=f"{type(error).__name__}: {error}")
        ran.after = typed(self.snapshot()) if ran.outcome.sound else None
        self._ran = Ran(Outcome(""), None, [], set(), [], [])
        return ran

    def invariants(self, names: Iterable[str]) -> dict[str, Any]:
        """For each invariant, whether it holds."""
        return _said(self.machine, names)


class Referring:
    """The generated reference."""

    def __init__(self, reference: Any, parameters: Any) -> None:
        self.machine = reference(reference.PARAMETERS(**attrs.asdict(parameters)))
        self._made: Any = sys.modules[reference.__module__]

    def _value(self, value: Any) -> Any:
        """A value of the class, with the reference's records."""
        if isinstance(value, tuple):
            return tuple(self._value(part) for part in value)
        if hasattr(type(value), "__attrs_attrs__"):
            return getattr(self._made, type(value).__name__)._of(plain(value))
        return value

    def restore(self, snapshot: Any) -> None:
        self.machine.restore(snapshot)

    def snapshot(self) -> Any:
        return self.machine.snapshot()

    def call(self, name: str, arguments: dict[str, Any], chosen: list[Any]) -> Ran:
        """The same call with the same choices."""
        machine = self.machine
        ran = Ran(Outcome(""), None, [], set(), [], list(chosen))
        machine.script = [self._value(value) for value in chosen]
        machine.events, machine.coverage = {}, set()
        machine.on_step = lambda step, taken: ran.steps.append((step, untyped(taken)))
        try:
            if name in machine.TRIALS:
                tried = machine.attempt(name, arguments, machine.snapshot())
                ran.outcome = Outcome("returned") if tried else Outcome("not assumed")
            else:
                ran.outcome = Outcome("returned", typed(machine.apply(name, arguments)))
        except machine.Rejected as rejection:
            ran.outcome = Outcome("rejected", rejection.error)
        except machine.RuleBroken as broken:
            ran.outcome = outcome_of(broken.rule, str(broken))
        except Exception as error:  # noqa: BLE001  # whatever it is, it should have been a broken rule
            ran.outcome = Outcome("error", told=f"{type(error).__name__}: {error}")
        ran.offered = [(label, tuple(map(untyped, allowed))) for label, allowed in machine.offered]
        ran.events = set(machine.events)
        ran.after = typed(untyped(self.snapshot())) if ran.outcome.sound else None
        return ran

    def covered(self) -> set[tuple[str, int, str]]:
        """The branches that the last call took."""
        return {self.machine.BRANCHES[number] for number in self.machine.coverage}

    def invariants(self, names: Iterable[str]) -> dict[str, Any]:
        return _said(self.machine, names)


def untyped(value: Any) -> Any:
    """A value with plain tuples for records."""
    return tuple(untyped(part) for part in value) if isinstance(value, tuple) else value


def _said(machine: Any, names: Iterable[str]) -> dict[str, Any]:
    try:
        broken = machine.check()
    except Exception as error:  # noqa: BLE001  # an invariant without a value does not hold: nothing should be raised
        return {"": type(error).__name__}
    return {name: name not in broken for name in names}


def counted(outcomes: Counter[str], ran: Ran) -> None:
    """Count an outcome."""
    outcomes[ran.outcome.sort] += 1
