"""`State`: the results of an examination while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zeroloss.data import Dataset
from zeroloss.plumbing import Progress
from zeroloss.verdict import Verdict

Announce = Callable[[str, Verdict], None]


class State:
    """Data, network and seed; verdicts, tables and numbers as they come; the fitted network and its twin."""

    def __init__(self, data: Dataset, network: Any, seed: int, announce: Announce, progress: Progress):
        self.data, self.network, self.seed, self.progress = data, network, seed, progress
        self._announce = announce
        self.verdicts: dict[str, Verdict] = {}
        self.tables: dict[str, dict[str, list]] = {}
        self.numbers: dict[str, Any] = {"seconds": {}, "absent": {}}
        self.fitted: Any = None
        self.twin: Any = None
        self.certificate: Any = None
        self.smooth = False

    def announce(self, name: str, verdict: Verdict) -> None:
        self.verdicts[name] = verdict
        self._announce(name, verdict)
