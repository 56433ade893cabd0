"""A figure of some rows as bars, in SVG that reads on a light page and on a dark one."""

from collections.abc import Sequence
from html import escape
from typing import Final

from bench.case import Row

WIDTH: Final = 760
LABEL_WIDTH: Final = 250
NUMBER_WIDTH: Final = 90
BAR_HEIGHT: Final = 18
LINE_HEIGHT: Final = 26
OURS: Final = "#d9480f"
THEIRS: Final = "#868e96"


def bars(figure: str, rows: Sequence[Row]) -> str:
    """One bar a row that has the figure."""
    drawn = [(row.subject, row.figures[figure]) for row in rows if figure in row.figures]
    longest = max((value for _, value in drawn), default=1.0) or 1.0
    height = LINE_HEIGHT * (len(drawn) + 1)
    lines = [_text(0, 0, figure, bold=True)]
    for number, (subject, value) in enumerate(drawn, 1):
        lines += _bar(number, subject, value, value / longest)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
    style = 'font-family="system-ui, sans-serif" font-size="13"'
    return "\n".join([f"{head} {style}>", *lines, "</svg>\n"])


def _bar(number: int, subject: str, value: float, share: float) -> list[str]:
    width = share * (WIDTH - LABEL_WIDTH - NUMBER_WIDTH)
    top = number * LINE_HEIGHT + (LINE_HEIGHT - BAR_HEIGHT) / 2
    colour = OURS if subject.startswith("doorbuster") else THEIRS
    rectangle = (
        f'<rect x="{LABEL_WIDTH}" y="{top:g}" width="{width:.1f}" height="{BAR_HEIGHT}" '
        f'fill="{colour}"/>'
    )
    told = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    after = LABEL_WIDTH + width + 6
    return [_text(0, number, subject), rectangle, _text(after, number, told)]


def _text(x: float, number: int, text: str, *, bold: bool = False) -> str:
    y = number * LINE_HEIGHT + LINE_HEIGHT * 0.68
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="#868e96"{weight}>{escape(text)}</text>'
