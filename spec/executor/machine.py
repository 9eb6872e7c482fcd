"""The whole machine: each part stands beside the others, and an operation derives nothing that is said about it.

Below all of them are the actions, and under these what an executor keeps of a request and does to its caches (`actions`,
`forwarding`, `request_caches`, `requests`). What is true of the caches themselves is said in `sequence_caches`, and stands
here too; what is tried of them alone is tried there.
"""

from __future__ import annotations

from kvproof.spec.executor.invariants import ExecutorInvariants
from kvproof.spec.executor.kinds import ExecutorParameters
from kvproof.spec.executor.operations import ExecutorOperations
from kvproof.spec.executor.trials import ExecutorTrials
from kvproof.spec.executor.view import ExecutorView
from kvproof.spec.lang import Machine
from kvproof.spec.sequence_caches.invariants import CacheInvariants
from kvproof.spec.sequence_caches.view import CacheView


class Executor(
    ExecutorView,
    ExecutorOperations,
    ExecutorTrials,
    ExecutorInvariants,
    CacheInvariants,
    CacheView,
    Machine[ExecutorParameters],
):
    """The executor's protocol over sequence caches."""
