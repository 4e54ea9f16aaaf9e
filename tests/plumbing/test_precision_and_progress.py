"""Double precision in a scope, silence in a pipe, and an import that stays light."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from zeroloss.plumbing import InputError, Silent, double
from zeroloss.plumbing.precision import as_double
from zeroloss.plumbing.progress import Bar


def test_double_is_a_scope_and_not_a_flag():
    before = jax.config.jax_enable_x64
    with double():
        assert jnp.ones(2, jnp.float64).dtype == np.float64
        with double():
            pass
        assert (jnp.float64(1) + jnp.float64(2.0**-40)) != 1.0
    assert jax.config.jax_enable_x64 == before
    assert jnp.asarray(np.ones(2)).dtype == np.float32


def test_double_is_left_on_an_error():
    with pytest.raises(ZeroDivisionError), double():
        raise ZeroDivisionError
    assert jnp.asarray(np.ones(2)).dtype == np.float32


def test_as_double_keeps_exact_values_and_other_leaves():
    tree = {"w": jnp.asarray([0.1, 1e-30], jnp.float32), "n": jnp.arange(3), "name": "tanh"}
    with double():
        wide = as_double(tree)
    assert wide["w"].dtype == np.float64
    np.testing.assert_array_equal(np.asarray(wide["w"]), np.asarray(tree["w"]).astype(np.float64))
    assert wide["n"].dtype == tree["n"].dtype
    assert wide["name"] == "tanh"


def test_input_error_is_a_value_error():
    assert issubclass(InputError, ValueError)


@pytest.mark.parametrize("make", [Silent, Bar])
def test_progress_is_quiet_without_a_terminal(make, capsys):
    progress = make()
    progress.stage("one", "2 s")
    progress.update(0.5, "half")
    progress.close()
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal_shows_its_stage(monkeypatch):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    bar = Bar()
    for stage in ("first stage", "second stage"):
        bar.stage(stage, "2 s")
        bar.update(0.5, "half way")
        bar._live.refresh()
    bar.close()
    bar.close()
    assert "second stage" in screen.getvalue()
    assert "half way" in screen.getvalue()


def test_import_stays_light():
    heavy = ("jax", "scipy", "rich", "equinox")
    code = f"import sys, zeroloss.plumbing, zeroloss.verdict; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
