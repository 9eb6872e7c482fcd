"""Edits reach values in lists and in records, and leave everything else as it was."""

from __future__ import annotations

import pytest
from toy_batch import BATCH_DEFAULTS, TOY_BATCH, order, push_all

from kvproof.fuzz import edits
from kvproof.fuzz.target import Operation

SHAPES = TOY_BATCH.make_shapes(BATCH_DEFAULTS)
PUSH = Operation("push", {"job": 3, "word": (2, 1, 0)})
BATCH = push_all(order(1, (0, 2), weight=4), order(3, (2, 2, 2)))
RUN = (PUSH, BATCH)


def test_the_items_of_all_lists_count() -> None:
    assert edits.length(BATCH.arguments) == 2 + 2 + 3


def test_numbers_are_told_in_order() -> None:
    assert edits.numbers(BATCH.arguments["orders"]) == [1, 0, 2, 4, -1, 3, 2, 2, 2, 0, -1]


def test_a_record_can_be_kept_in_a_set() -> None:
    assert len({edits.frozen(BATCH.arguments), edits.frozen(push_all().arguments)}) == 2


def test_the_longest_list_of_plain_values_is_found_inside_records() -> None:
    assert edits.longest((BATCH,)) == 3
    assert edits.longest((push_all(order(0), order(1)),)) == 0


def test_a_cut_shortens_lists_of_values_and_keeps_to_the_shape_of_records() -> None:
    shapes = TOY_BATCH.make_shapes({**BATCH_DEFAULTS, "batch": 1})
    assert edits.cut(RUN, shapes, 1) == (
        Operation("push", {"job": 3, "word": (2,)}),
        push_all(order(1, (0,), weight=4)),
    )


def test_a_position_leaves_every_list_of_values_but_no_record() -> None:
    assert edits.without_position(RUN, SHAPES, 1) == (
        Operation("push", {"job": 3, "word": (2, 0)}),
        push_all(order(1, (0,), weight=4), order(3, (2, 2))),
    )


def test_an_index_is_renamed_in_every_operation_and_record() -> None:
    swapped = (
        Operation("push", {"job": 1, "word": (2, 1, 0)}),
        push_all(order(3, (0, 2), weight=4), order(1, (2, 2, 2))),
    )
    assert swapped in list(edits.renamed(RUN, SHAPES))


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ((push_all(order(0)), push_all(order(1))), (push_all(order(0), order(1)),)),
        ((push_all(order(0, (1,))), Operation("push", {"job": 2, "word": (2,)})), (push_all(order(0, (1, 2))),)),
    ],
    ids=["records", "values"],
)
def test_a_list_of_one_operation_goes_to_an_earlier_one(
    operations: tuple[Operation, ...], expected: tuple[Operation, ...]
) -> None:
    assert expected in list(edits.merged(operations, SHAPES))


def test_a_merged_list_that_would_be_too_long_is_not_given() -> None:
    full = push_all(order(0), order(1), order(2))
    found = list(edits.merged((full, push_all(order(3))), SHAPES))
    assert all(len(operation.arguments["orders"]) <= 3 for run in found for operation in run)


def test_what_does_not_fit_is_told() -> None:
    assert edits.fits(BATCH, SHAPES)
    assert not edits.fits(push_all(order(7)), SHAPES)


def test_indices_are_numbered_by_first_appearance_of_their_kind() -> None:
    assert edits.numbered(RUN, SHAPES) == (
        Operation("push", {"job": 0, "word": (0, 1, 2)}),
        push_all(order(1, (2, 0), weight=4), order(0, (0, 0, 0))),
    )
