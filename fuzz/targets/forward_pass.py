"""What an engine does around the block manager: iterations, forward passes and a sender.

Several operations share an iteration: copies are enqueued as they come, then one forward pass reads what is computed so
far and writes the pattern of the tokens that the step log says it writes. Its kernels find their blocks as on a GPU:
they read the entries of the page tables that were uploaded for this pass, when they run. An operation on a sequence whose
tokens are still to be written ends the iteration first. Passes run on the manager's forward streams in turn, each after
the one before. When an iteration ends and paths are pinned, one of them is sent.

Nothing waits for the device except where the manager says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kvproof.fuzz.content import BYTES_PER_TOKEN, pattern
from kvproof.fuzz.target import Content, Step
from kvproof.impl.block_manager import BlockManager, decode_entry
from kvproof.impl.device import Device, DeviceError, Event, Level, Loaded, Stream
from kvproof.impl.page_table_upload import UploadedTables

ITERATION_OPERATIONS = 12
"""Operations of an iteration, at most. Copies conflict within one: with 4, such bugs take ten times as long to find."""

Send = Callable[[tuple[int, ...]], list[Loaded]]
"""Sends the blocks of a pinned path."""


class Read(NamedTuple):
    """A block that was read on the device: it holds the last tokens of `path`, from token `start` on."""

    where: str
    path: tuple[int, ...]
    start: int
    load: Loaded


class ForwardPasses:
    """The engine of one block manager.

    Args:
        manager, device: the manager and its memory.
        block_tokens: tokens of a block.
        layers: layers of a block, side by side in its image, each `BYTES_PER_TOKEN` a token.
        send: sends a pinned path, given as the specification has its tokens.
    """

    def __init__(self, manager: BlockManager, device: Device, block_tokens: int, layers: int, send: Send) -> None:
        self._manager = manager
        self._device = device
        self._size = block_tokens
        self._layers = layers
        self._send = send
        self._tokens: dict[int, tuple[int, ...]] = {}
        self._written: dict[int, int] = {}
        self._unwritten: dict[int, list[tuple[int, int]]] = {}
        self._pinned: dict[tuple[int, ...], int] = {}
        self._operations = 0
        self._passes = 0
        self._sendings = 0
        self._last: tuple[Stream, Event] | None = None
        self.reads: list[Read] = []
        """What kernels and the sender have read; see `forget_arrived`."""

    def written(self, sequence: int) -> int:
        """Tokens of a live sequence whose data the passes launched so far write."""
        return self._written.get(sequence, 0)

    def is_live(self, sequence: int) -> bool:
        """Whether the step log has begun the sequence and not ended it."""
        return sequence in self._tokens

    def prepare(self, sequence: object) -> None:
        """Before an operation (on `sequence`, if it is on one): end the iteration where that is due, and be in one."""
        if sequence in self._unwritten or self._operations >= ITERATION_OPERATIONS:
            self._forward()
        if not self._operations:
            self._manager.begin_iteration()
        self._operations += 1

    def note(self, step: Step) -> None:
        """Follow what the sequences hold, and what the forward pass is to write."""
        name, arguments = step
        if name == "write":
            sequence, position, end = arguments
            self._unwritten.setdefault(sequence, []).append((position, end))
            self._slot(sequence, position, int(self._manager.page_table(sequence)[position]))
        elif name == "begin":
            self._tokens[arguments[0]] = arguments[1]
            self._written[arguments[0]] = 0
        elif name == "extend":
            self._tokens[arguments[0]] += arguments[1]
        elif name == "reuse":
            self._written[arguments[0]] = arguments[1]
        elif name == "truncate":
            sequence, length = arguments
            self._tokens[sequence] = self._tokens[sequence][:length]
            self._written[sequence] = min(self._written[sequence], length)
        elif name == "end":
            del self._tokens[arguments[0]], self._written[arguments[0]]

    def note_pin(self, path: tuple[int, ...], change: int) -> None:
        """A path has one pin more (1) or less (-1)."""
        pins = self._pinned.pop(path, 0) + change
        if pins > 0:
            self._pinned[path] = pins

    def _forward(self) -> None:
        """End the iteration: send, then the kernels of all sequences with new tokens, which may start after its copies."""
        if self._pinned:
            self._send_one()
        self._manager.end_iteration()
        self._operations = 0
        if not self._unwritten:
            return
        streams = self._manager.forward_streams
        stream = streams[self._passes % len(streams)]
        self._passes += 1
        if self._last is not None and self._last[0] != stream:
            self._device.wait_event(stream, self._last[1])
        tables = self._manager.upload_page_tables(self._unwritten, stream)
        for sequence, writes in self._unwritten.items():
            self._run_kernel(stream, tables, sequence, writes)
        self._unwritten.clear()
        if len(streams) > 1:
            self._last = stream, self._device.record_event(stream)

    def _send_one(self) -> None:
        """One of the pinned paths, each in its turn."""
        path = list(self._pinned)[self._sendings % len(self._pinned)]
        self._sendings += 1
        for position, load in enumerate(self._send(path)):
            start, end = position * self._size, (position + 1) * self._size
            where = f"block {position} of the pinned path {list(path)} as the sender read it"
            self.reads.append(Read(where, path[:end], start, load))

    def _run_kernel(self, stream: Stream, tables: UploadedTables, sequence: int, writes: list[tuple[int, int]]) -> None:
        """Attention reads the blocks before the new tokens, then the KV data of those are written, layer by layer."""
        size, device, tokens = self._size, self._device, self._tokens[sequence]
        table = self._manager.page_table(sequence).tolist()
        done = self._written[sequence]
        for position in range(-(-done // size)):
            slot = self._slot(sequence, position, table[position])
            load = device.load_through(stream, tables.buffer, tables.index(sequence, position), slot)
            path = tokens[: min((position + 1) * size, done)]
            where = f"block {position} as the kernel of sequence {sequence} read it"
            self.reads.append(Read(where, path, position * size, load))
        for position, end in writes:
            start = max(position * size, done)
            slot = self._slot(sequence, position, table[position])
            for layer in range(self._layers):
                offset = (layer * size + start - position * size) * BYTES_PER_TOKEN
                device.write(stream, Level.PRIMARY, slot, offset, pattern(tokens[:end], start, layer))
        self._written[sequence] = writes[-1][1]

    def _slot(self, sequence: int, position: int, entry: int) -> int:
        """The device slot that a page-table entry names."""
        level, slot = decode_entry(entry)
        self._device.check_slot(level, slot)
        if level is not Level.PRIMARY:
            raise DeviceError(f"sequence {sequence}: block {position} is in host memory, where no kernel can read it")
        return slot

    def forget_arrived(self) -> None:
        """Forget what has been read and looked at: those that have arrived cannot change any more."""
        self.reads = [read for read in self.reads if not read.load.arrived()]

    def block(self, where: str, path: tuple[int, ...], start: int, data: bytes) -> list[Content]:
        """A block's image as the content of its layers, each as far as it has tokens: the rest of it means nothing."""
        there, pitch = (len(path) - start) * BYTES_PER_TOKEN, self._size * BYTES_PER_TOKEN
        if self._layers == 1:
            return [Content(where, path, start, data[:there])]
        return [
            Content(f"layer {layer} of {where}", path, start, data[layer * pitch : layer * pitch + there], layer)
            for layer in range(self._layers)
        ]
