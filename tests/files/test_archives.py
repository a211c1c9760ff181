"""Archives: judged by directory and header, so that none costs more than it holds."""

from __future__ import annotations

import io
import json
import struct
import time
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from graphinit import init, nn
from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.errors import FileError, GraphInitError
from graphinit.storage.archive import open_archive, write_archive
from graphinit.storage.contents import Archive
from graphinit.storage.notes import notes_text

MIB = 2**20


@contextmanager
def cheap(seconds=4.0, size=200 * MIB):
    """What is done within takes little time and memory."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        yield
        assert time.monotonic() - started < seconds
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def tensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def npy(shape="(2,)", descr="'<f4'", order="False", data=bytes(8), version=b"\1\0", text=None):
    text = text or f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + struct.pack("<H" if version == b"\1\0" else "<I", len(text)) + text + data


def npz(members, packing=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing, compresslevel=1) as file:
        for name, content in members.items():
            with file.open(name, "w", force_zip64=True) as member:
                for part in [content] if isinstance(content, bytes) else content:
                    member.write(part)
    return stream.getvalue()


def bomb(shape=(1 << 25,)):
    """An array of 128 MiB of zeros, in pieces."""
    yield npy(repr(shape), data=b"")
    yield from (bytes(MIB) for _ in range(128))


def layer(deferred=False):
    net = nn.Dense(2, in_units=-1 if deferred else 3, use_bias=False)
    net.initialize("ones")
    return net


SMALL = {"weight.npy": npy("(2, 3)", data=bytes(24))}


def test_a_small_parameter_never_costs_much(tmp_path):
    packed = npz({"weight.npy": bomb()}, zipfile.ZIP_DEFLATED)
    assert len(packed) < 2 * MIB
    (tmp_path / "flat.npz").write_bytes(packed)
    (tmp_path / "wide.npz").write_bytes(npz({"weight.npy": bomb((2, 1 << 24))}, zipfile.ZIP_DEFLATED))
    (tmp_path / "extra.npz").write_bytes(npz({**SMALL, "x.npy": bomb()}, zipfile.ZIP_DEFLATED))
    with cheap(size=20 * MIB):
        with pytest.raises(GraphInitError, match=r"shape \(33554432,\)"):
            layer().load_parameters(tmp_path / "flat.npz")
        with pytest.raises(FileError, match="state the sizes"):
            layer(deferred=True).load_parameters(tmp_path / "wide.npz")
        net = layer(deferred=True)
        net.load_parameters(tmp_path / "extra.npz", ignore_extra=True)
        assert net.weight.shape == (2, 3)


def test_directories_that_lie(tmp_path):
    good = npz({"weight.npy": bomb((2, 3))}, zipfile.ZIP_DEFLATED)  # more is packed than the header says
    entries = good.rindex(b"PK\x01\x02")
    size = len(npy("(2, 3)", data=bytes(24)))
    lying = good[: entries + 24] + struct.pack("<I", size) + good[entries + 28 :]
    with cheap(size=20 * MIB):
        for name, data in (("more.npz", good), ("lying.npz", lying)):
            (tmp_path / name).write_bytes(data)
            net = layer()
            with pytest.raises(FileError):
                net.load_parameters(tmp_path / name)
            assert net.weight.data().all()


@pytest.mark.parametrize("deferred", [False, True])
def test_files_of_holes(tmp_path, deferred):
    path = tmp_path / "net"
    size = 8 << 34
    path.write_bytes(tensors({"weight": entry("F32", (2, 1 << 34), 0, size)}))
    with open(path, "r+b") as file:
        length = len(path.read_bytes())
        try:
            file.truncate(length + size)
        except OSError:
            pytest.skip("this file system has no files of that size")
    with cheap(size=20 * MIB), pytest.raises(GraphInitError):
        layer(deferred).load_parameters(path)


HEADERS = {
    "length": tensors({}, length=2**60),
    "negative": tensors({"weight": entry(shape=[-1, 2])}, bytes(8)),
    "truth": tensors({"weight": entry(shape=[True, 2])}, bytes(8)),
    "many elements": tensors({"weight": entry(shape=[2**30, 2**30], end=2**62)}, bytes(8)),
    "beyond 64 bits": tensors({"weight": entry(shape=[2**40, 2**40])}, bytes(8)),
    "axes": tensors({"weight": entry(shape=[1] * 65, end=4)}, bytes(4)),
    "complex": tensors({"weight": entry("C64", [1])}, bytes(8)),
    "no dtype": tensors({"weight": entry([], [2])}, bytes(8)),
    "backwards": tensors({"weight": entry(begin=8, end=0)}, bytes(8)),
    "three offsets": tensors({"weight": {**entry(), "data_offsets": [0, 4, 8]}}, bytes(8)),
    "overlap": tensors({"a": entry(), "b": entry()}, bytes(8)),
    "gap": tensors({"a": entry(), "b": entry(begin=12, end=20)}, bytes(20)),
    "rest": tensors({"a": entry()}, bytes(9)),
    "twice": tensors(b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2), bytes(8)),
    "no object": tensors(b"[1, 2]"),
    "metadata": tensors({"__metadata__": 5}),
    "notes": tensors({"__metadata__": {"graphinit": 5}}),
    "deep": tensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "deep notes": tensors(
        {"__metadata__": {"graphinit": '{"aliases":' + "[" * 100_000 + "]" * 100_000 + "}"}}
    ),
    "digits": tensors(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 10_000 + b'],"data_offsets":[0,4]}}', bytes(4)
    ),
    "no text": tensors(b'{"\xff\xfe": 1}'),
    "entries": tensors(b"{" + b",".join(b'"%d":[]' % at for at in range(1_000_001)) + b"}"),
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("deferred", [False, True])
def test_headers_of_safetensors(tmp_path, case, deferred):
    (tmp_path / "net").write_bytes(HEADERS[case])
    with cheap(), pytest.raises(FileError, match="GI701"):
        layer(deferred).load_parameters(tmp_path / "net")


ARRAYS = {
    "objects": npy(descr="'|O'"), "structured": npy(descr="[('a', '<f4')]"), "text": npy(descr="'<U2'"),
    "complex": npy(descr="'<c8'", shape="(1,)"), "long double": npy(descr="'<f16'", shape="()", data=bytes(16)),
    "negative": npy("(-2,)"), "truth": npy("(True, 2)"), "fraction": npy("(2.0,)"), "elements": npy(f"({2**60},)"),
    "beyond": npy(f"({2**40}, {2**40})"), "digits": npy("(" + "9" * 9000 + ",)"), "axes": npy("(" + "1, " * 70 + "2)"),
    "short": npy(data=bytes(7)), "long": npy(data=bytes(9)), "brackets": npy(text=b"(" * 9000),
    "code": npy(text=b"__import__('os').abort()"), "wide header": npy(version=b"\2\0", text=b" " * 20_000),
    "version": npy(version=b"\4\0"), "none": b"", "no array": b"nothing of the kind",
    "keys": npy(text=b"{'descr': '<f4'}"),
}  # fmt: skip


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_headers_of_npz(tmp_path, case, packing):
    (tmp_path / "net.npz").write_bytes(npz({"weight.npy": ARRAYS[case]}, packing))
    for deferred in (False, True):
        with cheap(), pytest.raises(FileError, match="GI701"):
            layer(deferred).load_parameters(tmp_path / "net.npz")


def refused(act):
    """The text of the error that something ends in, None when it succeeds."""
    try:
        act()
    except FileError as error:
        return str(error)
    return None


def changed(data, record, at, number, size=2):
    place = data.index(record) + at
    return data[:place] + number.to_bytes(size, "little") + data[place + size :]


def test_directories_of_npz(tmp_path):
    good = npz(SMALL)
    two = npz({"a.npy": npy(), "b.npy": npy()})
    cases = {
        "encrypted": changed(good, b"PK\x01\x02", 8, 1),
        "bzip2": npz(SMALL, zipfile.ZIP_BZIP2),
        "lzma": npz(SMALL, zipfile.ZIP_LZMA),
        "unknown": changed(good, b"PK\x01\x02", 10, 99),
        "entries": changed(good, b"PK\x05\x06", 10, 2**16 - 2),
        "size": changed(good, b"PK\x05\x06", 12, 2**31, 4),
        "overlap": changed(two, b"PK\x01\x02", 42, two.index(b"PK\x03\x04", 9), 4),
        "many": npz({f"{at}.npy": b"" for at in range(2**14 + 1)}),
    }
    for case, data in cases.items():
        (tmp_path / "net.npz").write_bytes(data)
        with cheap():
            assert refused(lambda: layer().load_parameters(tmp_path / "net.npz")), case


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"])
@pytest.mark.parametrize("descr", ["<f4", ">f4", "<f8", ">i2", "|u1", "|b1", "<f2"])
def test_what_numpy_writes_is_read(tmp_path, version, descr):
    for shape in ((2, 3), (3,), (), (0, 2)):
        for order in (True, False):
            count = int(np.prod(shape))
            array = (
                (np.arange(count) % 2 if descr == "|b1" else np.arange(count)).astype(descr).reshape(shape)
            )
            header = npy(repr(shape), repr(descr), repr(order), array.tobytes("F" if order else "C"), version)
            (tmp_path / "net.npz").write_bytes(npz({"x.npy": header}, zipfile.ZIP_DEFLATED))
            with open_archive(tmp_path / "net.npz") as contents:
                stored = contents.arrays["x"]
                found = stored.read()
            assert np.array_equal(found, array)
            assert (found.shape, found.dtype, stored.nbytes) == (
                shape,
                array.dtype.newbyteorder("="),
                array.nbytes,
            )
            assert found.flags.c_contiguous
            assert found.flags.writeable


NAMES = ["w", "a/b", "../x", "a\\b", "größe", "\n", "\x1b[2J", "arg:w", "aux:w", "__metadata__", "w.npy", "", " ",
         "a\0b", "\ud800", "x" * 60_000, "x" * 70_000, "\0", "W", "é", "e\u0301", "/w", "C:w", "w/"]  # fmt: skip


@pytest.mark.parametrize("format", ["safetensors", "npz"])
def test_names_come_back_or_are_refused(tmp_path, format):
    arrays = {}
    for at, name in enumerate(NAMES):
        array = np.full(at + 1, at, np.float32)
        said = refused(
            lambda name=name, array=array: write_archive(tmp_path / "one", Archive({name: array}), format)
        )
        if said is not None:
            assert "name" in said
            assert not (tmp_path / "one").exists()
            continue
        arrays[name] = array
        (tmp_path / "one").unlink()
    assert len(arrays) > len(NAMES) - 6
    write_archive(tmp_path / "all", Archive(arrays), format)
    with open_archive(tmp_path / "all") as contents:
        assert {name: stored.read().tolist() for name, stored in contents.arrays.items()} == {
            name: array.tolist() for name, array in arrays.items()
        }


def test_paths_that_begin_like_the_names_of_mxnet_are_paths(tmp_path):
    net = nn.Sequential()
    net.register_child(nn.Dense(2, in_units=3), "arg:x")
    net.initialize(init.Xavier())
    net.save_parameters(tmp_path / "net")
    before = net.collect_params()["arg:x.weight"].data().copy()
    net.initialize("zeros", force_reinit=True)
    net.load_parameters(tmp_path / "net")
    assert np.array_equal(net.collect_params()["arg:x.weight"].data(), before)


def test_notes_come_back_or_are_refused_by_their_place(tmp_path):
    net, path = layer(), tmp_path / "run"
    good = {"a": [1, -0.5, None, True, "größe\n\ud800"], "b": {"": {}, "c": float("inf")}, "d": 10**200}
    save_checkpoint(path, net, **good)
    assert load_checkpoint(path, net) == good
    kept = path.read_bytes()
    ring, chain = [], []
    ring.append(ring)
    for _ in range(100_000):
        chain = [chain]
    for bad, place in (
        (object(), r"\['scores'\] is of type object"), ([{1, 2}], r"\['scores'\]\[0\] is of type set"),
        ({1: 2}, "key 1"), ({None: 2}, "key None"), (np.float32(1), "float32"), (np.zeros(2), "ndarray"),
        (ring, "contains itself"),
        (chain, "nested"), (10**5000, "digits"), (b"x", "bytes"), (1j, "complex"),
    ):  # fmt: skip
        with cheap(), pytest.raises(FileError, match=place):
            save_checkpoint(path, net, scores=bad)
    assert path.read_bytes() == kept
    assert list(tmp_path.iterdir()) == [path]
    assert notes_text({"a": (1, 2)}) == '{"a": [1, 2]}'


def test_initializers_that_cannot_be_written_are_said_to_be_so(tmp_path):
    class Unknown(init.Initializer):
        def _init_weight(self, name, data):
            data[...] = 1

    net = nn.Dense(3)
    net.initialize(Unknown())
    with pytest.raises(GraphInitError, match="GI402"):
        net.save_parameters(tmp_path / "net")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("kind", "data", "values"),
    [
        ("BF16", struct.pack("<2H", 0x3FC0, 0xC049), [1.5, -3.140625]),  # the upper halves of float32
        ("F16", np.array([1.5, -0.25], "<f2").tobytes(), [1.5, -0.25]),
        ("F64", np.array([1e300, -2.0], "<f8").tobytes(), [1e300, -2.0]),
        ("I8", bytes([3, 0xFE]), [3, -2]),
        ("U16", struct.pack("<2H", 258, 65535), [258, 65535]),
        ("BOOL", bytes([0, 7]), [False, True]),
    ],
)
def test_values_of_every_kind_that_others_write(tmp_path, kind, data, values):
    path = tmp_path / "a.safetensors"
    path.write_bytes(tensors({"a": entry(kind, (2,), 0, len(data))}, data))
    with open_archive(path) as contents:
        stored = contents.arrays["a"]
        found = stored.read()
    assert found.tolist() == values
    assert (found.dtype, found.shape) == (stored.dtype, stored.shape)


@pytest.mark.parametrize("descr", ["<f4", ">f4", "<i8", ">u2", "|b1"])
@pytest.mark.parametrize("order", ["False", "True"])
def test_npy_arrays_in_every_order(tmp_path, descr, order):
    array = (np.arange(6).reshape(2, 3) % 5).astype(descr)
    data = array.tobytes("F" if order == "True" else "C")
    path = tmp_path / "a.npz"
    path.write_bytes(npz({"a.npy": npy("(2, 3)", f"'{descr}'", order, data)}))
    with open_archive(path) as contents:
        found = contents.arrays["a"].read()
    assert found.tolist() == array.tolist()
    assert found.dtype.isnative
    assert found.flags.c_contiguous
