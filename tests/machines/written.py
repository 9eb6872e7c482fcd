"""Small machines written down by a test: a module is made of their text, so that all readers find their source."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap
from pathlib import Path
from typing import Any

from kvproof.model import machines

HEAD = '''
from __future__ import annotations
from enum import IntEnum
from typing import Annotated, Any
import attrs
from kvproof.spec.lang import (
    AtMost, Between, Exactly, Index, Machine, Map, Parameters, PartialMap, PriorityQueue, Record, Set, assume, canonical,
    choose, ensure, invariant, observation, operation, reject, require, sometimes, step, trial,
)

@attrs.frozen
class P(Parameters):
    a: int = 3
    lim: int = 2

class A(Index):
    @classmethod
    def count(cls, parameters: P) -> int:
        return parameters.a

class E(IntEnum):
    X = 0
    Y = 1

@attrs.frozen
class R(Record):
    count: Annotated[int, Between(1, 4)]
    index: A | None
    path: Annotated[tuple[E, ...], Exactly(2)]

N = Annotated[int, Between(0, 7)]
Z = Annotated[int, Between(-3, 3)]
High = Annotated[int, Between(2, lambda p: p.lim + 2)]
T = Annotated[tuple[A, ...], AtMost(lambda p: p.lim)]
O = Annotated[tuple[A | None, ...], AtMost(2)]
X = Annotated[tuple[N, ...], Exactly(lambda p: p.lim)]
Wide = Annotated[int, Between(-9, 9)]
'''

_numbers = itertools.count()


def module(folder: Path, text: str, head: str = HEAD) -> Any:
    """The module of `head` and `text`."""
    name = f"written_machine_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(head + textwrap.dedent(text))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def bundle(folder: Path, text: str, head: str = HEAD) -> machines.Bundle:
    """The machine `M` of such a module."""
    return machines.load(f"{module(folder, text, head).__name__}:M")


def both(made: machines.Bundle, **sizes: int) -> tuple[Any, Any]:
    """The machine run directly, and its reference."""
    parameters = made.parameters(sizes)
    return made.definition.cls(parameters), made.reference(parameters)


def outcome(runner: Any, name: str, arguments: dict[str, Any]) -> Any:
    """What an operation answers: its result, its refusal, or the kind of rule that it breaks."""
    try:
        return ("returned", runner.apply(name, arguments))
    except Exception as error:
        if type(error).__name__ == "Rejected":
            return ("rejected", error.error)  # type: ignore[attr-defined]  # as was just tested
        if not hasattr(error, "rule"):
            raise
        return ("broken", error.rule.partition(":")[0])
