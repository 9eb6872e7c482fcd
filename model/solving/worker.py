"""The process in which an engine runs: reads requests from its standard input, answers on its standard output.

A process of its own can be stopped at any time, which neither engine allows by itself, and several run in parallel.
Requests are pickled tuples from the parent, which is the only writer of that pipe.
"""

from __future__ import annotations

import pickle
import sys
from array import array
from pathlib import Path
from typing import BinaryIO

from kvproof.model.solving.engines import make


def serve(engine_name: str, requests: BinaryIO, answers: BinaryIO, proof: Path | None = None) -> None:
    """Answer requests until the parent closes the pipe."""
    engine = make(engine_name, proof)
    while True:
        try:
            request = pickle.load(requests)
        except EOFError:
            return
        kind = request[0]
        if kind == "nodes":
            left, right = array("i"), array("i")
            left.frombytes(request[1])
            right.frombytes(request[2])
            engine.extend(left, right, request[3])
        elif kind == "add":
            engine.add(request[1])
        elif kind == "text":
            _answer(answers, engine.text(request[1]))
        elif kind == "finish":
            engine.finish()
            _answer(answers, None)
        else:
            model = engine.solve(request[1])
            _answer(answers, (model, engine.clauses))


def _answer(answers: BinaryIO, value: object) -> None:
    pickle.dump(value, answers)
    answers.flush()


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer, Path(sys.argv[2]) if len(sys.argv) > 2 else None)
