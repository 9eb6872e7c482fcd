"""The manager of sequence caches: the operations that an executor calls.

A cache has committed <= history <= capacity: what others may reuse, what has been computed, and what there is room for. It
is suspended (it holds its pages, wherever they are) or active (the pages that a forward pass needs are locked in device
memory). Each operation first decides, without changing anything, whether it can complete, and then does; so a refusal
leaves everything as it was, the caches of others and their place in the queues included.

Copies are asynchronous, and the host waits for nothing. Kernels submitted to a cache's stream after an operation come
after the copies that they need; kernels submitted before it are awaited by the copies that need them. So an operation may
follow a forward pass at once, as under an overlap scheduler.
"""

from __future__ import annotations

from kvproof.impl.sequence_caches.sending import Sending


class SequenceCaches(Sending):
    """A two-level manager of sequence caches.

    Args:
        devices: one a group of pools, of the sizes in `config`.
        config: sizes and policies.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
        forward_streams: where kernels may run; each resume, and each start of a pass, says where those of its caches do.

    Raises:
        ValueError: the devices are not of these sizes, or the streams will not do.
    """

    def committed(self, cache: int) -> int:
        """Blocks of a cache that others may reuse; 0 for a closed one."""
        known = self._caches.get(cache)
        return 0 if known is None else known.committed

    def history(self, cache: int) -> int:
        """Tokens of a cache that have been computed; 0 for a closed one."""
        known = self._caches.get(cache)
        return 0 if known is None else known.history

    def capacity(self, cache: int) -> int:
        """Tokens for which a cache has room; 0 for a closed one."""
        known = self._caches.get(cache)
        return 0 if known is None else known.capacity

    def stopped(self, cache: int) -> bool:
        """Whether an open cache commits no more."""
        known = self._caches.get(cache)
        return known is not None and known.stopped

    def pages_copied(self) -> int:
        """Pages copied so far, in all groups: moves between levels and snapshots."""
        return sum(copies.copied for copies in self._copies.values())

    def copy_batches(self) -> int:
        """Submissions in which they were."""
        return sum(copies.batches for copies in self._copies.values())
