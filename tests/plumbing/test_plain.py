"""JSON of others: read strictly, or one line."""

import json

import pytest

from zeroloss.plumbing import InputError, parse_json
from zeroloss.plumbing.plain import DEEPEST, depth, read_text


def test_plain_values_come_back():
    value = {"a": [1, 2.5, None, True, "größe"], "b": {"c": []}}
    assert parse_json(json.dumps(value), "it") == value


@pytest.mark.parametrize("deep", [DEEPEST + 1, 900, 5_000, 200_000])
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}")])
def test_deep_nesting_is_one_line(deep, pair):
    text = pair[0] * deep + "1" + pair[1] * deep
    with pytest.raises(InputError, match="nested deeper than") as caught:
        parse_json(text, "it")
    assert "\n" not in str(caught.value)


def test_the_depth_allowed_is_read():
    found = parse_json("[" * DEEPEST + "]" * DEEPEST, "it")
    assert depth(found) == DEEPEST


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "key 'a' twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "key 'a' twice"),
        ("[NaN]", "NaN"),
        ("-Infinity", "Infinity"),
        ("[1,]", "not plain JSON"),
        ("", "not plain JSON"),
        ("1" * 5_000, "not plain JSON"),
        ("\ufeff{}", "not plain JSON"),
    ],
)
def test_what_is_not_plain_is_one_line(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_json(text, "the file")
    assert str(caught.value).startswith("the file")
    assert "\n" not in str(caught.value)


def test_texts_of_files(tmp_path):
    (tmp_path / "a").write_text("größe", encoding="utf-8")
    (tmp_path / "b").write_bytes(b"\xff\xfe")
    assert read_text(tmp_path / "a") == "größe"
    with pytest.raises(InputError, match="no text"):
        read_text(tmp_path / "b")
    with pytest.raises(InputError, match="not a file"):
        read_text(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_text(tmp_path / "none")
