"""Folding cache events: what is cached, and which streams cannot be."""

from __future__ import annotations

import pytest

from kvproof.fuzz.paths import PathNode
from kvproof.fuzz.targets.event_fold import EventFold
from kvproof.impl.block_manager import Removed, Stored, Updated
from kvproof.impl.device import Level

ROOT, CHILD = 7, 9
PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY

STORED = [Stored(ROOT, None, (1, 2), PRIMARY), Stored(CHILD, ROOT, (3,), SECONDARY)]


def folded(*events: object) -> EventFold:
    fold = EventFold()
    fold.take([*STORED, *events])
    return fold


def test_paths_chain_over_parents() -> None:
    assert folded().rows() == [[[1, 2], "PRIMARY"], [[1, 2, 3], "SECONDARY"]]


def test_an_update_changes_the_level() -> None:
    assert folded(Updated(CHILD, PRIMARY)).rows() == [[[1, 2], "PRIMARY"], [[1, 2, 3], "PRIMARY"]]


def test_a_removal_takes_the_path_away_whether_or_not_the_parent_is_there() -> None:
    assert folded(Removed(ROOT), Removed(CHILD)).rows() == []


def test_a_path_may_be_stored_again_after_its_removal() -> None:
    assert folded(Removed(CHILD), STORED[1]).rows() == folded().rows()


def test_rows_follow_events_that_come_later() -> None:
    fold = folded()
    assert len(fold.rows()) == 2
    fold.take([Removed(CHILD)])
    assert fold.rows() == [[[1, 2], "PRIMARY"]]


def test_what_was_removed_is_not_cached_and_its_hash_names_its_path_for_ever() -> None:
    removed = (Removed(CHILD), Removed(ROOT))
    assert folded(*removed, *STORED).rows() == folded().rows()
    told = folded(*removed, Stored(ROOT, None, (5, 5), PRIMARY)).fault
    assert told is not None
    assert told.endswith("this hash stood for another path, [1, 2]")


def test_nothing_is_stored_below_a_parent_that_has_gone() -> None:
    told = folded(Removed(CHILD), Removed(ROOT), STORED[1]).fault
    assert told is not None
    assert told.endswith("no event has stored the parent")


def test_nothing_is_changed_that_has_gone() -> None:
    for event in (Updated(CHILD, PRIMARY), Removed(CHILD)):
        told = folded(Removed(CHILD), event).fault
        assert told is not None
        assert told.endswith("no event has stored this hash")


def test_only_the_last_events_are_touched() -> None:
    fold = folded()
    fold.take([Removed(CHILD)])
    assert [node.path() for node in fold.touched] == [(1, 2, 3)]


def test_paths_may_be_those_of_somebody_else() -> None:
    root = PathNode(None, ())
    fold = EventFold(root=root)
    fold.take(STORED)
    assert set(fold.cached) == {root.below((1, 2)), root.below((1, 2)).below((3,))}


def test_keys_are_translated() -> None:
    fold = EventFold(lambda key: tuple(10 * token for token in key))
    fold.take(STORED)
    assert fold.rows() == [[[10, 20], "PRIMARY"], [[10, 20, 30], "SECONDARY"]]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Removed(5), "no event has stored this hash"),
        (Updated(5, PRIMARY), "no event has stored this hash"),
        (Stored(ROOT, None, (4,), PRIMARY), "this hash is stored already, for the path [1, 2]"),
        (Stored(11, 5, (4,), PRIMARY), "no event has stored the parent"),
        (Stored(11, None, (1, 2), PRIMARY), "this path is stored already, under another hash"),
        ("Stored", "this is no event"),
    ],
)
def test_an_event_that_cannot_be_followed_is_told_in_place_of_the_rows(event: object, told: str) -> None:
    fold = folded(event)
    assert fold.fault == fold.rows()
    assert isinstance(fold.fault, str)
    assert fold.fault.startswith("event 3, ")
    assert told in fold.fault


def test_the_first_fault_stays() -> None:
    fold = folded(Removed(5))
    first = fold.fault
    fold.take([Removed(6)])
    assert fold.fault == first
