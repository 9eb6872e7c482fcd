"""Satisfiability queries about a circuit, each answered by a process of its own within a time limit.

One interface for both engines. A query that does not end in time is answered "unknown" and its process is killed; the
next query starts a new one, which is given everything that was asserted before.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from select import select
from types import TracebackType
from typing import Any

import attrs

from kvproof.model.symbolic.circuit import Circuit, value_of

ENGINES = ("cadical", "z3")


def default_engine() -> str:
    """CaDiCaL, which is faster; z3 where python-sat is not installed."""
    return "cadical" if find_spec("pysat") else "z3"


class Outcome(Enum):
    """Whether a query has a model."""

    SATISFIABLE = "satisfiable"
    UNSATISFIABLE = "unsatisfiable"
    UNKNOWN = "unknown"


@attrs.frozen
class Answer:
    """The answer to a query; `model` has the true inputs (node: 1) when it is satisfiable."""

    outcome: Outcome
    model: dict[int, int]
    seconds: float

    @property
    def satisfiable(self) -> bool:
        return self.outcome is Outcome.SATISFIABLE

    @property
    def unsatisfiable(self) -> bool:
        return self.outcome is Outcome.UNSATISFIABLE


class SolverFailed(Exception):
    """The engine's process ended without an answer."""


class WrongModel(Exception):
    """The engine answered with a model that is none: a defect of kvproof or of the engine, and no answer."""


class Solver:
    """An incremental solver over a circuit that may grow between queries. Close it, or use it in a `with`."""

    def __init__(self, circuit: Circuit, engine: str, proof: Path | None = None) -> None:
        """`proof`: a file into which the engine (CaDiCaL) writes all that it is given and derives, in order."""
        self._circuit = circuit
        self._engine = engine
        self._proof = proof
        self._process: subprocess.Popen[bytes] | None = None
        self._sent = 0
        self._asserted: list[int] = []
        self.asked: set[int] = set()
        """Every literal that was ever added or assumed."""
        self.refuted = 0
        """Queries that were answered unsatisfiable."""
        self._stopped = False
        self.clauses = 0
        """Clauses that the engine holds (0 for one that takes terms)."""

    def __enter__(self) -> Solver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # It was killed while it was being written to.
                        pipe.close()
            process.wait()

    def stop(self) -> None:
        """End the query that another thread is waiting for, and answer all others "unknown"."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()

    def add(self, literals: Sequence[int]) -> None:
        """Each of `literals` holds in all queries from now on."""
        self._asserted.extend(literals)
        self.asked.update(literals)
        if self._process is not None and not self._stopped:
            self._send_nodes()
            self._send(("add", list(literals)))

    def solve(self, assumptions: Sequence[int], deadline: float) -> Answer:
        """Is there a model of what was added in which `assumptions` hold? Unknown at `deadline` (time.monotonic).

        A model is believed when the circuit says so; see `certificate` for the answer that there is none.

        Raises:
            WrongModel: the engine's model does not satisfy the query.
            SolverFailed: the engine's process ended.
        """
        started = time.monotonic()
        if started >= deadline or self._stopped:
            return Answer(Outcome.UNKNOWN, {}, 0.0)
        self.asked.update(assumptions)
        if self._process is None:
            self._start()
        try:
            self._send_nodes()
            self._send(("solve", list(assumptions)))
            reply = self._reply(deadline)
        except SolverFailed:
            if not self._stopped:
                raise
            reply = None
        seconds = time.monotonic() - started
        if reply is None:
            self.close()
            return Answer(Outcome.UNKNOWN, {}, seconds)
        model, self.clauses = reply
        if model is None:
            self.refuted += 1
            return Answer(Outcome.UNSATISFIABLE, {}, seconds)
        answer = Answer(Outcome.SATISFIABLE, dict.fromkeys(model, 1), seconds)
        values = self._circuit.evaluate(answer.model)
        broken = sum(not value_of(values, literal) for literal in (*self._asserted, *assumptions))
        if broken:
            self.close()
            raise WrongModel(
                f"{self._engine} says that a query has a model, and {broken} of the {len(self._asserted)} constraints and "
                f"{len(assumptions)} assumptions do not hold in it: a defect of kvproof or of {self._engine}, not of the "
                "machine; try the other engine, and report it"
            )
        return answer

    def text(self, assumptions: Sequence[int]) -> str:
        """The query as the engine would print it (z3: SMT-LIB 2)."""
        if self._process is None:
            self._start()
        self._send_nodes()
        self._send(("text", list(assumptions)))
        return str(self._reply(float("inf")))

    def finish_proof(self) -> Path:
        """Wait until all of the proof is in its file, and return that; nothing can be asked from then on."""
        if self._proof is None or self._process is None:
            raise ValueError(
                "this solver writes no proof, or its process was stopped: make it with a file for its proof"
            )
        self._send(("finish",))
        self._reply(float("inf"))
        self.close()
        self._stopped = True
        return self._proof

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "kvproof.model.solving.worker",
                self._engine,
                *map(str, filter(None, [self._proof])),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._sent = 0
        self._send_nodes()
        self._send(("add", list(self._asserted)))

    def _send_nodes(self) -> None:
        size = len(self._circuit)
        if size > self._sent:
            left = array("i", self._circuit.left[self._sent : size])
            right = array("i", self._circuit.right[self._sent : size])
            names = {n: self._circuit.names[n] for n in range(self._sent, size) if n in self._circuit.names}
            self._send(("nodes", left.tobytes(), right.tobytes(), names))
            self._sent = size

    def _send(self, request: tuple[Any, ...]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._failure() from error

    def _reply(self, deadline: float) -> Any:
        """The engine's answer, or None at the deadline."""
        assert self._process is not None
        assert self._process.stdout is not None
        wait = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        if not select([self._process.stdout], [], [], wait)[0]:
            return None
        try:
            return pickle.load(self._process.stdout)
        except EOFError as error:
            raise self._failure() from error

    def _failure(self) -> SolverFailed:
        process = self._process
        code = process.wait() if process is not None else None
        self.close()
        return SolverFailed(
            f"the {self._engine} process ended with status {code}: its message is above; "
            "a negative status is a signal (9: out of memory, most likely; check smaller sizes)"
        )
