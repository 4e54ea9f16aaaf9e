"""Rows in SQLite and in a real PostgreSQL: leases, takeovers, errors in one line."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import subprocess
import threading

import pytest

from zeroloss.plumbing import InputError
from zeroloss.studies import Store
from zeroloss.studies.runners import (
    BEAT,
    PATIENCE,
    Heartbeat,
    Runner,
    Watcher,
    process_start,
    this_machine,
    this_runner,
)


def trials(count: int, experiment: str = "e") -> list[dict]:
    shared = {"study": "s", "experiment": experiment, "version": 1, "parameters": '{"n":1}'}
    return [shared | {"key": f"{experiment}{i:03d}", "seed": i} for i in range(count)]


def somebody(name: str = "other", machine: str = "elsewhere", pid: int = 1, start: str = "0") -> Runner:
    return Runner(name, machine, pid, start)


@pytest.fixture
def store(place):
    found = Store(place)
    yield found
    found.close()


def test_a_trial_is_leased_to_one_runner(store):
    mine, other = this_runner(), somebody()
    store.enter(mine), store.enter(other)
    assert store.lease(mine, trials(4)) == {"e000", "e001", "e002", "e003"}
    assert store.lease(other, trials(6)) == {"e004", "e005"}
    assert store.held({"e000", "e005", "e009"}, dead={"other"}) == {"e000"}


def test_more_trials_than_one_statement_takes(store):
    store.enter(me := this_runner())
    assert len(store.lease(me, trials(1500))) == 1500
    store.finish([{"key": row["key"], "metrics": {"y": 1.0}, "seconds": 0.1} for row in trials(1500)])
    assert len(store.rows("s", "e", 1)) == 1500
    assert store.mean_seconds("s", "e", 1) == pytest.approx({'{"n":1}': 0.1})


def test_metrics_come_back_as_they_were(store):
    store.enter(me := this_runner())
    store.lease(me, trials(2))
    metrics = {"y": 0.1 + 0.2, "path": [[1.0, 2.0], [3.0, math.inf]], "name": "ü", "right": True, "count": 2**60}
    store.finish([{"key": "e000", "metrics": metrics, "seconds": 0.5}, {"key": "e001", "reason": "no", "seconds": 0.1}])
    done, failed = sorted(store.rows("s", "e", 1), key=lambda row: row["seed"])
    assert done["metrics"] == metrics and done["parameters"] == {"n": 1} and done["status"] == "done"
    assert failed["reason"] == "no" and failed["metrics"] == {} and failed["status"] == "failed"


def test_nan_is_kept(store):
    store.enter(me := this_runner())
    store.lease(me, trials(1))
    store.finish([{"key": "e000", "metrics": {"y": math.nan}, "seconds": 0.0}])
    assert math.isnan(store.rows("s", "e", 1)[0]["metrics"]["y"])


def test_what_is_done_stays(store):
    mine, other = this_runner(), somebody()
    store.enter(mine), store.enter(other)
    store.lease(other, trials(1))
    assert store.lease(mine, trials(1), dead=["other"]) == {"e000"}
    store.finish([{"key": "e000", "metrics": {"y": 1.0}, "seconds": 0.0}])
    store.finish([{"key": "e000", "metrics": {"y": 2.0}, "seconds": 0.0}])  # the other was only slow
    assert store.rows("s", "e", 1)[0]["metrics"] == {"y": 1.0}
    assert store.lease(mine, trials(1), dead=["other"], retry=True) == set()


def test_failed_trials_are_free_only_for_a_retry(store):
    store.enter(me := this_runner())
    store.lease(me, trials(1))
    store.finish([{"key": "e000", "reason": "no", "seconds": 0.0}])
    assert store.lease(me, trials(1)) == set()
    assert store.lease(me, trials(1), retry=True) == {"e000"}
    store.leave(me)
    assert store.rows("s", "e", 1) == []


def test_who_leaves_gives_back_what_is_not_finished(store):
    store.enter(me := this_runner())
    store.lease(me, trials(3))
    store.finish([{"key": "e001", "metrics": {}, "seconds": 0.0}])
    store.leave(me)
    assert store.status("s", "e", 1) == {"e001": "done"}


def test_the_dead_are_found(store):
    gone = subprocess.Popen(["true"])
    gone.wait()
    dead = Runner("dead", this_machine(), gone.pid, "1")
    reused = Runner("reused", this_machine(), os.getpid(), "1")
    alive = Runner("alive", this_machine(), os.getpid(), process_start(os.getpid()))
    far = somebody("far")
    for number, runner in enumerate((dead, reused, alive, far)):
        store.enter(runner)
        store.lease(runner, trials(1, f"x{number}"))
    store.lease(Runner("unknown", "", 0, ""), trials(1, "y"))
    assert sorted(store.dead(Watcher(), this_runner())) == ["dead", "reused", "unknown"]


def test_a_runner_elsewhere_is_dead_when_its_heart_stands_still():
    now = [0.0]
    watcher = Watcher(clock=lambda: now[0])
    far = somebody()
    assert watcher.alive(far, 0)
    now[0] = PATIENCE - 1
    assert watcher.alive(far, 0)
    assert watcher.alive(far, 1)
    now[0] += PATIENCE - 1
    assert watcher.alive(far, 1)
    now[0] += 2
    assert not watcher.alive(far, 1)
    assert BEAT < PATIENCE / 5


def test_a_zombie_is_dead():
    child = subprocess.Popen(["sleep", "100"])
    start = process_start(child.pid)
    assert start
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) is None
    child.wait()


def test_the_heart_beats_and_an_error_does_not_stop_it():
    beats = threading.Semaphore(0)

    def beat():
        beats.release()
        raise InputError("the disk is full")

    heart = Heartbeat(beat, every=0.01)
    assert all(beats.acquire(timeout=5) for _ in range(3))
    heart.close()


def test_many_threads_lease_each_trial_once(place):
    wanted, found, errors = trials(300), [], []

    def work(number: int) -> None:
        try:
            store = Store(place)
            me = this_runner()
            store.enter(me)
            for start in range(0, 300, 10):
                found.extend(store.lease(me, wanted[start : start + 10]))
            store.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not errors
    assert sorted(found) == sorted(row["key"] for row in wanted)


def test_two_runners_do_not_both_take_over_from_the_dead(place):
    first = Store(place)
    first.enter(somebody("dead"))
    first.lease(somebody("dead"), trials(200))
    found: list[str] = []

    def work() -> None:
        store = Store(place)
        store.enter(me := this_runner())
        for start in range(0, 200, 5):
            found.extend(store.lease(me, trials(200)[start : start + 5], dead=["dead"]))
        store.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(found) == sorted(row["key"] for row in trials(200))
    first.close()


# errors


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("{folder}", "is a folder"),
        ("{folder}/missing/store.sqlite", "its folder is missing"),
        ("{folder}/text.txt", "is no SQLite database"),
        ("mysql://host/name", "give a file (SQLite) or a postgresql:// URL"),
        ("postgresql://user:secret@127.0.0.1:1/name", "does not answer"),
    ],
)
def test_a_place_that_cannot_be_one_is_named(tmp_path, where, said):
    if where.startswith("postgresql"):
        pytest.importorskip("psycopg")
    (tmp_path / "text.txt").write_text("x" * 5000)
    with pytest.raises(InputError) as error:
        Store(where.format(folder=tmp_path))
    assert said in str(error.value) and "secret" not in str(error.value) and "\n" not in str(error.value)


def test_reading_makes_nothing(tmp_path):
    with pytest.raises(InputError, match="there is no store"):
        Store(tmp_path / "none.sqlite", readonly=True)
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(tmp_path / "other.sqlite").execute("create table x (a)").connection.close()
    with pytest.raises(InputError, match="holds no studies"):
        Store(tmp_path / "other.sqlite", readonly=True)


def test_a_store_of_another_schema_is_refused(place):
    import sqlalchemy as sa

    store = Store(place)
    with store._writing() as connection:
        connection.execute(sa.text("update zeroloss_about set value = '99'"))
    store.close()
    with pytest.raises(InputError, match="schema 99"):
        Store(place)


def test_a_full_disk_is_one_line_and_what_was_finished_is_there(tmp_path):
    """With SQLite's own limit on pages, which gives the error of a full disk."""
    from sqlalchemy import event

    store = Store(tmp_path / "store.sqlite")
    store.enter(me := this_runner())
    store.lease(me, trials(1))
    store.finish([{"key": "e000", "metrics": {"y": 1.0}, "seconds": 0.0}])
    store._engine.dispose()
    event.listen(store._engine, "connect", lambda c, _: c.execute("PRAGMA max_page_count=10"))
    with pytest.raises(InputError, match="the disk is full; free some space and run again"):
        store.lease(me, trials(2000))
    store.close()
    again = Store(tmp_path / "store.sqlite", readonly=True)
    assert again.status("s", "e", 1) == {"e000": "done"}
    again.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of half a megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        not shutil.which("mount")
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(folder)], capture_output=True
        ).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(store, me):
    """Finish trials until the disk is full; the number of each hundred that was written."""
    for number in range(100):
        wanted = trials(100, f"x{number}")
        store.lease(me, wanted)
        store.finish([{"key": row["key"], "metrics": {"y": [1.0] * 100}, "seconds": 0.0} for row in wanted])
        yield number


def test_a_disk_that_is_really_full(small_disk):
    store = Store(small_disk / "store.sqlite")
    store.enter(me := this_runner())
    finished = -1
    with pytest.raises(InputError, match=r"the disk is full|the disk reports an error"):
        for finished in _fill(store, me):  # noqa: B007
            pass
    store.close()
    again = Store(small_disk / "store.sqlite", readonly=True)
    assert all(set(again.status("s", f"x{number}", 1).values()) == {"done"} for number in range(finished + 1))
    again.close()


def test_a_store_that_may_only_be_read(small_disk):
    store = Store(small_disk / "store.sqlite")
    store.enter(me := this_runner())
    store.lease(me, trials(1))
    store.finish([{"key": "e000", "metrics": {"y": 1.0}, "seconds": 0.0}])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(InputError, match="read-only; allow writing, or name another --store"):
        Store(small_disk / "store.sqlite")
    again = Store(small_disk / "store.sqlite", readonly=True)
    assert len(again.rows("s", "e", 1)) == 1
    again.close()
