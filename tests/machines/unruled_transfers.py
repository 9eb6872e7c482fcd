"""The transfers without the rules that say who must wait for whom: what is left to go wrong is the bytes.

Each historic bug is here as it was, in a device that does what it is told and a specification that looks only at what the
slots hold in the end. That shows that the rules which the bugs break are not stricter than the bytes demand.
"""

from __future__ import annotations

from kvproof.spec.lang import Shipped, invariant, require, step
from kvproof.spec.transfers.kinds import Content, Granule, Length, Slot, Stream, TransfersParameters, Work
from kvproof.spec.transfers.variants import (
    CopiesBesideForward,
    DestinationForgotten,
    EventsByBlock,
    LevelBlindKeys,
    OneReader,
    SourceForgotten,
    Undisciplined,
    WaitsForTheWrongStream,
)


class Unruled(Undisciplined):
    """Work conflicts as it likes; a copy moves what it finds."""

    BREAKS = ("completed_is_sequential",)

    @step
    def submit(
        self, work: Work, stream: Stream, source: Slot | None, target: Slot | None, length: Length, content: Content
    ) -> None:
        """Append work to the open batch of a stream."""
        require(not self.is_pending(work), "submit-free-ticket")
        self.stream[work] = stream
        self.source[work] = source
        self.target[work] = target
        for granule in self.every(Granule):
            if granule < length:
                self.left[work].add(granule)
                self.brings[work][granule] = content if source is None else self.planned[source][granule]
                if target is not None:
                    self.planned[target][granule] = content if source is None else self.planned[source][granule]

    @step
    def carry(self, work: Work, granule: Granule) -> None:
        """Carry out one granule of a piece of work."""
        require(self.is_pending(work) and granule in self.left[work], "carry-what-is-left")
        require(len(self.before[work]) == 0, "carry-in-order")
        source = self.source[work]
        target = self.target[work]
        if target is not None:
            self.memory[target][granule] = (
                self.brings[work][granule] if source is None else self.memory[source][granule]
            )
        self.left[work].discard(granule)

    @invariant
    def conflicts_are_ordered(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def work_meets_what_it_expects(self) -> bool:
        """Nothing is claimed."""
        return True

    @invariant
    def memory_becomes_what_was_planned(self) -> bool:
        """Nothing is claimed."""
        return True


class UnruledEventsByBlock(Unruled, EventsByBlock):
    """M-56."""


class UnruledLevelBlindKeys(Unruled, LevelBlindKeys):
    """M-57."""


class UnruledOneReader(Unruled, OneReader):
    """M-58."""


class UnruledCopiesBesideForward(Unruled, CopiesBesideForward):
    """M-59."""


class UnruledWrongStream(Unruled, WaitsForTheWrongStream):
    """V2-13."""


class UnruledSourceForgotten(Unruled, SourceForgotten):
    """X-31."""


class UnruledDestinationForgotten(Unruled, DestinationForgotten):
    """X-32."""


def _sized(primary: int, secondary: int, works: int, forward_streams: int = 1) -> TransfersParameters:
    return TransfersParameters(
        primary_slots=primary,
        secondary_slots=secondary,
        works=works,
        contents=3,
        granules=1,
        moves_max=1,
        forward_streams=forward_streams,
    )


SHIPPED = Shipped(
    machine=Unruled,
    variants={
        "M-56": UnruledEventsByBlock,
        "M-57": UnruledLevelBlindKeys,
        "M-58": UnruledOneReader,
        "M-59": UnruledCopiesBesideForward,
        "V2-13": UnruledWrongStream,
        "X-31": UnruledSourceForgotten,
        "X-32": UnruledDestinationForgotten,
    },
    sizes={
        "variants": {
            "M-56": _sized(1, 1, 2),
            "M-57": _sized(2, 2, 3),
            "M-58": _sized(2, 2, 3),
            "M-59": _sized(1, 1, 2),
            "V2-13": _sized(1, 1, 2, forward_streams=2),
            "X-31": _sized(1, 2, 2),
            "X-32": _sized(2, 1, 2),
        }
    },
)
