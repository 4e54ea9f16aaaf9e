"""Studies made for tests: what a trial gives is known, and each call leaves a line in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zeroloss.studies import Claim, Experiment, Grid, Study, judge, slope

FILE = '''
"""A study whose trials take a while and tell a file when they begin."""
import os, time
import numpy as np
from zeroloss.studies import Claim, Experiment, Grid, Study, judge, slope

LOG, SECONDS = {log!r}, {seconds!r}

def trial(parameters, keys):
    with open(LOG, "a") as stream:
        stream.write("".join(f"{{parameters['n']}} {{key}}\\n" for key in dict.fromkeys(keys.tolist())))
    {extra}
    time.sleep(SECONDS)
    draws = np.array([np.random.default_rng([key, parameters["n"]]).exponential() for key in keys])
    return {{"error": draws / parameters["n"], "path": np.stack([draws, draws + 1], axis=1), "zero": draws < 0}}

STUDY = Study(
    "waiting",
    "Does the error fall like one over n?",
    [Experiment("errors", "The error at each n.", trial, {{"smoke": Grid({{"n": {ns!r}}}, seeds={seeds})}}, block={block})],
    [Claim("slope", "The error falls like 1/n, the slope between -1.5 and -0.5.", ("errors",),
           lambda t: judge(slope(t["errors"].n, t["errors"].error), "the slope", at_least=-1.5, at_most=-0.5))],
)
'''


def study_file(folder: Path, *, seconds=0.0, ns=(1, 2, 4, 8), seeds=10, block=3, extra="pass") -> tuple[Path, Path]:
    """A study's file in `folder`, and the file its trials write to."""
    path, log = folder / "waiting.py", folder / "began.txt"
    log.touch()
    path.write_text(FILE.format(log=str(log), seconds=seconds, ns=list(ns), seeds=seeds, block=block, extra=extra))
    return path, log


def began(log: Path) -> list[tuple[int, int]]:
    """The (n, seed) of the trials that began, as often as they did."""
    return [tuple(int(word) for word in line.split()) for line in log.read_text().splitlines()]


def errors(parameters, keys):
    """One over n, give or take; exact where `noise` is 0."""
    draws = np.array([np.random.default_rng([int(key), parameters["n"]]).normal() for key in keys])
    return {"error": np.exp(0.1 * draws) / parameters["n"]}


def small_study(trial=errors, *, name="small", version=1, block=4, scales=None, **more) -> Study:
    """A study of one experiment."""
    scales = scales or {"smoke": Grid({"n": [1, 2, 4]}, seeds=10)}
    claim = Claim(
        "slope",
        "The error falls like 1/n, the slope between -1.2 and -0.8.",
        ("errors",),
        lambda t: judge(slope(t["errors"].n, t["errors"].error), "the slope", at_least=-1.2, at_most=-0.8),
    )
    experiment = Experiment("errors", "The error at each n.", trial, scales, version=version, block=block, **more)
    return Study(name, "Does the error fall like 1/n?", [experiment], [claim])
