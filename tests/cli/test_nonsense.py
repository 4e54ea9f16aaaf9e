"""Every option of every command, found in the program itself: what means nothing is refused in one line that names the option."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from cli_checks import refused

from zeroloss.cli import app
from zeroloss.cli.numbers import strict
from zeroloss.plumbing import InputError

NOWHERE = "no-such-data.csv"
COUNTS = ("-1", "-7", "1.5", "nan", "inf", "1e30", str(2**70), "", " ", "many", "true")
REALS = ("-1", "nan", "inf", "-inf", "1e999", "", " ", "much", "1,5")
ZERO = {"--steps", "--tolerance", "--seed"}
"""Options for which 0 means something."""


@functools.cache
def program():
    command = typer.main.get_command(app)
    strict(command)
    return command


def commands(command=None, path=()):
    """(path, command) of every command that does something."""
    command = program() if command is None else command
    below = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, inner in below.items():
        yield from commands(inner, (*path, name))


def kind(param):
    """int, float, bool, str or Path, whichever version of Typer."""
    descriptor = getattr(param, "type_descriptor", None)
    if descriptor is not None:
        return descriptor.annotation
    name = param.type.name.partition(" ")[0]
    return {"integer": int, "float": float, "boolean": bool, "path": Path}.get(name, str)


def options(*kinds):
    """(command, option) of every option whose values are of one of `kinds`."""
    return [
        pytest.param(command, p, id=" ".join((*path, p.opts[0])))
        for path, command in commands()
        for p in command.params
        if p.param_type_name == "option" and kind(p) in kinds and not p.is_flag
    ]


def taken(command, param, value):
    """What the command would be given for this text."""
    context = command.make_context("it", [], resilient_parsing=True)
    return param.process_value(context, [value] if param.multiple else value)


def says_no(command, param, value):
    """The line about a value that is refused."""
    with pytest.raises((InputError, typer.BadParameter)) as caught:
        taken(command, param, value)
    line = caught.value.format_message() if hasattr(caught.value, "format_message") else str(caught.value)
    assert param.opts[0] in line
    assert "\n" not in line
    return line


def test_there_are_as_many_as_a_reader_sees():
    assert len(options(int)) > 20
    assert len(options(float)) > 8
    assert len(list(commands())) >= 15


@pytest.mark.parametrize(("command", "param"), options(int))
def test_no_count_takes_nonsense(command, param):
    for value in (*COUNTS, *(() if param.opts[0] in ZERO else ("0",))):
        says_no(command, param, value)
    assert taken(command, param, "3") == 3


@pytest.mark.parametrize(("command", "param"), options(float))
def test_no_number_takes_nonsense(command, param):
    for value in (*REALS, *(() if param.opts[0] in ZERO else ("0",))):
        says_no(command, param, value)
    assert taken(command, param, "0.3") == 0.3


@pytest.mark.parametrize(("command", "param"), options(str))
def test_no_text_is_empty(command, param):
    for value in ("", "  "):
        assert "is empty" in says_no(command, param, value)


def test_the_program_itself_is_as_strict(zeroloss):
    refused(zeroloss("certify", NOWHERE, "--depth=-1"), "--depth=-1", "whole number, from 1")
    refused(zeroloss("theorems", "atlas", "mnist-size", "--delta=nan"), "--delta", "finite")
    refused(zeroloss("theorems", "atlas", "mnist-size", "--delta=1"), "--delta", "below 1")
    refused(zeroloss("certify", ""), "DATA is empty")
    refused(zeroloss("certify", NOWHERE, "--depth=2"), NOWHERE)


WRONG = [
    (("certify", "d.npz", "--width=1_000"), "is not a number"),
    (("certify", "d.npz", "--width=1,,2"), "is not a number"),
    (("certify", "d.npz", "--width=1.5"), "is not a number"),
    (("certify", "d.npz", "--width=0"), "at least 1 unit"),
    (("certify", "d.npz", "--width=4,-1"), "at least 1 unit"),
    (("certify", "d.npz", "--width=99999999999999"), "give a whole number"),
    (("certify", "d.npz", "--width=1000000", "--depth=3"), "take a narrower one"),
    (("certify", "d.npz", "--activation=wrong"), "no activation"),
    (("certify", "d.npz", "--activation=prelu(nan)"), "no activation"),
    (("certify", "d.npz", "--parametrization=wrong"), "no parametrization"),
    (("descend", "d.npz", "--width=4", "--method=wrong"), "no method"),
    (("descend", "d.npz", "--width=4", "--loss=wrong"), "loss"),
    (("audit", "d.npz", "--model=m.npz", "--measures=,"), "--measures"),
    (("audit", "d.npz", "--model=m.npz", "--measures=margins,wrong"), "wrong"),
    (("audit", "d.npz", "--model=:x"), "fails: ValueError"),
    (("prove", "d.npz", "--model=..a:b"), "fails: TypeError"),
    (("prove", "d.npz", "--model=math:sqrt"), "sqrt() fails: TypeError"),
    (("prove", "d.npz", "--model=broken:make"), "ZeroDivisionError: division by zero (broken.py, line 2)"),
    (("prove", "d.npz", "--model=unfinished:make"), "SyntaxError"),
    (("theorems", "atlas", "mnist-size", "--targets=wrong"), "choose one of random, given"),
]


@pytest.mark.parametrize(("words", "line"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_choices_are_one_line(zeroloss, monkeypatch, words, line):
    from zeroloss.networks import MLP, save_network

    np.savez("d.npz", x=np.arange(12.0).reshape(6, 2), y=np.sqrt(np.arange(6.0)))
    save_network("m.npz", MLP(2, 1, 3, 1))
    Path("broken.py").write_text("def make():\n    return 1 / 0\n")
    Path("unfinished.py").write_text("def make(:\n")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    try:
        refused(zeroloss(*words), line)
    finally:
        for name in ("broken", "unfinished"):
            sys.modules.pop(name, None)
