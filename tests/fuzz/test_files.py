"""Damaged files of every kind, read into networks: success, or one `GraphInitError` and nothing changed.

``GRAPHINIT_FUZZ=5000 pytest tests/fuzz`` reads that many for each reader.  A failure names the number of
its case, which decides all about it.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random as plain_random
import resource
import struct
import time
import zipfile

import numpy as np
import pytest

from graphinit import init, nn, optimizer, random
from graphinit.checkpoint import load_checkpoint, save_checkpoint
from graphinit.data import DataLoader
from graphinit.errors import GraphInitError
from graphinit.trainer import Trainer

CASES = int(os.environ.get("GRAPHINIT_FUZZ", "250"))
SECONDS, KILOBYTES = 10, 400_000  # for one case, and of memory for all of them
DEEP = "[" * 3000 + "]" * 3000
ODD = [
    None, True, False, 0, 1, -1, 3, 7, 2**31, -(2**31), 2**60, 2**63, 2**64, 10**200, 1.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "x", "0.weight", "float32", "F64", "BF16", "complex64", "SGD", "Nadam", "[]", "\x00", "\ud800",
    "größe", "a" * 5000, '["normal", {"sigma": "x"}]', '["constant", {"value": [1, 2]}]', [], [1], [-1, 3], [[]],
    ["0.weight", True], {}, {"a": 1}, {"shape": [1]}, [2**40, 2**40], [0] * 40,
]  # fmt: skip


# --------------------------------------------------------------------------- what is loaded into


def dense(deferred, seed=3):
    """A network with a tied parameter and a random stream, of known or unknown sizes."""
    sizes = (-1, -1) if deferred else (5, 7)
    net = nn.Sequential(
        nn.Dense(7, in_units=sizes[0]), nn.Dropout(0.5), nn.Dense(5, in_units=sizes[1], use_bias=False)
    )
    net[2].weight = net[0].weight.T
    net.initialize(init.Normal(0.1), seed=seed)
    return net


class World:
    """A network with what trains it, as they are before a file is loaded."""

    def __init__(self, deferred, seed=3):
        self.net = dense(deferred, seed)
        self.net.states()["1.key"].reset(seed)
        self.optimizer = optimizer.Nadam(self.net.collect_params(), lr=0.01 * seed)
        self.trainer = Trainer(self.net.collect_params(), optimizer.Nadam(lr=0.01 * seed))
        self.loader = DataLoader(np.arange(11.0), 3, last_batch="rollover", seed=seed)
        self.loader.epoch, self.loader._left = seed, [seed]
        random.seed(seed)
        if not deferred:
            for made in (self.optimizer, self.trainer.optimizer):
                made.counts[:] = [seed] * len(made.counts)
                for index in range(len(made.parameters)):
                    for variable in made.states(index).values():
                        variable.store(variable.data() + seed)

    def state(self):
        """All of it, to be compared."""
        found = [random.place(), self.loader.state()]
        for path, parameter in self.net.collect_params().items():
            data = None if parameter.root._data is None else parameter.root._data.tobytes()
            found.append(
                (path, parameter.shape, parameter.dtype, parameter.grad_req, data, parameter.root.wish)
            )
        found += [state.data().tobytes() for state in self.net.states().values()]
        for made in (self.optimizer, self.trainer.optimizer):
            states = {name: array.tobytes() for name, array in made.state_arrays().items()}
            found.append((made.lr, list(made.counts), states))
        return found


def save_parameters(world, path):
    world.net.save_parameters(path)


def load_parameters(world, path):
    world.net.load_parameters(path)


def load_loosely(world, path):
    world.net.load_parameters(
        path, allow_missing=True, ignore_extra=True, cast_dtype=True, dtype_source="saved"
    )


def save_all(world, path):
    save_checkpoint(path, world.net, world.optimizer, world.loader, epoch=2, scores=[0.5, None])


def load_all(world, path):
    load_checkpoint(path, world.net, world.optimizer, world.loader)


def save_states(world, path):
    world.trainer.save_states(path)


def load_states(world, path):
    world.trainer.load_states(path)


READERS = {  # the file's name, what writes it, what reads it, whether it waits for its shapes when it is written
    "safetensors": ("net.safetensors", save_parameters, load_parameters, False),
    "safetensors of wishes": ("net.safetensors", save_parameters, load_parameters, True),
    "safetensors, loosely": ("net.safetensors", save_parameters, load_loosely, False),
    "npz": ("net.npz", save_parameters, load_parameters, False),
    "npz of wishes": ("net.npz", save_parameters, load_parameters, True),
    "params, loosely": ("net.params", save_parameters, load_loosely, False),
    "checkpoint": ("run", save_all, load_all, False),
    "checkpoint of wishes": ("run", save_all, load_all, True),
    "states": ("states", save_states, load_states, False),
    "states as npz": ("states.npz", save_states, load_states, False),
}


# --------------------------------------------------------------------------- mutations of bytes


def bytes_changed(data, rng):
    made = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        made[rng.randrange(len(made))] = rng.choice([0, 0xFF, 0x7F, ord("["), ord('"'), rng.randrange(256)])
    return bytes(made)


def words_changed(data, rng):
    size = rng.choice([2, 4, 8])
    at = rng.randrange(max(1, len(data) - size))
    value = rng.choice([0, 1, 2**15, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1, len(data)]) % 256**size
    return data[:at] + value.to_bytes(size, "little") + data[at + size :]


def blocks_changed(data, rng):
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return rng.choice([
        data[:a], data[a:], data[:a] + data[b:], data[:b] + data[a:], data[:a] + data[b:c] + data[a:b] + data[c:],
        data[:a] + bytes(rng.randrange(256) for _ in range(9)) + data[a:], data + data, data + b"\0" * 64,
    ])  # fmt: skip


# --------------------------------------------------------------------------- mutations of what they say


def places(value, place=()):
    """Every place in a JSON value, as the keys that lead there."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*place, key))


def value_changed(value, rng):
    """A JSON value with one of its values replaced, left out, moved or given once more."""
    made = copy.deepcopy(value)
    chosen = [place for place in places(made) if place]
    if not chosen:
        return made
    *above, key = rng.choice(chosen)
    holder = made
    for step in above:
        holder = holder[step]
    what = rng.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[rng.choice(["", "x", f"{key}x", "\ud800", "__metadata__", "../x"])] = holder[key]
    elif what == 2 and isinstance(holder, list):
        holder += [holder[key]] * rng.choice([1, 50])
    elif what == 3 and isinstance(holder[key], int | float):
        holder[key] = rng.choice([-holder[key], holder[key] + 1, holder[key] * 2, float(holder[key])])
    else:
        holder[key] = rng.choice(ODD)
    return made


def text_changed(value, rng):
    """JSON text of a value, changed in a way that only text can be."""
    text = json.dumps(value_changed(value, rng) if rng.random() < 0.8 else value)
    what = rng.randrange(12)
    if what == 0:
        return text.replace("1", DEEP, 1)
    if what == 1:
        return text.replace("1", "9" * rng.choice([50, 500, 5000]), 1)
    if what == 2 and isinstance(value, dict) and value:
        key = rng.choice(list(value))
        return f"{text[:-1]}, {json.dumps(key)}: {json.dumps(value[key])}}}"
    if what == 3:
        return text + rng.choice([" ", "\0", "{}", ","])
    return text


def header_changed(data, rng):
    """A safetensors file whose header or notes say something else."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    if rng.random() < 0.6:
        notes = json.loads(header["__metadata__"]["graphinit"])
        header["__metadata__"]["graphinit"] = text_changed(notes, rng)
        text = json.dumps(header)
    else:
        text = text_changed(header, rng)
    length = len(text.encode("utf-8", "surrogatepass"))
    length = rng.choice([length] * 20 + [0, length - 1, length + 1, 2**62, 2**64 - 1])
    return struct.pack("<Q", length) + text.encode("utf-8", "surrogatepass") + data[8 + size :]


HEADERS = [
    ("<f4", "<f8"), ("<f4", ">f4"), ("<f4", "|O"), ("<f4", "<c8"), ("<f4", "<U3"), ("<f4", "<f16"), ("<f4", "<i99"),
    ("<f4", "<f0"), ("'<f4'", "[('a', '<f4')]"), ("'<f4'", "None"), ("False", "True"), ("False", "1"), ("(", "(-"),
    ("(", "(True, "), ("(", f"({2**60}, "), ("(", f"({10**30}, "), ("(", "(0, "), ("(", "(1, " * 40), ("(", "(" * 900),
    ("(", "(" + "1, " * 40), ("'shape'", "'shapes'"), ("}", "} + f()"), ("}", "}" + " " * 20000), ("{", "{'x': 1, "),
    (",", ", \\\n"), ("'descr'", "'\\udescr'"), ("5", "5L"),
]  # fmt: skip


def members_changed(data, rng):
    """An npz file whose arrays, headers, entries or notes are others."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        chosen = rng.choice(names)
        what = rng.randrange(5)
        for name in names:
            content, kept = old.read(name), name
            packing = rng.choice(
                [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA][: 3 if what == 4 else 2]
            )
            if name == chosen and what == 0:
                before, after = rng.choice(HEADERS)
                length = int.from_bytes(content[8:10], "little")
                text = content[10 : 10 + length].replace(before.encode(), after.encode(), 1)
                content = (
                    content[:8] + min(len(text), 65535).to_bytes(2, "little") + text + content[10 + length :]
                )
            elif name == chosen and what == 1:
                content = rng.choice([bytes_changed, words_changed, blocks_changed])(content, rng)
            elif name == chosen and what == 2:
                kept = rng.choice(
                    ["x", "x.npy", "../x.npy", "arg:" + name, "aux:" + name, names[0], name.upper(), ".npy"]
                )
            if kept not in new.namelist():
                new.writestr(zipfile.ZipInfo(kept), content, packing)
        new.comment = old.comment
        if what == 3 and old.comment:
            new.comment = text_changed(json.loads(old.comment), rng).encode("utf-8", "surrogatepass")[:65535]
    return stream.getvalue()


FIELDS = {b"PK\x03\x04": (4, 30), b"PK\x01\x02": (4, 46), b"PK\x05\x06": (4, 22)}


def fields_changed(data, rng):
    """A zip file with another number in one of its records."""
    sign = rng.choice(list(FIELDS))
    starts = [at for at in range(len(data)) if data.startswith(sign, at)]
    at = rng.choice(starts) + rng.randrange(*FIELDS[sign], 2)
    size = rng.choice([2, 4])
    value = (
        rng.choice([0, 1, 8, 12, 14, 99, 2**11, 2**15, 2**16 - 1, 2**31, 2**32 - 1, len(data)]) % 256**size
    )
    return data[:at] + value.to_bytes(size, "little") + data[at + size :]


def mutated(data, rng):
    kinds = [bytes_changed, words_changed, blocks_changed]
    kinds += [members_changed, fields_changed] * 3 if data.startswith(b"PK") else [header_changed] * 6
    return rng.choice(kinds)(data, rng)


# --------------------------------------------------------------------------- the suite


def outcome(act, case):
    """The text of the `GraphInitError` that reading ends in, None for success; all else is a failure."""
    try:
        act()
    except GraphInitError as error:
        return str(error)
    except BaseException as error:
        raise AssertionError(f"{case} raised {type(error).__name__}: {error}") from error
    return None


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.filterwarnings("ignore:these states come from")
def test_damaged_files_are_read_whole_or_not_at_all(tmp_path, reader):
    name, write, read, waits = READERS[reader]
    path = tmp_path / name
    before = random.place()
    write(World(waits, seed=4), path)
    good = path.read_bytes()
    read(World(waits), path)  # so that the file is good, and every later error comes from the damage
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = {"taken": 0, "refused": 0}
    worlds = {}
    try:
        for case in range(CASES):
            rng = plain_random.Random(f"{reader} {case}")
            deferred = waits or (read is not load_states and rng.random() < 0.5)
            world, expected = worlds.get(deferred) or (made := World(deferred), made.state())
            random.seed(3)
            path.write_bytes(mutated(good, rng))
            worlds[deferred] = world, expected
            started = time.monotonic()
            said = outcome(lambda world=world: read(world, path), f"case {case} of {reader}")
            outcomes["taken" if said is None else "refused"] += 1
            if said is None:
                del worlds[deferred]
            else:
                assert said.replace("\n", "").isprintable()
                assert world.state() == expected, f"case {case} of {reader} changed something: {said}"
            assert time.monotonic() - started < SECONDS, f"case {case} of {reader}"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < KILOBYTES
        assert all(outcomes.values()), outcomes
        print(reader, outcomes)
    finally:
        random.seed(*before)
