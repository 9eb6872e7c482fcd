"""The whole machine: sequences, and what a caller may do with the cache itself; what it shows, and what its names mean."""

from __future__ import annotations

from typing import Any

from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block, Chain, Level, Sequence, Slot, Token, Tokens
from kvproof.spec.block_manager.sequences import Sequences
from kvproof.spec.lang import canonical, normal_form, observation, operation, phase, reject, sometimes


class BlockManager(Sequences):
    """The block manager of a KV cache: two levels, prefix reuse of full blocks, one window, beam width 1."""

    @operation
    def offload(self, tokens: Tokens) -> int:
        """Move the free block that is cached under the whole path `tokens` to the host. Returns 0."""
        path = self.match_all(tokens)
        if len(path) == 0:
            reject("not-cached")
        block = path[-1]
        if self.refs[block] > 0:
            reject("in-use")
        if self.level(block) == SECONDARY:
            reject("not-on-primary")
        if len(self.free[SECONDARY]) == 0:
            reject("no-host-block")
        host = self.free[SECONDARY].front()
        if host in path:
            sometimes("an offload is refused because it would evict its own ancestor")
            reject("no-host-block")
        if host in self.cached:
            self.evict(host)
        emptied = self.offload_victim(block, host)
        self.release(emptied, True)
        return 0

    def match_all(self, tokens: Tokens) -> Chain:
        """The chain of cached blocks for the whole of `tokens`, or () when any part is missing."""
        whole = len(tokens) // self.params.tokens_per_block
        chain = self.match(tokens, whole)
        return chain if len(chain) == whole and len(tokens) % self.params.tokens_per_block == 0 else ()

    @operation
    def pin_path(self, tokens: Tokens) -> int:
        """Hold every block of the cached path `tokens` where it is. Returns how many blocks that are."""
        path = self.match_all(tokens)
        if len(path) == 0:
            reject("not-cached")
        if any(self.pins[block] >= self.params.pins_max for block in path):
            reject("pin-limit")
        for block in path:
            self.hold(block, block == path[-1])
        return len(path)

    def hold(self, block: Block, last: bool) -> None:
        """Pin a block, claiming it first where nothing refers to it (#12667)."""
        if self.is_free(block):
            self.claim(block)
        self.pin(block, last)

    @operation
    def unpin_path(self, tokens: Tokens) -> int:
        """Let the pins of the cached path `tokens` go, the deepest first. Returns how many blocks that are."""
        path = self.match_all(tokens)
        if len(path) == 0:
            reject("not-cached")
        if self.pinned[path[-1]] == 0:
            reject("not-pinned")
        for block in reversed(path):
            self.unpin(block, block == path[-1])
            if self.refs[block] == 0:
                self.let_go(block)
        return len(path)

    @observation
    def observe(self) -> dict[str, Any]:
        """What a caller can see: blocks are named by what they hold and where, never by number."""

        def path(block: Block) -> list[int] | None:
            held = self.content[self.slot[block]]
            return list(held) if block in self.cached and held is not None else None

        used = [b for b in self.every(Block) if self.refs[b] > 0]
        return {
            "free": {
                level.name: [[self.free[level].priority_of(b), path(b)] for b in self.free[level]] for level in Level
            },
            "in_use": sorted(
                ([path(b), self.level(b).name, self.refs[b], self.pins[b], self.priority[b]] for b in used),
                key=lambda row: (row[0] is not None, row),
            ),
            "sequences": {
                str(s): {
                    "tokens": list(self.tokens[s]),
                    "priority": self.retention[s],
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
        tokens: dict[Token, None] = {}
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
