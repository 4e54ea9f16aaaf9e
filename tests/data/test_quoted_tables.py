"""Tables with quotation marks are read by Arrow where that says the same as the strict reader, and by the strict reader elsewhere."""

import csv
import random

import numpy as np
import pytest

from zeroloss.data import delimited
from zeroloss.data.arrow_text import plainly_quoted
from zeroloss.data.columns import _any, _is_padded
from zeroloss.data.files import read_file
from zeroloss.plumbing import InputError

CELLS = ["red", "grey sky", "", "1.5", "-2", "a;b", "NA", "x y z", "é", "007"]
ODD = ['say ""hi""', "a,b", "two\nlines", '5"" pipe', " padded "]


def strictly(text, path):
    rows = delimited._quoted(text, ",", path)
    delimited._check_widths([len(row) for row in rows], path)
    return rows[0], [list(column) for column in zip(*rows[1:], strict=True)]


def lines(rng, cells, quoted, rows=40, width=3):
    """A table in which each cell is quoted or not as `quoted` says (some cells can only be written quoted)."""

    def write(cell):
        must = any(mark in cell for mark in ',"\n')
        return f'"{cell}"' if must or quoted(rng) else cell

    head = ",".join(f'"c{k}"' for k in range(width))
    body = [",".join(write(rng.choice(cells)) for _ in range(width)) for _ in range(rows)]
    return "\n".join([head, *body]) + "\n"


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("cells", [CELLS, CELLS + ODD[:2], CELLS + ODD], ids=["plain", "separators", "odd"])
def test_what_arrow_reads_is_what_the_strict_reader_reads(seed, cells, tmp_path):
    rng = random.Random(seed)
    share = rng.choice([0.0, 0.5, 1.0])
    text = lines(rng, cells, lambda r: r.random() < share)
    found = plainly_quoted(text, ",")
    if found is not None:
        first, columns = strictly(text, tmp_path)
        assert found[0] == first and [c.to_pylist() for c in found[1]] == columns
    else:
        assert cells is not CELLS


def test_rows_of_other_lengths_are_named(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"a","y"\n1,2\n3,4,5\n6,7\n')
    with pytest.raises(InputError, match=r"row 1 .* has 3 cells"):
        read_file(path, "y")


def test_a_quotation_that_is_not_closed_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"a","y"\n1,"2\n3,4\n5,6\n')
    with pytest.raises(InputError, match="rules of quotations"):
        read_file(path, "y")


def test_a_quoted_table_is_the_table(tmp_path):
    rng = np.random.default_rng(0)
    header, words = ["a", "b", "y"], ["red", "grey sky", "blue"]
    rows = [
        [f"{v:.6g}", words[k], str(k)] for v, k in zip(rng.standard_normal(50), rng.integers(0, 3, 50), strict=True)
    ]
    found = []
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC):
        path = tmp_path / f"{quoting}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file, quoting=quoting, lineterminator="\n")
            writer.writerows([header, *rows])
        found.append(read_file(path, "y"))
    for other in found[1:]:
        assert np.array_equal(found[0].x, other.x) and np.array_equal(found[0].y, other.y)
        assert found[0].features == other.features == ("a", "b=blue", "b=grey sky", "b=red")


def test_zeros_before_numbers_are_found_as_by_the_pattern():
    import pyarrow as pa

    cells = ["0", "00", "01", "-0", "-01", "+01", "0.5", "-0.5", "1", "10", "", "-", "+", "0a", "é0", "a01", "--01"]
    for cell in cells:
        for column in (pa.array([cell], pa.large_string()), pa.array(["9", cell, "1"], pa.large_string()).slice(1)):
            assert _is_padded(column) == _any(column, r"^[+-]?0\d")
    assert not _is_padded(pa.array([], pa.large_string()))
