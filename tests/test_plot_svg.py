"""Charts as SVG: whole documents, everything inside the picture, round numbers on the axes."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ElementTree
from math import isclose, log10

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twin.chart import Chart, Line, Mark
from twin.plot_scales import log_ticks, ticks
from twin.plot_svg import draw

SPACE = "{http://www.w3.org/2000/svg}"
numbers = st.floats(-1e9, 1e9, allow_nan=False)
positive = st.floats(1e-9, 1e9)


def chart(*lines: Line, **changes: object) -> Chart:
    """Return a chart of *lines*."""
    parts = {"title": "a < b & c", "x_label": "x", "y_label": "y", **changes}
    return Chart(lines=lines, **parts)  # type: ignore[arg-type]


def line(*heights: float | None, label: str = "one", interval: float = 0.0) -> Line:
    """Return a line over 0, 1, 2, …."""
    return Line(
        label=label,
        marks=tuple(
            Mark(
                x=float(i),
                y=y,
                low=None if y is None else y - interval,
                high=None if y is None else y + interval,
                beyond=y is None,
            )
            for i, y in enumerate(heights)
        ),
    )


@given(numbers, numbers)
@example(0.0, 5e-324)
@example(1.0, 1.0 + 2e-16)
def test_ticks_hold_what_they_are_for(one: float, other: float) -> None:
    """From at most the lowest to at least the highest, evenly, not too many."""
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    slack = 1e-6 * max(abs(low), abs(high), 1e-290)
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert 1 <= len(found) <= 10


@given(positive, positive)
def test_logarithmic_ticks_hold_what_they_are_for(one: float, other: float) -> None:
    """The same over decades; all are 1, 2 or 5 times a power of ten."""
    low, high = min(one, other), max(one, other)
    found = log_ticks(low, high)
    assert found[0] <= low * (1 + 1e-6)
    assert found[-1] >= high * (1 - 1e-6)
    assert len(found) >= 2
    assert all(any(isclose(tick / 10.0 ** round(log10(tick / f)), f) for f in (1, 2, 5)) for tick in found)


CHARTS = [
    chart(),
    chart(line()),
    chart(line(None, None)),
    chart(line(0.0)),
    chart(line(5.0, 5.0, 5.0)),
    chart(line(-3.0, 2.0)),
    chart(line(1e-9, 1e-6, 1e-5, 1e4)),
    chart(line(1.0, None, 3.0, interval=2.0), line(2.0, None, label="other " * 30), limits=(("limit", 2.5),)),
    chart(line(1.0, 2.0), limits=(("far", 1e9), ("near", 2.0)), notes=("a note", "another")),
    chart(line(1.0, None), line(2.0, 3.0, label="b"), categories=("first " * 20, "second")),
    chart(line(*(float(i % 7) for i in range(300)), None, 3.0, None, interval=9.0)),
    chart(*(line(float(i), None, label=str(i)) for i in range(12))),
]


@pytest.mark.parametrize("drawn", CHARTS)
def test_everything_lies_inside_the_picture(drawn: Chart) -> None:
    """Whatever is drawn: a whole XML document on white, no mark, line or word beyond its edges."""
    root = ElementTree.fromstring(draw(drawn))
    width, height = (float(root.get(name, "0")) for name in ("width", "height"))
    groups = {id(child) for group in root.iter(f"{SPACE}g") for child in group.iter()}
    for part in root.iter():
        if id(part) in groups:  # moved by its group; the places of legends follow from their words below
            continue
        for name, edge in (("x1", width), ("x2", width), ("cx", width), ("y1", height), ("y2", height)):
            assert -0.01 <= float(part.get(name, "0")) <= edge + 0.01
        if part.tag == f"{SPACE}text":
            room = 0.62 * 11 * len(part.text or "")
            left = {"start": 0.0, "middle": room / 2, "end": room}[part.get("text-anchor", "start")]
            assert float(part.get("x", "0")) - left >= -1
            assert float(part.get("x", "0")) - left + room <= width + 1
            assert 0 < float(part.get("y", "0")) < height
    assert root.find(f"{SPACE}title").text == "a < b & c"  # type: ignore[union-attr]
    assert (root.find(f"{SPACE}rect").get("fill")) == "#ffffff"  # type: ignore[union-attr]


def test_words_of_the_legend_do_not_overlap() -> None:
    """Each entry has a line of its own."""
    root = ElementTree.fromstring(draw(CHARTS[-1]))
    right = max(float(one.get("x2", "0")) for one in root.findall(f"{SPACE}line"))
    places = [float(one.get("y", "0")) for one in root.findall(f"{SPACE}text") if float(one.get("x", "0")) > right]
    assert len(places) == 13
    assert all(b - a >= 12 for a, b in itertools.pairwise(places))


def test_gaps_stay_gaps() -> None:
    """Two values with none between them are not joined."""

    def joined(*heights: float | None) -> list[int]:
        root = ElementTree.fromstring(draw(chart(line(*heights, label=""))))
        return [len(one.get("points", "").split()) for one in root.iter(f"{SPACE}polyline")]

    assert joined(1.0, 2.0, 3.0) == [3]
    assert joined(1.0, None, 3.0) == []
    assert joined(1.0, 2.0, None, 3.0, 4.0) == [2, 2]


def test_dense_lines_have_a_band_instead_of_bars() -> None:
    """Hundreds of marks would hide the line; the picture stays small."""
    root = ElementTree.fromstring(draw(chart(line(*(1.0 + i for i in range(500)), label="", interval=0.5))))
    assert len(list(root.iter(f"{SPACE}circle"))) == 0
    assert [len(one.get("points", "").split()) for one in root.iter(f"{SPACE}polygon")] == [1000]
