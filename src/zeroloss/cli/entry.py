"""`main`: runs the command line, and turns errors into one line and an exit code.

Exit codes: 0 done, whatever the verdicts; 2 bad input, one line on standard error and nothing written; 130
interrupted, with the work so far saved. Heavy libraries are imported inside the commands, so that `--help` is quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import typer

from zeroloss.cli import auditing, commands, making, reporting, study, theorems  # noqa: F401  (registers the commands)
from zeroloss.cli.app import app
from zeroloss.cli.numbers import strict
from zeroloss.plumbing import InputError

# Typer may bring its own copy of click; its errors are found through the ones it exports.
_ClickException: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
_UsageError: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")


def main() -> None:
    """Run the command line."""
    _remember_compilations()
    command = typer.main.get_command(app)
    strict(command)
    try:
        code = command.main(standalone_mode=False)
    except InputError as error:
        _fail(str(error))
    except typer.Abort:
        sys.exit(130)
    except _ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message())
            sys.exit(2)
        usage = " (see --help)" if isinstance(error, _UsageError) else ""
        _fail(f"{error.format_message()}{usage}")
    except MemoryError:
        _fail("the machine's memory does not suffice; take fewer examples (--n-train) or a narrower network (--width).")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def _remember_compilations() -> None:
    """Let JAX keep its compiled programs between runs, in the user's cache folder (a choice of the command line, not of the
    library)."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and "jax" not in sys.modules:
        from platformdirs import user_cache_dir

        os.environ["JAX_COMPILATION_CACHE_DIR"] = os.path.join(user_cache_dir("zeroloss"), "compiled")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
        # Another command may be writing the same entry; JAX then compiles it again, and that is all.
        warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")


def _fail(message: str) -> None:
    print(f"zeroloss: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
