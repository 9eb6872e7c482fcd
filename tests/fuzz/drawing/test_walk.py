"""Which operations a case is made of."""

from __future__ import annotations

from attrs import evolve
from toy_batch import BATCH_DEFAULTS, TOY_BATCH, BatchReference

from kvproof.fuzz.chooser import RandomChooser
from kvproof.fuzz.drawing.arguments import ArgumentSource
from kvproof.fuzz.drawing.walk import mixture, operation_for, weights


def test_queries_have_the_least_weight() -> None:
    names = weights(TOY_BATCH)
    assert set(names) == set(TOY_BATCH.operations)
    assert names.count("weigh") == 1
    assert all(names.count(name) >= 3 for name in TOY_BATCH.operations if name != "weigh")


def test_some_cases_have_all_operations_and_others_leave_some_out() -> None:
    chooser = RandomChooser(1)
    cases = [set(mixture(TOY_BATCH, chooser)) for _ in range(60)]
    assert 20 < sum(names == set(TOY_BATCH.operations) for names in cases) < 60
    assert all(names <= set(TOY_BATCH.operations) for names in cases)


def test_another_operation_takes_the_place_of_one_that_is_not_enabled() -> None:
    source = ArgumentSource(TOY_BATCH, BATCH_DEFAULTS, BatchReference(BATCH_DEFAULTS))
    chooser = RandomChooser(2)
    found = [operation_for("pop", source, weights(TOY_BATCH), chooser).name for _ in range(80)]
    assert found.count("pop") < 40
    assert found.count("push") + found.count("push_all") > 20


def test_a_wanted_operation_is_drawn_when_it_is_enabled() -> None:
    reference = BatchReference(BATCH_DEFAULTS)
    reference.words = {1: (0,)}
    source, chooser = ArgumentSource(TOY_BATCH, BATCH_DEFAULTS, reference), RandomChooser(3)
    found = [operation_for("pop", source, weights(TOY_BATCH), chooser).name for _ in range(40)]
    assert found.count("pop") > 30


def test_operations_that_end_what_others_build_up_are_seldom_drawn() -> None:
    subject = evolve(TOY_BATCH, seldom=frozenset({"pop"}))
    names = weights(subject)
    assert names.count("pop") == 1
    assert all(names.count(name) > 1 for name in subject.operations if name != "pop")
