"""Asynchronous movement of block data: streams, events, slots, and the discipline that keeps every byte right.

Read the files in this order: `kinds` (what things there are), `device` (what streams and events do, and the three rules
of an order that is safe), `tables` (who waits for what), `operations`, `transfers` (why the bytes are right), `variants`
(historic bugs).
"""

from kvproof.spec.transfers.documenting import DOCUMENTING
from kvproof.spec.transfers.kinds import TransfersParameters
from kvproof.spec.transfers.sizes import PURPOSES, SIZES, UNREACHED
from kvproof.spec.transfers.transfers import Transfers
from kvproof.spec.transfers.variants import VARIANTS

MACHINE = Transfers

ONLY_FUZZED: dict[str, str] = {}
"""Rules and promises that no proof covers, each with the reason: none."""

__all__ = [
    "DOCUMENTING",
    "MACHINE",
    "ONLY_FUZZED",
    "PURPOSES",
    "SIZES",
    "UNREACHED",
    "VARIANTS",
    "Transfers",
    "TransfersParameters",
]
