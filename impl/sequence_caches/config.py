"""The sizes and policies of one manager of sequence caches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import Attribute, field, frozen

from kvproof.impl.config import AtLeast
from kvproof.impl.device.interface import Device
from kvproof.impl.device.layout import Pool
from kvproof.impl.sequence_caches.kinds import FULL, FULL_GROUP, STATE_GROUP, WINDOW, WINDOW_GROUP

PRIORITIES_DEFAULT = 101  # 0..100, as in TensorRT-LLM
GATE_PERCENT_DEFAULT = 97  # max_util_for_resume, as in TensorRT-LLM


def _are_pools(instance: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(pool, Pool) for pool in value):
        raise TypeError(f"SequenceCacheConfig.{attribute.name}: needs a tuple of Pool, got {value!r}")


@frozen(kw_only=True)
class SequenceCacheConfig:
    """Sizes in slots, blocks, tokens and bytes; priorities. Validated when made.

    A life cycle's pages lie in one group of pools; each group has a device of its own. Group 0 is that of full attention,
    group 1 that of windows if `window_primary` is positive (else they share group 0), group 2 that of recurrent states.

    Attributes:
        primary_slots: slots of group 0 in device memory, at least 1.
        secondary_slots: slots of group 0 in host memory; 0 means that pages never leave the device.
        tertiary_slots: slots on a third level; devices have two, so it is 0.
        tokens_per_block: tokens of one block.
        blocks_max: blocks of the longest sequence.
        window_tokens: how many tokens a windowed layer sees; 0: there is none.
        sink_blocks: blocks at the beginning that windowed layers see for ever.
        window_primary, window_secondary: slots of group 1; `window_primary` 0: windows share group 0.
        scratch_share: so many blocks that a prefill only passes through share one slot; 0: each has a page of its own.
        rewind: how many tokens at the end of the capacity may be taken back, and so never live in scratch slots.
        state_primary, state_secondary: slots of group 2; `state_primary` 0: there is no recurrent state.
        priorities: number of eviction priorities; they are 0..priorities-1, and 0 goes first.
        gate_percent: utilisation of device memory above which nothing is resumed, 1 to 100.
        rows: number of index rows that caches can be bound to; see `IndexRows`.
        pools, window_pools, state_pools: in which pieces a page of each group lies in memory, at least one for each group
            that there is and none for the others. In `state_pools` a layer is the state of a layer.
    """

    primary_slots: int = field(validator=AtLeast(1))
    secondary_slots: int = field(default=0, validator=AtLeast(0))
    tertiary_slots: int = field(default=0, validator=AtLeast(0))
    tokens_per_block: int = field(validator=AtLeast(1))
    blocks_max: int = field(validator=AtLeast(1))
    window_tokens: int = field(default=0, validator=AtLeast(0))
    sink_blocks: int = field(default=0, validator=AtLeast(0))
    window_primary: int = field(default=0, validator=AtLeast(0))
    window_secondary: int = field(default=0, validator=AtLeast(0))
    scratch_share: int = field(default=0, validator=AtLeast(0))
    rewind: int = field(default=0, validator=AtLeast(0))
    state_primary: int = field(default=0, validator=AtLeast(0))
    state_secondary: int = field(default=0, validator=AtLeast(0))
    priorities: int = field(default=PRIORITIES_DEFAULT, validator=AtLeast(1))
    gate_percent: int = field(default=GATE_PERCENT_DEFAULT, validator=AtLeast(1))
    rows: int = field(default=0, validator=AtLeast(0))
    pools: tuple[Pool, ...] = field(validator=_are_pools)
    window_pools: tuple[Pool, ...] = field(default=(), validator=_are_pools)
    state_pools: tuple[Pool, ...] = field(default=(), validator=_are_pools)

    def __attrs_post_init__(self) -> None:
        if self.tertiary_slots:
            raise ValueError(
                f"SequenceCacheConfig.tertiary_slots: {self.tertiary_slots}, but devices have two levels; make it 0"
            )
        if self.gate_percent > 100:
            raise ValueError(
                f"SequenceCacheConfig.gate_percent: {self.gate_percent} is above 100, which already lets everything pass"
            )
        for name, owner in (
            ("sink_blocks", "window_tokens"),
            ("window_primary", "window_tokens"),
            ("scratch_share", "window_tokens"),
            ("window_secondary", "window_primary"),
            ("state_secondary", "state_primary"),
        ):
            if getattr(self, name) and not getattr(self, owner):
                raise ValueError(f"SequenceCacheConfig.{name}: {getattr(self, name)} has no meaning while {owner} is 0")
        for name, there in (
            ("pools", True),
            ("window_pools", self.window_primary > 0),
            ("state_pools", self.state_primary > 0),
        ):
            if bool(getattr(self, name)) != there:
                raise ValueError(
                    f"SequenceCacheConfig.{name}: "
                    + ("needs at least one pool" if there else "there is no such group, so leave it empty")
                )
        for group in self.groups:
            if group != STATE_GROUP:
                for pool in self.pools_of(group):
                    if pool.layer_bytes % self.tokens_per_block:
                        raise ValueError(
                            f"SequenceCacheConfig pools of group {group}: a layer of {pool.layer_bytes} bytes is not a "
                            f"multiple of tokens_per_block, {self.tokens_per_block}"
                        )

    @property
    def windows(self) -> bool:
        """Whether there is a windowed life cycle."""
        return self.window_tokens > 0

    @property
    def has_state(self) -> bool:
        """Whether there is recurrent state."""
        return self.state_primary > 0

    @property
    def groups(self) -> tuple[int, ...]:
        """The groups that have slots, in ascending order."""
        own = (True, self.window_primary > 0, self.has_state)
        return tuple(group for group, there in enumerate(own) if there)

    def group_of(self, kind: int) -> int:
        """In which group the pages of a life cycle lie."""
        if kind == FULL or (kind == WINDOW and not self.window_primary):
            return FULL_GROUP
        return WINDOW_GROUP if kind == WINDOW else STATE_GROUP

    def slots_of(self, group: int) -> tuple[int, int]:
        """PRIMARY and SECONDARY slots of a group."""
        return (
            (self.primary_slots, self.secondary_slots),
            (self.window_primary, self.window_secondary),
            (self.state_primary, self.state_secondary),
        )[group]

    def pools_of(self, group: int) -> tuple[Pool, ...]:
        """The pieces of a page of a group."""
        return (self.pools, self.window_pools, self.state_pools)[group]

    def tokens_of(self, group: int) -> int:
        """Into how many tokens a layer of a page of a group divides; a recurrent state does not."""
        return 1 if group == STATE_GROUP else self.tokens_per_block

    # Places: where in a cache a page can be. FULL blocks first, then WINDOW blocks, then the state and its snapshot.

    @property
    def state_place(self) -> int:
        """The place of the live recurrent state."""
        return self.blocks_max * (2 if self.windows else 1)

    @property
    def snapshot_place(self) -> int:
        """The place of the matched snapshot, held before the first resume."""
        return self.state_place + 1

    @property
    def places(self) -> int:
        """Number of places."""
        return self.state_place + (2 if self.has_state else 0)

    def columns(self, group: int) -> slice:
        """The places whose pages lie in a group; a snapshot's is not among them, since no kernel reads it."""
        if group == STATE_GROUP:
            return slice(self.state_place, self.state_place + 1)
        if group == WINDOW_GROUP:
            return slice(self.blocks_max, 2 * self.blocks_max)
        return slice(0, self.blocks_max if self.window_primary else self.state_place)

    def place_of(self, kind: int, ordinal: int) -> int:
        """The place of block `ordinal` of a life cycle; that of STATE has no ordinal."""
        if kind == FULL:
            return ordinal
        return self.blocks_max + ordinal if kind == WINDOW else self.state_place


def check_devices(config: SequenceCacheConfig, devices: Mapping[int, Device]) -> None:
    """Raises ValueError, with all that differs, for devices that were not made for `config`."""
    if set(devices) != set(config.groups):
        raise ValueError(
            f"devices: there are some for groups {sorted(devices)}, but the configuration has {sorted(config.groups)}"
        )
    wrong = []
    for group in config.groups:
        device = devices[group]
        for name, has, needs in (
            ("slots", device.slots, config.slots_of(group)),
            ("pools", device.layout.pools, config.pools_of(group)),
        ):
            if has != needs:
                wrong.append(f"{name} of group {group}: has {has}, the configuration needs {needs}")
    if wrong:
        raise ValueError(f"devices: {'; '.join(wrong)}; make both from one SequenceCacheConfig")
