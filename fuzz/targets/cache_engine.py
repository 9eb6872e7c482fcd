"""What an engine does around the sequence caches: forward passes on the caches that it has resumed.

Raising the history of a cache says that the tokens up to it have been computed. So before such a call the engine runs the
kernels for those tokens for which the cache has memory already, which may be scratch, and after it those for which the
call has taken pages: attention reads the live pages of the tokens before, and each kernel writes what `page_bytes` says.
The recurrent state is read and written last. A call that is refused leaves nothing behind but bytes of tokens that do not
count yet, and that the next try writes again.

Kernels find the pages that they read by the index row of the cache as it was uploaded when their pass was started, and
scratch by what the manager tells for the pass. What a pass has to read and to write is worked out here from the sizes
alone: it is an error if the manager tells less. What has been written into scratch is read back by the same pass. Nothing
waits for the device except where the manager says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kvproof.fuzz.target import Content
from kvproof.fuzz.targets.page_bytes import KIND_NAMES, PageBytes, Path, Tokens
from kvproof.impl.device import Device, Level, Loaded, Stream
from kvproof.impl.sequence_caches import Forward, Kind, Pass, SequenceCaches, Status, Use
from kvproof.impl.sequence_caches.index_rows import EMPTY_ENTRY


class Read(NamedTuple):
    """A page that a kernel read; the last token of `path` is the last of it that was computed by then."""

    where: str
    kind: int
    path: Path
    load: Loaded


class EngineError(Exception):
    """The manager has told an engine two places for one page, none, or one for what must not share it."""


class CacheEngine:
    """The engine of one manager.

    Args:
        caches, devices: the manager, and the memory of each pool group.
        tokens: of each cache.
        page_bytes: what pages hold.
    """

    def __init__(
        self, caches: SequenceCaches, devices: Mapping[int, Device], tokens: Tokens, page_bytes: PageBytes
    ) -> None:
        self._caches = caches
        self._devices = devices
        self._tokens = tokens
        self._bytes = page_bytes
        self._begun: tuple[int, int] | None = None
        self._pass: Pass | None = None
        self.reads: list[Read] = []
        """What kernels have read; see `forget_arrived`."""

    def compute(self, cache: int, history: int) -> None:
        """The tokens of an active cache up to `history` are to be computed: those for which there is memory now."""
        caches, size = self._caches, self._bytes.tokens
        before = caches.history(cache)
        self._begun = None
        if caches.status(cache) != Status.ACTIVE or history <= before:
            return
        end = min(history, -(-caches.capacity(cache) // size) * size)
        self._begun = before, end
        self._start(cache)
        self.write_tokens(cache, before, end)

    def computed(self, cache: int, history: int) -> None:
        """The call was accepted: now there is memory for the rest of the tokens, and the recurrent state goes on."""
        if self._begun is None:
            return
        (before, done), self._begun = self._begun, None
        self._start(cache)
        self.write_tokens(cache, done, history)
        self.write_state(cache, before, history)

    def _start(self, cache: int) -> None:
        """A pass of one cache, on the stream on which it was resumed."""
        self._pass = self._caches.start_pass([cache], self._caches.stream_of(cache))

    def write_tokens(self, cache: int, start: int, end: int) -> None:
        """Kernels read the pages of the tokens below `start`, and write the KV data of those up to `end` (exclusive)."""
        if start >= end:
            return
        passed = self._caches.forward(cache, start, end)
        self._check_told(cache, passed, start, end)
        for use in passed.reads:
            if use.kind != Kind.STATE:
                self._read(cache, passed.stream, use, use.end)
        for use in passed.writes:
            if use.kind != Kind.STATE:
                self._write(cache, passed.stream, use, use.end)
                if use.scratch:  # before a later block of the pass overwrites it
                    self._read(cache, passed.stream, use, use.end)

    def write_state(self, cache: int, before: int, history: int) -> None:
        """Kernels take the recurrent state, if there is one, from `before` tokens to `history`."""
        passed = self._caches.forward(cache, history - 1, history)
        for use in passed.writes:
            if use.kind == Kind.STATE:
                if before > 0:
                    self._read(cache, passed.stream, use, before)
                self._write(cache, passed.stream, use, history)

    def _check_told(self, cache: int, passed: Forward, start: int, end: int) -> None:
        """A pass was told a place for all that it must read and write, and scratch that no more blocks share than may.

        Windowed layers see the sinks, and tokens above the one being computed less the window. Where the history has been
        raised to beyond `start` already, pages that are seen no more from there on are gone, and nothing is due for them.

        Raises:
            EngineError: something was not told, or a scratch slot is shared by too many.
        """
        config, size = self._caches.config, self._bytes.tokens
        unseen = max(start, self._caches.history(cache)) - config.window_tokens
        for verb, uses, first, last in (("read", passed.reads, 0, start), ("write", passed.writes, start, end)):
            needed = {(Kind.STATE, 0, 0, last)} if config.has_state and last else set()
            for ordinal in range(first // size, -(-last // size)):
                tokens = max(first, ordinal * size), min(last, (ordinal + 1) * size)
                needed.add((Kind.FULL, ordinal, *tokens))
                if config.windows and (ordinal < config.sink_blocks or (ordinal + 1) * size - 1 > unseen):
                    needed.add((Kind.WINDOW, ordinal, *tokens))
            missing = needed - {(use.kind, use.ordinal, use.first, use.end) for use in uses}
            if missing:
                kind, ordinal, low, high = min(missing)
                raise EngineError(
                    f"a forward pass of cache {cache} over tokens {start}..{end} was not told where to {verb} tokens "
                    f"{low}..{high} of the {KIND_NAMES[kind]} page {ordinal}"
                )
        for slot, blocks in Counter(use.slot for use in passed.writes if use.scratch).items():
            if blocks > config.scratch_share:
                raise EngineError(
                    f"a forward pass of cache {cache} over tokens {start}..{end} was told scratch slot {slot} for {blocks} "
                    f"blocks, of which only {config.scratch_share} may share one"
                )

    def row(self, cache: int) -> int:
        """The index row to which a cache is bound."""
        return cache

    def _read(self, cache: int, stream: Stream, use: Use, length: int) -> None:
        place = "scratch block" if use.scratch else "page"
        where = f"the {KIND_NAMES[use.kind]} {place} {use.ordinal} as a kernel of cache {cache} read it"
        self.reads.append(Read(where, use.kind, self._tokens.path(cache, length), self._load(cache, stream, use)))

    def _load(self, cache: int, stream: Stream, use: Use) -> Loaded:
        """A kernel that finds a page by the rows that were uploaded for its pass, when it runs; and scratch by its slot."""
        slot, device = self._slot(cache, use), self._devices[use.group]
        if use.scratch:
            return device.load(stream, Level.PRIMARY, slot)
        assert self._pass is not None
        table, index = self._pass.entry(cache, use.kind, use.ordinal)
        return device.load_through(stream, table, index, slot)

    def _write(self, cache: int, stream: Stream, use: Use, end: int) -> None:
        slot, device = self._slot(cache, use), self._devices[use.group]
        for offset, data in self._bytes.writes(use.kind, self._tokens.path(cache, end), use.first):
            device.write(stream, Level.PRIMARY, slot, offset, data)

    def _slot(self, cache: int, use: Use) -> int:
        """Where a kernel goes: to what the cache's index row says, and that is what the pass was told."""
        if use.scratch:
            return use.slot
        rows = self._caches.rows
        row = {Kind.FULL: rows.full, Kind.WINDOW: rows.window, Kind.STATE: rows.state}[use.kind](self.row(cache))
        slot = int(row[0 if use.kind == Kind.STATE else use.ordinal])
        if slot != use.slot:
            name = f"the {KIND_NAMES[use.kind]} page {use.ordinal} of cache {cache}"
            raise EngineError(f"{name}: the index row says slot {slot}, the forward pass was told slot {use.slot}")
        return slot

    def check_rows(self, locked: Mapping[int, Mapping[tuple[int, int], int]]) -> None:
        """Each index row says where the pages are that its owner has locked, and no more (S-7).

        Args:
            locked: of each open cache, the slots of its locked pages by kind and ordinal.

        Raises:
            EngineError: one says something else.
        """
        rows = self._caches.rows
        for row, owner in enumerate(rows.owner):
            wanted = {} if owner is None else locked[owner]
            told = {
                (int(kind), ordinal): slot
                for kind, slots in zip(Kind, (rows.full(row), rows.window(row), rows.state(row)), strict=True)
                for ordinal, slot in enumerate(slots.tolist())
                if slot != EMPTY_ENTRY
            }
            if told != wanted:
                whose = "nobody" if owner is None else f"cache {owner}"
                raise EngineError(
                    f"index row {row} of {whose}: has the slots {told} by kind and block, but {wanted} are locked"
                )

    def contents(self) -> Iterator[Content]:
        """What has been read; look while all pending work is complete."""
        for where, kind, path, load in self.reads:
            yield from self._bytes.contents(where, kind, path, load.value())

    def forget_arrived(self) -> None:
        """Forget what has been read and looked at: those that have arrived cannot change any more."""
        self.reads = [read for read in self.reads if not read.load.arrived()]
