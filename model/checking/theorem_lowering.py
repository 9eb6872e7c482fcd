"""A theorem's source as z3 integers: its variables, assumptions, and what is to be shown."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import attrs
import z3

from kvproof.spec.lang.definition import Definition, Method, global_value

Env = dict[str, Any]


@attrs.frozen
class Claim:
    """Something that must be true for all integers: the conclusion, or that a divisor is positive."""

    text: str
    given: tuple[Any, ...]
    """The assumptions that come before it."""
    violated: Any
    is_conclusion: bool


@attrs.frozen
class Statement:
    """A theorem, ready to be proved."""

    variables: dict[str, Any]
    """Arguments, and parameters that are read (as `params.name`)."""
    definitions: list[Any]
    """What quotients and remainders are; some integers satisfy them whatever the variables are."""
    assumptions: list[tuple[Any, str]]
    claims: list[Claim]
    """In the order in which they are to be shown."""


def stated(definition: Definition, method: Method) -> Statement:
    """Lower a theorem, whose source the language's checker has admitted."""
    return _Lowering(definition, method).run()


class _Lowering:
    def __init__(self, definition: Definition, method: Method) -> None:
        self._definition = definition
        self._theorem = method
        self._variables: dict[str, Any] = {name: z3.Int(name) for name, _ in method.arguments}
        self._definitions: list[Any] = []
        self._divided: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._kept: list[Any] = []
        """Keeps terms alive, so that their numbers stay theirs."""
        self._divisors: list[tuple[Any, Any, str]] = []
        """Path, divisor and text of each division since the last claim."""

    def run(self) -> Statement:
        assumptions: list[tuple[Any, str]] = []
        claims: list[Claim] = []
        local: Env = dict(self._variables)
        true = z3.BoolVal(True)
        for node in self._theorem.node.body:
            match node:
                case ast.Expr(value=ast.Call(args=[condition])):
                    value = self._value(condition, self._theorem, local, true)
                    claims += self._positive(assumptions)
                    assumptions.append((value, ast.unparse(condition)))
                case ast.Assign(targets=[ast.Name(id=name)], value=expression):
                    local[name] = self._value(expression, self._theorem, local, true)
                case ast.Return(value=ast.expr() as result):
                    value = self._value(result, self._theorem, local, true)
                    claims += self._positive(assumptions)
                    given = tuple(condition for condition, _ in assumptions)
                    claims.append(Claim(ast.unparse(result), given, z3.Not(value), True))
        return Statement(self._variables, self._definitions, assumptions, claims)

    def _positive(self, assumptions: Sequence[tuple[Any, str]]) -> list[Claim]:
        given = tuple(condition for condition, _ in assumptions)
        claims = [
            Claim(f"the divisor of {text} is positive", given, z3.And(path, divisor <= 0), False)
            for path, divisor, text in self._divisors
        ]
        self._divisors = []
        return claims

    def _block(self, statements: Sequence[ast.stmt], method: Method, local: Env, path: Any) -> Any:
        """The value that a helper returns: what follows a branch is lowered on both of its ways."""
        for position, node in enumerate(statements):
            match node:
                case ast.Return(value=ast.expr() as result):
                    return self._value(result, method, local, path)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    local[name] = self._value(value, method, local, path)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    local[name] = self._value(value, method, local, path)
                case ast.If(test=test, body=body, orelse=orelse):
                    condition = self._value(test, method, local, path)
                    rest = statements[position + 1 :]
                    then = self._block([*body, *rest], method, dict(local), z3.And(path, condition))
                    otherwise = self._block([*orelse, *rest], method, dict(local), z3.And(path, z3.Not(condition)))
                    return z3.If(condition, then, otherwise)
        raise ValueError(f"{method.file}:{method.line}: {method.name} can end without a result: return a value")

    def _value(self, node: ast.expr, method: Method, local: Env, path: Any) -> Any:
        match node:
            case ast.Constant(value=bool() as value):
                return z3.BoolVal(value)
            case ast.Constant(value=int() as value):
                return z3.IntVal(value)
            case ast.Name(id=name):
                return local[name] if name in local else z3.IntVal(int(global_value(method, name)))
            case ast.Attribute(value=ast.Attribute(), attr=name):
                return self._variables.setdefault(f"params.{name}", z3.Int(f"params.{name}"))
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return z3.IntVal(int(getattr(global_value(method, owner), name)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return z3.Not(self._value(operand, method, local, path))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -_number(self._value(operand, method, local, path))
            case ast.BinOp(left=left, op=operator, right=right):
                a = _number(self._value(left, method, local, path))
                b = _number(self._value(right, method, local, path))
                return self._combined(operator, a, b, path, ast.unparse(node))
            case ast.BoolOp(op=operator, values=values):
                return self._connected(isinstance(operator, ast.And), values, method, local, path)
            case ast.Compare(left=left, ops=operators, comparators=comparators):
                parts = [self._value(part, method, local, path) for part in (left, *comparators)]
                return z3.And(*(_compared(o, parts[i], parts[i + 1]) for i, o in enumerate(operators)))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition = self._value(test, method, local, path)
                then = self._value(body, method, local, z3.And(path, condition))
                otherwise = self._value(orelse, method, local, z3.And(path, z3.Not(condition)))
                return z3.If(condition, then, otherwise)
            case ast.Call(func=ast.Name(id="min" | "max" as name), args=arguments):
                numbers = [_number(self._value(argument, method, local, path)) for argument in arguments]
                result = numbers[0]
                for number in numbers[1:]:
                    smaller = number < result if name == "min" else number > result
                    result = z3.If(smaller, number, result)
                return result
            case ast.Call(func=ast.Attribute(attr=name), args=arguments):
                called = self._definition.methods[name]
                given = [self._value(argument, method, local, path) for argument in arguments]
                inner = {argument: value for (argument, _), value in zip(called.arguments, given, strict=True)}
                return self._block(called.node.body, called, inner, path)
        raise ValueError(f"{method.file}:{node.lineno}: {ast.unparse(node)} cannot stand in a theorem")

    def _connected(self, conjunction: bool, values: Sequence[ast.expr], method: Method, local: Env, path: Any) -> Any:
        parts: list[Any] = []
        for value in values:
            parts.append(self._value(value, method, local, path))
            path = z3.And(path, parts[-1] if conjunction else z3.Not(parts[-1]))
        return z3.And(*parts) if conjunction else z3.Or(*parts)

    def _combined(self, operator: ast.operator, a: Any, b: Any, path: Any, text: str) -> Any:
        if isinstance(operator, ast.Add):
            return a + b
        if isinstance(operator, ast.Sub):
            return a - b
        if isinstance(operator, ast.Mult):
            return a * b
        self._divisors.append((path, b, text))
        quotient, remainder = self._division(a, b)
        return quotient if isinstance(operator, ast.FloorDiv) else remainder

    def _division(self, a: Any, b: Any) -> tuple[Any, Any]:
        key = (a.get_id(), b.get_id())
        if key not in self._divided:
            number = len(self._divided)
            q, r = z3.Int(f"quotient.{number}"), z3.Int(f"remainder.{number}")
            self._definitions.append(z3.Implies(b > 0, z3.And(a == b * q + r, r >= 0, r < b)))
            self._divided[key] = q, r
            self._kept += [a, b]
        return self._divided[key]


def _number(value: Any) -> Any:
    return z3.If(value, z3.IntVal(1), z3.IntVal(0)) if z3.is_bool(value) else value


def _compared(operator: ast.cmpop, a: Any, b: Any) -> Any:
    if isinstance(operator, ast.Eq | ast.NotEq):
        same = a == b if z3.is_bool(a) == z3.is_bool(b) else _number(a) == _number(b)
        return same if isinstance(operator, ast.Eq) else z3.Not(same)
    a, b = _number(a), _number(b)
    if isinstance(operator, ast.Lt):
        return a < b
    if isinstance(operator, ast.LtE):
        return a <= b
    return a > b if isinstance(operator, ast.Gt) else a >= b
