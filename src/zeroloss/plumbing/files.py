"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from zeroloss.plumbing.errors import InputError


def check_free(path: str | os.PathLike, *, force: bool = False) -> Path:
    """`path`, if it may be written: nothing is there, or `force` allows replacing it.

    Raises:
        InputError: the file exists (and `force` is off), or its folder does not exist or is not a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file in it.")
    if path.exists() and not force:
        raise InputError(f"{path} exists; choose another --out, or --force to replace it.")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist; make it first, or choose another --out.")
    return path


def write_whole(path: str | os.PathLike, content: bytes | str, *, force: bool = False) -> Path:
    """Write `content` to `path` by way of a temporary file beside it, so that no reader ever sees half a file.

    Without `force` a file that appears meanwhile is kept as well: the last step is a hard link, which fails if
    the name is taken.
    """
    path = check_free(path, force=force)
    data = content.encode() if isinstance(content, str) else content
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())  # on the disk before the name points to it
        umask = os.umask(0)  # mkstemp's files are for their owner alone; a new file gets what the umask allows
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        if force:
            os.replace(temporary, path)
        else:
            _place(temporary, path)
    except FileExistsError as error:
        raise InputError(f"{path} exists; choose another --out, or --force to replace it.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
    return path


def _place(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        os.replace(temporary, path)
