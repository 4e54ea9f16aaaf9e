"""Which studies there are: the papers', by name, and the user's own, from a file or a module.

Another process finds a study by its `Origin`, which for a file carries the text, so that a worker elsewhere needs no
copy of it. A file is run as a module of its own name and may hold several studies if one is called `STUDY`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import sys
import types
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
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"the module {name} cannot be imported: {error}; name one that Python finds from here."
        ) from error
    finally:
        sys.path.remove("")


def _from_text(origin: Origin) -> Any:
    """The file as a module, under a name that no other file has; its folder is on the path, as for a script."""
    name = f"zeroloss_study_{origin.module}_{hashlib.sha256(origin.text.encode()).hexdigest()[:8]}"
    module = types.ModuleType(name)
    module.__file__ = origin.path
    sys.modules[name] = module
    folder = str(Path(origin.path).parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
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
