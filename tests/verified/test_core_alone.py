"""What PROVED rests on runs where JAX, Equinox and matfree are not installed, and nothing else can make a bound."""

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.verified.bound import Lower, Upper
from zeroloss.verified.eigenvalues import smallest_eigenvalue

BLOCKED = ("jax", "jaxlib", "equinox", "matfree", "optax", "sklearn", "pandas", "torch")
ALONE = f"""
import sys
for name in {BLOCKED!r}:
    sys.modules[name] = None  # importing it fails
import numpy as np
"""
CHECK = """
from zeroloss.prove import check_certificate, load_certificate
data = np.load(sys.argv[2])
print(check_certificate(load_certificate(sys.argv[1]), (data["x"], data["y"])).status)
"""
LINES = """
import zeroloss.verified.eigenvalues
files = [m.__file__ for name, m in sys.modules.items() if name.startswith("zeroloss") and getattr(m, "__file__", None)]
print(sum(len(open(f).readlines()) for f in files))
"""


def run(code: str, *arguments) -> str:
    done = subprocess.run([sys.executable, "-c", ALONE + code, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def proved(tmp_path_factory):
    """Certificates by both methods, and the data they are of."""
    folder = tmp_path_factory.mktemp("certificates")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 3)), rng.standard_normal((12, 1))
    net = zl.MLP(3, 1, width=40, depth=1, activation="tanh", key=0)
    np.savez(folder / "data.npz", x=x, y=y)
    for method in ("readout", "newton-kantorovich"):
        proof = zl.prove(net, (x, y), method="readout")  # polished: the residual is at rounding for either method
        proof = zl.prove(proof.network, (x, y), method=method)
        proof.certificate().save(folder / f"{method}.json")
    return folder


@pytest.mark.parametrize("method", ["readout", "newton-kantorovich"])
def test_a_certificate_is_checked_without_jax(proved, method):
    assert run(CHECK, proved / f"{method}.json", proved / "data.npz") == "PROVED"


def test_a_forged_certificate_is_not_accepted_without_jax(proved, tmp_path):
    text = json.loads((proved / "readout.json").read_text())
    text["radius"] /= 10
    (tmp_path / "forged.json").write_text(json.dumps(text))
    assert run(CHECK, tmp_path / "forged.json", proved / "data.npz") == "UNKNOWN"


def test_the_bound_on_an_eigenvalue_executes_few_lines():
    assert int(run(LINES)) < 2000


@pytest.mark.parametrize("kind", [Lower, Upper])
def test_a_bound_is_made_by_proofs_alone(kind):
    with pytest.raises(TypeError, match=r"zeroloss\.verified alone"):
        kind(3.0)


def test_what_is_computed_from_a_bound_is_none():
    found = smallest_eigenvalue(np.diag([2.0, 3.0]))
    assert type(found.lower) is Lower and type(found.upper) is Upper
    assert type(found.lower / 2) is float and type(-found.upper) is float
    assert type(pickle.loads(pickle.dumps(found.lower))) is float
    again = type(found).from_json(found.to_json())
    assert again == found and type(again.lower) is float
