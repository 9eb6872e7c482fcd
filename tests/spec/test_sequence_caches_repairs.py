"""The repairs of the sequence caches: what upstream refuses or loses, and what happens here."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.sequence_caches import SequenceCaches

BASE = machines.load("sequence-caches")


def _machine(primary: int, secondary: int, **others: int) -> SequenceCaches:
    sizes = {"caches": 2, "prompts": 1, "tokens_per_block": 1, "blocks_max": 4, "priorities": 1, **others}
    machine: SequenceCaches = BASE.reference(
        BASE.parameters({"primary_slots": primary, "secondary_slots": secondary, **sizes})
    )
    for cache in (0, 1):
        machine.apply("create", {"cache": cache, "prompt": 0})
    return machine


def _resize(machine: Any, cache: int, capacity: int, history: int = 0) -> None:
    machine.apply("resize", {"cache": cache, "capacity": capacity, "history": history, "priority": 0})


def _suspended_then_active(primary: int, secondary: int, first: int, second: int) -> SequenceCaches:
    """Cache 0 suspended with `first` pages, cache 1 active with `second`."""
    machine = _machine(primary, secondary)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, first)
    machine.apply("suspend", {"cache": 0})
    machine.apply("resume", {"cache": 1})
    _resize(machine, 1, second)
    return machine


def test_a_refused_growth_leaves_every_queue_as_it_was() -> None:
    machine = _suspended_then_active(4, 1, 2, 1)
    before = machine.snapshot()
    with pytest.raises(SequenceCaches.Rejected) as caught:
        _resize(machine, 1, 4)
    assert caught.value.error == "out-of-pages"
    assert machine.snapshot() == before
    assert len(machine.queue[0]) == 2


def test_full_levels_exchange_their_pages_through_one_vacant_slot() -> None:
    machine = _suspended_then_active(2, 2, 2, 2)
    _resize(machine, 1, 1)
    machine.apply("suspend", {"cache": 1})
    assert machine.apply("resume", {"cache": 0}) == 2
    assert [machine.level[page] for page in machine.pages[1]] == [1]


def test_without_any_spare_slot_a_cache_with_all_its_pages_below_cannot_come_up() -> None:
    machine = _suspended_then_active(2, 2, 2, 2)
    machine.apply("suspend", {"cache": 1})
    assert machine.enabled("resume", {"cache": 0}) == "out-of-pages"
    assert machine.enabled("resume", {"cache": 1}) is None


def test_a_droppable_page_goes_when_the_host_has_no_room_for_an_older_held_one() -> None:
    machine = _machine(3, 0, caches=2)
    machine.apply("resume", {"cache": 1})
    _resize(machine, 1, 1, 1)
    machine.apply("commit", {"cache": 1})
    machine.apply("close", {"cache": 1})
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 3)
    assert machine.find(0, 0) is None
    assert machine.occupied(0) == 3


def test_a_block_that_was_committed_before_is_taken_over_from_the_host() -> None:
    machine = _machine(1, 1)
    machine.apply("resume", {"cache": 0})
    machine.apply("resume", {"cache": 1})
    _resize(machine, 0, 1, 1)
    machine.apply("commit", {"cache": 0})
    machine.apply("suspend", {"cache": 0})
    _resize(machine, 1, 1, 1)
    assert machine.apply("commit", {"cache": 1}) is True
    assert machine.pages[0] == machine.pages[1]
    assert machine.occupied(1) == 0


def test_a_dropped_block_takes_the_blocks_after_it_along() -> None:
    machine = _machine(3, 0)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 2, 2)
    machine.apply("commit", {"cache": 0})
    machine.apply("commit", {"cache": 0})
    machine.apply("close", {"cache": 0})
    first = machine.find(0, 0)
    machine.unqueue(first)
    machine.drop(first)
    assert machine.check() == []
    assert machine.vacant(0) == 3
