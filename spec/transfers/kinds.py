"""The finite types of the transfers, and the parameters on which their sizes depend."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import AtMost, Between, Index, Parameters
from kvproof.spec.lang.record import Record


@attrs.frozen
class TransfersParameters(Parameters):
    """Sizes of the device and of its queues. All counts."""

    primary_slots: int = 3
    """Slots in device memory, at least 1."""
    secondary_slots: int = 2
    """Slots in host memory; 0 leaves only copies within device memory."""
    works: int = 6
    """Pieces of work that may be pending at once, at least 1."""
    contents: int = 4
    """Different contents that a part of a slot may have, at least 2; 0 is that of fresh memory."""
    granules: int = 2
    """Parts in which a copy moves a block, at least 1: a reader that does not wait may see some of them moved."""
    moves_max: int = 2
    """Most copies that one operation asks for, at least 1."""
    forward_streams: int = 2
    """Streams on which forward passes run: 1, or 2 with an overlap scheduler's own (#15349)."""

    def __attrs_post_init__(self) -> None:
        least = {
            "primary_slots": 1,
            "secondary_slots": 0,
            "works": 1,
            "contents": 2,
            "granules": 1,
            "moves_max": 1,
            "forward_streams": 1,
        }
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least {minimum}")
        if self.forward_streams > 2:
            raise ValueError(f"forward_streams is {self.forward_streams}: there are at most 2, COMPUTE and EXECUTION")


class Level(IntEnum):
    """Where a slot is."""

    PRIMARY = 0
    SECONDARY = 1


PRIMARY = Level.PRIMARY
SECONDARY = Level.SECONDARY


class Block(Index):
    """A logical block; it has one slot at a time."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return parameters.primary_slots + parameters.secondary_slots


class Slot(Index):
    """A place for one block: first those of device memory, then those of host memory."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return parameters.primary_slots + parameters.secondary_slots


class Granule(Index):
    """A part of a slot that a copy moves at once."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return parameters.granules


class Work(Index):
    """A ticket for a piece of work: taken when it is submitted, given back when it is complete."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return parameters.works


class Content(Index):
    """What the bytes of one granule are; only whether they are equal matters."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return parameters.contents


class Stream(Index):
    """A queue of work: ONBOARD, OFFLOAD, and the streams of forward passes, COMPUTE and EXECUTION."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return 2 + parameters.forward_streams


ONBOARD = Stream(0)
"""The stream of copies to device memory, also from device memory."""
OFFLOAD = Stream(1)
"""The stream of copies to host memory."""
COMPUTE = Stream(2)
"""The first stream of forward passes; EXECUTION is the next."""


class Forward(Index):
    """A stream of forward passes: 0 for COMPUTE, 1 for EXECUTION."""

    @classmethod
    def count(cls, parameters: TransfersParameters) -> int:
        return parameters.forward_streams


FIRST = Work(0)
"""The first ticket."""
FRESH = Content(0)
"""What memory holds that nobody has written, and what stands where no content is meant."""

Length = Annotated[int, Between(1, lambda p: p.granules)]
"""Granules of a copy, from the first."""


@attrs.frozen
class Move(Record):
    """A block whose data are wanted elsewhere."""

    block: Block
    """Where the data come from."""
    into: Block
    """The block whose slot receives them."""
    length: Length
    """Granules that are copied, where both blocks are on the device; all of them otherwise."""


Moves = Annotated[tuple[Move, ...], AtMost(lambda p: p.moves_max)]
"""The copies of one operation, in order."""

Slots = Annotated[tuple[Slot, ...], AtMost(lambda p: p.primary_slots + p.secondary_slots)]
"""The slot of each block."""
Data = Annotated[tuple[Content, ...], AtMost(lambda p: p.granules)]
"""Contents of a slot, granule by granule."""
