"""An executor over sequence caches: who is computed in an iteration, what is held back, and what becomes of the rest.

Read `executor` first: it is what an engine calls, and holds the parts: `scheduling` (a pass, from its beginning to its
launch), `release` (what becomes of requests that are not computed), `updates` (what has been computed counts, and requests
go), `pairs` (the caches of a request), `steps` (the state, and every change of it) with `delay`. `snapshot` copies the
state.
"""

from kvproof.impl.executor.config import Delay, ExecutorConfig
from kvproof.impl.executor.delay import DelayBatching
from kvproof.impl.executor.executor import Executor
from kvproof.impl.executor.reasons import Reason
from kvproof.impl.executor.requests import Peers, Phase, Request, Stage
from kvproof.impl.executor.snapshot import Snapshot
from kvproof.impl.executor.steps import STEPS
from kvproof.impl.observer import Observer
from kvproof.impl.refusals import ProtocolError, Refused

__all__ = [
    "STEPS",
    "Delay",
    "DelayBatching",
    "Executor",
    "ExecutorConfig",
    "Observer",
    "Peers",
    "Phase",
    "ProtocolError",
    "Reason",
    "Refused",
    "Request",
    "Snapshot",
    "Stage",
]
