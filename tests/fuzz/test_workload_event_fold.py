"""What events say is cached, by path nodes."""

from __future__ import annotations

from kvproof.fuzz.targets.event_fold import EventFold as PlainFold
from kvproof.fuzz.workload.event_fold import Event, EventFold
from kvproof.fuzz.workload.paths import PathNode
from kvproof.impl.block_manager import Removed, Stored, Updated
from kvproof.impl.device import Level

CHAIN: list[Event] = [
    Stored(11, None, (1, 2), Level.PRIMARY),
    Stored(12, 11, (3, 4), Level.PRIMARY),
    Updated(12, Level.SECONDARY),
    Stored(13, None, (0,), Level.PRIMARY),
]


def folded(*events: Event) -> tuple[EventFold, str | None]:
    fold = EventFold(PathNode(None, ()))
    return fold, fold.take(events)


def test_what_was_stored_is_cached_where_it_was_last_said_to_be() -> None:
    fold, wrong = folded(*CHAIN)

    assert wrong is None
    assert fold.rows() == [[[0], "PRIMARY"], [[1, 2], "PRIMARY"], [[1, 2, 3, 4], "SECONDARY"]]


def test_it_says_what_the_fold_of_the_target_says() -> None:
    plain = PlainFold()
    plain.take([*CHAIN, Removed(13)])

    assert folded(*CHAIN, Removed(13))[0].rows() == plain.rows()


def test_what_was_removed_is_not_cached_and_its_name_is_remembered() -> None:
    fold, wrong = folded(*CHAIN, Removed(12), Removed(11), Stored(12, 11, (3, 4), Level.PRIMARY))

    assert wrong is None
    assert fold.rows() == [[[0], "PRIMARY"], [[1, 2, 3, 4], "PRIMARY"]]


def test_only_the_last_events_are_touched() -> None:
    fold, _ = folded(*CHAIN)
    fold.take([Removed(13)])

    assert [node.path() for node in fold.touched] == [(0,)]


def test_events_that_make_no_sense_are_told() -> None:
    for events, wrong in (
        ([Removed(9)], "no stored block has this hash"),
        ([*CHAIN, Removed(13), Updated(13, Level.PRIMARY)], "no stored block has this hash"),
        ([Stored(9, 8, (1,), Level.PRIMARY)], "no event has named its parent"),
        ([*CHAIN, CHAIN[0]], "the path is stored already"),
        ([*CHAIN, Stored(11, None, (5, 5), Level.PRIMARY)], "the hash stands for another path already"),
    ):
        found = folded(*events)[1]

        assert found is not None
        assert found.endswith(wrong)
