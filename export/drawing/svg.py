"""SVG, written piece by piece: boxes, circles, lines with arrowheads, and text of known width."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape  # xml.sax.saxutils would load an HTTP client

Point = tuple[float, float]

FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
EM_OF_A_LETTER, EM_OF_A_BOLD_LETTER = 0.6, 0.68  # on average, in the widest of FONTS
HALO = 6  # width of the gap that a line cuts into those that it crosses


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the pixels that a text needs at most, unless it is all W's."""
    return len(text) * size * (EM_OF_A_BOLD_LETTER if bold else EM_OF_A_LETTER)


def fitted(text: str, width: float, size: float, bold: bool = False) -> str:
    """Return the text, without its middle if it would be wider than this."""
    letters = int(width / text_width("n", size, bold))
    if len(text) <= letters:
        return text
    return f"{text[: (letters - 1) // 2]}…{text[len(text) - letters // 2 :]}"


class Svg:
    """A drawing. Elements that are added later are on top."""

    def __init__(self) -> None:
        self.elements: list[str] = []

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        stroke: str = "none",
        radius: float = 0,
        title: str = "",
        kind: str = "",
    ) -> None:
        """Add a rectangle. A browser shows its title when the mouse is on it."""
        self._add("rect", title, kind, x=x, y=y, width=width, height=height, rx=radius, fill=fill, stroke=stroke)

    def circle(
        self, x: float, y: float, radius: float, fill: str, stroke: str = "none", title: str = "", kind: str = ""
    ) -> None:
        """Add a circle around (x, y)."""
        self._add("circle", title, kind, cx=x, cy=y, r=radius, fill=fill, stroke=stroke)

    def text(
        self,
        x: float,
        y: float,
        content: str,
        size: float = 11,
        bold: bool = False,
        anchor: str = "start",
        fill: str = "#1d2733",
    ) -> None:
        """Add one line of text. y is its base line; anchor is start, middle or end."""
        self._add(
            "text",
            content,
            x=x,
            y=y,
            font_size=size,
            font_weight="bold" if bold else None,
            text_anchor=None if anchor == "start" else anchor,
            fill=fill,
        )

    def lines(self, paths: Sequence[Sequence[Point]], stroke: str) -> None:
        """Add lines that belong together, each with an arrowhead.

        They cut gaps into all others that they cross.

        Horizontal and vertical lines at whole numbers are sharp.
        """
        drawn = ["M" + " L".join(f"{_number(x)},{_number(y)}" for x, y in path) for path in paths]
        for path in drawn:
            self._add("path", d=path, fill="none", stroke="#ffffff", stroke_width=HALO)
        for path in drawn:
            self._add("path", d=path, fill="none", stroke=stroke, stroke_width=2, marker_end="url(#arrow)")

    def document(self, width: float, height: float, arrows: str) -> str:
        """Return the file's text. arrows is the colour of all arrowheads."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{_number(width)}" height="{_number(height)}" '
                f'viewBox="0 0 {_number(width)} {_number(height)}" font-family="{FONTS}">',
                '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
                f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0.5 L8,4 L0,7.5 z" fill="{arrows}"/></marker></defs>',
                f'<rect width="{_number(width)}" height="{_number(height)}" fill="#ffffff"/>',
                *self.elements,
                "</svg>",
                "",
            ]
        )

    def _add(self, element: str, content: str = "", kind: str = "", **attributes: str | float | None) -> None:
        given = " ".join(
            f"{name.replace('_', '-')}={_quoted(value if isinstance(value, str) else _number(value))}"
            for name, value in {"class": kind or None, **attributes}.items()
            if value is not None
        )
        content = escape(_printable(content), quote=False)
        if element != "text" and content:
            content = f"<title>{content}</title>"
        self.elements.append(f"<{element} {given}>{content}</{element}>" if content else f"<{element} {given}/>")


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _quoted(value: str) -> str:
    """Return the value of an attribute."""
    return '"' + escape(value, quote=False).replace('"', "&quot;") + '"'


def _printable(text: str) -> str:
    """Return text without control characters, which XML does not allow and names may have."""
    return re.sub(r"[^\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
