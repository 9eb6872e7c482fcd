"""Expressions of a machine as symbolic values: constants, names, operators, calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import partial
from typing import Any, TypeVar

from kvproof.model.depth import WHOLE
from kvproof.model.lowering.context import Undefined
from kvproof.model.lowering.environment import Environment, View, merged
from kvproof.model.lowering.reads import Reads
from kvproof.model.lowering.record import Record
from kvproof.model.symbolic.circuit import FALSE, TRUE
from kvproof.model.symbolic.containers import Container, Containers
from kvproof.model.symbolic.integers import Value
from kvproof.model.symbolic.sequences import concatenated
from kvproof.model.symbolic.shapes import Shape, shape_of
from kvproof.model.symbolic.values import Bool, Option, Rec, Seq
from kvproof.spec.lang.definition import Definition, global_value
from kvproof.spec.lang.named_fields import given, named
from kvproof.spec.lang.types import EnumType, Index, IndexType

T = TypeVar("T")
D = TypeVar("D")

SIMPLER = "Write it with numbers, truth values, sequences and records that are compared and combined with their like"


class Expressions(Reads):
    """Evaluates expressions."""

    def __init__(
        self,
        definition: Definition,
        parameters: Any,
        containers: Containers,
        shapes: Mapping[str, Shape],
        record: Record,
    ) -> None:
        super().__init__(definition, parameters, containers, shapes, record)
        self._rules: dict[type[ast.expr], Callable[[Any, Environment], Value]] = {
            ast.Constant: self._constant,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Subscript: self.subscript,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._connective,
            ast.Compare: self._comparison,
            ast.IfExp: self._conditional,
            ast.Tuple: self._tuple,
            ast.Call: self._call,
        }

    def evaluate(self, node: ast.expr, environment: Environment) -> Value:
        """The value of an expression on this path."""
        rule = self._rules.get(type(node))
        if rule is None:
            raise self.refuse(node, f"{type(node).__name__} has no symbolic form", SIMPLER)
        try:
            return rule(node, environment)
        except (TypeError, ValueError) as error:
            raise self.refuse(node, f"{ast.unparse(node)}: {error}", SIMPLER) from error

    def truth(self, node: ast.expr, environment: Environment) -> int:
        """A condition as a literal."""
        return self.truth_of(self.evaluate(node, environment), node)

    def truth_of(self, value: Value, node: ast.expr) -> int:
        """Whether a value counts as true, as None does not."""
        if isinstance(value, Option):
            if value.value is None:
                return FALSE
            return self.circuit.both(value.present, self.truth_of(value.value, node))
        if isinstance(value, Bool):
            return value.bit
        raise self.refuse(
            node, f"{ast.unparse(node)} is no truth value", "Compare it: x != 0, len(x) > 0, x is not None"
        )

    def _constant(self, node: ast.Constant, _: Environment) -> Value:
        return self.algebra.constant(node.value)

    def _name(self, node: ast.Name, environment: Environment) -> Value:
        value = environment.locals.get(node.id)
        if value is not None:
            return value
        try:
            return self.algebra.constant(global_value(self.activation.method, node.id))
        except KeyError:
            raise self.refuse(node, f"{node.id} has no value on this path", "Assign it before the branch") from None

    def _attribute(self, node: ast.Attribute, environment: Environment) -> Value:
        match node.value:
            case ast.Attribute(value=ast.Name(id="self"), attr="params"):
                return self.algebra.constant(getattr(self.parameters, node.attr))
            case ast.Name(id="self"):
                value = environment.state[node.attr]
                return View([(TRUE, value)]) if isinstance(value, Container) else value
            case ast.Name(id=owner) if owner not in environment.locals:
                try:
                    return self.algebra.constant(getattr(global_value(self.activation.method, owner), node.attr))
                except KeyError:
                    raise self.refuse(
                        node, f"{owner} has no value on this path", "Assign it before the branch"
                    ) from None
        record = self.present(self.evaluate(node.value, environment), node.value, environment)
        if isinstance(record, Rec):
            return record.field(node.attr)
        raise self.refuse(node, f"{ast.unparse(node.value)} is no record", "Only records have fields")

    def _tuple(self, node: ast.Tuple, environment: Environment) -> Value:
        items = tuple(self.evaluate(element, environment) for element in node.elts)
        return Seq(self.algebra.number(len(items)), items)

    def _binary(self, node: ast.BinOp, environment: Environment) -> Value:
        left, right = self.evaluate(node.left, environment), self.evaluate(node.right, environment)
        left = self.present(left, node.left, environment)
        return self.combined(node.op, left, self.present(right, node.right, environment))

    def combined(self, operator: ast.operator, left: Value, right: Value) -> Value:
        """The result of a binary operator."""
        algebra = self.algebra
        if isinstance(left, Seq) and isinstance(right, Seq) and isinstance(operator, ast.Add):
            return concatenated(algebra, left, right)
        a, b = algebra.as_int(left), algebra.as_int(right)
        if isinstance(operator, ast.Add):
            return algebra.add(a, b)
        if isinstance(operator, ast.Sub):
            return algebra.subtract(a, b)
        if isinstance(operator, ast.Mult):
            return algebra.multiply(a, b)
        if isinstance(operator, ast.FloorDiv):
            return algebra.floor_divide(a, b)
        if isinstance(operator, ast.Mod):
            return algebra.modulo(a, b)
        raise TypeError(f"the operator {type(operator).__name__} has no symbolic form")

    def _unary(self, node: ast.UnaryOp, environment: Environment) -> Value:
        if isinstance(node.op, ast.Not):
            return Bool(self.truth(node.operand, environment) ^ 1)
        return self.algebra.subtract(self.algebra.number(0), *self.integers([node.operand], environment))

    def _connective(self, node: ast.BoolOp, environment: Environment) -> Value:
        """`and`/`or`: what follows is evaluated only where what came before leaves it open."""
        conjunction = isinstance(node.op, ast.And)
        result = self.truth(node.values[0], environment)
        still_open = result if conjunction else result ^ 1
        self.goal(node, 0, self.circuit.both(self.path(environment), still_open ^ 1))
        for place, operand in enumerate(node.values[1:], start=1):
            if self.circuit.both(self.path(environment), still_open) == FALSE:
                break
            # where the operand has no value, what comes out means nothing
            value = self.under(environment, still_open, partial(self.truth, operand), FALSE)
            result = self.circuit.both(result, value) if conjunction else self.circuit.either(result, value)
            decides = self.circuit.both(still_open, value ^ 1 if conjunction else value)
            self.goal(node, place, self.circuit.both(self.path(environment), decides))
            still_open = result if conjunction else result ^ 1
        self.goal(node, WHOLE, self.circuit.both(self.path(environment), still_open))
        return Bool(result)

    def _conditional(self, node: ast.IfExp, environment: Environment) -> Value:
        condition = self.truth(node.test, environment)
        path = self.path(environment)
        self.goal(node, 0, self.circuit.both(path, condition ^ 1))
        self.goal(node, 1, self.circuit.both(path, condition))
        if self.circuit.both(path, condition ^ 1) == FALSE:
            return self.evaluate(node.body, environment)
        if self.circuit.both(path, condition) == FALSE:
            return self.evaluate(node.orelse, environment)
        then = self.under(environment, condition, lambda part: self.evaluate(node.body, part), None)
        otherwise = self.under(environment, condition ^ 1, lambda part: self.evaluate(node.orelse, part), then)
        if otherwise is None:
            raise Undefined
        return otherwise if then is None else self.containers.mux(condition, then, otherwise)

    def under(
        self, environment: Environment, condition: int, evaluate: Callable[[Environment], T], undefined: D
    ) -> T | D:
        """Evaluate where `condition` holds; steps taken on the way are taken only there.

        `undefined` comes out when that has no value there. What is refused on the way is refused only there.
        """
        part = environment.branch(self.circuit, condition)
        entered = part.guard
        try:
            value = evaluate(part)
        except Undefined:
            self._refused(environment, condition, entered, part)
            return undefined
        self._refused(environment, condition, entered, part)
        if part.stepped != environment.stepped or any(
            part.state[name] is not old for name, old in environment.state.items()
        ):
            whole = merged(self.containers, condition, part, environment, environment.guard)
            environment.state, environment.stepped = whole.state, whole.stepped
        return value

    def _refused(self, environment: Environment, condition: int, entered: int, part: Environment) -> None:
        """The path goes on where `condition` does not hold, and where `part` of it has not been refused."""
        if part.guard != entered:
            other = self.circuit.both(environment.guard, condition ^ 1)
            environment.guard = self.circuit.either(other, part.guard)

    def _comparison(self, node: ast.Compare, environment: Environment) -> Value:
        """A chain of comparisons: what follows is evaluated only where all that came before hold."""
        result = TRUE
        sides = [(self.evaluate(node.left, environment), node.left)]

        def compared(part: Environment) -> int:
            left, left_node = sides[-1]
            place = len(sides) - 1
            right = self.evaluate(node.comparators[place], part)
            sides.append((right, node.comparators[place]))
            holds = self._compared(node.ops[place], left, right, (left_node, node.comparators[place]), part)
            if len(node.ops) > 1:
                self.goal(node, place, self.circuit.both(self.path(part), holds ^ 1))
            return holds

        while len(sides) <= len(node.ops) and result != FALSE:
            if result == TRUE:
                result = compared(environment)
            else:
                result = self.circuit.both(result, self.under(environment, result, compared, FALSE))
        if len(node.ops) > 1:
            self.goal(node, WHOLE, self.circuit.both(self.path(environment), result))
        return Bool(result)

    def _compared(
        self, operator: ast.cmpop, left: Value, right: Value, nodes: tuple[ast.expr, ast.expr], where: Environment
    ) -> int:
        if isinstance(operator, ast.In | ast.NotIn):
            right = self.present(right, nodes[1], where)
            return self.contained(right, left) ^ (1 if isinstance(operator, ast.NotIn) else 0)
        if isinstance(operator, ast.Eq | ast.Is):
            return self.algebra.equal(left, right)
        if isinstance(operator, ast.NotEq | ast.IsNot):
            return self.algebra.equal(left, right) ^ 1
        a = self.algebra.as_int(self.present(left, nodes[0], where))
        b = self.algebra.as_int(self.present(right, nodes[1], where))
        if isinstance(operator, ast.Lt):
            return self.algebra.less(a, b)
        if isinstance(operator, ast.LtE):
            return self.algebra.at_most(a, b)
        if isinstance(operator, ast.Gt):
            return self.algebra.less(b, a)
        return self.algebra.at_most(b, a)

    def _call(self, node: ast.Call, environment: Environment) -> Value:
        function = node.func
        if isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Name) and function.value.id == "self":
                return self.called(node, function.attr, environment)
            return self.container_read(node, function, environment)
        assert isinstance(function, ast.Name)
        name = function.id
        if name == "len" and len(node.args) == 1:
            return self.length(self.present(self.evaluate(node.args[0], environment), node.args[0], environment))
        if name in ("min", "max") and len(node.args) > 1:
            numbers = self.integers(node.args, environment)
            result = numbers[0]
            for number in numbers[1:]:
                result = (self.algebra.minimum if name == "min" else self.algebra.maximum)(result, number)
            return result
        if name in ("all", "any", "sum", "tuple", "choose"):
            return self.quantified(node, name, environment)
        if name == "known":
            return self._known(node, environment)
        if name == "replace":
            return self._replaced(node, environment)
        record = self.definition.records.get(name)
        if record is not None:
            names = tuple(field for field, _ in record.fields)
            values = {field: self.evaluate(value, environment) for field, value in given(node, names)}
            return Rec(names, tuple(values[field] for field in names))
        converted = self.activation.method.namespace.get(name)
        if isinstance(converted, type) and issubclass(converted, Index | IntEnum):
            given_number = self.present(self.evaluate(node.args[0], environment), node.args[0], environment)
            kind = IndexType(converted) if issubclass(converted, Index) else EnumType(converted)
            return self.fitted(given_number, shape_of(kind, self.parameters), ast.unparse(node), node, environment)
        raise self.refuse(node, f"{ast.unparse(node)} has no symbolic form here", SIMPLER)

    def _known(self, node: ast.Call, environment: Environment) -> Value:
        """known(x): the value of an option that must not be None."""
        value = self.evaluate(node.args[0], environment)
        if not isinstance(value, Option):
            return value
        self.oblige(f"defined: {ast.unparse(node)}", node, environment, value.present)
        if value.value is None:
            raise Undefined
        return value.value

    def _replaced(self, node: ast.Call, environment: Environment) -> Value:
        """replace(record, field=value, ..)."""
        old = self.evaluate(node.args[0], environment)
        changed = {field: self.evaluate(value, environment) for field, value in named(node)}
        record = self.present(old, node.args[0], environment)
        if not isinstance(record, Rec):
            raise self.refuse(node, f"{ast.unparse(node.args[0])} is no record", "Only records have fields")
        return Rec(record.names, tuple(changed.get(name, record.field(name)) for name in record.names))

    def called(self, node: ast.Call, name: str, environment: Environment) -> Value:
        """A call of a step or helper, inlined."""
        raise NotImplementedError

    def quantified(self, node: ast.Call, name: str, environment: Environment) -> Value:
        """all, any, sum, tuple or choose over a generator expression."""
        raise NotImplementedError
