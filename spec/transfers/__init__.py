"""Asynchronous movement of block data: streams, events, slots, and the discipline that keeps every byte right.

Read the files in this order: `kinds` (what things there are), `device` (what streams and events do, and the three rules
of an order that is safe), `tables` (where blocks are, and what is noted of copies), `actions` (who waits for what),
`operations` (what is asked for, and the device's turn), `invariants` (why the bytes are right), `view` (how it looks from
outside), `machine` (the whole), `sizes` (where it is checked), `variants` (historic bugs), `documenting` (what is said
twice, and why).
"""

from kvproof.spec.lang import Shipped
from kvproof.spec.transfers.documenting import DOCUMENTING
from kvproof.spec.transfers.kinds import TransfersParameters
from kvproof.spec.transfers.machine import Transfers
from kvproof.spec.transfers.sizes import PURPOSES, SIZES, UNREACHED
from kvproof.spec.transfers.variants import VARIANTS

SHIPPED = Shipped(
    machine=Transfers,
    variants=VARIANTS,
    sizes=SIZES,
    purposes=PURPOSES,
    unreached=UNREACHED,
    documenting=DOCUMENTING,
)

__all__ = ["SHIPPED", "Transfers", "TransfersParameters"]
