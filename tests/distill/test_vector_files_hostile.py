"""Control-vector files that lie: refused at once, with a message, whatever they declare."""

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localnpm.distill import gguf
from localnpm.distill.vector_file import VectorFile
from localnpm.errors import LocalnpmError, SteeringError

U32, STRING, ARRAY, F64 = 4, 8, 9, 12
F32, F16, Q8_0 = 0, 1, 8
SECONDS = 1.0


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


ARCHITECTURE = pair("general.architecture", STRING, text("controlvector"))


def tensor(name: str, width: int, offset: int, kind: int = F32, dimensions: tuple[int, ...] | None = None) -> bytes:
    shape = dimensions or (width,)
    return (
        text(name)
        + struct.pack("<I", len(shape))
        + struct.pack(f"<{len(shape)}Q", *shape)
        + struct.pack("<IQ", kind, offset)
    )


def build(
    tensors: list[bytes],
    data: bytes,
    pairs: list[bytes] | None = None,
    *,
    counts: tuple[int, int] | None = None,
    version: int = 3,
) -> bytes:
    pairs = [ARCHITECTURE] if pairs is None else pairs
    declared = counts or (len(tensors), len(pairs))
    head = b"GGUF" + struct.pack("<IQQ", version, *declared) + b"".join(pairs) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def row(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes().ljust(32, b"\0")


ONE = [tensor("direction.1", 2, 0)]

HOSTILE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "not GGUF": (b"PK\x03\x04 and more", "no GGUF file"),
    "an old version": (build(ONE, row(1, 2), version=1), "version 1"),
    "a big-endian file": (build(ONE, row(1, 2), version=3 << 24), "version"),
    "no tensor": (build([], b""), "declares 0 tensors"),
    "billions of tensors": (build(ONE, row(1, 2), counts=(2**40, 1)), "1,099,511,627,776 tensors"),
    "billions of keys": (build(ONE, row(1, 2), counts=(1, 2**63)), "metadata keys"),
    "billions of elements": (build([tensor("direction.1", 2**40, 0)], row(1, 2)), "1,099,511,627,776 numbers"),
    "elements that overflow": (build([tensor("direction.1", 2**62 + 1, 0)], row(1)), "numbers"),
    "no elements": (build([tensor("direction.1", 0, 0)], row(1)), "declares 0 numbers"),
    "a wide direction at a late layer": (
        build([tensor("direction.1024", 2**17, 0)], bytes(2**19)),
        "131,072 numbers up to layer 1024",
    ),
    "a text longer than the file": (build(ONE, b"", [struct.pack("<Q", 2**62)]), "ends in the middle"),
    "an array longer than the file": (
        build(ONE, b"", [ARCHITECTURE, pair("a", ARRAY, struct.pack("<IQ", U32, 2**61))]),
        "ends in the middle",
    ),
    "arrays of arrays of nothing": (
        build(ONE, bytes(3 << 20), [ARCHITECTURE, pair("a", ARRAY, struct.pack("<IQ", ARRAY, 2**61))]),
        "longer than 1 MB",
    ),
    "an unknown value type": (build(ONE, b"", [pair("a", 77, b"")]), "value type 77"),
    "a key twice": (build(ONE, row(1, 2), [ARCHITECTURE, ARCHITECTURE]), "stands in it twice"),
    "a language model": (
        build(ONE, row(1, 2), [pair("general.architecture", STRING, text("llama"))]),
        "holds a 'llama'",
    ),
    "direction.0": (build([tensor("direction.0", 2, 0)], row(1, 2)), "'direction.0'"),
    "a negative layer": (build([tensor("direction.-1", 2, 0)], row(1, 2)), "'direction.-1'"),
    "a layer with more behind it": (build([tensor("direction.1x", 2, 0)], row(1, 2)), "'direction.1x'"),
    "a layer in other digits": (build([tensor("direction.١", 2, 0)], row(1, 2)), "has a tensor"),
    "a layer that no model has": (build([tensor("direction.9999", 2, 0)], row(1, 2)), "no model has"),
    "a path for a name": (build([tensor("../../etc/passwd", 2, 0)], row(1, 2)), "etc/passwd"),
    "a name with a colon": (build([tensor("direction.1:2", 2, 0)], row(1, 2)), "direction.1:2"),
    "a name with a comma": (build([tensor("direction.1,direction.2", 2, 0)], row(1, 2)), "has a tensor"),
    "a name that acts on a terminal": (build([tensor("direction.1\x1b[2J", 2, 0)], row(1, 2)), r"\\x1b"),
    "the same layer twice": (
        build([tensor("direction.1", 2, 0), tensor("direction.1", 2, 32)], row(1, 2) * 2),
        "the same layer",
    ),
    "directions of two lengths": (
        build([tensor("direction.1", 2, 0), tensor("direction.2", 3, 32)], row(1, 2) * 2),
        "different lengths",
    ),
    "a matrix": (build([tensor("direction.1", 4, 0, dimensions=(2, 2))], row(1, 2, 3, 4)), "2 dimensions"),
    "billions of dimensions": (build([text("direction.1") + struct.pack("<I", 2**32 - 1)], b""), "dimensions"),
    "a quantized direction": (build([tensor("direction.1", 32, 0, Q8_0)], bytes(64)), "type 8"),
    "an unknown tensor type": (build([tensor("direction.1", 2, 0, 4_000_000)], row(1, 2)), "type 4000000"),
    "NaN": (build(ONE, row(1, float("nan"))), "not finite"),
    "an infinity": (build(ONE, row(1, float("-inf"))), "not finite"),
    "nothing but zeros": (build(ONE, row(0, 0)), "only zeros"),
    "a cut file": (build(ONE, row(1, 2)[:4]), "it is cut"),
    "an offset beyond the file": (build([tensor("direction.1", 2, 2**40)], row(1, 2)), "it is cut"),
    "an offset that overflows": (build([tensor("direction.1", 2, 2**64 - 32)], row(1, 2)), "it is cut"),
    "an odd offset": (build([tensor("direction.1", 2, 4)], row(1, 2) * 2), "odd place"),
    "overlapping offsets": (
        build([tensor("direction.1", 16, 0), tensor("direction.2", 16, 32)], row(1, 2) * 4),
        "overlaps",
    ),
    "an alignment of zero": (
        build(ONE, row(1, 2), [ARCHITECTURE, pair("general.alignment", U32, struct.pack("<I", 0))]),
        "general.alignment",
    ),
    "an alignment beyond reason": (
        build(ONE, row(1, 2), [ARCHITECTURE, pair("general.alignment", U32, struct.pack("<I", 2**31))]),
        "general.alignment",
    ),
    "a unit without its figures": (
        build(ONE, row(1, 2), [ARCHITECTURE, pair("localnpm.unit", STRING, text("localnpm"))]),
        "no number",
    ),
}


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> tuple[bytes, str]:
    return HOSTILE[request.param]


def quickly(act: Callable[[], VectorFile]) -> str:
    """The message with which it is refused, within a second of computing."""
    started = time.process_time()
    with pytest.raises(SteeringError) as refused:
        act()
    assert time.process_time() - started < SECONDS
    return str(refused.value)


def test_a_hostile_file_is_refused_at_once(hostile: tuple[bytes, str], tmp_path: Path) -> None:
    content, why = hostile
    path = tmp_path / "v.gguf"
    path.write_bytes(content)
    assert why.replace(r"\\", "\\") in quickly(lambda: gguf.read(path))


def test_stated_norms_that_the_rows_do_not_have_are_refused() -> None:
    file = gguf.compose(np.eye(3, dtype=np.float32), np.ones(3, np.float32), 0.5, (1, 3), model_hint="llama")
    content = gguf.to_bytes(file)
    lie = content.replace(struct.pack("<d", 0.5), struct.pack("<d", 0.1))
    assert lie != content
    assert "--unit raw" in quickly(lambda: gguf.read(lie))


def test_a_file_that_lies_about_its_unit_can_be_read_as_raw() -> None:
    file = gguf.compose(np.eye(3, dtype=np.float32), np.ones(3, np.float32), 0.5, (1, 3), model_hint="llama")
    lie = gguf.to_bytes(file).replace(struct.pack("<d", 0.5), struct.pack("<d", 0.1))
    assert gguf.read(lie, raw=True).directions.tobytes() == file.directions.tobytes()


def test_ten_gigabytes_of_nothing_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.gguf"
    with path.open("wb") as file:
        file.write(build(ONE, row(1, 2)))
        file.truncate(10_000_000_000)
    assert "this is no control vector" in quickly(lambda: gguf.read(path))


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "v.gguf")
    assert "no ordinary file" in quickly(lambda: gguf.read(tmp_path / "v.gguf"))


@pytest.mark.parametrize("name", ["gone.gguf", ".", "/dev/zero", "a\0b.gguf"])
def test_what_is_no_file_is_refused(name: str, tmp_path: Path) -> None:
    assert quickly(lambda: gguf.read(tmp_path / name))


def test_layers_left_out_and_half_precision_are_read() -> None:
    content = build(
        [tensor("direction.3", 2, 0, F16), tensor("direction.1", 2, 32)],
        np.array([0.5, -2], "<f2").tobytes().ljust(32, b"\0") + row(1, 2),
    )
    assert gguf.read(content).directions.tolist() == [[1, 2], [0, 0], [0.5, -2]]


@pytest.mark.parametrize("count", [0, 1, 7, 2**31])
def test_a_wrong_layer_count_does_not_matter(count: int) -> None:
    stated = pair("controlvector.layer_count", U32, struct.pack("<I", count))
    assert gguf.read(build(ONE, row(1, 2), [ARCHITECTURE, stated])).directions.tolist() == [[1, 2]]


def test_a_file_that_states_no_architecture_is_read() -> None:
    assert gguf.read(build(ONE, row(1, 2), [])).directions.tolist() == [[1, 2]]


VALID = gguf.to_bytes(
    gguf.compose(
        np.arange(1, 13, dtype=np.float32).reshape(3, 4), np.ones(3, np.float32), 0.5, (1, 2), model_hint="llama",
        provenance={"name": "x"},
    )
)  # fmt: skip
EDGES = [0, 1, 2, 2**7, 2**8 - 1, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=8), st.integers(0, 2 * 10**4))
def test_changed_bytes_give_a_vector_or_a_message(edits: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(VALID)
    for place, value in edits:
        content[place] = value
    read_or_refused(bytes(content[:cut]))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(VALID) - 8), st.sampled_from(EDGES), st.sampled_from(["<I", "<Q"]))
def test_changed_counts_give_a_vector_or_a_message(place: int, value: int, form: str) -> None:
    written = struct.pack(form, value & (2**32 - 1 if form == "<I" else 2**64 - 1))
    read_or_refused(VALID[:place] + written + VALID[place + len(written) :])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_after_a_good_beginning_give_a_vector_or_a_message(rest: bytes) -> None:
    read_or_refused(b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + rest)


def read_or_refused(content: bytes) -> None:
    started = time.process_time()
    try:
        file = gguf.read(content)
        assert np.isfinite(file.directions).all()
        gguf.scaled(file)
        gguf.read(gguf.to_bytes(file))
    except LocalnpmError:
        pass
    assert time.process_time() - started < SECONDS
