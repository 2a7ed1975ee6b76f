"""SVG, written piece by piece: boxes, circles, lines with arrowheads, and text whose width is known beforehand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

Point = tuple[float, float]

FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
EM_OF_A_LETTER, EM_OF_A_BOLD_LETTER = 0.6, 0.68  # on average, in the widest of FONTS
HALO = 6  # width of the gap that a line cuts into those that it crosses


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Pixels that a text takes at most, unless it is all W's."""
    return len(text) * size * (EM_OF_A_BOLD_LETTER if bold else EM_OF_A_LETTER)


def fitted(text: str, width: float, size: float, bold: bool = False) -> str:
    """The text, its middle left out if it would be wider than that."""
    letters = int(width / text_width("n", size, bold))
    if len(text) <= letters:
        return text
    return f"{text[: (letters - 1) // 2]}…{text[len(text) - letters // 2 :]}"


class Svg:
    """A drawing; what is added later lies on top."""

    def __init__(self):
        self.elements: list[str] = []

    def box(self, x, y, width, height, fill, stroke="none", radius=0, title="", kind="") -> None:
        """A rectangle; a mouse that rests on it shows the title."""
        self._add("rect", title, kind, x=x, y=y, width=width, height=height, rx=radius, fill=fill, stroke=stroke)

    def circle(self, x, y, radius, fill, stroke="none", title="", kind="") -> None:
        self._add("circle", title, kind, cx=x, cy=y, r=radius, fill=fill, stroke=stroke)

    def text(self, x, y, content: str, size=11, bold=False, anchor="start", fill="#1d2733") -> None:
        """One line of text; y is its base line, anchor start, middle or end."""
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
        """Lines that belong together, each with an arrowhead; they cut gaps into all others that they cross.

        At whole numbers, level and upright, they are as sharp as pixels are.
        """
        drawn = ["M" + " L".join(f"{_number(x)},{_number(y)}" for x, y in path) for path in paths]
        for path in drawn:
            self._add("path", d=path, fill="none", stroke="#ffffff", stroke_width=HALO)
        for path in drawn:
            self._add("path", d=path, fill="none", stroke=stroke, stroke_width=2, marker_end="url(#arrow)")

    def document(self, width: float, height: float, arrows: str) -> str:
        """The file's text. arrows is the colour of all arrowheads."""
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

    def _add(self, element: str, content: str = "", kind: str = "", **attributes) -> None:
        attributes = {"class": kind or None, **attributes}
        given = " ".join(
            f"{name.replace('_', '-')}={quoteattr(_number(value) if not isinstance(value, str) else value)}"
            for name, value in attributes.items()
            if value is not None
        )
        content = escape(_printable(content))
        if element != "text" and content:
            content = f"<title>{content}</title>"
        self.elements.append(f"<{element} {given}>{content}</{element}>" if content else f"<{element} {given}/>")


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _printable(text: str) -> str:
    """Names may hold anything; XML takes no control characters."""
    return re.sub(r"[^\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
