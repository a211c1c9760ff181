"""Files by name: what is no regular file is refused at once, by everything that reads or writes one."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import numpy as np
import pytest

from graphinit import nn
from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.errors import FileError
from graphinit.storage.files import fair_size, file_name, open_regular_file, read_regular_file
from graphinit.trainer import Trainer


def network():
    net = nn.Dense(3, in_units=2)
    net.initialize("ones")
    return net


NET = network()
TRAINER = Trainer(NET.collect_params(), "adam")
READERS = [
    read_regular_file,
    NET.load_parameters,
    TRAINER.load_states,
    lambda path: load_checkpoint(path, NET),
]
WRITERS = [
    NET.save_parameters,
    lambda path: NET.save_parameters(path, format="npz"),
    TRAINER.save_states,
    lambda path: save_checkpoint(path, NET),
]


@pytest.mark.parametrize("use", [*READERS, *WRITERS])
@pytest.mark.parametrize(
    "path",
    [
        None,
        5,
        True,
        1.5,
        ["net"],
        {},
        object(),
        "",
        b"",
        "a\0b",
        b"a\0b",
        "a\ud800b",
        "x" * 5000,
        "x/" * 5000,
    ],
)
def test_what_is_no_name_is_refused(tmp_path, monkeypatch, use, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match="GI701"):
        use(path)
    assert not list(tmp_path.iterdir())


def special_files(folder):
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))
    return [
        folder / "pipe",
        folder / "folder",
        folder / "socket",
        folder / "loop",
        Path("/dev/null"),
        Path("/dev/zero"),
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_what_is_no_file_is_refused_and_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    paths = special_files(Path())
    (tmp_path / "link").symlink_to("pipe")
    kinds = [stat.S_IFMT(os.lstat(path).st_mode) for path in paths]
    names = sorted(os.listdir())
    for path in [*paths, Path("link")]:
        for use in [*READERS, *WRITERS]:
            with pytest.raises(FileError, match=f"{path}"):
                use(path)
    assert [stat.S_IFMT(os.lstat(path).st_mode) for path in paths] == kinds
    assert sorted(os.listdir()) == names


def test_names_are_escaped_in_messages(tmp_path):
    with pytest.raises(FileError) as caught:
        NET.load_parameters(tmp_path / "a\n::error::\x1b[2J\u202e")
    assert str(caught.value).count("\n") == 1
    assert r"a\n::error::\x1b[2J\u202e" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything")
def test_permissions_that_lack(tmp_path):
    NET.save_parameters(tmp_path / "net")
    os.chmod(tmp_path / "net", 0)
    with pytest.raises(FileError, match="cannot be read"):
        NET.load_parameters(tmp_path / "net")
    os.chmod(tmp_path, 0o500)
    with pytest.raises(FileError, match="cannot be written"):
        NET.save_parameters(tmp_path / "other")


def test_names_of_every_kind(tmp_path):
    for path in (
        str(tmp_path / "a"),
        os.fsencode(tmp_path / "b.npz"),
        tmp_path / "ä\n\udcff",
        tmp_path / ("n" * 255),
    ):
        NET.save_parameters(path)
        NET.load_parameters(path)
    assert file_name(b"a.npz") == "a.npz"
    assert (tmp_path / "b.npz").read_bytes().startswith(b"PK")
    assert len(list(tmp_path.iterdir())) == 4


def test_files_are_read_within_their_limits(tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"seven..")
    assert read_regular_file(path, most=7) == b"seven.."
    with pytest.raises(FileError, match="7 bytes; it may have 6"):
        read_regular_file(path, most=6)


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="holes cannot be seen here")
def test_files_of_holes_hold_what_they_hold(tmp_path):
    path = tmp_path / "holes"
    with open(path, "wb") as file:
        file.write(b"{}")
        file.truncate(2**29)
    if os.stat(path).st_blocks * 512 > 2**20:
        pytest.skip("this file system has no holes")
    with open_regular_file(path) as file:
        assert file.held_bytes() < 2**20
        assert file.stream.read(2) == b"{}"
    with pytest.raises(FileError, match="holes"):
        read_regular_file(path)
    path.write_bytes(bytes(100_000))
    with open_regular_file(path) as file:
        assert file.held_bytes() == 100_000
    assert fair_size(0) == 64 * 2**20


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_saving_keeps_permissions_and_new_files_follow_the_mask(tmp_path):
    path = tmp_path / "net"
    for write in WRITERS:
        path.unlink(missing_ok=True)
        mask = os.umask(0o027)
        try:
            write(path)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
            for mode in (0o600, 0o666, 0o444):
                os.chmod(path, mode)
                write(path)
                assert stat.S_IMODE(os.stat(path).st_mode) == mode
        finally:
            os.umask(mask)
    (tmp_path / "link").symlink_to(path)
    os.chmod(path, 0o604)
    NET.save_parameters(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o604


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "net"
    NET.save_parameters(path)
    good = path.read_bytes()
    for name, error in (("fsync", OSError(28, "No space left on device")), ("replace", OSError(5, "no")),
                        ("replace", KeyboardInterrupt()), ("fsync", MemoryError())):  # fmt: skip

        def fail(*_, error=error):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(FileError if isinstance(error, OSError) else type(error)):
                NET.save_parameters(path)
        assert list(tmp_path.iterdir()) == [path]
        assert path.read_bytes() == good


def test_arrays_of_odd_kinds_are_refused_and_nothing_is_changed():
    class Odd:
        def __array__(self, *_, **__):
            raise KeyError("no array")

    ring = []
    ring.append(ring)
    before = NET.weight.data().copy()
    good = {"weight": np.zeros((3, 2)), "bias": np.zeros(3)}
    for odd in (
        "text",
        None,
        object(),
        Odd(),
        [[1], [2, 3]],
        ring,
        np.zeros(3, complex),
        np.zeros(3, "M8[s]"),
        {},
    ):
        with pytest.raises((FileError, ValueError), match="GI"):
            NET.load_dict({**good, "bias": odd}, cast_dtype=True)
        with pytest.raises(ValueError, match="GI"):
            NET.bias.set_data(odd)
    for odd in (None, 5, [("weight", 1)], {5: np.zeros(3)}, {None: 1}):
        with pytest.raises(ValueError, match="GI405"):
            NET.load_dict(odd)
    assert np.array_equal(NET.weight.data(), before)
