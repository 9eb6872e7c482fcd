"""How a block manager looks from outside, and which of its states are the same but for names."""

from __future__ import annotations

from typing import Any

from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block, Level, Sequence, Slot, Token
from kvproof.spec.block_manager.sequences import Sequences
from kvproof.spec.lang import canonical, normal_form, observation, phase


class BlockView(Sequences):
    """Observation, phases and canonical names."""

    @observation
    def observe(self) -> dict[str, Any]:
        """What a caller can see: blocks are named by what they hold and where, never by number."""

        def path(block: Block) -> list[int] | None:
            held = self.content[self.slot[block]]
            return list(held) if block in self.cached and held is not None else None

        used = [b for b in self.every(Block) if self.refs[b] > 0]
        return {
            "free": {
                level.name: [[self.priority[b], path(b), self.remaining[b]] for b in self.free[level]]
                for level in Level
            },
            "used": {
                level.name: sum(1 for b in self.every(Block) if self.level(b) == level and not self.is_free(b))
                for level in Level
            },
            "cached": sorted([path(b), self.level(b).name] for b in self.every(Block) if b in self.cached),
            "in_use": sorted(
                (
                    [path(b), self.level(b).name, self.refs[b], self.pins[b], self.priority[b], self.duration[b]]
                    for b in used
                ),
                key=lambda row: (row[0] is not None, row),
            ),
            "sequences": {
                str(s): {
                    "tokens": list(self.tokens[s]),
                    "computed": self.computed[s],
                    "decode": [self.decode_priority[s], self.decode_duration[s]],
                    "blocks": [[self.level(b).name, b in self.cached] for b in self.blocks[s]],
                }
                for s in self.live
            },
        }

    @phase
    def phase_of(self, block: Block) -> str:
        """Free, claimed or in use; reachable or not; on which level."""
        if self.is_free(block):
            owned = "free"
        else:
            owned = "in use" if self.refs[block] else "claimed"
        reach = "cached" if block in self.cached else "unreachable"
        return f"{owned} {reach} {self.level(block).name.lower()}"

    @normal_form
    def named_by_place(self) -> bool:
        """Blocks, and the slots of a level, are interchangeable: let a block be named by its slot, the free ones first.

        Then a free queue within one priority reads 0, 1, 2, ...: the order is in the names, not in the queue.
        """
        return (
            all(self.slot[b] - b == 0 for b in self.every(Block))
            and self.in_order(PRIMARY, 0)
            and self.in_order(SECONDARY, self.params.primary_blocks)
        )

    def in_order(self, level: Level, first: int) -> bool:
        """Whether the victim order of a level is `first`, `first` + 1, and so on."""
        expected = first
        for block in self.free[level]:
            if block != expected:
                return False
            expected += 1
        return True

    @canonical
    def names(self) -> dict[type, list[int]]:
        """Sequences by what they hold, blocks by where they stand, slots as their blocks, tokens by first appearance.

        A block's place in a free queue is its name; blocks in use are named by their sequence, pinned ones by path.
        Where parts of blocks are matched, tokens keep their names: of equally long matches the smallest key counts.
        """
        sequences = sorted(
            self.every(Sequence), key=lambda s: (s not in self.live, len(self.tokens[s]), self.tokens[s])
        )
        used: dict[Block, None] = {}
        for sequence in sequences:
            used.update(dict.fromkeys(self.blocks[sequence]))
        rest = [b for b in self.every(Block) if b not in used and not self.is_free(b)]
        used.update(dict.fromkeys(sorted(rest, key=lambda b: self.content[self.slot[b]] or ())))
        blocks: list[Block] = []
        for level in Level:
            blocks += [*self.free[level], *(b for b in used if self.level(b) == level)]
        slots = [self.slot[b] for b in blocks]
        tokens: dict[Token, None] = dict.fromkeys(self.every(Token)) if self.params.partial_reuse else {}
        for sequence in sequences:
            tokens.update(dict.fromkeys(self.tokens[sequence]))
        for slot in slots:
            tokens.update(dict.fromkeys(self.content[slot] or ()))
        tokens.update(dict.fromkeys(self.every(Token)))
        return {
            Block: list(map(int, blocks)),
            Slot: list(map(int, slots)),
            Sequence: list(map(int, sequences)),
            Token: list(map(int, tokens)),
        }
