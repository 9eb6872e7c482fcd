"""How deep a check has to go before it has shown something: the goals beside branches, found in a machine's syntax trees.

A proof at sizes at which no prompt has two blocks that are cached says nothing of chains, though it takes every branch. So
every loop is to make no round, one, and several; every quantifier and choice is to have no candidate, one, and several;
every container and sequence is to be empty, to hold one, several, and all that it can; two arguments of one type are to be
equal and to differ; and every operand of a condition is to decide it. Provers ask the circuit for these goals and
exploration asks the reference (`writing.marks`); a goal has one name for both.

Not asked: what the text excludes. A loop over a whole index type makes as many rounds as the type has values, so only
"several" is asked of it; the condition of a rule or promise never comes out false, so of its parts only those are asked for
that can decide. Operands decide as they are evaluated, from left to right: what comes after the deciding one is not looked
at. (Considered: that an operand alone decides, whatever the others would say. Python cannot tell that of an operand that
the ones before it guard.)
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import combinations
from typing import Any

import attrs

from kvproof.spec.lang.calls import only_tried, running_methods
from kvproof.spec.lang.definition import FREE_FORM, Definition, Method, global_value
from kvproof.spec.lang.types import (
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    SeqType,
    SetType,
    Type,
)

ROUNDS = {0: "no round", 1: "one round", 2: "several rounds"}
CANDIDATES = {0: "no candidate", 1: "one candidate", 2: "several candidates"}
EMPTY, ONE, SEVERAL, FULL = 0, 1, 2, 3
HOLDS = {EMPTY: "empty", ONE: "holds one", SEVERAL: "holds several", FULL: "full"}
DIFFERENT, EQUAL = 0, 1
PAIR = {DIFFERENT: "different", EQUAL: "equal"}
WHOLE = -1
"""The case in which no operand decides: all of an `and` are true, all of an `or` false."""
QUANTIFIERS = ("all", "any", "sum", "tuple", "choose")


@attrs.frozen(eq=False)
class Site:
    """A place in a method, and the goals that it sets, by the number of the case."""

    cases: Mapping[int, str]

    def named(self, prefix: str) -> Site:
        """With the place in front of each case."""
        return Site({case: f"{prefix}: {text}" for case, text in self.cases.items()})


@attrs.frozen(eq=False)
class MethodDepth:
    """The goals that one method sets."""

    nodes: Mapping[int, Site]
    """By the identity of the loop, call, condition or chain in the method's tree."""
    sequences: Mapping[str, Site]
    """By the argument that is a sequence."""
    pairs: Mapping[tuple[str, str], Site]
    """By two arguments of one type."""

    def goals(self) -> Iterator[str]:
        """The names of all goals."""
        for site in (*self.nodes.values(), *self.sequences.values(), *self.pairs.values()):
            yield from site.cases.values()


@functools.cache
def method_depth(method: Method) -> MethodDepth:
    """The goals of a method; none for one that no checker reads."""
    if method.kind in FREE_FORM or method.kind in ("theorem", "invariant", "normal_form"):
        return MethodDepth({}, {}, {})
    found = _Sites(method)
    found.statements(method.node.body)
    sequences = {
        name: Site(HOLDS).named(f"{method.name}: {name}")
        for name, kind in method.arguments
        if isinstance(_inside(kind), SeqType) and not _inside(kind).exact  # type: ignore[union-attr]  # a SeqType
    }
    pairs = {
        (a, b): Site(PAIR).named(f"{method.name}: {a} and {b}")
        for (a, one), (b, other) in combinations(method.arguments, 2)
        if one is not None and one == other
    }
    return MethodDepth(found.nodes, sequences, pairs)


def _inside(kind: Type | None) -> Type | None:
    return kind.inner if isinstance(kind, OptionType) else kind


@functools.cache
def machine_goals(definition: Definition, of_trials: bool = False) -> frozenset[str]:
    """Every goal of a machine's operations and steps and of its state, or those that its trials set."""
    methods = only_tried(definition) if of_trials else running_methods(definition)
    found = {goal for name in methods for goal in method_depth(definition.methods[name]).goals()}
    if not of_trials:
        for name, variable in definition.state.items():
            if container_in(variable.type) is not None:
                found |= set(state_site(name).cases.values())
    return frozenset(found)


def container_in(kind: Type) -> Type | None:
    """The container or sequence that a state variable is, or that each value of a map is; None where there is none."""
    if isinstance(kind, MapType):
        return container_in(kind.value)
    if isinstance(kind, SetType | QueueType | PartialMapType) or (isinstance(kind, SeqType) and not kind.exact):
        return kind
    return None


@functools.cache
def state_site(variable: str) -> Site:
    """How much a container of the state holds, or (of a map of containers) one of them."""
    return Site(HOLDS).named(f"state {variable}")


class _Sites:
    """Walks a method. `must` says what a condition is bound to be: True or False, or None where both can be."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self.nodes: dict[int, Site] = {}
        self._labels: dict[str, int] = {}

    def _note(self, node: ast.AST, label: str, cases: Mapping[int, str]) -> None:
        if not cases:
            return
        times = self._labels[label] = self._labels.get(label, 0) + 1
        again = f" ({times})" if times > 1 else ""
        self.nodes[id(node)] = Site(cases).named(f"{self._method.name}: {label}{again}")

    def statements(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            match statement:
                case ast.For(target=target, iter=iterated, body=inner):
                    label = f"for {ast.unparse(target)} in {ast.unparse(iterated)}"
                    self._note(statement, label, {2: ROUNDS[2]} if self._is_fixed(iterated) else ROUNDS)
                    self.expression(iterated)
                    self.statements(inner)
                case ast.If(test=test, body=then, orelse=otherwise):
                    self.expression(test)
                    self.statements(then)
                    self.statements(otherwise)
                case ast.Expr(value=ast.Call(func=ast.Name(id="require" | "ensure" | "assume"), args=[condition, *_])):
                    self.expression(condition, must=True)
                case _:
                    for part in ast.iter_child_nodes(statement):
                        if isinstance(part, ast.expr):
                            self.expression(part)

    def expression(self, node: ast.expr, must: bool | None = None) -> None:
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.expression(operand, None if must is None else not must)
            case ast.BoolOp(op=op, values=values):
                conjunction = isinstance(op, ast.And)
                word, other = ("false", "all true") if conjunction else ("true", "all false")
                cases = {place: f"`{ast.unparse(value)}` {word}" for place, value in enumerate(values)}
                if must is None:
                    cases[WHOLE] = other
                bound = must is conjunction  # `and` that must be true, `or` that must be false: no operand can decide
                self._note(node, ast.unparse(node), {} if bound else cases)
                for value in values:
                    self.expression(value, must if bound else None)
            case ast.Compare(ops=[_, _, *_], comparators=comparators) if must is not True and _is_plain(comparators):
                parts = _links(node)
                cases = {place: f"`{ast.unparse(part)}` false" for place, part in enumerate(parts)}
                self._note(node, ast.unparse(node), cases if must is False else cases | {WHOLE: "all true"})
                self._inside(node)
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                self._note(node, ast.unparse(node), {0: "condition false", 1: "condition true"})
                self.expression(test)
                self.expression(then, must)
                self.expression(otherwise, must)
            case ast.Call(func=ast.Name(id=name), args=[ast.GeneratorExp() as generator, *_]) if name in QUANTIFIERS:
                fixed = all(self._is_fixed(part.iter) and not part.ifs for part in generator.generators)
                least = 2 if fixed else 1 if name == "choose" else 0  # that a choice has a candidate is a rule
                self._note(node, ast.unparse(node), {case: text for case, text in CANDIDATES.items() if case >= least})
                for part in generator.generators:
                    self.expression(part.iter)
                    for condition in part.ifs:
                        self.expression(condition)
                kept = (name == "all" and must is True) or (name == "any" and must is False)
                self.expression(generator.elt, must if kept else None)
            case _:
                self._inside(node)

    def _inside(self, node: ast.expr) -> None:
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.keyword):
                self.expression(part.value)
            elif isinstance(part, ast.expr):
                self.expression(part)

    def _is_fixed(self, node: ast.expr) -> bool:
        """Whether a loop over this makes as many rounds as the sizes say, in every state."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="every")) | ast.Tuple():
                return True
            case ast.Call(func=ast.Name(id="reversed" | "enumerate" | "zip"), args=inner):
                return all(map(self._is_fixed, inner))
            case ast.Call(func=ast.Name(id="range"), args=ends):
                return all(self._is_constant(end) for end in ends)
            case ast.Name(id=name):
                value = self._global(name)
                return isinstance(value, type) and issubclass(value, IntEnum)
        return False

    def _is_constant(self, node: ast.expr) -> bool:
        match node:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="params")) | ast.Constant():
                return True
            case ast.BinOp(left=left, right=right):
                return self._is_constant(left) and self._is_constant(right)
            case ast.Name(id=name):
                return isinstance(self._global(name), int)
        return False

    def _global(self, name: str) -> Any:
        try:
            return global_value(self._method, name)
        except KeyError:
            return None


def _is_plain(comparators: Sequence[ast.expr]) -> bool:
    """Whether what stands in the middle of a chain may be read twice: a chain is marked as the conjunction of its links."""
    return all(isinstance(part, ast.Name | ast.Constant | ast.Attribute) for part in comparators[:-1])


def _links(node: ast.Compare) -> list[ast.Compare]:
    """`a < b < c` as `a < b` and `b < c`."""
    ends = [node.left, *node.comparators]
    return [ast.Compare(ends[i], [op], [ends[i + 1]]) for i, op in enumerate(node.ops)]


def held(length: int, limit: int) -> tuple[int, ...]:
    """The cases of a container that holds `length` of at most `limit`: empty, one or several, and it may be full."""
    return (min(length, SEVERAL), *((FULL,) if length == limit else ()))


@attrs.frozen
class Depth:
    """What some checks together have reached of the goals that they should."""

    reached: frozenset[str]
    missed: tuple[str, ...]
    """Reached by none of them, and nobody says why: what they show is shallow there."""
    waived: Mapping[str, str]
    """Reached by none, and the machine says why."""
    idle: tuple[str, ...]
    """What the machine says cannot be reached and that is reached, or that names no goal at all."""


def account(goals: Collection[str], reached: Collection[str], reasons: Mapping[str, str]) -> Depth:
    """Hold what was reached against the goals. `reasons` says of goals why nothing reaches them; a `*` stands for any text.

    A reason is for goals that none of the checks reaches: it is idle when one of those that it names is reached.
    """
    waived: dict[str, str] = {}
    idle = []
    for pattern, reason in reasons.items():
        matches = re.compile("(?:" + ".*".join(map(re.escape, pattern.split("*"))) + ")\\Z").match
        named = [goal for goal in goals if matches(goal)]
        if not named or any(goal in reached for goal in named):
            idle.append(pattern)
        waived.update(dict.fromkeys((goal for goal in named if goal not in reached), reason))
    missed = sorted(goal for goal in goals if goal not in reached and goal not in waived)
    return Depth(frozenset(goal for goal in goals if goal in reached), tuple(missed), waived, tuple(idle))
