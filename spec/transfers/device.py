"""What streams, events and slots do: work is submitted in one order and carried out in any that waits allow.

Nothing is said here about who waits for what; that is in `actions`. Every rule is about *pending* work alone: work that
is complete orders nothing any more and is hindered by nothing.

The ghost state says what is right. `planned` is what each slot would hold if all work were carried out at once, in the
order of submission; `brings` is what each piece of work would then read or write. A schedule is right when every piece
of work meets just that, and the theorem of this machine is that the rules of `submit` suffice for it.

Sources: the hazards of asynchronous copies (B-7, #9056, #15272), CUDA's streams and events.
"""

from __future__ import annotations

from kvproof.spec.lang import Ghost, Machine, Map, Set, require, step
from kvproof.spec.transfers.kinds import (
    FRESH,
    PRIMARY,
    SECONDARY,
    Content,
    Granule,
    Length,
    Level,
    Slot,
    Stream,
    TransfersParameters,
    Work,
)


class Device(Machine[TransfersParameters]):
    """Slots, streams, and the work that is pending on them."""

    stream: Map[Work, Stream | None]
    """On which stream each piece of work is pending; None: the ticket is free."""
    source: Map[Work, Slot | None]
    """The slot that it reads; None for a kernel that only writes."""
    target: Map[Work, Slot | None]
    """The slot that it writes; None for a kernel that only reads."""
    left: Map[Work, Set[Granule]]
    """The granules that it has still to read or write."""
    before: Map[Work, Set[Work]]
    """The pending work that must be complete before it starts."""
    covers: Map[Work, Set[Work]]
    """The pending work that is complete when the event recorded after it is: with it, all that was before that event.
    Empty while its batch is still open."""
    known: Map[Stream, Set[Work]]
    """The pending work that the next work of a stream comes after."""
    memory: Map[Slot, Map[Granule, Content]]
    """What the slots hold now."""
    planned: Ghost[Map[Slot, Map[Granule, Content]]]
    """What the slots would hold if all work had been carried out in the order of its submission."""
    brings: Ghost[Map[Work, Map[Granule, Content]]]
    """What each piece of work reads, or writes, in that order."""

    def level(self, slot: Slot) -> Level:
        """Device memory comes first."""
        return PRIMARY if slot < self.params.primary_slots else SECONDARY

    def is_pending(self, work: Work) -> bool:
        """Whether the ticket names a piece of work."""
        return self.stream[work] is not None

    def is_open(self, work: Work) -> bool:
        """Whether the batch of a piece of work may still grow: no event has been recorded after it."""
        return self.is_pending(work) and work not in self.covers[work]

    def has_open(self, stream: Stream) -> bool:
        """Whether a stream has an open batch."""
        return any(self.is_open(work) and self.stream[work] == stream for work in self.every(Work))

    def writes(self, work: Work, slot: Slot | None) -> bool:
        """Whether pending work writes a slot."""
        return slot is not None and self.is_pending(work) and self.target[work] == slot

    def reads(self, work: Work, slot: Slot | None) -> bool:
        """Whether pending work reads a slot."""
        return slot is not None and self.is_pending(work) and self.source[work] == slot

    def is_on_host(self, slot: Slot | None) -> bool:
        """Whether there is a slot, and it is in host memory."""
        return slot is not None and self.level(slot) == SECONDARY

    @step
    def submit(
        self, work: Work, stream: Stream, source: Slot | None, target: Slot | None, length: Length, content: Content
    ) -> None:
        """Append work to the open batch of a stream: a copy, or a kernel that reads a slot or writes `content` to one.

        The last three rules are the whole discipline: whatever conflicts with the new work, and is pending, comes before
        it. The work of one batch is unordered among itself, so a conflict within a batch breaks them, too.
        """
        require(not self.is_pending(work), "submit-free-ticket")
        require(source is not None or target is not None, "submit-something")
        require(
            not (self.is_on_host(source) or self.is_on_host(target)) or (source is not None and target is not None),
            "kernels-use-device-memory",
        )
        require(
            all(other in self.known[stream] for other in self.every(Work) if self.writes(other, source)),
            "read-after-write",
        )
        require(
            all(other in self.known[stream] for other in self.every(Work) if self.reads(other, target)),
            "write-after-read",
        )
        require(
            all(other in self.known[stream] for other in self.every(Work) if self.writes(other, target)),
            "write-after-write",
        )
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
    def close(self, stream: Stream) -> None:
        """End the open batch of a stream and record an event.

        The batch comes after all that the stream knows by now, and later work on the stream after the batch.
        """
        require(self.has_open(stream), "close-open-batch")
        for work in self.every(Work):
            if self.is_open(work) and self.stream[work] == stream:
                for earlier in self.every(Work):
                    if earlier in self.known[stream]:
                        self.before[work].add(earlier)
        for work in self.every(Work):
            if self.is_open(work) and self.stream[work] == stream:
                self.known[stream].add(work)
        for work in self.every(Work):
            if self.is_open(work) and self.stream[work] == stream:
                for earlier in self.every(Work):
                    if earlier in self.known[stream]:
                        self.covers[work].add(earlier)

    @step
    def wait(self, stream: Stream, work: Work) -> None:
        """Later work on a stream comes after the event that was recorded after `work`."""
        require(self.is_pending(work) and not self.is_open(work), "wait-for-recorded")
        for earlier in self.every(Work):
            if earlier in self.covers[work]:
                self.known[stream].add(earlier)

    @step
    def join(self, stream: Stream, other: Stream) -> None:
        """Record an event on `other` and let later work on `stream` come after it."""
        require(not self.has_open(other), "join-closed-batch")
        for earlier in self.every(Work):
            if earlier in self.known[other]:
                self.known[stream].add(earlier)

    @step
    def carry(self, work: Work, granule: Granule) -> None:
        """Carry out one granule of a piece of work. Which one is next is for the schedule to choose."""
        require(self.is_pending(work) and granule in self.left[work], "carry-what-is-left")
        require(not self.is_open(work), "carry-submitted-batch")
        require(len(self.before[work]) == 0, "carry-in-order")
        require(self.meets(work, granule), "reads-as-in-sequence")
        source, target = self.source[work], self.target[work]
        if target is not None:
            self.memory[target][granule] = (
                self.brings[work][granule] if source is None else self.memory[source][granule]
            )
        self.left[work].discard(granule)

    def meets(self, work: Work, granule: Granule) -> bool:
        """Whether the granule holds what the work reads when everything happens in order; a writing kernel reads none."""
        source = self.source[work]
        return source is None or self.memory[source][granule] == self.brings[work][granule]

    @step
    def retire(self, work: Work) -> None:
        """A piece of work is complete: it hinders nothing any more, and its ticket is free."""
        require(self.is_pending(work) and len(self.left[work]) == 0, "retire-complete")
        self.stream[work] = None
        self.source[work] = None
        self.target[work] = None
        for granule in self.every(Granule):
            self.brings[work][granule] = FRESH
        for other in self.every(Work):
            self.before[other].discard(work)
            self.covers[other].discard(work)
            self.covers[work].discard(other)
        for stream in self.every(Stream):
            self.known[stream].discard(work)
