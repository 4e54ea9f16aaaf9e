"""Who runs trials, and whether they still do.

A runner is a process. On the machine where it runs, the operating system shows whether it is alive: by process number
and start time (numbers are used again), within one boot and one space of process numbers (containers have their own).
For another machine there is only its heartbeat, a number in the store that it raises every few seconds; who sees the
same number for `PATIENCE` seconds of its own time takes that runner for dead. No two clocks are compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

BEAT = 5.0
"""Seconds between two heartbeats."""
PATIENCE = 60.0
"""Seconds without one after which a runner on another machine counts as dead."""


@dataclasses.dataclass(frozen=True)
class Runner:
    """A process that runs trials: a name, the machine, process number and start."""

    name: str
    machine: str
    pid: int
    start: str


def this_runner() -> Runner:
    """A new name for this process."""
    return Runner(uuid.uuid4().hex, this_machine(), os.getpid(), process_start(os.getpid()) or "")


def this_machine() -> str:
    """What two processes share that can see each other: host name, boot, space of process numbers."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def process_start(pid: int) -> str | None:
    """When a process of this machine began, as the system counts; "" where the system does not say; None if there is
    no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if os.path.isdir("/proc/self"):
            return None
        try:  # a system without /proc: only whether it is there
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except OSError:
            pass
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return None if state in "ZX" else rest[18]


class Watcher:
    """Tells the living from the dead, by what it has seen of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, patience: float = PATIENCE):
        self._clock, self._patience = clock, patience
        self._seen: dict[str, tuple[int, float]] = {}
        self._machine = this_machine()

    def alive(self, runner: Runner, beat: int) -> bool:
        """Whether `runner`, whose heartbeat stands at `beat`, is to be left its trials."""
        if runner.machine == self._machine:
            start = process_start(runner.pid)
            return start is not None and start == runner.start
        now = self._clock()
        last = self._seen.get(runner.name)
        if last is None or last[0] != beat:
            self._seen[runner.name] = (beat, now)
            return True
        return now - last[1] < self._patience


class Heartbeat:
    """Calls `beat()` every few seconds from a thread of its own, until closed; errors are left to the next write."""

    def __init__(self, beat: Callable[[], None], every: float = BEAT):
        self._beat, self._every, self._stop = beat, every, threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            with contextlib.suppress(Exception):
                self._beat()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=2 * self._every)
