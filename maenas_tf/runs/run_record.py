"""What a finished search left behind, and the figures in it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.spaces import Genotype, accuracy_table, statistics
from maenas_tf.spaces.true_accuracies import TrueAccuracies

HESSIAN = "hessian_eigenvalue"
ACCURACY, PERCENTILE = "true_accuracy", "true_percentile"
TAU = "true_tau"
# Figure to what it is called, its cell type or data set aside.
LABELS = {
    ACCURACY: "true accuracy, %",
    PERCENTILE: "percentile of it in the whole space",
    TAU: "Kendall's tau, alphas with true accuracies of the whole space",
    "skips": "skip connections",
    "pools": "pooling operations",
    "entropy": "entropy of the alphas, nats",
    f"{HESSIAN}_last": "dominant Hessian eigenvalue, last",
    f"{HESSIAN}_largest": "dominant Hessian eigenvalue, largest",
    "weight_loss": "last loss on the weight half",
    "alpha_loss": "last loss on the alpha half",
    "seconds": "seconds of search",
    "seconds_per_1000_images": "seconds per 1,000 images, first step aside",
    "images": "images seen",
    "images_per_second": "images/s",
    "peak_memory_mb": "peak memory, MB",
    "labels_read": "labels read",
    "supernet_parameters": "parameters of the supernet",
    "parameters": "parameters of the network found",
    "macs": "multiply-accumulates of the network found",
}
_BY_CELL = ("skips", "pools", "entropy")
_BY_DATASET = (ACCURACY, PERCENTILE, TAU)


@dataclasses.dataclass(frozen=True)
class RunRecord:
    """A finished search.

    Attributes:
        name: for people; no two runs of a report have the same.
        settings: of its configuration, name to value.
        genotype: what it found.
        rows: of history.csv, one an epoch, as texts; none where nothing was
            trained.
        weights: cell type to softmaxed alphas, [epochs, edges, primitives];
            empty where the algorithm has none.
        summary: of summary.json.
        pictures: file name to the bytes of a PNG.
    """

    name: str
    settings: Mapping[str, Any]
    genotype: Genotype
    rows: Sequence[Mapping[str, str]]
    weights: Mapping[str, np.ndarray]
    summary: Mapping[str, Any]
    pictures: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

    @property
    def seed(self) -> int:
        """The seed of everything random."""
        return self.settings["seed"]

    @property
    def reads_labels(self) -> bool:
        """Whether the search read any."""
        return bool(self.summary.get("num_labels_read", 0))

    def column(self, name: str) -> np.ndarray:
        """Returns a column of the history, nan where it says nothing."""
        return np.array([_number(row.get(name)) for row in self.rows])


def label(measure: str) -> str:
    """Returns what a figure is called, with its unit."""
    for name in _BY_CELL:
        if measure.startswith(f"{name}_"):
            kind = measure.removeprefix(f"{name}_")
            return f"{LABELS[name]} ({kind})"
    for name in _BY_DATASET:
        if measure.startswith(f"{name}_"):
            return f"{LABELS[name]} ({measure.removeprefix(f'{name}_')})"
    return LABELS.get(measure, measure)


def measures(
    record: RunRecord, truth: TrueAccuracies | None = None
) -> dict[str, float]:
    """Returns every figure of a run that is known; what is not, is left out.

    Args:
        record: the run.
        truth: where true accuracies are looked up, on the data set of the
            search where they are known on it, else on CIFAR-10; None is what
            is installed.
    """
    summary, images = record.summary, _images(record)
    seconds = _number(summary.get("seconds_search"))
    selection = summary.get("selection") or {}
    steady = seconds - _number(summary.get("first_step_seconds"))
    steady -= _number(selection.get("seconds", 0.0))
    network = summary.get("evaluation_network") or {}
    found = {
        **_truth(record, truth or TrueAccuracies()),
        **_by_cell("skips", statistics.count_skips(record.genotype)),
        **_by_cell("pools", statistics.count_pools(record.genotype)),
        **_by_cell("entropy", _entropies(record)),
        **_hessian(record),
        "weight_loss": _last(record.column("weight_loss")),
        "alpha_loss": _last(record.column("alpha_loss")),
        "seconds": seconds,
        "seconds_per_1000_images": 1000 * steady / images if images else None,
        "images": images,
        "images_per_second": summary.get("images_per_second"),
        "peak_memory_mb": summary.get("peak_memory_mb"),
        "labels_read": summary.get("num_labels_read"),
        "supernet_parameters": summary.get("parameters"),
        "parameters": network.get("parameters"),
        "macs": network.get("macs"),
    }
    numbers = {name: _number(value) for name, value in found.items()}
    return {n: value for n, value in numbers.items() if math.isfinite(value)}


def entropies(record: RunRecord) -> dict[str, np.ndarray]:
    """Returns cell type to the entropy of the alphas by epoch, nats."""
    return {
        kind: np.array([statistics.entropy(weights) for weights in stack])
        for kind, stack in record.weights.items()
    }


def _entropies(record: RunRecord) -> dict[str, float]:
    return {kind: float(v[-1]) for kind, v in entropies(record).items()}


def _images(record: RunRecord) -> float:
    """Returns how many images were seen, each as often as it was.

    The history holds their rate, rounded; an epoch is a whole number of times
    the steps of one batch.
    """
    if not record.rows:
        return 0.0
    counts = record.column("images_per_second") * record.column("seconds")
    steps = _number(record.summary.get("steps")) / len(record.rows)
    batch = steps * _number(record.settings.get("batch_size"))
    if batch > 0:
        counts = np.round(counts / batch) * batch
    tuned = record.summary.get("selection", {}).get("tuning_images", 0)
    return float(np.nansum(counts)) + tuned


def _by_cell(name: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}_{kind}": value for kind, value in values.items()}


def true_figures(
    genotype: Genotype, dataset: str, truth: TrueAccuracies
) -> dict[str, float]:
    """Looks an architecture up in a table of true accuracies.

    Args:
        genotype: of any space.
        dataset: of the search; CIFAR-10 stands for what the table lacks.
        truth: the tables.

    Returns:
        Accuracy and percentile, in percent; nothing for an architecture of
        which no table is at hand.
    """
    dataset = _known(genotype, dataset, truth)
    if not dataset:
        return {}
    table = truth.table(genotype.space, dataset)
    key = accuracy_table.key_of(genotype)
    return {
        f"{ACCURACY}_{dataset}": table[key],
        f"{PERCENTILE}_{dataset}": accuracy_table.percentile(table, genotype),
    }


def _truth(record: RunRecord, truth: TrueAccuracies) -> dict[str, float]:
    """Returns the true figures of what was found and of the last alphas."""
    genotype, searched = record.genotype, record.settings.get("dataset", "")
    found = true_figures(genotype, searched, truth)
    if found and record.weights:
        dataset = _known(genotype, searched, truth)
        table = truth.table(genotype.space, dataset)
        (stack,) = record.weights.values()
        found[f"{TAU}_{dataset}"] = accuracy_table.ranking_tau(
            table, stack[-1], genotype.space
        )
    return found


def _known(genotype: Genotype, dataset: str, truth: TrueAccuracies) -> str:
    """Returns the data set whose table to look in, empty if there is none."""
    known = truth.datasets(genotype.space)
    return dataset if dataset in known else next(iter(known), "")


def _hessian(record: RunRecord) -> dict[str, float]:
    values = record.column(HESSIAN)
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    return {
        f"{HESSIAN}_last": float(values[-1]),
        f"{HESSIAN}_largest": float(values.max()),
    }


def _last(values: np.ndarray) -> float:
    """Returns the last value that is a number, nan if none is."""
    values = values[np.isfinite(values)]
    return float(values[-1]) if len(values) else math.nan


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
