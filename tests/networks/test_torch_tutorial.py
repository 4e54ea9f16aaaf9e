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
    lines = dict(line.strip().split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    assert lines["polished"].strip().startswith("PROVED")
    after, before = lines["back in torch (torch.float64)"].split(", before")
    assert after.split()[-2] == before.split()[0]
