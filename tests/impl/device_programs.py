"""Random programs for a device: submissions to all streams, with waits between some of them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from kvproof.impl.device import Buffer, Device, Event, Level, Loaded, Stream

SLOTS = 3  # of each level
TOKENS = 4
BLOCK_BYTES = 8
ENTRIES = (1, 2, 0)  # what a program uploads to its table, which names slot 0 alone before
TABLE_BYTES = 4 * SLOTS

KINDS = ("copy", "copy", "batch", "write", "load", "through", "upload", "event", "event", "wait", "wait")

Submission = Callable[["Running"], None]


class Running:
    """A program on a device: its events, buffers and loads so far."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.events: list[Event] = []
        self.loads: list[Loaded] = []
        self.last = Stream.COMPUTE
        self.entries = [0] * SLOTS  # of the table, once all that is submitted has completed in that order
        self.staging: Buffer = device.buffer(Level.SECONDARY, TABLE_BYTES)
        self.table: Buffer = device.buffer(Level.PRIMARY, TABLE_BYTES)

    def image(self) -> list[bytes]:
        """All bytes: slots, buffers and what was loaded."""
        device = self.device
        slots = [device.peek(level, slot) for level in Level for slot in range(SLOTS)]
        return [
            *slots,
            device.peek_buffer(self.staging),
            device.peek_buffer(self.table),
            *(load.value() if load.arrived() else b"" for load in self.loads),
        ]


def prepare(running: Running) -> None:
    """Something in every slot and buffer, so that bytes tell where they come from."""
    for level in Level:
        for slot in range(SLOTS):
            running.device.write(
                Stream.COMPUTE, level, slot, 0, bytes(range(slot * 8 + level * 64, slot * 8 + level * 64 + 8))
            )
    running.device.host_write(running.staging, 0, b"\0" * TABLE_BYTES)
    running.device.upload(Stream.COMPUTE, running.staging, running.table, TABLE_BYTES)
    running.device.synchronize()
    running.device.host_write(running.staging, 0, b"".join(slot.to_bytes(4, "little") for slot in ENTRIES))


def submission(rng: Random, care: float) -> Submission:
    """One copy, batch, write, load, load through a table, or upload on a random stream; or an event or a wait.

    With probability `care` its stream first waits for that of the submission before.
    """
    stream = Stream(rng.randrange(len(Stream)))
    careful = rng.random() < care
    kind = rng.choice(KINDS)
    place = (rng.randrange(2), rng.randrange(SLOTS))
    moves = [
        (a // SLOTS, a % SLOTS, b // SLOTS, b % SLOTS)
        for a, b in zip(rng.sample(range(6), 2), rng.sample(range(6), 2), strict=True)
    ]
    tokens, number, data = rng.randint(1, TOKENS), rng.random(), bytes(rng.randrange(256) for _ in range(BLOCK_BYTES))
    index = rng.randrange(SLOTS)

    def run(running: Running) -> None:
        device = running.device
        if careful:
            device.wait_event(stream, device.record_event(running.last))
        running.last = stream
        if kind == "copy":
            device.copy(stream, moves[:1])
        elif kind == "batch":
            device.copy(stream, moves[:1], [(*moves[1], tokens)])
        elif kind == "write":
            device.write(stream, *place, tokens, data[tokens:])
        elif kind == "load":
            running.loads.append(device.load(stream, *place))
        elif kind == "through":
            running.loads.append(device.load_through(stream, running.table, index, running.entries[index]))
        elif kind == "upload":
            device.upload(stream, running.staging, running.table, TABLE_BYTES)
            running.entries = list(ENTRIES)
        elif kind == "event":
            running.events.append(device.record_event(stream))
        elif running.events:
            device.wait_event(stream, running.events[int(number * len(running.events))])

    return run


def program(seed: int, length: int) -> list[Submission]:
    """A program of `length` submissions: with no waits but by luck, with most that it needs, or with all."""
    rng = Random(seed)
    care = rng.choice((0.0, 0.8, 1.0, 1.0))
    return [submission(rng, care) for _ in range(length)]
