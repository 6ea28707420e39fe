"""Plots as values, drawn in a terminal or (plots_svg.py) as an SVG file: lines, scattered points, bars.

In a terminal lines and points are uniplot's: block characters in colour, or, without colour, a letter of its own for
each series. Bars are drawn here, for uniplot has histograms only.
Not covered: dates and logarithmic axes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from localnpm.plain import one_line

Kind = Literal["lines", "scatter"]
LETTERS = "+xo*#abcdefghijklmnpqrstuvwyz"
FURTHEST = 1e100
_EIGHTHS = " ▏▎▍▌▋▊▉"
_LABEL = 28


@dataclass(frozen=True)
class Series:
    """Points of one name; `low` and `high` are an interval around each y.

    Points that are not finite, or further out than any scale is drawn to, are left out.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()

    def __post_init__(self) -> None:
        if len(self.xs) != len(self.ys) or len(self.low) not in (0, len(self.ys)) or len(self.low) != len(self.high):
            raise ValueError(f"series {self.label!r}: x, y and interval are of different lengths")

    @property
    def points(self) -> list[tuple[float, float]]:
        """The points that can be drawn."""
        pairs = zip(self.xs, self.ys, strict=True)
        return [(float(x), float(y)) for x, y in pairs if abs(x) < FURTHEST and abs(y) < FURTHEST]


@dataclass(frozen=True)
class Plot:
    """Lines or points over two numeric axes.

    `y_range` are the ends of the vertical axis, whatever the values. `whole_x`: x counts something, from 1 on.
    """

    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    kind: Kind = "lines"
    y_range: tuple[float, float] | None = None
    whole_x: bool = False


@dataclass(frozen=True)
class Bar:
    """One bar; `low` and `high` are its interval, if it has one."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Bars:
    """Named values side by side, from zero."""

    title: str
    bars: Sequence[Bar]
    value_label: str = ""


def to_terminal(plot: Plot | Bars, *, width: int = 72, height: int = 12, color: bool = False) -> str:
    """The plot as lines of text.

    Args:
        width: of the whole, in characters; at least 30 are taken.
        height: of the drawing area, in lines; bars take one line each instead.
        color: whether escape sequences for colours may be used.
    """
    width = max(width, 30)
    drawn = [] if isinstance(plot, Bars) else [series for series in plot.series if series.points]
    if isinstance(plot, Bars) and plot.bars:
        return "\n".join(_bars(plot, width))
    if isinstance(plot, Bars) or not drawn:
        return f"{one_line(plot.title, width)}\n(nothing to draw)"
    # Imported here: only some commands draw.
    from uniplot import plot_to_string

    xs, ys = ([[point[axis] for point in series.points] for series in drawn] for axis in (0, 1))
    text = plot_to_string(
        ys=ys,
        xs=xs,
        lines=plot.kind == "lines",
        width=width - 12,
        height=height,
        title=one_line(plot.title, width - 12) or None,
        legend_labels=[one_line(series.label, _LABEL) for series in drawn] if len(drawn) > 1 else None,
        character_set="block" if color or len(drawn) == 1 else "ascii",
        force_ascii_characters=list(LETTERS),
        color=color and len(drawn) > 1,
        x_gridlines=[],
        y_gridlines=[],
        **_bounds(xs, "x", (0, _whole_end(xs)) if plot.whole_x else None),
        **_bounds(ys, "y", plot.y_range),
    )
    axes = " · ".join(
        one_line(f"{axis}: {label}", width) for axis, label in (("→", plot.x_label), ("↑", plot.y_label)) if label
    )
    return "\n".join([*(line.rstrip() for line in text.split("\n")), *([f"  {axes}"] if axes else [])])


def _whole_end(xs: Sequence[Sequence[float]]) -> int:
    """The end of an axis that counts: where steps of ten reach, so that no label falls between two whole numbers."""
    return 10 * max(1, -(-round(max(x for some in xs for x in some)) // 10))


def _bounds(values: Sequence[Sequence[float]], axis: str, given: tuple[float, float] | None = None) -> dict[str, float]:
    low, high = given or span([value for some in values for value in some])
    return {f"{axis}_min": low, f"{axis}_max": high}


def span(values: Sequence[float]) -> tuple[float, float]:
    """The ends of an axis that shows the values, with room around them where they are all the same."""
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    if high - low > max(1e-9 * size, 1e-100):
        return low, high
    room = size / 10 if size > 1e-99 else 1.0
    return low - room, high + room


def _bars(plot: Bars, width: int) -> list[str]:
    values = [bar.value for bar in plot.bars if isfinite(bar.value)]
    least, most = min([0.0, *values]), max([0.0, *values])
    labels = [one_line(bar.label, _LABEL) for bar in plot.bars]
    figures = [_figure(bar) for bar in plot.bars]
    beside, after = max(map(len, labels), default=0), max(map(len, figures), default=0)
    room = max(8, width - beside - after - 4)
    unit = room / ((most - least) or 1.0)
    zero = round(-least * unit)
    lines = [one_line(plot.title + (f" ({plot.value_label})" if plot.value_label else ""), width)]
    for bar, label, figure in zip(plot.bars, labels, figures, strict=True):
        drawn = _bar(bar.value if isfinite(bar.value) else 0.0, unit, zero, room)
        lines.append(f"{label:{beside}} │{drawn}│ {figure}".rstrip())
    return lines


def _bar(value: float, unit: float, zero: int, room: int) -> str:
    if value < 0:
        length = min(zero, round(-value * unit))
        return " " * (zero - length) + "█" * length + " " * (room - zero)
    eighths = min(8 * (room - zero), round(value * unit * 8))
    full, part = divmod(eighths, 8)
    return (" " * zero + "█" * full + (_EIGHTHS[part] if part else "")).ljust(room)


def _figure(bar: Bar) -> str:
    text = number(bar.value)
    if bar.low is not None and bar.high is not None:
        text += f" [{number(bar.low)}, {number(bar.high)}]"
    return text


def number(value: float) -> str:
    """A number in few characters: three significant digits."""
    if not isfinite(value):
        return "-"
    text = f"{value:.3g}"
    return re.sub(r"e([+-])0", r"e\1", text) if "e" in text else text
