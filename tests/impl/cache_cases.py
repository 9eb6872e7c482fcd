"""Small managers of sequence caches for their tests: how to make one, play its engine, and look at it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

import pytest
from caches_soundness import faults

from kvproof.impl.device import Device, Level, Loaded, Pool, ScheduleName, SimulatedDevice, Stream
from kvproof.impl.sequence_caches import (
    CachesInspection,
    Kind,
    Refused,
    SequenceCacheConfig,
    SequenceCaches,
    Status,
    Use,
)

TOKEN_BYTES = 4
STATE_BYTES = 8


def make_config(primary: int = 6, secondary: int = 0, **others: Any) -> SequenceCacheConfig:
    """Blocks of two tokens, pools of one layer."""
    sizes: dict[str, Any] = {"tokens_per_block": 2, "blocks_max": 4, "priorities": 2, "gate_percent": 100, **others}
    block = (Pool(sizes["tokens_per_block"] * TOKEN_BYTES),)
    sizes.setdefault("pools", block)
    sizes.setdefault("window_pools", block if sizes.get("window_primary") else ())
    sizes.setdefault("state_pools", (Pool(STATE_BYTES),) if sizes.get("state_primary") else ())
    return SequenceCacheConfig(primary_slots=primary, secondary_slots=secondary, **sizes)


def make_devices(config: SequenceCacheConfig, schedule: ScheduleName = "eager", seed: int = 0) -> dict[int, Device]:
    """A simulated device a group."""
    return {
        group: SimulatedDevice(
            *config.slots_of(group),
            sum(pool.block_bytes for pool in config.pools_of(group)),
            pools=config.pools_of(group),
            tokens_per_block=config.tokens_of(group),
            schedule=schedule,
            seed=seed + group,
        )
        for group in config.groups
    }


class CachePool:
    """A manager with its step log, and an engine that computes what the tests say has been computed.

    The devices are simulated ones unless `make` makes others.
    """

    def __init__(
        self,
        primary: int = 6,
        secondary: int = 0,
        *,
        manager_type: type[SequenceCaches] = SequenceCaches,
        schedule: ScheduleName = "eager",
        seed: int = 0,
        streams: tuple[Stream, ...] = (Stream.COMPUTE,),
        make: Callable[[SequenceCacheConfig], dict[int, Device]] | None = None,
        **config: Any,
    ) -> None:
        self.config = make_config(primary, secondary, **config)
        self.devices = make_devices(self.config, schedule, seed) if make is None else make(self.config)
        self.steps: list[tuple[Any, ...]] = []
        self.caches = manager_type(
            self.devices,
            self.config,
            lambda name, arguments: self.steps.append((name, *arguments)),
            forward_streams=streams,
        )
        self._opened = 0
        self._tokens: dict[int, tuple[int, ...]] = {}
        self._reads: list[tuple[str, bytes, bytes, Loaded]] = []

    @property
    def look(self) -> CachesInspection:
        """The manager as it is now."""
        return CachesInspection(self.caches.snapshot())

    def create(self, cache: int, text: tuple[int, ...] = (), priority: int = 0) -> int:
        """Open a cache; beyond its text its tokens are like no other's. Returns the blocks matched."""
        matched = self.caches.create(cache, text, priority)
        self._opened += 1
        size = self.config.tokens_per_block
        known = [chunk * size + number for chunk in text for number in range(size)]
        more = self.config.blocks_max * size - len(known)
        self._tokens[cache] = (*known, *(1000 * self._opened + number for number in range(more)))
        return matched

    def open(self, cache: int, text: tuple[int, ...] = (), tokens: int = 0, commit: int = 0, priority: int = 0) -> int:
        """An active cache of which `tokens` are computed and `commit` blocks committed; returns the blocks matched."""
        matched = self.create(cache, text, priority)
        self.caches.resume(cache)
        self.compute(cache, tokens)
        for _ in range(commit):
            self.caches.commit(cache)
        return matched

    def keep(self, text: tuple[int, ...], priority: int = 0) -> None:
        """Leave the blocks of a text committed, and nobody's."""
        self.open(99, text, len(text) * self.config.tokens_per_block, priority=priority)
        while self.caches.committed(99) < len(text):
            self.caches.commit(99)
        self.caches.close(99)

    def compute(self, cache: int, history: int, capacity: int | None = None) -> None:
        """Make room, run the forward pass, and say so: a chunk of a prefill, or decoding."""
        if history > self.caches.history(cache):
            room = max(history, self.caches.capacity(cache)) if capacity is None else capacity
            self.caches.resize(cache, room, self.caches.history(cache))
            self.forward(cache, history)
            self.caches.resize(cache, room, history)
            self.write_state(cache, history)

    def forward(self, cache: int, end: int) -> None:
        """The kernels of a pass up to `end`: they read what is seen and write keys and values."""
        start = self.caches.history(cache)
        todo = self.caches.forward(cache, start, end)
        for use in todo.reads:
            wanted = self.content(self._tokens[cache], use.kind, use.first, use.end)
            loaded = self.devices[use.group].load(todo.stream, Level.PRIMARY, use.slot)
            if use.kind is Kind.STATE:
                self._reads.append((f"cache {cache} {use}", wanted, b"", loaded))
            else:
                skip = b"?" * (use.first % self.config.tokens_per_block * TOKEN_BYTES)
                self._reads.append((f"cache {cache} {use}", wanted, skip, loaded))
        for use in todo.writes:
            if use.kind is not Kind.STATE:
                self.write(cache, todo.stream, use)

    def write_state(self, cache: int, end: int) -> None:
        """The same pass updates the recurrent state."""
        todo = self.caches.forward(cache, max(end - 1, 0), end)
        for use in todo.writes:
            if use.kind is Kind.STATE:
                self.write(cache, todo.stream, use)

    def write(self, cache: int, stream: Stream, use: Use) -> None:
        """A kernel writes one slot."""
        data = self.content(self._tokens[cache], use.kind, use.first, use.end)
        skip = 0 if use.kind is Kind.STATE else use.first % self.config.tokens_per_block * TOKEN_BYTES
        self.devices[use.group].write(stream, Level.PRIMARY, use.slot, skip, data)

    def content(self, tokens: tuple[int, ...], kind: Kind, start: int, end: int) -> bytes:
        """What `tokens` leave in a page: that of a state depends on all up to its end."""
        if kind is Kind.STATE:
            return b"".join(crc32(repr((salt, tokens[:end])).encode()).to_bytes(4, "little") for salt in (1, 2))
        links = (crc32(repr((int(kind), tokens[: number + 1])).encode()) for number in range(start, end))
        return b"".join(link.to_bytes(TOKEN_BYTES, "little") for link in links)

    # What is looked at.

    def races(self) -> list[str]:
        """What was unordered, on all devices."""
        return [str(race) for device in self.devices.values() for race in device.races]

    def wrong_contents(self) -> list[str]:
        """What is not as it should be: what kernels read, and what is in pages that somebody may use."""
        for device in self.devices.values():
            device.synchronize()
        wrong = [
            what
            for what, wanted, skip, loaded in self._reads
            if loaded.value()[len(skip) : len(skip) + len(wanted)] != wanted
        ]
        self._reads.clear()
        for name, place, wanted in self.expected():
            if not self.devices[place[0]].peek(*place[1:]).startswith(wanted):
                wrong.append(name)
        return wrong

    def expected(self) -> Iterator[tuple[str, tuple[int, int, int], bytes]]:
        """Committed pages, and what open caches have computed: a name, where it is, the bytes at its beginning."""
        size = self.config.tokens_per_block
        for page in self.look.pages():
            where = (page.group, int(page.level), page.slot)
            if page.path is not None:
                tokens = tuple(int(str(chunk)) * size + number for chunk in page.path for number in range(size))
                start = 0 if page.kind is Kind.STATE else len(tokens) - size
                yield f"{page}", where, self.content(tokens, page.kind, start, len(tokens))
            elif page.owner is not None:
                cache, kind, ordinal = page.owner
                history = self.caches.history(cache)
                end = history if kind is Kind.STATE else min(history, (ordinal + 1) * size)
                if ordinal * size < end:
                    yield f"{page}", where, self.content(self._tokens[cache], kind, ordinal * size, end)

    def victims(self, level: Level = Level.PRIMARY, group: int = 0) -> list[tuple[Any, ...]]:
        """The names of what is queued, next victim first."""
        return [tuple(self.look.name(page.page)[1:]) for page in self.look.victims(level, group)]

    def vacant(self, level: Level = Level.PRIMARY, group: int = 0) -> int:
        """Slots that nobody has."""
        return self.look.vacant(level, group)

    def state(self) -> object:
        """All that a refusal must leave as it is."""
        return self.look.observe(), len(self.steps), self.caches.rows.table.tolist()

    def refusal(self, operation: str, *arguments: Any) -> str:
        """The error of an operation that must be refused and must change nothing."""
        before = self.state()
        with pytest.raises(Refused, match="cache ") as refused:
            getattr(self.caches, operation)(*arguments)
        assert self.state() == before
        return refused.value.reason


SIZES: tuple[dict[str, Any], ...] = (
    {"primary": 4, "secondary": 0},
    {"primary": 4, "secondary": 3},
    {"primary": 6, "secondary": 2, "gate_percent": 80},
    {"primary": 9, "secondary": 4, "window_tokens": 3, "sink_blocks": 1},
    {"primary": 6, "secondary": 4, "window_tokens": 3, "window_primary": 4, "window_secondary": 2},
    {"primary": 7, "secondary": 3, "window_tokens": 2, "window_primary": 4, "scratch_share": 2},
    {"primary": 10, "secondary": 6, "window_tokens": 2, "sink_blocks": 1, "scratch_share": 2, "rewind": 1},
    {"primary": 5, "secondary": 3, "state_primary": 3, "state_secondary": 2},
    {"primary": 5, "secondary": 3, "state_primary": 3},
    {
        "primary": 6,
        "secondary": 3,
        "window_tokens": 3,
        "window_primary": 5,
        "window_secondary": 2,
        "scratch_share": 1,
        "state_primary": 3,
        "state_secondary": 2,
        "blocks_max": 6,
    },
)
"""Pools of every shape, tight."""


WEIGHTS = {"create": 6, "resume": 10, "compute": 12, "resize": 3, "commit": 10, "suspend": 4, "close": 2} | {
    "prefetch": 2,
    "stop": 1,
    "jump": 3,
}
"""How often a walk takes each operation."""


class Walk:
    """Random operations on a pool, and what came of them."""

    def __init__(self, pool: CachePool, seed: int) -> None:
        self.pool = pool
        self.random = random.Random(seed)
        self.outcomes: Counter[str] = Counter()
        self._rows = pool.config.rows

    def run(self, count: int, check: bool = True) -> Walk:
        """So many operations; after each the bookkeeping is sound, and a refusal has changed nothing."""
        for _ in range(count):
            before = self.pool.state() if check else None
            name = self.random.choices(tuple(WEIGHTS), tuple(WEIGHTS.values()))[0]
            outcome = self.outcome(name)
            self.outcomes[outcome] += 1
            if check:
                changed = outcome.split()[0] in WEIGHTS or name in ("compute", "jump")  # of several operations
                assert changed or self.pool.state() == before
                assert faults(self.pool.caches) == []
        return self

    def outcome(self, name: str) -> str:
        """An operation and what it returned, or why it was refused."""
        try:
            result = getattr(self, name)()
        except Refused as refused:
            return refused.reason
        return name if result is None else f"{name} {bool(result)}"

    def cache(self, wanted: Status) -> int:
        """Mostly a cache that is `wanted`, if there is one."""
        fit = [cache for cache in range(3) if self.pool.caches.status(cache) is wanted]
        return self.random.choice(fit) if fit and self.random.random() < 0.9 else self.random.randrange(3)

    def create(self) -> int:
        length, fork = self.random.randrange(self.pool.config.blocks_max + 1), self.random.choice((0, 1, 9, 9))
        chunks = tuple(ordinal + 10 * (ordinal > fork) for ordinal in range(length))
        cache = self.cache(Status.CLOSED)
        matched = self.pool.create(cache, chunks, self.random.randrange(2))
        if self._rows:
            self.pool.caches.bind_row(cache, cache)
        return matched

    def resume(self) -> int:
        stream = self.random.choice(self.pool.caches.forward_streams)
        return self.pool.caches.resume(self.cache(Status.SUSPENDED), stream)

    def suspend(self) -> None:
        self.pool.caches.suspend(self.cache(Status.ACTIVE))

    def commit(self) -> bool:
        return self.pool.caches.commit(self.cache(Status.ACTIVE))

    def close(self) -> None:
        self.pool.caches.close(self.cache(Status.SUSPENDED))

    def prefetch(self) -> int:
        return self.pool.caches.prefetch(self.cache(Status.SUSPENDED))

    def stop(self) -> None:
        self.pool.caches.stop_committing(self.cache(Status.ACTIVE))

    def resize(self) -> None:
        cache = self.cache(Status.ACTIVE)
        most = self.pool.config.blocks_max * self.pool.config.tokens_per_block
        self.pool.caches.resize(cache, self.random.randrange(most + 2), self.pool.caches.history(cache))

    def compute(self) -> None:
        cache = self.cache(Status.ACTIVE)
        if self.pool.caches.status(cache) is Status.ACTIVE:
            most = self.pool.config.blocks_max * self.pool.config.tokens_per_block
            history = self.pool.caches.history(cache)
            end = min(most, history + self.random.randrange(1, 5))
            capacity = min(most, max(end, self.pool.caches.capacity(cache)) + self.random.choice((0, 0, 2)))
            self.pool.compute(cache, end, capacity)

    def jump(self) -> None:
        """More room and a longer history in one: what has room is computed before, the rest after."""
        cache = self.cache(Status.ACTIVE)
        caches, size = self.pool.caches, self.pool.config.tokens_per_block
        if caches.status(cache) is Status.ACTIVE:
            history, most = caches.history(cache), self.pool.config.blocks_max * size
            end = self.random.randrange(history, most + 1)
            self.pool.forward(cache, min(end, -(-caches.capacity(cache) // size) * size))
            caches.resize(cache, self.random.randrange(end, most + 1), end)
            todo = caches.forward(cache, history, end)
            for use in todo.writes:
                self.pool.write(cache, todo.stream, use)
