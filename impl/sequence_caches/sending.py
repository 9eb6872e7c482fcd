"""Sending what a cache has computed to another engine, as after a prefill that was done for somebody else."""

from __future__ import annotations

from kvproof.impl.device.interface import Loaded
from kvproof.impl.sequence_caches.launching import Launching


class Sending(Launching):
    """Reads pages on the sender's stream."""

    def send(self, cache: int) -> list[Loaded]:
        """Read the pages of an open cache, in the order of their places, each from the level where it is now.

        The sender comes after the passes that have been submitted for this cache, and whoever gets one of these slots next
        comes after the sender; so the cache may be suspended or closed at once, and its index row be given away (#14423). A
        pass that goes on with it must be preceded by a new resume.

        Raises:
            Refused: closed.
        """
        sent, pages = self._open(cache), self._pages
        held = [sent.cells[place] for place in reversed(self.places_held(sent))]
        loads: dict[int, Loaded] = {}
        for group, copies in self._copies.items():
            mine = [page for page in held if pages.group[page] == group]
            if mine:
                places = [(pages.level[page], pages.slot[page]) for page in mine]
                loads.update(zip(mine, copies.send(places, sent.stream), strict=True))
        self.end_copies()
        return [loads[page] for page in held]
