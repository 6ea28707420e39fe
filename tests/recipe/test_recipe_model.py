"""The PyTorch model: causal, with equal attention back ends, and exported to a GGUF that llama.cpp's tools can read."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

torch = pytest.importorskip("torch")

import export  # noqa: E402
import weights  # noqa: E402
from attention import BACKENDS, make_context, pick_backend  # noqa: E402
from model import Config, Model  # noqa: E402
from muon import Muon, newton_schulz  # noqa: E402

pytestmark = pytest.mark.torch

TINY = Config(vocab=4096, d=64, layers=2, heads=4, kv_heads=2, head_dim=32, ffn=160, context=128)


@pytest.fixture(scope="module")
def model() -> Any:
    """Random, and far from the training's start, so that every tensor shows."""
    torch.manual_seed(0)
    made = Model(TINY)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0, parameter.shape[1] ** -0.5)
    return made


@pytest.fixture(scope="module")
def checkpoint(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "final.pt"
    torch.save({"config": TINY.as_dict(), "model": model.state_dict(), "opts": [1]}, path)
    return path


@pytest.fixture(scope="module")
def exported(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    state = weights.load_checkpoint(checkpoint)
    tensors = weights.to_gguf(state["model"], state["config"])
    folder = tmp_path_factory.mktemp("gguf")
    paths = {kind: folder / f"{kind}.gguf" for kind in ("f32", "f16", "q8_0")}
    for kind, path in paths.items():
        export.write(path, state["config"], export.Vocabulary.read(export.TOKENIZER), tensors, kind)
    return paths


def random_tokens(*shape: int) -> Any:
    return torch.randint(0, TINY.vocab, shape, generator=torch.Generator().manual_seed(1))


def test_the_parameter_count_is_the_models() -> None:
    assert TINY.parameters() == sum(parameter.numel() for parameter in Model(TINY).parameters())


def test_a_position_does_not_see_later_tokens(model: Any) -> None:
    tokens = random_tokens(1, 40)
    changed = tokens.clone()
    changed[0, 20:] = random_tokens(1, 60)[0, 40:]
    torch.testing.assert_close(model.logits(tokens)[0, :20], model.logits(changed)[0, :20])


def test_matrix_product_attention_equals_pytorchs() -> None:
    wide = Model(Config(vocab=64, d=64, layers=1, heads=2, kv_heads=2, head_dim=32, ffn=64, context=64))
    small = random_tokens(2, 50) % 64
    torch.testing.assert_close(wide(small, None, "matmul"), wide(small, None, "causal"), atol=1e-5, rtol=1e-4)


def test_a_document_is_read_as_if_it_stood_alone() -> None:
    tokens = random_tokens(1, 60)
    context = make_context("dense", torch.tensor([0, 25, 60], dtype=torch.int32), 1, 60)
    alone = attention_part(tokens[:, 25:])
    together = attention_part(tokens, context)[:, 25:]
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def attention_part(tokens: Any, context: Any = None) -> Any:
    """Dense attention over random projections that depend on the token only, not on its position."""
    table = torch.randn(TINY.vocab, 3, 2, 16, generator=torch.Generator().manual_seed(2))
    q, k, v = table[tokens].unbind(2)
    return BACKENDS["dense"](q, k, v, context)


def test_a_cpu_needs_no_search_for_a_back_end() -> None:
    assert pick_backend("cpu", 4, 2, 32) == "dense"


def test_newton_schulz_brings_singular_values_near_one() -> None:
    stack = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(newton_schulz(stack))
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_a_muon_step_has_the_size_that_its_rate_says() -> None:
    parameter = torch.nn.Parameter(torch.zeros(32, 64))
    parameter.grad = torch.randn(32, 64, generator=torch.Generator().manual_seed(0))
    Muon([parameter], lr=0.01).step()
    assert parameter.pow(2).mean().sqrt().item() == pytest.approx(0.2 * 0.01, rel=0.3)


def test_exported_metadata_are_the_models(exported: dict[str, Path]) -> None:
    fields = gguf.GGUFReader(exported["f16"]).fields
    wanted = {
        "general.architecture": "qwen3",
        "localnpm.protocol": 1,
        "qwen3.block_count": 2,
        "qwen3.embedding_length": 64,
        "qwen3.attention.head_count_kv": 2,
        "qwen3.attention.key_length": 32,
        "qwen3.feed_forward_length": 160,
        "qwen3.context_length": 128,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.chat_template": export.TEMPLATE,
    }
    assert {key: fields[key].contents() for key in wanted} == wanted


def test_special_tokens_are_typed_as_llama_cpp_needs_them(exported: dict[str, Path]) -> None:
    types = gguf.GGUFReader(exported["f16"]).fields["tokenizer.ggml.token_type"].contents()
    assert types[:8] == [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.USER_DEFINED] * 4 + [gguf.TokenType.NORMAL]


def test_weights_come_back_from_a_float32_file_bit_for_bit(model: Any, exported: dict[str, Path]) -> None:
    state = weights.load_model_state(exported["f32"])
    assert state.keys() == model.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_weights_of_a_quantized_file_give_nearly_the_same_logits(model: Any, exported: dict[str, Path]) -> None:
    quantized = Model(TINY)
    quantized.load_state_dict(weights.load_model_state(exported["q8_0"]))
    tokens = random_tokens(1, 60)
    difference = (quantized.logits(tokens) - model.logits(tokens)).norm() / model.logits(tokens).norm()
    assert difference < 0.05


def test_a_half_precision_file_is_exported_again_unchanged(exported: dict[str, Path], tmp_path: Path) -> None:
    again = tmp_path / "again.gguf"
    sizes, vocabulary, tensors = export.read(exported["f16"])
    export.write(again, sizes, vocabulary, tensors, "f16")
    assert again.read_bytes() == exported["f16"].read_bytes()


def test_a_tokenizer_of_another_size_is_refused(tmp_path: Path) -> None:
    vocabulary = export.Vocabulary.read(export.TOKENIZER)
    with pytest.raises(ValueError, match="4096 tokens, the model 100"):
        export.write(tmp_path / "x.gguf", {"vocab": 100}, vocabulary, {"token_embd.weight": np.zeros((1, 1))}, "f32")


def test_a_small_checkpoint_leaves_the_optimizer_out(checkpoint: Path, tmp_path: Path) -> None:
    weights.save_half(weights.load_checkpoint(checkpoint), tmp_path / "half.pt")
    half = weights.load_checkpoint(tmp_path / "half.pt")
    assert "opts" not in half
    assert half["model"]["emb"].dtype == torch.float16
