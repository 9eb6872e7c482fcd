"""An engine's scheduler: which requests go into which iteration, decided from estimates and budgets.

Each iteration, as in the flow of the PyTorch backend (B-5):

1. prompts that were computed in the iteration before are stored, chunk by chunk, so that others can reuse them;
2. output that has come to a new block is appended, and requests that are at their end are finished;
3. the clock of retention priorities is moved on, where there are any;
4. prompts that are being computed get their next chunks, first come first served, from the token budget;
5. `estimate` and `blocks_needed` are asked for waiting requests, first come first served, as long as both budgets last,
   and those that fit are added as one batch with their first chunks.

So estimates are fresh: nothing comes between them and the batch. In a share of the iterations, drawn from a seed, 5
asks before 1 to 4 and adds after them, as engines do whose other parts allocate meanwhile (B-6). It then asks
for more of the line than it may need, and does not ask again where it was told in an earlier iteration. Such a batch
may be trimmed; where it is refused it waits for the next iteration, which has fresh estimates.

Back-pressure, the same on every run:

- Who does not fit waits, strictly first come first served. When blocks are lacking, the line is looked at again after a
  request ends, not before.
- An `append` refused for want of blocks preempts the request: it is finished (what it has computed stays cached until
  evicted), and goes to the *front* of the line with the tokens that it has as its new prompt. The line then waits for
  an end, too: the blocks are for those that still run. One of them ends, because the last one running has room.
- When nothing runs, the first of the line is added whatever `blocks_needed` says, since that may be one too many. If it
  is refused on its own, it is given up (`starved`): nothing would ever change that.
- A prompt that exceeds the pool is refused for good. A request whose output outgrows the pool is cut there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from enum import IntEnum
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any

from attrs import define, frozen

from kvproof.fuzz.target import Operation, Outcome, Refused, Returned
from kvproof.fuzz.workload.block_manager.jobs import Job, Tokens
from kvproof.fuzz.workload.block_manager.promise import NO_BLOCKS, charge, chunk_end
from kvproof.fuzz.workload.block_manager.schedule import Pace, ScheduleCounts

EXCEEDS = "prompt-exceeds-pool"
"""The refusal that means: never."""

Operations = Generator[Operation, Outcome, None]


class _Kind(IntEnum):
    """What falls due, in the order in which it is done."""

    STAGE = 0
    FINISH = 1
    ARRIVE = 2


@define
class _Progress:
    """How far one job is. `attempt` grows when it is preempted; what was due in an earlier attempt is void."""

    stage: int = 0
    slot: int = -1
    attempt: int = 0
    started_ms: int = 0
    length: int = 0
    computed: int = 0
    waiting_since: int = 0
    waits: bool = False


@frozen
class _Selected:
    """A request that goes into the batch: its prompt, its first chunk (0 for all of it), what it may reuse."""

    index: int
    prompt: Tokens
    chunk: int
    estimated: int


class Scheduler:
    """The operations of a list of jobs, each decided by the outcomes of those before it.

    Args:
        jobs: in order of arrival.
        parameters: sizes, as the specification names them.
        pace: what the specification does not know.
        free_blocks: how many device blocks are free now.
    """

    def __init__(
        self, jobs: Sequence[Job], parameters: Mapping[str, int], pace: Pace, free_blocks: Callable[[], int]
    ) -> None:
        self.counts = ScheduleCounts()
        self._jobs = jobs
        self._pace = pace
        self._free_blocks = free_blocks
        self._random = Random(pace.seed)
        self._block_tokens = parameters["tokens_per_block"]
        self._primary_blocks = parameters["primary_blocks"]
        self._batch_max = parameters["batch_max"]
        self._duration_max = parameters["duration_max"]
        self._slots = parameters["sequences"]
        self._free_slots = list(range(self._slots))
        self._progress = [_Progress() for _ in jobs]
        self._line: deque[int] = deque()
        self._blocked = False
        """Blocks were lacking, and nothing has ended since."""
        self._trust_nothing_old = False
        """The last batch was refused: the next one has fresh estimates."""
        self._told: dict[int, tuple[int, int]] = {}
        """Per waiting job, the last estimate and number of blocks needed."""
        self._prefilling: list[int] = []
        self._to_store: list[int] = []
        self._due: list[tuple[int, _Kind, int]] = []
        self._left = 0
        self._refreshed_ms = 0
        self._clock = -pace.iteration_ms
        self._events = [(job.arrival_ms, _Kind.ARRIVE, index, 0) for index, job in enumerate(jobs)]
        heapify(self._events)

    def operations(self) -> Operations:
        """Yields operations; send the outcome of each. Ends when every request has ended."""
        while self._advance():
            granted = self._grant_chunks()
            stale = self._is_stale_now()
            self.counts.stale += stale
            batch: list[_Selected] = []
            if stale:
                batch = yield from self._select(stale)
            yield from self._store()
            yield from self._generate()
            yield from self._refresh()
            yield from self._prefill(granted)
            if not stale:
                batch = yield from self._select(stale)
            if batch and not (stale and self._blocked):
                yield from self._admit(batch, stale)
            self._count_waiting()

    def _advance(self) -> bool:
        """Go to the next iteration in which there is something to do, and note what is due; False at the end."""
        events, earliest = self._events, self._clock + self._pace.iteration_ms
        if self._prefilling or self._to_store or (self._line and not self._blocked):
            self._clock = earliest
        elif events:
            self._clock = max(earliest, events[0][0])
        else:
            assert not self._line, "requests wait, but none runs"
            return False
        self._due.clear()
        while events and events[0][0] <= self._clock:
            time, kind, index, attempt = heappop(events)
            if kind is _Kind.ARRIVE:
                self.counts.arrived += 1
                self._progress[index].waiting_since = self._clock
                self._line.append(index)
            elif attempt == self._progress[index].attempt:
                self._due.append((time, kind, index))
        self.counts.clock_ms = self._clock
        self.counts.iterations += 1
        return True

    def _is_stale_now(self) -> bool:
        """Whether this iteration's estimates are to be stale; drawn only where there is something to estimate."""
        if not self._line or self._blocked:
            return False
        return self._random.random() < self._pace.stale_share and not self._trust_nothing_old

    def _grant_chunks(self) -> list[tuple[int, int]]:
        """The next chunk of each prompt that is being computed; what is left of the budget is for the batch."""
        pace, granted = self._pace, []
        self._left = pace.budget
        if pace.decoders_per_token:
            generating = self._slots - len(self._free_slots) - len(self._prefilling)
            self._left = max(self._block_tokens, self._left + -generating // pace.decoders_per_token)
        for index in self._prefilling:
            progress = self._progress[index]
            rest = progress.length - progress.computed
            most = min(self._left, self._jobs[index].chunk_limit or rest)
            if most < min(rest, self._block_tokens):
                break
            chunk = 0 if most >= rest else most
            granted.append((index, chunk))
            end = chunk_end(progress.computed, chunk or rest, progress.length, self._block_tokens)
            self._left -= end - progress.computed
        return granted

    def _store(self) -> Operations:
        computed, self._to_store = self._to_store, []
        for index in computed:
            if self._progress[index].slot >= 0:
                yield Operation("store", {"sequence": self._progress[index].slot})

    def _generate(self) -> Operations:
        for time, kind, index in self._due:
            if kind is _Kind.FINISH:
                yield from self._complete(index)
            else:
                yield from self._append(time, index)

    def _append(self, time: int, index: int) -> Operations:
        progress, stage = self._progress[index], self._jobs[index].stages[self._progress[index].stage]
        outcome = yield Operation("append", {"sequence": progress.slot, "tokens": stage.tokens})
        if isinstance(outcome, Refused):
            if outcome.error == NO_BLOCKS:
                yield from self._preempt(index)
            else:
                self.counts.cut += 1
                yield from self._complete(index)
            return
        if stage.rejected:
            yield Operation("rewind", {"sequence": progress.slot, "count": stage.rejected})
        progress.stage += 1
        self._plan(index, time)

    def _plan(self, index: int, time: int) -> None:
        """Note what comes next of a request that has got to where it is at `time`."""
        job, progress = self._jobs[index], self._progress[index]
        if progress.stage < len(job.stages):
            due, kind = time + job.stages[progress.stage].delay_ms, _Kind.STAGE
        else:
            due, kind = time + job.end_ms, _Kind.FINISH
        heappush(self._events, (due, kind, index, progress.attempt))

    def _preempt(self, index: int) -> Operations:
        yield from self._leave(index)
        self.counts.preemptions += 1
        progress = self._progress[index]
        progress.waiting_since, progress.waits = self._clock, True
        self._line.appendleft(index)
        self._blocked = True

    def _complete(self, index: int) -> Operations:
        yield from self._leave(index)
        self.counts.completed += 1
        self._blocked = False

    def _leave(self, index: int) -> Operations:
        progress = self._progress[index]
        yield Operation("finish", {"sequence": progress.slot})
        heappush(self._free_slots, progress.slot)
        progress.slot = -1
        progress.attempt += 1

    def _refresh(self) -> Operations:
        """Move the retention clock on: no priority lasts longer than `duration_max`, so one step of that is enough."""
        ticks = (self._clock - self._refreshed_ms) // self._pace.tick_ms
        if self._duration_max and ticks > 0:
            self._refreshed_ms += ticks * self._pace.tick_ms
            yield Operation("refresh", {"elapsed": min(ticks, self._duration_max)})

    def _prefill(self, granted: list[tuple[int, int]]) -> Operations:
        for index, chunk in granted:
            progress = self._progress[index]
            outcome = yield Operation("prefill", {"sequence": progress.slot, "chunk": chunk})
            if isinstance(outcome, Returned):
                self._has_computed(index, outcome.value)

    def _has_computed(self, index: int, computed: int) -> None:
        """A chunk has been computed; after the last one the request generates."""
        progress, pace = self._progress[index], self._pace
        progress.computed = computed
        self.counts.chunks += 1
        self._to_store.append(index)
        if computed < progress.length:
            if index not in self._prefilling:
                self._prefilling.append(index)
            return
        if index in self._prefilling:
            self._prefilling.remove(index)
        self._plan(index, max(progress.started_ms + pace.prefill_ms, self._clock + pace.iteration_ms))

    def _select(self, stale: bool) -> Generator[Operation, Outcome, list[_Selected]]:
        """The requests of the next batch: as many from the front of the line as both budgets hold."""
        batch: list[_Selected] = []
        tokens, blocks = self._left, self._free_blocks()
        if stale:
            for index in tuple(self._line)[: 2 * self._batch_max]:
                yield from self._ask(index, self._prompt(index), stale)
        for index in tuple(self._line) if not self._blocked else ():
            if len(batch) == min(self._batch_max, len(self._free_slots)):
                break
            if self._pace.budget and tokens < self._block_tokens:
                break
            prompt = self._prompt(index)
            estimate, needed = yield from self._ask(index, prompt, stale)
            if -(-len(prompt) // self._block_tokens) > self._primary_blocks:
                return batch or [_Selected(index, prompt, 0, 0)]
            alone = not batch and len(self._free_slots) == self._slots
            if needed > blocks and not alone:
                self._blocked = not stale
                break
            chunk = self._first_chunk(self._jobs[index], len(prompt), estimate, tokens)
            if chunk is None:
                break
            batch.append(_Selected(index, prompt, chunk, estimate if self._pace.budget else 0))
            blocks -= needed
            tokens -= charge(chunk or len(prompt), estimate, len(prompt))
        return batch

    def _prompt(self, index: int) -> Tokens:
        """A job's prompt; after a preemption, with what it had generated."""
        job, stage = self._jobs[index], self._progress[index].stage
        prompt = job.prompt
        for done in job.stages[:stage]:
            prompt += done.kept
        return prompt

    def _ask(self, index: int, prompt: Tokens, stale: bool) -> Generator[Operation, Outcome, tuple[int, int]]:
        told = self._told.get(index)
        if not (stale and told is not None):
            estimate = yield Operation("estimate", {"tokens": prompt})
            needed = yield Operation("blocks_needed", {"tokens": prompt})
            told = self._told[index] = (_value(estimate), _value(needed))
        return told

    def _first_chunk(self, job: Job, length: int, estimate: int, tokens: int) -> int | None:
        """What of a prompt fits into `tokens` tokens: 0 for all of it, None for nothing."""
        if not self._pace.budget:
            return 0
        limit = job.chunk_limit or length
        if limit >= length and charge(length, estimate, length) <= tokens:
            return 0
        chunk = min(limit, tokens, length)
        return chunk if chunk >= min(self._block_tokens, length) else None

    def _admit(self, batch: list[_Selected], stale: bool) -> Operations:
        slots = [heappop(self._free_slots) for _ in batch]
        requests = tuple(self._request(selected, slot) for selected, slot in zip(batch, slots, strict=True))
        outcome = yield Operation("add_batch", {"requests": requests, "budget": self._left})
        if isinstance(outcome, Refused):
            for slot in slots:
                heappush(self._free_slots, slot)
            self._refused(batch, outcome.error, stale)
            return
        counts = self.counts
        counts.batches += 1
        counts.largest_batch = max(counts.largest_batch, len(batch))
        counts.most_live = max(counts.most_live, self._slots - len(self._free_slots))
        self._trust_nothing_old = False
        for selected, slot, result in zip(batch, slots, outcome.value, strict=False):  # the last result is the total
            progress = self._progress[selected.index]
            progress.slot, progress.started_ms, progress.length = slot, self._clock, len(selected.prompt)
            self._leave_line(selected.index)
            self._has_computed(selected.index, result["computed"])

    def _request(self, selected: _Selected, slot: int) -> dict[str, Any]:
        job = self._jobs[selected.index]
        return {
            "sequence": slot,
            "tokens": selected.prompt,
            "ranges": job.ranges,
            "decode_priority": job.decode_priority,
            "decode_duration": job.decode_duration,
            "chunk": selected.chunk,
            "estimated": selected.estimated,
        }

    def _refused(self, batch: list[_Selected], error: str, stale: bool) -> None:
        self._trust_nothing_old = True
        if error == EXCEEDS:
            self.counts.rejected += 1
            self._give_up(batch[0].index)
        elif not stale and len(self._free_slots) < self._slots:
            self._blocked = True
        elif not stale:
            self.counts.starved += 1
            self._give_up(batch[0].index)

    def _give_up(self, index: int) -> None:
        self._leave_line(index)
        self._blocked = False

    def _leave_line(self, index: int) -> None:
        progress = self._progress[index]
        self._line.remove(index)
        self._told.pop(index, None)
        if progress.waits:
            self.counts.waited_ms += self._clock - progress.waiting_since
            progress.waits = False

    def _count_waiting(self) -> None:
        self.counts.longest_line = max(self.counts.longest_line, len(self._line))
        for index in reversed(self._line):
            progress = self._progress[index]
            if progress.waits or progress.waiting_since < self._clock:
                break
            progress.waits = True
            self.counts.waited += 1


def _value(outcome: Outcome) -> int:
    """What a question was answered with; nothing is known after a refusal, which only a broken target gives."""
    return outcome.value if isinstance(outcome, Returned) else 0
