"""The whole machine: sequences, and what a caller may do with the cache itself; what it shows, and what its names mean."""

from __future__ import annotations

from typing import Any

from kvproof.spec.block_manager.growth import Growth
from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block, Duration, Level, Sequence, Slot, Token, Tokens
from kvproof.spec.lang import canonical, ensure, normal_form, observation, operation, phase, reject, sometimes


class BlockManager(Growth):
    """The block manager of a KV cache: two levels, prefix reuse by whole blocks and parts, one window, beam width 1."""

    @operation
    def offload(self, tokens: Tokens) -> int:
        """Move the free block that is cached under the whole path `tokens` to the host. Returns 0."""
        path = self.match_exactly(tokens)
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

    @operation
    def pin_path(self, tokens: Tokens) -> int:
        """Hold every block of the cached path `tokens` where it is. Returns how many blocks that are."""
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        if any(self.pins[block] >= self.params.pins_max for block in path):
            reject("pin-limit")
        pinned = self.pinned[path[-1]]
        for block in path:
            self.hold(block, block == path[-1])
        ensure(self.pinned[path[-1]] == pinned + 1, "a-pin-counts-once")
        return len(path)

    def hold(self, block: Block, last: bool) -> None:
        """Pin a block, claiming it first where nothing refers to it (#12667)."""
        if self.is_free(block):
            self.claim(block)
        self.pin(block, last)

    @operation
    def unpin_path(self, tokens: Tokens) -> int:
        """Let the pins of the cached path `tokens` go, the deepest first. Returns how many blocks that are."""
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        pinned = self.pinned[path[-1]]
        if pinned == 0:
            reject("not-pinned")
        for block in reversed(path):
            self.unpin(block, block == path[-1])
            if self.refs[block] == 0:
                self.let_go(block)
        ensure(self.pinned[path[-1]] == pinned - 1, "an-unpin-takes-one-pin-back")
        return len(path)

    @operation
    def release_subtree(self, tokens: Tokens) -> int:
        """Give up the cached path `tokens` and all that is below it: its free blocks are the next victims with data.

        The top is the first of them, and takes the others along when it is evicted. What is in use follows when it is
        released. Returns how many blocks that are.
        """
        path = self.match_exactly(tokens)
        if len(path) == 0:
            reject("not-cached")
        top = path[-1]
        doomed = self.subtree(top)
        for block in reversed(doomed):
            self.give_up(block)
        ensure(all(self.priority[block] == 0 for block in doomed), "what-is-given-up-has-no-priority")
        ensure(not self.is_free(top) or self.first_cached(self.level(top)) == top, "what-is-given-up-goes-first")
        return len(doomed)

    def first_cached(self, level: Level) -> Block | None:
        """The first block of a level's queue that has data to lose."""
        for block in self.free[level]:
            if block in self.cached:
                return block
        return None

    def give_up(self, block: Block) -> None:
        """Take the priority of a cached block away; a free one is queued anew, before its peers (M-07, M-44)."""
        if self.is_free(block):
            self.claim(block)
            self.prioritise(block, 0, 0)
            self.release(block, True)
        else:
            self.prioritise(block, 0, 0)

    @operation
    def refresh(self, elapsed: Duration) -> int:
        """Let time pass: what has waited as long as its priority was asked for goes on at the default one, at the back.

        The engine calls this once an iteration. Returns how many blocks have expired.
        """
        expired = 0
        if self.params.duration_max > 0:
            for level in Level:
                for _ in range(self.params.blocks):
                    block = self.next_to_expire(level, elapsed)
                    if block is None:
                        break
                    sometimes("a priority expires")
                    self.expire(block)
                    expired += 1
            self.tick(elapsed)
        return expired

    def next_to_expire(self, level: Level, elapsed: Duration) -> Block | None:
        """The block of a level whose time runs out first, within `elapsed`; of several, the first victim."""
        found: Block | None = None
        least = elapsed + 1
        for block in self.free[level]:
            if self.remaining[block] > 0 and self.remaining[block] < least:
                found = block
                least = self.remaining[block]
        return found

    def expire(self, block: Block) -> None:
        """Queue a block anew at the default priority, behind its new peers (M-10)."""
        self.claim(block)
        self.prioritise(block, self.params.default_priority, 0)
        self.release(block, False)
        ensure(self.duration[block] == 0, "what-has-expired-has-no-limit")

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
