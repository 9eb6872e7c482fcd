"""Adapters: a target for each implementation that the project itself drives."""

DEFAULT_MACHINE = "block-manager"
"""The machine that commands take when none is named."""

DEFAULT_TARGETS = {
    "block-manager": "kvproof.fuzz.targets.block_manager:simulated",
    "sequence-caches": "kvproof.fuzz.targets.sequence_caches:simulated",
    "executor": "kvproof.fuzz.targets.executor:simulated",
    "transfers": "kvproof.fuzz.targets.transfers:simulated",
}
"""The target that commands take for a machine when none is named."""
