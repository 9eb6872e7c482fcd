"""Which streams forward passes may run on: all but those that copy."""

from __future__ import annotations

from kvproof.impl.device.interface import Stream

FORWARD_STREAMS = (Stream.COMPUTE,)
"""Where forward passes run, if nothing else is said."""


def check_forward_streams(streams: tuple[Stream, ...]) -> None:
    """Raises TypeError or ValueError for streams on which forward passes cannot run."""
    if not isinstance(streams, tuple) or not all(isinstance(each, Stream) for each in streams):
        raise TypeError(f"forward_streams: needs a tuple of Stream, got {streams!r}")
    if not streams or Stream.ONBOARD in streams or Stream.OFFLOAD in streams:
        given = ", ".join(stream.name for stream in streams) or "none"
        raise ValueError(f"forward_streams: {given}; pass at least one, and none of the streams that copy")
