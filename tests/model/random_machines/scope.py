"""What a random method may name: the machine around it, and its locals on the path where it stands."""

from __future__ import annotations

import random

import attrs

from .kinds import Choice, Fields, Kind, Number, Several, Thing


@attrs.frozen
class Callable:
    """A step or helper that later methods may call."""

    name: str
    role: str
    """step, or what a helper does: reads, tells (it makes promises and marks events as well) or steps."""
    arguments: tuple[tuple[str, Kind], ...]
    result: Kind | None
    low: int = 0
    high: int = 0
    """Ends of a result that is a number."""


@attrs.define
class World:
    """Everything outside the method that is written."""

    rng: random.Random
    small: bool
    """Few states and calls, so that all of them can be explored."""
    things: list[Thing] = attrs.field(factory=list)
    choices: list[Choice] = attrs.field(factory=list)
    numbers: list[Number] = attrs.field(factory=list)
    records: list[Fields] = attrs.field(factory=list)
    sequences: list[Several] = attrs.field(factory=list)
    values: list[Kind] = attrs.field(factory=list)
    """Kinds that may be a value."""
    keys: list[Kind] = attrs.field(factory=list)
    """Kinds that may be a key."""
    parameters: dict[str, int] = attrs.field(factory=dict)
    constants: dict[str, int] = attrs.field(factory=dict)
    state: list[tuple[str, Kind]] = attrs.field(factory=list)
    callables: list[Callable] = attrs.field(factory=list)
    types: set[str] = attrs.field(factory=set)
    """Names of types."""
    taken: set[str] = attrs.field(factory=set)
    """Names that are in use in the module or the machine."""

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability


@attrs.frozen
class Local:
    """A local variable, argument or loop variable."""

    name: str
    kind: Kind
    low: int = 0
    high: int = 0
    """Ends of a number, or of the length of a sequence."""
    assignable: bool = True


@attrs.frozen
class Fact:
    """On this path, `key` is in the container at `place`."""

    place: str
    kind: Kind
    key: str


@attrs.define
class Scope:
    """What is known on one path of a method."""

    locals: list[Local] = attrs.field(factory=list)
    facts: list[Fact] = attrs.field(factory=list)

    def inner(self) -> Scope:
        """For a block: what it adds is unknown after it."""
        return Scope(list(self.locals), list(self.facts))

    def add(self, local: Local) -> None:
        """A new local, in place of one of its name."""
        self.locals = [known for known in self.locals if known.name != local.name] + [local]
        self.forget(local.name)

    def forget(self, name: str) -> None:
        """Facts about a local that is assigned anew."""
        self.facts = [fact for fact in self.facts if name not in (fact.key, fact.place)]
