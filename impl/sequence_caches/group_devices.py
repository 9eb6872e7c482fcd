"""Whether the devices are those of a configuration: one a group, of its sizes and pools."""

from __future__ import annotations

from collections.abc import Mapping

from kvproof.impl.device.interface import Device, Stream
from kvproof.impl.sequence_caches.config import SequenceCacheConfig


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


def check_streams(forward_streams: tuple[Stream, ...]) -> None:
    """Raises TypeError or ValueError for streams on which forward passes cannot run."""
    if not isinstance(forward_streams, tuple) or not all(isinstance(each, Stream) for each in forward_streams):
        raise TypeError(f"forward_streams: needs a tuple of Stream, got {forward_streams!r}")
    if not forward_streams or Stream.ONBOARD in forward_streams or Stream.OFFLOAD in forward_streams:
        given = ", ".join(stream.name for stream in forward_streams) or "none"
        raise ValueError(f"forward_streams: {given}; pass at least one, and none of the streams that copy")
