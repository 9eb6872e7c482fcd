"""Starting passes: on which stream, after what, and with which index rows."""

from __future__ import annotations

import pytest
from cache_cases import make_config, make_devices

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.device import Device, Level, Loaded, Stream
from kvproof.impl.page_table_upload import PageTableUpload, Staging
from kvproof.impl.sequence_caches import Kind, Pass, Refused, SequenceCaches
from kvproof.impl.sequence_caches.passes import Passes
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache

BOTH = (Stream.COMPUTE, Stream.EXECUTION)


class Engine:
    """Caches with a row each, of four tokens, on devices of which nothing completes by itself."""

    def __init__(self, *caches: int, caches_type: type[SequenceCaches] = SequenceCaches, **sizes: int) -> None:
        config = make_config(**{"primary": 8, "secondary": 4, "rows": 4, **sizes})
        self.devices: dict[int, Device] = make_devices(config, "lazy")
        self.caches = caches_type(self.devices, config, forward_streams=BOTH)
        for cache in caches:
            self.caches.create(cache, (), 0)
            self.caches.bind_row(cache, cache)
            self.caches.resume(cache)
            self.caches.resize(cache, 4, 0)

    def start(self, stream: Stream, *caches: int) -> Pass:
        return self.caches.start_pass(caches, stream)

    def write(self, started: Pass, cache: int, byte: int, ordinal: int = 0) -> None:
        """A kernel of a pass writes a page of full attention."""
        slot = int(self.caches.rows.full(cache)[ordinal])
        self.devices[0].write(started.stream, Level.PRIMARY, slot, 0, bytes([byte]) * 8)

    def read(self, started: Pass, cache: int, ordinal: int = 0) -> Loaded:
        table, index = started.entry(cache, Kind.FULL, ordinal)
        return self.devices[0].load_through(started.stream, table, index, int(self.caches.rows.full(cache)[ordinal]))

    def races(self) -> int:
        return sum(len(device.races) for device in self.devices.values())

    def finish(self) -> None:
        for device in self.devices.values():
            device.synchronize()


# Streams.


def test_a_pass_comes_after_those_of_its_caches_and_after_no_other() -> None:
    engine = Engine(0, 1)
    engine.write(engine.start(Stream.COMPUTE, 1), 1, 1)
    engine.write(engine.start(Stream.COMPUTE, 0), 0, 1)
    elsewhere = engine.start(Stream.EXECUTION, 1)
    engine.write(elsewhere, 1, 2)
    assert engine.races() == 0
    engine.write(elsewhere, 0, 2)  # no cache of this pass
    assert engine.races() == 1


def test_the_passes_of_a_cache_are_in_order_wherever_they_run() -> None:
    engine = Engine(0)
    for number in range(6):
        engine.write(engine.start(BOTH[number % 2], 0), 0, number)
    assert engine.races() == 0
    slot = int(engine.caches.rows.full(0)[0])
    engine.finish()
    assert engine.devices[0].peek(Level.PRIMARY, slot)[0] == 5


class FollowsNothing(Passes):
    def follow(self, cache: SequenceCache, stream: Stream) -> None:
        """Do not wait."""


def test_without_that_they_are_in_no_order() -> None:
    engine = Engine(0, caches_type=plant(SequenceCaches, parts={Passes: FollowsNothing}))
    for stream in BOTH:
        engine.write(engine.start(stream, 0), 0, 1)
    assert engine.races() == 1


def test_pages_that_were_taken_since_the_last_pass_are_there_for_the_next_one_elsewhere() -> None:
    engine = Engine(0, 1, primary=4)
    engine.start(Stream.COMPUTE, 0)
    engine.start(Stream.COMPUTE)  # the end of that pass is known
    engine.caches.suspend(1)
    engine.caches.resize(0, 8, 0)  # the pages of cache 1 leave, for which the stream of cache 0 waits
    assert engine.caches.pages_copied() == 2
    started = engine.start(Stream.EXECUTION, 0)
    for ordinal in range(4):
        engine.write(started, 0, 1, ordinal)
    assert engine.races() == 0


def test_a_cache_that_was_resumed_elsewhere_has_no_pass_to_wait_for() -> None:
    engine = Engine()
    engine.caches.create(0, (), 0)
    engine.caches.bind_row(0, 0)
    engine.caches.resume(0)
    engine.start(Stream.COMPUTE, 0)
    engine.caches.suspend(0)
    engine.caches.resume(0, Stream.EXECUTION)
    engine.caches.run_on(0, Stream.COMPUTE)
    engine.caches.resize(0, 4, 0)
    engine.write(engine.start(Stream.COMPUTE, 0), 0, 1)
    engine.write(engine.start(Stream.EXECUTION, 0), 0, 1)
    assert engine.races() == 0


def test_what_is_given_up_waits_for_the_last_pass_also_when_it_ran_elsewhere() -> None:
    engine = Engine(0, primary=2, secondary=2)
    engine.write(engine.start(Stream.COMPUTE, 0), 0, 1)
    engine.write(engine.start(Stream.EXECUTION, 0), 0, 2)
    engine.caches.suspend(0)
    engine.caches.create(1, (), 0)
    engine.caches.resume(1)
    engine.caches.resize(1, 4, 0)  # the pages of cache 0 leave for host memory
    assert engine.caches.pages_copied() == 2
    assert engine.races() == 0


def test_a_snapshot_is_taken_before_the_next_pass_elsewhere_changes_the_state() -> None:
    engine = Engine(0, state_primary=3)
    caches, device = engine.caches, engine.devices[2]
    caches.close(0)
    caches.create(0, (1,), 0)
    caches.bind_row(0, 0)
    caches.resume(0)
    caches.resize(0, 4, 0)
    first = engine.start(Stream.COMPUTE, 0)
    slot = int(caches.rows.state(0)[0])
    device.write(first.stream, Level.PRIMARY, slot, 0, b"11111111")
    caches.resize(0, 4, 2)
    caches.create(1, (), 0)
    caches.bind_row(1, 1)
    caches.resume(1)
    engine.start(Stream.COMPUTE, 1)  # now the end of the first pass is known
    caches.commit(0)
    second = engine.start(Stream.EXECUTION, 0)
    device.write(second.stream, Level.PRIMARY, slot, 0, b"22222222")
    assert engine.races() == 0


def test_passes_run_on_forward_streams_alone() -> None:
    engine = Engine(0)
    with pytest.raises(ValueError, match="stream ONBOARD: is no forward stream of this manager; it has COMPUTE, EXEC"):
        engine.start(Stream.ONBOARD, 0)
    with pytest.raises(ValueError, match="stream SEND"):
        engine.caches.run_on(0, Stream.SEND)


def test_a_pass_needs_active_caches_that_have_rows() -> None:
    engine = Engine(0, 1)
    engine.caches.suspend(1)
    with pytest.raises(Refused, match="cache 1"):
        engine.start(Stream.EXECUTION, 0, 1)
    assert engine.caches.stream_of(0) == Stream.COMPUTE
    engine.caches.unbind_row(0)
    with pytest.raises(ValueError, match="cache 0: is bound to no index row; call bind_row before its first pass"):
        engine.start(Stream.COMPUTE, 0)


# Index rows.


def test_a_pass_under_way_finds_its_pages_by_the_rows_as_they_were() -> None:
    engine = Engine(0)
    passes = []
    for number in range(6):  # more than there are staging buffers
        started = engine.start(Stream.COMPUTE, 0)
        engine.write(started, 0, number)
        passes.append((number, engine.read(started, 0)))
        engine.caches.resize(0, 0, 0)
        engine.caches.resize(0, 4, 0)
    engine.finish()
    assert [load.value()[0] for _, load in passes] == [number for number, _ in passes]
    assert engine.races() == 0


class OneStagingBuffer(PageTableUpload):
    def take_staging(self) -> Staging:
        return self._ring[0] if self._ring else super().take_staging()


OverwrittenRows = plant(SequenceCaches, parts={PageTableUpload: OneStagingBuffer})


def test_without_that_it_finds_those_of_the_pass_after() -> None:
    engine = Engine(0, caches_type=OverwrittenRows)
    first = engine.start(Stream.COMPUTE, 0)
    engine.write(first, 0, 1)
    load = engine.read(first, 0)
    engine.caches.resize(0, 0, 0)
    engine.caches.resize(0, 4, 0)
    engine.write(engine.start(Stream.COMPUTE, 0), 0, 2)
    engine.finish()
    assert load.value()[0] != 1
    assert engine.races() > 0


def test_rows_that_have_not_changed_are_not_uploaded_again() -> None:
    engine = Engine(0, 1)
    for _ in range(3):
        engine.start(Stream.COMPUTE, 0, 1)
    assert engine.caches.row_uploads() == 1
    engine.start(Stream.EXECUTION, 0, 1)
    engine.caches.resize(0, 6, 0)
    engine.start(Stream.EXECUTION, 0, 1)
    assert engine.caches.row_uploads() == 3


@pytest.mark.parametrize("own", [0, 3], ids=["windows share", "windows of their own"])
def test_each_group_has_the_rows_of_its_life_cycles(own: int) -> None:
    engine = Engine(0, window_tokens=2, window_primary=own, state_primary=2)
    started = engine.start(Stream.COMPUTE, 0)
    engine.finish()
    rows = engine.caches.rows
    for kind, row in ((Kind.FULL, rows.full(0)), (Kind.WINDOW, rows.window(0)), (Kind.STATE, rows.state(0))):
        for ordinal in range(2 if kind != Kind.STATE else 1):
            table, index = started.entry(0, kind, ordinal)
            device = engine.devices[engine.caches.config.group_of(kind)]
            entry = int.from_bytes(device.peek_buffer(table)[4 * index : 4 * index + 4], "little")
            assert entry == int(row[ordinal]) >= 0


def test_a_pass_knows_nothing_of_other_caches() -> None:
    engine = Engine(0, 1)
    with pytest.raises(KeyError):
        engine.start(Stream.COMPUTE, 0).entry(1, Kind.FULL, 0)
