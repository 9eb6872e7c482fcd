"""When pending work of the simulated device goes on: by its schedule, at the end of an operation, or as told.

`advance` is for a harness that lets a program do one operation at a time and decides, with a mode and a seed, what of
the pending work completes after each. What completed is known as picks, and `follow` has a second device, in the same
state, complete the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from random import Random

from kvproof.impl.device.adversary import overtake, overtake_or_shed
from kvproof.impl.device.queues import StreamQueues
from kvproof.impl.device.schedule import Schedule

ADVANCE_MODES = ("eager", "lazy", "adversarial", "drawn", "follow")
DRAWN_FEW = 4  # half of the drawn advances complete at most so many parts, so that much stays pending


class Pacing:
    """Completes work of `queues`; `schedule` decides where nothing else is asked for."""

    def __init__(self, queues: StreamQueues, schedule: Schedule) -> None:
        self._queues = queues
        self._schedule = schedule
        self._given: deque[tuple[int, int]] = deque()

    def after_submission(self, is_event: bool) -> None:
        """Work or an event was submitted: what the schedule completes now."""
        if self._schedule.name == "adversarial":
            if not is_event:  # which lets nothing overtake that could not before
                overtake_or_shed(self._queues)
        else:
            for _ in range(self._schedule.picks_after_submission()):
                self._queues.settle()
                self._pick_one()

    def force(self, until: Callable[[], bool]) -> None:
        """The host waits `until` something holds: given picks first, then by the schedule."""
        queues = self._queues
        queues.settle()
        while self._given and not until():
            self._take_given()
        if not until() and self._schedule.name == "adversarial":
            overtake(queues)
            queues.settle()
        while not until():
            self._pick_one()
            queues.settle()

    def finish(self) -> None:
        """The host waits for everything."""
        if self._given or self._schedule.name not in ("eager", "lazy"):
            self.force(lambda: not self._queues.pending)
        else:
            self._queues.complete_oldest()

    def follow(self, picks: Sequence[str]) -> None:
        """Queue `picks` for the waits to come and for `advance("follow", 0)`.

        Raises:
            ValueError: something that is no pick.
        """
        self._given.extend([self._parsed(pick) for pick in picks])

    def advance(self, mode: str, seed: int) -> None:
        """Complete a part of what is pending; see `SimulatedDevice.advance`."""
        _check_mode(mode)
        if mode == "follow":
            self._queues.settle()
            while self._given:
                self._take_given()
            return
        self._given.clear()
        if mode == "adversarial":
            overtake_or_shed(self._queues)
        elif mode == "drawn":
            random = Random(seed)
            few = random.random() < 0.5
            self._draw(random, random.randint(0, DRAWN_FEW if few else self._queues.part_count()))
        elif mode == "eager":
            self._queues.complete_oldest()

    def complete_all(self, mode: str, seed: int) -> None:
        """Complete everything in the order of `mode`; given picks are left alone."""
        _check_mode(mode)
        if mode == "adversarial":
            overtake(self._queues)  # what is left then has no conflicts between streams, which its order could decide
        elif mode == "drawn":
            self._draw(Random(seed), self._queues.part_count())
        self._queues.complete_oldest(backwards=mode == "adversarial")

    def _draw(self, random: Random, count: int) -> None:
        """Complete `count` parts of random streams.

        Half of the time the streams have random ranks and the first that can goes on, which lets one run far ahead of
        the others (as in probabilistic concurrency testing: Burckhardt et al., 2010); else each part is drawn anew.
        """
        queues = self._queues
        ranks = random.sample(range(len(queues.names)), len(queues.names)) if random.random() < 0.5 else None
        for _ in range(count):
            queues.settle()
            streams = [stream for _, stream in queues.heads()]
            if not streams:
                return
            stream = random.choice(streams) if ranks is None else min(streams, key=ranks.__getitem__)
            queues.complete(stream, random.randrange(len(queues.queues[stream][0].parts)))

    def _pick_one(self) -> None:
        """Complete the head that the schedule picks, or a part of it; events must have been passed."""
        queues = self._queues
        heads = queues.heads()
        if heads:
            stream = self._schedule.pick(heads)
            size = len(queues.queues[stream][0].parts)
            order = self._schedule.part_order(size)
            if order is None or len(order) == size:
                queues.complete_head(stream, order)
            else:
                for index in order:
                    queues.complete(stream, index)

    def _take_given(self) -> None:
        """Complete the next given pick, if it can run."""
        stream, index = self._given.popleft()
        if self._queues.can_complete(stream, index):
            self._queues.complete(stream, index)
            self._queues.settle()

    def _parsed(self, pick: str) -> tuple[int, int]:
        names = self._queues.names
        name, colon, index = pick.partition(":")
        if name not in names or (bool(colon) and not (index.isascii() and index.isdecimal())):
            raise ValueError(
                f"pick {pick!r}: is neither a stream's name ({', '.join(names)}) nor name:k with a number k"
            )
        return names.index(name), int(index) if colon else 0


def _check_mode(mode: str) -> None:
    if mode not in ADVANCE_MODES:
        raise ValueError(f"mode {mode!r}: there are {', '.join(ADVANCE_MODES)}")
