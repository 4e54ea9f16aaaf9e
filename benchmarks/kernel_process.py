"""Contenders as processes: each has its own memory and its own threads, and they take turns."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from kernel_problems import Problem

HERE = Path(__file__).resolve().parent
START = "import sys; sys.path.insert(0, sys.argv[1]); from kernel_worker import main; main()"


class Failed(Exception):
    """A contender's own error, or that it took too long, in a line."""


class Process:
    """One worker; `ask` sends a command and waits for its answer.

    Args:
        python: the interpreter, by default this one.
        limit: seconds an answer may take; after that the process is ended.
        source: a folder put before the installed packages (`src`), or None.
    """

    def __init__(self, python: str | Path | None = None, *, limit: float = 600.0, source: Path | None = None):
        environment = dict(os.environ)
        environment.pop("PYTHONPATH", None)
        if source is not None:
            environment["PYTHONPATH"] = str(source)
        self._limit = limit
        self._process: Any = subprocess.Popen(
            [str(python or sys.executable), "-W", "ignore", "-c", START, str(HERE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def ask(self, *command: str) -> dict:
        process = self._process
        try:
            process.stdin.write(json.dumps(command) + "\n")
            process.stdin.flush()
        except OSError as error:
            raise Failed("the process has ended") from error
        ready, _, _ = select.select([process.stdout], [], [], self._limit)
        if not ready:
            self.end()
            raise Failed(f"took more than {self._limit:.0f} s, ended")
        line = process.stdout.readline()
        if not line:
            raise Failed(f"the process ended (exit code {process.wait()}); out of memory is the usual cause")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


@contextlib.contextmanager
def written(problem: Problem, weights: dict[str, np.ndarray], x: np.ndarray):
    """A folder with the problem, its weights and its inputs, for the workers to read."""
    from dataclasses import asdict

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "problem.json").write_text(json.dumps(asdict(problem)))
        np.savez(folder / "arrays.npz", x=x, **{f"w:{key}": value for key, value in weights.items()})
        yield folder
