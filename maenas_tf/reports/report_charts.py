"""The pictures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from maenas_tf.figures import charts, plots
from maenas_tf.reports import grouping, html_page
from maenas_tf.reports.grouping import Group
from maenas_tf.reports.tables import Table
from maenas_tf.runs.run_record import HESSIAN, RunRecord, entropies, label
from maenas_tf.spaces import SPACES, Genotype, statistics

# The figures that are drawn by group.
_DRAWN = (
    "true_accuracy_",
    "true_percentile_",
    "true_tau_",
    "skips_",
    "pools_",
    "entropy_",
    f"{HESSIAN}_",
    "seconds_per_1000_images",
)
# What a cell costs, and what finding it did.
_COSTS = (
    "parameters",
    "macs",
    "seconds",
    "images",
    "labels_read",
    "peak_memory_mb",
)
_COSTS_NOTE = (
    "Parameters and multiply-accumulates are of the network for training, at "
    "the size of --eval_init_channels and --eval_num_cells; the rest is of the "
    "search."
)
_MOST_CELLS = 12
_PICTURE_NOTES = {
    "reconstructions.png": "What the network was shown, what it made of it, "
    "and the images themselves, which no weight was trained on (of restarts "
    "the last one):",
}
_ALPHAS_NOTE = (
    "How the candidates of each edge were weighed, epoch by epoch: where all "
    "stay alike, the cell is close to a guess."
)
# Columns of the history that are drawn over the epochs.
_CURVES = {
    HESSIAN: "dominant Hessian eigenvalue",
    "weight_loss": "loss on the weight half",
    "alpha_loss": "loss on the alpha half",
}


def draw_all(groups: Sequence[Group]) -> dict[str, np.ndarray]:
    """Returns name to picture: figures by group, then over epochs."""
    drawn = {}
    found = dict.fromkeys(m for g in groups for f in g.figures for m in f)
    for measure in found:
        values = {g.name: [v for _, v in g.by_seed(measure)] for g in groups}
        if measure.startswith(_DRAWN):
            drawn[measure] = charts.draw_points(values, label(measure))
    for name, curves in _curves(groups).items():
        if any(np.isfinite(s).any() for v in curves.values() for s in v):
            text = _CURVES.get(name) or label(name)
            drawn[f"epochs_{name}"] = charts.draw_curves(curves, text)
    for measure in found:
        points = {g.name: _pairs(g, measure) for g in groups}
        if measure.startswith("true_accuracy_") and any(points.values()):
            drawn[f"loss_against_{measure}"] = charts.draw_scatter(
                points, label("alpha_loss"), label(measure)
            )
    return drawn


def _curves(groups: Sequence[Group]) -> dict[str, dict[str, list[np.ndarray]]]:
    """Returns figure to group to a series for each of its runs."""
    records = [record for group in groups for record in group.records]
    kinds = dict.fromkeys(k for r in records for k in r.weights)
    curves = {
        f"entropy_{kind}": {
            group.name: [
                entropies(record)[kind]
                for record in group.records
                if kind in record.weights
            ]
            for group in groups
        }
        for kind in kinds
    }
    skips = [f"skips_{k}" for r in records for k in r.genotype.cells]
    columns = [*skips, *_CURVES]
    for name in dict.fromkeys(columns):
        curves[name] = {
            group.name: [record.column(name) for record in group.records]
            for group in groups
        }
    return curves


def found_cells(
    records: Sequence[RunRecord], figures: Mapping[str, Mapping[str, float]]
) -> str:
    """Returns HTML of what was found: each cell once, and what it costs.

    Args:
        records: the runs.
        figures: name of a run to its figures.
    """
    found: dict[Genotype, list[RunRecord]] = {}
    for record in records:
        found.setdefault(record.genotype, []).append(record)
    names = [
        name for name in _COSTS if any(name in f for f in figures.values())
    ]
    rows = [
        [r.name, *(_shown(figures[r.name].get(name)) for name in names)]
        for r in records
    ]
    costs = Table(["run", *map(label, names)], rows)
    parts = [costs.to_html(), html_page.paragraph(_COSTS_NOTE, "note")]
    for genotype, finders in list(found.items())[:_MOST_CELLS]:
        text = f"Found by {', '.join(record.name for record in finders)}:"
        parts.append(html_page.paragraph(text))
        parts.append(_cells(genotype, finders[0].name))
    left = len(found) - _MOST_CELLS
    if left > 0:
        text = f"{left} more cells are shown with their runs."
        parts.append(html_page.paragraph(text, "note"))
    return "".join(parts)


def _shown(value: float | None) -> str:
    return "-" if value is None else grouping.number(value)


def _cells(genotype: Genotype, name: str) -> str:
    """Returns a genotype as a line, with a warning and pictures."""
    parts = [html_page.code(str(genotype))]
    warning = statistics.collapse_warning(genotype)
    if warning:
        parts.append(html_page.paragraph(warning, "warning"))
    for kind in genotype.cells:
        picture = plots.draw_cell(genotype, kind)
        parts.append(html_page.chart(picture, f"{name}: {kind}"))
    return "".join(parts)


def run_details(
    record: RunRecord, figures: Mapping[str, float], is_open: bool = False
) -> str:
    """Returns HTML about one run: pictures and figures, to be unfolded.

    Args:
        record: the run.
        figures: of it.
        is_open: whether it is unfolded from the start.
    """
    parts = [_cells(record.genotype, record.name)]
    if warning := record.summary.get("warning"):
        parts.append(html_page.paragraph(warning, "warning"))
    for name, content in record.pictures.items():
        note = _PICTURE_NOTES.get(name, name)
        parts.append(html_page.paragraph(note, "note"))
        parts.append(html_page.png(content, f"{record.name}: {name}"))
    if record.weights:
        parts.append(html_page.paragraph(_ALPHAS_NOTE, "note"))
    for kind, stack in record.weights.items():
        cell_type = SPACES.get(record.genotype.space).cell_type(kind)
        picture = plots.draw_alpha_history(stack, cell_type)
        parts.append(html_page.chart(picture, f"{record.name}: alphas"))
    rows = [[label(m), grouping.number(v)] for m, v in figures.items()]
    parts.append(Table(["figure", "value"], rows).to_html())
    return html_page.folded(record.name, "".join(parts), is_open)


def _pairs(group: Group, measure: str) -> list[tuple[float, float]]:
    return [
        (figures["alpha_loss"], figures[measure])
        for figures in group.figures
        if measure in figures and "alpha_loss" in figures
    ]
