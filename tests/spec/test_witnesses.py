"""Every conjunct of every rule, promise and invariant refuses something by itself, or says why it stands there."""

from __future__ import annotations

import ast
import functools
import importlib
from pathlib import Path

import attrs
import pytest

from kvproof.model.machines import Bundle, load, names
from kvproof.model.witnesses.conjuncts import Conjunct, conjuncts
from kvproof.model.witnesses.witness import FILE_NAME, Witnesses, earned, read, replay, subject, unearned, unexplained
from kvproof.spec.lang import Definition

MACHINES = names()


@functools.cache
def _bundle(name: str) -> Bundle:
    return load(name)


def _kept(bundle: Bundle) -> Witnesses:
    package = importlib.import_module(f"kvproof.spec.{bundle.name.replace('-', '_')}")
    kept = read(Path(str(package.__file__)).parent / FILE_NAME)
    assert kept is not None
    return kept


@functools.cache
def _parts(bundle: Bundle) -> list[Conjunct]:
    return conjuncts(bundle.definition, load(bundle.shipped.built_on).definition if bundle.shipped.built_on else None)


@functools.cache
def _parts_of(variant: Definition) -> list[Conjunct]:
    return conjuncts(variant)


@pytest.mark.parametrize("name", MACHINES)
def test_each_conjunct_has_a_witness_or_a_reason_that_is_needed(name: str) -> None:
    bundle = _bundle(name)
    left = unearned(bundle.definition, _parts(bundle), _kept(bundle).witnesses)
    silent, needless = unexplained(left, bundle.shipped.documenting)
    remedy = f"run kvproof witnesses --machine {name} --record spec/{name.replace('-', '_')}/{FILE_NAME}"
    assert not silent, f"nothing is known to break {silent}: {remedy}"
    assert not needless, f"no reason is needed for {needless}"


@pytest.mark.parametrize("name", MACHINES)
def test_each_witness_is_refused_by_its_conjunct_and_by_nothing_else(name: str) -> None:
    bundle = _bundle(name)
    kept = _kept(bundle)
    assert kept.specification == bundle.definition.digest(), f"run kvproof witnesses --machine {name} --record"
    wrong = {}
    for witness in kept.witnesses:
        of = subject(bundle.definition, bundle.variants, witness)
        parts = _parts(bundle) if of is bundle.definition else _parts_of(of)
        matching = [c for c in parts if (c.key, c.condition) == (witness.conjunct, witness.condition)]
        shown = [replay(of, conjunct, witness) for conjunct in matching] or ["there is no such conjunct"]
        if "" not in shown:
            wrong[witness.conjunct] = shown[0]
    assert not wrong


def test_a_witness_is_no_witness_for_another_rule() -> None:
    """The replay tells rules apart: a call breaks the one that it is kept for."""
    bundle = _bundle("transfers")
    parts = {conjunct.key: conjunct for conjunct in _parts(bundle)}
    rules = [w for w in _kept(bundle).witnesses if parts[w.conjunct].kind == "rule" and earned(bundle.definition, w)]
    for witness in rules:
        others = [c for c in parts.values() if c.method == witness.call and c.condition != witness.condition]
        for other in others:
            if other.condition == witness.condition and _is_alternative(other):
                continue  # of `not a or b`, one state can be what either half refuses
            assert replay(bundle.definition, other, attrs.evolve(witness, condition=other.condition))


def _is_alternative(part: Conjunct) -> bool:
    """Whether the condition of which it is a part is an `or`."""
    return isinstance(part.statement, ast.Call) and (
        isinstance(part.statement.args[0], ast.BoolOp) and isinstance(part.statement.args[0].op, ast.Or)
    )
