"""How a free block is taken, with offloading to the host on the way, and how a host block comes back.

Source: `getFreeBlock` and `onboardBlock` of TensorRT-LLM as #12834 left them (B-2), with two differences: eviction clears
keys and takes whole subtrees out of the tree (D-1), and what cannot be reached is never offloaded (D-2, I-24).
"""

from __future__ import annotations

from kvproof.spec.block_manager.kinds import PRIMARY, SECONDARY, Block
from kvproof.spec.block_manager.tree import ReuseTree
from kvproof.spec.lang import ensure, sometimes


class Eviction(ReuseTree):
    """Taking, offloading, onboarding."""

    def take_free(self) -> Block:
        """Claim a free primary block for new data: nothing is cached in it any more.

        The victim's data go to the host when they are cached, worth keeping, and the host has a free block; that block's
        own identity is evicted first. Eviction may make a primary block unreachable; then that one is taken and nothing
        is copied. Once a batch was admitted there is one, `admitted-never-fails` (I-35).
        """
        ensure(len(self.free[PRIMARY]) > 0, "admitted-never-fails")
        victim = self.free[PRIMARY].front()
        offloads = self.is_offloadable(victim) and len(self.free[SECONDARY]) > 0
        evicted = self.free[SECONDARY].front() if offloads else victim
        if evicted in self.cached:
            self.evict(evicted)
        victim = self.free[PRIMARY].front()
        if offloads and victim in self.cached:
            ensure(self.priority[victim] >= self.params.offload_threshold, "only-what-is-worth-it-is-offloaded")
            return self.offload_victim(victim, self.free[SECONDARY].front())
        self.claim(victim)
        return victim

    def is_offloadable(self, block: Block) -> bool:
        """Whether a victim's data are kept on the host: cached, and of a priority that is worth it."""
        return block in self.cached and self.priority[block] >= self.params.offload_threshold

    def offload_victim(self, victim: Block, host: Block) -> Block:
        """Move the victim's data to the host; `host` comes out claimed, with the victim's old slot."""
        sometimes("a victim is offloaded")
        self.claim(victim)
        self.claim(host)
        self.copy(victim, host, self.params.tokens_per_block)
        self.swap(victim, host)
        self.let_go(victim)
        return host

    def onboard(self, block: Block) -> None:
        """Bring a block in use back to the device; the block that gave its slot goes to the host queue."""
        sometimes("a block is onboarded")
        displaced = self.take_free()
        self.copy(block, displaced, self.params.tokens_per_block)
        self.swap(block, displaced)
        self.release(displaced, True)
