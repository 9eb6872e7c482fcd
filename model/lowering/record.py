"""What the lowering of an operation produces beside the next state: obligations, rejections, and points to be reached."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from kvproof.model.symbolic.circuit import Circuit
from kvproof.model.symbolic.integers import Int, Value
from kvproof.spec.lang.errors import LanguageError


class Place(NamedTuple):
    """A line of a machine's source."""

    method: str
    file: str
    line: int


class Branch(NamedTuple):
    """One way through a statement; `arm` is "then" or "else" of an `if`, or "loop" for entering a loop's body."""

    method: str
    line: int
    arm: str


@attrs.frozen
class Obligation:
    """Something that must not happen: `bad` holds when execution reaches `place` and breaks `rule`.

    `rule` is the name in a `require` or an `ensure`; "all-or-nothing"; "bound: what" for a value outside its type; or
    "defined: what" for a read of what is not there.
    """

    rule: str
    place: Place
    bad: int


@attrs.frozen
class Choice:
    """A point at which an operation leaves something open."""

    name: str
    """Its name, and how many came before it."""
    made: int
    """That execution comes here, and finds a candidate."""
    which: Int
    """The number of the candidate that is taken."""
    candidates: tuple[Value, ...]


@attrs.define
class Record:
    """Collects, in the order of execution, while one operation or invariant is lowered. Literals are path conditions."""

    circuit: Circuit
    method: str
    """The operation or invariant."""
    obligations: list[Obligation] = attrs.field(factory=list)
    rejections: dict[str, int] = attrs.field(factory=dict)
    events: dict[str, int] = attrs.field(factory=dict)
    branches: dict[Branch, int] = attrs.field(factory=dict)
    steps: dict[str, int] = attrs.field(factory=dict)
    """Where each step is taken."""
    promises: dict[str, int] = attrs.field(factory=dict)
    """Where each promise is evaluated."""
    goals: dict[str, int] | None = None
    """Where each goal of depth is reached (see `depth`); None when nobody asks for them."""
    assumptions: list[int] = attrs.field(factory=list)
    """Constraints on the inputs that stand for open choices."""
    choices: list[Choice] = attrs.field(factory=list)
    """The open choices, in the order of execution."""

    def oblige(self, rule: str, place: Place, path: int, holds: int) -> None:
        """On `path`, `holds` must be true."""
        bad = self.circuit.both(path, holds ^ 1)
        if bad:
            self.obligations.append(Obligation(rule, place, bad))

    def rejected(self, error: str, path: int) -> None:
        """`path` ends in this rejection."""
        self.rejections[error] = self.circuit.either(self.rejections.get(error, 0), path)

    def event(self, name: str, path: int) -> None:
        """`path` passes a `sometimes`."""
        self.events[name] = self.circuit.either(self.events.get(name, 0), path)

    def step(self, name: str, path: int) -> None:
        """`path` takes this step."""
        self.steps[name] = self.circuit.either(self.steps.get(name, 0), path)

    def promise(self, name: str, path: int) -> None:
        """`path` comes to an `ensure` of this promise."""
        self.promises[name] = self.circuit.either(self.promises.get(name, 0), path)

    def goal(self, name: str, path: int) -> None:
        """`path` reaches this goal of depth."""
        if self.goals is not None:
            self.goals[name] = self.circuit.either(self.goals.get(name, 0), path)

    def branch(self, branch: Branch, path: int) -> None:
        """`path` goes this way."""
        self.branches[branch] = self.circuit.either(self.branches.get(branch, 0), path)


class LoweringError(LanguageError):
    """The machine has something that cannot be expressed as a circuit: where, what, and what to write instead."""

    def __init__(self, place: Place, problem: str, remedy: str) -> None:
        super().__init__(place.file, place.line, f"{place.method}: {problem}", remedy)
        self.place = place
