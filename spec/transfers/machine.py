"""The whole machine: each part stands beside the others, and an operation derives nothing that is said about it.

Below all of them are the actions, and under these the tables and the device (`actions`, `tables`, `device`).
"""

from __future__ import annotations

from kvproof.spec.lang import Machine
from kvproof.spec.transfers.invariants import TransferInvariants
from kvproof.spec.transfers.kinds import TransfersParameters
from kvproof.spec.transfers.operations import TransferOperations
from kvproof.spec.transfers.view import TransferView


class Transfers(TransferView, TransferInvariants, TransferOperations, Machine[TransfersParameters]):
    """Copies between levels beside forward passes: metadata change at enqueue, data whenever the device likes."""
