"""A reference that notes the goals of depth that its runs reach, for exploration (see `depth`).

The marks are written into a copy of each method before it is made part of the reference: an operand of a condition is
followed by what notes that it decided, a loop counts its rounds, a quantifier its candidates. The committed references have
none of this: they are for reading, and for speed.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from kvproof.model.depth import (
    DIFFERENT,
    EQUAL,
    WHOLE,
    MethodDepth,
    Site,
    container_in,
    held,
    machine_goals,
    method_depth,
    state_site,
)
from kvproof.model.symbolic.shapes import domain_size, shape_of
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.types import MapType, OptionType, PartialMapType, QueueType, SeqType, SetType, Type


def measured(method: Method) -> ast.FunctionDef:
    """A method's syntax tree with marks at the places that set goals."""
    depth = method_depth(method)
    sites: dict[int, Site] = {}
    node = _copied(method.node, depth, sites)
    assert isinstance(node, ast.FunctionDef)
    _Marks(sites).generic_visit(node)
    entry: list[ast.stmt] = []
    for name, site in depth.sequences.items():
        kind = dict(method.arguments)[name]
        there = isinstance(kind, OptionType)
        inner = kind.inner if isinstance(kind, OptionType) else kind
        assert isinstance(inner, SeqType)
        call = f"self._holds({_goals(site)!r}, len({name}), {(method.name, name)!r})"
        entry += ast.parse(f"{call} if {name} is not None else None" if there else call).body
    for (a, b), site in depth.pairs.items():
        entry += ast.parse(f"self.depth.add({site.cases[EQUAL]!r} if {a} == {b} else {site.cases[DIFFERENT]!r})").body
    documented = 1 if ast.get_docstring(node) is not None else 0
    node.body[documented:documented] = entry
    return node


def _goals(site: Site) -> tuple[str | None, ...]:
    """The goals by case, from 0 on, as a constant."""
    return tuple(site.cases.get(case) for case in range(max(site.cases) + 1))


def _copied(value: Any, depth: MethodDepth, sites: dict[int, Site]) -> Any:
    """A copy of a syntax tree; `sites` gets the places of the copy that set goals."""
    if isinstance(value, list):
        return [_copied(part, depth, sites) for part in value]
    if not isinstance(value, ast.AST):
        return value
    copied = type(value)()
    copied.__dict__.update({name: _copied(part, depth, sites) for name, part in value.__dict__.items()})
    if id(value) in depth.nodes:
        sites[id(copied)] = depth.nodes[id(value)]
    return copied


class _Marks(ast.NodeTransformer):
    def __init__(self, sites: Mapping[int, Site]) -> None:
        self._sites = sites
        self._loops = 0

    def visit_For(self, node: ast.For) -> Any:
        site = self._sites.get(id(node))
        self.generic_visit(node)
        if site is None:
            return node
        counter = f"_rounds_{self._loops}"
        self._loops += 1
        node.body.insert(0, ast.parse(f"{counter} += 1").body[0])
        counted = ast.parse(
            f"{counter} = 0\ntry:\n    pass\nfinally:\n    self._count({_goals(site)!r}, {counter})"
        ).body
        whole = counted[1]
        assert isinstance(whole, ast.Try)
        whole.body = [node]
        return counted

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        site = self._sites.get(id(node))
        self.generic_visit(node)
        conjunction = isinstance(node.op, ast.And)
        # what takes a place is found by it: who tests values before they are stored looks for where they stood
        return node if site is None else ast.copy_location(_decided(site, node.values, conjunction), node)

    def visit_Compare(self, node: ast.Compare) -> Any:
        site = self._sites.get(id(node))
        self.generic_visit(node)
        if site is None:
            return node
        ends = [node.left, *node.comparators]
        links: list[ast.expr] = [ast.Compare(ends[i], [op], [ends[i + 1]]) for i, op in enumerate(node.ops)]
        return ast.copy_location(_decided(site, links, conjunction=True), node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        site = self._sites.get(id(node))
        self.generic_visit(node)
        if site is not None:
            node.test = _or(_and(node.test, _mark("_true", site, 1)), _mark("_false", site, 0))
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        site = self._sites.get(id(node))
        self.generic_visit(node)
        if site is None:
            return node
        generator = node.args[0]
        assert isinstance(generator, ast.GeneratorExp)
        # all of them, whether the quantifier looks at them or stops before
        every = ast.GeneratorExp(ast.Constant(1), generator.generators)
        count = ast.parse(f"self._count({_goals(site)!r}, sum(0))", mode="eval").body
        assert isinstance(count, ast.Call)
        counting = count.args[1]
        assert isinstance(counting, ast.Call)
        counting.args = [every]
        both = ast.Tuple([count, node], ast.Load())
        return ast.copy_location(ast.Subscript(both, ast.Constant(1), ast.Load()), node)


def _mark(function: str, site: Site, case: int) -> ast.expr:
    return ast.parse(f"self.{function}({site.cases.get(case)!r})", mode="eval").body


def _and(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BoolOp(ast.And(), [a, b])


def _or(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.BoolOp(ast.Or(), [a, b])


def _decided(site: Site, values: list[ast.expr], conjunction: bool) -> ast.expr:
    """`a and b` as `(a or noted false) and (b or noted false) and noted true`; and the like for `or`."""
    join, other = (_or, "_false") if conjunction else (_and, "_true")
    parts = [join(value, _mark(other, site, place)) for place, value in enumerate(values)]
    whole = _mark("_true" if conjunction else "_false", site, WHOLE)
    return ast.BoolOp(ast.And() if conjunction else ast.Or(), [*parts, whole])


class Measured:
    """What a reference with marks has beside: goals are noted while an operation runs or a trial is tried."""

    DEFINITION: Definition
    params: Any
    restore: Any

    def __init__(self, params: Any) -> None:
        self.depth: set[str | None] = set()
        """What is noted now; thrown away when nothing is being run."""
        self.reached: set[str] = set()
        """Every goal that operations and trials have reached."""
        super().__init__(params)  # type: ignore[call-arg]  # a reference follows in the order of bases
        self._limits = {
            (name, argument): kind.length(params) if kind is not None else 0
            for name, method in self.DEFINITION.methods.items()
            for argument, kind in _sequences(method)
        }
        self._state = [
            (state_site(name), variable.type, _limit(container_in(variable.type), params))
            for name, variable in self.DEFINITION.state.items()
        ]

    def apply(self, operation: str, arguments: dict[str, Any]) -> Any:
        self.depth = set()
        try:
            return super().apply(operation, arguments)  # type: ignore[misc]
        finally:
            self._keep(of_trials=False)

    def attempt(self, trial: str, arguments: dict[str, Any], saved: Any) -> bool:
        self.depth = set()
        assumed = bool(super().attempt(trial, arguments, saved))  # type: ignore[misc]
        if assumed:
            self._keep(of_trials=True)
        return assumed

    def _keep(self, of_trials: bool) -> None:
        self.depth.discard(None)
        if not self.depth <= self.reached:
            goals = machine_goals(self.DEFINITION, of_trials)
            self.reached.update(goal for goal in self.depth if goal in goals)
        self.depth = set()

    def note_state(self, saved: tuple[Any, ...]) -> None:
        """The goals that a state reaches: how much its containers hold."""
        for part, (site, kind, limit) in zip(saved, self._state, strict=True):
            if limit is not None:
                self._note(site, kind, part, limit)

    def _note(self, site: Site, kind: Type, part: Any, limit: int) -> None:
        if isinstance(kind, MapType):
            for inner in part:
                self._note(site, kind.value, inner, limit)
        else:
            self.reached.update(site.cases[case] for case in held(len(part), limit))

    def _true(self, goal: str | None) -> bool:
        self.depth.add(goal)
        return True

    def _false(self, goal: str | None) -> bool:
        self.depth.add(goal)
        return False

    def _count(self, goals: tuple[str | None, ...], number: int) -> None:
        self.depth.add(goals[min(number, 2)])

    def _holds(self, goals: tuple[str, ...], length: int, argument: tuple[str, str]) -> None:
        self.depth.update(goals[case] for case in held(length, self._limits[argument]))


def _sequences(method: Method) -> list[tuple[str, SeqType]]:
    found = []
    for name, kind in method.arguments:
        inner = kind.inner if isinstance(kind, OptionType) else kind
        if isinstance(inner, SeqType):
            found.append((name, inner))
    return found


def _limit(kind: Type | None, parameters: Any) -> int | None:
    """How much a container can hold."""
    if isinstance(kind, SeqType):
        return kind.length(parameters)
    if isinstance(kind, QueueType):
        return kind.item.size(parameters)
    if isinstance(kind, SetType):
        return domain_size(shape_of(kind.inner, parameters))
    if isinstance(kind, PartialMapType):
        return domain_size(shape_of(kind.key, parameters))
    return None
