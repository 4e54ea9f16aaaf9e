"""Where blocks are tried: in this process, in processes beside it, or on a Dask cluster. The rows are the same.

An executor takes tasks and hands back outcomes as they come. Only the runner, which holds the leases, writes to the
store; workers get a task (where the study comes from, the experiment's name, parameters, seeds) and send back
numbers. A task whose worker is lost (killed, out of memory, a machine gone) is tried again; after `LOST` losses of
its own it is recorded as failed.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import threading
import time
from typing import Any, Protocol

from zeroloss.plumbing import InputError
from zeroloss.plumbing.numbers import whole_number
from zeroloss.studies.grids import Parameters
from zeroloss.studies.registry import Origin, origin_of
from zeroloss.studies.study import Study
from zeroloss.studies.trying import Outcome, attempt

LOST = 3
"""Workers a task may lose."""
ANSWER = 10.0
"""Seconds in which a scheduler must answer."""


@dataclasses.dataclass(frozen=True)
class Task:
    """A block, as it travels."""

    number: int
    experiment: str
    parameters: Parameters
    seeds: tuple[int, ...]


class Executor(Protocol):
    """Tries tasks."""

    @property
    def capacity(self) -> int:
        """Tasks worth having under way now."""

    def submit(self, task: Task) -> None:
        """Take a task."""

    def next(self) -> tuple[Task, Outcome]:
        """Wait for a task to end."""

    def close(self, *, at_once: bool = False) -> None:
        """No more; `at_once` leaves what is under way."""


def lost(task: Task, times: int) -> Outcome:
    """The outcome of a task that has lost too many workers."""
    reason = f"WorkerLost: {times} workers were lost over these trials, killed perhaps for lack of memory."
    return Outcome({}, dict.fromkeys(task.seeds, reason), 0.0)


class InProcess:
    """One task at a time, here."""

    capacity = 1

    def __init__(self, study: Study):
        self._study = study
        self._waiting: collections.deque[Task] = collections.deque()

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def next(self) -> tuple[Task, Outcome]:
        task = self._waiting.popleft()
        return task, attempt(self._study.experiment(task.experiment), task.parameters, task.seeds)

    def close(self, *, at_once: bool = False) -> None:
        self._waiting.clear()


class Processes:
    """Worker processes on this machine, each on its share of the cores."""

    def __init__(self, origin: Origin, count: int):
        self._origin, self._count = origin, count
        self.capacity = 2 * count
        self._waiting: collections.deque[Task] = collections.deque()
        self._suspects: collections.deque[Task] = collections.deque()
        self._losses: collections.Counter[int] = collections.Counter()
        self._running: dict[Any, Task] = {}
        self._pool: Any = None
        self._begun: Any = None

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def next(self) -> tuple[Task, Outcome]:
        from concurrent.futures import FIRST_COMPLETED, wait
        from concurrent.futures.process import BrokenProcessPool

        while True:
            self._start()
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is None:
                    return self._running.pop(future), future.result()
                if not isinstance(error, BrokenProcessPool):
                    task = self._running.pop(future)
                    return task, Outcome({}, dict.fromkeys(task.seeds, f"{type(error).__name__}: {error}"), 0.0)
            if (ended := self._broken()) is not None:
                return ended, lost(ended, self._losses[ended.number])

    def _start(self) -> None:
        """Keep the pool full; a task that was under way when a worker was lost is tried again alone, so that the
        guilty one is known."""
        if self._pool is None:
            self._pool, self._begun = _new_pool(self._count)
        while self._suspects and not self._running:
            self._run(self._suspects.popleft())
            return
        while not self._suspects and self._waiting and len(self._running) < self.capacity:
            if not self._run(self._waiting[0]):
                return
            self._waiting.popleft()

    def _run(self, task: Task) -> bool:
        """Hand the task to the pool; False where the pool is broken and what it was at must be seen to first."""
        from concurrent.futures.process import BrokenProcessPool

        try:
            future = self._pool.submit(_work, self._origin, task)
        except BrokenProcessPool:
            if self._running:  # lost with this pool: `_broken` needs to know whether its workers had begun
                return False
            self._pool, self._begun = _new_pool(self._count)  # a worker was lost while it had nothing to do
            future = self._pool.submit(_work, self._origin, task)
        self._running[future] = task
        return True

    def _broken(self) -> Task | None:
        """All that was under way is lost with the pool; a task that was alone counts it against itself."""
        under_way = sorted(self._running.values(), key=lambda task: task.number)
        self._running.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
        if self._begun.value == 0:  # that is no trial's fault
            raise InputError(
                "worker processes do not start; a script that runs a study in several processes must do so under "
                "if __name__ == '__main__':, since the workers import it."
            )
        if len(under_way) == 1:
            (task,) = under_way
            self._losses[task.number] += 1
            if self._losses[task.number] >= LOST:
                return task
        self._suspects.extend(under_way)
        return None

    def close(self, *, at_once: bool = False) -> None:
        if self._pool is not None:
            workers = list(getattr(self._pool, "_processes", None) or {}) if at_once else []
            self._pool.shutdown(wait=not at_once, cancel_futures=True)
            for pid in workers:
                _end(pid)


def _end(pid: int) -> None:
    import contextlib
    import signal

    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGTERM)


def _new_pool(count: int) -> tuple[Any, Any]:
    """A pool, and the number of its workers that have begun."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    turn = context.Value("i", 0)
    pool = ProcessPoolExecutor(count, context, initializer=_begin_worker, initargs=(os.getpid(), count, turn))
    return pool, turn


def _begin_worker(parent: int, count: int, turn: Any) -> None:
    """Take a share of the cores; leave Ctrl-C to the runner; end with it, even if it is killed."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with turn.get_lock():
        mine = turn.value % count
        turn.value += 1
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if count <= len(cores):
            os.sched_setaffinity(0, cores[mine::count])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(origin: Origin, task: Task) -> Outcome:
    """What a worker does with a task."""
    return attempt(origin.study().experiment(task.experiment), task.parameters, task.seeds)


class Cluster:
    """A Dask cluster, by the address of its scheduler (`tcp://host:8786`)."""

    def __init__(self, origin: Origin, address: str):
        distributed = _distributed()
        self._origin = origin
        try:
            self._client = distributed.Client(address, timeout=ANSWER, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"no Dask scheduler answers at {address}: start one (dask scheduler) and workers (dask worker {address}), "
                "then run again."
            ) from error
        self._running: dict[Any, Task] = {}
        self._done = distributed.as_completed(loop=self._client.loop)
        self._killed = distributed.scheduler.KilledWorker
        self._losses: collections.Counter[int] = collections.Counter()

    @property
    def capacity(self) -> int:
        """Twice the threads of the workers there are now."""
        return 2 * max(1, sum(self._client.nthreads().values()))

    def submit(self, task: Task) -> None:
        name = f"zeroloss-{task.experiment}-{task.number}-{os.urandom(4).hex()}"
        future = self._client.submit(_work, self._origin, task, key=name, pure=False, retries=0)
        self._running[future] = task
        self._done.add(future)

    def next(self) -> tuple[Task, Outcome]:
        while True:
            future = next(self._done)
            task = self._running.pop(future)
            if future.status == "finished":
                return task, future.result()
            error = future.exception() if future.status == "error" else None
            if error is not None and not isinstance(error, self._killed):
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
                return task, Outcome({}, dict.fromkeys(task.seeds, reason), 0.0)
            self._losses[task.number] += 1
            if self._losses[task.number] >= LOST:
                return task, lost(task, self._losses[task.number])
            self.submit(task)

    def close(self, *, at_once: bool = False) -> None:
        if at_once:
            self._client.cancel(list(self._running), force=True)
        self._client.close()


def _distributed() -> Any:
    try:
        import distributed
        import distributed.scheduler
    except ImportError as error:
        raise InputError("--cluster needs Dask, which is not installed: pip install 'zeroloss[cluster]'.") from error
    return distributed


def make_executor(study: Study, origin: Origin | None, processes: int = 1, cluster: str | None = None) -> Executor:
    """The executor for these processes or this cluster.

    Raises:
        InputError: both are given, or other processes cannot find the study.
    """
    processes = whole_number("processes", processes)
    if cluster is None and processes == 1:
        return InProcess(study)
    if cluster is not None and processes != 1:
        raise InputError("processes and cluster exclude each other; the cluster's workers are the processes.")
    origin = origin_of(study) if origin is None else origin
    return Processes(origin, processes) if cluster is None else Cluster(origin, cluster)
