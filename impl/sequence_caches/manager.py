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

from collections.abc import Hashable, Iterable, Mapping

from kvproof.impl.device.forward_streams import FORWARD_STREAMS, check_forward_streams
from kvproof.impl.device.interface import Device, Loaded, Stream
from kvproof.impl.observer import Observer
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.committing import Commits
from kvproof.impl.sequence_caches.config import SequenceCacheConfig, check_devices
from kvproof.impl.sequence_caches.forward import Forward, ForwardPlaces
from kvproof.impl.sequence_caches.growth import Growth
from kvproof.impl.sequence_caches.index_rows import IndexRows
from kvproof.impl.sequence_caches.kinds import Status
from kvproof.impl.sequence_caches.life_cycle import LifeCycle
from kvproof.impl.sequence_caches.page_copies import PageCopies
from kvproof.impl.sequence_caches.passes import Pass, Passes
from kvproof.impl.sequence_caches.room import Room
from kvproof.impl.sequence_caches.snapshot import Snapshot, take_snapshot


class SequenceCaches:
    """A two-level manager of sequence caches.

    Args:
        devices: one a group of pools, of the sizes in `config`.
        config: sizes and policies.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
        forward_streams: where kernels may run; each resume, and each start of a pass, says where those of its caches do.

    Raises:
        ValueError: the devices are not of these sizes, or the streams will not do.
    """

    def __init__(
        self,
        devices: Mapping[int, Device],
        config: SequenceCacheConfig,
        observer: Observer | None = None,
        *,
        forward_streams: tuple[Stream, ...] = FORWARD_STREAMS,
    ) -> None:
        check_devices(config, devices)
        check_forward_streams(forward_streams)
        self._devices = dict(devices)
        self._rows = IndexRows(config)
        self._copies = {group: PageCopies(devices[group], forward_streams) for group in config.groups}
        steps = self._steps = CacheSteps(config, self._copies, forward_streams, observer)
        room = Room(steps)
        self._life_cycle = LifeCycle(steps, room, self._rows)
        self._growth = Growth(steps, room)
        self._commits = Commits(steps, room)
        self._forward = ForwardPlaces(steps)
        self._passes = Passes(steps, devices)

    # What it was made of, and how it fares.

    @property
    def config(self) -> SequenceCacheConfig:
        """Sizes and policies."""
        return self._steps.config

    @property
    def devices(self) -> Mapping[int, Device]:
        """Per group, its memory."""
        return self._devices

    @property
    def forward_streams(self) -> tuple[Stream, ...]:
        """The streams on which kernels may run."""
        return self._steps.forward_streams

    @property
    def rows(self) -> IndexRows:
        """Per index row, the slots of the cache that is bound to it; to be read only."""
        return self._rows

    def pages_copied(self) -> int:
        """Pages copied so far, in all groups: moves between levels and snapshots."""
        return sum(copies.copied for copies in self._copies.values())

    def copy_batches(self) -> int:
        """Submissions in which they were."""
        return sum(copies.batches for copies in self._copies.values())

    def row_uploads(self) -> int:
        """How often the rows of a pass had to be brought to a group's device: the others were there already."""
        return self._passes.row_uploads()

    def snapshot(self) -> Snapshot:
        """All that the manager knows, copied, for inspection: it takes time in proportion to the pools."""
        return take_snapshot(self._steps)

    # What is known of a cache.

    def status(self, cache: int) -> Status:
        """What a cache is doing."""
        return self._steps.status(cache)

    def committed(self, cache: int) -> int:
        """Blocks of a cache that others may reuse; 0 for a closed one."""
        known = self._steps.caches.get(cache)
        return 0 if known is None else known.committed

    def history(self, cache: int) -> int:
        """Tokens of a cache that have been computed; 0 for a closed one."""
        known = self._steps.caches.get(cache)
        return 0 if known is None else known.history

    def capacity(self, cache: int) -> int:
        """Tokens for which a cache has room; 0 for a closed one."""
        known = self._steps.caches.get(cache)
        return 0 if known is None else known.capacity

    def stopped(self, cache: int) -> bool:
        """Whether an open cache commits no more."""
        known = self._steps.caches.get(cache)
        return known is not None and known.stopped

    def stream_of(self, cache: int) -> Stream:
        """Where the kernels of an active cache run.

        Raises:
            Refused: not-active.
        """
        return self._steps.active(cache).stream

    # Between closed, suspended and active.

    def matched(self, text: Iterable[Hashable], limit: int | None = None) -> int:
        """How many blocks of a text a cache created now would match, at most `limit`. Changes nothing, holds nothing."""
        return self._life_cycle.matched(text, limit)

    def create(self, cache: int, text: Iterable[Hashable], priority: int, limit: int | None = None) -> int:
        """Open a suspended cache, and hold what is committed of its text, wherever that is.

        Nothing is allocated, and nothing moves. All three lengths are what was matched.

        Args:
            cache: any number that is not open.
            text: what the full blocks of the sequence are, as far as that is known, one chunk a block; what goes beyond
                cannot be committed.
            priority: eviction priority of all pages that it will take.
            limit: blocks that may be matched; all when None. A draft model's cache must not start behind its target's.

        Returns:
            Number of blocks matched.

        Raises:
            Refused: cache-in-use.
            ValueError: the text is too long, or there is no such priority.
        """
        return self._life_cycle.create(cache, text, priority, limit)

    def resume(self, cache: int, stream: Stream | None = None) -> int:
        """Lock in device memory all that a forward pass of a suspended cache needs, or change nothing.

        Args:
            cache: a suspended one.
            stream: where its forward passes will run; the first of `forward_streams` when None.

        Returns:
            Number of pages brought up from host memory.

        Raises:
            Refused: not-suspended, device-full or out-of-pages.
            ValueError: kernels do not run on that stream.
        """
        return self._life_cycle.resume(cache, stream)

    def suspend(self, cache: int) -> None:
        """Give up the locks of an active cache. Its pages stay where they are, and may now give way to others.

        The last block is queued first, and so leaves first. The index row stays bound, and names no slot.

        Raises:
            Refused: not-active.
        """
        self._life_cycle.suspend(cache)

    def prefetch(self, cache: int) -> int:
        """Bring up pages of a suspended cache as far as slots are vacant, so that its resume has less to copy.

        Nothing gives way for it.

        Returns:
            Number of pages brought up.

        Raises:
            Refused: not-suspended.
        """
        return self._life_cycle.prefetch(cache)

    def close(self, cache: int) -> None:
        """End a cache. What it has committed stays, for others, until it is evicted; all else is gone.

        It leaves its index row, too. Kernels that were submitted before may still run.

        Raises:
            Refused: closed.
        """
        self._life_cycle.close(cache)

    def bind_row(self, cache: int, row: int) -> None:
        """From here on `rows.table[row]` names the slots that an open cache has locked.

        Raises:
            Refused: closed.
            ValueError: there is no such row, another cache has it, or this one has another.
        """
        self._life_cycle.bind_row(cache, row)

    def unbind_row(self, cache: int) -> None:
        """The row of an open cache names no slot, and may be given to another; this one writes it no more.

        Raises:
            Refused: closed.
            ValueError: it has none.
        """
        self._life_cycle.unbind_row(cache)

    # What an active cache has room for, and what it shares.

    def resize(self, cache: int, capacity: int, history: int) -> None:
        """Give an active cache room for `capacity` tokens, of which `history` have been computed, or change nothing.

        The kernels that computed them have been submitted. Blocks that windowed layers see no more are given up, or kept
        unlocked while they can still be committed. What is given up counts as room for what is needed.

        Raises:
            Refused: not-active; bad-lengths: the history cannot shrink or be longer than the capacity, and neither
                longer than blocks_max; window-in-scratch: tokens below the new history were computed into scratch slots
                and are seen still; out-of-pages.
        """
        self._growth.resize(cache, capacity, history)

    def commit(self, cache: int) -> bool:
        """Let others reuse the next full block of an active cache.

        If the same block of the same text is committed already, the cache takes its pages over and gives its own up first:
        they leave the slots into which those may have to be brought up, so this never runs out of pages (V2-07). With
        recurrent state a snapshot is kept if the history ends with this block and there is room for one.

        Returns:
            Whether somebody had committed the block before.

        Raises:
            Refused: not-active; nothing-to-commit: the next block of the text is not known, or not computed to its
                end, or the cache has stopped.
        """
        return self._commits.commit(cache)

    def stop_committing(self, cache: int) -> None:
        """An open cache commits no more, and gives up the stale window blocks that it kept for that. Idempotent.

        Raises:
            Refused: closed.
        """
        self._commits.stop_committing(cache)

    # Forward passes, and sending.

    def forward(self, cache: int, start: int, end: int) -> Forward:
        """What a forward pass touches that computes tokens `start` to `end` (exclusive) of an active cache.

        To be asked after the resize that made room for them. The pass is then submitted to the stream that is named, before
        the next operation on this cache. A window block that is stale already is written nowhere.

        Raises:
            Refused: not-active.
            ValueError: there are no blocks for these tokens.
        """
        return self._forward.forward(cache, start, end)

    def run_on(self, cache: int, stream: Stream) -> None:
        """From here on the passes of an active cache run on one of the `forward_streams`, after its passes before.

        Best said before room is made for a pass elsewhere: then the pass waits for nothing else of the stream before.

        Raises:
            Refused: not-active.
            ValueError: kernels do not run on that stream.
        """
        self._passes.run_on(cache, stream)

    def start_pass(self, caches: Iterable[int], stream: Stream) -> Pass:
        """The next forward pass of some active caches, on one of the `forward_streams`.

        To be called after the operations that made room for it. Its kernels are submitted before any other operation.

        Raises:
            Refused: not-active.
            ValueError: kernels do not run on that stream, or a cache is bound to no index row.
        """
        return self._passes.start_pass(caches, stream)

    def send(self, cache: int) -> list[Loaded]:
        """Read the pages of an open cache, in the order of their places, each from the level where it is now.

        The sender comes after the passes that have been submitted for this cache, and whoever gets one of these slots next
        comes after the sender; so the cache may be suspended or closed at once, and its index row be given away (#14423). A
        pass that goes on with it must be preceded by a new resume.

        Raises:
            Refused: closed.
        """
        return self._passes.send(cache)
