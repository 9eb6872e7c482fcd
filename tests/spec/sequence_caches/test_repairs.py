"""The repairs of the sequence caches: what upstream refuses or loses, and what happens here."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.model import machines
from kvproof.model.reference.sequence_caches import SequenceCaches

BASE = machines.load("sequence-caches")
PRIMARY, SECONDARY = 0, 1
FULL, WINDOW, STATE = 0, 1, 2


def _machine(primary: int, secondary: int, texts: tuple[tuple[int, ...], ...] = ((), ()), **others: int) -> Any:
    """Two caches with their texts, suspended; none matches anything."""
    sizes = {"caches": 2, "chunks": 2, "tokens_per_block": 1, "blocks_max": 4, "priorities": 1, **others}
    machine: SequenceCaches = BASE.reference(
        BASE.parameters({"primary_slots": primary, "secondary_slots": secondary, **sizes})
    )
    for cache, text in enumerate(texts):
        machine.apply("create", {"cache": cache, "text": text, "priority": 0})
    return machine


def _resize(machine: Any, cache: int, capacity: int, history: int = 0) -> None:
    machine.apply("resize", {"cache": cache, "capacity": capacity, "history": history})


def _suspended_then_active(primary: int, secondary: int, first: int, second: int) -> Any:
    """Cache 0 suspended with `first` pages, cache 1 active with `second`."""
    machine = _machine(primary, secondary)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, first)
    machine.apply("suspend", {"cache": 0})
    machine.apply("resume", {"cache": 1})
    _resize(machine, 1, second)
    return machine


def _committed(machine: Any, cache: int, blocks: int) -> None:
    """The cache computes and commits so many blocks of one token."""
    machine.apply("resume", {"cache": cache})
    _resize(machine, cache, blocks, blocks)
    for _ in range(blocks):
        machine.apply("commit", {"cache": cache})


def test_a_refused_growth_leaves_every_queue_as_it_was() -> None:
    machine = _suspended_then_active(4, 1, 2, 1)
    before = machine.snapshot()
    with pytest.raises(SequenceCaches.Rejected) as caught:
        _resize(machine, 1, 4)
    assert caught.value.error == "out-of-pages"
    assert machine.snapshot() == before
    assert len(machine.queue[PRIMARY]) == 2


def test_full_levels_exchange_their_pages_through_one_vacant_slot() -> None:
    machine = _suspended_then_active(2, 2, 2, 2)
    _resize(machine, 1, 1)
    machine.apply("suspend", {"cache": 1})
    assert machine.apply("resume", {"cache": 0}) == 2
    assert machine.level[machine.cell[1][0]] == SECONDARY


def test_without_any_spare_slot_a_cache_with_all_its_pages_below_cannot_come_up() -> None:
    machine = _suspended_then_active(2, 2, 2, 2)
    machine.apply("suspend", {"cache": 1})
    assert machine.enabled("resume", {"cache": 0}) == "out-of-pages"
    assert machine.enabled("resume", {"cache": 1}) is None


def test_pages_that_another_cache_uses_do_not_count_as_victims_that_are_spared() -> None:
    machine = _machine(2, 2, ((0,), (0,)), caches=3)
    _committed(machine, 0, 1)
    machine.apply("close", {"cache": 1})
    assert machine.apply("create", {"cache": 1, "text": (0,), "priority": 0}) == 1
    machine.apply("resume", {"cache": 1})
    _resize(machine, 1, 2, 1)
    machine.apply("suspend", {"cache": 1})
    _resize(machine, 0, 2, 1)
    _resize(machine, 0, 1, 1)
    machine.apply("create", {"cache": 2, "text": (), "priority": 0})
    machine.apply("resume", {"cache": 2})
    _resize(machine, 2, 1)
    machine.apply("suspend", {"cache": 2})
    assert machine.level[machine.cell[1][1]] == SECONDARY
    assert machine.apply("resume", {"cache": 1}) == 1


def test_a_droppable_page_goes_when_the_host_has_no_room_for_an_older_held_one() -> None:
    machine = _machine(3, 0, ((), (0,)))
    _committed(machine, 1, 1)
    machine.apply("close", {"cache": 1})
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 3)
    assert machine.known[FULL].get((0,)) is None
    assert machine.vacant[PRIMARY][0] == 0


def test_a_block_that_was_committed_before_is_taken_over_from_the_host() -> None:
    machine = _machine(1, 1, ((0,), (0,)))
    machine.apply("resume", {"cache": 1})
    _committed(machine, 0, 1)
    machine.apply("suspend", {"cache": 0})
    _resize(machine, 1, 1, 1)
    assert machine.apply("commit", {"cache": 1}) is True
    assert machine.cell[0][0] == machine.cell[1][0]
    assert machine.vacant[SECONDARY][0] == 1


def test_a_dropped_block_takes_the_blocks_after_it_along() -> None:
    machine = _machine(3, 0, ((0, 0), ()))
    _committed(machine, 0, 2)
    machine.apply("close", {"cache": 0})
    first = machine.known[FULL][(0,)]
    machine.unqueue(first)
    machine.drop(first)
    assert machine.check() == []
    assert machine.vacant[PRIMARY][0] == 3


def test_a_dropped_window_leaves_its_block() -> None:
    machine = _machine(4, 0, ((0,), ()), window_tokens=2)
    _committed(machine, 0, 1)
    machine.apply("close", {"cache": 0})
    windowed = machine.known[WINDOW][(0,)]
    machine.unqueue(windowed)
    machine.drop(windowed)
    assert machine.check() == []
    assert machine.known[FULL].get((0,)) is not None
    assert machine.matched((0,)) == 0


def test_a_longer_prefix_may_match_where_a_shorter_one_has_lost_its_window() -> None:
    machine = _machine(8, 0, ((0, 0, 0), ()), window_tokens=2)
    _committed(machine, 0, 3)
    assert machine.matched((0, 0, 0)) == 3
    assert machine.matched((0, 0)) == 0, "its last block left the window before it had a page"


def test_a_block_that_is_committed_late_leaves_its_window_at_once() -> None:
    machine = _machine(6, 0, ((0, 0, 0), ()), window_tokens=2)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 3)
    _resize(machine, 0, 3, 3)
    kept = machine.cell[0][4]
    assert kept is not None
    assert machine.is_held(kept)
    machine.apply("commit", {"cache": 0})
    assert machine.cell[0][4] is None
    assert machine.is_droppable(kept)


def test_blocks_that_a_long_prompt_leaves_behind_need_scratch_only() -> None:
    machine = _machine(8, 0, window_tokens=2, scratch_share=2)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 4)
    assert machine.scratch[0] == 2
    assert [machine.cell[0][4 + ordinal] is None for ordinal in range(4)] == [True, True, True, False]
    _resize(machine, 0, 4, 4)
    assert machine.scratch[0] == 0


def test_shrinking_back_gives_up_the_scratch_too() -> None:
    machine = _machine(8, 0, window_tokens=2, scratch_share=2)
    machine.apply("resume", {"cache": 0})
    before = machine.observe()
    _resize(machine, 0, 4)
    _resize(machine, 0, 0)
    assert machine.observe() == before


def test_a_resume_that_is_refused_keeps_no_scratch_slot() -> None:
    machine = _machine(4, 1, window_tokens=1, scratch_share=1, blocks_max=2)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 2)
    machine.apply("suspend", {"cache": 0})
    machine.apply("resume", {"cache": 1})
    _resize(machine, 1, 1)
    before = machine.snapshot()
    assert machine.enabled("resume", {"cache": 0}) == "out-of-pages"
    assert machine.scratch[0] == 0
    assert machine.snapshot() == before


def test_a_recurrent_state_starts_from_the_snapshot_of_its_prefix() -> None:
    machine = _machine(4, 0, ((0,), ()), state_primary=3)
    _committed(machine, 0, 1)
    machine.apply("close", {"cache": 1})
    assert machine.apply("create", {"cache": 1, "text": (0, 1), "priority": 0}) == 1
    snapshot = machine.known[STATE][(0,)]
    assert machine.is_held(snapshot)
    machine.apply("resume", {"cache": 1})
    assert machine.is_droppable(snapshot)
    assert machine.cell[1][4] is not None


def test_no_snapshot_is_taken_in_the_middle_of_what_was_computed() -> None:
    machine = _machine(4, 0, ((0, 1), ()), state_primary=3)
    machine.apply("resume", {"cache": 0})
    _resize(machine, 0, 2, 2)
    machine.apply("commit", {"cache": 0})
    assert machine.known[STATE].get((0,)) is None
    machine.apply("commit", {"cache": 0})
    assert machine.known[STATE].get((0, 1)) is not None


def test_a_held_page_goes_below_the_host_when_there_is_a_third_level() -> None:
    machine = _machine(1, 1, ((), (), ()), tertiary_slots=1, caches=3)
    for cache in range(3):
        machine.apply("resume", {"cache": cache})
        _resize(machine, cache, 1)
        machine.apply("suspend", {"cache": cache})
    assert [machine.level[machine.cell[cache][0]] for cache in range(3)] == [2, 1, 0]
    assert machine.enabled("resume", {"cache": 0}) == "out-of-pages"
    machine.apply("close", {"cache": 2})
    assert machine.apply("resume", {"cache": 0}) == 1
