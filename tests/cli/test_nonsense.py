"""Every option of every command, found in the program itself: what means nothing is refused in one line that names the option."""

import functools
from pathlib import Path

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
