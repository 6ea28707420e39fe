"""`localnpm vector`, as a user types it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from localnpm.distill import gguf
from localnpm.engine.fingerprint import fingerprint
from localnpm.header import read_header
from localnpm.home import bundled_model
from localnpm.memory.database import Database
from localnpm.memory.vector_store import VectorStore

Run = Callable[..., Any]
"""What conftest's `localnpm` is: arguments in; exit code, standard output and error out."""
N_LAYER, N_EMBD = read_header(bundled_model()).n_layer, read_header(bundled_model()).n_embd


def a_file(seed: int = 0, **given: str) -> gguf.VectorFile:
    rows = np.random.default_rng(seed).standard_normal((N_LAYER - 1, N_EMBD)).astype(np.float32)
    norms = np.linspace(300, 900, N_LAYER - 1).astype(np.float32)
    return gguf.compose(rows, norms, 0.4, (2, 4), model_hint="qwen3", provenance=given)


@pytest.fixture
def store(home: Path) -> Callable[..., None]:
    """Store a vector of some model under a name."""

    def write(name: str, seed: int = 0, status: str = "active", model_fingerprint: str = "f0") -> None:
        with Database.open(home / "memory.db") as database:
            VectorStore(database).add(
                name, gguf.to_bytes(a_file(seed)), status=status, status_reason="the reason", origin="trained",
                model="a model", model_fingerprint=model_fingerprint, coefficient=0.4, layers=(2, 4), pairs=7,
                calibration={"kl": 0.93, "gate": {"margin": 0.5}},
            )  # fmt: skip

    return write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Tidy Names.gguf"
    path.write_bytes(gguf.to_bytes(a_file()))
    return path


def test_an_empty_memory_says_how_to_come_by_vectors(localnpm: Run) -> None:
    assert "localnpm vector import" in localnpm("vector", "list").out


def test_an_empty_memory_is_an_empty_json_list(localnpm: Run) -> None:
    assert json.loads(localnpm("vector", "list", "--json").out) == []


def test_the_json_list_has_an_object_for_each_vector(localnpm: Run, store: Callable[..., None]) -> None:
    store("tidy")
    store("brief", status="quarantined")
    listed = json.loads(localnpm("vector", "list", "--json").out)
    assert [(row["name"], row["status"], row["coefficient"], row["layers"]) for row in listed] == [
        ("tidy", "active", 0.4, [2, 4]),
        ("brief", "quarantined", 0.4, [2, 4]),
    ]


def test_the_list_says_why_a_vector_is_not_used(localnpm: Run, store: Callable[..., None]) -> None:
    store("tidy", status="quarantined")
    assert "the reason" in localnpm("vector", "list").out


def test_show_tells_calibration_and_draws_the_norms(localnpm: Run, store: Callable[..., None]) -> None:
    store("tidy")
    out = localnpm("vector", "show", "tidy").out
    assert "calibration: kl" in out and "0.93" in out and "gate: margin" in out
    assert f"layer {N_LAYER - 1} │" in out
    assert "layer 3 │█" in out


def test_an_unknown_name_lists_near_ones(localnpm: Run, store: Callable[..., None]) -> None:
    store("tidy-names")
    ended = localnpm("vector", "show", "tidy-name")
    assert ended.code == 2
    assert "near ones are tidy-names" in ended.err


def test_an_export_holds_the_stored_bytes(localnpm: Run, store: Callable[..., None], tmp_path: Path) -> None:
    store("tidy")
    assert localnpm("vector", "export", "tidy", str(tmp_path / "v.gguf")).code == 0
    assert (tmp_path / "v.gguf").read_bytes() == gguf.to_bytes(a_file())


def test_an_export_overwrites_only_when_told_to(localnpm: Run, store: Callable[..., None], tmp_path: Path) -> None:
    store("tidy")
    (tmp_path / "v.gguf").write_text("mine")
    assert localnpm("vector", "export", "tidy", str(tmp_path / "v.gguf")).code == 2
    assert (tmp_path / "v.gguf").read_text() == "mine"
    assert localnpm("vector", "export", "tidy", str(tmp_path / "v.gguf"), "--force").code == 0
    assert (tmp_path / "v.gguf").read_bytes()[:4] == b"GGUF"


def test_rename_disable_enable_and_forget(localnpm: Run, store: Callable[..., None]) -> None:
    store("tidy")
    assert localnpm("vector", "rename", "tidy", "neat").code == 0
    assert localnpm("vector", "disable", "neat").code == 0
    assert json.loads(localnpm("vector", "list", "--json").out)[0]["status"] == "disabled"
    assert localnpm("vector", "enable", "1").code == 0
    assert json.loads(localnpm("vector", "list", "--json").out)[0]["status"] == "active"
    assert localnpm("vector", "forget", "neat", "--yes").code == 0
    assert localnpm("vector", "list", "--all", "--json").out.strip() == "[]"


def test_a_name_that_is_taken_is_not_given_again(localnpm: Run, store: Callable[..., None]) -> None:
    store("tidy")
    store("brief")
    assert localnpm("vector", "rename", "brief", "tidy").code == 1
    assert [row["name"] for row in json.loads(localnpm("vector", "list", "--json").out)] == ["tidy", "brief"]


def test_compare_prints_cosines_and_writes_plots(localnpm: Run, store: Callable[..., None], file: Path) -> None:
    store("tidy")
    store("other", seed=1)
    svg = file.with_name("plot.svg")
    ended = localnpm("vector", "compare", "tidy", "other", str(file), "--svg", str(svg))
    assert f"tidy · {file}: mean cosine +1.000" in ended.out
    assert "principal components" in ended.out
    assert all(ElementTree.parse(svg.with_name(name)).getroot() for name in ("plot.svg", "plot-layers.svg"))


def test_compare_as_json_has_the_cosines_by_layer(localnpm: Run, store: Callable[..., None], file: Path) -> None:
    store("tidy")
    found = json.loads(localnpm("vector", "compare", "tidy", str(file), "--json").out)
    assert found["pairs"][0]["by_layer"] == [None, *[pytest.approx(1)] * 3, *[None] * (N_LAYER - 5)]


def test_an_import_starts_quarantined_under_a_name_made_from_the_files(localnpm: Run, file: Path) -> None:
    ended = localnpm("vector", "import", str(file), "--json")
    told = json.loads(ended.out)
    assert (told["name"], told["status"]) == ("tidy-names", "quarantined")
    listed = json.loads(localnpm("vector", "list", "--json").out)[0]
    assert listed["model_fingerprint"] and listed["origin"] == "imported"
    assert listed["calibration"]["strength"] == pytest.approx(told["strength"])


def test_an_import_with_a_shift_moves_the_directions(localnpm: Run, tmp_path: Path) -> None:
    rows = np.zeros((N_LAYER - 1, N_EMBD), np.float32)
    rows[3] = 5
    raw = gguf.VectorFile(rows, "qwen3", "raw", 1.0, (4, 4))
    (tmp_path / "v.gguf").write_bytes(gguf.to_bytes(raw))
    assert localnpm("vector", "import", str(tmp_path / "v.gguf"), "--shift", "1", "--name", "moved").code == 0
    assert json.loads(localnpm("vector", "list", "--json").out)[0]["layers"] == [3, 3]


def test_an_import_does_not_replace_a_vector_of_the_name(localnpm: Run, store: Callable[..., None], file: Path) -> None:
    store("tidy", model_fingerprint=fingerprint(bundled_model()))
    ended = localnpm("vector", "import", str(file), "--name", "tidy")
    assert ended.code == 2
    assert "already" in ended.err
    assert len(json.loads(localnpm("vector", "list", "--all", "--json").out)) == 1


@pytest.mark.parametrize("name", ["../up", "a:b", "a,b", "A", "7", "x\x1b[2J", ""])
def test_a_name_that_is_more_than_a_name_is_refused(name: str, localnpm: Run, file: Path, home: Path) -> None:
    ended = localnpm("vector", "import", str(file), "--name", name)
    assert ended.code == 2
    assert "cannot be a name" in ended.err and "\x1b" not in ended.err
    assert not (home / "memory.db").exists()


def test_a_file_of_another_shape_is_refused_and_changes_nothing(localnpm: Run, tmp_path: Path) -> None:
    other = gguf.compose(np.ones((3, 4), np.float32), np.ones(3, np.float32), 1, (1, 3), model_hint="llama")
    (tmp_path / "v.gguf").write_bytes(gguf.to_bytes(other))
    ended = localnpm("vector", "import", str(tmp_path / "v.gguf"))
    assert ended.code == 4
    assert "made for another model" in ended.err
    assert localnpm("vector", "list", "--json").out.strip() == "[]"


def test_a_hostile_file_is_refused_before_memory_or_model_are_opened(localnpm: Run, home: Path, file: Path) -> None:
    content = file.read_bytes().replace(b"direction.1", b"direction.0")
    file.write_bytes(content)
    ended = localnpm("vector", "import", str(file))
    assert ended.code == 4
    assert "direction.0" in ended.err
    assert not (home / "memory.db").exists()


def test_a_name_in_a_file_does_not_act_on_the_terminal(localnpm: Run, file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"qwen3", b"\x1b[2Jx"))
    ended = localnpm("vector", "show", str(file))
    assert ended.code == 0
    assert "\x1b" not in ended.out


def test_try_prints_what_each_scale_gives_and_how_far_it_moves(localnpm: Run, file: Path) -> None:
    ended = localnpm(
        "vector", "try", str(file), "Add milk to my todo list", "--scales", "-2,0,2", "--max-tokens", "12", "--json"
    )
    trials = json.loads(ended.out)
    assert [trial["scale"] for trial in trials] == [-2, 0, 2]
    assert [trial["coefficient"] for trial in trials] == pytest.approx([-0.8, 0, 0.8])
    assert trials[1]["kl"] == 0
    assert trials[0]["kl"] > 0 and trials[2]["kl"] > 0


def test_try_shows_the_outputs_side_by_side(localnpm: Run, file: Path) -> None:
    out = localnpm("vector", "try", str(file), "Hello", "--scales=0,1", "--max-tokens", "4").out
    assert "without" in out and "+1 (c = 0.4)" in out and "nats a token" in out


def test_scales_that_are_no_numbers_are_refused(localnpm: Run, file: Path) -> None:
    assert localnpm("vector", "try", str(file), "Hello", "--scales", "a,b").code == 2


def test_train_makes_a_vector_from_pairs_of_prompts(localnpm: Run, tmp_path: Path) -> None:
    turn = r"<|im_start|>user\nAdd milk to my {} list<|im_end|>\n<|im_start|>assistant\n"
    things = ("todo", "shopping")
    (tmp_path / "p.txt").write_text("\n".join(turn.format(thing) + "It is done." for thing in things))
    (tmp_path / "n.txt").write_text("\n".join(turn.format(thing) + "<tool_call>" for thing in things))
    files = ("--positive", str(tmp_path / "p.txt"), "--negative", str(tmp_path / "n.txt"))
    told = json.loads(localnpm("vector", "train", "answering", *files, "--json").out)
    listed = json.loads(localnpm("vector", "list", "--json").out)[0]
    assert (listed["name"], listed["origin"], listed["pairs"]) == ("answering", "trained", 2)
    assert listed["status"] == told["status"] == "candidate"
    assert 0 < told["kl"] <= 1
    assert localnpm("vector", "train", "answering", *files).code == 2


def test_train_refuses_files_that_are_no_pairs_before_a_model_is_loaded(
    localnpm: Run, tmp_path: Path, home: Path
) -> None:
    (tmp_path / "p.txt").write_text("one\ntwo")
    (tmp_path / "n.txt").write_text("one")
    ended = localnpm(
        "vector", "train", "v", "--positive", str(tmp_path / "p.txt"), "--negative", str(tmp_path / "n.txt")
    )
    assert ended.code == 2
    assert "equally many" in ended.err
    assert not home.exists()


LOADED = """
import sys
from localnpm.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
heavy = {"torch", "llama_cpp", "sentence_transformers", "gguf", "rich"}
print("loaded:", *sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize("command", [["list"], ["show", "tidy"], ["export", "tidy", "out.gguf"]])
def test_looking_and_exporting_load_no_model(
    command: list[str], store: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store("tidy")
    monkeypatch.chdir(tmp_path)
    ended = subprocess.run([sys.executable, "-c", LOADED, "vector", *command], capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1] == "loaded:"
