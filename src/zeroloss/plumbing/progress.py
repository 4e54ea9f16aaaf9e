"""Progress: a bar on a terminal, nothing in a pipe. The library itself is silent unless it is given one."""

from __future__ import annotations

import sys
from typing import Any, Protocol


class Progress(Protocol):
    """What a long computation reports: which stage it is in, and how much of it is done."""

    def stage(self, name: str, expect: str = "") -> None:
        """A new stage begins; `expect` states the expected time and memory, in words."""

    def update(self, fraction: float, note: str = "") -> None:
        """`fraction` (0 to 1) of the stage is done."""

    def close(self) -> None:
        """Nothing more will come."""


class Silent:
    """The progress that nobody watches."""

    def stage(self, name: str, expect: str = "") -> None: ...

    def update(self, fraction: float, note: str = "") -> None: ...

    def close(self) -> None: ...


class Bar:
    """A bar on standard error while it is a terminal; silent otherwise."""

    def __init__(self) -> None:
        self._live: Any = None
        self._task: Any = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as RichProgress

            self._live = RichProgress(
                TextColumn("[bold]{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._live.start()

    def stage(self, name: str, expect: str = "") -> None:
        if self._live is None:
            return
        if self._task is not None:
            self._live.remove_task(self._task)
        self._task = self._live.add_task(name, total=1.0, note=expect)

    def update(self, fraction: float, note: str = "") -> None:
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=fraction, **({"note": note} if note else {}))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
