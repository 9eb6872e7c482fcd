"""A simulated device whose pending work completes as a harness says: modes, picks, and looks ahead."""

from __future__ import annotations

from random import Random

import pytest
from device_programs import BLOCK_BYTES, SLOTS, TOKENS, Running, prepare, program

from kvproof.impl.device import DeviceError, Level, SimulatedDevice, Stream
from kvproof.impl.device.pacing import ADVANCE_MODES

PRIMARY, SECONDARY = Level.PRIMARY, Level.SECONDARY
MODES = ("eager", "lazy", "adversarial", "drawn")
SEEDS = range(12)


def lazy(granule_bytes: int | None = None) -> SimulatedDevice:
    return SimulatedDevice(
        SLOTS, SLOTS, BLOCK_BYTES, tokens_per_block=TOKENS, schedule="lazy", granule_bytes=granule_bytes
    )


def two_writers() -> SimulatedDevice:
    """Two streams that write one slot, with nothing to order them, the offload stream last."""
    device = lazy()
    device.write(Stream.ONBOARD, PRIMARY, 0, 0, b"1")
    device.write(Stream.OFFLOAD, PRIMARY, 0, 0, b"2")
    return device


def first_byte(device: SimulatedDevice) -> bytes:
    return device.peek(PRIMARY, 0)[:1]


def followed(device: SimulatedDevice, *picks: str) -> list[str]:
    """What completes when these picks are followed."""
    device.taken_picks()
    device.follow(picks)
    device.advance("follow", 0)
    return device.taken_picks()


# Modes.


def test_eager_completes_everything_oldest_first() -> None:
    device = two_writers()
    device.advance("eager", 0)
    assert (device.taken_picks(), device.pending) == (["onboard", "offload"], 0)


def test_lazy_completes_nothing() -> None:
    device = two_writers()
    device.advance("lazy", 0)
    assert (device.taken_picks(), device.pending) == ([], 2)


def test_adversarial_completes_what_overtakes() -> None:
    device = two_writers()
    device.advance("adversarial", 0)
    assert (device.taken_picks(), device.pending) == (["offload"], 1)


def test_drawn_takes_every_order_and_stops_anywhere() -> None:
    outcomes = set()
    for seed in range(60):
        device = two_writers()
        device.advance("drawn", seed)
        outcomes.add(tuple(device.taken_picks()))
    assert outcomes == {
        (),
        ("onboard",),
        ("offload",),
        ("onboard", "offload"),
        ("offload", "onboard"),
    }


def test_drawn_sometimes_lets_one_stream_run_far_ahead() -> None:
    ahead = 0
    for seed in range(200):
        device = lazy()
        for stream in (Stream.ONBOARD, Stream.OFFLOAD):
            for _ in range(8):
                device.write(stream, PRIMARY, stream, 0, b"1")
        device.advance("drawn", seed)
        ahead += device.taken_picks()[:8] == ["offload"] * 8
    assert ahead > 3  # one in 12,870 if each were drawn anew


@pytest.mark.parametrize("mode", ADVANCE_MODES)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_mode_breaks_stream_order_or_a_wait(mode: str, seed: int) -> None:
    device = lazy(granule_bytes=3)
    for value in range(6):
        stream = Stream(value % len(Stream))
        device.write(stream, PRIMARY, 0, 0, bytes([value] * BLOCK_BYTES))
        device.copy(stream, [(0, 0, 1, 0)])
        device.wait_event(Stream((value + 1) % len(Stream)), device.record_event(stream))
        device.advance(mode, seed + value)
    device.synchronize()
    assert device.peek(SECONDARY, 0) == bytes([5] * BLOCK_BYTES)


def test_unknown_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match="mode 'fair': there are eager, lazy, adversarial, drawn, follow"):
        lazy().advance("fair", 0)


# Picks.


def test_picks_are_followed_in_their_order() -> None:
    device = two_writers()
    assert (followed(device, "offload", "onboard"), first_byte(device)) == (["offload", "onboard"], b"1")


def test_follow_completes_nothing_more() -> None:
    device = two_writers()
    assert (followed(device, "offload"), device.pending) == (["offload"], 1)


def test_number_in_a_pick_counts_what_remains_of_the_head() -> None:
    device = lazy()
    device.copy(Stream.OFFLOAD, [(0, slot, 1, slot) for slot in range(3)])
    assert followed(device, "offload:1", "offload:1", "offload:0") == ["offload:1", "offload:1", "offload"]


def test_pick_completes_that_copy_of_a_batch() -> None:
    device = lazy()
    device.write(Stream.OFFLOAD, PRIMARY, 1, 0, b"x" * BLOCK_BYTES)
    device.synchronize()
    device.copy(Stream.OFFLOAD, [(0, 0, 1, 0), (0, 1, 1, 1)])
    followed(device, "offload:1")
    assert device.peek(SECONDARY, 1) == b"x" * BLOCK_BYTES


def test_pick_that_cannot_run_is_skipped() -> None:
    device = two_writers()
    device.wait_event(Stream.SEND, device.record_event(Stream.ONBOARD))
    device.load(Stream.SEND, PRIMARY, 0)
    assert followed(device, "compute", "send", "onboard:1", "onboard", "send") == ["onboard", "send"]


@pytest.mark.parametrize(
    "pick", ["", "host", "onboard:", "onboard:x", "onboard:-1", "ONBOARD", "onboard: 1", "onboard:\u0663"]
)
def test_what_is_no_pick_is_an_error(pick: str) -> None:
    with pytest.raises(
        ValueError, match=rf"pick '{pick}': is neither a stream's name \(compute, onboard, offload, exec"
    ):
        lazy().follow([pick])


def test_host_that_waits_takes_the_given_picks_first() -> None:
    device = two_writers()
    device.follow(["offload"])
    device.synchronize()
    assert (device.taken_picks(), first_byte(device)) == (["offload", "onboard"], b"1")


def test_host_that_waits_for_an_event_takes_given_picks_until_it_is_done() -> None:
    device = two_writers()
    event = device.record_event(Stream.OFFLOAD)
    device.follow(["offload", "onboard"])
    device.wait_host(event)
    assert device.taken_picks() == ["offload"]
    device.advance("follow", 0)
    assert device.taken_picks() == ["onboard"]


def test_given_picks_are_dropped_when_the_device_goes_on_otherwise() -> None:
    device = two_writers()
    device.follow(["offload"])
    device.advance("lazy", 0)
    device.synchronize()
    assert device.taken_picks() == ["onboard", "offload"]


def test_picks_are_told_once() -> None:
    device = two_writers()
    device.synchronize()
    assert (len(device.taken_picks()), device.taken_picks()) == (2, [])


def test_picks_that_nobody_asked_for_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kvproof.impl.device.queues.TAKEN_MAX", 2)
    device = lazy()
    for _ in range(3):
        device.write(Stream.COMPUTE, PRIMARY, 0, 0, b"1")
    device.synchronize()
    with pytest.raises(DeviceError, match="the first 2 are forgotten; ask at least every 2 parts"):
        device.taken_picks()


def test_device_that_goes_on_by_itself_keeps_no_picks() -> None:
    with pytest.raises(DeviceError, match="only kept by a device made with schedule='lazy'"):
        SimulatedDevice(1, 1, 4, schedule="random").taken_picks()


def test_full_queues_take_the_given_picks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kvproof.impl.device.simulated.PENDING_MAX", 2)
    device = two_writers()
    device.follow(["offload"])
    device.write(Stream.SEND, PRIMARY, 1, 0, b"3")
    assert device.taken_picks() == ["offload"]


def execute(
    seed: int, granule_bytes: int | None, schedules: list[list[str]] | None
) -> tuple[list[list[bytes]], list[list[str]]]:
    """Run a program in operations of a few submissions; following `schedules` where given, else paced at random.

    Returns all bytes after each operation, and what completed during each.
    """
    rng = Random(seed)
    running = Running(lazy(granule_bytes))
    prepare(running)
    running.device.taken_picks()
    images, taken = [], []
    for number, first in enumerate(range(0, 40, 5)):
        mode, mode_seed = rng.choice(MODES), rng.randrange(100)
        if schedules is not None:
            running.device.follow(schedules[number])
        for submit in program(seed, 40)[first : first + 5]:
            submit(running)
            if running.events and rng.random() < 0.1:
                running.device.wait_host(rng.choice(running.events))
        if schedules is not None:
            running.device.advance("follow", 0)
        else:
            running.device.advance(mode, mode_seed)
        taken.append(running.device.taken_picks())
        images.append(running.image())
    return images, taken


@pytest.mark.parametrize("granule_bytes", [None, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_following_what_was_taken_gives_the_same_bytes_after_every_operation(
    seed: int, granule_bytes: int | None
) -> None:
    images, taken = execute(seed, granule_bytes, None)
    assert execute(seed, granule_bytes, taken) == (images, taken)


def test_following_something_else_gives_other_bytes() -> None:
    different = 0
    for seed in SEEDS:
        images, taken = execute(seed, 3, None)
        different += execute(seed, 3, [[] for _ in taken])[0] != images
    assert different > len(SEEDS) // 2


# Looks ahead.


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("granule_bytes", [None, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_look_ahead_shows_what_completion_in_that_order_gives_and_changes_nothing(
    mode: str, granule_bytes: int | None, seed: int
) -> None:
    running = Running(lazy(granule_bytes))
    prepare(running)
    device = running.device
    for number, submit in enumerate(program(seed, 30)):
        submit(running)
        if number % 7 == 6:
            device.advance("drawn", number)
    before, pending, picks = running.image(), device.pending, device.taken_picks()
    done = [device.event_done(event) for event in running.events]
    races = len(device.races)
    pending = device.pending
    with device.ahead(mode, seed):
        seen, inside = running.image(), device.ahead_picks()
    assert (running.image(), device.pending, device.ahead_picks()) == (before, pending, inside)
    assert (device.taken_picks(), len(device.races), bool(picks)) == ([], races, True)
    assert [device.event_done(event) for event in running.events] == done
    device.follow(inside)
    device.advance("follow", 0)
    assert (running.image(), device.taken_picks(), device.pending) == (seen, inside, 0)


def test_look_ahead_shows_loads() -> None:
    device = two_writers()
    load = device.load(Stream.SEND, PRIMARY, 0)
    with device.ahead("eager", 0):
        assert load.value()[:1] == b"2"
    assert not load.arrived()


def test_look_ahead_shows_uploads() -> None:
    device = lazy()
    staging, table = device.buffer(SECONDARY, 2), device.buffer(PRIMARY, 2)
    device.host_write(staging, 0, b"ab")
    device.upload(Stream.COMPUTE, staging, table, 2)
    with device.ahead("eager", 0):
        assert device.peek_buffer(table) == b"ab"
    assert device.peek_buffer(table) == b"\xdb\xdb"


def test_look_ahead_leaves_what_had_arrived() -> None:
    device = two_writers()
    load = device.load(Stream.OFFLOAD, PRIMARY, 0)
    device.synchronize()
    device.write(Stream.OFFLOAD, PRIMARY, 0, 0, b"3")
    with device.ahead("eager", 0):
        pass
    assert load.value()[:1] == b"2"


def test_look_ahead_adversarially_shows_the_overtaken_bytes() -> None:
    device = two_writers()
    with device.ahead("adversarial", 0):
        assert (first_byte(device), device.ahead_picks()) == (b"1", ["offload", "onboard"])


def test_looks_ahead_take_every_order() -> None:
    orders = set()
    for seed in range(20):
        device = two_writers()
        with device.ahead("drawn", seed):
            orders.add(tuple(device.ahead_picks()))
    assert orders == {("onboard", "offload"), ("offload", "onboard")}


def test_adversarial_look_ahead_carries_batches_out_from_their_end() -> None:
    device = lazy()
    device.copy(Stream.OFFLOAD, [(0, 0, 1, 0), (1, 0, 1, 1)])
    with device.ahead("adversarial", 0):
        assert device.ahead_picks() == ["offload:1", "offload"]


def test_device_goes_on_after_a_look_ahead_as_if_there_had_been_none() -> None:
    device = two_writers()
    with device.ahead("eager", 0):
        pass
    device.advance("adversarial", 0)
    assert device.taken_picks() == ["offload"]


def test_look_ahead_does_not_tell_the_record() -> None:
    device = two_writers()
    with device.ahead("eager", 0):
        pass
    device.load(Stream.COMPUTE, PRIMARY, 0)
    assert len(device.races) == 2  # of the two writers, and of the load with the last of them


def test_nothing_can_be_submitted_in_a_look_ahead() -> None:
    device = two_writers()
    staging = device.buffer(SECONDARY, 4)
    event = device.record_event(Stream.OFFLOAD)
    for call in (
        lambda: device.write(Stream.COMPUTE, PRIMARY, 0, 0, b"1"),
        lambda: device.host_write(staging, 0, b"1"),
        lambda: device.buffer(PRIMARY, 4),
        lambda: device.advance("eager", 0),
        lambda: device.follow(["onboard"]),
        device.taken_picks,
        lambda: device.event_done(event),
        lambda: device.wait_host(event),
        device.synchronize,
        lambda: device.ahead("eager", 0).__enter__(),
    ):
        with device.ahead("eager", 0), pytest.raises(DeviceError, match="inside a look ahead only peek"):
            call()
    assert device.pending == 3


def test_failure_in_a_look_ahead_brings_everything_back() -> None:
    device = two_writers()
    with pytest.raises(ZeroDivisionError), device.ahead("eager", 0):
        raise ZeroDivisionError
    assert (device.pending, first_byte(device)) == (2, b"\xdb")


def test_unknown_mode_of_a_look_ahead_brings_everything_back() -> None:
    device = two_writers()
    with pytest.raises(ValueError, match="mode 'fair'"), device.ahead("fair", 0):
        pass
    device.advance("eager", 0)
    assert device.pending == 0
