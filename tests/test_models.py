"""Finding models on this disk, naming them, resolving names, and the memory they need."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from localnpm.config import EngineSettings
from localnpm.engine.plan import Machine
from localnpm.errors import ModelError, NotFoundError
from localnpm.header import check_complete, read_header
from localnpm.home import Home, bundled_model
from localnpm.models import fit, list_models, memory_needed, resolve


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home folder in which no program has any model yet."""
    for name in ("OLLAMA_MODELS", "HF_HUB_CACHE", "HF_HOME", "LLAMA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def home(user: Path) -> Home:
    return Home(user / "localnpm")


def names(home: Home) -> list[tuple[str, str]]:
    return [(model.name, model.source) for model in list_models(home)]


def put_into_ollama(folder: Path, manifest: str, model: Path) -> None:
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    blob = folder / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    model.rename(blob)
    path = folder / "manifests" / manifest
    path.parent.mkdir(parents=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:" + "0" * 64},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"},
    ]
    path.write_text(json.dumps({"layers": layers}))


def test_with_nothing_pulled_the_bundled_model_is_the_only_one(home: Home) -> None:
    assert names(home) == [("apprentice", "bundled")]


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("localnpm/models/maker/repo/m.gguf", "localnpm"),
        (".lmstudio/models/maker/repo/m.gguf", "lmstudio"),
        (".cache/lm-studio/models/maker/repo/m.gguf", "lmstudio"),
        (".cache/huggingface/hub/models--maker--repo/snapshots/abc/m.gguf", "huggingface"),
        (".cache/llama.cpp/m.gguf", "llama.cpp"),
        ("Library/Caches/llama.cpp/m.gguf", "llama.cpp"),
    ],
)
def test_each_program_s_folder_is_searched(home: Home, user: Path, write_gguf, place: str, source: str) -> None:
    write_gguf(user / place)
    assert ("m", source) in names(home)


@pytest.mark.parametrize(
    ("variable", "below", "source"),
    [
        ("HF_HUB_CACHE", "models--a--b/snapshots/c/m.gguf", "huggingface"),
        ("HF_HOME", "hub/models--a--b/snapshots/c/m.gguf", "huggingface"),
        ("LLAMA_CACHE", "m.gguf", "llama.cpp"),
    ],
)
def test_a_cache_moved_by_its_variable_is_found(
    home: Home, tmp_path: Path, write_gguf, monkeypatch: pytest.MonkeyPatch, variable: str, below: str, source: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "moved"))
    write_gguf(tmp_path / "moved" / below)
    assert ("m", source) in names(home)


@pytest.mark.parametrize(
    ("manifest", "name"),
    [
        ("registry.ollama.ai/library/qwen2.5/0.5b", "qwen2.5:0.5b"),
        ("registry.ollama.ai/somebody/tuned/latest", "somebody/tuned:latest"),
        ("hf.co/maker/repo-GGUF/Q4_K_M", "hf.co/maker/repo-GGUF:Q4_K_M"),
    ],
)
def test_ollama_s_models_have_the_names_that_ollama_gives_them(
    home: Home, user: Path, write_gguf, manifest: str, name: str
) -> None:
    put_into_ollama(user / ".ollama/models", manifest, write_gguf(user / "tmp.gguf"))
    assert (name, "ollama") in names(home)
    assert resolve(name, home).parent == user / ".ollama/models/blobs"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"layers": 3}', '{"layers": [{"mediaType": 1}]}'])
def test_a_broken_ollama_manifest_is_passed_over(home: Home, user: Path, text: str) -> None:
    manifest = user / ".ollama/models/manifests/registry.ollama.ai/library/x/latest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(text)
    assert names(home) == [("apprentice", "bundled")]


def test_an_ollama_manifest_cannot_point_out_of_its_folder(home: Home, user: Path, write_gguf) -> None:
    write_gguf(user / "elsewhere.gguf")
    manifest = user / ".ollama/models/manifests/registry.ollama.ai/library/x/latest"
    manifest.parent.mkdir(parents=True)
    (user / ".ollama/models/blobs").mkdir()
    assert (user / ".ollama/models/blobs/../../../elsewhere.gguf").is_file()
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": "../../../elsewhere.gguf"}
    manifest.write_text(json.dumps({"layers": [layer]}))
    assert names(home) == [("apprentice", "bundled")]


def test_a_split_model_is_one_model_of_the_size_of_its_parts(home: Home, write_gguf) -> None:
    parts = [write_gguf(home.models / f"big-0000{part}-of-00002.gguf") for part in (1, 2)]
    [big] = [model for model in list_models(home) if model.name == "big"]
    assert big.path == parts[0]
    assert big.size_bytes == sum(part.stat().st_size for part in parts)


def test_a_split_model_that_lacks_a_part_is_listed_with_that_problem(home: Home, write_gguf) -> None:
    write_gguf(home.models / "big-00001-of-00003.gguf")
    [big] = [model for model in list_models(home) if model.name == "big"]
    assert "1 of 3 parts" in big.problem


@pytest.mark.parametrize(
    ("file", "architecture", "kind"),
    [
        ("mmproj-m-f16.gguf", "llama", "model"),
        ("m.gguf", "clip", "mmproj"),
        ("m.gguf", "llama", "adapter"),
        ("m.gguf", "controlvector", "model"),
        ("m.gguf", "nomic-bert", "model"),
    ],
)
def test_what_is_no_language_model_is_left_out(home: Home, write_gguf, file: str, architecture: str, kind: str) -> None:
    write_gguf(home.models / file, architecture, kind)
    assert names(home) == [("apprentice", "bundled")]


def test_a_damaged_file_is_listed_with_its_problem(home: Home) -> None:
    home.models.mkdir(parents=True)
    (home.models / "half.gguf").write_bytes(bundled_model().read_bytes()[:5000])
    [half] = [model for model in list_models(home) if model.name == "half"]
    assert "middle of its header" in half.problem


def test_a_partial_download_is_no_model(home: Home) -> None:
    (home.models / ".partial").mkdir(parents=True)
    (home.models / ".partial" / ("0" * 64 + ".part")).write_bytes(bundled_model().read_bytes())
    assert names(home) == [("apprentice", "bundled")]


def test_two_models_of_one_name_are_told_apart_by_their_source(home: Home, user: Path, write_gguf) -> None:
    first = write_gguf(home.models / "m.gguf")
    second = write_gguf(user / ".lmstudio/models/a/b/m.gguf")
    third = write_gguf(user / ".lmstudio/models/a/c/m.gguf")
    assert [resolve(name, home) for name in ("m", "m@lmstudio", "m@lmstudio-2")] == [first, second, third]


def test_one_file_under_two_links_is_one_model(home: Home, user: Path, write_gguf) -> None:
    hub = user / ".cache/huggingface/hub/models--a--b"
    blob = write_gguf(hub / "blobs/0123")
    for revision in ("one", "two"):
        (hub / "snapshots" / revision).mkdir(parents=True)
        (hub / "snapshots" / revision / "m.gguf").symlink_to(blob)
    assert names(home)[1:] == [("m", "huggingface")]


@pytest.mark.parametrize("name", ["", "bundled", "apprentice", "Apprentice", "apprentice-q8_0"])
def test_the_bundled_model_has_several_names_and_is_the_default(home: Home, name: str) -> None:
    assert resolve(name, home) == bundled_model()


def test_a_name_is_found_in_any_case_and_with_its_ending(home: Home, write_gguf) -> None:
    path = write_gguf(home.models / "Some-Model-Q8_0.gguf")
    assert resolve("some-model-q8_0", home) == resolve("SOME-model-Q8_0.gguf", home) == path


def test_a_relative_path_becomes_an_absolute_one(
    home: Home, tmp_path: Path, write_gguf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_gguf(tmp_path / "here/m.gguf")
    monkeypatch.chdir(path.parent)
    assert resolve("m.gguf", home) == path


def test_an_unknown_name_is_answered_with_near_ones(home: Home, write_gguf) -> None:
    write_gguf(home.models / "qwen3-4b-q4_k_m.gguf")
    with pytest.raises(NotFoundError, match="near ones are qwen3-4b-q4_k_m"):
        resolve("qwen3-4b", home)
    with pytest.raises(NotFoundError, match="near ones are apprentice"):
        resolve("aprentise", home)


@pytest.mark.parametrize("path", ["./gone.gguf", "/nowhere/gone.gguf", "gone.gguf"])
def test_a_path_to_nothing_is_named(home: Home, path: str) -> None:
    with pytest.raises(ModelError, match=r"no file /.*gone\.gguf"):
        resolve(path, home)


def test_a_folder_is_no_model(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        resolve(str(tmp_path), home)


def test_memory_grows_with_the_context_by_its_keys_and_values(tmp_path: Path, write_gguf) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf"))
    more = memory_needed(header, 1001, "f16") - memory_needed(header, 1000, "f16")
    # 2 blocks, 2 key-value heads of 64 / 4 numbers, a key and a value, 2 bytes each.
    assert more == 2 * 2 * 16 * 2 * 2


def test_a_quantized_context_takes_less_memory(tmp_path: Path, write_gguf) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf"))
    assert memory_needed(header, 1000, "q8_0") < memory_needed(header, 1000, "f16") < memory_needed(header, 1000, "f32")


GIGABYTE = 10**9


@pytest.mark.parametrize(
    ("free", "total", "verdict"), [(8, 16, "fits"), (0.001, 16, "tight"), (0.001, 0.001, "too large")]
)
def test_a_model_s_fit_is_judged_by_free_and_whole_memory(
    tmp_path: Path, write_gguf, free: float, total: float, verdict: str
) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf", values=300_000))
    machine = Machine(2, int(total * GIGABYTE), int(free * GIGABYTE))
    assert fit(header, EngineSettings(), machine).verdict == verdict


def test_the_context_reckoned_with_is_the_one_that_is_set(tmp_path: Path, write_gguf) -> None:
    header = read_header(write_gguf(tmp_path / "m.gguf"))
    machine = Machine(2, 16 * GIGABYTE, 8 * GIGABYTE)
    assert fit(header, EngineSettings(), machine).context == 1024
    assert fit(header, EngineSettings(context=512), machine).context == 512


def test_a_split_model_lacking_a_part_is_not_complete(tmp_path: Path, write_gguf) -> None:
    first = write_gguf(tmp_path / "m-00001-of-00002.gguf")
    with pytest.raises(ModelError, match=r"m-00002-of-00002\.gguf is missing"):
        check_complete(first)


def test_a_complete_file_passes_and_a_cut_one_is_told_by_its_bytes(tmp_path: Path, write_gguf) -> None:
    path = write_gguf(tmp_path / "m.gguf", values=1000)
    assert check_complete(path).tensor_count == 1
    os.truncate(path, path.stat().st_size - 2000)
    with pytest.raises(ModelError, match=r"is cut: it has [\d,]+ of [\d,]+ bytes"):
        check_complete(path)


def test_a_file_that_may_not_be_read_is_listed_with_that_problem(home: Home, write_gguf) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    write_gguf(home.models / "secret.gguf").chmod(0)
    [secret] = [model for model in list_models(home) if model.name == "secret"]
    assert "Permission denied" in secret.problem
