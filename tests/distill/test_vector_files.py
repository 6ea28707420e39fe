"""Control-vector files: written as others read them, read as they are meant, scaled, shifted, fitted."""

import ctypes
import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import gguf as gguf_package
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.distill import gguf
from localnpm.distill.vector_file import VectorFile, filled_layers
from localnpm.engine import library
from localnpm.engine.activations import capture
from localnpm.engine.context import context_parameters
from localnpm.engine.model import Model
from localnpm.engine.steering import Steering, SteeringPart
from localnpm.errors import ConfigError, SteeringError
from localnpm.home import bundled_model

REPENG = os.environ.get("LOCALNPM_REPENG_PYTHON", "")


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model.open(bundled_model()) as opened:
        yield opened


def made(n_layer: int = 6, n_embd: int = 8, coefficient: float = 0.4, layers: tuple[int, int] = (2, 4)) -> VectorFile:
    rng = np.random.default_rng(7)
    directions = rng.standard_normal((n_layer - 1, n_embd)).astype(np.float32)
    norms = np.linspace(3, 9, n_layer - 1).astype(np.float32)
    provenance = {"model": "a model", "model_fingerprint": "f0"}
    return gguf.compose(directions, norms, coefficient, layers, model_hint="qwen3", provenance=provenance)


def raw(rows: list[list[float]]) -> VectorFile:
    found = filled_layers(np.array(rows, np.float32))
    return VectorFile(np.array(rows, np.float32), "llama", "raw", 1.0, found)


def test_each_row_has_the_norm_of_its_layer_times_c_over_the_root_of_the_layers() -> None:
    file = made(coefficient=-0.5, layers=(2, 4))
    assert file.norms is not None
    assert np.allclose(file.row_norms[1:4], file.norms[1:4] * 0.5 / np.sqrt(3), rtol=1e-6)


def test_rows_outside_the_range_are_zero() -> None:
    assert not made(layers=(2, 4)).directions[[0, 4]].any()


def test_a_range_that_the_model_lacks_is_refused() -> None:
    with pytest.raises(SteeringError, match="layers 2-6 were asked for"):
        made(layers=(2, 6))


def test_a_coefficient_of_zero_is_refused() -> None:
    with pytest.raises(SteeringError, match="directions would be lost"):
        made(coefficient=0)


def test_a_row_that_points_nowhere_is_refused() -> None:
    with pytest.raises(SteeringError, match="zero or not a finite number"):
        gguf.compose(np.zeros((3, 2), np.float32), np.ones(3, np.float32), 1, (1, 3), model_hint="")


@given(
    directions=st.lists(st.lists(st.floats(-4, 4, width=32), min_size=3, max_size=3), min_size=2, max_size=5),
    coefficient=st.floats(0.01, 8) | st.floats(-8, -0.01),
)
def test_what_was_written_is_read_back_bit_for_bit(directions: list[list[float]], coefficient: float) -> None:
    rows = np.array(directions, np.float32) + np.float32(10)
    norms = np.arange(1, len(rows) + 1, dtype=np.float32) / 3
    file = gguf.compose(rows, norms, coefficient, (1, len(rows)), model_hint="llama", provenance={"of": "α\n"})
    back = gguf.read(gguf.to_bytes(file))
    assert back.directions.tobytes() == file.directions.tobytes()
    assert back.norms is not None and back.norms.tobytes() == norms.tobytes()
    assert (back.unit, back.coefficient, back.layers) == (file.unit, file.coefficient, file.layers)
    assert (back.model_hint, dict(back.provenance)) == ("llama", {"of": "α\n"})


def test_equal_vectors_give_equal_bytes() -> None:
    assert gguf.to_bytes(made()) == gguf.to_bytes(made())


def test_a_raw_file_is_read_back_as_one() -> None:
    back = gguf.read(gguf.to_bytes(raw([[0, 0], [1, 2]])))
    assert (back.unit, back.coefficient, back.layers, back.norms) == ("raw", 1.0, (2, 2), None)


def test_the_gguf_package_reads_the_same_bits(tmp_path: Path) -> None:
    file = made()
    gguf.export(gguf.to_bytes(file), tmp_path / "v.gguf")
    reader = gguf_package.GGUFReader(tmp_path / "v.gguf")
    assert [tensor.name for tensor in reader.tensors] == [f"direction.{n}" for n in range(1, 6)]
    assert all(tensor.tensor_type == gguf_package.GGMLQuantizationType.F32 for tensor in reader.tensors)
    assert all(len(tensor.shape) == 1 for tensor in reader.tensors)
    assert np.stack([tensor.data for tensor in reader.tensors]).tobytes() == file.directions.tobytes()
    stated = {key: reader.fields[key].contents() for key in reader.fields if not key.startswith(("GGUF", "localnpm"))}
    assert stated == {
        "general.architecture": "controlvector",
        "controlvector.model_hint": "qwen3",
        "controlvector.layer_count": 5,
    }


REPENG_READS = """
import sys, numpy
from repeng.extract import ControlVector
vector = ControlVector.import_gguf(sys.argv[1])
numpy.savez(sys.argv[2], hint=vector.model_type, **{str(layer): row for layer, row in vector.directions.items()})
ControlVector("llama", {3: numpy.ones(4, numpy.float32), 1: numpy.full(4, 2, numpy.float32)}).export_gguf(sys.argv[3])
"""


@pytest.mark.slow
@pytest.mark.skipif(not REPENG, reason="LOCALNPM_REPENG_PYTHON names no Python that has repeng")
def test_repeng_reads_the_same_bits_and_its_files_are_read(tmp_path: Path) -> None:
    file = made()
    gguf.export(gguf.to_bytes(file), tmp_path / "v.gguf")
    places = [str(tmp_path / name) for name in ("v.gguf", "read.npz", "theirs.gguf")]
    subprocess.run([REPENG, "-c", REPENG_READS, *places], check=True, timeout=110)
    with np.load(io.BytesIO((tmp_path / "read.npz").read_bytes())) as found:
        assert str(found["hint"]) == "qwen3"
        assert np.stack([found[str(n)] for n in range(1, 6)]).tobytes() == file.directions.tobytes()
    theirs = gguf.read(tmp_path / "theirs.gguf")
    assert theirs.directions.tolist() == [[2] * 4, [0] * 4, [1] * 4]
    assert theirs.unit == "raw"


class Tensor(ctypes.Structure):
    """The beginning and the name of a ggml_tensor."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
    )


def last_rows_by_llama_cpp(model: Model, tokens: list[int], path: Path | None) -> dict[int, np.ndarray]:
    """`l_out-N` at the last token, with a vector file laid out and set as llama.cpp's own programs do at scale 1."""
    llama = library.llama()
    found: dict[int, np.ndarray] = {}

    def on_node(address: int, asking: bool, _user: int | None) -> bool:
        tensor = Tensor.from_address(address)
        if not tensor.name.startswith(b"l_out-"):
            return False
        if not asking:
            row = np.empty(tensor.ne[0], np.float32)
            library.tensor_get()(address, row.ctypes.data, (tensor.ne[1] - 1) * tensor.nb[1], row.nbytes)
            found[int(tensor.name[6:])] = row
        return True

    params = context_parameters(model.plan, 64)
    callback = params.cb_eval = llama.ggml_backend_sched_eval_callback(on_node)
    context = llama.llama_init_from_model(model.pointer, params)
    if path is not None:
        reader = gguf_package.GGUFReader(path)
        width = int(reader.tensors[0].shape[0])
        layers = [int(tensor.name.split(".")[1]) for tensor in reader.tensors]
        data = np.zeros(width * max(layers), np.float32)
        for layer, tensor in zip(layers, reader.tensors, strict=True):
            data[width * (layer - 1) : width * layer] += tensor.data
        address = data.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        last = llama.llama_model_n_layer(model.pointer)
        assert llama.llama_set_adapter_cvec(context, address, data.size, width, 1, last) == 0
    array = (llama.llama_token * len(tokens))(*tokens)
    assert llama.llama_decode(context, llama.llama_batch_get_one(array, len(tokens))) == 0
    llama.llama_free(context)
    del callback
    return found


def test_scale_1_in_llama_cpp_moves_each_block_as_localnpm_does(model: Model, tmp_path: Path) -> None:
    tokens = model.tokenize("Add milk to my shopping list, please.")
    last = [len(tokens) - 1]
    plain = capture(model, tokens, last)[:, 0]
    rng = np.random.default_rng(3)
    directions = rng.standard_normal((model.info.n_layer - 1, model.info.n_embd)).astype(np.float32)
    norms = np.linalg.norm(plain[1:], axis=1)
    stored = gguf.compose(directions, norms, 0.5, (2, 5), model_hint=model.info.architecture)
    gguf.export(gguf.to_bytes(stored), tmp_path / "v.gguf")

    vector = gguf.scaled(gguf.read(tmp_path / "v.gguf"))
    ours = capture(model, tokens, last, steering=Steering((SteeringPart(vector),), "all"))[:, 0] - plain
    before = last_rows_by_llama_cpp(model, tokens, None)
    after = last_rows_by_llama_cpp(model, tokens, tmp_path / "v.gguf")
    theirs = np.stack([after[block] - before[block] for block in range(model.info.n_layer)])
    assert not theirs[:2].any()
    assert np.abs(ours - theirs).max() < 1e-3 * norms.max()
    assert np.abs(theirs[2] - stored.directions[1]).max() < 1e-3 * norms.max()


def test_at_its_own_strength_the_rows_are_those_of_the_file() -> None:
    file = made()
    assert gguf.scaled(file).directions.tobytes() == file.directions.tobytes()


def test_another_coefficient_scales_all_rows() -> None:
    file = made(coefficient=0.4)
    assert np.allclose(gguf.scaled(file, -0.8).directions, -2 * file.directions)


def test_fewer_layers_are_each_stronger_so_that_c_means_the_same() -> None:
    file = made(coefficient=0.4, layers=(2, 4))
    narrow = gguf.compose(file.directions, file.norms, 0.4, (3, 3), model_hint="")
    assert np.allclose(gguf.scaled(file, layers=(3, 3)).directions, narrow.directions, rtol=1e-6)


def test_a_raw_file_is_multiplied_and_its_layers_chosen() -> None:
    file = raw([[1, 0], [0, 2], [3, 3]])
    assert gguf.scaled(file, 0.5, (2, 3)).directions.tolist() == [[0, 0], [0, 1], [1.5, 1.5]]


def test_layers_that_the_file_lacks_are_refused() -> None:
    with pytest.raises(SteeringError, match=r"layers 1-3 were asked for; the vector 'v' has the layers 2-4"):
        gguf.scaled(made(layers=(2, 4)), layers=(1, 3), name="v")


@pytest.mark.parametrize("coefficient", [float("nan"), float("inf"), 1e300])
def test_a_coefficient_that_gives_no_finite_rows_is_refused(coefficient: float) -> None:
    with pytest.raises(SteeringError):
        gguf.scaled(made(), coefficient)


@pytest.mark.parametrize(
    ("by", "expected"), [(1, [[2.0], [3.0], [0.0]]), (-1, [[0.0], [1.0], [2.0]]), (0, [[1.0], [2.0], [3.0]])]
)
def test_a_shift_moves_direction_n_to_the_block_n_minus_it(by: int, expected: list[list[float]]) -> None:
    assert gguf.shifted(raw([[1], [2], [3]]), by).directions.tolist() == expected


def test_a_shift_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(SteeringError, match="only zeros"):
        gguf.shifted(raw([[1], [2]]), 5)


def test_a_file_of_localnpms_own_is_not_shifted() -> None:
    with pytest.raises(SteeringError, match="unshifted"):
        gguf.shifted(made(), 1)


def test_last_layers_left_out_become_zeros() -> None:
    assert gguf.fitted(raw([[1, 2]]), 4, 2).directions.tolist() == [[1, 2], [0, 0], [0, 0]]


@pytest.mark.parametrize(("n_layer", "n_embd"), [(3, 3), (2, 2)])
def test_a_file_of_another_shape_is_refused(n_layer: int, n_embd: int) -> None:
    with pytest.raises(SteeringError, match="made for another model"):
        gguf.fitted(raw([[1, 2], [3, 4]]), n_layer, n_embd)


def test_an_export_does_not_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "v.gguf"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="--force overwrites"):
        gguf.export(b"new", path)
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("v.gguf", "mine")]


def test_an_export_overwrites_when_told_to(tmp_path: Path) -> None:
    path = tmp_path / "v.gguf"
    path.write_text("mine")
    gguf.export(b"new", path, force=True)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("v.gguf", b"new")]


@pytest.mark.parametrize("name", ["a:b.gguf", "a,b.gguf"])
def test_a_name_that_llama_cpp_would_split_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="colon or a comma"):
        gguf.export(b"new", tmp_path / name)


def test_an_export_into_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        gguf.export(b"new", tmp_path / "no/v.gguf")
