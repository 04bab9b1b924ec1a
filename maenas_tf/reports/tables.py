"""Tables of texts, as CSV, Markdown and HTML."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence

from maenas_tf.runs.csv_files import table_text


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: their heads.
        rows: as many texts each.
        names: how many of the first columns hold words; the others hold
            numbers.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1

    def to_csv(self) -> str:
        """Returns the table as CSV, with a line of heads."""
        return table_text(self.columns, self.rows)

    def to_markdown(self) -> str:
        """Returns the table in GitHub's Markdown."""
        numbers = len(self.columns) - self.names
        rule = ["---"] * self.names + ["---:"] * numbers
        lines = [self.columns, rule, *self.rows]
        return "".join(
            f"| {' | '.join(map(_escape_markdown, line))} |\n" for line in lines
        )

    def to_html(self) -> str:
        """Returns the table as HTML."""
        head = "".join(f"<th>{html.escape(c)}</th>" for c in self.columns)
        body = "".join(f"<tr>{self._html_row(row)}</tr>\n" for row in self.rows)
        return (
            f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{body}</tbody></table></div>\n"
        )

    def _html_row(self, row: Sequence[str]) -> str:
        return "".join(
            f"<td>{html.escape(text)}</td>"
            if place < self.names
            else f'<td class="n">{html.escape(text)}</td>'
            for place, text in enumerate(row)
        )


def _escape_markdown(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
