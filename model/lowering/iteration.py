"""What loops visit, and quantifiers over it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from enum import IntEnum

from kvproof.model.lowering.context import Cases, Together, Undefined
from kvproof.model.lowering.environment import Environment, View
from kvproof.model.lowering.expressions import Expressions
from kvproof.model.lowering.record import Choice
from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.containers import PartialMapValue, QueueValue, SetValue
from kvproof.model.symbolic.integers import Int, Value
from kvproof.model.symbolic.sequences import gathered, occupied
from kvproof.model.symbolic.values import Bool, Seq
from kvproof.spec.lang.definition import global_value

LOOPED = "Loop over range(..), self.every(IndexClass), an enumeration, a sequence, a Set, a PriorityQueue or m.values()"


class Iteration(Expressions):
    """Everything that runs over several values."""

    def iterated(self, node: ast.expr, environment: Environment) -> tuple[Cases, bool]:
        """What a loop visits, each with the condition that it is there; and whether a missing value ends the loop.

        A value that is missing elsewhere than at the end is skipped.
        """
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "range":
                return self._range(node, self.integers(node.args, environment))
            if node.func.id == "reversed" and len(node.args) == 1:
                cases, ends = self.iterated(node.args[0], environment)
                return cases[::-1], ends and all(condition == TRUE for condition, _ in cases)
            if node.func.id in ("enumerate", "zip"):
                several = [self.iterated(argument, environment) for argument in node.args]
                return self._numbered(*several[0]) if node.func.id == "enumerate" else (self._zipped(several), True)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "every":
                name = node.args[0]
                if not isinstance(name, ast.Name):
                    raise self.refuse(node, f"{ast.unparse(node)} of no index class", "Name an index class")
                count = global_value(self.activation.method, name.id).count(self.parameters)
                return [(TRUE, self.algebra.number(i)) for i in range(count)], True
            if node.func.attr == "values":
                owner = self.evaluate(node.func.value, environment)
                partial = owner.merged(self.containers) if isinstance(owner, View) else owner
                if not isinstance(partial, PartialMapValue):
                    raise self.refuse(node, f"{ast.unparse(node.func.value)} has no values()", LOOPED)
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
        raise self.refuse(node, f"{ast.unparse(node)} cannot be looped over", LOOPED)

    def _numbered(self, cases: Cases, ends: bool) -> tuple[Cases, bool]:
        """enumerate(..): each value with how many came before it."""
        found: Cases = []
        for place, (exists, value) in enumerate(cases):
            before = [condition for condition, _ in cases[:place]]
            number = self.algebra.number(place) if ends else self.algebra.count(before)
            found.append((exists, Together([number, value])))
        return found, ends

    def _zipped(self, several: list[tuple[Cases, bool]]) -> Cases:
        """zip(..): the first values together, the second ones, .., as long as all have one."""
        without_gaps = [cases if ends else self._gathered(cases) for cases, ends in several]
        return [
            (self.circuit.all([exists for exists, _ in of_round]), Together([value for _, value in of_round]))
            for of_round in zip(*without_gaps, strict=False)
        ]

    def _gathered(self, cases: Cases) -> Cases:
        """The values that are there, one after the other: what is missing is missing at the end."""
        if any(isinstance(value, Together) for _, value in cases):
            columns = zip(*(value.parts for _, value in cases if isinstance(value, Together)), strict=True)
            conditions = [condition for condition, _ in cases]
            return self._zipped([(list(zip(conditions, column, strict=True)), False) for column in columns])
        return list(occupied(self.algebra, gathered(self.algebra, cases)))

    def bound(self, target: ast.expr, value: Value, environment: Environment) -> None:
        """Give the variables of a loop what it is given in a round."""
        if isinstance(target, ast.Tuple):
            assert isinstance(value, Together)
            for part, inner in zip(target.elts, value.parts, strict=True):
                self.bound(part, inner, environment)
        else:
            assert isinstance(target, ast.Name)
            environment.locals[target.id] = value

    def _enumeration(self, node: ast.expr, environment: Environment) -> type[IntEnum] | None:
        if not isinstance(node, ast.Name) or node.id in environment.locals:
            return None
        try:
            value = global_value(self.activation.method, node.id)
        except KeyError:
            return None
        return value if isinstance(value, type) and issubclass(value, IntEnum) else None

    def _range(self, node: ast.expr, ends: list[Int]) -> tuple[Cases, bool]:
        algebra = self.algebra
        if not 1 <= len(ends) <= 3:
            raise self.refuse(node, f"range with {len(ends)} numbers", "Write range(stop) or range(start, stop, step)")
        start, stop = (algebra.number(0), ends[0]) if len(ends) == 1 else (ends[0], ends[1])
        if len(ends) == 3:
            return self._stepped(node, start, stop, ends[2])
        cases: Cases = []
        for i in range(start.low, stop.high):
            number = algebra.number(i)
            inside = self.circuit.both(algebra.at_most(start, number), algebra.less(number, stop))
            cases.append((inside, number))
        return cases, start.low == start.high

    def _stepped(self, node: ast.expr, start: Int, stop: Int, step: Int) -> tuple[Cases, bool]:
        if step.low != step.high or step.low == 0:
            problem = f"the step of {ast.unparse(node)} lies in {step.low}..{step.high}"
            raise self.refuse(node, problem, "Step by a constant or parameter other than 0")
        algebra, up = self.algebra, step.low > 0
        farthest = range(start.low, stop.high, step.low) if up else range(start.high, stop.low, step.low)
        cases: Cases = []
        for i in range(len(farthest)):
            number = algebra.add(start, algebra.number(i * step.low))
            cases.append((algebra.less(number, stop) if up else algebra.less(stop, number), number))
        return cases, True

    def _generated(
        self,
        node: ast.GeneratorExp,
        environment: Environment,
        evaluate: Callable[[ast.expr, Environment], Value],
        decides: Callable[[Value], int] | None = None,
    ) -> Cases:
        """The values of a generator expression, each under the condition that it is produced.

        Nothing is asked for after a value that `decides`: what follows is evaluated only where none has.
        """
        found: Cases = []
        both = self.circuit.both
        still_open = TRUE

        def visit(position: int, condition: int, inside: Environment) -> None:
            nonlocal still_open
            if position == len(node.generators):
                value = evaluate(node.elt, inside)
                found.append((condition, value))
                if decides is not None:
                    still_open = both(still_open, both(condition, decides(value)) ^ 1)
                return
            part = node.generators[position]
            for exists, value in self.iterated(part.iter, inside)[0]:
                if exists == FALSE:
                    continue
                if still_open == FALSE:
                    break
                deeper = inside.branch(self.circuit, both(exists, still_open))
                self.bound(part.target, value, deeper)
                try:
                    kept = exists
                    for test in part.ifs:
                        if kept == FALSE:
                            break
                        holds = self.truth(test, deeper)
                        kept = both(kept, holds)
                        deeper.guard = both(deeper.guard, holds)
                    if kept != FALSE:
                        visit(position + 1, both(condition, kept), deeper)
                except Undefined:
                    continue

        visit(0, TRUE, environment)
        return found

    def quantified(self, node: ast.Call, name: str, environment: Environment) -> Value:
        """A quantifier over a generator expression. `all` and `any` stop at the value that decides them."""
        circuit = self.circuit
        generator = node.args[0]
        assert isinstance(generator, ast.GeneratorExp)
        if name in ("all", "any"):
            sign = 1 if name == "all" else 0

            def decides(value: Value) -> int:
                return self.truth_of(value, generator.elt) ^ sign

            cases = self._generated(generator, environment, self.evaluate, decides)
            self.numbered(node, self.path(environment), [condition for condition, _ in cases])
            bits = [circuit.both(condition, decides(value)) for condition, value in cases]
            return Bool(circuit.any(bits) ^ sign)
        if name == "tuple":
            cases = self._generated(generator, environment, self.evaluate)
            self.numbered(node, self.path(environment), [condition for condition, _ in cases])
            return gathered(self.algebra, cases)
        if name == "choose":
            cases = self._generated(generator, environment, self.evaluate)
            self.numbered(node, self.path(environment), [condition for condition, _ in cases])
            return self._chosen(node, cases, environment)
        cases = self._generated(generator, environment, self._addend)
        self.numbered(node, self.path(environment), [condition for condition, _ in cases])
        present = [(c, self.algebra.as_int(value)) for c, value in cases]
        return self.algebra.total(
            [
                self.algebra.integer((c,), 0, 1)
                if v.low == v.high == 1
                else self.algebra.as_int(self.algebra.masked(c, v))
                for c, v in present
            ]
        )

    def _addend(self, node: ast.expr, environment: Environment) -> Value:
        return self.present(self.evaluate(node, environment), node, environment)

    def _chosen(self, node: ast.Call, cases: Cases, environment: Environment) -> Value:
        """An open choice: a fresh input says which candidate, and is constrained to one that exists."""
        label = node.args[1]
        assert isinstance(label, ast.Constant)
        chosen = str(label.value) if isinstance(label.value, str) else "choice"
        number = len(self.record.choices)
        exists = self.circuit.any([c for c, _ in cases])
        self.oblige(f"choice-exists:{chosen}", node, environment, exists)
        if not cases:
            raise Undefined
        size = (len(cases) - 1).bit_length()
        bit = f"choice {self.record.method} {number}"  # with a space: the name of no variable
        which = Int(tuple(self.circuit.input(f"{bit}:{i}") for i in range(size)), 0, (1 << size) - 1)
        at = [self.algebra.matches(which, i) for i in range(len(cases))]
        allowed = self.circuit.any([self.circuit.both(a, c) for a, (c, _) in zip(at, cases, strict=True)])
        made = self.circuit.both(self.path(environment), exists)
        self.record.assumptions.append(self.circuit.either(made ^ 1, allowed))
        candidates = [value for _, value in cases]
        self.record.choices.append(Choice(f"{chosen}#{number}", made, which, tuple(candidates)))
        return self.algebra.select(at, candidates)
