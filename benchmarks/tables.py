"""Seconds to read a table: `zl.load_data` beside `pandas.read_csv` with its defaults, each in a process of its own.

`python benchmarks/tables.py` makes the files (200 MB of numbers, 20 MB with texts, each with and without quotation marks) in a
temporary folder and prints a table. pandas returns a frame; zeroloss also checks every cell and one-hot encodes texts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

READERS = {
    "pandas.read_csv": "import pandas as pd; read = pd.read_csv",
    "zeroloss": "import pandas, pyarrow.csv, pyarrow.compute\n"
    "from zeroloss.data.files import read_file\nread = lambda path: read_file(path, 'y')",
}
TIMED = """
import sys, time
from pathlib import Path
{reader}
path = Path(sys.argv[1])
start = time.perf_counter()
read(path)
print(time.perf_counter() - start)
"""


def make(folder: Path, scale: float) -> list[Path]:
    """The tables, in `folder`; `scale` 1: of 200 and 20 MB."""
    import pandas as pd

    rng = np.random.default_rng(0)
    rows = int(200_000 * scale)
    numbers = pd.DataFrame(rng.standard_normal((rows, 54)), columns=[f"c{k}" for k in range(54)])
    numbers["y"] = rng.integers(0, 3, rows)
    rows = int(400_000 * scale)
    words = np.array(["red", "green", "blue", "grey sky"])
    texts = pd.DataFrame({name: words[rng.integers(0, 4, rows)] for name in "abc"})
    texts = texts.assign(
        d=rng.standard_normal(rows).round(4), e=rng.integers(0, 1000, rows), f=rng.standard_normal(rows)
    )
    texts["y"] = rng.integers(0, 2, rows)
    found = []
    for name, frame, quoting in (("numbers", numbers, 0), ("texts", texts, 0), ("texts-quoted", texts, 2)):
        found.append(folder / f"{name}.csv")
        frame.to_csv(found[-1], index=False, quoting=quoting)
    header, rest = found[0].read_text().split("\n", 1)
    found.insert(1, folder / "numbers-header-quoted.csv")
    found[1].write_text(",".join(f'"{name}"' for name in header.split(",")) + "\n" + rest)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    scale = parser.parse_args().scale
    print(f"{'table':<24} {'MB':>6} {'reader':<16} {'s':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for path in make(Path(folder), scale):
            for name, reader in READERS.items():
                command = [sys.executable, "-c", TIMED.format(reader=reader), str(path)]
                seconds = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                size = path.stat().st_size / 1e6
                print(f"{path.stem:<24} {size:>6.0f} {name:<16} {float(seconds):>7.2f}", flush=True)


if __name__ == "__main__":
    main()
