"""Comparing control vectors: cosines layer by layer, and the plane of their principal components."""

import numpy as np
import pytest

from localnpm.distill import gguf
from localnpm.distill.compare import compare, record
from localnpm.distill.vector_file import VectorFile, filled_layers
from localnpm.errors import SteeringError


def file(*rows: list[float]) -> VectorFile:
    directions = np.array(rows, np.float32)
    return VectorFile(directions, "llama", "raw", 1.0, filled_layers(directions))


def test_cosines_are_those_of_the_directions_whatever_their_lengths() -> None:
    found = compare([("a", file([2, 0], [1, 1])), ("b", file([5, 0], [-3, 3]))])
    assert np.allclose(found.cosines[:, 0, 1], [1, 0])
    assert found.mean(0, 1) == pytest.approx(0.5)


def test_a_vector_turned_round_has_a_cosine_of_minus_one() -> None:
    assert compare([("a", file([1, 2])), ("b", file([-1, -2]))]).mean(0, 1) == pytest.approx(-1)


def test_layers_that_only_one_steers_are_left_out() -> None:
    found = compare([("a", file([1, 0], [0, 0], [1, 1])), ("b", file([1, 0], [1, 0], [0, 0]))])
    assert found.layers == [1]
    assert found.mean(0, 1) == pytest.approx(1)


def test_vectors_without_a_common_layer_have_no_cosine() -> None:
    found = compare([("a", file([1, 0], [0, 0])), ("b", file([0, 0], [1, 0]))])
    assert np.isnan(found.mean(0, 1))
    assert record(found)["pairs"][0]["mean"] is None


def test_the_plane_keeps_the_distances_of_what_lies_in_a_plane() -> None:
    named = [("a", file([1, 0, 0], [0, 1, 0])), ("b", file([-1, 0, 0], [0, -1, 0]))]
    found = compare(named)
    points, units = found.points.reshape(-1, 2), np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    for i in range(4):
        assert np.allclose(np.linalg.norm(points - points[i], axis=1), np.linalg.norm(units - units[i], axis=1))
    assert sum(found.explained) == pytest.approx(1)


def test_comparing_twice_gives_the_same_plane() -> None:
    rng = np.random.default_rng(0)
    named = [(name, file(*rng.standard_normal((3, 4)).tolist())) for name in "abc"]
    assert np.array_equal(compare(named).points, compare(named).points)


def test_the_plots_have_a_line_for_each_pair_and_points_for_each_vector() -> None:
    found = compare([(name, file([1.0 + i, 1], [1, 2])) for i, name in enumerate("abc")])
    assert [series.label for series in found.cosine_plot().series] == ["a · b", "a · c", "b · c"]
    assert [series.label for series in found.plane_plot().series] == ["a", "b", "c"]


def test_one_vector_alone_is_refused() -> None:
    with pytest.raises(SteeringError, match="two or more"):
        compare([("a", file([1, 0]))])


def test_vectors_of_different_models_are_refused() -> None:
    with pytest.raises(SteeringError, match=r"different models.*a \[1, 2\], b \[1, 3\]"):
        compare([("a", file([1, 0])), ("b", file([1, 0, 0]))])


def test_a_file_in_localnpms_unit_compares_with_a_raw_one() -> None:
    rows = np.array([[1, 2], [3, 4]], np.float32)
    own = gguf.compose(rows, np.array([9, 9], np.float32), 0.3, (1, 2), model_hint="llama")
    assert compare([("own", own), ("raw", file([1, 2], [3, 4]))]).mean(0, 1) == pytest.approx(1)
