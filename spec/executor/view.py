"""How an executor looks from outside: its requests and passes, beside the caches under them."""

from __future__ import annotations

from typing import Any

from kvproof.spec.executor.kinds import Request, Row, Stage
from kvproof.spec.executor.requests import RequestTable
from kvproof.spec.lang import observation
from kvproof.spec.sequence_caches.view import CacheView


class ExecutorView(RequestTable, CacheView):
    """Observation; phases and canonical names are those of the caches."""

    @observation
    def observe(self) -> dict[str, Any]:
        """What the caches show, and of each request what an engine keeps about it."""

        def locked_in(cache: int) -> dict[str, Any]:
            shown = self.open_caches().get(str(cache), {})

            def name(cell: Any) -> Any:
                return cell[:-2] if cell is not None and cell[-1] else None

            return {
                "FULL": [name(cell) for cell in shown.get("FULL", [])],
                "WINDOW": [name(cell) for cell in shown.get("WINDOW", [])],
                "STATE": name(shown.get("STATE")),
            }

        owners = {self.row[request]: request for request in self.every(Request) if self.row[request] is not None}
        return {
            "caches": self.open_caches(),
            "victims": self.victims(),
            "vacant": self.vacancies(),
            "requests": {
                str(int(request)): {
                    "stage": self.stage[request].name,
                    "prompt": self.prompt[request],
                    "cursor": self.cursor[request],
                    "chunk": self.chunk[request],
                    "outstanding": self.outstanding[request],
                    "scheduled": request in self.generating or request in self.filling,
                    "snapshot": self.saved[request],
                    "row": self.row[request],
                    "position": self.position[request],
                    "fresh": self.first_chunk[request],
                }
                for request in self.every(Request)
                if self.stage[request] != Stage.NONE
            },
            "phase": self.phase.name,
            "arrivals": [int(request) for request in self.arrivals],
            "generating": [int(request) for request in self.generating],
            "filling": [int(request) for request in self.filling],
            "waited": self.waited,
            "held_back": self.held_back,
            "rows": {str(int(row)): locked_in(int(owners[row])) if row in owners else None for row in self.every(Row)},
        }
