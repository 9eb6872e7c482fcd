"""kvproof's public face: what machines, targets and tests are written with; `api/API.md` says what each name is.

Names are imported when they are first used: an engine that embeds `kvproof.impl` gets no specification, no solver and no
test framework with it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kvproof.fuzz.pytest_plugin import LockstepTest, run_lockstep
    from kvproof.fuzz.replay import assert_passes
    from kvproof.fuzz.target import (
        Content,
        HarnessError,
        Observation,
        Operation,
        Outcome,
        Race,
        Refused,
        Returned,
        Step,
        Target,
        UnsupportedParameters,
        Value,
    )
    from kvproof.spec.lang import (
        AtMost,
        Between,
        Exactly,
        Ghost,
        Index,
        LanguageError,
        Machine,
        Map,
        NotAssumed,
        OutOfDomain,
        Parameters,
        PartialMap,
        PriorityQueue,
        Record,
        Rejected,
        RuleBroken,
        Set,
        Shipped,
        assume,
        canonical,
        choose,
        ensure,
        invariant,
        known,
        normal_form,
        observation,
        operation,
        phase,
        reject,
        replace,
        require,
        sometimes,
        step,
        theorem,
        trial,
    )

    __version__: str

__all__ = [
    "AtMost",
    "Between",
    "Content",
    "Exactly",
    "Ghost",
    "HarnessError",
    "Index",
    "LanguageError",
    "LockstepTest",
    "Machine",
    "Map",
    "NotAssumed",
    "Observation",
    "Operation",
    "OutOfDomain",
    "Outcome",
    "Parameters",
    "PartialMap",
    "PriorityQueue",
    "Race",
    "Record",
    "Refused",
    "Rejected",
    "Returned",
    "RuleBroken",
    "Set",
    "Shipped",
    "Step",
    "Target",
    "UnsupportedParameters",
    "Value",
    "__version__",
    "assert_passes",
    "assume",
    "canonical",
    "choose",
    "ensure",
    "invariant",
    "known",
    "normal_form",
    "observation",
    "operation",
    "phase",
    "reject",
    "replace",
    "require",
    "run_lockstep",
    "sometimes",
    "step",
    "theorem",
    "trial",
]

_HOMES = ("kvproof.spec.lang", "kvproof.fuzz.target", "kvproof.fuzz.pytest_plugin", "kvproof.fuzz.replay")
"""The modules that define them, the cheapest first."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}: it has {', '.join(__all__)}")
    if name == "__version__":
        from importlib.metadata import version

        found: object = version(__name__)
    else:
        home = next(module for module in map(import_module, _HOMES) if hasattr(module, name))
        found = getattr(home, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
