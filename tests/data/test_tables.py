"""Tables as people write them: what is read, what is said of it, what is refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zeroloss.data import load_data
from zeroloss.data.files import read_file
from zeroloss.plumbing import InputError


def _read(folder, content, target="y", name="t.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path, target)


def _column(folder, cells):
    """The column `c` of a table, beside a feature and a target that are plain."""
    rows = "".join(f'{k * k},"{cell}",{k % 2}\n' for k, cell in enumerate(cells))
    return _read(folder, "a,c,y\n" + rows)


X = [[1.5, -2.25], [2.5, 3.0]]
DIALECTS = {
    "commas": ("a,b,y\n1.5,-2.25,0\n2.5,3,1\n", ""),
    "semicolons and decimal commas": (
        "a;b;y\n1,5;-2,25;0\n2,5;3;1\n",
        "separated by semicolons; decimal commas in a, b",
    ),
    "semicolons and decimal points": ("a;b;y\n1.5;-2.25;0\n2.5;3;1\n", "separated by semicolons"),
    "tabs": ("a\tb\ty\n1.5\t-2.25\t0\n2.5\t3\t1\n", "separated by tabs"),
    "bars": ("a|b|y\n1.5|-2.25|0\n2.5|3|1\n", "separated by bars"),
    "spaces": ("  a   b y\n 1.5 -2.25  0\n 2.5 3  1\n", "separated by spaces"),
    "spaces after commas": ("a, b, y\n1.5, -2.25, 0\n2.5, 3, 1\n", ""),
    "spaces before quotations": ('"a", "b", "y"\n1.5, "-2.25", 0\n2.5, "3", 1\n', ""),
    "decimal commas in quotations": ('a,b,y\n"1,5","-2,25",0\n"2,5",3,1\n', "decimal commas in a, b"),
    "a byte-order mark": ("\ufeffa,b,y\n1.5,-2.25,0\n2.5,3,1\n", ""),
    "UTF-16": ("a,b,y\n1.5,-2.25,0\n2.5,3,1\n".encode("utf-16"), "decoded from UTF-16"),
    "lines of Windows": ("a,b,y\r\n1.5,-2.25,0\r\n2.5,3,1\r\n", ""),
    "lines of old Macs": ("a,b,y\r1.5,-2.25,0\r2.5,3,1", ""),
    "blank lines": ("\n\na,b,y\n\n1.5,-2.25,0\n   \n2.5,3,1\n\n", ""),
    "comments": ("# made on Monday\n# by hand\na,b,y\n1.5,-2.25,0\n2.5,3,1\n", "2 comment lines left out"),
    "a header as numpy.savetxt writes it": ("# a,b,y\n1.5,-2.25,0\n2.5,3,1\n", ""),
    "a separator declared": ("sep=;\na;b;y\n1,5;-2,25;0\n2,5;3;1\n", "semicolons"),
    "separators at the ends": ("a,b,y\n1.5,-2.25,0,\n2.5,3,1,\n", "empty column"),
    "separators at all ends": ("a,b,y,\n1.5,-2.25,0,\n2.5,3,1,\n", "empty, left out"),
    "row numbers of pandas": (",a,b,y\n0,1.5,-2.25,0\n1,2.5,3,1\n", "column 0, without name, left out"),
    "row numbers read before": ("Unnamed: 0,a,b,y\n7,1.5,-2.25,0\n3,2.5,3,1\n", "column 0, without name, left out"),
    "row numbers of R": ('"a","b","y"\n"1",1.5,-2.25,0\n"2",2.5,3,1\n', "column 0, without name, left out"),
    "row names": (",a,b,y\nford,1.5,-2.25,0\nvw,2.5,3,1\n", "it numbers or names the rows"),
    "signs and exponents": ("a,b,y\n+15e-1,-22.5E-1,0\n2.5,3.,1\n", ""),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_are_found_and_said(dialect, tmp_path):
    content, said = DIALECTS[dialect]
    raw = _read(tmp_path, content)
    assert raw.features == ("a", "b")
    assert np.asarray(raw.x).tolist() == X
    assert list(raw.y) == [0, 1]
    start = "t.csv, target column 'y'"
    assert said in raw.source
    assert raw.source.startswith(start) and (said or raw.source == start)


def test_packed_tables_and_other_endings(tmp_path):
    text = b"a\tb\ty\n1.5\t-2.25\t0\n2.5\t3\t1\n"
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("inside.csv", text)
    packed = {
        "t.CSV": text,
        "t.tsv": text,
        "t.txt": text,
        "t.csv.gz": gzip.compress(text),
        "t.tsv.bz2": bz2.compress(text),
    }
    packed |= {"t.csv.xz": lzma.compress(text), "t.csv.zip": (tmp_path / "z").read_bytes()}
    for name, content in packed.items():
        raw = _read(tmp_path, content, name=name)
        assert (raw.name, np.asarray(raw.x).tolist()) == ("t", X)
        assert name in raw.source
    for name, content in packed.items():
        if name.count(".") == 2:
            with pytest.raises(InputError, match="cannot be read as"):
                _read(tmp_path, content[: len(content) - 9], name=name)
    with zipfile.ZipFile(tmp_path / "z", "a") as archive:
        archive.writestr("another.csv", text)
    with pytest.raises(InputError, match="2 files"):
        _read(tmp_path, (tmp_path / "z").read_bytes(), name="t.csv.zip")
    with pytest.raises(InputError, match=r"ends in \.gz"):
        _read(tmp_path, gzip.compress(text), name="t.parquet.gz")


def test_names_beyond_ascii(tmp_path):
    text = "länge,farbe,y\n1,grün,0\n2,weiß,1\n3,grün,1\n"
    for coding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        raw = _read(tmp_path, text.encode(coding))
        assert raw.features == ("länge", "farbe=grün", "farbe=weiß")
        assert ("Windows-1252" in raw.source) == (coding == "cp1252")


REFUSED = {
    "a point or thousands": ("a;b;y\n1.234;1;0\n2.345;2;1\n", "1.234' in row 0, where the point could be"),
    "a point among decimal commas": ("a;b;y\n1.234;1,5;0\n2.345;2;1\n", "the point could be"),
    "a comma or thousands": ('a,b,y\n"1,234",1,0\n"2,345",2,1\n', "1,234' in row 0, where the comma could be"),
    "short row": ("a,b,y\n1,2,0\n3,4\n5,6,1\n", "row 1 .* 2 cells and the header 3"),
    "long row": ("a,b,y\n1,2,0\n3,4,1,7\n5,6,1\n", "row 1 .* 4 cells and the header 3"),
    "a comment among the rows": ("a,b,y\n1,2,0\n# nothing\n3,4,1\n", "row 1 .* 1 cells"),
    "a quotation without end": ('a,t,y\n1,"x,0\n2,x,1\n', "rules of quotations"),
    "a quotation that ends early": ('a,y\n"1"2,0\n2,1\n', "line 2 breaks the rules of quotations"),
    "NUL": ("a,y\n1\0,0\n2,1\n", "NUL"),
    "two columns of one name": ("b,b,y\n1,2,0\n3,4,1\n", "same name, 'b'"),
    "a column of numbers without name": (",a,y\n0.5,1,0\n1.5,2,1\n", "column 0 of .* has no name"),
    "rows without a header": ("5.1,3.5,setosa\n4.9,3.0,setosa\n4.7,3.2,virginica\n", "as rows of data do"),
    "texts that differ in spaces": ('a,t,y\n1,"x",0\n2," x",1\n3,z,1\n', "differ in spaces alone"),
    "nothing but a quotation": ('""\n', "no rows"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(case, tmp_path):
    content, message = REFUSED[case]
    target = "setosa" if "setosa" in content else "y"
    with pytest.raises(InputError, match=message) as caught:
        _read(tmp_path, content, target)
    assert "\n" not in str(caught.value)


def test_the_targets_name_tells_separators_apart(tmp_path):
    raw = _read(tmp_path, "a,b;c,y\n1,x;3,0\n4,z;6,1\n4,x;3,1\n")
    assert raw.features == ("a", "b;c=x;3", "b;c=z;6")
    raw = _read(tmp_path, "a;b,c;y\n1;2,5;0\n3;4,5;1\n")
    assert raw.features == ("a", "b,c")


NUMBERS = {
    "exponents": (["1e5", "1E-3", "+2.5e+3"], [1e5, 1e-3, 2.5e3]),
    "one number written in three ways": (["0.1", "0.10", "1e-1"], [0.1, 0.1, 0.1]),
    "beyond 2^53 and a float64": (["9007199254740994", "9007199254740992", "1e22"], [2**53 + 2, 2**53, 1e22]),
    "shortest digits of a float64": (["1.2345678901234567e+20", "0.1", "5e-324"], [1.2345678901234567e20, 0.1, 5e-324]),
    "correctly rounded": (
        ["0.30000000000000004", "2.2250738585072011e-308", "1"],
        [0.1 + 0.2, 2.2250738585072011e-308, 1],
    ),
    "thousands, proved": (["1,234,567", "2,345", "3"], [1234567, 2345, 3]),
    "thousands, by a decimal point": (["1,234.5", "2,345", "3"], [1234.5, 2345, 3]),
    "decimal commas, by a zero": (["0,123", "2,345", "3"], [0.123, 2.345, 3]),
    "decimal commas and thousands": (["1.234,5", "2.345", "3"], [1234.5, 2345, 3]),
    "zeros before": (["01234", "10234", "01235"], [1234, 10234, 1235]),
    "truth values": (["TRUE", "False", "true"], [1, 0, 1]),
    "minus zero": (["-0", "0.000000", "0e5"], [-0.0, 0, 0]),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers(case, tmp_path):
    cells, expected = NUMBERS[case]
    raw = _column(tmp_path, cells)
    assert raw.features == ("a", "c")
    assert np.asarray(raw.x)[:, 1].tobytes() == np.array(expected, np.float64).tobytes()
    for word in ("thousands", "decimal commas", "zeros before"):
        assert (word in raw.source) == (case.startswith(word))


NO_NUMBERS = {
    "question marks": (["1", "?", "2", "3"], r"1 missing values \(row 1, written '\?'\)"),
    "dashes": (["1", "2", "-", "-"], r"2 missing values \(rows 2, 3, written '-'\)"),
    "NA": (["1.5", "NA", "2", "3"], "written 'NA'"),
    "a truth value missing": (["TRUE", "NA", "FALSE"], "written 'NA'"),
    "a text missing": (["u", "", "v", "u"], r"1 missing values \(row 1\)"),
    "units": (["5 mm", "6 mm", "7 mm"], "rows 0, 1, 2 .*'5 mm'"),
    "units without a space": (["5kg", "6kg", "7"], "rows 0, 1 "),
    "per cent": (["5%", "6 %", "7"], "rows 0, 1 "),
    "currencies": (["$5", "6€", "£7.50"], "rows 0, 1, 2 "),
    "a single text": (["1", "2", "abc", "3"], r"row 2 \('abc'\)"),
    "hexadecimal": (["0x1F", "0x2A", "7"], "rows 0, 1 "),
    "spaces between thousands": (["1 000", "2 000", "7"], "rows 0, 1 "),
    "apostrophes between thousands": (["1'000", "2'000", "7"], "rows 0, 1 "),
    "points between thousands twice": (["1.000.000", "2.000", "7"], "no plain number"),
    "underscores": (["1_000", "5", "7"], "row 0 "),
    "a minus that is none": (["−5", "4", "7"], "row 0 "),
    "digits of another script": (["\u0663", "\u0664", "\u0665"], "rows 0, 1, 2 "),
    "quotations in quotations": (["'5'", "'6'", "'7'"], "rows 0, 1, 2 "),
    "accountants' minus": (["(5)", "6", "7"], "row 0 "),
    "Fortran's exponents": (["1d5", "2D5", "7"], "rows 0, 1 "),
    "fractions": (["1/2", "3/4", "1/2"], "rows 0, 1, 2 "),
    "codes with zeros": (["01", "1", "2"], "'01' and '1'"),
    "ISO dates": (["2024-01-05", "2024-02-01", "2024-02-01"], "dates or times"),
    "months": (["2024-01", "2024-02", "2024-02"], "dates or times"),
    "dates with slashes": (["01/02/2024", "5/6/24", "5/6/24"], "dates or times"),
    "dates with points": (["1.2.2024", "5.6.24", "5.6.24"], "dates or times"),
    "dates in words": (["Jan 5, 2024", "6 May 2023", "6 May 2023"], "dates or times"),
    "time stamps": (["2024-01-05T10:00:00Z", "2024-01-05 10:00", "2024-01-05 10:00"], "dates or times"),
    "times": (["12:30", "13:45:10", "1:02 pm"], "dates or times"),
    "infinite": (["1", "inf", "-Infinity"], "2 infinite"),
    "nothing but infinite": (["inf", "-inf", "inf"], "3 infinite"),
    "identifiers beyond 2^53": (["9007199254740993", "1", "2"], "9007199254740993 in row 0"),
    "nanoseconds": (["1732787940000000001", "1732787940000000002", "2"], "1732787940000000001 in row 0"),
    "beyond float64": (["1e400", "1", "2"], "1e400 in row 0"),
    "below float64": (["1", "1e-400", "2"], "1e-400 in row 1"),
    "more digits than float64 tells apart": (["0.1", "2", "0.1000000000000000000001"], "row 0 and .* in row 2"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_columns_that_are_no_plain_numbers_name_the_rows(case, tmp_path):
    cells, message = NO_NUMBERS[case]
    with pytest.raises(InputError, match=message) as caught:
        _column(tmp_path, cells)
    assert "\n" not in str(caught.value)
    rows = "".join(f'{k * k},"{cell}"\n' for k, cell in enumerate(cells))
    with pytest.raises(InputError, match=message):
        _read(tmp_path, "a,c\n" + rows, target="c")  # the same as a target


TEXTS = {
    "countries": (["NA", "DE", "FR"], "taken as texts in c: 'NA'"),
    "a class called None": (["None", "low", "None"], "taken as texts in c: 'None'"),
    "plus and minus": (["+", "-", "+"], "taken as texts in c: '-'"),
    "incomes": ([">50K", "<=50K", ">50K"], ""),
    "cabins": (["1st", "2nd", "1st"], ""),
    "ages": (["18-25", "26-30", "18-25"], ""),
    "names of months": (["Jan", "May", "Jan"], ""),
    "codes": (["1A", "2B", "1A"], ""),
    "sizes": (["S", "M", "S", "38"], "some texts in c look like numbers"),
    "quoted lines": (["u\nv", "w", "u\nv"], ""),
    "letters alike": (["é", "e\u0301", "é"], ""),
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_stay_texts(case, tmp_path):
    cells, said = TEXTS[case]
    cells = cells * 2
    raw = _column(tmp_path, cells)
    levels = sorted(set(cells))
    assert raw.features == ("a", *(f"c={level}" for level in levels))
    assert [levels[k] for k in np.asarray(raw.x)[:, 1:].argmax(axis=1)] == cells
    assert said in raw.source
    rows = "".join(f'{k * k},"{cell}"\n' for k, cell in enumerate(cells))
    assert list(_read(tmp_path, "a,c\n" + rows, target="c").y) == cells


def test_columns_that_give_the_target_away_are_named(tmp_path):
    text = "row,copy,again,z,y\n" + "".join(f"{k},{k % 2},{k * k},{k * k},{k % 2}\n" for k in range(6))
    source = _read(tmp_path, text).source
    assert all(said in source for said in ("row numbers the rows", "copy equals the target", "z equals again"))


def test_the_row_number_is_no_feature(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"noise": rng.standard_normal(120), "y": np.repeat([0, 1, 2], 40)})
    frame.to_csv(tmp_path / "t.csv")
    frame.index = rng.permutation(120)
    frame.to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        data = load_data(tmp_path / name, target="y")
        assert data.features == ("noise",)
        assert "left out" in data.source


def test_rows_of_a_file_keep_their_order_without_a_test_fraction(tmp_path):
    x = np.random.default_rng(0).standard_normal((20, 2))
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.arange(20) % 2}).to_csv(tmp_path / "t.csv", index=False)
    np.savez(tmp_path / "t.npz", x=x, y=np.arange(20) % 2)
    for name, target in (("t.csv", "y"), ("t.npz", None)):
        data = load_data(tmp_path / name, target=target, test_fraction=0.0, scaling="none")
        assert np.array_equal(data.x_train, x)
        some = load_data(tmp_path / name, target=target, test_fraction=0.0, scaling="none", n_train=9).x_train
        places = [int(np.flatnonzero((x == row).all(axis=1))[0]) for row in some]
        assert places == sorted(places) and len(places) == 9


def test_columns_of_parquet_without_a_reading(tmp_path):
    for column in ([[1, 2]] * 4, [{"a": 1}] * 4, [b"\xff", b"b", b"a", b"a"]):
        pq.write_table(pa.table({"c": pa.array(column), "y": [0, 1, 0, 1]}), tmp_path / "t.parquet")
        with pytest.raises(InputError, match="'c'"):
            read_file(tmp_path / "t.parquet", "y")
    pq.write_table(pa.table([[1, 2], [3, 4], [0, 1]], names=["a", "a", "y"]), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="same name"):
        read_file(tmp_path / "t.parquet", "y")
    pq.write_table(pa.table({"c": [b"u", b"v", b"u", b"v"], "y": [0, 1, 0, 1]}), tmp_path / "t.parquet")
    assert read_file(tmp_path / "t.parquet", "y").features == ("c=u", "c=v")


def test_a_price_in_decimals_is_regressed_on(tmp_path):
    from decimal import Decimal

    prices = [Decimal(k * k) / 4 for k in range(24)]
    pq.write_table(pa.table({"size": list(range(2, 26)), "price": prices}), tmp_path / "t.parquet")
    data = load_data(tmp_path / "t.parquet", target="price", test_fraction=0.0, scaling="none")
    assert data.task == "regression"
    assert data.y_train[:, 0].tolist() == [k * k / 4 for k in range(24)]
