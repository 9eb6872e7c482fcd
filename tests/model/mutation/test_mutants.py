"""Mutants come in the same order every time, and whoever judges a mutant goes on calling helpers as they were."""

from __future__ import annotations

import ast
import sys
import types
from collections import Counter
from itertools import islice

import pytest
from larder import Larder, Sizes

from kvproof.model import machines
from kvproof.model.mutation.mutants import AS_IT_WAS, Mutant, drawn, mutants
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import compile_machine

ORIGINAL = compile_machine(Larder)


def _first_of(method: str) -> Mutant:
    return next(one for one in mutants(ORIGINAL) if one.method.name == method)


def _text(mutant: Mutant, method: str) -> str:
    return ast.unparse(mutant.definition.methods[method].node)


def test_a_name_names_one_mutant() -> None:
    names = [one.name for one in mutants(machines.load("block-manager").definition)]
    assert len(set(names)) == len(names)


def test_machine_and_seed_fix_the_order() -> None:
    first, again, other = ([one.name for one in islice(drawn(ORIGINAL, seed), 30)] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert sorted(one.name for one in drawn(ORIGINAL, 1)) == sorted(one.name for one in mutants(ORIGINAL))


@pytest.mark.parametrize("machine", machines.names())
def test_what_is_drawn_is_spread_over_kinds_and_methods(machine: str) -> None:
    found = list(islice(drawn(machines.load(machine).definition, 1), 40))
    kinds = Counter(one.kind for one in found)
    assert len(kinds) >= 17
    assert len({one.method.name for one in found}) >= 25
    # A kind has more than twice its share only where others have run out of mutants.
    assert max(kinds.values()) <= 6


def test_an_invariant_calls_a_mutated_helper_as_it_was() -> None:
    mutant = _first_of("is_empty")
    was = AS_IT_WAS.format("is_empty")
    assert was in _text(mutant, "empty_jars_are_open")
    body, original = mutant.definition.methods[was].node.body, ORIGINAL.methods["is_empty"].node.body
    assert [ast.unparse(one) for one in body] == [ast.unparse(one) for one in original]


def test_a_mutant_has_a_reference_that_judges_by_helpers_as_they_were() -> None:
    """`is_empty` says that one spoon is nothing: a jar with one spoon counts as empty, but not for the rule of `eat`."""
    mutant = next(one for one in mutants(ORIGINAL) if one.shown.endswith("-> return self.spoons[jar] <= 1"))
    module = types.ModuleType("mutated_larder")
    sys.modules[module.__name__] = module
    try:
        exec(compile(reference_source(mutant.definition), module.__name__, "exec"), module.__dict__)
        larder = module.Larder(Sizes())
        larder.spoons[0] = 1
        assert larder.is_empty(0)
        assert not larder.is_empty_as_it_was(0)
        larder.eat(0)
    finally:
        del sys.modules[module.__name__]


def test_a_rule_calls_a_mutated_helper_as_it_was() -> None:
    mutant = _first_of("is_empty")
    assert AS_IT_WAS.format("is_empty") in _text(mutant, "fill")


def test_an_operation_calls_the_mutated_helper_and_so_do_the_helpers_that_it_calls() -> None:
    mutant = _first_of("is_empty")
    for method in ("serve", "cook", "is_edible"):
        assert _text(mutant, method) == ast.unparse(ORIGINAL.methods[method].node)


def test_a_mutated_step_keeps_its_rules() -> None:
    mutant = _first_of("fill")
    assert "require(self.is_empty(jar), 'fill-empty-jars')" in _text(mutant, "fill")
    assert not [name for name in mutant.definition.methods if name not in ORIGINAL.methods]


def test_helpers_that_only_judges_call_are_not_mutated() -> None:
    machine = machines.load("block-manager").definition
    assert "is_sound" in machine.methods  # a promise calls it
    assert "is_sound" not in {one.method.name for one in mutants(machine)}


def test_only_operations_that_reach_the_mutated_method_are_checked() -> None:
    assert _first_of("open").checked == ("pour",)
    assert _first_of("is_empty").checked == ("cook", "taste", "serve")
