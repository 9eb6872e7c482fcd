"""Names for the parts of random machines: plain ones, and those that collide with something if anything does."""

from __future__ import annotations

import random

from kvproof.spec.lang.machine import Machine
from kvproof.spec.lang.state import RESERVED

PLAIN = (
    "count",
    "owner",
    "bag",
    "line",
    "table",
    "trail",
    "flag",
    "side",
    "level",
    "mark",
    "kept",
    "last",
    "seen",
    "spare",
)
AWKWARD_STATE = (
    "argument",
    "operation",
    "choose",
    "choice",
    "values",
    "get",
    "front",
    "len",
    "sum",
    "step",
    "steps",
    "state",
    "names",
    "key",
    "part",
    "value",
    "saved",
    "node",
    "item",
    "sorted",
    "range",
    "gate",
    "is_",
    "a",
    "A",
)
AWKWARD_LOCAL = (
    "argument",
    "value",
    "part",
    "key",
    "saved",
    "cls",
    "name",
    "list",
    "dict",
    "set",
    "p",
    "parameters",
    "operation",
    "error",
    "E",
    "Iterable",
    "OrderedDict",
    "Reference",
    "x",
    "i",
    "r",
    "d",
    "k",
)
TYPES = ("Thing", "Slot", "Node", "Level", "Side", "Mood", "Place", "Entry", "Pair", "Few")
AWKWARD_TYPES = (
    "Rejected_",
    "Iterator_",
    "Callable_",
    "THING",
    "thing",
    "Type",
    "Value",
    "Int",
    "Bool",
    "Queue",
    "Dict",
)
METHODS = ("move", "put", "take", "look", "turn", "try_it", "give", "clear", "grow", "shift", "weigh", "mix")
AWKWARD_METHODS = (
    "add",
    "remove",
    "discard",
    "values_of",
    "push",
    "index",
    "count_all",
    "step_on",
    "run",
    "hidden_",
    "find",
    "load",
)
LABELS = (
    "plain",
    "two words",
    "a-rule",
    "it's",
    'with "quotes"',
    "x#0",
    "Größe",
    "back\\slash",
    "{braces}",
    "accepted",
    "argument.x",
    "100%",
)


def picked(rng: random.Random, taken: set[str], plain: tuple[str, ...], awkward: tuple[str, ...], odd: float) -> str:
    """A name that is not taken yet; it is taken then."""
    while True:
        name = rng.choice(awkward if rng.random() < odd else plain)
        if name in taken:
            name = f"{name}{rng.randint(1, 9)}"
        if name not in taken and name not in RESERVED and not hasattr(Machine, name):
            taken.add(name)
            return name


REFUSED = (
    "tuple",
    "sorted",
    "len",
    "Any",
    "_hidden",
    "range",
    "RuleBroken",
    "snapshot",
    "attempt",
    "OPERATIONS",
    "IntEnum",
    "self",
    "params",
)
"""Names that no local, method or type may have, or that mean nothing there: for machines with something wrong."""
