"""The tutorial runs, and says what it promises."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
SCRIPT = Path(__file__).parents[2] / "docs" / "tutorials" / "pytorch.py"


@pytest.mark.slow
def test_examined_polished_proved_and_back_with_its_accuracy():
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert done.returncode == 0, done.stderr
    proved = [line for line in done.stdout.splitlines() if line.startswith("PROVED: ")]
    given, polished = (float(line.split("within ")[1].split()[0]) for line in proved if "within" in line)
    assert polished < 1e-6 < given
    assert sum("classified correctly" in line for line in proved) == 2  # the fully connected one, and the convolutional
    (back,) = [line for line in done.stdout.splitlines() if "torch.float64" in line]
    after, before = back.split(", before")
    assert after.split()[2] == before.split()[0]
