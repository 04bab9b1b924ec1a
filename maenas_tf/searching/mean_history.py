"""The history and the summary of several searches: those of their mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.recording.history import read_value
from maenas_tf.runs.kinds import KIND
from maenas_tf.runs.run_record import RunRecord
from maenas_tf.searching.consensus import epochs_that_count
from maenas_tf.spaces import Genotype, statistics
from maenas_tf.spaces.architectures import EdgeWeights

# What precedes a cell type in the name of its array of weights.
WEIGHTS = "weights_"
# Of a restart's summary what stands in the list of restarts too.
_OF_A_RESTART = ("seed", "genotype", "seconds_search", "early_stop")
# Of it what says nothing of the others.
_OF_ONE = (KIND, "early_stop", "selection", "warning")
_ADDED_UP = ("seconds_search", "steps", "first_step_seconds")


def mean_arrays(
    records: Sequence[RunRecord], stacks: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """Returns the mean over searches of what alphas.npz holds.

    A search that has stopped early stays at the epoch of its genotype.

    Args:
        records: finished searches.
        stacks: of each, name to array, [epochs, ...].

    Returns:
        Name to array, of the epochs of the longest search.
    """
    epochs = max(len(record.rows) for record in records)
    chosen = [
        np.minimum(np.arange(epochs), epochs_that_count(record) - 1)
        for record in records
    ]
    return {
        name: np.mean(
            [
                stack[name][places]
                for stack, places in zip(stacks, chosen, strict=True)
            ],
            axis=0,
        )
        for name in stacks[0]
    }


def mean_rows(
    records: Sequence[RunRecord],
    arrays: Mapping[str, np.ndarray],
    derive: Callable[[EdgeWeights], Genotype],
) -> list[dict[str, Any]]:
    """Returns the rows of history.csv of several searches.

    Each is the mean over those that made the epoch; the seconds are added
    up, and genotype, skips and entropy are those of the mean weights.

    Args:
        records: finished searches.
        arrays: as `mean_arrays` returned them.
        derive: maps weights to what is read off them.
    """
    rows = []
    for epoch in range(max(len(record.rows) for record in records)):
        weights = {
            name.removeprefix(WEIGHTS): stack[epoch]
            for name, stack in arrays.items()
            if name.startswith(WEIGHTS)
        }
        each = [r.rows[epoch] for r in records if epoch < len(r.rows)]
        rows.append(_row(epoch, each, weights, derive(weights)))
    return rows


def _row(
    epoch: int,
    each: Sequence[Mapping[str, str]],
    weights: EdgeWeights,
    genotype: Genotype,
) -> dict[str, Any]:
    own = {
        "epoch": epoch,
        **{f"entropy_{k}": statistics.entropy(w) for k, w in weights.items()},
        **{
            f"skips_{kind}": count
            for kind, count in statistics.count_skips(genotype).items()
        },
        **_speed(each),
        "genotype": str(genotype),
    }
    return {
        name: own[name] if name in own else _mean(name, each)
        for name in each[0]
    }


def _speed(each: Sequence[Mapping[str, str]]) -> dict[str, float]:
    seconds = [float(row["seconds"]) for row in each]
    images = sum(
        float(row["images_per_second"]) * taken
        for row, taken in zip(each, seconds, strict=True)
    )
    return {
        "images_per_second": round(images / max(sum(seconds), 1e-9), 1),
        "seconds": round(sum(seconds), 3),
    }


def _mean(name: str, each: Sequence[Mapping[str, str]]) -> int | float | str:
    """Returns the mean of a column, an empty text where none has a value."""
    texts = [row[name] for row in each if row[name] != ""]
    if len(set(texts)) < 2:
        return read_value(name, texts[0]) if texts else ""
    return float(np.mean([float(text) for text in texts]))


def mean_summary(
    records: Sequence[RunRecord], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Returns what summary.json says of several searches, found aside.

    Args:
        records: finished searches, which have read the same images.
        rows: as `mean_rows` returned them.
    """
    summaries = [record.summary for record in records]
    common = {k: v for k, v in summaries[-1].items() if k not in _OF_ONE}
    added = {n: round(sum(s[n] for s in summaries), 3) for n in _ADDED_UP}
    speeds = [row["images_per_second"] for row in rows]
    return {
        **common,
        **added,
        "images_per_second": round(float(np.mean(speeds)), 1),
        "restarts": [_in_short(record) for record in records],
    }


def _in_short(record: RunRecord) -> dict[str, Any]:
    """Returns what the summary of the whole says about a restart."""
    found = {n: record.summary[n] for n in _OF_A_RESTART if n in record.summary}
    losses = {
        name: float(record.rows[-1][name])
        for name in ("weight_loss", "alpha_loss")
        if record.rows[-1].get(name, "") != ""
    }
    skips = statistics.count_skips(record.genotype)
    return {**found, "skips": skips, **losses}
