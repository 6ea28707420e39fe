"""Reading the start of a GGUF file: what a well-kept library wrote is read the same, and no bytes break the reader."""

from pathlib import Path

import gguf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.errors import ModelError
from localnpm.header import parse, read_header
from localnpm.home import bundled_model

BUNDLED = bundled_model().read_bytes()[:200_000]
PATH = Path("m.gguf")

SCALARS = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda value: ("add_uint32", value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: ("add_int64", value)),
    st.booleans().map(lambda value: ("add_bool", value)),
    st.text("aZ9 \nü€😀", min_size=1).map(lambda value: ("add_string", value)),
    st.lists(st.integers(0, 1000), min_size=1, max_size=20).map(lambda value: ("add_array", value)),
    st.lists(st.text("aü😀", max_size=3), min_size=1, max_size=20).map(lambda value: ("add_array", value)),
)


def test_the_bundled_model_s_header_agrees_with_the_reference_reader() -> None:
    header = read_header(bundled_model())
    reader = gguf.GGUFReader(bundled_model())
    for key, field in reader.fields.items():
        kinds = field.types
        if kinds == [gguf.GGUFValueType.STRING]:
            assert header.metadata[key] == field.contents()
        elif kinds and kinds[0] == gguf.GGUFValueType.ARRAY:
            assert header.lengths[key] == len(field.data)
        elif kinds == [gguf.GGUFValueType.UINT32] and not key.startswith("GGUF."):
            assert header.metadata[key] == str(field.contents())
    assert (header.architecture, header.quantization, header.n_layer) == ("qwen3", "Q8_0", 8)
    assert header.tensor_count == len(reader.tensors)


@given(pairs=st.dictionaries(st.text("abcdef.", min_size=1).map("x.{}".format), SCALARS, max_size=8))
def test_whatever_the_reference_writer_writes_is_read_back(tmp_path_factory, pairs: dict) -> None:
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for key, (method, value) in pairs.items():
        getattr(writer, method)(key, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_header(path)
    for key, (method, value) in pairs.items():
        if method == "add_array":
            assert header.lengths[key] == len(value)
        else:
            assert header.metadata[key] == (str(value).lower() if isinstance(value, bool) else str(value))


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    with pytest.raises(ModelError, match=r"m\.gguf"):
        parse(data, PATH, len(data))


@given(at=st.integers(0, 3000), value=st.integers(0, 255))
def test_one_changed_byte_is_read_or_refused_in_words(at: int, value: int) -> None:
    data = BUNDLED[:at] + bytes([value]) + BUNDLED[at + 1 :]
    try:
        header = parse(data, PATH, len(data))
    except ModelError as error:
        assert "m.gguf" in str(error)
    else:
        assert isinstance(header.is_language_model, bool)
        assert isinstance(header.quantization, str)


@given(length=st.integers(0, len(BUNDLED)))
def test_a_cut_header_keeps_what_is_whole_when_asked_to(length: int) -> None:
    whole = parse(BUNDLED, PATH, len(BUNDLED))
    try:
        part = parse(BUNDLED[:length], PATH, len(BUNDLED), cut_short=True)
    except ModelError:
        assert length < 4
    else:
        assert part.metadata.items() <= whole.metadata.items()


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").touch()
    with pytest.raises(ModelError, match="is empty"):
        read_header(tmp_path / "m.gguf")


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        read_header(tmp_path)
    with pytest.raises(ModelError, match="there is no file"):
        read_header(tmp_path / "gone.gguf")


def test_a_long_numeric_array_is_stepped_over_and_its_length_kept(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_array("x.long", list(range(5000)))
    writer.add_uint32("x.after", 7)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_header(tmp_path / "m.gguf")
    assert (header.lengths["x.long"], header.metadata.get("x.long"), header.metadata["x.after"]) == (5000, None, "7")
