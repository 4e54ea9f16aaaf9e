"""Studies: what the engine costs a trial, XOR seeds a second against a PyTorch loop, two worker processes against one.

python benchmarks/study.py                 # all three
python benchmarks/study.py --seeds 4       # PyTorch trains so many seeds (it is slow)
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

TRIALS = 10_000


def engine(block: int) -> float:
    """Milliseconds a trial of 10,000 that take no time, in blocks of `block`, kept in a SQLite file."""
    from study_contenders import nothing

    from zeroloss.studies import Experiment, Grid, Study, run

    grid = Grid({"n": list(range(10))}, seeds=TRIALS // 10)
    study = Study("overhead", "?", [Experiment("e", "?", nothing, {"smoke": grid}, block=block)])
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = run(study, "smoke", store=f"{folder}/store.sqlite")
        seconds = time.perf_counter() - began
    assert done.done == TRIALS
    return 1000 * seconds / TRIALS


def resume() -> float:
    """Seconds until a finished study of 10,000 trials is seen to be finished."""
    from study_contenders import nothing

    from zeroloss.studies import Experiment, Grid, Study, run

    grid = Grid({"n": list(range(10))}, seeds=TRIALS // 10)
    study = Study("overhead", "?", [Experiment("e", "?", nothing, {"smoke": grid}, block=100)])
    with tempfile.TemporaryDirectory() as folder:
        run(study, "smoke", store=f"{folder}/store.sqlite")
        began = time.perf_counter()
        run(study, "smoke", store=f"{folder}/store.sqlite")
        return time.perf_counter() - began


def xor(k: int, block: int, seeds: int) -> None:
    """Seeds a second of the study's own trial, and of a PyTorch loop from the same weights on the same points."""
    import jax

    from zeroloss.data.xord import make_xord
    from zeroloss.studies.brutzkus_globerson_xor import trials
    from zeroloss.studies.brutzkus_globerson_xor.descent import start, to_weights
    from zeroloss.theorems import xor_formulas as formulas

    parameters = {"k": k, "gamma": 8, "inverse_c_eta": 410}
    keys = np.arange(block)
    trials.minima(parameters, keys)  # compiled
    rounds = []
    for number in range(1, 6):
        began = time.perf_counter()
        ours = trials.minima(parameters, keys + number * block)
        rounds.append(time.perf_counter() - began)
    rate = block / float(np.median(rounds))
    c_eta = 1 / 410
    step = formulas.step_size(k, c_eta)
    wanted = keys[:seeds] + 5 * block
    first = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), 0))(wanted)
    weights = np.asarray(to_weights(start(first, k, formulas.weight_std(k, c_eta))))
    x, labels = make_xord(8, 16, 1.0, 1.0)
    if not have_torch():
        print(f"k = {k:>3}: {rate:>9,.0f} seeds a second; PyTorch is not installed")
        return
    import torch
    from study_contenders import torch_seed

    torch.set_num_threads(1)  # so small a problem is fastest on one
    taken = [torch_seed(w, x, labels, 8.0, step, int(200 / c_eta)) for w in weights]
    theirs = np.array([steps for steps, _, _ in taken])
    mine = ours["steps"][:seeds]
    stalled = ours["stalled"][:seeds]
    # the same descent: in float64 both take the same number of steps, and ours in float32 is up to a few off
    assert np.all(np.abs(theirs - mine)[~stalled] <= 32), (theirs, mine)
    torch_rate = seeds / sum(seconds for _, _, seconds in taken)
    print(
        f"k = {k:>3}: {rate:>9,.0f} seeds a second (min-max of five blocks of {block}: {block / max(rounds):,.0f}-"
        f"{block / min(rounds):,.0f}); PyTorch loop {torch_rate:.3g} (the mean of {seeds} seeds, {theirs.mean():,.0f} steps "
        f"each); {rate / torch_rate:,.0f}x"
    )


def have_torch() -> bool:
    import importlib.util

    return importlib.util.find_spec("torch") is not None


def workers() -> None:
    """A trial that keeps one core busy, in this process, in one worker, in two."""
    from study_contenders import burn

    from zeroloss.studies import Experiment, Grid, Origin, Study, run

    study = Study(
        "busy", "?", [Experiment("e", "?", burn, {"smoke": Grid({"n": list(range(60))}, seeds=10)}, block=10)]
    )
    text = f"import sys; sys.path.insert(0, {str(HERE)!r})\n" + (
        "from study_contenders import burn\nfrom zeroloss.studies import Experiment, Grid, Study\n"
        "STUDY = Study('busy', '?', [Experiment('e', '?', burn, {'smoke': Grid({'n': list(range(60))}, seeds=10)}, block=10)])\n"
    )
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "busy.py"
        path.write_text(text)
        origin = Origin("busy", "", str(path), text)
        for name, count in (("this process", 1), ("two workers", 2)):
            began = time.perf_counter()
            run(study, "smoke", store=f"{folder}/{count}.sqlite", processes=count, origin=origin)
            found[name] = time.perf_counter() - began
    ratio = found["this process"] / found["two workers"]
    print(
        ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found.items())
        + f": {ratio:.2f}x, starting them included"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4)
    seeds = parser.parse_args().seeds
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    for block in (1, 10, 100):
        print(f"engine, {TRIALS:,} trials in blocks of {block}: {engine(block):.3f} ms a trial")
    print(f"a finished study of {TRIALS:,} trials is seen to be finished in {resume():.2f} s")
    xor(2, 2000, seeds)
    xor(120, 200, min(seeds, 2))
    workers()


if __name__ == "__main__":
    main()
