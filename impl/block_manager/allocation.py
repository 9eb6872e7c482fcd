"""Taking free blocks: eviction, offloading during allocation, onboarding.

Which block goes is decided by the free queues alone. These methods assume that the caller has checked that enough
blocks are free.
"""

from __future__ import annotations

from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.reuse_tree import UNATTACHED
from kvproof.impl.block_manager.steps import BlockSteps
from kvproof.impl.device.interface import Level

_PRIMARY = int(Level.PRIMARY)  # plain ints: an enumeration member costs a look-up and a slower index, per block
_SECONDARY = int(Level.SECONDARY)


class BlockAllocation(BlockSteps):
    """How free blocks are taken and how data move between the levels."""

    def take_free(self) -> int:
        """A claimed PRIMARY block that holds nothing.

        The victim is the front of the PRIMARY queues. If it is cached and its priority is worth it, its data go to
        host memory, and what goes is the first host victim.
        """
        queues, parent = self._queues, self._tree.parent
        self.counters.blocks_allocated += 1
        victim = queues.front(_PRIMARY)
        if parent[victim] == UNATTACHED:
            self.step_claim(victim)
            return victim
        offloads = self._priority[victim] >= self.config.offload_threshold and queues.counts[_SECONDARY] > 0
        evicted = queues.front(_SECONDARY) if offloads else victim
        if parent[evicted] != UNATTACHED:
            self.evict(evicted)
            # That can leave a primary descendant of a host block unreachable. It is taken then, since it costs no copy.
            victim = queues.front(_PRIMARY)
        if offloads and parent[victim] != UNATTACHED:
            self.exchange_with_host(victim, evicted)
            self.counters.blocks_offloaded += 1
            return evicted
        self.step_claim(victim)
        return victim

    def exchange_with_host(self, victim: int, host: int) -> None:
        """Move the data of the cached `victim` to where `host` is; `host` has its slot then, and is claimed.

        Both are claimed before they exchange their slots: a queue belongs to a level, and after the swap each would
        be sought in the other's (#12834).
        """
        self.step_claim(victim)
        self.step_claim(host)
        self.step_copy(victim, host, self.config.tokens_per_block)
        self.step_swap(victim, host)
        self.step_release(victim, False)

    def evict(self, block: int) -> None:
        """Take the free, cached `block` and all below it out of the reuse tree; the free ones become first victims."""
        handle = self._queues.handle
        subtree = self._tree.subtree(block)
        self.counters.blocks_evicted += len(subtree)
        for node in subtree:
            if handle[node] != NOT_QUEUED:
                self.step_claim(node)
                self.step_detach(node)
                self.step_release(node, True)
            else:
                self.step_detach(node)

    def onboard(self, block: int) -> None:
        """Move the cached `block`, claimed or pinned and in host memory, to device memory."""
        displaced = self.take_free()
        self.step_copy(block, displaced, self.config.tokens_per_block)
        self.step_swap(block, displaced)
        self.step_release(displaced, True)
        self.counters.blocks_onboarded += 1
