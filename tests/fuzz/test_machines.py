"""What the harness reads from a machine's definition."""

from __future__ import annotations

from typing import Annotated, Any

import attrs
import pytest

from kvproof.fuzz.commands.explore import inherited_goals
from kvproof.fuzz.machines import FAVOURITES_FROM, shape_of, subject_named
from kvproof.fuzz.shapes import Fields, Maybe, Run, Whole
from kvproof.model import machines
from kvproof.spec.lang import AtMost, Between, Record
from kvproof.spec.lang.annotations import resolve

BLOCK_MANAGER = subject_named("block-manager")


@attrs.frozen
class Wish(Record):
    """A record as a machine declares it."""

    low: Annotated[int, Between(0, 3)]
    keep_priority: Annotated[int, Between(0, 100)] | None


Wishes = Annotated[tuple[Wish, ...], AtMost(2)]


def shape(annotation: Any, argument: str = "", **named: int) -> Any:
    return shape_of(resolve(annotation), None, named, argument)


def test_a_record_has_the_shapes_of_its_fields() -> None:
    found = shape(Wishes)
    assert isinstance(found, Run)
    assert isinstance(found.inner, Fields)
    assert list(found.inner.fields) == ["low", "keep_priority"]
    assert found.inner.name == "Wish"
    assert found.limit == 2


@pytest.mark.parametrize("argument", ["priority", "keep_priority", "decode_priority"])
def test_the_default_of_an_argument_is_its_first_favourite(argument: str) -> None:
    found = shape(Annotated[int, Between(0, 100)], argument, default_priority=35)
    assert found.favourites[0] == 35


def test_the_default_of_another_argument_is_not() -> None:
    found = shape(Annotated[int, Between(0, 100)], "weight", default_priority=5)
    assert 5 not in found.favourites


def test_a_field_of_a_record_has_its_default_too() -> None:
    keep = shape(Wish, default_priority=35).fields["keep_priority"]
    assert isinstance(keep, Maybe)
    assert isinstance(keep.inner, Whole)
    assert keep.inner.favourites[0] == 35


def test_a_small_range_has_no_favourites() -> None:
    assert shape(Annotated[int, Between(0, FAVOURITES_FROM - 2)], "priority", default_priority=1).favourites == ()


def test_queries_are_the_operations_that_reach_no_step() -> None:
    assert BLOCK_MANAGER.queries == {"estimate", "blocks_needed"}
    assert subject_named("mailbox:Mailbox").queries == frozenset()


def test_every_query_of_a_machine_takes_no_step_when_it_is_asked() -> None:
    reference = BLOCK_MANAGER.reference(BLOCK_MANAGER.defaults)
    steps: list[str] = []
    reference.on_step = lambda name, arguments: steps.append(name)
    for query in BLOCK_MANAGER.queries:
        assert isinstance(reference.apply(query, {"tokens": (0, 1)}), int)
    assert steps == []


@pytest.mark.parametrize("name", machines.names())
def test_what_is_to_be_used_seldom_is_an_operation_and_not_all_of_them(name: str) -> None:
    subject = subject_named(name)
    assert subject.seldom < set(subject.operations)
    assert not subject.seldom & subject.queries


def test_what_ends_a_request_is_used_seldom() -> None:
    assert subject_named("executor").seldom == {"hand_over", "finish"}


def test_what_is_left_unexplored_is_there_and_has_a_reason() -> None:
    for name in ("block-manager", "transfers", "sequence-caches", "executor"):
        bundle = machines.load(name)
        arms = {(method, arm) for method, _, arm in bundle.reference.BRANCHES.values()}
        assert set(bundle.shipped.unexplored) <= arms
        assert all(len(reason) > 20 for reason in bundle.shipped.unexplored.values())


def test_what_a_machine_inherits_is_explored_where_it_comes_from() -> None:
    executor = machines.load("executor")
    inherited = inherited_goals(executor)
    own = {method for method, line, arm in executor.reference.BRANCHES.values() if (method, line, arm) not in inherited}
    assert {"balance", "schedule_generation", "put_aside"} <= own
    assert not own & {"make_room", "matched", "drop"}
    assert inherited_goals(machines.load("sequence-caches")) == set()
