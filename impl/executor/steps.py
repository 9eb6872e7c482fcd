"""The executor's own steps: every change of what it knows of its requests is one of these methods."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from kvproof.impl.executor.config import ExecutorConfig
from kvproof.impl.executor.delay import DelayBatching
from kvproof.impl.executor.reasons import refuse
from kvproof.impl.executor.requests import Phase, Request, Stage
from kvproof.impl.observer import Observer, report_steps
from kvproof.impl.refusals import ProtocolError

STEPS = (
    "enter",
    "leave",
    "seat",
    "rewind",
    "pause",
    "landed",
    "generate",
    "send",
    "open_pass",
    "fill",
    "grow",
    "take_chunk",
    "strike",
    "clear_batch",
    "forward",
    "close_pass",
)


class ExecutorSteps:
    """What an executor knows of its requests, and the steps that change it.

    Args:
        config: sizes and policies.
        observer: called with (step name, arguments) for each step as it takes effect; None costs nothing.
    """

    def __init__(self, config: ExecutorConfig, observer: Observer | None = None) -> None:
        self.config = config
        self.requests: dict[int, Request] = {}
        """Those that are in, in the order in which they were submitted."""
        self.phase = Phase.IDLE
        self.generating: list[Request] = []
        """Generating requests that this pass has scheduled, in order."""
        self.filling: list[Request] = []
        """Context requests that this pass has scheduled, in order."""
        self.scheduled_tokens = 0
        self.delay = DelayBatching(config)
        self.free_rows = list(range(config.rows))
        heapify(self.free_rows)
        self._batch: list[Request] = []
        if observer is not None:
            report_steps(self, STEPS, observer)

    def at_rest(self, request: Request) -> None:
        """Refuse what cannot be done to a request in a pass. Raises Refused: in-flight or scheduled."""
        if request.outstanding:
            refuse("in-flight", f"request {request.number}: a pass of it is to be updated; call update")
        if request.scheduled:
            refuse("scheduled", f"request {request.number}: this pass has scheduled it; call run")

    # A request.

    def step_enter(self, number: int, prompt: int, text: tuple[int, ...], priority: int) -> None:
        """A request is the last to have arrived."""
        caches = (number, self.config.requests + number) if self.config.draft_model else (number,)
        self.requests[number] = Request(number, caches, prompt, text, priority)

    def step_leave(self, number: int) -> None:
        """Forget a request, whose caches are closed."""
        self._give_row_back(self.requests.pop(number))

    def step_seat(self, number: int, row: int, cursor: int) -> None:
        """It has caches, in which so many tokens of its prompt were found, and the lowest free index row."""
        request = self.requests[number]
        request.row = heappop(self.free_rows)
        if request.row != row:
            raise ProtocolError(f"request {number}: was given row {row}, the lowest that is free is {request.row}")
        request.cursor = cursor
        request.has_caches = request.fresh = True

    def step_rewind(self, number: int, prompt: int) -> None:
        """Its caches are closed: it begins again, with a prompt that has in it what it had generated."""
        request = self.requests[number]
        self._give_row_back(request)
        self._unmark(request)
        request.stage = Stage.CONTEXT
        request.prompt = prompt
        request.cursor = request.chunk = 0
        request.has_caches = request.fresh = False
        request.position = None

    def step_pause(self, number: int) -> None:
        """Its caches are suspended: it has no place in a batch."""
        self.requests[number].position = None

    def step_landed(self, number: int, cursor: int) -> None:
        """A forward pass of it has been updated; so much of its prompt is computed."""
        request = self.requests[number]
        request.outstanding -= 1
        request.chunk = 0
        request.cursor = cursor

    def step_generate(self, number: int) -> None:
        """Its prompt is computed: it generates."""
        self.requests[number].stage = Stage.GENERATION

    def step_send(self, number: int) -> None:
        """It has been handed over, and its row is free for others."""
        request = self.requests[number]
        self._give_row_back(request)
        request.stage = Stage.SENDING
        request.position = None

    def _give_row_back(self, request: Request) -> None:
        if request.row is not None:
            heappush(self.free_rows, request.row)
            request.row = None

    # A pass.

    def step_open_pass(self) -> None:
        """Nothing is scheduled yet."""
        self.phase = Phase.GENERATING
        self.scheduled_tokens = 0

    def step_fill(self) -> None:
        """Generation is settled: from now on context requests are scheduled."""
        self.phase = Phase.FILLING

    def step_grow(self, number: int, resumed: bool) -> None:
        """It is scheduled to generate: it has been grown for that, and resumed if it was suspended."""
        request = self.requests[number]
        request.scheduled = True
        request.resumed = resumed
        self.generating.append(request)
        self.scheduled_tokens += self.config.step_tokens

    def step_take_chunk(self, number: int, tokens: int, snapshot: int | None) -> None:
        """It is scheduled to compute so many tokens of its prompt; it had a capacity of `snapshot` if it was grown."""
        request = self.requests[number]
        request.scheduled = True
        request.chunk = tokens
        request.snapshot = snapshot
        self.filling.append(request)
        self.scheduled_tokens += tokens

    def step_strike(self, number: int) -> None:
        """What was scheduled of it will not be computed in this pass."""
        request = self.requests[number]
        self._unmark(request)
        request.chunk = 0
        request.position = None

    def step_clear_batch(self) -> None:
        """The batch before is over: nobody has a place in it any more."""
        for request in self._batch:
            request.position = None
        self._batch = []

    def step_forward(self, number: int, position: int) -> None:
        """It is part of a forward pass, at a position of its batch."""
        request = self.requests[number]
        self._unmark(request)
        request.outstanding += 1
        request.fresh = False
        request.position = position
        self._batch.append(request)

    @staticmethod
    def _unmark(request: Request) -> None:
        """Nothing that a pass has noted outlives it."""
        request.snapshot = None
        request.scheduled = request.resumed = False

    def step_close_pass(self, waited: int, held_back: int) -> None:
        """The pass is over, and the delay batching's counters are these."""
        self.phase = Phase.IDLE
        self.generating, self.filling = [], []
        self.delay.waited, self.delay.held_back = waited, held_back
