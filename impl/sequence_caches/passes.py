"""Forward passes, and a sender: on which streams they run, and where kernels find the index rows.

A pass runs on one forward stream, and the passes of an engine may take several in turn. What a pass of a cache does comes
after the passes of that cache before it, wherever those ran; passes of other caches it does not wait for. From its start
on, all that the cache gives up waits for the stream of the pass that was started last, and so for all of them: also when
the operation that gives it up tells of a pass before that, as under an overlap scheduler.

The host writes index rows at any time, while kernels of passes before still find their pages. So each pass has its rows
as they were when it was started: packed, and brought to the device on its own stream. See `PageTableUpload`, which keeps
what is being read from being overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from kvproof.impl.device.interface import Buffer, Device, Loaded, Stream
from kvproof.impl.page_table_upload import PageTableUpload, UploadedTables
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.index_rows import Row
from kvproof.impl.sequence_caches.sequence_cache import PassEnd, SequenceCache


@frozen
class Pass:
    """A forward pass that may be submitted to `stream`.

    Attributes:
        stream: where all its kernels run.
        rows: per group the uploaded rows, as far as the group has pages of them.
    """

    stream: Stream
    rows: Mapping[int, UploadedTables]
    _config: SequenceCacheConfig

    def entry(self, cache: int, kind: int, ordinal: int) -> tuple[Buffer, int]:
        """The table in which a kernel finds a page of a cache, and the number of its entry there.

        Raises:
            KeyError: the cache is not part of the pass.
        """
        group = self._config.group_of(kind)
        table = self.rows[group]
        return table.buffer, table.index(
            cache, self._config.place_of(kind, ordinal) - self._config.columns(group).start
        )


class Passes:
    """Between an operation and the kernels that it was for; the arguments are those of `SequenceCaches`.

    Args:
        steps: the pools and the caches.
        devices: per group, its memory.
    """

    def __init__(self, steps: CacheSteps, devices: Mapping[int, Device]) -> None:
        self._steps = steps
        self._config = steps.config
        self._pages = steps.pages
        self._copies = steps.copies
        self._uploads = {group: PageTableUpload(devices[group]) for group in steps.config.groups}
        self._columns = {group: steps.config.columns(group) for group in steps.config.groups}
        self._last: dict[Stream, PassEnd] = {}

    def run_on(self, cache: int, stream: Stream) -> None:
        """From here on the passes of an active cache run on one of the `forward_streams`, after its passes before."""
        self._steps.check_stream(stream)
        self._move_passes(self._steps.active(cache), stream)
        self._steps.end_copies()

    def start_pass(self, caches: Iterable[int], stream: Stream) -> Pass:
        """The next forward pass of some active caches, on one of the `forward_streams`."""
        self._steps.check_stream(stream)
        started = [self._steps.active(cache) for cache in caches]
        rows: dict[int, Row] = {}
        for cache in started:
            if cache.entries is None:
                raise ValueError(f"cache {cache.number}: is bound to no index row; call bind_row before its first pass")
            rows[cache.number] = cache.entries
        self._end_last(stream)
        this = self._last[stream] = PassEnd()
        for cache in started:
            self._move_passes(cache, stream)
            cache.last_pass = this
        uploaded = {
            group: self._uploads[group].upload(stream, {number: row[columns] for number, row in rows.items()})
            for group, columns in self._columns.items()
        }
        self._steps.end_copies()
        return Pass(stream, uploaded, self._config)

    def _move_passes(self, cache: SequenceCache, stream: Stream) -> None:
        if cache.stream != stream:
            self.follow(cache, stream)
            cache.stream = stream

    def follow(self, cache: SequenceCache, stream: Stream) -> None:
        """What is submitted to `stream` from here on comes after the passes of a cache, which ran elsewhere.

        If anything was given to its stream for it since its last pass, after that, too.
        """
        last = cache.last_pass
        if last is not None and not last.marks:
            self._end_last(cache.stream)
        for group, copies in self._copies.items():
            copies.await_mark(stream, copies.finish(cache.stream) if last is None else last.marks[group])

    def _end_last(self, stream: Stream) -> None:
        """All kernels of the last pass on `stream` have been submitted."""
        last = self._last.pop(stream, None)
        if last is not None:
            last.marks = {group: copies.finish(stream) for group, copies in self._copies.items()}

    def row_uploads(self) -> int:
        """How often the rows of a pass had to be brought to a group's device: the others were there already."""
        return sum(each.uploads for each in self._uploads.values())

    def send(self, cache: int) -> list[Loaded]:
        """Read the pages of an open cache, in the order of their places, each from the level where it is now."""
        sent, pages = self._steps.open(cache), self._pages
        held = [sent.cells[place] for place in reversed(self._steps.places_held(sent))]
        loads: dict[int, Loaded] = {}
        for group, copies in self._copies.items():
            mine = [page for page in held if pages.group[page] == group]
            if mine:
                places = [(pages.level[page], pages.slot[page]) for page in mine]
                loads.update(zip(mine, copies.send(places, sent.stream), strict=True))
        self._steps.end_copies()
        return [loads[page] for page in held]
