"""Output in the terminal: verdicts as soon as they are known, and a progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from zeroloss.plumbing import Silent
from zeroloss.plumbing.progress import Bar
from zeroloss.verdict import Verdict

STYLES = {
    "PROVED": "bold green",
    "REFUTED": "bold red",
    "SUPPORTED": "green",
    "CONTRADICTED": "red",
    "UNKNOWN": "bold yellow",
}


@contextlib.contextmanager
def bar(quiet: bool) -> Iterator[Any]:
    """A progress bar on a terminal, nothing in a pipe or with --json."""
    progress: Any = Silent() if quiet else Bar()
    try:
        yield progress
    finally:
        progress.close()


def show_verdict(name: str, verdict: Verdict, console: Any = None) -> None:
    """A verdict in three lines."""
    if console is None:
        from rich.console import Console

        console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    from rich.text import Text

    console.print(Text.assemble((f"{verdict.status!s:<12}", STYLES[str(verdict.status)]), " ", verdict.claim))
    console.print(Text(f"             {verdict.reason}", style="dim"), soft_wrap=True)


class Printer:
    """Prints lines and verdicts, above the bar where there is one."""

    def __init__(self, quiet: bool):
        self._quiet, self._console = quiet, None

    def attach(self, progress: Any) -> None:
        """Print above this progress bar."""
        live = getattr(progress, "_live", None)
        self._console = live.console if live is not None and sys.stdout.isatty() else None

    def line(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def verdict(self, name: str, verdict: Verdict) -> None:
        if not self._quiet:
            show_verdict(name, verdict, self._console)
            sys.stdout.flush()
