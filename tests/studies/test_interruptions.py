"""Killed at random moments: nothing that was finished is lost or repeated, and the end is that of an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from study_makers import began, study_file

from zeroloss.studies import Store, find_study, quick_tables, run, tables

pytestmark = pytest.mark.slow

SCRIPT = """
import sys
from zeroloss.studies import Store, find_study, run
if __name__ == "__main__":
    study, origin = find_study(sys.argv[1])
    print(run(study, "smoke", store=sys.argv[2], processes=int(sys.argv[3]), origin=origin))
"""


def start(script: Path, study: Path, place: str, processes: int = 1) -> subprocess.Popen:
    command = [sys.executable, str(script), str(study), place, str(processes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finished(study, place: str) -> set[tuple[int, int]]:
    store = Store(place)
    rows = store.rows("waiting", "errors", 1)
    store.close()
    return {(row["parameters"]["n"], row["seed"]) for row in rows}


def wait_until(condition, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@pytest.mark.parametrize(("processes", "runners"), [(1, 1), (1, 2), (2, 1)])
def test_kill_9_at_random_moments(tmp_path, place, processes, runners):
    """20 kills with SQLite: 10 of a runner alone, 5 where two share the store, 5 of one with workers; 7 with PostgreSQL."""
    path, log = study_file(tmp_path, seconds=0.01, ns=range(1, 9), seeds=60, block=2)
    script = tmp_path / "runner.py"
    script.write_text(SCRIPT)
    study, origin = find_study(str(path))
    whole = quick_tables(study)["errors"]
    log.write_text("")
    chance = random.Random(processes * 10 + runners)
    kills = {(1, 1): 10, (1, 2): 5, (2, 1): 5} if place.endswith(".sqlite") else {(1, 1): 3, (1, 2): 2, (2, 1): 2}
    for _ in range(kills[processes, runners]):
        done, seen = finished(study, place), len(began(log))
        others = [start(script, path, place, processes) for _ in range(runners)]
        try:
            wait_until(
                lambda seen=seen, others=others: len(began(log)) > seen or all(p.poll() is not None for p in others)
            )
            time.sleep(chance.uniform(0, 0.4))
        finally:
            for process in others:
                process.send_signal(signal.SIGKILL)
                process.communicate()
        if processes > 1:
            time.sleep(1.5)  # workers see that their runner is gone
        again = set(began(log)[seen:]) & done
        assert not again, f"finished before, and begun again: {again}"
    done, seen = finished(study, place), len(began(log))
    assert 0 < len(done) < 480, "the kills came too late or too early to show anything"
    last = run(study, "smoke", store=place, processes=processes, origin=origin)
    assert last.before == len(done) and last.done == 480 - len(done)
    assert not set(began(log)[seen:]) & done
    store = Store(place)
    pd.testing.assert_frame_equal(tables(study, "smoke", store=store)["errors"], whole, check_exact=True)
    store.close()


def test_workers_end_with_their_runner(tmp_path):
    path, _ = study_file(
        tmp_path, seconds=30.0, ns=[1, 2], seeds=1, block=1, extra="open(LOG + '.pid', 'a').write(f'{os.getpid()} ')"
    )
    script = tmp_path / "runner.py"
    script.write_text(SCRIPT)
    runner = start(script, path, str(tmp_path / "store.sqlite"), processes=2)
    pids = tmp_path / "began.txt.pid"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    runner.kill()
    runner.communicate()

    def all_gone() -> bool:
        for pid in pids.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 0)
                state = Path(f"/proc/{pid}/stat")
                if not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z":
                    return False
        return True

    wait_until(all_gone, 10)


def test_a_script_without_its_guard_is_told(tmp_path):
    path, _ = study_file(tmp_path)
    script = tmp_path / "unguarded.py"
    script.write_text(SCRIPT.replace('if __name__ == "__main__":', "if True:"))
    runner = start(script, path, str(tmp_path / "store.sqlite"), processes=2)
    said, _ = runner.communicate(timeout=60)
    assert runner.returncode and "if __name__ == '__main__':, since the workers import it" in said
    store = Store(tmp_path / "store.sqlite")
    # a worker that ran the script again and was ended may have left a lease: the next runner takes it over
    assert set(store.status("waiting", "errors", 1).values()) <= {"leased"}
    study, _ = find_study(str(path))
    found = run(study, "smoke", store=store)
    assert found.done == found.trials
    store.close()


# Dask


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers as processes of their own: (address, a function that starts a worker, workers)."""
    pytest.importorskip("distributed", reason="Dask is not installed (pip install 'zeroloss[cluster]')")
    file = tmp_path / "scheduler.json"
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(file),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    processes = [subprocess.Popen(command, **quiet)]
    workers: list[subprocess.Popen] = []

    def worker() -> None:
        its = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
        workers.append(subprocess.Popen([*its, "--no-nanny", "--no-dashboard"], **quiet))

    wait_until(lambda: file.exists() and file.read_text().strip().endswith("}"))
    import json

    address = json.loads(file.read_text())["address"]
    worker(), worker()
    yield address, worker, workers
    for process in [*workers, *processes]:
        process.kill()
        process.wait()


@pytest.mark.filterwarnings("ignore")
def test_a_dask_worker_killed_in_mid_study_loses_nothing(tmp_path, cluster):
    address, worker, workers = cluster
    path, log = study_file(tmp_path, seconds=0.05, ns=range(1, 9), seeds=20, block=2)
    study, origin = find_study(str(path))
    whole = quick_tables(study)["errors"]
    log.write_text("")
    place = str(tmp_path / "store.sqlite")
    repeated: list = []

    def kill() -> None:
        for share in (20, 70):
            wait_until(lambda share=share: len(began(log)) > share)
            done, seen = finished(study, place), len(began(log))
            workers.pop(0).kill()
            worker()
            time.sleep(0.5)
            repeated.extend(set(began(log)[seen:]) & done)

    killer = threading.Thread(target=kill)
    killer.start()
    found = run(study, "smoke", store=place, cluster=address, origin=origin)
    killer.join()
    assert (found.done, found.failed, repeated) == (160, 0, [])
    store = Store(place)
    pd.testing.assert_frame_equal(tables(study, "smoke", store=store)["errors"], whole, check_exact=True)
    store.close()


@pytest.mark.filterwarnings("ignore")
def test_a_dask_trial_that_raises_or_kills_is_recorded(tmp_path, cluster):
    address, _, _ = cluster
    extra = """import signal
    if parameters["n"] == 2 and 7 in keys: raise ValueError("seven")"""
    path, _ = study_file(tmp_path, extra=extra, block=2)
    study, origin = find_study(str(path))
    store = Store(tmp_path / "store.sqlite")
    found = run(study, "smoke", store=store, cluster=address, origin=origin)
    assert (found.done, found.failed) == (39, 1)
    assert tables(study, "smoke", store=store)["errors"].attrs["reasons"] == {"ValueError: seven": 1}
    store.close()


@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed (pip install 'zeroloss[cluster]')")
    from zeroloss.plumbing import InputError
    from zeroloss.studies import executors

    monkeypatch.setattr(executors, "ANSWER", 1.0)
    path, _ = study_file(tmp_path)
    study, origin = find_study(str(path))
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"):
        run(study, "smoke", store=tmp_path / "store.sqlite", cluster="tcp://127.0.0.1:1", origin=origin)
