"""What is chosen for a machine and a model, and the reasons given."""

from dataclasses import replace
from pathlib import Path

import pytest

from localnpm.config import EngineSettings
from localnpm.engine.plan import Machine, Plan, kv_bytes, make_plan
from localnpm.errors import ModelError
from localnpm.header import Header

LAPTOP = Machine(cores=4, memory_total=16_000_000_000, memory_free=12_000_000_000)


def header(size_bytes: int = 4_700_000_000, **numbers: int) -> Header:
    """A header like that of an 8B model of the Llama 3 family."""
    values = {
        "block_count": 32,
        "embedding_length": 4096,
        "feed_forward_length": 14336,
        "attention.head_count": 32,
        "attention.head_count_kv": 8,
        "context_length": 131072,
    } | {name.replace("__", "."): value for name, value in numbers.items()}
    metadata = {"general.architecture": "llama"} | {f"llama.{name}": str(value) for name, value in values.items()}
    return Header(Path("model.gguf"), size_bytes, 291, metadata, {})


def reason(plan: Plan, name: str) -> str:
    return next(choice.reason for choice in plan.choices if choice.name == name)


def test_every_choice_has_a_value_and_a_reason() -> None:
    plan = make_plan(header(), EngineSettings(), LAPTOP)
    assert {choice.name for choice in plan.choices} >= {"threads", "context", "batch", "kv_type", "gpu_layers", "mmap"}
    assert all(choice.value and choice.reason for choice in plan.choices)


def test_there_is_a_thread_for_each_core() -> None:
    assert make_plan(header(), EngineSettings(), LAPTOP).threads == 4


def test_a_tiny_model_generates_on_one_thread_and_reads_on_all() -> None:
    plan = make_plan(header(embedding_length=256, feed_forward_length=768, block_count=8), EngineSettings(), LAPTOP)
    assert (plan.threads, plan.batch_threads) == (1, 4)


def test_what_is_set_is_kept() -> None:
    settings = EngineSettings(context=3000, threads=3, mmap=False, kv_type="q8_0", batch=100)
    plan = make_plan(header(), settings, LAPTOP)
    assert (plan.context, plan.threads, plan.mmap, plan.kv_type, plan.batch) == (3000, 3, False, "q8_0", 100)
    assert reason(plan, "threads") == "as set"


def test_the_cache_is_reckoned_as_llama_cpp_allocates_it() -> None:
    assert kv_bytes(header(), "f16") == 32 * 8 * 2 * 128 * 2


def test_the_context_takes_at_most_a_quarter_of_the_memory_left() -> None:
    contexts = [
        make_plan(header(), EngineSettings(), replace(LAPTOP, memory_free=free)).context
        for free in (16_000_000_000, 9_500_000_000, 7_000_000_000)
    ]
    assert contexts == [16384, 8192, 4096]


def test_a_short_trained_context_is_taken_whole() -> None:
    plan = make_plan(header(context_length=2048), EngineSettings(), LAPTOP)
    assert (plan.context, reason(plan, "context")) == (2048, "what the model was trained for")


def test_a_context_beyond_the_trained_one_is_warned_of() -> None:
    plan = make_plan(header(context_length=2048), EngineSettings(context=4096), LAPTOP)
    assert "beyond the 2,048 it was trained for" in reason(plan, "context")


def test_wide_models_are_read_in_small_batches() -> None:
    small = make_plan(header(embedding_length=256, feed_forward_length=768, block_count=8), EngineSettings(), LAPTOP)
    assert (small.batch, make_plan(header(), EngineSettings(), LAPTOP).batch) == (512, 32)


def test_a_model_larger_than_memory_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelError, match=r"too large for this machine.*Take a smaller model"):
        make_plan(header(size_bytes=40_000_000_000), EngineSettings(), LAPTOP)


def test_a_context_larger_than_memory_is_refused() -> None:
    with pytest.raises(ModelError, match=r"too large.*--ctx 2048"):
        make_plan(header(), EngineSettings(context=131072), LAPTOP)


def test_memory_that_is_not_free_now_is_warned_of() -> None:
    plan = make_plan(header(), EngineSettings(context=2048), replace(LAPTOP, memory_free=3_000_000_000))
    assert "so it will be slow" in reason(plan, "memory")


def test_weights_are_not_repacked_where_the_cpu_has_amx() -> None:
    plan = make_plan(header(), EngineSettings(), replace(LAPTOP, amx=True))
    assert not plan.extra_buffers
    assert "AMX" in reason(plan, "weight repacking")


def test_all_blocks_go_to_a_gpu_where_there_is_one() -> None:
    assert make_plan(header(), EngineSettings(), replace(LAPTOP, gpu=True)).gpu_layers == -1
    assert make_plan(header(), EngineSettings(gpu_layers=5), replace(LAPTOP, gpu=True)).gpu_layers == 5


def test_a_quantized_cache_that_does_not_fit_the_heads_is_refused() -> None:
    with pytest.raises(ModelError, match="heads are 24 wide"):
        make_plan(header(attention__key_length=24), EngineSettings(kv_type="q8_0"), LAPTOP)


def test_this_machine_can_be_described() -> None:
    machine = Machine.detect(gpu=False, amx=False)
    assert machine.cores >= 1
    assert 0 < machine.memory_free <= machine.memory_total
