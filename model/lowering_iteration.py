"""What loops visit, and quantifiers over it."""

from __future__ import annotations

import ast
from enum import IntEnum

from kvproof.model.circuit import FALSE, TRUE
from kvproof.model.lowering_context import Cases
from kvproof.model.lowering_environment import Environment, View
from kvproof.model.lowering_expressions import Expressions
from kvproof.model.symbolic_containers import PartialMapValue, QueueValue, SetValue
from kvproof.model.symbolic_integers import Int, Value
from kvproof.model.symbolic_sequences import occupied
from kvproof.model.symbolic_values import NONE, Bool, Seq
from kvproof.spec.lang.definition import global_value


class Iteration(Expressions):
    """Everything that runs over several values."""

    def iterated(self, node: ast.expr, environment: Environment) -> tuple[Cases, bool]:
        """What a loop visits, each with the condition that it is there; and whether a missing value ends the loop.

        A value that is missing elsewhere than at the end is skipped.
        """
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "range":
                return self._range([self.integer(argument, environment) for argument in node.args])
            if node.func.id == "reversed":
                cases, ends = self.iterated(node.args[0], environment)
                return cases[::-1], ends and all(condition == TRUE for condition, _ in cases)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "every":
                name = node.args[0]
                assert isinstance(name, ast.Name)
                count = global_value(self.activation.method, name.id).count(self.parameters)
                return [(TRUE, self.algebra.number(i)) for i in range(count)], True
            if node.func.attr == "values":
                owner = self.evaluate(node.func.value, environment)
                assert isinstance(owner, View)
                partial = owner.merged(self.containers)
                assert isinstance(partial, PartialMapValue)
                return list(zip(partial.present, partial.items, strict=True)), False
        enumeration = self._enumeration(node, environment)
        if enumeration is not None:
            return [(TRUE, self.algebra.constant(member)) for member in enumeration], True
        value = self.present(self.evaluate(node, environment), node, environment)
        if isinstance(value, Seq):
            return list(occupied(self.algebra, value)), True
        if isinstance(value, View):
            container = value.merged(self.containers)
            if isinstance(container, QueueValue):
                return list(zip(container.valid, container.items, strict=True)), True
            if isinstance(container, SetValue):
                members = [self.algebra.constant(key) for key in container.shape.keys]
                return list(zip(container.bits, members, strict=True)), False
        raise self.refuse(node, f"{ast.unparse(node)} cannot be looped over")

    def _enumeration(self, node: ast.expr, environment: Environment) -> type[IntEnum] | None:
        if not isinstance(node, ast.Name) or node.id in environment.locals:
            return None
        try:
            value = global_value(self.activation.method, node.id)
        except KeyError:
            return None
        return value if isinstance(value, type) and issubclass(value, IntEnum) else None

    def _range(self, ends: list[Int]) -> tuple[Cases, bool]:
        algebra = self.algebra
        start, stop = (algebra.number(0), ends[0]) if len(ends) == 1 else (ends[0], ends[1])
        step = ends[2].low if len(ends) == 3 else 1
        if len(ends) == 3 and any(end.low != end.high for end in ends):
            raise ValueError("a range with a step needs constants")
        if len(ends) == 3:
            return [(TRUE, algebra.number(i)) for i in range(start.low, stop.low, step)], True
        cases: Cases = []
        for i in range(start.low, stop.high):
            number = algebra.number(i)
            inside = self.circuit.both(algebra.at_most(start, number), algebra.less(number, stop))
            cases.append((inside, number))
        return cases, start.low == start.high

    def _generated(self, node: ast.GeneratorExp, environment: Environment) -> Cases:
        """The values of a generator expression, each under the condition that it is produced."""
        found: Cases = []

        def visit(position: int, condition: int, inside: Environment) -> None:
            if position == len(node.generators):
                found.append((condition, self.evaluate(node.elt, inside)))
                return
            part = node.generators[position]
            assert isinstance(part.target, ast.Name)
            for exists, value in self.iterated(part.iter, inside)[0]:
                if exists == FALSE:
                    continue
                deeper = inside.branch(self.circuit, exists)
                deeper.locals[part.target.id] = value
                kept = exists
                for test in part.ifs:
                    if kept == FALSE:
                        break
                    holds = self.truth(test, deeper)
                    kept = self.circuit.both(kept, holds)
                    deeper.guard = self.circuit.both(deeper.guard, holds)
                if kept != FALSE:
                    visit(position + 1, self.circuit.both(condition, kept), deeper)

        visit(0, TRUE, environment)
        return found

    def quantified(self, node: ast.Call, name: str, environment: Environment) -> Value:
        """all, any, sum or choose over a generator expression.

        Conditions that a false element would have hidden from Python's `all` are evaluated too, and must be defined.
        """
        circuit = self.circuit
        generator = node.args[0]
        assert isinstance(generator, ast.GeneratorExp)
        cases = self._generated(generator, environment)
        if name == "choose":
            return self._chosen(node, cases, environment)
        if name == "sum":
            present = [(c, self.algebra.as_int(self.present(v, node, environment))) for c, v in cases]
            return self.algebra.total(
                [
                    self.algebra.integer((c,), 0, 1)
                    if v.low == v.high == 1
                    else self.algebra.as_int(self.algebra.masked(c, v))
                    for c, v in present
                ]
            )
        bits = []
        for condition, value in cases:
            if not isinstance(value, Bool):
                raise self.refuse(node, f"{name}() of something that is no truth value")
            if name == "any":
                bits.append(circuit.both(condition, value.bit))
            else:
                bits.append(circuit.either(condition ^ 1, value.bit))
        return Bool(circuit.any(bits) if name == "any" else circuit.all(bits))

    def _chosen(self, node: ast.Call, cases: Cases, environment: Environment) -> Value:
        """An open choice: a fresh input says which candidate, and is constrained to one that exists."""
        label = node.args[1]
        assert isinstance(label, ast.Constant)
        chosen = str(label.value) if isinstance(label.value, str) else "choice"
        number = len(self.record.choices)
        exists = self.circuit.any([c for c, _ in cases])
        self.oblige(f"choice-exists:{chosen}", node, environment, exists)
        if not cases:
            return NONE
        size = (len(cases) - 1).bit_length()
        bit = f"choice {self.record.method} {number}"  # with a space: the name of no variable
        which = Int(tuple(self.circuit.input(f"{bit}:{i}") for i in range(size)), 0, (1 << size) - 1)
        at = [self.algebra.matches(which, i) for i in range(len(cases))]
        allowed = self.circuit.any([self.circuit.both(a, c) for a, (c, _) in zip(at, cases, strict=True)])
        made = self.circuit.both(self.path(environment), exists)
        self.record.assumptions.append(self.circuit.either(made ^ 1, allowed))
        candidates = [value for _, value in cases]
        self.record.choices[f"{chosen}#{number}"] = (which, tuple(candidates))
        return self.algebra.select(at, candidates)
