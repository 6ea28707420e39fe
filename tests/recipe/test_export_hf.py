"""The bundled model as a Hugging Face folder and as K-quants: the same tokenizer, and the logits of the GGUF file."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from numpy.typing import NDArray

import export
import export_hf
from localnpm.config import EngineSettings
from localnpm.engine.model import Model
from localnpm.home import bundled_model
from quantize import quantize

TEXT = (
    "<|im_start|>system\nYou are an agent that works on files.<|im_end|>\n"
    "<|im_start|>user\nAdd two eggs to the shopping list.<|im_end|>\n"
    '<|im_start|>assistant\n<tool_call>\n{"name": "find_files", "arguments": {"pattern": "*shopping*"}}\n</tool_call>'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hf")
    export_hf.write(out, *export.read(bundled_model()))
    return out


def logits(path: Path) -> tuple[list[int], NDArray[np.float32]]:
    """The text's tokens, and llama.cpp's logits at every one of them."""
    with Model.open(path, EngineSettings(threads=1)) as model:
        tokens = model.tokenize(TEXT)
        return tokens, model.logits(tokens, range(len(tokens)))


def apart(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> tuple[float, float]:
    """Root mean square of the difference by that of the centred logits, and the share of equal likeliest tokens."""
    spread = wanted - wanted.mean(axis=1, keepdims=True)
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(spread)), float(
        (found.argmax(axis=1) == wanted.argmax(axis=1)).mean()
    )


def test_the_tokenizer_written_from_the_gguf_file_is_the_recipes(folder: Path) -> None:
    assert json.loads((folder / "tokenizer.json").read_text("utf-8")) == json.loads(export.TOKENIZER.read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.torch
def test_transformers_computes_the_logits_of_the_gguf_file(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokens, wanted = logits(bundled_model())
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        found = model(torch.tensor([tokens])).logits[0].numpy()
    torch.set_num_threads(threads)
    assert type(model).__name__ == "Qwen3ForCausalLM"
    relative, same = apart(found, wanted)
    assert relative < 0.03
    assert same > 0.97


@pytest.mark.torch
def test_transformers_reads_text_as_llama_cpp_does(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokens, _ = logits(bundled_model())
    assert transformers.AutoTokenizer.from_pretrained(folder)(TEXT)["input_ids"] == tokens


def test_a_tensor_of_another_architecture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"blk\.0\.attn_q\.bias"):
        export_hf.renamed({"blk.0.attn_q.bias": np.zeros(4, np.float32)})


def test_a_k_quant_is_smaller_and_thinks_nearly_alike(tmp_path: Path) -> None:
    sizes, vocabulary, tensors = export.read(bundled_model())
    whole, small = tmp_path / "f16.gguf", tmp_path / "q6_k.gguf"
    export.write(whole, sizes, vocabulary, tensors, "f16")
    quantize(whole, small, "q6_k")
    assert small.stat().st_size < 0.5 * whole.stat().st_size
    assert gguf.GGUFReader(small).fields["localnpm.protocol"].contents() == export.PROTOCOL
    relative, same = apart(logits(small)[1], logits(whole)[1])
    assert relative < 0.1
    assert same > 0.9


def test_what_llama_cpp_cannot_quantize_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "no.gguf").write_bytes(b"no model")
    with pytest.raises(RuntimeError, match="q6_k"):
        quantize(tmp_path / "no.gguf", tmp_path / "out.gguf", "q6_k")
