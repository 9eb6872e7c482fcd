"""Running totals of one manager."""

from __future__ import annotations

from typing import NoReturn

from attrs import define

from kvproof.impl.block_manager.reasons import Reason
from kvproof.impl.refusals import Refused


@define
class Counters:
    """Totals since the manager was made, in blocks unless stated.

    Attributes:
        sequences_added: sequences admitted.
        tokens_added: tokens of their prompts.
        tokens_reused: of these, tokens whose KV data were found cached.
        tokens_reused_in_part: of these, tokens of blocks that were matched in part.
        tokens_admitted: tokens whose KV data were there after the forward pass that followed the admission.
        blocks_reused_primary, blocks_reused_secondary: whole blocks taken over, by where they were found.
        blocks_allocated: blocks taken for new data, those that onboarding needs included.
        blocks_new: blocks of admitted prompts beyond those matched wholly or in part.
        blocks_copied_in_part: blocks begun as a copy of the beginning of a cached one.
        blocks_taken_in_part: blocks matched in part and taken over as they were.
        blocks_expired: free blocks whose retention priority ran out.
        blocks_evicted: cached blocks that left the reuse tree.
        blocks_offloaded: copies to host memory, during allocation or asked for.
        blocks_onboarded: copies from host memory.
        blocks_stored: blocks that entered the reuse tree.
        refusals: operations refused.
    """

    sequences_added: int = 0
    tokens_added: int = 0
    tokens_reused: int = 0
    tokens_reused_in_part: int = 0
    tokens_admitted: int = 0
    blocks_reused_primary: int = 0
    blocks_reused_secondary: int = 0
    blocks_allocated: int = 0
    blocks_new: int = 0
    blocks_copied_in_part: int = 0
    blocks_taken_in_part: int = 0
    blocks_expired: int = 0
    blocks_evicted: int = 0
    blocks_offloaded: int = 0
    blocks_onboarded: int = 0
    blocks_stored: int = 0
    refusals: int = 0

    def refuse(self, reason: Reason, message: str) -> NoReturn:
        """Count a refusal and raise it: whatever refuses does so here."""
        self.refusals += 1
        raise Refused(reason, message)
