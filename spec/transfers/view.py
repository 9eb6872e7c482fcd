"""How transfers look from outside, and which of their states are the same but for names."""

from __future__ import annotations

from typing import Any

from kvproof.spec.lang import canonical, normal_form, observation, phase
from kvproof.spec.transfers.kinds import Block, Content, Granule, Slot, Work
from kvproof.spec.transfers.tables import Tables


class TransferView(Tables):
    """Observation, phases and canonical names."""

    @observation
    def observe(self) -> dict[str, Any]:
        """Where blocks are, what slots hold, and what is pending under which ticket."""
        names = dict(enumerate(("ONBOARD", "OFFLOAD", "COMPUTE", "EXECUTION")))
        return {
            "slots": [int(self.slot[block]) for block in self.every(Block)],
            "memory": [[int(self.memory[s][g]) for g in self.every(Granule)] for s in self.every(Slot)],
            "pending": {
                str(int(work)): {
                    "stream": names[self.stream[work] or 0],
                    "source": self.source[work],
                    "target": self.target[work],
                    "left": [int(g) for g in self.every(Granule) if g in self.left[work]],
                }
                for work in self.every(Work)
                if self.stream[work] is not None
            },
        }

    @phase
    def phase_of(self, work: Work) -> str:
        """Free, waiting for other work, or ready."""
        if not self.is_pending(work):
            return "free"
        if len(self.before[work]) > 0:
            return "waiting"
        return "ready"

    @normal_form
    def named_by_order(self) -> bool:
        """Blocks are interchangeable: let one be named by its slot. So are tickets: let them be in order, free last."""
        return all(self.slot[block] - block == 0 for block in self.every(Block)) and all(
            (self.is_pending(work) and all(later > work for later in self.every(Work) if work in self.before[later]))
            or (
                not self.is_pending(work)
                and all(later < work or not self.is_pending(later) for later in self.every(Work))
            )
            for work in self.every(Work)
        )

    @canonical
    def names(self) -> dict[type, list[int]]:
        """Slots of a level by what they hold and who is busy with them, blocks by their slots, tickets by their place in
        the order and what they do, contents by first appearance."""
        works = [work for work in self.every(Work) if self.is_pending(work)]
        owner = {self.slot[block]: block for block in self.every(Block)}

        def look(slot: Slot) -> tuple[Any, ...]:
            held = [(self.memory[slot][granule], self.planned[slot][granule]) for granule in self.every(Granule)]
            busy = sorted(
                (len(self.before[work]), self.stream[work] or 0, self.source[work] == slot, self.target[work] == slot)
                for work in works
                if slot in (self.source[work], self.target[work])
            )
            noted = (self.writer[slot] is not None, len(self.readers[slot]), self.page_table[owner[slot]] == slot)
            return (self.level(slot), held, busy, noted)

        slots = sorted(self.every(Slot), key=look)
        place = {slot: position for position, slot in enumerate(slots)}

        def task(work: Work) -> tuple[int, ...]:
            source, target = self.source[work], self.target[work]
            return (
                len(self.before[work]),
                self.stream[work] or 0,
                -1 if source is None else place[source],
                -1 if target is None else place[target],
            )

        free = [work for work in self.every(Work) if not self.is_pending(work)]
        contents = {0: None}
        for slot in slots:
            for granule in self.every(Granule):
                contents[int(self.memory[slot][granule])] = None
                contents[int(self.planned[slot][granule])] = None
        contents.update(dict.fromkeys(map(int, self.every(Content))))
        return {
            Slot: list(map(int, slots)),
            Block: [int(owner[slot]) for slot in slots],
            Work: [*map(int, sorted(works, key=task)), *map(int, free)],
            Content: list(contents),
        }
