"""Opening a model: what it says about itself, and what is said about files that are none."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localnpm.config import EngineSettings
from localnpm.engine.model import Model
from localnpm.errors import ModelError
from localnpm.evals.random_gguf import Shape, write_random_model

MakeTiny = Callable[[str], Path]


def test_a_model_describes_itself(bundled: Model) -> None:
    info = bundled.info
    assert (info.architecture, info.n_layer, info.n_embd, info.n_vocab) == ("qwen3", 8, 256, 4096)
    assert (info.quantization, info.context_trained, info.protocol) == ("Q8_0", 2048, 1)
    assert info.n_params == pytest.approx(7.9e6, rel=0.01)
    assert info.chat_template and "<|im_start|>" in info.chat_template
    assert (bundled.bos, bundled.eos) == ("<|endoftext|>", "<|im_end|>")


def test_text_survives_tokenizing(bundled: Model) -> None:
    text = "Add “buy milk” – naïve, 日本, 🙂\r\n\tend <|im_end|>"
    assert bundled.detokenize(bundled.tokenize(text)) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_survives_tokenizing(bundled: Model, text: str) -> None:
    assert bundled.detokenize(bundled.tokenize(text)) == text.encode("utf-8", "replace").decode()


def test_special_texts_can_be_kept_as_text(bundled: Model) -> None:
    special, plain = bundled.tokenize("<|im_end|>"), bundled.tokenize("<|im_end|>", special=False)
    assert len(special) == 1 < len(plain)
    assert bundled.detokenize(special, special=False) == ""


def test_a_token_outside_the_vocabulary_is_an_error(bundled: Model) -> None:
    with pytest.raises(ModelError, match="token 4096 is not in the vocabulary"):
        bundled.detokenize([4096])


def test_a_closed_model_says_so(tiny_file: MakeTiny) -> None:
    model = Model.open(tiny_file("llama"))
    model.close()
    model.close()
    with pytest.raises(ModelError, match="has been closed"):
        model.generate([1], max_tokens=1)


def test_settings_are_obeyed(tiny_file: MakeTiny) -> None:
    with Model.open(tiny_file("llama"), EngineSettings(context=256, threads=1, mmap=False, kv_type="f32")) as model:
        assert (model.context, model.plan.threads, model.plan.kv_type) == (256, 1, "f32")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no file .*none\.gguf; `localnpm models list`"):
        Model.open(tmp_path / "none.gguf")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder; name the GGUF file in it"):
        Model.open(tmp_path)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a model", encoding="utf-8")
    with pytest.raises(ModelError, match=r"notes\.txt is not a GGUF file"):
        Model.open(path)


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.gguf"
    write_random_model(path, Shape("llama"))
    path.write_bytes(path.read_bytes().replace(b"llama", b"lxama"))
    with pytest.raises(ModelError, match=r"the architecture 'lxama', which this llama\.cpp does not know"):
        Model.open(path)


def test_a_model_without_a_tensor_says_which(tmp_path: Path) -> None:
    path = tmp_path / "lacking.gguf"
    write_random_model(path, Shape("llama"))
    path.write_bytes(path.read_bytes().replace(b"blk.1.ffn_up", b"blk.1.ffn_xx"))
    with pytest.raises(ModelError, match=r"cannot load lacking\.gguf:.*blk\.1\.ffn_up"):
        Model.open(path)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_a_cut_file_says_that_it_is_cut(tmp_path: Path, tiny_file: MakeTiny, share: float) -> None:
    data = tiny_file("qwen2").read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ModelError, match="cut"):
        Model.open(path)


def test_a_model_larger_than_memory_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.gguf"
    write_random_model(path, Shape("llama"))
    with path.open("r+b") as file:
        file.truncate(3_000_000_000_000)
    with pytest.raises(ModelError, match="too large for this machine"):
        Model.open(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user than root")
def test_a_file_without_permission_says_so(tmp_path: Path, tiny_file: MakeTiny) -> None:
    path = tmp_path / "secret.gguf"
    path.write_bytes(tiny_file("llama").read_bytes())
    path.chmod(0)
    code = (
        "import os, sys; from localnpm.header import check_complete\n"
        "from localnpm.errors import ModelError; from pathlib import Path\n"
        "os.chdir('/'); os.setuid(65534)\n"
        "try: check_complete(Path(sys.argv[1]))\n"
        "except ModelError as error: print(error)"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder.name.startswith(("pytest", "test")):
            folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "Permission denied" in done.stdout


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (
            b"layer_norm_rms_epsilon\x06\x00\x00\x00\xbd\x37\x86\x35",
            b"layer_norm_rms_epsilon\x06\x00\x00\x00\xbd\x37\x86\xb5",
        ),
        (b"rope.dimension_count\x04\x00\x00\x00\x10", b"rope.dimension_count\x04\x00\x00\x00\x11"),
    ],
)
def test_a_file_that_crashes_llama_cpp_is_refused(tmp_path: Path, good: bytes, bad: bytes) -> None:
    path = tmp_path / "hostile.gguf"
    write_random_model(path, Shape("gemma"))
    data = path.read_bytes()
    assert good in data
    path.write_bytes(data.replace(good, bad))
    with pytest.raises(ModelError, match=r"hostile\.gguf crashes llama\.cpp \(SIG"):
        Model.open(path, cache=tmp_path)


def test_a_file_is_tried_once(tmp_path: Path, tiny_file: MakeTiny) -> None:
    for _ in range(2):
        Model.open(tiny_file("qwen3"), cache=tmp_path).close()
        tried = [entry.stat().st_mtime_ns for entry in (tmp_path / "tried").iterdir()]
        assert len(tried) == 1


def test_importing_the_engine_loads_no_llama_cpp() -> None:
    code = "import sys, localnpm.engine, localnpm.engine.model; print('llama_cpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
