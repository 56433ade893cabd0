"""A rush as a picture: what was answered in each second, and what was left. Plain SVG."""

from collections.abc import Sequence
from html import escape
from typing import Final

from doorbuster.rush.plan import Plan
from doorbuster.rush.tally import Second, Tally

WIDTH, HEIGHT = 900, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 70, 60, 50
ADMITTED, REFUSED, UNITS = "#2f9e5f", "#c9ccd3", "#c2410c"
STYLE: Final = "font: 13px system-ui, sans-serif; fill: #333"


def draw(plan: Plan, tally: Tally) -> str:
    """The picture. Bars are checkouts answered a second, the line is the units left."""
    seconds = [
        tally.seconds.get(each, Second()) for each in range(max(tally.seconds, default=0) + 1)
    ]
    most = max((each.admitted + each.refused for each in seconds), default=0) or 1
    left = _filled(seconds)
    units = max(left, default=0) or 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" style="{STYLE}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="28" font-size="17" font-weight="600">{escape(_title(plan))}</text>',
        _legend(),
        *_bars(seconds, most),
        _line(left, units),
        *_axes(len(seconds), most, units),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(plan: Plan) -> str:
    return f"{plan.customers:,} customers at {plan.sale_id}, seed {plan.seed}"


def _filled(seconds: Sequence[Second]) -> list[int]:
    """The units left at each second's end: where nothing was seen, nothing has changed."""
    found: list[int] = []
    last = next((each.left for each in seconds if each.left is not None), 0)
    for each in seconds:
        last = each.left if each.left is not None else last
        found.append(last)
    return found


def _x(second: float, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * second / max(count, 1)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _bars(seconds: Sequence[Second], most: int) -> list[str]:
    width = max(1.0, _x(1, len(seconds)) - _x(0, len(seconds)) - 1)
    bars = []
    for number, each in enumerate(seconds):
        x, middle = _x(number, len(seconds)), _y(each.admitted / most)
        top = _y((each.admitted + each.refused) / most)
        bars.append(_box(x, middle, width, _y(0) - middle, ADMITTED))
        bars.append(_box(x, top, width, middle - top, REFUSED))
    return bars


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {where} fill="{colour}"/>'


def _line(left: Sequence[int], units: int) -> str:
    points = " ".join(
        f"{_x(number + 1, len(left)):.1f},{_y(each / units):.1f}"
        for number, each in enumerate(left)
    )
    return f'<polyline points="{points}" fill="none" stroke="{UNITS}" stroke-width="2.5"/>'


def _legend() -> str:
    words = [(ADMITTED, "admitted a second"), (REFUSED, "refused a second"), (UNITS, "units left")]
    return "".join(
        f'<rect x="{LEFT + 160 * number}" y="39" width="11" height="11" fill="{colour}"/>'
        f'<text x="{LEFT + 160 * number + 17}" y="49">{word}</text>'
        for number, (colour, word) in enumerate(words)
    )


def _axes(count: int, most: int, units: int) -> list[str]:
    base = _y(0)
    return [
        f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}V{TOP}" fill="none" stroke="#999"/>',
        f'<text x="{LEFT - 8}" y="{TOP + 5}" text-anchor="end">{most:,}</text>',
        f'<text x="{LEFT - 8}" y="{base}" text-anchor="end">0</text>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{TOP + 5}" fill="{UNITS}">{units:,}</text>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{base}" fill="{UNITS}">0</text>',
        f'<text x="{LEFT}" y="{base + 22}">0 s</text>',
        f'<text x="{WIDTH - RIGHT}" y="{base + 22}" text-anchor="end">{count} s</text>',
    ]
