"""A report about many searches: tables, charts and one HTML file."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from maenas_tf.config import ConfigError, file_names, user_path
from maenas_tf.figures import plots
from maenas_tf.reports import grouping, html_page, report_charts, report_tables
from maenas_tf.reports.comparison import BOOTSTRAP, PAIRED, RESAMPLES
from maenas_tf.reports.tables import Table
from maenas_tf.runs import atomic
from maenas_tf.runs.run_record import RunRecord, measures
from maenas_tf.spaces.true_accuracies import TrueAccuracies

Progress = Callable[[Sequence[RunRecord]], Iterable[RunRecord]]
_MOST_OPEN_SENTENCES = 12
_MOST_OPEN_RUNS = 5
_MOST_COLUMNS = 5  # groups beside each other in a table


class Report:
    """Writes what runs tell.

    Args:
        records: finished searches, at least one; names differ.
        problems: name of what was not used to the reason.
        group_by: settings that make the groups; None takes those that vary.
        truth: where true accuracies are looked up; None is what is installed.

    Raises:
        ValueError: there is no run.
        ConfigError: a setting to group by is not known.
    """

    def __init__(
        self,
        records: Sequence[RunRecord],
        problems: Mapping[str, str] | None = None,
        group_by: Sequence[str] | None = None,
        truth: TrueAccuracies | None = None,
    ):
        if not records:
            raise ValueError("`records` is empty; a report needs one run.")
        known = [name for name in records[0].settings if name != "seed"]
        for name in group_by or ():
            if name not in known:
                raise ConfigError(
                    f"--group_by: {name!r} is no setting to group by; choose "
                    f"of {', '.join(known)}."
                )
        self.records = sorted(records, key=lambda r: (r.name, r.seed))
        self.problems = dict(problems or {})
        self.truth = truth or TrueAccuracies()
        self.figures = {r.name: measures(r, self.truth) for r in self.records}
        varying = grouping.varying(self.records)
        if group_by is None:
            self.names = grouping.enough(self.records, varying)
        else:
            self.names = list(group_by)
        self.others = [name for name in varying if name not in self.names]
        self.pooled = group_by is not None and bool(self.others)
        self.groups = grouping.make_groups(
            self.records, self.figures, self.names
        )
        self.comparisons = report_tables.compare_groups(self.groups)

    def write(
        self,
        output_dir: str | os.PathLike[str],
        progress: Progress = iter,
    ) -> pathlib.Path:
        """Writes all files; returns the path of the HTML report.

        Args:
            output_dir: made if missing.
            progress: wraps the runs, which are drawn one by one.
        """
        folder = user_path(output_dir)
        self._write_tables(folder)
        drawn = report_charts.draw_all(self.groups)
        for name, picture in drawn.items():
            atomic.write_bytes(
                folder / "plots" / f"{name}.png", plots.png_bytes(picture)
            )
        runs = [html_page.heading("Runs"), self._runs_part(progress)]
        charts = self._charts_parts(drawn)
        parts = [
            self._head(),
            html_page.heading("Cells found"),
            report_charts.found_cells(self.records, self.figures),
            *(self._group_parts() if len(self.records) > 1 else ()),
            # A few are looked at one by one, many by what they have in common.
            *([*runs, *charts] if self._are_few else [*charts, *runs]),
            self._problems_part(),
        ]
        page = html_page.page("Architecture searches", parts)
        path = folder / file_names.REPORT
        atomic.write_text(path, page)
        return path

    @property
    def _are_few(self) -> bool:
        return len(self.records) <= _MOST_OPEN_RUNS

    def _charts_parts(self, drawn: Mapping[str, np.ndarray]) -> list[str]:
        """Returns the charts; of one run those over its epochs."""
        shown = {
            name: picture
            for name, picture in drawn.items()
            if len(self.records) > 1 or name.startswith("epochs_")
        }
        charts = (html_page.chart(p, name) for name, p in shown.items())
        return [html_page.heading("Charts"), *charts]

    def _group_parts(self) -> list[str]:
        """Returns what is to be said of more than one run."""
        return [
            html_page.heading("Groups"),
            self._groups_part(),
            html_page.heading("Comparisons"),
            self._comparisons_part(),
            html_page.heading("Cost with and without labels"),
            self._cost_part(),
        ]

    def _write_tables(self, folder: pathlib.Path) -> None:
        shown = [*self.names, *self.others]
        arguments = self.records, self.figures
        written = {
            file_names.REPORT_RUNS: report_tables.runs_table(*arguments, shown),
            "groups.csv": report_tables.groups_table(self.groups),
            "comparisons.csv": report_tables.comparisons_table(
                self.comparisons
            ),
        }
        for name, table in written.items():
            atomic.write_text(folder / name, table.to_csv())
        runs = report_tables.short_runs_table(*arguments)
        sections = [
            "# Runs\n\n" + runs.to_markdown(),
            "# Groups\n\nMean ± sample standard deviation (n).\n",
            *(t.to_markdown() for t in self._group_tables()),
            "# Comparisons\n",
            "".join(f"- {c.sentence()}\n" for c in self.comparisons) or "None.",
        ]
        for groups in report_tables.cost_groups(*arguments):
            table = report_tables.cost_table(groups)
            text = report_tables.scale_text(groups[0])
            sections.append(f"# Cost: {text}\n\n{table.to_markdown()}")
        if self.problems:
            sections.append("# Not used\n\n" + self._problems().to_markdown())
        text = "\n".join(sections)
        atomic.write_text(folder / "tables.md", text)

    def _group_tables(self) -> list[Table]:
        """Returns tables of a few groups each, so that they can be read."""
        return [
            report_tables.short_groups_table(
                self.groups[start : start + _MOST_COLUMNS]
            )
            for start in range(0, len(self.groups), _MOST_COLUMNS)
        ]

    def _head(self) -> str:
        seeds = sorted({record.seed for record in self.records})
        text = (
            f"{len(self.records)} finished runs in {len(self.groups)} "
            f"group(s); seeds {', '.join(map(str, seeds))}. "
        )
        text += (
            f"The groups differ in {', '.join(self.names)}."
            if self.names
            else "All runs have the same settings."
        )
        parts = [html_page.paragraph(text)]
        if self.pooled:
            parts.append(
                html_page.paragraph(
                    f"Within the groups these settings vary too: "
                    f"{', '.join(self.others)}. The spread is not that of "
                    f"seeds alone.",
                    "warning",
                )
            )
        elif self.others:
            parts.append(
                html_page.paragraph(
                    f"These settings change together with the groups: "
                    f"{', '.join(self.others)}. What differs between groups "
                    f"may come from any of them.",
                    "warning",
                )
            )
        if self.problems:
            parts.append(
                html_page.paragraph(
                    f"{len(self.problems)} directories were not used: see "
                    f"the end.",
                    "warning",
                )
            )
        return "".join(parts)

    def _groups_part(self) -> str:
        note = (
            "Mean ± sample standard deviation over the runs (n). Losses are "
            "comparable only between runs of one task, mask and target. Few "
            "skips is not accuracy."
        )
        for space in sorted({r.genotype.space for r in self.records}):
            note += f" {self.truth.about(space)}".rstrip()
        parts = [html_page.paragraph(note, "note")]
        parts += [table.to_html() for table in self._group_tables()]
        genotypes = "".join(
            html_page.paragraph(group.name)
            + "".join(html_page.code(str(r.genotype)) for r in group.records)
            for group in self.groups
        )
        parts.append(html_page.folded("genotypes found, by group", genotypes))
        return "".join(parts)

    def _comparisons_part(self) -> str:
        if not self.comparisons:
            return html_page.paragraph("No two groups differ in one setting.")
        tested = [
            c for c in self.comparisons if c.method in (PAIRED, BOOTSTRAP)
        ]
        methods = {
            PAIRED: "paired by seed, with Student's t interval, where two "
            "groups have the same seeds",
            BOOTSTRAP: f"else the percentile interval of {RESAMPLES:,} "
            f"bootstrap resamples of the difference of means",
        }
        note = (
            f"Groups that differ in exactly one setting, the second less the "
            f"first; 95% intervals: {'; '.join(methods.values())}. Not "
            f"corrected for their number: of {len(tested)} intervals about "
            f"{len(tested) / 20:.1f} exclude 0 by chance alone."
        )
        parts = [html_page.paragraph(note, "note")]
        clear = [c for c in tested if c.verdict in ("higher", "lower")]
        parts.append(
            html_page.bullets([c.sentence() for c in clear])
            if clear
            else html_page.paragraph("No interval excludes 0.")
        )
        rest = [c for c in self.comparisons if c not in clear]
        if rest:
            parts.append(
                html_page.folded(
                    f"the other {len(rest)} comparisons",
                    html_page.bullets([c.sentence() for c in rest]),
                    is_open=len(rest) <= _MOST_OPEN_SENTENCES,
                )
            )
        return "".join(parts)

    def _cost_part(self) -> str:
        parts = []
        for groups in report_tables.cost_groups(self.records, self.figures):
            text = report_tables.scale_text(groups[0])
            parts.append(html_page.paragraph(f"At the scale {text}:", "note"))
            parts.append(report_tables.cost_table(groups).to_html())
            sentences = [
                comparison.sentence()
                for comparison in report_tables.compare_cost(groups)
            ]
            parts.append(html_page.bullets(sentences))
        return "".join(parts) or html_page.paragraph(
            "No scale was searched both with labels and without."
        )

    def _runs_part(self, progress: Progress) -> str:
        table = report_tables.short_runs_table(
            self.records, self.figures, with_genotype=False
        )
        parts = [table.to_html()]
        for record in progress(self.records):
            parts.append(
                report_charts.run_details(
                    record,
                    self.figures[record.name],
                    is_open=self._are_few,
                )
            )
        return "".join(parts)

    def _problems(self) -> Table:
        return Table(["directory", "why"], list(self.problems.items()), 2)

    def _problems_part(self) -> str:
        if not self.problems:
            return ""
        return html_page.heading("Not used") + self._problems().to_html()
