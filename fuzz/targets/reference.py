"""A machine as a target: the generated reference of a machine or of one of its variants, driven like an implementation.

`kvproof.fuzz.targets.reference:block_manager__M_01` is the variant M-01 of the machine block-manager, and
`kvproof.fuzz.targets.reference:mine.py:Mine/slip` that of a machine of one's own. Its steps check no
rules, as an implementation's do not: lockstep has to find what is wrong. It does check its promises, and its own invariants
after every operation, as a manager with assertions and a self-check would.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, cast

from kvproof.fuzz.target import Observation, Operation, Outcome, Refused, Returned, Step
from kvproof.model import machines


class SelfCheckFailed(Exception):
    """An invariant of the machine that plays the target does not hold."""


class ReferenceTarget:
    """Drives the reference of one machine."""

    def __init__(self, bundle: machines.Bundle) -> None:
        self._bundle = bundle
        self._class = machines.generated_class(cast(Hashable, bundle.definition.cls), enforce=False)
        self._reference: Any = None
        self._log: list[Step] = []
        self._decided: list[Any] = []

    def reset(self, parameters: Mapping[str, int]) -> None:
        self._reference = self._class(self._bundle.parameters(parameters))
        self._reference.on_step = lambda name, arguments: self._log.append(Step(name, arguments))
        self._log = []

    def apply(self, operation: Operation) -> Outcome:
        self._log = []
        self._decided = list(operation.choices)
        self._reference.script = list(operation.choices)
        try:
            result = self._reference.apply(operation.name, operation.arguments)
        except self._class.Rejected as rejection:
            return Refused(rejection.error)
        broken = self._reference.check()
        if broken:
            raise SelfCheckFailed(f"{broken[0]} does not hold")
        return Returned(result)

    def observe(self) -> Observation:
        return cast(Observation, self._reference.observe())

    def steps(self) -> list[Step]:
        """The steps of the last operation."""
        return self._log

    def choices(self) -> list[Any]:
        """What was chosen in the last operation, where a choice is open: as the operation says, then by policy."""
        offered = [allowed[0] for _, allowed in self._reference.offered]
        return [*self._decided[: len(offered)], *offered[len(self._decided) :]]

    def close(self) -> None:
        self._reference = None


def specifier(bundle: machines.Bundle) -> str:
    """The `MODULE:ATTR` under which a machine or variant is a target."""
    return f"{__name__}:{bundle.name if ':' in bundle.name else _attribute(bundle.name)}"


def _attribute(name: str) -> str:
    return re.sub(r"\W", "_", name.replace("/", "__"))


def __getattr__(attribute: str) -> Callable[[], ReferenceTarget]:
    if ":" in attribute:  # no name of Python's, so it is asked for by a specifier: `module:Class/variant`
        return lambda: ReferenceTarget(machines.load(attribute))
    for name in machines.names():
        for label in (name, *(f"{name}/{variant}" for variant in machines.load(name).variants)):
            if _attribute(label) == attribute:
                return lambda: ReferenceTarget(machines.load(label))
    raise AttributeError(f"no machine or variant is called {attribute!r}")
