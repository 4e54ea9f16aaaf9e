"""One contender in a process of its own: reads commands, a line of JSON each, and answers each with a line of JSON.

`load FOLDER NAME` makes the contender for the problem in the folder; `first` calls it (compilation included); `save FILE`
writes its kernel; `run SECONDS` times calls for about so long; `passes SECONDS` times one forward and backward pass;
`memory` says how far one warm call raises the resident set. `spectrum IMAGES` and `eigenvalues N` are the work of
`kernel_spectrum.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys
import time
from pathlib import Path

LONG = 20.0
"""Seconds of a first call from which on nothing is tried twice."""


def peak_increase(call) -> tuple[float, object]:
    """What `call` returns, after the bytes by which the largest resident set during `call` exceeds the one before it.

    Linux resets its mark of the largest resident set on request. Elsewhere it is the mark of the whole process, which a
    call that needs less than an earlier one does not raise: then 0.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    status = Path("/proc/self/status")
    try:
        Path("/proc/self/clear_refs").write_text("5")
        before = _field(status, "VmRSS")
        result = call()
        return _field(status, "VmHWM") - before, result
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        result = call()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit, result


def _field(status: Path, name: str) -> float:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name + ":"))
    return float(line.split()[1]) * 1024


class Worker:
    def load(self, folder: str, name: str) -> dict:
        import numpy as np
        from kernel_contenders import CONTENDERS
        from kernel_problems import Problem

        problem = Problem(**json.loads((Path(folder) / "problem.json").read_text()))
        with np.load(Path(folder) / "arrays.npz") as arrays:
            weights = {key[2:]: arrays[key] for key in arrays.files if key.startswith("w:")}
            self.contender = CONTENDERS[name](problem, weights, arrays["x"])
        return {}

    def first(self) -> dict:
        began = time.perf_counter()
        self.kernel = self.contender()
        took = time.perf_counter() - began
        choose = getattr(self.contender, "choose", None) if took < LONG else None
        return {"seconds": took, "threads": choose() if choose else None}

    def save(self, file: str) -> dict:
        import numpy as np

        np.save(file, self.kernel)
        del self.kernel
        return {}

    def run(self, budget: str) -> dict:
        return {"seconds": _times(self.contender, float(budget))}

    def passes(self, budget: str) -> dict:
        self.contender.passes()
        return {"seconds": _times(self.contender.passes, float(budget))}

    def memory(self) -> dict:
        return {"bytes": peak_increase(self.contender)[0]}

    def spectrum(self, images: str) -> dict:
        from kernel_spectrum import spectrum

        return spectrum(images)

    def eigenvalues(self, n: str) -> dict:
        from kernel_spectrum import eigenvalues

        return eigenvalues(int(n))


def _times(call, budget: float) -> list[float]:
    times: list[float] = []
    while not times or sum(times) + times[-1] < budget:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes to the errors
    worker = Worker()
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        try:
            answer = getattr(worker, command)(*arguments)
        except Exception as error:  # a contender that fails is a result, too
            text = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {text[:300]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
