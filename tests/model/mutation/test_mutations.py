"""Every kind of mistake is made wherever it can be, nothing that judges is touched, and the same text is made once."""

from __future__ import annotations

import ast

import pytest
from larder import Jar, Larder, Shelf, Sizes, Spoons

from kvproof.model.mutation.mutants import mutants
from kvproof.spec.lang import compile_machine, operation
from kvproof.spec.lang.definition import Definition


class Places(Larder):
    """One place more for the kinds that the larder has none for."""

    @operation
    def survey(self, jar: Jar, other: Jar, spoons: Spoons) -> int:
        """Look at the jars. Changes nothing."""
        found = 0
        seen: tuple[Jar, ...] = ()
        for each in self.every(Jar):
            if self.is_fuller(each, jar) or each in seen:
                found = found + self.spoons[each]
        for place in range(2):
            found -= place
        for place in reversed(range(1, spoons)):
            found = max(found, place)
        seen = (jar, other)
        return found + len(seen[:1]) + (1 if self.spoons[jar] > spoons else 0)

    def is_fuller(self, one: Jar, other: Jar) -> bool:
        """Whether there is more in one jar than in another."""
        return all(self.spoons[one] > self.spoons[other] for _ in Shelf)


def _of(method: str, definition: Definition | None = None) -> dict[str, list[str]]:
    """The changes of a method by kind, each as one line."""
    found: dict[str, list[str]] = {}
    for mutant in mutants(definition or compile_machine(Places)):
        if mutant.method.name == method:
            found.setdefault(mutant.kind, []).append(mutant.shown)
    return found


@pytest.mark.parametrize(
    ("method", "kind", "after"),
    [
        ("fill", "statement dropped", "nothing"),
        ("open", "statement dropped", "pass"),
        ("pour", "statements swapped", "self.open(target) | self.open(source)"),
        ("pour", "returns early", "return"),
        ("pour", "other argument", "self.open(target)"),
        ("pour", "condition negated", "if not (source == target or not self.sealed[source]):"),
        ("pour", "part dropped", "if not self.sealed[source]:"),
        ("pour", "and for or", "if source == target and (not self.sealed[source]):"),
        ("is_edible", "or for and", "return not self.sealed[jar] or not self.is_empty(jar)"),
        ("is_empty", "off by one", "return self.spoons[jar] <= 1"),
        ("is_empty", "off by one", "return self.spoons[jar] < 0"),
        ("eat", "off by one", "self.spoons[jar] -= 2"),
        ("open", "other truth value", "self.sealed[jar] = True"),
        ("set_out", "other member", "self.row[Shelf.LOWER].push_back(jar, rank)"),
        ("set_out", "other end", "self.row[UPPER].push_front(jar, rank)"),
        ("label", "field forgotten", "return Label(0, True)"),
        ("label", "max for min", "return Label(max(spoons, 3), True)"),
        ("survey", "min for max", "found = min(found, place)"),
        ("is_set_out", "all for any", "return all((jar in self.row[shelf] for shelf in Shelf))"),
        ("is_fuller", "any for all", "return any((self.spoons[one] > self.spoons[other] for _ in Shelf))"),
        ("survey", "arguments swapped", "if self.is_fuller(jar, each) or each in seen:"),
        ("survey", "other sign", "found = found - self.spoons[each]"),
        ("survey", "first only", "break"),
        ("survey", "first only", "for place in range(0, min(1, 2)):"),
        ("survey", "last only", "for place in range(max(0, 2 - 1), 2):"),
        ("survey", "not the first", "for place in range(1, 2):"),
        ("survey", "not the last", "for place in reversed(range(1, spoons - 1)):"),
        ("survey", "part dropped", "found = found"),
        ("taste", "first only", "for jar in jars[:1]:"),
        ("taste", "last only", "for jar in jars[max(0, len(jars) - 1):]:"),
        ("taste", "not the last", "for jar in jars[:max(0, len(jars) - 1)]:"),
    ],
)
def test_each_kind_of_mistake_is_made(method: str, kind: str, after: str) -> None:
    assert after in [shown.partition(" -> ")[2] for shown in _of(method)[kind]]


def test_a_machine_is_left_as_it_is() -> None:
    definition = compile_machine(Places)
    before = {name: ast.dump(method.node) for name, method in definition.methods.items()}
    assert len(list(mutants(definition))) > 100
    assert {name: ast.dump(method.node) for name, method in definition.methods.items()} == before


def test_no_two_mutants_of_a_method_are_the_same_and_none_is_the_machine() -> None:
    texts = [(mutant.method.name, mutant.mutation.text) for mutant in mutants(compile_machine(Places))]
    assert len(set(texts)) == len(texts)
    originals = {name: ast.unparse(method.node) for name, method in compile_machine(Places).methods.items()}
    assert all(originals[name] != text for name, text in texts)


def test_what_judges_is_not_mutated() -> None:
    for mutant in mutants(compile_machine(Places)):
        judgements = [
            ast.unparse(part)
            for part in ast.walk(mutant.mutation.node)
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("require", "ensure")
        ]
        original = ast.unparse(mutant.method.node)
        assert all(judgement in original for judgement in judgements)
        assert mutant.method.kind in ("step", "operation", "helper")


def test_a_result_that_some_path_lacks_is_a_mistake_of_types_and_not_made() -> None:
    assert "statement dropped" not in _of("is_empty")


def test_lines_are_those_of_the_machine() -> None:
    for mutant in mutants(compile_machine(Larder)):
        assert mutant.method.line <= mutant.mutation.line <= (mutant.method.node.end_lineno or 0)
        for part in (part for statement in mutant.mutation.node.body for part in ast.walk(statement)):
            if isinstance(part, ast.stmt | ast.expr):
                assert mutant.method.line <= part.lineno <= (mutant.method.node.end_lineno or 0)


def test_a_mutant_whose_names_or_types_mean_nothing_is_outside_the_language() -> None:
    outside = [one.shown for one in mutants(compile_machine(Larder)) if not one.is_in_the_language]
    assert "written = self.label(spoons) -> nothing" in outside
    assert any(shown.endswith("for shelf in Shelf[:1]))") for shown in outside)
    assert "self.eat(jar) -> nothing" not in outside


def test_the_machine_with_the_mistake_is_a_machine_of_its_own() -> None:
    mutant = next(one for one in mutants(compile_machine(Larder)) if one.shown.endswith("self.sealed[jar] = True"))
    assert mutant.definition.digest() != mutant.original.digest()
    assert mutant.original.digest() == compile_machine(Larder).digest()
    assert mutant.definition.cls(Sizes()).check() == []
