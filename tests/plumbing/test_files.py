"""Files are written whole or not at all."""

import os
import stat

import pytest

from zeroloss.plumbing import InputError, write_whole
from zeroloss.plumbing import files as module


@pytest.mark.parametrize("content", ["text with ü", b"\x00\xff", "", b""])
def test_content_arrives(tmp_path, content):
    path = write_whole(tmp_path / "a", content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(tmp_path) == ["a"]


def test_nothing_is_overwritten_unless_forced(tmp_path):
    path = write_whole(str(tmp_path / "a"), "first")
    with pytest.raises(InputError, match="exists; choose another --out, or --force"):
        write_whole(path, "second")
    assert path.read_text() == "first"
    write_whole(path, "second", force=True)
    assert path.read_text() == "second"
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "a"

    def fsync(handle):
        path.write_text("somebody else's")

    monkeypatch.setattr(module.os, "fsync", fsync)
    with pytest.raises(InputError, match="exists"):
        write_whole(path, "ours")
    assert path.read_text() == "somebody else's"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("call", ["fsync", "chmod"])
def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch, force, call):
    path = tmp_path / "a"
    if force:
        path.write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, call, full)
    with pytest.raises(InputError, match="cannot be written: No space left"):
        write_whole(path, "new", force=force)
    assert os.listdir(tmp_path) == (["a"] if force else [])
    assert not force or path.read_text() == "old"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_no_half_file(tmp_path, monkeypatch, stop):
    def interrupt(handle):
        raise stop

    monkeypatch.setattr(module.os, "fsync", interrupt)
    with pytest.raises(stop):
        write_whole(tmp_path / "a", "new")
    assert os.listdir(tmp_path) == []


def test_a_reader_never_sees_half_a_file(tmp_path, monkeypatch):
    path = write_whole(tmp_path / "a", "old")
    seen = []
    real = os.replace

    def replace(source, target):
        seen.append((path.read_text(), os.path.getsize(source)))
        real(source, target)

    monkeypatch.setattr(module.os, "replace", replace)
    write_whole(path, "x" * 100_000, force=True)
    assert seen == [("old", 100_000)]


@pytest.mark.parametrize("exists", [False, True])
def test_a_file_system_without_hard_links(tmp_path, monkeypatch, exists):
    path = tmp_path / "a"

    def link(source, target):
        if exists:
            path.write_text("somebody else's")
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(module.os, "link", link)
    if exists:
        with pytest.raises(InputError, match="exists"):
            write_whole(path, "ours")
        assert path.read_text() == "somebody else's"
    else:
        assert write_whole(path, "ours").read_text() == "ours"
    assert os.listdir(tmp_path) == ["a"]


def test_missing_folder_and_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(InputError, match="does not exist; make it first"):
        write_whole(tmp_path / "no" / "a", "x")
    with pytest.raises(InputError, match="is a folder; name a file in it"):
        write_whole(tmp_path, "x", force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        write_whole(tmp_path / "file" / "a", "x")
    assert "\n" not in str(caught.value)


def test_permissions_are_those_of_any_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    written = write_whole(tmp_path / "a", "x")
    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
