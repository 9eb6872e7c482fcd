"""What an engine sees of the sequence caches and of the executor, and that what is below can be used on its own."""

from __future__ import annotations

import pytest
from cache_cases import CachePool, make_config, make_devices
from executor_cases import Engine

from kvproof.impl.device import Level, Stream
from kvproof.impl.executor import ExecutorConfig, Phase, Stage
from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.executor.release import Release
from kvproof.impl.executor.scheduling import Scheduling
from kvproof.impl.executor.steps import ExecutorSteps
from kvproof.impl.executor.updates import Updates
from kvproof.impl.sequence_caches import SequenceCaches, Status
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.committing import Commits
from kvproof.impl.sequence_caches.forward import ForwardPlaces
from kvproof.impl.sequence_caches.growth import Growth
from kvproof.impl.sequence_caches.index_rows import IndexRows
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE
from kvproof.impl.sequence_caches.life_cycle import LifeCycle
from kvproof.impl.sequence_caches.page_copies import PageCopies
from kvproof.impl.sequence_caches.passes import Passes
from kvproof.impl.sequence_caches.room import Room

OF_CACHES = {
    # what it was made of, and how it fares
    *("config", "devices", "forward_streams", "rows", "pages_copied", "copy_batches", "row_uploads", "snapshot"),
    # what is known of a cache
    *("status", "committed", "history", "capacity", "stopped", "stream_of"),
    # between closed, suspended and active
    *("matched", "create", "resume", "suspend", "prefetch", "close", "bind_row", "unbind_row"),
    # what an active cache has room for, and what it shares
    *("resize", "commit", "stop_committing"),
    # forward passes, and sending
    *("forward", "run_on", "start_pass", "send"),
}

OF_EXECUTOR = {
    # what it was made of, and what it knows
    *("config", "caches", "prompt_max", "requests", "started", "row_of", "snapshot"),
    # requests come, are computed, and go
    *("submit", "begin_pass", "schedule_generation", "schedule_context", "run", "update", "hand_over", "finish"),
}

PARTS = (
    *(CacheSteps, Commits, ForwardPlaces, Growth, LifeCycle, Passes, Room),
    *(ExecutorSteps, Pairs, Release, Scheduling, Updates),
)


def pools(primary: int = 3, secondary: int = 1) -> CacheSteps:
    """Slots of full attention, with nothing above them."""
    config = make_config(primary, secondary)
    device = make_devices(config)[0]
    return CacheSteps(config, {0: PageCopies(device, (Stream.COMPUTE,))}, (Stream.COMPUTE,))


def opened(steps: CacheSteps, tokens: int = 0) -> None:
    """Cache 0 is active, with room for so many tokens."""
    room = Room(steps)
    cycle = LifeCycle(steps, room, IndexRows(steps.config))
    cycle.create(0, (1, 2), 0)
    cycle.resume(0)
    Growth(steps, room).resize(0, tokens, tokens)


def shown(face: object) -> set[str]:
    """The names of a face that are for others."""
    return {name for name in dir(face) if not name.startswith("_")}


def test_the_face_of_sequence_caches_shows_what_an_engine_calls_and_nothing_else() -> None:
    assert shown(CachePool().caches) == OF_CACHES


def test_the_face_of_the_executor_shows_what_an_engine_calls_and_nothing_else() -> None:
    assert shown(Engine().executor) == OF_EXECUTOR


def test_a_name_that_comes_to_a_face_is_seen() -> None:
    class Widened(SequenceCaches):
        def make_room(self) -> None:
            """One more."""

    assert shown(CachePool(manager_type=Widened).caches) - OF_CACHES == {"make_room"}


def test_no_part_is_a_kind_of_another() -> None:
    assert [part.__bases__ for part in PARTS] == [(object,)] * len(PARTS)


def test_room_alone_destroys_the_page_that_nobody_has() -> None:
    steps = pools()
    page = Room(steps).new_page(FULL, 0)
    assert len(steps.pages.vacant[Level.PRIMARY][0]) == 2
    Room(steps).settle(page)
    assert len(steps.pages.vacant[Level.PRIMARY][0]) == 3


def test_room_alone_says_what_can_be_had() -> None:
    room = Room(pools())
    assert (room.has_room(0, 3), room.has_room(0, 4)) == (True, False)


def test_growth_alone_gives_a_cache_its_blocks() -> None:
    steps = pools()
    opened(steps, 3)
    assert [page != NO_PAGE for page in steps.caches[0].cells[:3]] == [True, True, False]


def test_commits_alone_let_others_find_a_block() -> None:
    steps = pools()
    opened(steps, 2)
    assert not Commits(steps, Room(steps)).commit(0)
    assert len(steps.tree.match((1,))) == 1


def test_forward_places_alone_say_where_tokens_are_written() -> None:
    steps = pools()
    opened(steps, 2)
    (use,) = ForwardPlaces(steps).forward(0, 0, 2).writes
    assert use.slot == steps.pages.slot[steps.caches[0].cells[0]]


def test_passes_alone_need_an_index_row() -> None:
    steps = pools()
    opened(steps, 2)
    with pytest.raises(ValueError, match="is bound to no index row"):
        Passes(steps, make_devices(steps.config)).start_pass([0], Stream.COMPUTE)


def test_a_snapshot_stays_as_it_was() -> None:
    pool = CachePool()
    pool.open(0, tokens=2)
    before = pool.caches.snapshot()
    pool.caches.suspend(0)
    assert (before.caches[0].status, pool.caches.snapshot().caches[0].status) == (Status.ACTIVE, Status.SUSPENDED)


def requests() -> tuple[ExecutorSteps, Pairs]:
    """Request 0 is in, with a prompt of three tokens, and a pass is open."""
    steps = ExecutorConfig(requests=2, max_tokens=8, rows=2)
    known = ExecutorSteps(steps)
    known.step_enter(0, 3, (1,), 0)
    return known, Pairs(steps, CachePool(rows=2).caches)


def test_scheduling_alone_fills_a_pass() -> None:
    steps, pairs = requests()
    scheduling = Scheduling(steps, pairs, Release(steps, pairs))
    scheduling.begin_pass()
    assert scheduling.schedule_context(0, 8)
    assert (steps.phase, steps.scheduled_tokens, [each.number for each in steps.filling]) == (Phase.FILLING, 3, [0])


def test_release_alone_takes_the_caches_of_a_first_chunk_away() -> None:
    steps, pairs = requests()
    release = Release(steps, pairs)
    scheduling = Scheduling(steps, pairs, release)
    scheduling.begin_pass()
    scheduling.schedule_context(0, 8)
    release.release(list(steps.filling))
    assert (steps.requests[0].has_caches, pairs.caches.status(0)) == (False, Status.CLOSED)


def test_a_snapshot_of_the_executor_stays_as_it_was() -> None:
    engine = Engine()
    engine.submit(0, 3)
    before = engine.executor.snapshot()
    engine.prefill(0)
    assert (before.requests[0].stage, engine.executor.snapshot().requests[0].stage) == (Stage.CONTEXT, Stage.GENERATION)


def test_a_cache_without_an_index_row_is_told() -> None:
    engine = Engine()
    engine.submit(1, 3)
    with pytest.raises(ValueError, match="cache 1: request 1 has no index row"):
        engine.executor.row_of(1)
