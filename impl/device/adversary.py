"""The completion order that makes the most of a missing wait.

Two pending pieces of work *conflict* when they access the same slot or buffer and at least one writes it. Where nothing
orders a conflicting pair, the program relies on the order of submission: so the adversary lets the later one
*overtake* the earlier. For every pending piece it counts the earlier ones that it could overtake; the piece with the
most goes first (of equal ones the newest), after whatever the streams and events demand before it. All else is put off.
In a program with all its waits there is nothing to overtake, and no order changes any byte.

Copies inside one batch are unordered too, so a batch is carried out from its end to its beginning.
"""

from __future__ import annotations

from heapq import merge

from kvproof.impl.device.queues import SimulatedEvent, StreamQueues, Work

ADVERSARIAL_PENDING = 24  # pieces of work: about two iterations of a small pool, so that waits across them are tried


class _Node:
    """A pending piece of work, how much of each stream it must come after, and what it could overtake."""

    __slots__ = ("after", "overtakes", "stream", "work")

    def __init__(self, work: Work, stream: int, after: tuple[int, ...]) -> None:
        self.work = work
        self.stream = stream
        self.after = after
        self.overtakes: list[_Node] = []


class PendingOrder:
    """What the streams and events demand of what is pending now."""

    def __init__(self, queues: StreamQueues) -> None:
        self._queues = queues
        self._nodes: list[_Node] = []
        known = [[0] * len(queues.names) for _ in queues.names]
        carried: dict[SimulatedEvent, list[int]] = {}
        streams = [[(work.sequence, stream, work) for work in queue] for stream, queue in enumerate(queues.queues)]
        for sequence, stream, work in merge(*streams):
            own = known[stream]
            if work.completes is not None:
                carried[work.completes] = list(own)
            elif work.awaits is not None:
                for other, count in enumerate(carried.get(work.awaits, ())):
                    own[other] = max(own[other], count)
            else:
                self._nodes.append(_Node(work, stream, tuple(own)))
                own[stream] = sequence
        self._find_overtakes()

    def _find_overtakes(self) -> None:
        """Enter into each node the earlier ones that it conflicts with and that it need not come after."""
        earlier: list[list[_Node]] = [[] for _ in self._queues.names]
        for node in self._nodes:
            for stream, others in enumerate(earlier):
                for other in reversed(others):
                    if other.work.sequence <= node.after[stream]:
                        break  # and so do all before it
                    if _conflict(node.work, other.work):
                        node.overtakes.append(other)
            earlier[node.stream].append(node)

    def overtake(self) -> None:
        """Complete whatever can overtake something, the worst first, and what must come before it."""
        done: set[int] = set()
        tempting = [node for node in self._nodes if node.overtakes]
        while tempting:
            worst = max(tempting, key=lambda node: (len(node.overtakes), node.work.sequence))
            for node in self._nodes:  # oldest first, so that each may run when its turn comes
                sequence = node.work.sequence
                if sequence not in done and (node is worst or sequence <= worst.after[node.stream]):
                    done.add(sequence)
                    self._queues.settle()
                    size = len(node.work.parts)
                    self._queues.complete_head(node.stream, range(size - 1, -1, -1))
            for node in tempting:
                node.overtakes = [other for other in node.overtakes if other.work.sequence not in done]
            tempting = [node for node in tempting if node.overtakes and node.work.sequence not in done]


def overtake(queues: StreamQueues) -> None:
    """Let everything pending that can overtake conflicting earlier work do so, and leave the rest pending."""
    if queues.works > 1 and _streams_conflict(queues):
        PendingOrder(queues).overtake()


def overtake_or_shed(queues: StreamQueues) -> None:
    """As `overtake`; if more than ADVERSARIAL_PENDING pieces are left, complete the newest that may run."""
    overtake(queues)
    while queues.works > ADVERSARIAL_PENDING:
        queues.settle()
        stream = max(queues.heads())[1]
        queues.complete_head(stream)


def _conflict(one: Work, other: Work) -> bool:
    """Whether both access a place that one of them writes."""
    reads, writes = one.accesses()
    other_reads, other_writes = other.accesses()
    return not (writes.isdisjoint(other_writes) and writes.isdisjoint(other_reads) and reads.isdisjoint(other_writes))


def _streams_conflict(queues: StreamQueues) -> bool:
    """Whether two streams hold work that conflicts, ordered or not: mostly none do, which is cheap to tell."""
    read: set[int] = set()
    written: set[int] = set()
    for queue in queues.queues:
        reads: set[int] = set()
        writes: set[int] = set()
        for work in queue:
            if work.run is not None:
                of_work = work.accesses()
                reads |= of_work[0]
                writes |= of_work[1]
        if not (written.isdisjoint(reads) and written.isdisjoint(writes) and read.isdisjoint(writes)):
            return True
        read |= reads
        written |= writes
    return False
