"""The conjuncts of what a machine states, and the machine without one of them.

A rule, promise or invariant is as good as the least of its conjuncts: what could be left out unnoticed says nothing. Here
each condition is taken apart along its syntax tree, and for each conjunct the *weakened* methods are made, in which it is
replaced by what refuses nothing; who looks for a state that only this conjunct refuses (`search`) compares both.

Conjuncts are the operands of `and`, of `or` under `not`, within `all(..)`, in the branches of a conditional expression;
each comparison of a chain; an equivalence, and each of its directions; an early `return False`. An alternative with
several conjuncts, as in `not closed or (empty and forgotten)`, or an existence, as in `any(p and q for ..)`, has these. A
conjunct of a helper that is called is one of the condition *through* the helper: all who call it share it, and one of
them has to need it. That goes for helpers that serve conditions alone; what operations and steps use, too, is part of what
the machine does.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from kvproof.spec.lang.calls import running_methods
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.types import BoolType

N = TypeVar("N", bound=ast.AST)

KINDS = {"require": "rule", "ensure": "promise"}
"""The kind of statement that each function makes."""


@attrs.frozen(eq=False)
class Conjunct:
    """One conjunct of one condition, and the methods of the machine that does without it."""

    kind: str
    """"rule", "promise" or "invariant"."""
    condition: str
    """The name of the rule, promise or invariant."""
    method: str
    """Where it is stated."""
    through: tuple[str, ...]
    """The helpers through which the condition has it, outermost first."""
    text: str
    """The conjunct as it is written; negated where it stands under a `not`."""
    number: int
    """Which of those that read alike in one method, from 1."""
    half_of: str
    """The equivalence of which it is one direction; "" for all others."""
    changed: Mapping[str, Method]
    """The methods that differ, and copies of helpers for them."""
    statement: ast.Call | None = None
    """The `require` or `ensure`; None for an invariant."""
    weaker: ast.expr | None = None
    """Its condition without the conjunct."""

    @property
    def where(self) -> str:
        """The method in which it is written."""
        return self.through[-1] if self.through else self.method

    @property
    def key(self) -> str:
        """Names the conjunct; through a helper, wherever that is called, by the helper."""
        return f"{self.where}: {self.text}" + (f" #{self.number}" if self.number > 1 else "")

    def __str__(self) -> str:
        return f"{self.kind} {self.condition}, {self.key}"


@attrs.frozen(eq=False)
class _Part:
    """A conjunct of an expression, and the expression without it."""

    text: str
    through: tuple[str, ...]
    weaker: ast.expr
    helpers: Mapping[str, Method] = attrs.field(factory=dict)
    half_of: str = ""

    def within(self, rebuilt: Callable[[ast.expr], ast.expr]) -> _Part:
        """The same conjunct of a larger expression."""
        return attrs.evolve(self, weaker=rebuilt(self.weaker))


def conjuncts(definition: Definition, inherited: Definition | None = None) -> list[Conjunct]:
    """The conjuncts of all conditions of a machine, in order; of those through helpers, every use.

    What is `inherited` from the machine that this one is built on is left to that one.
    """
    apart = _Apart(definition)
    old = {name: method.node for name, method in inherited.methods.items()} if inherited is not None else {}
    found: list[Conjunct] = []
    for method in definition.methods.values():
        if method.kind == "invariant":
            made = apart.invariant(method)
        elif method.role in ("step", "operation", "helper", "trial"):
            made = apart.statements(method)
        else:
            continue
        for conjunct in made:
            owner = conjunct.through[-1] if conjunct.through else method.name
            if old.get(owner) is not definition.methods[owner].node:
                found.append(conjunct)
    return found


def stated(node: ast.FunctionDef) -> list[ast.Call]:
    """The rules and promises of a method."""
    calls = (part for part in ast.walk(node) if isinstance(part, ast.Call))
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in KINDS]


def is_statement(node: ast.AST) -> bool:
    """Whether a call states what is right, and does nothing."""
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in KINDS
    return False


class _Apart:
    """Takes conditions apart."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._acting = running_methods(definition, leaving_out=is_statement)
        self._copies = 0

    def statements(self, method: Method) -> list[Conjunct]:
        """The conjuncts of the rules and promises that a method states."""
        found: list[Conjunct] = []
        for call in stated(method.node):
            assert isinstance(call.func, ast.Name)
            named = call.args[1]
            assert isinstance(named, ast.Constant)
            for part in self.expression(call.args[0], True):
                node = replaced(method.node, call.args[0], part.weaker)
                made = self._conjunct(KINDS[call.func.id], str(named.value), method, part, node, found)
                found.append(attrs.evolve(made, statement=call, weaker=part.weaker))
        return found

    def invariant(self, method: Method) -> list[Conjunct]:
        """The conjuncts of an invariant."""
        parts = list(self._block(method.node.body, True))
        if all(part.through for part, _ in parts):
            said = _documentation(method.node)
            text = _written([statement for statement in method.node.body if statement not in said])
            parts.insert(0, (_Part(text, (), ast.Constant(True)), [*said, ast.Return(ast.Constant(True))]))
        found: list[Conjunct] = []
        for part, body in parts:
            node = _with_body(method.node, body)
            found.append(self._conjunct("invariant", method.name, method, part, node, found))
        return found

    def _conjunct(
        self, kind: str, name: str, method: Method, part: _Part, node: ast.FunctionDef, found: Sequence[Conjunct]
    ) -> Conjunct:
        changed = {method.name: attrs.evolve(method, node=node), **part.helpers}
        alike = sum(1 for other in found if not other.through and other.text == part.text)
        number = 1 if part.through else 1 + alike
        return Conjunct(kind, name, method.name, part.through, part.text, number, part.half_of, changed)

    # Bodies

    def _block(self, statements: Sequence[ast.stmt], positive: bool) -> Iterator[tuple[_Part, list[ast.stmt]]]:
        """The conjuncts of a predicate's statements, each with the statements without it.

        `positive`: the predicate is to be true; else to be false.
        """
        for position, statement in enumerate(statements):
            for part, without in self._statement(statement, positive):
                yield part, [*statements[:position], without, *statements[position + 1 :]]

    def _statement(self, node: ast.stmt, positive: bool) -> Iterator[tuple[_Part, ast.stmt]]:
        match node:
            case ast.Return(value=ast.expr() as value):
                for part in self.expression(value, positive):
                    yield part, ast.copy_location(ast.Return(part.weaker), node)
            case ast.If(test=test, body=[ast.Return(value=ast.Constant(value=bool(result)))], orelse=[]):
                parts = self.expression(test, positive if result else not positive)
                several = sum(1 for part in parts if not part.through) > 1
                for part in parts:
                    if part.through or result != positive or several:
                        yield part, _rebuilt(node, test=part.weaker)
            case ast.If():
                for part, body in self._block(node.body, positive):
                    yield part, _rebuilt(node, body=body)
                for part, body in self._block(node.orelse, positive):
                    yield part, _rebuilt(node, orelse=body)
            case ast.For():
                for part, body in self._block(node.body, positive):
                    yield part, _rebuilt(node, body=body)

    # Expressions

    def expression(self, node: ast.expr, positive: bool) -> list[_Part]:
        """The conjuncts of an expression that is to be true (`positive`), or false."""
        match node:
            case ast.Constant():
                return []
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return [
                    part.within(lambda new: ast.UnaryOp(ast.Not(), new))
                    for part in self.expression(operand, not positive)
                ]
            case ast.BoolOp(op=operator, values=values):
                parts = [
                    [part.within(_operand(node, i)) for part in self.expression(value, positive)]
                    for i, value in enumerate(values)
                ]
                if isinstance(operator, ast.And) == positive:
                    return [part for of in parts for part in of]
                return self._of_alternatives(node, parts, positive)
            case ast.IfExp():
                then = [p.within(lambda new: _rebuilt(node, body=new)) for p in self.expression(node.body, positive)]
                other = [
                    p.within(lambda new: _rebuilt(node, orelse=new)) for p in self.expression(node.orelse, positive)
                ]
                return then + other
            case ast.Call(func=ast.Name(id="all" | "any" as quantifier), args=[ast.GeneratorExp() as generator]):
                return self._quantified(node, quantifier == "all", generator, positive)
            case ast.Compare(ops=[_, _, *_]) if positive:
                ends = [node.left, *node.comparators]
                links = [ast.Compare(ends[i], [op], [ends[i + 1]]) for i, op in enumerate(node.ops)]
                return self.expression(ast.BoolOp(ast.And(), list(links)), positive)
            case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]) if positive and (
                self._is_truth(left) and self._is_truth(right)
            ):
                directions = [
                    (f"{_text(a)} implies {_text(b)}", ast.BoolOp(ast.Or(), [ast.UnaryOp(ast.Not(), b), a]))
                    for a, b in ((left, right), (right, left))
                ]
                halves = [_Part(text, (), weaker, half_of=_text(node)) for text, weaker in directions]
                return [_whole(node, positive), *halves]
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)) if self._is_predicate(name):
                opened = [] if name in self._acting else self._through(node, name, positive)
                return [_whole(node, positive), *opened]
        return [_whole(node, positive)]

    def _of_alternatives(self, node: ast.expr, parts: Sequence[Sequence[_Part]], positive: bool) -> list[_Part]:
        """The conjuncts of a disjunction: those of the alternatives that have several, or else it is a single one."""
        found: list[_Part] = []
        for of in parts:
            own = [part for part in of if not part.through]
            found += own if len(own) > 1 else []
        return (found or [_whole(node, positive)]) + [part for of in parts for part in of if part.through]

    def _quantified(self, node: ast.Call, universal: bool, generator: ast.GeneratorExp, positive: bool) -> list[_Part]:
        """`all` and `any`: their element, and the tests on what they run over."""

        places: list[tuple[ast.expr, _Place, bool]] = [
            (test, (at, number), not positive if universal else positive)
            for at, loop in enumerate(generator.generators)
            for number, test in enumerate(loop.ifs)
        ]
        places.append((generator.elt, None, positive))
        parts = [
            [part.within(_quantifier(node, generator, place)) for part in self.expression(of, polarity)]
            for of, place, polarity in places
        ]
        if universal == positive:
            return self._of_alternatives(node, parts, positive)
        own = [part for of in parts for part in of if not part.through]
        return (own if len(own) > 1 else [_whole(node, positive)]) + [p for of in parts for p in of if p.through]

    def _through(self, call: ast.Call, name: str, positive: bool) -> Iterator[_Part]:
        """The conjuncts of a helper that is called, each with a copy of the helper without it."""
        method = self._definition.methods[name]
        parts = list(self._block(method.node.body, positive))
        if sum(1 for part, _ in parts if not part.through) < 2:
            parts = [(part, body) for part, body in parts if part.through]
        for part, body in parts:
            self._copies += 1
            copied = f"{name}_without_{self._copies}"
            node = _rebuilt(_with_body(method.node, body), name=copied)
            function = ast.Attribute(ast.Name("self", ast.Load()), copied, ast.Load())
            weaker = ast.copy_location(ast.Call(function, call.args, []), call)
            helpers = {**part.helpers, copied: attrs.evolve(method, name=copied, node=node)}
            yield _Part(part.text, (name, *part.through), weaker, helpers, part.half_of)

    def _is_predicate(self, name: str) -> bool:
        method = self._definition.methods.get(name)
        return method is not None and method.kind == "helper" and isinstance(method.returns, BoolType)

    def _is_truth(self, node: ast.expr) -> bool:
        """Whether an expression is a truth value by its form."""
        match node:
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                return True
            case ast.Call(func=ast.Name(id="all" | "any")):
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                return self._is_predicate(name)
        return False


_Place = tuple[int, int] | None
"""A test in a generator expression, by loop and number; None for its element."""


def _operand(node: ast.BoolOp, position: int) -> Callable[[ast.expr], ast.expr]:
    def rebuilt(new: ast.expr) -> ast.expr:
        return ast.BoolOp(node.op, [*node.values[:position], new, *node.values[position + 1 :]])

    return rebuilt


def _quantifier(node: ast.Call, generator: ast.GeneratorExp, place: _Place) -> Callable[[ast.expr], ast.expr]:
    def rebuilt(new: ast.expr) -> ast.expr:
        loops = list(generator.generators)
        if place is None:
            return ast.Call(node.func, [ast.GeneratorExp(new, loops)], [])
        at, test = place
        tests = [*loops[at].ifs[:test], new, *loops[at].ifs[test + 1 :]]
        loops[at] = ast.comprehension(loops[at].target, loops[at].iter, tests, 0)
        return ast.Call(node.func, [ast.GeneratorExp(generator.elt, loops)], [])

    return rebuilt


def _whole(node: ast.expr, positive: bool) -> _Part:
    """An expression that is one conjunct."""
    return _Part(_text(node if positive else ast.UnaryOp(ast.Not(), node)), (), ast.Constant(positive))


def _text(node: ast.expr) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))


def _written(statements: Sequence[ast.stmt]) -> str:
    if len(statements) == 1 and isinstance(statements[0], ast.Return) and statements[0].value is not None:
        return _text(statements[0].value)
    return "; ".join(" ".join(ast.unparse(statement).split()) for statement in statements)


def _documentation(node: ast.FunctionDef) -> list[ast.stmt]:
    first = node.body[0]
    return [first] if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) else []


def _rebuilt(node: N, **changes: object) -> N:
    """A copy of one node with some fields replaced; what is below is shared."""
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _with_body(node: ast.FunctionDef, body: Sequence[ast.stmt]) -> ast.FunctionDef:
    return ast.fix_missing_locations(_rebuilt(node, body=list(body)))


def replaced(node: ast.FunctionDef, old: ast.expr, new: ast.expr) -> ast.FunctionDef:
    """A copy of a method in which one expression is another."""

    def copied(at: Any) -> Any:
        if at is old:
            return new
        if isinstance(at, list):
            return [copied(part) for part in at]
        if not isinstance(at, ast.AST):
            return at
        return _rebuilt(at, **{name: copied(value) for name, value in ast.iter_fields(at)})

    made: ast.FunctionDef = ast.fix_missing_locations(copied(node))
    return made
