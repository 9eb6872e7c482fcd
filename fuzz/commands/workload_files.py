"""Where the traces of a replay's divergence are kept."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from kvproof.fuzz.trace import Trace, render_trace

SHOWN_OPERATIONS = 60
"""A longer trace is not shown step by step."""


def trace_file(folder: Path, trace: Trace, which: str) -> Path:
    """A name that says what fails and is the same for the same trace."""
    what = re.sub(r"[^\w.]+", "-", trace.failure.fingerprint).strip("-") if trace.failure is not None else "passes"
    digest = hashlib.sha256(render_trace(trace).encode()).hexdigest()[:8]
    return folder / f"workload-{what}-{which}-{digest}.json"
