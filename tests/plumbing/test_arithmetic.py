"""Proofs are refused in arithmetic that is not IEEE 754 double precision, and nothing is said to be wrong with this one."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import subprocess
import sys

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.networks import FeedForward
from zeroloss.plumbing import InputError, arithmetic, double

UP, DOWN, ZERO = 0x800, 0x400, 0xC00
"""The rounding modes of x86-64's `fenv.h`."""


@contextlib.contextmanager
def rounding(mode):
    import platform

    name = ctypes.util.find_library("m")
    if name is None or platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("the modes written here are those of x86-64")
    library = ctypes.CDLL(name)
    library.fesetround(mode)
    try:
        yield
    finally:
        library.fesetround(0)


@contextlib.contextmanager
def flushed():
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def contradictory():
    """Equal but for a subnormal number: two inputs, which flushing merges; and a network that fits them."""
    x = np.array([[0.0], [1e-310]])
    return x, np.array([[0.0], [1e-310]])


def linear():
    with double():
        return FeedForward([np.ones((1, 1))], [None], [])


def test_this_arithmetic_is_sound():
    assert arithmetic.departure() == ""
    arithmetic.require_ieee()


@pytest.mark.parametrize("mode", [UP, DOWN, ZERO])
def test_another_direction_of_rounding_is_noticed_everywhere(mode):
    with rounding(mode):
        found = [(place, look()) for place, look in (*arithmetic._HERE, *arithmetic._THREADS)]
    assert all("rounding" in words for place, words in found if place != "SciPy's LAPACK"), found


def test_flushing_is_noticed_everywhere():
    with flushed():
        found = [(place, look()) for place, look in (*arithmetic._HERE, *arithmetic._THREADS)]
    assert all("subnormal" in words for _, words in found), found
    assert arithmetic.departure() == ""


def test_no_proof_in_flushing_arithmetic():
    net, (x, y) = linear(), contradictory()
    proof = zl.prove(net, (x, y))
    again = zl.certify(net, (x, y))
    one = (np.ones((1, 1)), np.full((1, 1), 2.0))
    certificate = zl.prove(net, one).certificate()
    calls = [
        lambda: zl.minima.check_certificate(certificate, one),
        lambda: zl.prove(net, (x, y)),
        lambda: zl.certify(net, (x, y)),
        lambda: zl.tangent.smallest_eigenvalue(np.eye(2)),
        lambda: zl.tangent.largest_eigenvalue(np.eye(2)),
        lambda: zl.theorems.find_card("repeated-inputs").check(net, (x, y)),
        lambda: zl.data.infimum(zl.from_arrays(np.eye(2), np.eye(2)[:, 0])),
    ]
    with flushed():
        for call in calls:
            with pytest.raises(InputError, match=r"nothing can be proved.*subnormal.*set_flush_denormal\(False\)"):
                call()
    for call in calls:  # each call looks anew
        call()
    assert zl.prove(net, (x, y)).status == proof.status
    assert zl.certify(net, (x, y)).verdicts["exists"].status == again.verdicts["exists"].status


def test_equality_does_not_depend_on_flushing():
    """Rows are compared by their bits: 1e-310 is not 0, whatever the processor makes of it."""
    x = np.array([[0.0], [1e-310], [-0.0]])
    y = np.array([[1.0], [1.0], [1.0 + 2**-52]])
    with flushed():
        found = zl.data.groups(x)
        clashes = zl.data.contradictions(x, y)
        tiny = zl.data.contradictions(np.zeros((2, 1)), np.array([[0.0], [5e-324]]))
    assert found.count == 2
    assert found.index.tolist() == [0, 1, 0]
    assert clashes.tolist() == [0]
    assert tiny.tolist() == [0]


@pytest.mark.slow
def test_a_thread_of_blas_that_has_kept_the_mode_is_noticed():
    """Threads keep the mode of the thread that started them, even when that one has returned to the standard."""
    pytest.importorskip("torch")
    program = (
        "import os, torch; torch.set_flush_denormal(True); import numpy, scipy.linalg; a = numpy.ones((300, 300)); "
        "scipy.linalg.blas.dgemm(1.0, a, a); torch.set_flush_denormal(False); from zeroloss.plumbing import arithmetic; "
        "print(os.cpu_count(), arithmetic.departure())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    ).stdout
    if answer.split()[0] == "1":
        pytest.skip("one processor: BLAS has no other thread")
    assert "BLAS does without subnormal" in answer
