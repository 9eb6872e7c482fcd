"""Operations on what is cached, named by its path: offloading, pinning, giving a whole subtree up."""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.matching import PromptMatching
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.device.interface import Level, Loaded


class CachedPaths:
    """A path is all tokens from the beginning of a prompt to the end of a cached block, which may be partly filled.

    The arguments are those of `BlockManager`.

    Args:
        blocks: the pool.
        allocation: moves blocks to host memory.
        matching: reads tokens.
    """

    def __init__(self, blocks: Blocks, allocation: Allocation, matching: PromptMatching) -> None:
        self._blocks = blocks
        self._config = blocks.config
        self._refuse = blocks.counters.refuse
        self._allocation = allocation
        self._matching = matching

    def offload(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> None:
        """Move the cached block at a path to host memory now."""
        path = self._cached_path(tokens, extra_ids)
        block, queues = path[-1], self._blocks.queues
        if self._blocks.refs[block]:
            self._refuse(
                "in-use", f"block of {_path(path)}: has {self._blocks.refs[block]} references; wait for their end"
            )
        if self._blocks.level(block) is not Level.PRIMARY:
            self._refuse("not-on-primary", f"block of {_path(path)}: is in host memory already")
        if not queues.counts[Level.SECONDARY]:
            self._refuse("no-host-block", f"block of {_path(path)}: no host block is free")
        host = queues.front(Level.SECONDARY)
        if host in path:
            self._refuse("no-host-block", f"block of {_path(path)}: the next host victim is its own ancestor")
        self._allocation.offload(block, host)
        self._blocks.transfers.flush()

    def pin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Keep the blocks of a cached path from eviction; returns how many blocks that is."""
        path = self._cached_path(tokens, extra_ids)
        limit, pins = self._config.pins_max, self._blocks.pins
        if any(pins[block] >= limit for block in path):
            self._refuse(
                "pin-limit", f"block on {_path(path)}: has {limit} pins already, the most allowed; unpin first"
            )
        for block in path:
            self.hold(block)
            self._blocks.step_pin(block, block == path[-1])
        return len(path)

    def hold(self, block: int) -> None:
        """Claim `block` if it is free: a pinned block left in its queue would be a victim still (#12667)."""
        if self._blocks.handle[block] != NOT_QUEUED:
            self._blocks.step_claim(block)

    def unpin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Undo one `pin` of exactly this path; returns how many blocks that is."""
        path = self.pinned_path(tokens, extra_ids)
        last, refs = path[-1], self._blocks.refs
        for block in reversed(path):
            self._blocks.step_unpin(block, block == last)
            if not refs[block]:
                self._blocks.step_release(block, False)
        return len(path)

    def pinned_path(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[int]:
        """The blocks of a path that is pinned itself, and not only as the beginning of another.

        Raises:
            Refused: not-cached or not-pinned.
        """
        path = self._cached_path(tokens, extra_ids)
        if not self._blocks.pinned[path[-1]]:
            self._refuse("not-pinned", f"path of {_path(path)}: there is no pin of just this path; pin it first")
        return path

    def send(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[Loaded]:
        """Read the blocks of a pinned path on the sender's stream, each from where it is at the moment of sending."""
        transfers = self._blocks.transfers
        loads = [transfers.send(self._blocks.slot[block]) for block in self.pinned_path(tokens, extra_ids)]
        transfers.flush()
        return loads

    def release_subtree(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Make the block at a path and all below it the next victims among cached blocks, the deepest first."""
        blocks = self._blocks.tree.subtree_by_key(self._cached_path(tokens, extra_ids)[-1])
        for block in blocks:
            self.demote(block)
        return len(blocks)

    def demote(self, block: int) -> None:
        """Give `block` the lowest priority; a free one is claimed for that, since its queue goes by its priority."""
        if self._blocks.handle[block] == NOT_QUEUED:
            self._blocks.step_prioritise(block, 0, 0)
        else:
            self._blocks.step_claim(block)
            self._blocks.step_prioritise(block, 0, 0)
            self._blocks.step_release(block, True)

    def path_keys(self, path: Key) -> list[Key]:
        """The keys of the blocks along a path; the last may be short. Extra ids are part of the tokens (#12472)."""
        size = self._config.tokens_per_block
        return [path[start : start + size] for start in range(0, len(path), size)]

    def _cached_path(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[int]:
        """The cached blocks from the root to the one whose path is `tokens`."""
        keys = self.path_keys(self._matching.join_tokens(tokens, extra_ids))
        path = self._blocks.tree.match(keys, len(keys))
        if not keys or len(path) < len(keys):
            self._refuse("not-cached", f"path of {_path(keys)}: only its first {len(path)} are cached; store it first")
        return path


def _path(blocks: list[int] | list[Key]) -> str:
    return f"{len(blocks)} block{'' if len(blocks) == 1 else 's'}"
