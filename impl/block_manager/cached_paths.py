"""Operations on what is cached, named by its path: offloading, pinning, giving a whole subtree up."""

from __future__ import annotations

from collections.abc import Iterable

from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.live_sequences import LiveSequences
from kvproof.impl.block_manager.reuse_tree import UNATTACHED
from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.device.interface import Level


class CachedPaths(LiveSequences):
    """A path is all tokens from the beginning of a prompt to the end of a cached block, which may be partly filled."""

    def offload(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> None:
        """Move the cached block whose whole path is `tokens` to host memory now.

        Raises:
            Refused: not-cached, in-use, not-on-primary or no-host-block.
        """
        path = self._cached_path(tokens, extra_ids)
        block, queues = path[-1], self._queues
        if self._refs[block]:
            self._refuse("in-use", f"block of {_path(path)}: has {self._refs[block]} references; wait for their end")
        if self._level(block) is not Level.PRIMARY:
            self._refuse("not-on-primary", f"block of {_path(path)}: is in host memory already")
        if not queues.counts[Level.SECONDARY]:
            self._refuse("no-host-block", f"block of {_path(path)}: no host block is free")
        host = queues.front(Level.SECONDARY)
        if host in path:
            self._refuse("no-host-block", f"block of {_path(path)}: the next host victim is its own ancestor")
        if self._tree.parent[host] != UNATTACHED:
            self.evict(host)
        self.exchange_with_host(block, host)
        self.step_release(host, True)
        self._transfers.flush()
        self.counters.blocks_offloaded += 1

    def pin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Keep the blocks of the cached path `tokens` from eviction, where they are; returns how many blocks that is.

        Raises:
            Refused: not-cached or pin-limit.
        """
        path = self._cached_path(tokens, extra_ids)
        limit, pins = self.config.pins_max, self._pins
        if any(pins[block] >= limit for block in path):
            self._refuse(
                "pin-limit", f"block on {_path(path)}: has {limit} pins already, the most allowed; unpin first"
            )
        for block in path:
            self.hold(block)
            self.step_pin(block, block == path[-1])
        return len(path)

    def hold(self, block: int) -> None:
        """Claim `block` if it is free: a pinned block left in its queue would be a victim still (#12667)."""
        if self._queues.handle[block] != NOT_QUEUED:
            self.step_claim(block)

    def unpin(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Undo one `pin` of exactly this path; returns how many blocks that is.

        A beginning of a pinned path is not itself pinned: could it be undone, the rest would stay pinned with nothing
        that keeps its beginning, and no lookup would find it to unpin it.

        Raises:
            Refused: not-cached or not-pinned.
        """
        path = self.pinned_path(tokens, extra_ids)
        last, refs = path[-1], self._refs
        for block in reversed(path):
            self.step_unpin(block, block == last)
            if not refs[block]:
                self.step_release(block, False)
        return len(path)

    def pinned_path(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[int]:
        """The blocks of a path that is pinned itself, and not only as the beginning of another.

        Raises:
            Refused: not-cached or not-pinned.
        """
        path = self._cached_path(tokens, extra_ids)
        if not self._pinned[path[-1]]:
            self._refuse("not-pinned", f"path of {_path(path)}: there is no pin of just this path; pin it first")
        return path

    def slots_to_send(self, path: list[int]) -> list[int]:
        """Where the blocks of a pinned path are, at the moment of sending."""
        return [self._slot[block] for block in path]

    def release_subtree(self, tokens: Iterable[int], extra_ids: Iterable[int] | None = None) -> int:
        """Make the block at the path `tokens` and all below it the next victims among cached blocks; returns how many.

        They stay cached until they are needed. Each goes to the front, the deepest first, so the block at the path is the
        very next, and its eviction takes along what hangs under it.

        Raises:
            Refused: not-cached.
        """
        blocks = self._tree.subtree_by_key(self._cached_path(tokens, extra_ids)[-1])
        for block in blocks:
            self.demote(block)
        return len(blocks)

    def demote(self, block: int) -> None:
        """Give `block` the lowest priority; a free one is claimed for that, since its queue goes by its priority."""
        if self._queues.handle[block] == NOT_QUEUED:
            self.step_prioritise(block, 0, 0)
        else:
            self.step_claim(block)
            self.step_prioritise(block, 0, 0)
            self.step_release(block, True)

    def path_keys(self, path: Key) -> list[Key]:
        """The keys of the blocks along a path; the last may be short. Extra ids are part of the tokens (#12472)."""
        size = self.config.tokens_per_block
        return [path[start : start + size] for start in range(0, len(path), size)]

    def _cached_path(self, tokens: Iterable[int], extra_ids: Iterable[int] | None) -> list[int]:
        """The cached blocks from the root to the one whose path is `tokens`."""
        keys = self.path_keys(self.join_tokens(tokens, extra_ids))
        path = self._tree.match(keys, len(keys))
        if not keys or len(path) < len(keys):
            self._refuse("not-cached", f"path of {_path(keys)}: only its first {len(path)} are cached; store it first")
        return path


def _path(blocks: list[int] | list[Key]) -> str:
    return f"{len(blocks)} block{'' if len(blocks) == 1 else 's'}"
