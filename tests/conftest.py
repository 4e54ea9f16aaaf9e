"""What all tests share: compiled functions are kept between runs, and property tests say how hard they try."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).resolve().parent

# Set before anything imports JAX; processes that tests start inherit it. `pytest --cache-clear` empties it. One folder a process
# that runs tests: JAX does not write its entries whole, and another would read half of one.
if os.access(HERE.parent, os.W_OK):
    cache = HERE.parent / ".pytest_cache" / "d"
    inherited = str(cache / "jax-alone")  # from the process that started this one
    if os.environ.get("JAX_COMPILATION_CACHE_DIR", inherited) == inherited:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(cache / f"jax-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

# Test files of different folders may share a name (import mode importlib), so pytest puts no folder on the path;
# the helpers beside them, such as `audit_makers`, are found by these.
sys.path += [str(folder) for folder in sorted(HERE.iterdir()) if folder.is_dir()]

settings.register_profile("here", deadline=None, max_examples=30)
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True, scope="module")
def compiled_functions_go_with_their_module():
    """Thousands of compiled functions in one process exhaust its memory maps, and the compiler crashes."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    if "zeroloss.tangent.jaxpr.layerwise" in sys.modules:
        layerwise = sys.modules["zeroloss.tangent.jaxpr.layerwise"]
        layerwise._reader_cached.cache_clear()
        layerwise._plan_cached.cache_clear()
    gc.collect()
