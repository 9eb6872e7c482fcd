"""Where the lowering of a method stands, and what everything in it needs: paths, places, obligations."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from kvproof.model.depth import method_depth
from kvproof.model.lowering.environment import Environment
from kvproof.model.lowering.record import LoweringError, Place, Record
from kvproof.model.symbolic.circuit import FALSE, TRUE, Circuit
from kvproof.model.symbolic.containers import Containers
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.shapes import Shape
from kvproof.model.symbolic.values import Algebra, Option
from kvproof.spec.lang.definition import Definition, Method

Cases = list[tuple[int, Value]]
"""Values to be visited in order, each under the condition that it is there."""


class Together(Value):
    """What a loop with several variables is given in one round."""

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Value]) -> None:
        self.parts = tuple(parts)


class Undefined(Exception):
    """On this path an expression has no value. That is an obligation by now, and what follows on the path means nothing."""


class Activation:
    """One call of a method that is being lowered."""

    def __init__(self, method: Method, base: int) -> None:
        self.method = method
        self.base = base
        """The path condition under which it was called."""
        self.returns: list[tuple[Environment, Value]] = []
        self.loops: list[tuple[list[tuple[int, Environment]], list[tuple[int, Environment]]]] = []
        """For each loop being unrolled: environments that broke out, and that continued."""
        self.left = 0
        """How many paths have left by return, break, continue or rejection."""
        self.rejected = False


class Context:
    """Base of the lowering: the machine, the circuit it is built into, and the method being read."""

    def __init__(
        self,
        definition: Definition,
        parameters: Any,
        containers: Containers,
        shapes: Mapping[str, Shape],
        record: Record,
    ) -> None:
        self.definition = definition
        self.parameters = parameters
        self.circuit: Circuit = containers.circuit
        self.algebra: Algebra = containers.algebra
        self.containers = containers
        self.shapes = shapes
        """The shape of each state variable."""
        self.record = record
        self.activation: Activation

    def evaluate(self, node: ast.expr, environment: Environment) -> Value:
        """The value of an expression on this path. Steps that it calls change the environment."""
        raise NotImplementedError

    def place(self, node: ast.AST) -> Place:
        """The source line of `node`, which lies in the method being lowered."""
        method = self.activation.method
        return Place(method.name, method.file, getattr(node, "lineno", method.line))

    def path(self, environment: Environment) -> int:
        """The whole path condition: that of the call, and since."""
        return self.circuit.both(self.activation.base, environment.guard)

    def oblige(self, rule: str, node: ast.AST, environment: Environment, holds: int) -> None:
        """On this path `holds` must be true."""
        if holds != TRUE:
            self.record.oblige(rule, self.place(node), self.path(environment), holds)

    def goal(self, node: ast.AST, case: int, path: int) -> None:
        """`path` comes to a case of what is asked of the depth of a check at `node`."""
        if self.record.goals is None or path == FALSE:
            return
        site = method_depth(self.activation.method).nodes.get(id(node))
        if site is not None and case in site.cases:
            self.record.goal(site.cases[case], path)

    def numbered(self, node: ast.AST, base: int, conditions: Sequence[int]) -> None:
        """On the path `base`, the goals for none, one or several of `conditions`."""
        if self.record.goals is None:
            return
        both, either = self.circuit.both, self.circuit.either
        some = several = FALSE
        for condition in conditions:
            several = either(several, both(some, condition))
            some = either(some, condition)
        for case, holds in enumerate((some ^ 1, both(some, several ^ 1), several)):
            self.goal(node, case, both(base, holds))

    def refuse(self, node: ast.AST, problem: str, remedy: str) -> LoweringError:
        """The error for a construct without a symbolic form."""
        return LoweringError(self.place(node), problem, remedy)

    def present(self, value: Value, node: ast.expr, environment: Environment) -> Value:
        """A value that must not be None here."""
        if not isinstance(value, Option):
            return value
        self.oblige(f"defined: {ast.unparse(node)} is not None", node, environment, value.present)
        if value.value is None:
            raise Undefined
        return value.value

    def fitted(self, value: Value, shape: Shape, what: str, node: ast.AST, environment: Environment) -> Value:
        """A value as one of a declared type, with the obligation that it is in range."""
        stored, fits = self.algebra.fitted(value, shape)
        self.oblige(f"bound: {what}", node, environment, fits)
        return stored

    def integers(self, nodes: Sequence[ast.expr], environment: Environment) -> list[Int]:
        """Numbers: all expressions are evaluated before one of them must not be None."""
        values = [self.evaluate(node, environment) for node in nodes]
        return [
            self.algebra.as_int(self.present(value, node, environment))
            for value, node in zip(values, nodes, strict=True)
        ]
