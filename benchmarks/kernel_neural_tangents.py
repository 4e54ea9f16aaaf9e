"""An environment for neural-tangents 0.6.5, the last release, which does not import on the JAX of today."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "build" / "neural-tangents"
PACKAGES = ("jax==0.4.26", "jaxlib==0.4.26", "numpy<2", "scipy<1.13", "neural-tangents==0.6.5")
PYTHONS = ((3, 9), (3, 12))
"""The first and the last Python that jaxlib 0.4.26 was built for."""


def environment(folder: Path = FOLDER) -> Path | None:
    """The Python of the environment, which is built if it is not there; None, and a line that says why, if it cannot be."""
    python = folder / "bin" / "python"
    if python.exists():
        return python
    base = _base()
    if base is None:
        first, last = (".".join(map(str, version)) for version in PYTHONS)
        print(f"neural-tangents: not run, it needs a Python from {first} to {last}.")
        return None
    print(f"neural-tangents: building its environment in {folder}", flush=True)
    try:
        subprocess.run([base, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True, timeout=900)
    except (subprocess.SubprocessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"neural-tangents: not run, its environment could not be built ({error}).")
        return None
    return python


def _base() -> str | None:
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return sys.executable
    names = (f"python3.{minor}" for minor in range(PYTHONS[1][1], PYTHONS[0][1] - 1, -1))
    return next((path for path in map(shutil.which, names) if path), None)
