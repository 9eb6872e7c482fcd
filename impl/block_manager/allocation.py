"""Taking free blocks: eviction, offloading during allocation, onboarding.

Which block goes is decided by the free queues alone. These methods assume that the caller has checked that enough
blocks are free.
"""

from __future__ import annotations

from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.reuse_tree import UNATTACHED
from kvproof.impl.device.interface import Level

_PRIMARY = int(Level.PRIMARY)  # plain ints: an enumeration member costs a look-up and a slower index, per block
_SECONDARY = int(Level.SECONDARY)


class Allocation:
    """How free blocks of `blocks` are taken and how data move between the levels."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._queues = blocks.queues
        self._parent = blocks.parent
        self._counters = blocks.counters
        self._config = blocks.config

    def take_free(self) -> int:
        """A claimed PRIMARY block that holds nothing.

        The victim is the front of the PRIMARY queues. If it is cached and its priority is worth it, its data go to
        host memory, and what goes is the first host victim.
        """
        blocks, queues, parent = self._blocks, self._queues, self._parent
        self._counters.blocks_allocated += 1
        victim = queues.front(_PRIMARY)
        if parent[victim] == UNATTACHED:
            blocks.step_claim(victim)
            return victim
        offloads = blocks.priority[victim] >= self._config.offload_threshold and queues.counts[_SECONDARY] > 0
        evicted = queues.front(_SECONDARY) if offloads else victim
        if parent[evicted] != UNATTACHED:
            self.evict(evicted)
            # That can leave a primary descendant of a host block unreachable. It is taken then, since it costs no copy.
            victim = queues.front(_PRIMARY)
        if offloads and parent[victim] != UNATTACHED:
            self.exchange_with_host(victim, evicted)
            self._counters.blocks_offloaded += 1
            return evicted
        blocks.step_claim(victim)
        return victim

    def exchange_with_host(self, victim: int, host: int) -> None:
        """Move the data of the cached `victim` to where `host` is; `host` has its slot then, and is claimed.

        Both are claimed before they exchange their slots: a queue belongs to a level, and after the swap each would
        be sought in the other's (#12834).
        """
        blocks = self._blocks
        blocks.step_claim(victim)
        blocks.step_claim(host)
        blocks.step_copy(victim, host, self._config.tokens_per_block)
        blocks.step_swap(victim, host)
        blocks.step_release(victim, False)

    def evict(self, block: int) -> None:
        """Take the free, cached `block` and all below it out of the reuse tree; the free ones become first victims."""
        blocks = self._blocks
        handle = blocks.handle
        subtree = blocks.tree.subtree(block)
        self._counters.blocks_evicted += len(subtree)
        for node in subtree:
            if handle[node] != NOT_QUEUED:
                blocks.step_claim(node)
                blocks.step_detach(node)
                blocks.step_release(node, True)
            else:
                blocks.step_detach(node)

    def onboard(self, block: int) -> None:
        """Move the cached `block`, claimed or pinned and in host memory, to device memory."""
        blocks, displaced = self._blocks, self.take_free()
        blocks.step_copy(block, displaced, self._config.tokens_per_block)
        blocks.step_swap(block, displaced)
        blocks.step_release(displaced, True)
        self._counters.blocks_onboarded += 1

    def offload(self, block: int, host: int) -> None:
        """Move the free, cached `block` to where the free block `host` is, which gives up what it holds."""
        if self._parent[host] != UNATTACHED:
            self.evict(host)
        self.exchange_with_host(block, host)
        self._blocks.step_release(host, True)
        self._counters.blocks_offloaded += 1
