"""Which studies there are: the papers', by name, and the user's own, from a file or a module.

Another process finds a study by its `Origin`, which for a file carries the text, so that a worker elsewhere needs no
copy of it. A file is run as a module of its own name and may hold several studies if one is called `STUDY`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zeroloss.plumbing import InputError
from zeroloss.studies.study import Study

PAPERS = (
    "brutzkus_globerson_xor",
    "guan_failing_optima",
    "kohler_krzyzak_squasher",
    "kawaguchi_huang_size",
    "double_descent",
    "terjek_gonzalez_sanchez_width",
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a study comes from: a module and a name in it, and for a file its path and text."""

    module: str
    name: str = ""
    path: str = ""
    text: str = ""

    def study(self) -> Study:
        """The study, loaded once a process."""
        return _loaded(self)


def find_study(name: str) -> tuple[Study, Origin]:
    """The study called `name`: one of the papers', a `.py` file, or `package.module:NAME`.

    Raises:
        InputError: there is none, or the file cannot be run.
    """
    if name in PAPERS:
        origin = Origin(f"zeroloss.studies.{name}", "STUDY")
    elif name.endswith(".py"):
        path = Path(name)
        if not path.is_file():
            raise InputError(f"there is no file {name}; name a study's file, or one of {', '.join(PAPERS)}.")
        origin = Origin(path.stem, "", str(path.resolve()), path.read_text(encoding="utf-8"))
    elif ":" in name:
        module, _, attribute = name.partition(":")
        origin = Origin(module, attribute)
    else:
        raise InputError(
            f"there is no study {name!r}; choose {', '.join(PAPERS)}, a .py file of yours, or package.module:NAME."
        )
    return origin.study(), origin


OWN = "zeroloss_study_"
"""What the names of modules begin with that were made of a file's text: no other process can import them."""
_READ: list[str] = []
"""The files and modules that are being read for their studies, the innermost last."""


@contextlib.contextmanager
def _reading(what: str) -> Iterator[None]:
    _READ.append(what)
    try:
        yield
    finally:
        _READ.pop()


def refuse_while_read() -> None:
    """InputError where a file that is only read for its study, by a command or a worker process, starts to run one."""
    if _READ:
        raise InputError(
            f"{_READ[-1]} runs a study as soon as it is read, and commands and worker processes read it; put the lines that run "
            "something under if __name__ == '__main__':."
        )


def origin_of(study: Study) -> Origin:
    """Where other processes find a study that this program made: its file, or the module it is a name of.

    Raises:
        InputError: it was made in a notebook, typed in or read from standard input, or inside a function; or its file runs a
            study as soon as it is read.
    """
    made_in = [str(getattr(experiment.trial, "__module__", "")) for experiment in study.experiments]
    for name in dict.fromkeys([*made_in, "__main__", *sys.modules]):
        module = sys.modules.get(name)
        names = (
            [key for key, value in vars(module).items() if value is study]
            if isinstance(module, types.ModuleType)
            else []
        )
        if not names:
            continue
        if name != "__main__" and not name.startswith(OWN):
            return Origin(name, names[0])
        path = Path(getattr(module, "__file__", None) or "")
        if path.is_file() and path.suffix == ".py":
            origin = Origin(path.stem, names[0], str(path.resolve()), path.read_text(encoding="utf-8"))
            origin.study()  # as a worker process will
            return origin
    raise InputError(
        f"other processes cannot find the study {study.name}: it was made in a notebook, at a prompt or inside a function; put it "
        "into a file of its own, at the top level, and name that, or leave processes out."
    )


@functools.cache
def _loaded(origin: Origin) -> Study:
    module = _from_text(origin) if origin.path else _imported(origin.module)
    if origin.name:
        found = getattr(module, origin.name, None)
        if not isinstance(found, Study):
            raise InputError(f"{origin.module} has no study {origin.name}; name a zeroloss.studies.Study in it.")
        return found
    studies = {name: value for name, value in vars(module).items() if isinstance(value, Study)}
    if "STUDY" in studies or len(studies) == 1:
        return studies.get("STUDY") or next(iter(studies.values()))
    raise InputError(
        f"{origin.path} holds {len(studies)} studies; make one zeroloss.studies.Study and call it STUDY."
        if studies
        else f"{origin.path} holds no study; make a zeroloss.studies.Study and call it STUDY."
    )


def _imported(name: str) -> Any:
    sys.path.insert(0, "")
    try:
        with _reading(name):
            return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"the module {name} cannot be imported: {error}; name one that Python finds from here."
        ) from error
    finally:
        sys.path.remove("")


def _from_text(origin: Origin) -> Any:
    """The file as a module, under a name that no other file has; its folder is on the path, as for a script."""
    name = f"{OWN}{origin.module}_{hashlib.sha256(origin.text.encode()).hexdigest()[:8]}"
    module = types.ModuleType(name)
    module.__file__ = origin.path
    sys.modules[name] = module
    folder = str(Path(origin.path).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        with _reading(origin.path):
            exec(compile(origin.text, origin.path, "exec"), module.__dict__)
    except InputError:
        raise
    except Exception as error:
        del sys.modules[name]
        line = _line(error, origin.path)
        raise InputError(
            f"{origin.path}{line} fails: {type(error).__name__}: {error}; mend it, then run again."
        ) from error
    return module


def _line(error: BaseException, path: str) -> str:
    if isinstance(error, SyntaxError):
        return f", line {error.lineno},"
    trace, line = error.__traceback__, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", line {line}," if line else ""
