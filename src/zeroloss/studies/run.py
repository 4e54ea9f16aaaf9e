"""Running a study: what is missing is leased, tried and kept, a block at a time, until nothing is missing.

The loop owns all writing. It leases a few blocks ahead (as many as the executor can use and about `AHEAD` seconds of
work, so that quick trials do not pay a transaction each), and writes the rows of each block in one transaction as soon
as it ends. When nothing is free and other runners are still at some trials, it waits, and takes over what the dead
leave. Ctrl-C gives back what is leased.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from typing import Any

from zeroloss.plumbing import InputError, Progress, Silent
from zeroloss.plumbing.format import format_seconds as duration
from zeroloss.studies.executors import Executor, Task, make_executor
from zeroloss.studies.plan import Block, Cell, Overrides, blocks, cells, expected_seconds
from zeroloss.studies.registry import Origin, refuse_while_read
from zeroloss.studies.runners import Heartbeat, Watcher, this_runner
from zeroloss.studies.store import DONE, FAILED, Store
from zeroloss.studies.study import Study
from zeroloss.studies.trying import Outcome
from zeroloss.verdict import Record

AHEAD = 1.0
"""Seconds of work that are leased ahead in one transaction."""
MOST_AHEAD = 64
"""Blocks leased ahead at most."""
POLL = 1.0
"""Seconds between two looks at what other runners do."""


@dataclasses.dataclass(frozen=True)
class Price:
    """What is still to do. `seconds` is NaN where an experiment gives no estimate and none of it has been run."""

    trials: int
    missing: int
    blocks: int
    seconds: float

    def __str__(self) -> str:
        if not self.missing:
            return f"All {self.trials:,} trials are there."
        time_said = f"about {duration(self.seconds)}" if math.isfinite(self.seconds) else "of unknown length"
        return f"{self.missing:,} of {self.trials:,} trials to run, {time_said} in one process."


@dataclasses.dataclass(frozen=True)
class Run(Record):
    """What a call of `run` did: trials asked for, there before, done and failed now, and seconds."""

    study: str
    scale: str
    trials: int
    before: int
    done: int
    failed: int
    seconds: float
    interrupted: bool = False
    elsewhere: int = 0
    """Trials that other runners finished meanwhile."""

    def __str__(self) -> str:
        parts = [f"{self.done:,} trials run in {duration(self.seconds)}"]
        parts += [f"{self.before:,} were there"] if self.before else []
        parts += [f"{self.elsewhere:,} run by others meanwhile"] if self.elsewhere else []
        parts += [f"{self.failed:,} failed"] if self.failed else []
        left = self.trials - self.before - self.done - self.failed - self.elsewhere
        parts += [f"interrupted: {left:,} are left, run again to go on"] if self.interrupted else []
        return f"{self.study} ({self.scale}): " + "; ".join(parts) + "."


def price(
    study: Study,
    scale: str = "desk",
    *,
    store: Store | None = None,
    overrides: Overrides | None = None,
    only: Sequence[str] = (),
    retry: bool = False,
) -> Price:
    """How many trials a scale asks for, how many are missing, and how long they will take."""
    wanted = cells(study, scale, overrides, only)
    trials = sum(cell.seeds for cell in wanted)
    if store is None:  # everything is missing: no need to know which
        whole = [Block(cell, 0, cell.seeds, {}) for cell in wanted]
        parts = sum(-(-cell.seeds // cell.experiment.block_of(cell.parameters)) for cell in wanted)
        return Price(trials, trials, parts, math.fsum(expected_seconds(block, {}) for block in whole))
    there = _settled(study, wanted, store, retry)
    measured = _measured(study, wanted, store)
    missing = list(blocks(study, wanted, there))
    return Price(
        trials,
        sum(len(block.missing) for block in missing),
        len(missing),
        math.fsum(expected_seconds(block, measured) for block in missing) if missing else 0.0,
    )


def run(
    study: Study,
    scale: str = "desk",
    *,
    store: Store | str | None = None,
    overrides: Overrides | None = None,
    only: Sequence[str] = (),
    processes: int = 1,
    cluster: str | None = None,
    origin: Origin | None = None,
    retry: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Run every trial of the scale that the store does not have.

    Args:
        study: see `Study`.
        scale: "smoke", "desk" or "paper".
        store: an open `Store`, a path, or a database URL; by default `zeroloss-studies.sqlite` in the current folder.
        overrides: values in place of an axis's own, in every experiment that has the axis.
        only: names of the experiments to run; all by default.
        processes: worker processes; 1 runs in this one.
        cluster: the address of a Dask scheduler.
        origin: where other processes find the study (`find_study` gives it).
        retry: try failed trials again.

    Returns:
        A `Run`; after Ctrl-C too, with `interrupted`.

    Raises:
        InputError: a scale, axis, experiment, store or cluster that is not there; a full disk.
    """
    refuse_while_read()
    progress = progress or Silent()
    wanted = cells(study, scale, overrides, only)
    own = not isinstance(store, Store)
    kept = store if isinstance(store, Store) else Store(store)
    try:
        with_executor = make_executor(study, origin, processes, cluster)
        return _Loop(study, scale, wanted, kept, with_executor, retry, progress).run()
    finally:
        if own:
            kept.close()


class _Loop:
    """One call of `run`."""

    def __init__(
        self,
        study: Study,
        scale: str,
        wanted: list[Cell],
        store: Store,
        executor: Executor,
        retry: bool,
        progress: Progress,
    ):
        self.study, self.scale, self.wanted = study, scale, wanted
        self.store, self.executor, self.retry, self.progress = store, executor, retry, progress
        self.me, self.watcher = this_runner(), Watcher()
        self.under_way: dict[int, Block] = {}
        self.number = self.done = self.failed = 0
        self.codes = {experiment.name: experiment.code for experiment in study.experiments}
        self.measured = _measured(study, wanted, store)
        self.spent = self.foreseen = 0.0

    def run(self) -> Run:
        self.began = time.monotonic()
        self.trials = sum(cell.seeds for cell in self.wanted)
        queue = self._missing(self.retry)
        self.to_do = sum(len(block.missing) for block in queue)
        self.before = self.trials - self.to_do
        self.store.enter(self.me)
        heart = Heartbeat(lambda: self.store.beat(self.me))
        interrupted, smooth = False, False
        try:
            self.progress.stage(f"{self.study.name} ({self.scale})", f"{self.to_do:,} trials")
            while queue:
                self._work_off(queue)
                queue = self._left_by_others()
            smooth = True
        except KeyboardInterrupt:
            interrupted = True
        finally:
            self.executor.close(at_once=not smooth)
            heart.close()
            self._leave(quiet=not smooth and not interrupted)
        elsewhere = 0 if interrupted else self.trials - self.before - self.done - self.failed
        seconds = time.monotonic() - self.began
        return Run(
            self.study.name,
            self.scale,
            self.trials,
            self.before,
            self.done,
            self.failed,
            seconds,
            interrupted,
            elsewhere,
        )

    def _leave(self, quiet: bool) -> None:
        """Give back the leases; where an error is on its way already, another one must not hide it."""
        try:
            self.store.leave(self.me)
        except InputError:
            if not quiet:
                raise

    def _missing(self, retry: bool) -> list[Block]:
        return list(blocks(self.study, self.wanted, _settled(self.study, self.wanted, self.store, retry)))

    def _work_off(self, queue: list[Block]) -> None:
        """Lease, try and keep the blocks of the queue, but for those that others hold."""
        dead = self.store.dead(self.watcher, self.me)
        position = 0
        while position < len(queue) or self.under_way:
            while position < len(queue) and len(self.under_way) < self.executor.capacity:
                position = self._lease(queue, position, dead)
            if self.under_way:
                self._keep(*self.executor.next())

    def _lease(self, queue: list[Block], position: int, dead: list[str]) -> int:
        """Lease the next blocks in one transaction and hand them to the executor; where to go on."""
        stop = min(position + self._ahead(queue[position]), len(queue))
        chosen = queue[position:stop]
        mine = self.store.lease(
            self.me, [row for block in chosen for row in block.rows(self.study.name)], dead, self.retry
        )
        for block in chosen:
            held = {seed: key for seed, key in block.missing.items() if key in mine}
            if held:
                self.number += 1
                self.under_way[self.number] = dataclasses.replace(block, missing=held)
                cell = block.cell
                self.executor.submit(Task(self.number, cell.experiment.name, cell.parameters, tuple(held)))
        return stop

    def _ahead(self, block: Block) -> int:
        """How many blocks to lease at once: a second's work, by what trials have taken so far."""
        each = expected_seconds(block, self.measured)
        if self.done:
            each = self.spent / self.done * (block.stop - block.start)
        by_time = MOST_AHEAD if each <= 0 else (1 if math.isnan(each) else math.ceil(AHEAD / each))
        return max(1, min(MOST_AHEAD, by_time))

    def _keep(self, task: Task, outcome: Outcome) -> None:
        block = self.under_way.pop(task.number)
        rows: list[dict[str, Any]] = []
        for seed, key in block.missing.items():
            row: dict[str, Any] = {"key": key, "seconds": outcome.seconds, "code": self.codes[task.experiment]}
            if seed in outcome.metrics:
                rows.append(row | {"metrics": outcome.metrics[seed]})
                self.done += 1
            else:
                rows.append(row | {"reason": outcome.failures.get(seed, "the trial gave no row.")})
                self.failed += 1
        self.store.finish(rows)
        self.spent += outcome.seconds * len(block.missing)
        self._tell(block)

    def _tell(self, block: Block) -> None:
        finished, passed = self.done + self.failed, time.monotonic() - self.began
        rate = finished / max(passed, 1e-9)
        left = (self.to_do - finished) / max(rate, 1e-9)
        failed = f", {self.failed:,} failed" if self.failed else ""
        note = f"{finished:,} of {self.to_do:,}{failed}, {rate:,.3g} a second, {duration(left)} left"
        self.progress.update(finished / max(self.to_do, 1), note)

    def _left_by_others(self) -> list[Block]:
        """Wait while others are at trials of ours; the blocks that have become free meanwhile."""
        self.retry = False  # what failed now has had its second try
        while True:
            missing = self._missing(retry=False)
            if not missing:
                return []
            dead = set(self.store.dead(self.watcher, self.me))
            held = self.store.held({key for block in missing for key in block.missing.values()}, dead)
            free = [b for b in missing if any(key not in held for key in b.missing.values())]
            if free:
                return free
            self.progress.update(1.0, f"{len(held):,} trials are with other runners; waiting for them")
            time.sleep(POLL)


def _settled(study: Study, wanted: Sequence[Cell], store: Store, retry: bool) -> set[str]:
    """The keys of the trials that need not be run."""
    kept = {DONE} if retry else {DONE, FAILED}
    found: set[str] = set()
    for experiment in {cell.experiment.name: cell.experiment for cell in wanted}.values():
        status = store.status(study.name, experiment.name, experiment.version)
        found.update(key for key, what in status.items() if what in kept)
    return found


def _measured(study: Study, wanted: Sequence[Cell], store: Store) -> dict[tuple[str, str], float]:
    """Seconds a trial, as it was, by experiment and parameters."""
    found: dict[tuple[str, str], float] = {}
    for experiment in {cell.experiment.name: cell.experiment for cell in wanted}.values():
        for parameters, seconds in store.mean_seconds(study.name, experiment.name, experiment.version).items():
            found[experiment.name, parameters] = seconds
    return found
