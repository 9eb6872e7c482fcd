"""Mutants of a machine: the machine with one mistake in a step, an operation or a helper that these reach.

Nothing that says what is right is mutated: rules, promises, invariants, trials and theorems must notice. Where an
invariant, the normal form or a rule calls the helper that is mutated, it goes on calling the helper as it was, so that the
hypotheses of an induction are those of the machine. A promise is made of what the operation itself works with, and a trial
of what the machine's own methods do, so these call the mutated helper.
"""

from __future__ import annotations

import ast
import copy
import functools
import random
from collections import Counter
from collections.abc import Collection, Iterator
from functools import cached_property

import attrs

from kvproof.model.mutation.mutations import Mutation, is_judgement, mutations
from kvproof.spec.lang.calls import called, reached, running_methods
from kvproof.spec.lang.checker import check_method
from kvproof.spec.lang.definition import Definition, Method
from kvproof.spec.lang.errors import LanguageError

MUTATED = ("step", "operation", "helper")
AS_IT_WAS = "{}_as_it_was"
"""What a helper is called that a judge goes on calling: a name that a reference can have too."""


@attrs.define(eq=False, slots=False)
class Mutant:
    """A machine with one mistake."""

    original: Definition
    method: Method
    mutation: Mutation
    number: int
    """Which of the changes of this kind in this method it is, counted from 1."""

    @property
    def kind(self) -> str:
        return self.mutation.kind

    @property
    def name(self) -> str:
        """Method, kind and number: the same when lines are added elsewhere."""
        return f"{self.method.name}: {self.kind} {self.number}"

    @property
    def shown(self) -> str:
        """The change as one line: what was there -> what is there now."""
        before, after = ast.unparse(self.method.node).splitlines(), self.mutation.text.splitlines()
        start = next(i for i in range(len(before) + 1) if before[: i + 1] != after[: i + 1])
        end = next(i for i in range(1, len(before) + 1) if before[-i:] != after[-i:]) - 1
        end = min(end, len(before) - start, len(after) - start)
        return f"{_line(before[start : len(before) - end])} -> {_line(after[start : len(after) - end])}"

    @cached_property
    def definition(self) -> Definition:
        """The machine with the mistake."""
        changed = attrs.evolve(self.method, node=self.mutation.node, namespace=self.mutation.namespace)
        methods = {**self.original.methods, **_judges(self.original, self.method.name), changed.name: changed}
        return attrs.evolve(self.original, methods=methods)

    @property
    def is_in_the_language(self) -> bool:
        """Whether the checker of the language admits it."""
        try:
            check_method(self.definition, self.definition.methods[self.method.name])
        except LanguageError:
            return False
        return True

    @property
    def checked(self) -> tuple[str, ...]:
        """The operations and trials that reach the mutated method."""
        every = (*self.original.of_kind("operation"), *self.original.trials())
        return tuple(name for name in every if self.method.name in reached(self.original, [name]))


def mutants(definition: Definition) -> Iterator[Mutant]:
    """All mutants of a machine, in the order of its text."""
    acting = running_methods(definition, leaving_out=is_judgement)
    for method in definition.methods.values():
        if method.role in MUTATED and method.name in acting:
            numbers: Counter[str] = Counter()
            for mutation in mutations(definition, method):
                numbers[mutation.kind] += 1
                yield Mutant(definition, method, mutation, numbers[mutation.kind])


def drawn(definition: Definition, seed: int) -> Iterator[Mutant]:
    """All mutants in a random order that takes the kinds, and in each kind the methods, as equally often as it can."""
    chance = random.Random(seed)
    left: dict[str, list[Mutant]] = {}
    for mutant in mutants(definition):
        left.setdefault(mutant.kind, []).append(mutant)
    kinds: Counter[str] = Counter(dict.fromkeys(left, 0))
    methods: Counter[str] = Counter()
    while left:
        kind = min(left, key=lambda name: (kinds[name], chance.random()))
        mutant = min(left[kind], key=lambda one: (methods[one.method.name], chance.random()))
        left[kind].remove(mutant)
        if not left[kind]:
            del left[kind]
        kinds[kind] += 1
        methods[mutant.method.name] += 1
        yield mutant


@functools.cache
def _judges(definition: Definition, mutated: str) -> dict[str, Method]:
    """The methods in which invariants, the normal form or rules call what they called before `mutated` was."""
    concerned = {
        name
        for name, method in definition.methods.items()
        if method.kind == "helper" and mutated in reached(definition, [name])
    }
    concerned |= {mutated}
    renaming = _Renaming(concerned)
    found: dict[str, Method] = {}
    for method in definition.methods.values():
        whole = method.kind in ("invariant", "normal_form")
        if whole or (method.kind == "step" and method.name != mutated):
            node = renaming.whole(method.node) if whole else renaming.rules(method.node)
            if node is not method.node:
                found[method.name] = attrs.evolve(method, node=node)
    if found:
        for name in concerned:
            was, called_now = definition.methods[name], AS_IT_WAS.format(name)
            assert called_now not in definition.methods, f"{definition.name} has a method {called_now} already"
            node = copy.copy(renaming.whole(was.node))
            node.name = called_now
            found[called_now] = attrs.evolve(was, name=called_now, node=node)
    return found


class _Renaming(ast.NodeTransformer):
    """Lets a tree call methods as they were; a tree that calls none of them is returned as it is."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def whole(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if not any(name in self._names for name in called(node)):
            return node
        made = self.visit(copy.deepcopy(node))
        assert isinstance(made, ast.FunctionDef)
        return made

    def rules(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """A step in which the conditions of its rules, and nothing else, are renamed."""
        body = [self.visit(copy.deepcopy(part)) if is_judgement(part) else part for part in node.body]
        if all(ast.dump(one) == ast.dump(other) for one, other in zip(body, node.body, strict=True)):
            return node
        made = copy.copy(node)
        made.body = body
        return made

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:  # the name that ast looks for
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in self._names:
            node.attr = AS_IT_WAS.format(node.attr)
        return node


def _line(lines: list[str]) -> str:
    return " | ".join(line.strip() for line in lines) or "nothing"
