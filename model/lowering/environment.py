"""The symbolic execution state on one path, and the merge of paths that meet again.

Each branch of a program runs on an environment of its own, in which assigned values are exact; where branches meet,
whatever differs is merged by multiplexers. Paths that have left (returned, broken out of a loop, been rejected) wait
until the point where they meet the others, so nothing after them is built for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from kvproof.model.symbolic.circuit import FALSE, Circuit
from kvproof.model.symbolic.containers import Container, Containers
from kvproof.model.symbolic.integers import Value


class Environment:
    """Locals and machine state on one path."""

    __slots__ = ("guard", "locals", "state", "stepped")

    def __init__(self, local: dict[str, Value], state: dict[str, Value], guard: int, stepped: int) -> None:
        self.locals = local
        self.state = state
        self.guard = guard
        """The condition of this path since the method was entered."""
        self.stepped = stepped
        """Whether the operation has taken a step."""

    def branch(self, circuit: Circuit, condition: int) -> Environment:
        """An environment for the part of this path where `condition` holds."""
        return Environment(dict(self.locals), dict(self.state), circuit.both(self.guard, condition), self.stepped)


class View(Value):
    """A container read at a symbolic place: the container whose condition holds."""

    __slots__ = ("alternatives",)

    def __init__(self, alternatives: Sequence[tuple[int, Container]]) -> None:
        self.alternatives = tuple((c, v) for c, v in alternatives if c != FALSE) or tuple(alternatives[:1])

    def merged(self, containers: Containers) -> Container:
        """As one container."""
        result = containers.select([c for c, _ in self.alternatives], [v for _, v in self.alternatives])
        assert isinstance(result, Container)
        return result


def merged(containers: Containers, condition: int, a: Environment, b: Environment, guard: int) -> Environment:
    """`a` where `condition` holds, else `b`; `condition` need only tell the two paths apart.

    A local that only one of them has keeps that value: the language's checker lets nobody read it.
    """
    local = dict(b.locals)
    for name, value in a.locals.items():
        other = b.locals.get(name)
        if other is None or other is value:
            local[name] = value
            continue
        try:
            local[name] = _merge(containers, condition, value, other)
        except TypeError:
            del local[name]  # nobody reads what is of two types
    state = dict(b.state)
    for name, value in a.state.items():
        if state[name] is not value:
            state[name] = containers.mux(condition, value, state[name])
    return Environment(local, state, guard, containers.circuit.mux(condition, a.stepped, b.stepped))


def _merge(containers: Containers, condition: int, a: Value, b: Value) -> Value:
    if isinstance(a, View) or isinstance(b, View):
        x = a.merged(containers) if isinstance(a, View) else a
        y = b.merged(containers) if isinstance(b, View) else b
        result = containers.mux(condition, x, y)
        assert isinstance(result, Container)
        return View([(1, result)])
    return containers.mux(condition, a, b)


def joined(containers: Containers, paths: Sequence[tuple[int, Environment]]) -> Environment | None:
    """The paths that meet at one point. Each comes with a condition that tells it from those after it."""
    if not paths:
        return None
    result = paths[-1][1]
    either = containers.circuit.either
    for condition, environment in reversed(paths[:-1]):
        guard = either(environment.guard, result.guard)
        result = merged(containers, condition, environment, result, guard)
    return result
