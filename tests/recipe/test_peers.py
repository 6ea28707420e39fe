"""The comparison with other programs: what they are handed, what comes back, and what the table says of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.config import EngineSettings
from localnpm.distill import gguf
from localnpm.distill.prompt_pairs import unescape
from localnpm.distill.vector_file import VectorFile
from localnpm.engine.model import Model
from localnpm.home import bundled_model
from peers_others import GENERATOR_SHIFT, escaped, imported
from peers_table import print_table


@given(st.text(max_size=80))
def test_a_prompt_written_for_the_generator_is_read_back_as_it_was(prompt: str) -> None:
    assert unescape(escaped(prompt)) == prompt


@given(st.text(max_size=80))
def test_a_prompt_takes_one_line_of_the_generators_files(prompt: str) -> None:
    assert "\n" not in escaped(prompt)


@pytest.mark.parametrize(("shift", "block"), [(0, 3), (GENERATOR_SHIFT, 2)])
def test_another_programs_direction_lands_at_the_block_where_it_was_measured(
    tmp_path: Path, shift: int, block: int
) -> None:
    with Model.open(bundled_model(), EngineSettings(threads=1)) as model:
        rows = np.zeros((3, model.info.n_embd), np.float32)
        rows[2] = 1
        path = tmp_path / "other.gguf"
        path.write_bytes(gguf.to_bytes(VectorFile(rows, "qwen3", "raw", 1.0, (3, 3))))
        found = imported(path, model, shift)
        assert found.shape == (model.info.n_layer - 1, model.info.n_embd)
    assert list(np.flatnonzero(found.any(axis=1)) + 1) == [block]


def episode(method: str, user: int, success: bool) -> dict[str, Any]:
    return {"type": "episode", "user": user, "kind": "journal", "number": 0, "method": method, "success": success}


def test_the_table_compares_with_unsteered_tasks_and_claims_nothing_of_few_clusters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = {"seconds": 1.5, "coefficient": 0.2, "equal_kl": None}
    print_table(
        [
            *(episode("none", user, False) for user in range(4)),
            *(episode("ours mean", user, True) for user in range(4)),
            {"type": "method", "user": 0, "kind": "journal", "method": "ours mean", **measured},
            *({"type": "done", "user": user, "kind": "journal", "pairs": 6} for user in range(4)),
        ]
    )
    printed = capsys.readouterr().out
    assert "4 clusters of 4" in printed
    assert "| ours mean | 1.000 [1.00, 1.00] | +1.000 [+1.00, +1.00] |  | (0 of 1) | 0.2 | 1.50 |" in printed
