"""The tables of a report: runs, groups, comparisons, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from maenas_tf.reports.comparison import Comparison, comparable_pairs, compare
from maenas_tf.reports.grouping import Group, make_groups, number
from maenas_tf.reports.tables import Table
from maenas_tf.runs.run_record import HESSIAN, RunRecord, label

Figures = Mapping[str, Mapping[str, float]]

# What is compared: not the losses, which measure something else for each
# task, mask and target.
_COMPARED = (
    "true_accuracy_",
    "true_tau_",
    "skips_",
    "pools_",
    "entropy_",
    f"{HESSIAN}_",
    "seconds_per_1000_images",
)
# What a row about one run shows.
_SHORT = (*_COMPARED, "true_percentile_", "alpha_loss")
# Runs of which these agree cost the same but for what supervises them.
_SCALE = (
    "space",
    "algorithm",
    "order",
    "dataset",
    "max_images",
    "image_size",
    "init_channels",
    "num_cells",
    "epochs",
    "batch_size",
    "precision",
)
_COST = (
    "seconds",
    "images",
    "seconds_per_1000_images",
    "images_per_second",
    "peak_memory_mb",
    "supernet_parameters",
    "labels_read",
)


def known_measures(figures: Figures) -> list[str]:
    """Returns the figures that any run has, in the order of a run's."""
    return list(dict.fromkeys(name for f in figures.values() for name in f))


def runs_table(
    records: Sequence[RunRecord], figures: Figures, names: Sequence[str]
) -> Table:
    """Returns a row for each run, numbers in full, for computers.

    Args:
        records: the runs.
        figures: name of a run to its figures.
        names: the settings to show.
    """
    measures = known_measures(figures)
    rows = [
        [
            record.name,
            *(str(record.settings.get(name)) for name in names),
            str(record.seed),
            str(record.genotype),
            *(_full(figures[record.name].get(m)) for m in measures),
        ]
        for record in records
    ]
    columns = ["run", *names, "seed", "genotype", *measures]
    return Table(columns, rows, len(names) + 3)


def short_runs_table(
    records: Sequence[RunRecord], figures: Figures, with_genotype: bool = True
) -> Table:
    """As `runs_table`, for people: fewer digits and figures."""
    measures = [m for m in known_measures(figures) if m.startswith(_SHORT)]
    rows = [
        [
            record.name,
            *([str(record.genotype)] if with_genotype else []),
            *(_short(figures[record.name].get(m)) for m in measures),
        ]
        for record in records
    ]
    words = ["run", "genotype"] if with_genotype else ["run"]
    return Table([*words, *map(label, measures)], rows, len(words))


def groups_table(groups: Sequence[Group]) -> Table:
    """Returns group, figure, n, mean and deviation, for computers."""
    rows = []
    for group in groups:
        for measure in _measures_of([group]):
            found = group.spread(measure)
            rows.append(
                [
                    group.name,
                    measure,
                    str(found.n),
                    _full(found.mean),
                    _full(found.deviation if found.n > 1 else None),
                ]
            )
    columns = ["group", "measure", "n", "mean", "sample_deviation"]
    return Table(columns, rows, 2)


def short_groups_table(groups: Sequence[Group]) -> Table:
    """Returns a row for each figure and a column for each group."""
    rows = [
        [label(m), *(str(g.spread(m) or "-") for g in groups)]
        for m in _measures_of(groups)
    ]
    return Table(["", *(group.name for group in groups)], rows)


def _measures_of(groups: Sequence[Group]) -> list[str]:
    return list(
        dict.fromkeys(
            m for g in groups for figures in g.figures for m in figures
        )
    )


def compare_groups(groups: Sequence[Group]) -> list[Comparison]:
    """Compares each pair of groups that differ in one setting."""
    measures = [m for m in _measures_of(groups) if m.startswith(_COMPARED)]
    found = [
        compare(measure, first, second)
        for measure in measures
        for first, second in comparable_pairs(groups)
    ]
    return [comparison for comparison in found if comparison]


def comparisons_table(comparisons: Sequence[Comparison]) -> Table:
    """Returns a row for each comparison, numbers in full."""
    columns = ["measure", "first", "second", "method", "verdict"]
    columns += ["n_first", "n_second", "difference", "low_95", "high_95"]
    rows = [
        [
            c.measure,
            c.first,
            c.second,
            c.method,
            c.verdict,
            *map(str, c.sizes),
            *(_full(v) for v in (c.difference, c.low, c.high)),
        ]
        for c in comparisons
    ]
    return Table(columns, rows, 5)


def cost_groups(
    records: Sequence[RunRecord], figures: Figures
) -> list[list[Group]]:
    """Returns groups by task, for each scale searched with and without labels.

    Runs are of one scale if space, data and size agree.
    """
    scales: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        key = tuple(repr(record.settings.get(name)) for name in _SCALE)
        scales.setdefault(key, []).append(record)
    return [
        make_groups(members, figures, ["task"])
        for members in scales.values()
        if len({record.reads_labels for record in members}) == 2
    ]


def scale_text(group: Group) -> str:
    """Returns the settings that make the scale of a group of `cost_groups`."""
    settings = group.records[0].settings
    return ", ".join(f"{name}={settings.get(name)}" for name in _SCALE)


def cost_table(groups: Sequence[Group]) -> Table:
    """Returns what each task's searches cost, side by side."""
    measures = [m for m in _measures_of(groups) if m in _COST]
    rows = [
        [label(m), *(str(g.spread(m) or "-") for g in groups)] for m in measures
    ]
    return Table(["", *(group.name for group in groups)], rows)


def compare_cost(groups: Sequence[Group]) -> list[Comparison]:
    """Compares the time of tasks with labels with those without."""
    found = [
        compare(measure, second, first)
        for measure in ("seconds", "seconds_per_1000_images")
        for first, second in comparable_pairs(groups)
        if first.records[0].reads_labels != second.records[0].reads_labels
    ]
    return [comparison for comparison in found if comparison]


def _full(value: float | None) -> str:
    return "" if value is None else repr(float(value)).removesuffix(".0")


def _short(value: float | None) -> str:
    return "-" if value is None else number(value)
