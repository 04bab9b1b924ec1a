"""One HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from maenas_tf.config.printable import printable

# As many colours as the charts need; a quarter of the bytes of all colours.
_CHART_COLORS = 128

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 0 auto;
       max-width: 1080px; padding: 24px; background: white; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 36px 0 8px; border-bottom: 1px solid #ddd; }
h3 { font-size: 16px; margin: 20px 0 6px; }
p, ul { max-width: 75ch; margin: 6px 0; }
img { max-width: 100%; height: auto; display: block; margin: 8px 0; }
table { border-collapse: collapse; font-size: 13px; margin: 8px 0; }
th, td { padding: 3px 10px 3px 0; border-bottom: 1px solid #e5e5e5;
         text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #888; vertical-align: bottom; }
td.n { text-align: right; white-space: nowrap;
       font-variant-numeric: tabular-nums; }
.wide td:first-child { min-width: 15em; }
code { font-size: 12px; background: #f4f4f4; padding: 1px 3px;
       overflow-wrap: anywhere; }
details { border-bottom: 1px solid #e5e5e5; padding: 4px 0; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.note { color: #555; font-size: 13px; }
.warning { background: #fff3e0; padding: 6px 10px; }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """Returns the whole file.

    Args:
        title: of the page; plain text.
        parts: HTML, one after another.
    """
    return printable(
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        f"{''.join(parts)}</body>\n</html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    """Returns a heading."""
    return f"<h{level}>{html.escape(text)}</h{level}>\n"


def paragraph(text: str, kind: str = "") -> str:
    """Returns a paragraph; `kind` is "", "note" or "warning"."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{html.escape(text)}</p>\n"


def code(text: str) -> str:
    """Returns a line to be pasted."""
    return f"<p><code>{html.escape(text)}</code></p>\n"


def bullets(texts: Sequence[str]) -> str:
    """Returns a list."""
    items = "".join(f"<li>{html.escape(text)}</li>\n" for text in texts)
    return f"<ul>\n{items}</ul>\n"


def folded(summary: str, content: str, is_open: bool = False) -> str:
    """Returns what opens at a click, without a script."""
    mark = " open" if is_open else ""
    return (
        f"<details{mark}><summary>{html.escape(summary)}</summary>\n"
        f"{content}</details>\n"
    )


def chart(pixels: np.ndarray, text: str) -> str:
    """Returns a drawn picture, uint8 [H, W, 3], inside the page."""
    picture = Image.fromarray(pixels).quantize(_CHART_COLORS, dither=0)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return png(buffer.getvalue(), text)


def png(content: bytes, text: str) -> str:
    """Returns the picture of a PNG file inside the page.

    Args:
        content: the file.
        text: what it shows, for who cannot see it.
    """
    data = base64.b64encode(content).decode()
    return (
        f'<img alt="{html.escape(text)}" src="data:image/png;base64,{data}">\n'
    )
