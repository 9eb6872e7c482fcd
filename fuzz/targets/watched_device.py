"""A simulated device that tells, in the steps of the machine of transfers, what its streams are asked to do.

Work gets a ticket: the lowest free one, in the order in which it is asked for. A copy joins its batch when it is asked for,
so that is where it stands in the log; whatever its stream waits for until the batch is submitted, it waits for, too. An
event stands for the batch that was submitted before it, or, where none was since the last event, for all that its stream
knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from attrs import define, field

from kvproof.fuzz.target import Step
from kvproof.impl.device import DeviceError, Event, Level, Loaded, Move, PrefixMove, SimulatedDevice, Stream
from kvproof.impl.device.interface import UNWRITTEN

NUMBERS = {Stream.ONBOARD: 0, Stream.OFFLOAD: 1, Stream.COMPUTE: 2, Stream.EXECUTION: 3}
"""Streams as the machine numbers them."""


GATHERED = Step("gathered", ())
"""Stands in the log for a copy that has not reached the device; none is left when an operation has ended."""


@define(eq=False)
class Task:
    """A piece of work under its ticket."""

    ticket: int
    stream: Stream
    source: int | None
    target: int | None
    left: set[int]
    """Granules that it has still to read or write."""
    submission: Submission | None = None
    load: Loaded | None = None
    place: int | None = None
    """Where it stands in the log."""

    @property
    def is_copy(self) -> bool:
        """Whether it is carried out granule by granule."""
        return self.source is not None and self.target is not None


@define(eq=False)
class Submission:
    """Work that reached the device at once; `parts` are what remains of it, in the device's order.

    Its event is one, so it is complete as a whole.
    """

    stream: Stream
    parts: list[tuple[Task, int]]
    tasks: tuple[Task, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.tasks = tuple(dict.fromkeys(task for task, _ in self.parts))


@define(eq=False)
class Mark:
    """What an event stands for: a batch, or what a stream knew when it was `version` changes old."""

    stream: Stream
    batch: tuple[Task, ...]
    version: int


@define
class _StreamState:
    """What one stream has been asked for."""

    queue: deque[Submission] = field(factory=deque)
    open: list[Task] = field(factory=list)
    """Of the batch that was submitted last, while no event has been recorded after it."""
    version: int = 0
    """Changes to what its next work comes after."""


class WatchedDevice(SimulatedDevice):
    """Completes nothing by itself; `log` has the steps since it was last cleared, `tickets` the pending work."""

    def __init__(self, primary_blocks: int, secondary_blocks: int, granules: int, granule_bytes: int) -> None:
        super().__init__(
            primary_blocks,
            secondary_blocks,
            granules * granule_bytes,
            tokens_per_block=granules,
            schedule="lazy",
            granule_bytes=granule_bytes,
        )
        self.log: list[Step] = []
        self.tickets: dict[int, Task] = {}
        self.fresh_granule = bytes([UNWRITTEN]) * granule_bytes
        self._granules = granules
        self._expected: dict[tuple[int, int, int], deque[Task]] = {}
        self._state = {stream: _StreamState() for stream in Stream}
        self._marks: dict[Event, Mark] = {}

    def expect(self, source: int, target: int, length: int) -> Task:
        """A copy is about to be asked for: it gets its ticket now, in whatever batch it is submitted later."""
        task = self._new(Stream.ONBOARD, source, target, length)
        self._expected.setdefault((source, target, length), deque()).append(task)
        return task

    def asked(self, task: Task) -> None:
        """The expected copy has been asked for: its stream has been told all that it waits for on its account."""
        if task.place is None:
            task.place = len(self.log)
            self.log.append(GATHERED)

    def _new(self, stream: Stream, source: int | None, target: int | None, length: int) -> Task:
        ticket = next(number for number in range(len(self.tickets) + 1) if number not in self.tickets)
        task = self.tickets[ticket] = Task(ticket, stream, source, target, set(range(length)))
        return task

    def copy(self, stream: Stream, moves: Sequence[Move], prefixes: Sequence[PrefixMove] = ()) -> None:
        """See `Device.copy`; each copy takes the ticket that it was expected under."""
        parts: list[tuple[Task, int]] = []
        for level, source, target_level, target, length in [
            *((*move, self._granules) for move in moves),
            *prefixes,
        ]:
            places = (self._place(level, source), self._place(target_level, target))
            expected = self._expected.get((*places, length))
            if not expected:
                raise DeviceError(
                    f"the device was asked for a copy of slot {places[0]} to {places[1]} that nobody wanted"
                )
            task = expected.popleft()
            if not parts:
                self._end_batch(stream)
            self._submitted(task, stream, 0)
            parts += [(task, granule) for granule in range(length)]
        self._keep(Submission(stream, parts))
        super().copy(stream, moves, prefixes)

    def load(self, stream: Stream, level: int, slot: int) -> Loaded:
        """See `Device.load`."""
        self._end_batch(stream)
        task = self._new(stream, self._place(level, slot), None, self._granules)
        self._submitted(task, stream, 0)
        self._keep(Submission(stream, [(task, 0)]))
        task.load = super().load(stream, level, slot)
        return task.load

    def write_content(self, stream: Stream, slot: int, data: bytes, content: int) -> None:
        """A kernel that writes a whole PRIMARY slot."""
        self._end_batch(stream)
        task = self._new(stream, None, slot, self._granules)
        self._submitted(task, stream, content)
        self._keep(Submission(stream, [(task, 0)]))
        self.write(stream, Level.PRIMARY, slot, 0, data)

    def _submitted(self, task: Task, stream: Stream, content: int) -> None:
        task.stream = stream
        step = Step("submit", (task.ticket, NUMBERS[stream], task.source, task.target, len(task.left), content))
        if task.place is None:
            task.place = len(self.log)
            self.log.append(step)
        else:
            self.log[task.place] = step
        state = self._state[stream]
        state.open.append(task)
        state.version += 1

    def _end_batch(self, stream: Stream) -> None:
        """What is submitted next is no part of the batch before it."""
        state = self._state[stream]
        if state.open:
            self.log.append(Step("close", (NUMBERS[stream],)))
            state.version += 1
            state.open = []

    def _keep(self, submission: Submission) -> None:
        self._state[submission.stream].queue.append(submission)
        for task, _ in submission.parts:
            task.submission = submission

    def record_event(self, stream: Stream) -> Event:
        """See `Device.record_event`; it closes the batch that is open."""
        event = super().record_event(stream)
        state = self._state[stream]
        batch = tuple(state.open)  # the last since the event before: its stream is in order, so it stands for all
        self._end_batch(stream)
        self._marks[event] = Mark(stream, batch, state.version)
        return event

    def wait_event(self, stream: Stream, event: Event) -> None:
        """See `Device.wait_event`. A batch that is complete by now orders nothing any more."""
        super().wait_event(stream, event)
        if stream not in NUMBERS:
            return
        mark = self._marks[event]
        if not mark.batch:
            if self._state[mark.stream].version != mark.version:
                raise DeviceError(
                    f"{stream.name} waits for an event of {mark.stream.name} with later work: no step says that"
                )
            self.log.append(Step("join", (NUMBERS[stream], NUMBERS[mark.stream])))
        else:
            left = [task for task in mark.batch if self.tickets.get(task.ticket) is task]
            if left:
                self.log.append(Step("wait", (NUMBERS[stream], left[-1].ticket)))
        self._state[stream].version += 1

    def may_run(self, task: Task) -> bool:
        """Whether the device could carry out a part of a piece of work now."""
        queue = self._state[task.stream].queue
        self._queues.settle()
        return bool(queue) and queue[0] is task.submission and self._queues.can_complete(task.stream, 0)

    def run(self, task: Task, granule: int) -> bytes | None:
        """Carry out one granule of a copy, or a kernel, which is whole; returns what a kernel read."""
        submission = task.submission
        assert submission is not None
        index = submission.parts.index((task, granule if task.is_copy else 0))
        self.follow([f"{task.stream.name.lower()}:{index}"])
        self.advance("follow", 0)
        if len(self.taken_picks()) != 1:
            raise DeviceError(f"ticket {task.ticket}: its granule {granule} could not be carried out")
        del submission.parts[index]
        for each in [granule] if task.is_copy else sorted(task.left):
            self.log.append(Step("carry", (task.ticket, each)))
            task.left.discard(each)
        if not submission.parts:
            self._state[task.stream].queue.popleft()
            for done in submission.tasks:
                del self.tickets[done.ticket]
                self.log.append(Step("retire", (done.ticket,)))
        return None if task.load is None else task.load.value()
