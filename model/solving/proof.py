"""The proof that an incremental CaDiCaL writes: everything that it was given and everything that it derived, in order.

CaDiCaL by itself writes what it derives and deletes (DRAT, binary). Beside that go, at the places where they were given,
the clauses that it took for granted, and the conclusion of each query that had no model. So whoever checks the file against
a formula of his own has to accept nothing on the session's word: a clause that was given must follow like any other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

UPGRADE = "pip install --upgrade --pre 'python-sat>=1.9.dev24'"


class NoProof(Exception):
    """The installed python-sat cannot write proofs."""


def check_proofs(folder: Path) -> None:
    """Write a small proof into `folder`, to see that it can be done.

    Raises:
        NoProof: it cannot, and what to install.
    """
    from kvproof.model.solving.engines import CadicalEngine

    path = folder / "trial.drat"
    engine = CadicalEngine(path)
    engine.extend([-1, -1], [-1, -1], {1: "x"})
    if engine.solve([2, 3]) is not None or not path.read_bytes():
        raise NoProof(f"this python-sat writes no proofs: {UPGRADE}")


class ProofLog:
    """The file, shared with the solver that `backend` drives; nothing may have been added to that yet."""

    def __init__(self, path: Path, name: str, backend: Any) -> None:
        import pysolvers

        trace = getattr(pysolvers, f"{name}_tracepr", None)
        if trace is None:
            raise NoProof(f"this python-sat writes no proofs with {name}: {UPGRADE}")
        # Appending, so that what either writes goes behind what the other has written.
        self._file = os.fdopen(
            os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600), "r+b", buffering=0
        )
        backend.prfile = self._file
        backend.prfp = trace(backend.cadical, self._file)
        self._flush: Callable[[], None] = lambda: pysolvers.flushpr(backend.prfp)

    def write(self, clauses: Iterable[Sequence[int]]) -> None:
        """Put clauses behind what the solver has derived so far."""
        self._put(b"a", clauses)

    def forget(self, clauses: Iterable[Sequence[int]]) -> None:
        """Nothing that follows needs these clauses."""
        self._put(b"d", clauses)

    def _put(self, kind: bytes, clauses: Iterable[Sequence[int]]) -> None:
        self._flush()
        written = bytearray()
        for clause in clauses:
            written += kind
            for literal in clause:
                coded = 2 * literal if literal > 0 else 1 - 2 * literal
                while coded > 127:
                    written.append(coded & 127 | 128)
                    coded >>= 7
                written.append(coded)
            written.append(0)
        left = memoryview(written)
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        """Put the last of what the solver has derived into the file."""
        self._flush()
