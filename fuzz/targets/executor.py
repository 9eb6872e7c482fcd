"""`kvproof.impl.executor` over its sequence caches, as a target of the machine `executor`.

The engine launches the kernels of an iteration when `run` has said who is in it, before anything of it is updated: they
read what was computed before and write all tokens for which the request was given room, so with overlap two iterations are
under way at once. Where pages are, kernels take from the index rows of the requests.

Drafts are written with bytes that are right for no token, and so are all positions whose tokens depend on how many drafts
of an iteration before are accepted. What `update` accepts is written then: whoever takes rejected drafts for computed
tokens has wrong bytes. In an engine the accepted ones are there before `update`, so a manager that loses what was written
at the position of a draft between `run` and `update` is not seen by that.

Passes run on two forward streams in turn, and nothing orders two of them but what the caches ask for: so a pass may still
be under way when what it uses is given up, scheduled for another, overwritten from host memory, or told to an index row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from kvproof.fuzz.target import Operation, Outcome, Refused, Returned, Value
from kvproof.fuzz.targets.cache_engine import CacheEngine, Read
from kvproof.fuzz.targets.page_bytes import PageBytes, Tokens
from kvproof.fuzz.targets.sequence_caches import (
    CacheDeviceFactory,
    SequenceCachesTarget,
    simulated_group,
)
from kvproof.impl.device import Device, Level
from kvproof.impl.executor import Delay, Executor, ExecutorConfig, Observer, Peers, Reason, Request, Stage
from kvproof.impl.executor import Refused as RefusedByManager
from kvproof.impl.sequence_caches import CachesInspection, Kind, SequenceCaches

ExecutorFactory = Callable[[ExecutorConfig, SequenceCaches, Observer], Executor]


def executor_config(parameters: Mapping[str, int]) -> ExecutorConfig:
    """What the machine's parameters describe."""
    numbers = ("requests", "max_tokens", "rows", "draft_tokens", "delay_passes", "timeout_passes", "wait_tokens")
    return ExecutorConfig(
        **{name: parameters[name] for name in numbers},
        attended_max=parameters["attended_max"],
        draft_model=bool(parameters["draft_model"]),
        draft_text=parameters["chunks"] // 2 if parameters["draft_model"] else 0,
        overlap=bool(parameters["overlap"]),
        delay=Delay(parameters["delay"]),
    )


def _of_request(call: Callable[..., Value]) -> Callable[..., Value]:
    return lambda request, **others: call(request, **others)


OWN_REASONS = get_args(Reason)
"""Why the executor refuses; a refusal with another reason is one of its caches."""


class PassEngine(CacheEngine):
    """The kernels of the iterations of an executor."""

    def __init__(
        self, executor: Executor, devices: Mapping[int, Device], tokens: Tokens, page_bytes: PageBytes
    ) -> None:
        super().__init__(executor.caches, devices, tokens, page_bytes)
        self.executor = executor
        self.state_of: dict[int, int] = {}
        """Per cache: the tokens of which its recurrent state is, when the passes launched so far have run."""

    def row(self, cache: int) -> int:
        """The index row of the request whose cache it is."""
        return self.executor.row_of(cache)

    def launch(self, batch: list[Request]) -> None:
        """The forward pass of a batch: prompts get their chunk, the others as many tokens as they may accept."""
        self._pass = self.executor.started
        for request in batch:
            for cache in request.caches:
                start = self._caches.history(cache)
                end = self._caches.capacity(cache)
                if request.stage is Stage.CONTEXT:
                    end = request.cursor + request.chunk
                else:
                    start = end - self.executor.config.step_tokens
                if request.stage is Stage.GENERATION and self.executor.config.draft_tokens:
                    self.write_drafts(cache, start, end)
                    continue  # states are not drafted
                self.write_tokens(cache, start, end)
                self.write_state(cache, start, end)
                self.state_of[cache] = end

    def write_drafts(self, cache: int, start: int, end: int) -> None:
        """Kernels read the pages of the tokens below `start`, and write a token and its drafts, up to `end` (exclusive).

        With a pass in flight nobody knows yet which tokens those are, so all of them are taken for drafts.
        """
        passed = self._caches.forward(cache, start, end)
        self._check_told(cache, passed, start, end)
        known = self._caches.history(cache)
        for use in passed.reads:
            if use.first < known:
                self._read(cache, passed.stream, use, min(use.end, known))
            else:
                self._load(cache, passed.stream, use)
        right = known + 1 if start == known else known
        path = self._tokens.path(cache, end)
        path = path[:right] + tuple(~token for token in path[right:])  # like no token of any cache
        for use in passed.writes:
            slot, device = self._slot(cache, use), self._devices[use.group]
            for offset, data in self._bytes.writes(use.kind, path[: use.end], use.first):
                device.write(passed.stream, Level.PRIMARY, slot, offset, data)

    def accept(self, cache: int, accepted: int) -> None:
        """What is accepted of a step is written as it is. With one pass at a time its first token is there already."""
        start = self._caches.history(cache)
        first, end = start + (not self.executor.config.overlap), start + accepted
        if first < end:
            self._start(cache)
            passed = self._caches.forward(cache, first, end)
            for use in passed.writes:
                self._write(cache, passed.stream, use, use.end)

    def send(self, request: Request, look: CachesInspection) -> None:
        """Somebody reads what the caches of a request have, place by place, while it may go on to lose them."""
        size = self._bytes.tokens
        for cache in request.caches:
            view, history = look.caches()[cache], self._caches.history(cache)
            held = [
                *((Kind.FULL, ordinal) for ordinal, cell in enumerate(view.full) if cell is not None),
                *((Kind.WINDOW, ordinal) for ordinal, cell in enumerate(view.window) if cell is not None),
                *((Kind.STATE, 0) for cell in (view.state, view.snapshot) if cell is not None),
            ]
            for (kind, ordinal), load in zip(held, self._caches.send(cache), strict=True):
                length = history if kind == Kind.STATE else min(history, (ordinal + 1) * size)
                where = f"the {kind.name} page {ordinal} as the sender of request {request.number} read it"
                self.reads.append(Read(where, kind, self._tokens.path(cache, length), load))


class ExecutorTarget(SequenceCachesTarget):
    """Drives one executor; see `kvproof.fuzz.target` for the methods.

    Args:
        make_executor: the implementation.
        caches_type: of its caches.
        make_device: the memory of a pool group.
    """

    passes_type: type[PassEngine] = PassEngine

    def __init__(
        self,
        make_executor: ExecutorFactory = Executor,
        caches_type: type[SequenceCaches] = SequenceCaches,
        make_device: CacheDeviceFactory = simulated_group,
    ) -> None:
        super().__init__(caches_type, make_device)
        self._make_executor = make_executor

    def reset(self, parameters: Mapping[str, int]) -> None:
        """See `Target`. Raises UnsupportedParameters for sizes that the implementation does not offer."""
        super().reset({**parameters, "caches": parameters["rows"] * (1 + parameters["draft_model"])})
        self._executor = self._make_executor(executor_config(parameters), self._caches, self._report)
        self._passes = self.passes_type(self._executor, self._devices, self._tokens, self._bytes)
        self._engine = self._passes
        self._calls = {
            "submit": _of_request(self._executor.submit),
            "begin_pass": self._executor.begin_pass,
            "schedule_generation": _of_request(self._executor.schedule_generation),
            "schedule_context": _of_request(self._executor.schedule_context),
            "run": self._run,
            "update": self._update,
            "hand_over": self._hand_over,
            "finish": _of_request(self._executor.finish),
        }

    def _perform(self, operation: Operation) -> Outcome:
        """A refusal by the caches is the executor's to deal with; one that gets here is a crash."""
        try:
            return Returned(self._calls[operation.name](**operation.arguments))
        except RefusedByManager as refusal:
            if refusal.reason not in OWN_REASONS:
                raise
            return Refused(refusal.reason)

    def _report(self, name: str, arguments: tuple[Any, ...]) -> None:
        super()._report(name, arguments)
        if name == "open":
            self._tokens.open(arguments[0], arguments[1])
        elif name == "shut":
            self._tokens.shut(arguments[0])
            self._passes.state_of.pop(arguments[0], None)

    def _hand_over(self, request: int) -> None:
        self._executor.hand_over(request)
        self._passes.send(self._executor.requests[request], self._look())

    def _run(self, peers: Mapping[str, bool], ready: bool, connector: int, encoder: int) -> int:
        batch = self._executor.run(Peers(**peers), ready, connector, encoder)
        self._passes.launch(batch)
        return len(batch)

    def _update(self, request: int, accepted: int) -> None:
        known = self._executor.requests.get(request)
        drafts = self._executor.config.draft_tokens
        if drafts and known is not None and known.stage is Stage.GENERATION and known.outstanding:
            for cache in known.caches:
                self._passes.accept(cache, accepted)
        self._executor.update(request, accepted)

    # What is looked at after an operation.

    def observe(self) -> Mapping[str, Any]:
        """What the specification's observation holds; the rows are those that kernels read."""
        known, names = self._executor.snapshot(), self._names()
        owners = {request.row: request for request in known.requests.values() if request.row is not None}
        return {
            **super().observe(),
            "requests": {
                str(number): {
                    "stage": request.stage.name,
                    "prompt": request.prompt,
                    "cursor": request.cursor,
                    "chunk": request.chunk,
                    "outstanding": request.outstanding,
                    "scheduled": request.scheduled,
                    "snapshot": request.snapshot,
                    "row": request.row,
                    "position": request.position,
                    "fresh": request.fresh,
                }
                for number, request in sorted(known.requests.items())
            },
            "phase": known.phase.name,
            "arrivals": list(known.requests),
            "generating": list(known.generating),
            "filling": list(known.filling),
            "waited": known.waited,
            "held_back": known.held_back,
            "rows": {str(row): self._row(row, owners.get(row), names) for row in range(self._executor.config.rows)},
        }

    def _computed(self, cache: int, kind: Kind) -> int:
        """Kernels update a recurrent state in place, before anybody is told of it."""
        computed = super()._computed(cache, kind)
        return self._passes.state_of.get(cache, computed) if kind == Kind.STATE else computed

    def _names(self) -> dict[tuple[int, int], list[Any]]:
        """Per pool group and device slot: the page that is there, by what it holds."""
        look = self._look()
        return {(page.group, page.slot): look.name(page.page) for page in look.pages() if page.level == Level.PRIMARY}

    def _row(self, row: int, owner: Request | None, names: Mapping[tuple[int, int], list[Any]]) -> Any:
        """The pages that an index row names; one that no request has must be nobody's."""
        rows, config = self._caches.rows, self._caches.config
        if owner is None:
            return None if rows.owner[row] is None else {"cache": rows.owner[row]}

        def named(kind: Kind, slots: Iterable[Any]) -> list[Any]:
            return [names.get((config.group_of(kind), int(slot))) for slot in slots]

        blocks = -(-self._caches.capacity(owner.number) // config.tokens_per_block)
        return {
            "FULL": named(Kind.FULL, rows.full(row)[:blocks]),
            "WINDOW": named(Kind.WINDOW, rows.window(row)[:blocks]),
            "STATE": named(Kind.STATE, rows.state(row)[:1])[0] if config.has_state else None,
        }


def simulated() -> ExecutorTarget:
    """The project's own executor on simulated devices: the default target."""
    return ExecutorTarget()
