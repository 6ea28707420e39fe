"""Plots: what a reader sees of lines, points and bars, in a terminal and in an SVG file."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localnpm.distill.plots import Bar, Bars, Plot, Series, to_terminal
from localnpm.distill.plots_svg import ticks, to_svg

SVG = "{http://www.w3.org/2000/svg}"
LINES = Plot("Cosine", [Series("a", [1, 2, 3], [0.1, 0.5, 0.9]), Series("b", [1, 2, 3], [0.9, 0.5, 0.1])], "layer")
NUMBERS = st.floats(-1e9, 1e9)
TEXTS = st.text(max_size=40)


def plots() -> st.SearchStrategy[Plot | Bars]:
    points = st.lists(st.tuples(NUMBERS | st.just(float("nan")), NUMBERS), max_size=6)
    series = st.builds(lambda label, at: Series(label, [x for x, _ in at], [y for _, y in at]), TEXTS, points)
    kinds = st.sampled_from(["lines", "scatter"])
    lines = st.builds(Plot, TEXTS, st.lists(series, max_size=4), TEXTS, TEXTS, kinds)
    bars = st.builds(Bar, TEXTS, NUMBERS | st.just(float("nan")))
    return lines | st.builds(Bars, TEXTS, st.lists(bars, max_size=6), TEXTS)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_series_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        Series("a", [1, 2], [1])


def test_title_legend_and_axes_are_named_in_a_terminal() -> None:
    drawn = to_terminal(Plot("Cosine", LINES.series, "layer", "cosine"))
    assert "Cosine" in drawn
    assert "++ a   xx b" in drawn
    assert "→: layer · ↑: cosine" in drawn


def test_without_colour_each_series_has_its_letter_and_no_escape_is_printed() -> None:
    drawn = to_terminal(LINES)
    body = "".join(line for line in drawn.split("\n") if line.startswith("│"))
    assert set("+x") <= set(body)
    assert "\x1b" not in drawn


def test_with_colour_the_series_have_colours() -> None:
    assert "\x1b[" in to_terminal(LINES, color=True)


def test_a_rising_line_rises() -> None:
    rows = to_terminal(Plot("", [Series("a", [0, 1], [0, 1])])).split("\n")
    inside = [line for line in rows if line.startswith("│")]
    assert inside[0].rindex("▀") > inside[-1].index("▄")


def test_points_that_are_no_numbers_are_left_out() -> None:
    with_gap = Plot("t", [Series("a", [1, 2, 3], [1.0, float("nan"), 3.0])])
    assert to_terminal(with_gap) == to_terminal(Plot("t", [Series("a", [1, 3], [1.0, 3.0])]))


def test_nothing_to_draw_is_said() -> None:
    assert "nothing to draw" in to_terminal(Plot("t", []))
    assert "nothing to draw" in to_svg(Plot("t", []))


def test_bars_are_as_long_as_their_values_and_show_figures() -> None:
    rows = to_terminal(Bars("Success", [Bar("none", 0.25), Bar("vector", 0.5, 0.4, 0.6)], "share")).split("\n")
    assert rows[0] == "Success (share)"
    assert rows[2].count("█") == 2 * rows[1].count("█")
    assert rows[2].endswith("0.5 [0.4, 0.6]")


def test_bars_below_zero_go_to_the_left() -> None:
    rows = to_terminal(Bars("", [Bar("up", 1), Bar("down", -1)])).split("\n")
    assert rows[1].index("█") > rows[2].rindex("█")


def test_labels_are_made_harmless() -> None:
    assert "\x1b" not in to_terminal(Bars("\x1b[2J", [Bar("\x1b[2J", 1)]))
    assert "\x1b" not in to_terminal(Plot("\x1b[2J", [Series("\x1b[2J", [1], [1]), Series("b", [1], [2])]))


@given(plots())
def test_any_plot_can_be_drawn_in_a_terminal(plot: Plot | Bars) -> None:
    assert to_terminal(plot)


@given(plots())
def test_any_plot_is_a_sound_svg_file(plot: Plot | Bars) -> None:
    root = ElementTree.fromstring(to_svg(plot))
    assert root.tag == f"{SVG}svg"
    assert "nan" not in to_svg(Plot("", [Series("a", [1, 2], [1.0, float("nan")])]))


def test_an_svg_names_title_axes_and_series() -> None:
    found = texts(to_svg(Plot("Cosine", LINES.series, "layer", "cosine")))
    assert {"Cosine", "layer", "cosine", "a", "b"} <= set(found)


def test_an_svg_escapes_its_texts() -> None:
    assert "<b>&" in texts(to_svg(Plot("<b>&", LINES.series)))


def test_an_svg_draws_a_line_for_each_series_and_none_between_scattered_points() -> None:
    assert to_svg(LINES).count("<polyline") == 2
    assert to_svg(Plot("t", LINES.series, kind="scatter")).count("<polyline") == 0


def test_intervals_are_drawn() -> None:
    bare = Plot("t", [Series("a", [1, 2], [1, 2])])
    with_interval = Plot("t", [Series("a", [1, 2], [1, 2], [1, 1.5], [1.5, 2])])
    assert to_svg(with_interval).count("<line") == to_svg(bare).count("<line") + 2


def test_bars_of_an_svg_are_as_long_as_their_values() -> None:
    root = ElementTree.fromstring(to_svg(Bars("t", [Bar("a", 1), Bar("b", 2)])))
    wide = [float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect")][1:]
    assert wide[1] == pytest.approx(2 * wide[0], rel=0.01)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_a_handful_within_the_range(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 13
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in found)


def test_ticks_are_round() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1]
