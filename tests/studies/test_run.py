"""Running: nothing twice, nothing lost, the same rows however they were made."""

from __future__ import annotations

import math
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from study_makers import began, errors, small_study, study_file

from zeroloss.plumbing import InputError
from zeroloss.studies import Store, conclude, export, find_study, price, quick_tables, run, tables
from zeroloss.studies.run import duration
from zeroloss.studies.runners import Runner, this_machine
from zeroloss.verdict import Status, from_json


@pytest.fixture
def store(place):
    found = Store(place)
    yield found
    found.close()


def test_a_study_is_run_kept_and_judged(store):
    study = small_study()
    first = run(study, "smoke", store=store)
    assert (first.trials, first.before, first.done, first.failed) == (30, 0, 30, 0)
    again = run(study, "smoke", store=store)
    assert (again.before, again.done) == (30, 0) and "30 were there" in str(again)
    found = tables(study, "smoke", store=store)["errors"]
    pd.testing.assert_frame_equal(found, quick_tables(study)["errors"], check_exact=True)
    result = conclude(study, "smoke", store=store, command="here")
    assert result.verdicts["slope"].status == Status.SUPPORTED and not result.contradicted
    assert from_json(result.to_json()) == result


def test_only_what_is_missing_is_run(store):
    seen = []

    def trial(parameters, keys):
        seen.append((parameters["n"], keys.tolist()))
        return errors(parameters, keys)

    study = small_study(trial)
    run(study, "smoke", store=store, overrides={"n": [2], "seeds": [6]})
    seen.clear()
    assert price(study, "smoke", store=store).missing == 24
    run(study, "smoke", store=store, overrides={"n": [2]})
    assert seen == [(2, [6, 6, 6, 7]), (2, [8, 9, 8, 8])]
    pd.testing.assert_frame_equal(
        tables(study, "smoke", store=store, overrides={"n": [2]})["errors"],
        quick_tables(study)["errors"].query("n == 2").reset_index(drop=True),
        check_exact=True,
    )


def test_versions_do_not_mix(store):
    run(small_study(), "smoke", store=store)
    newer = small_study(version=2)
    result = conclude(newer, "smoke", store=store)
    assert result.trials["errors"]["finished"] == 0 and result.verdicts["slope"].status == Status.UNKNOWN
    assert result.settings["rows left out"] == {"errors, version 1": 30}
    assert run(newer, "smoke", store=store).done == 30
    assert len(tables(newer, "smoke", store=store)["errors"]) == 30


def test_rows_from_before_the_trial_was_edited_are_told(tmp_path):
    path, _ = study_file(tmp_path)
    store = Store(tmp_path / "store.sqlite")
    run(find_study(str(path))[0], "smoke", store=store, overrides={"n": [1, 2]})
    path.write_text(path.read_text().replace("draws + 1", "draws + 2"))
    import linecache

    linecache.checkcache()
    study, _ = find_study(str(path))
    assert run(study, "smoke", store=store).before == 20
    assert tables(study, "smoke", store=store)["errors"].attrs["edited"] == 20
    store.close()


def test_two_studies_share_a_store(store):
    run(small_study(), "smoke", store=store)
    assert run(small_study(name="other"), "smoke", store=store).done == 30


def test_a_trial_that_fails_is_recorded_and_stops_nothing(store):
    broken = [True]

    def trial(parameters, keys):
        if broken[0] and parameters["n"] == 2:
            raise MemoryError("too big")
        return errors(parameters, keys)

    study = small_study(trial)
    first = run(study, "smoke", store=store)
    assert (first.done, first.failed) == (20, 10)
    table = tables(study, "smoke", store=store)["errors"]
    assert table.attrs == {"expected": 30, "failed": 10, "reasons": {"MemoryError: too big": 10}, "edited": 0}
    assert "10 trials of errors failed" in conclude(study, "smoke", store=store).verdicts["slope"].reason
    assert run(study, "smoke", store=store).done == 0
    still = run(study, "smoke", store=store, retry=True)
    assert (still.done, still.failed) == (0, 10)
    broken[0] = False
    assert run(study, "smoke", store=store, retry=True).done == 10
    assert tables(study, "smoke", store=store)["errors"].attrs["failed"] == 0


def test_ctrl_c_keeps_what_is_done_and_gives_back_the_rest(store):
    def trial(parameters, keys):
        if parameters["n"] == 2:
            raise KeyboardInterrupt
        return errors(parameters, keys)

    stopped = run(small_study(trial), "smoke", store=store)
    assert stopped.interrupted and stopped.done == 10 and "20 are left, run again" in str(stopped)
    assert set(store.status("small", "errors", 1).values()) == {"done"}
    assert run(small_study(), "smoke", store=store).done == 20


def test_two_runners_at_once_do_every_trial_once(place):
    counts: dict[tuple, int] = {}
    lock = threading.Lock()

    def trial(parameters, keys):
        with lock:
            for key in set(keys.tolist()):
                counts[parameters["n"], key] = counts.get((parameters["n"], key), 0) + 1
        threading.Event().wait(0.002)
        return errors(parameters, keys)

    study = small_study(trial, block=1, scales={"smoke": Grid_of(5, 30)})
    results = []

    def work():
        store = Store(place)
        results.append(run(study, "smoke", store=store))
        store.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(counts) == 150 and set(counts.values()) == {1}
    assert sum(result.done for result in results) == 150
    assert all(result.done + result.elsewhere + result.before == 150 for result in results)


def Grid_of(ns: int, seeds: int):  # noqa: N802
    from zeroloss.studies import Grid

    return Grid({"n": list(range(1, ns + 1))}, seeds=seeds)


def test_what_the_dead_leave_is_taken_over(store):
    study = small_study()
    dead = Runner("dead", this_machine(), 2**22 + 1, "1")
    store.enter(dead)
    from zeroloss.studies.plan import blocks, cells

    rows = [row for block in blocks(study, cells(study, "smoke"), set()) for row in block.rows("small")]
    assert len(store.lease(dead, rows)) == 30
    assert run(study, "smoke", store=store).done == 30


def test_the_price_comes_from_the_study_then_from_what_was_measured(store):
    study = small_study(seconds=lambda p: 2.0 * p["n"])
    assert price(study, "smoke").seconds == pytest.approx(2.0 * (1 + 2 + 4) * 10)
    assert math.isnan(price(small_study(), "smoke").seconds)
    run(study, "smoke", store=store, overrides={"n": [4]})
    asked = price(study, "smoke", store=store)
    assert asked.missing == 20 and asked.seconds == pytest.approx(60)
    run(study, "smoke", store=store)
    assert str(price(study, "smoke", store=store)) == "All 30 trials are there."
    assert price(study, "smoke", store=store, overrides={"seeds": [11]}).seconds < 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.01, "0.01 s"), (45, "45 s"), (300, "5 min"), (7200, "2 h"), (1e6, "12 days"), (1e12, "3.17e+04 years")],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


# processes


@pytest.mark.slow
def test_processes_make_the_same_rows(tmp_path):
    path, _ = study_file(tmp_path)
    study, origin = find_study(str(path))
    store = Store(tmp_path / "store.sqlite")
    assert run(study, "smoke", store=store, processes=2, origin=origin).done == 40
    pd.testing.assert_frame_equal(
        tables(study, "smoke", store=store)["errors"], quick_tables(study)["errors"], check_exact=True
    )
    store.close()


@pytest.mark.slow
def test_a_worker_that_dies_costs_only_its_own_trials(tmp_path):
    """Seed 7 of n = 2 kills its process each time; the first worker to see n = 4 is killed once."""
    once = tmp_path / "once"
    extra = f"""import signal
    if parameters["n"] == 2 and 7 in keys: os.kill(os.getpid(), signal.SIGKILL)
    if parameters["n"] == 4 and not os.path.exists({str(once)!r}):
        open({str(once)!r}, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)"""
    path, _ = study_file(tmp_path, extra=extra, block=2)
    study, origin = find_study(str(path))
    store = Store(tmp_path / "store.sqlite")
    found = run(study, "smoke", store=store, processes=2, origin=origin)
    assert (found.done, found.failed) == (38, 2)
    (reason,) = tables(study, "smoke", store=store)["errors"].attrs["reasons"]
    assert reason.startswith("WorkerLost: 3 workers were lost")
    store.close()


def test_other_processes_must_be_able_to_find_the_study(tmp_path):
    for arguments, said in (
        ({"processes": 2}, "put it into a file"),
        ({"processes": 0}, "processes=0: give a whole number, 1 or more"),
        ({"processes": 1.5}, "processes=1.5: give a whole number"),
        ({"processes": float("nan")}, "processes=nan: give a whole number"),
        ({"processes": True}, "processes=True: give a whole number"),
        ({"processes": 2, "cluster": "tcp://x:1"}, "exclude each other"),
    ):
        with pytest.raises(InputError, match=said):
            run(small_study(), "smoke", store=tmp_path / "store.sqlite", **arguments)


SCRIPT = """
import numpy as np
from zeroloss.studies import Experiment, Grid, Study, run

def trial(parameters, keys):
    return {"loss": np.array([parameters["größe"] * k for k in keys])}

STUDY = Study("eigene größe", "a question", [Experiment("尺", "what", trial, {"smoke": Grid({"größe": [1, 2]}, seeds=4)}, block=2)])
"""
CALL = "print('done', run(STUDY, 'smoke', store='rows.sqlite', processes=2).done)\n"


def script(folder, text, *words, stdin=None):
    """(exit code, standard output, standard error) of a script in `folder`."""
    (folder / "eigene.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=120, input=stdin
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_a_script_with_a_guard_runs_its_study_in_several_processes(tmp_path):
    text = f"{SCRIPT}\nif __name__ == '__main__':\n    {CALL}"
    code, out, err = script(tmp_path, text, "eigene.py")
    assert (code, out.strip()) == (0, "done 8"), err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "stdin", "words"),
    [
        (CALL, None, "runs a study as soon as it is read"),
        (CALL, SCRIPT + CALL, "made in a notebook, at a prompt"),
        (
            "def make():\n    return Study('inner', '?', STUDY.experiments)\n" + CALL.replace("STUDY", "make()"),
            None,
            "inside a function",
        ),
    ],
)
def test_a_script_that_workers_cannot_read_says_what_to_do(tmp_path, call, stdin, words):
    code, out, err = script(tmp_path, SCRIPT + call, "eigene.py" if stdin is None else "-", stdin=stdin)
    assert code == 1
    assert "done" not in out
    assert words in err.strip().splitlines()[-1]
    assert "__main__" in err or "processes out" in err


def test_a_file_that_runs_its_study_when_it_is_read_is_refused(tmp_path):
    (tmp_path / "eigene.py").write_text(SCRIPT + CALL.replace(", processes=2", ""), encoding="utf-8")
    with pytest.raises(InputError, match="runs a study as soon as it is read"):
        find_study(str(tmp_path / "eigene.py"))
    assert not list(tmp_path.glob("rows*"))


def test_names_beyond_ascii(tmp_path):
    (tmp_path / "größe.py").write_text(SCRIPT, encoding="utf-8")
    study, origin = find_study(str(tmp_path / "größe.py"))
    store = Store(tmp_path / "ü.sqlite")
    assert run(study, "smoke", store=store, origin=origin).done == 8
    assert run(study, "smoke", store=store, origin=origin).done == 0
    found = tables(study, "smoke", store=store)["尺"]
    assert found["loss"].tolist() == [0, 1, 2, 3, 0, 2, 4, 6]
    ((file, rows),) = export(study, tmp_path / "größe.csv", store=store, scale="smoke")
    assert rows == 8
    assert pd.read_csv(file)["größe"].tolist() == [1] * 4 + [2] * 4
    store.close()


# finding studies


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "holds no study"),
        ("import zeroloss.studies as s\nA = s.Study('a', '?', [])\nB = s.Study('b', '?', [])", "holds 2 studies"),
        ("x = (", "line 1, fails: SyntaxError"),
        ("\nraise ValueError('no')", "line 2, fails: ValueError: no"),
    ],
)
def test_a_file_without_a_study_is_named(tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(InputError, match=said):
        find_study(str(tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("nothing", "no study 'nothing'"), ("no.py", "no file no.py"), ("no_module:S", "cannot be imported")],
)
def test_a_study_that_is_not_there_is_named(name, said):
    with pytest.raises(InputError, match=said):
        find_study(name)


# files


def test_rows_are_exported(tmp_path):
    path, log = study_file(tmp_path)
    study, _ = find_study(str(path))
    store = Store(tmp_path / "store.sqlite")
    run(study, "smoke", store=store)
    assert len(began(log)) == 40
    ((file, rows),) = export(study, tmp_path / "rows.csv", store=store, scale="smoke")
    assert rows == 40
    wanted = quick_tables(study)["errors"]
    found = pd.read_csv(file)
    np.testing.assert_array_equal(found["error"], wanted["error"])
    assert found["path"][0] == str(wanted["path"][0])
    ((file, rows),) = export(study, tmp_path / "rows.parquet", store=store)
    found = pd.read_parquet(file)
    assert {"status", "reason", "seconds", "version", "software", "finished"} <= set(found.columns)
    np.testing.assert_array_equal(found["path"][3], wanted["path"][3])
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        export(study, tmp_path / "rows.txt", store=store)
    with pytest.raises(InputError, match="exists"):
        export(study, tmp_path / "rows.csv", store=store)
    store.close()
