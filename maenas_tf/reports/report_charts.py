"""The pictures of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from maenas_tf.figures import charts, plots
from maenas_tf.reports import grouping, html_page
from maenas_tf.reports.grouping import Group
from maenas_tf.reports.tables import Table
from maenas_tf.runs.run_record import HESSIAN, RunRecord, entropies, label
from maenas_tf.spaces import SPACES, statistics

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


def run_details(record: RunRecord, figures: Mapping[str, float]) -> str:
    """Returns HTML about one run: figures and pictures, folded."""
    rows = [[label(m), grouping.number(v)] for m, v in figures.items()]
    parts = [html_page.code(str(record.genotype))]
    warning = statistics.collapse_warning(record.genotype)
    if warning:
        parts.append(html_page.paragraph(warning, "warning"))
    parts.append(Table(["figure", "value"], rows).to_html())
    for kind in record.genotype.cells:
        picture = plots.draw_cell(record.genotype, kind)
        parts.append(html_page.chart(picture, f"{record.name}: {kind}"))
    for kind, stack in record.weights.items():
        cell_type = SPACES.get(record.genotype.space).cell_type(kind)
        picture = plots.draw_alpha_history(stack, cell_type)
        parts.append(html_page.chart(picture, f"{record.name}: alphas"))
    for name, content in record.pictures.items():
        parts.append(html_page.png(content, f"{record.name}: {name}"))
    return html_page.folded(record.name, "".join(parts))


def _pairs(group: Group, measure: str) -> list[tuple[float, float]]:
    return [
        (figures["alpha_loss"], figures[measure])
        for figures in group.figures
        if measure in figures and "alpha_loss" in figures
    ]
