"""A plot as an SVG file's text: axes with round ticks, a legend, intervals; no script, no outside reference.

Colours are Okabe and Ito's, which people who see few colours can tell apart; each series has its own marker too.
Equal plots give equal bytes. Not covered: interaction.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, isfinite, log10
from typing import NamedTuple
from xml.sax.saxutils import escape

from localnpm.distill.plots import FURTHEST, Bars, Plot, Series, number, span
from localnpm.plain import one_line

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d31")
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 36.0, 48.0
_TICKS = 6
_ROW = 16.0


class _Axis(NamedTuple):
    """Values from `low` to `high` laid from `start` to `end`, in pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def to_svg(plot: Plot | Bars, *, width: int = 720, height: int = 420) -> str:
    """The whole text of an SVG file of that size, in pixels."""
    body = _bars(plot, width, height) if isinstance(plot, Bars) else _plot(plot, width, height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" fill="#222">'
    )
    title = _text(width / 2, 20, plot.title, anchor="middle", size=14)
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#fff"/>', title, *body, "</svg>"]) + "\n"


def ticks(low: float, high: float) -> list[float]:
    """Round numbers within a range, a handful: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [round(index * step, 12 - floor(log10(step))) for index in range(first, last + 1)]


def _plot(plot: Plot, width: int, height: int) -> list[str]:
    drawn = [series for series in plot.series if series.points]
    if not drawn:
        return [_text(width / 2, height / 2, "nothing to draw", anchor="middle")]
    legend = drawn if len(drawn) > 1 else []
    wide = max((len(one_line(series.label, 24)) for series in legend), default=0) * 7.0 + (28 if legend else 0)
    x = _axis([point[0] for series in drawn for point in series.points], LEFT, width - RIGHT - wide)
    tall = [value for series in drawn for value in (*(y for _, y in series.points), *series.low, *series.high)]
    y = _axis(tall, height - BOTTOM, TOP)
    lines = _frame(x, y, plot.x_label, plot.y_label)
    for index, series in enumerate(drawn):
        lines += _series(series, index, x, y, joined=plot.kind == "lines")
    for index, series in enumerate(legend):
        place = TOP + 8 + index * _ROW
        lines.append(_marker(width - RIGHT - wide + 14, place, index))
        lines.append(_text(width - RIGHT - wide + 24, place + 4, one_line(series.label, 24)))
    return lines


def _series(series: Series, index: int, x: _Axis, y: _Axis, *, joined: bool) -> list[str]:
    colour = COLOURS[index % len(COLOURS)]
    places = [(x.at(across), y.at(up)) for across, up in series.points]
    lines = []
    for across, low, high in zip(series.xs, series.low, series.high, strict=False):
        if all(map(isfinite, (across, low, high))):
            lines.append(_line(x.at(across), y.at(low), x.at(across), y.at(high), colour))
    if joined and len(places) > 1:
        path = " ".join(f"{across:.1f},{up:.1f}" for across, up in places)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return lines + [_marker(across, up, index) for across, up in places]


def _bars(plot: Bars, width: int, height: int) -> list[str]:
    if not plot.bars:
        return [_text(width / 2, height / 2, "nothing to draw", anchor="middle")]
    beside = 16 + 7.0 * max(len(one_line(bar.label, 28)) for bar in plot.bars)
    values = [value for bar in plot.bars for value in (bar.value, bar.low, bar.high) if value is not None]
    x = _axis([0.0, *values], beside, width - RIGHT)
    row = (height - TOP - BOTTOM) / len(plot.bars)
    lines = _frame(x, _Axis(0, 1, height - BOTTOM, TOP), plot.value_label, "", across_only=True)
    for index, bar in enumerate(plot.bars):
        middle, thick = TOP + row * (index + 0.5), min(row * 0.7, 28)
        lines.append(_text(beside - 8, middle + 4, one_line(bar.label, 28), anchor="end"))
        if not abs(bar.value) < FURTHEST:
            continue
        ends = sorted((x.at(0), x.at(bar.value)))
        lines.append(
            f'<rect x="{ends[0]:.1f}" y="{middle - thick / 2:.1f}" width="{ends[1] - ends[0]:.1f}" '
            f'height="{thick:.1f}" fill="{COLOURS[0]}"/>'
        )
        if bar.low is not None and bar.high is not None and isfinite(bar.low) and isfinite(bar.high):
            lines.append(_line(x.at(bar.low), middle, x.at(bar.high), middle, "#222"))
    return lines


def _axis(values: Iterable[float], start: float, end: float) -> _Axis:
    low, high = span([value for value in values if abs(value) < FURTHEST] or [0.0])
    room = (high - low) * 0.04
    return _Axis(low - (room if low else 0), high + (room if high else 0), start, end)


def _frame(x: _Axis, y: _Axis, x_label: str, y_label: str, *, across_only: bool = False) -> list[str]:
    lines = []
    for value in ticks(x.low, x.high):
        lines.append(_line(x.at(value), y.start, x.at(value), y.end, "#e4e4e4", 1))
        lines.append(_text(x.at(value), y.start + 16, number(value), anchor="middle"))
    for value in () if across_only else ticks(y.low, y.high):
        lines.append(_line(x.start, y.at(value), x.end, y.at(value), "#e4e4e4", 1))
        lines.append(_text(x.start - 6, y.at(value) + 4, number(value), anchor="end"))
    lines.append(_line(x.start, y.start, x.end, y.start, "#222", 1))
    lines.append(_line(x.start, y.start, x.start, y.end, "#222", 1))
    if x_label:
        lines.append(_text((x.start + x.end) / 2, y.start + 36, x_label, anchor="middle"))
    if y_label:
        middle = (y.start + y.end) / 2
        lines.append(_text(16, middle, y_label, anchor="middle", turn=f' transform="rotate(-90 16 {middle:.1f})"'))
    return lines


def _marker(x: float, y: float, index: int) -> str:
    colour = COLOURS[index % len(COLOURS)]
    shapes: Sequence[str] = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>',
        f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" fill="{colour}"/>',
        f'<path d="M{x:.1f} {y - 4.5:.1f}l4.5 8h-9z" fill="{colour}"/>',
        f'<path d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z" fill="{colour}"/>',
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="none" stroke="{colour}" stroke-width="2"/>',
    )
    return shapes[index % len(shapes)]


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, thick: float = 1.5) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{thick:g}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, turn: str = "") -> str:
    shown = escape(one_line(text, 120))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{turn}>{shown}</text>'
