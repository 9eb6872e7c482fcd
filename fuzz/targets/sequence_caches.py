"""`kvproof.impl.sequence_caches` as a target of the machine `sequence-caches`, with the devices of its pool groups.

Around the operations it plays the engine (see `kvproof.fuzz.targets.cache_engine`): caches run on two forward streams, and
each has an index row of its own. The simulated devices complete nothing by themselves: what completes, and in which order,
is decided between the operations, by a mode and a seed or by the picks of a trace. Bytes are looked at as they will be,
outside the happens-before record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kvproof.fuzz.content import BYTES_PER_TOKEN
from kvproof.fuzz.target import Content, Operation, Outcome, Race, Refused, Returned, Step, UnsupportedParameters, Value
from kvproof.fuzz.targets.cache_engine import CacheEngine
from kvproof.fuzz.targets.device_group import DeviceGroup
from kvproof.fuzz.targets.page_bytes import (
    FULL,
    KIND_NAMES,
    STATE,
    WINDOW,
    PageBytes,
    Path,
    Tokens,
    layered_plane_pools,
    plane_pools,
)
from kvproof.impl.device import CudaDevice, Device, Layout, Pool, SimulatedDevice, Stream
from kvproof.impl.device.cuda_driver import CudaDriver
from kvproof.impl.sequence_caches import (
    CachesInspection,
    Kind,
    Observer,
    SequenceCacheConfig,
    SequenceCaches,
)
from kvproof.impl.sequence_caches import Refused as RefusedByManager

GROUPS_MAX = 3
"""Pool groups: of full attention, of windows, of recurrent states."""

FORWARD_STREAMS = (Stream.COMPUTE, Stream.EXECUTION)
"""Where forward passes run, those of a cache always on the same."""

SCHEDULE_SEED = 13805
"""Where nothing else says when work completes: fixed, so that a run is repeated exactly."""

CacheDeviceFactory = Callable[[SequenceCacheConfig, int], Device]
"""Makes the memory of one pool group."""

CachesFactory = Callable[[Mapping[int, Device], SequenceCacheConfig, Observer], SequenceCaches]

PlanePools = Callable[[int], tuple[Pool, ...]]
"""From the tokens of a block to the pools in which the planes of a page lie."""


def caches_config(parameters: Mapping[str, int], make_pools: PlanePools = plane_pools) -> SequenceCacheConfig:
    """What the machine's parameters describe.

    Raises:
        ValueError: the implementation does not offer it.
    """
    names = (
        "primary_slots",
        "secondary_slots",
        "tertiary_slots",
        "window_tokens",
        "sink_blocks",
        "window_primary",
        "window_secondary",
        "scratch_share",
        "rewind",
        "state_primary",
        "state_secondary",
        "tokens_per_block",
        "blocks_max",
        "priorities",
        "gate_percent",
    )
    pools = make_pools(parameters["tokens_per_block"])
    return SequenceCacheConfig(
        **{name: parameters[name] for name in names},
        rows=parameters["caches"],
        pools=pools,
        window_pools=pools if parameters["window_primary"] else (),
        state_pools=make_pools(1) if parameters["state_primary"] else (),
    )


def simulated_group(config: SequenceCacheConfig, group: int, layout_type: type[Layout] = Layout) -> SimulatedDevice:
    """The embedded device. Work completes when it is told to, copies token by token, so that half a page can be seen."""
    pools = config.pools_of(group)
    return SimulatedDevice(
        *config.slots_of(group),
        sum(pool.block_bytes for pool in pools),
        pools=pools,
        tokens_per_block=config.tokens_of(group),
        layout_type=layout_type,
        schedule="lazy",
        granule_bytes=BYTES_PER_TOKEN,
    )


def cuda_group(config: SequenceCacheConfig, group: int, driver: CudaDriver | None = None) -> CudaDevice:
    """The first GPU; a driver of the tests' own puts another device in its place. Raises when there is none."""
    pools = config.pools_of(group)
    return CudaDevice(
        *config.slots_of(group),
        sum(pool.block_bytes for pool in pools),
        pools=pools,
        tokens_per_block=config.tokens_of(group),
        driver=driver,
    )


def on_two_streams(caches_type: type[SequenceCaches]) -> CachesFactory:
    """Such managers, for an engine whose passes run on the compute and on the execution stream."""
    return partial(caches_type, forward_streams=FORWARD_STREAMS)


class SequenceCachesTarget:
    """Drives one manager; see `kvproof.fuzz.target` for the methods.

    Args:
        caches_type: the implementation.
        make_device: the memory of a pool group; only simulated devices have a schedule.
        make_pools: in which pieces a page lies in memory.
    """

    def __init__(
        self,
        caches_type: type[SequenceCaches] = SequenceCaches,
        make_device: CacheDeviceFactory = simulated_group,
        make_pools: PlanePools = plane_pools,
    ) -> None:
        self._make_caches = on_two_streams(caches_type)
        self._make_device = make_device
        self._make_pools = make_pools
        self._log: list[Step] = []

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`. Raises UnsupportedParameters for sizes that the implementation does not offer."""
        try:
            config = caches_config(parameters, self._make_pools)
        except ValueError as error:
            raise UnsupportedParameters(str(error)) from error
        self._log = []
        self._applied = 0
        self._paced: tuple[str, int] | None = None
        self._pace = ("eager", 0)
        self._devices = {group: self._make_device(config, group) for group in config.groups}
        self._group = DeviceGroup(self._devices, GROUPS_MAX)
        self._caches = self._make_caches(self._devices, config, self._report)
        self._tokens = Tokens(config.tokens_per_block, config.blocks_max)
        planes = sum(pool.layers for pool in config.pools)
        self._bytes = PageBytes(config.tokens_per_block, planes)
        self._engine = CacheEngine(self._caches, self._devices, self._tokens, self._bytes)
        self._calls: dict[str, Callable[..., Value]] = {
            "create": self._create,
            "resume": self._resume,
            "suspend": self._caches.suspend,
            "resize": self._resize,
            "commit": self._caches.commit,
            "stop_committing": self._caches.stop_committing,
            "prefetch": self._caches.prefetch,
            "close": self._close,
        }

    def close(self) -> None:
        """Nothing outlives the objects."""

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._log.append(Step(name, arguments))

    # When pending work completes.

    def pace(self, mode: str, seed: int) -> None:
        """See `kvproof.fuzz.target`."""
        self._paced = (mode, seed)

    def follow(self, picks: Sequence[str]) -> None:
        """See `kvproof.fuzz.target`."""
        self._paced = ("follow", 0)
        self._group.follow(picks)

    def schedule(self) -> list[str] | None:
        """See `kvproof.fuzz.target`; None for devices whose work completes when it does."""
        return self._group.taken()

    def schedule_ahead(self) -> list[str]:
        """See `kvproof.fuzz.target`."""
        return self._group.ahead_picks()

    # Operations.

    def apply(self, operation: Operation) -> Outcome:
        """One operation and the forward pass that it speaks of; then some of what is pending completes."""
        self._log = []
        self._pace = self._paced or ("drawn", SCHEDULE_SEED + self._applied)
        self._paced = None
        self._applied += 1
        outcome = self._perform(operation)
        self._group.advance(*self._pace)
        return outcome

    def _perform(self, operation: Operation) -> Outcome:
        try:
            return Returned(self._calls[operation.name](**operation.arguments))
        except RefusedByManager as refusal:
            return Refused(refusal.reason)

    def _create(self, cache: int, text: Path, priority: int) -> int:
        matched = self._caches.create(cache, text, priority)
        self._caches.bind_row(cache, cache)
        self._tokens.open(cache, text)
        return matched

    def _resume(self, cache: int) -> int:
        return self._caches.resume(cache, FORWARD_STREAMS[cache % len(FORWARD_STREAMS)])

    def _resize(self, cache: int, capacity: int, history: int) -> None:
        if history <= capacity:
            self._engine.compute(cache, history)
        self._caches.resize(cache, capacity, history)
        self._engine.computed(cache, history)

    def _close(self, cache: int) -> None:
        self._caches.close(cache)
        self._tokens.shut(cache)

    # What is looked at after an operation.

    def steps(self) -> list[Step]:
        """The manager's step log since this was last asked, that is since the operation began."""
        log, self._log = self._log, []
        return log

    def observe(self) -> Mapping[str, Any]:
        """What the specification's observation holds; the index rows, of which it says nothing, are checked by the way."""
        look = self._look()
        self._engine.check_rows(self._locked(look))
        observed: Mapping[str, Any] = look.observe()
        return observed

    def _look(self) -> CachesInspection:
        return CachesInspection(self._caches.snapshot())

    def _locked(self, look: CachesInspection) -> dict[int, dict[tuple[int, int], int]]:
        """Of each open cache the slots of the pages that it has locked, by kind and ordinal."""
        found = {}
        for cache, view in look.caches().items():
            cells = [((FULL, at), cell) for at, cell in enumerate(view.full)]
            cells += [((WINDOW, at), cell) for at, cell in enumerate(view.window)]
            cells.append(((STATE, 0), view.state))
            found[cache] = {at: look.page(cell.page).slot for at, cell in cells if cell is not None and cell.locked}
        return found

    def contents(self) -> list[Content]:
        """Every committed page, every page of an open cache, each as far as it is computed, and what has been read.

        A read is looked at until it has arrived: before that, work that should have waited may still spoil it.
        """
        mode, seed = self._pace if self._pace[0] != "follow" else ("eager", 0)
        with self._group.settled(mode, seed):
            found = [*self._committed(), *self._private(), *self._engine.contents()]
        self._engine.forget_arrived()
        return found

    def _committed(self) -> list[Content]:
        found: list[Content] = []
        for (path, kind), page in self._look().committed().items():
            where = f"the {KIND_NAMES[kind]} page committed for {list(path)} ({page.level.name} slot {page.slot})"
            data = self._devices[page.group].peek(page.level, page.slot)
            found += self._bytes.contents(where, kind, self._tokens.of_text(path), data)
        return found

    def _private(self) -> list[Content]:
        """Pages that one cache alone has, as far as its history goes."""
        found: list[Content] = []
        size = self._bytes.tokens
        for page in self._look().pages():
            if page.owner is None or page.path is not None:
                continue
            cache, kind, ordinal = page.owner
            computed = self._computed(cache, kind)
            length = computed if kind == Kind.STATE else min(computed, (ordinal + 1) * size)
            if length <= (0 if kind == Kind.STATE else ordinal * size):
                continue
            where = f"the {KIND_NAMES[kind]} page {ordinal} of cache {cache} ({page.level.name} slot {page.slot})"
            data = self._devices[page.group].peek(page.level, page.slot)
            found += self._bytes.contents(where, kind, self._tokens.path(cache, length), data)
        return found

    def _computed(self, cache: int, kind: Kind) -> int:
        """Tokens whose data the pages of one kind must have."""
        del kind
        return self._caches.history(cache)

    def races(self) -> list[Race]:
        """What the devices' happens-before checks found during this operation."""
        return self._group.races()


def simulated() -> SequenceCachesTarget:
    """The project's own sequence caches on simulated devices: the default target."""
    return SequenceCachesTarget()


def layered() -> SequenceCachesTarget:
    """The same with pages of three planes in two pools, one of them layer first."""
    return SequenceCachesTarget(make_pools=layered_plane_pools)


def cuda() -> SequenceCachesTarget:
    """The same on a GPU, with such pages. Raises when there is none."""
    return SequenceCachesTarget(make_device=cuda_group, make_pools=layered_plane_pools)
