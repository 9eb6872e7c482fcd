"""Copies beside forward passes on several streams, and beside a sender."""

from __future__ import annotations

from typing import Any

import pytest

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device import SCHEDULES, Level, Loaded, ScheduleName, SimulatedDevice, Stream

SLOTS = 3  # a level; places 0..2 are PRIMARY, 3..5 SECONDARY
BOTH = (Stream.COMPUTE, Stream.EXECUTION)
OLD, NEW = b"old!", b"new!"


class Copies:
    """Transfers over a device whose PRIMARY slot 0 holds OLD, as far as a kernel on `stream` has written it."""

    def __init__(
        self,
        schedule: ScheduleName = "reversed",
        transfers_type: type[Transfers] = Transfers,
        stream: Stream = Stream.EXECUTION,
        streams: tuple[Stream, ...] = BOTH,
    ) -> None:
        self.device = SimulatedDevice(SLOTS, SLOTS, 4, tokens_per_block=4, schedule=schedule)
        self.transfers = transfers_type(self.device, streams)
        self.device.write(stream, Level.PRIMARY, 0, 0, OLD)
        self.transfers.begin_iteration()

    def send(self, place: int) -> Loaded:
        return self.transfers.send(place)

    def kernel_writes(self, place: int, stream: Stream = Stream.COMPUTE) -> None:
        """A forward pass after the iteration."""
        self.transfers.end_iteration()
        self.device.write(stream, place // SLOTS, place % SLOTS, 0, NEW)

    def bytes_of(self, load: Loaded) -> bytes:
        self.transfers.flush()
        self.device.synchronize()
        return load.value()


OneStreamOnly = plant(
    Transfers,
    Patch(
        "block_manager.transfers",
        old="        self._passes = [self._device.record_event(stream) for stream in self.forward_streams]",
        new="        self._passes = [self._device.record_event(Stream.COMPUTE)]",
    ),
)
"""Waits for kernels of the compute stream, wherever they are."""


class UnrememberedSends(Transfers):
    """Does not enter what a sender reads."""

    def remember_read(self, batch: object, slot: int) -> None:
        """Nothing."""


class ImpatientSends(Transfers):
    """Waits for no pending write of what is read."""

    def await_source(self, stream: Stream, slot: int) -> None:
        """Nothing."""


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("stream", BOTH)
def test_copies_come_after_kernels_of_every_forward_stream(stream: Stream, schedule: ScheduleName) -> None:
    copies = Copies(schedule, stream=stream)
    copies.transfers.copy(0, SLOTS)
    copies.transfers.end_iteration()
    assert copies.device.read(Level.SECONDARY, 0) == OLD
    assert copies.device.races == []


def test_kernels_of_a_stream_that_is_not_awaited_are_found() -> None:
    copies = Copies(transfers_type=OneStreamOnly)
    copies.transfers.copy(0, SLOTS)
    copies.transfers.end_iteration()
    assert [(race.first.stream, race.second.stream) for race in copies.device.races] == [("execution", "offload")]
    assert copies.device.read(Level.SECONDARY, 0) != OLD


@pytest.mark.parametrize("stream", BOTH)
def test_kernels_of_every_forward_stream_come_after_copies(stream: Stream) -> None:
    copies = Copies()
    copies.transfers.copy(0, SLOTS)
    copies.kernel_writes(0, stream)
    assert copies.device.read(Level.SECONDARY, 0) == OLD
    assert copies.device.races == []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_sender_reads_what_was_written_before(schedule: ScheduleName) -> None:
    copies = Copies(schedule)
    load = copies.send(0)
    assert copies.bytes_of(load) == OLD
    assert copies.device.races == []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_sender_reads_after_a_copy_that_is_pending(schedule: ScheduleName) -> None:
    copies = Copies(schedule)
    copies.transfers.copy(0, SLOTS)
    load = copies.send(SLOTS)
    assert copies.bytes_of(load) == OLD
    assert copies.device.races == []


def test_a_sender_that_does_not_wait_for_the_copy_is_found() -> None:
    copies = Copies("lazy", ImpatientSends)
    copies.transfers.copy(0, SLOTS)
    load = copies.send(SLOTS)
    assert copies.bytes_of(load) != OLD
    assert copies.device.races != []


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_copy_over_what_is_sent_comes_later(schedule: ScheduleName) -> None:
    copies = Copies(schedule)
    load = copies.send(0)
    copies.transfers.copy(SLOTS, 0)
    assert copies.bytes_of(load) == OLD
    assert copies.device.races == []


def test_a_send_that_is_not_remembered_is_found() -> None:
    copies = Copies(transfers_type=UnrememberedSends)
    copies.send(0)
    copies.transfers.copy(SLOTS, 0)
    copies.transfers.flush()
    assert [(race.first.stream, race.second.stream) for race in copies.device.races] == [("send", "onboard")]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_kernel_of_the_next_pass_writes_after_the_sender_has_read(schedule: ScheduleName) -> None:
    copies = Copies(schedule)
    load = copies.send(0)
    copies.kernel_writes(0)
    assert copies.bytes_of(load) == OLD
    assert copies.device.races == []


def test_a_send_outside_an_iteration_begins_one() -> None:
    copies = Copies()
    copies.transfers.end_iteration()
    load = copies.send(0)
    assert copies.bytes_of(load) == OLD
    assert copies.device.races == []


def test_iterations_that_send_nothing_do_not_touch_the_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = Copies()
    used: list[Stream] = []
    monkeypatch.setattr(copies.device, "wait_event", lambda stream, _event: used.append(stream))
    for _ in range(2):
        copies.transfers.begin_iteration()
        copies.transfers.copy(0, SLOTS)
        copies.transfers.end_iteration()
    assert Stream.SEND not in used


def test_nothing_waits_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = Copies()
    for name in ("synchronize", "wait_host", "read"):
        monkeypatch.setattr(copies.device, name, lambda *_: pytest.fail("the host waited"))
    copies.transfers.copy(0, SLOTS)
    copies.send(SLOTS)
    copies.transfers.copy(1, SLOTS)
    copies.kernel_writes(0)
    copies.transfers.begin_iteration()


@pytest.mark.parametrize("streams", [(), (Stream.COMPUTE, Stream.OFFLOAD)])
def test_streams_on_which_no_pass_can_run_are_an_error(streams: tuple[Stream, ...]) -> None:
    with pytest.raises(ValueError, match="pass at least one, and none of the streams that copy"):
        Transfers(SimulatedDevice(1, 1, 4), streams)


@pytest.mark.parametrize("streams", [None, Stream.COMPUTE, [Stream.COMPUTE], (0,), ("compute",)])
def test_what_is_no_tuple_of_streams_is_an_error(streams: Any) -> None:
    with pytest.raises(TypeError, match="forward_streams: needs a tuple of Stream, got"):
        Transfers(SimulatedDevice(1, 1, 4), streams)
