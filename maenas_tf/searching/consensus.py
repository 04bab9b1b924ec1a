"""One architecture of several searches.

Where the architecture weights are close to each other, the seed decides which
candidate of an edge is the strongest; it decides less about their mean over
searches. (DARTS repeats its search too, with four seeds, and takes the one
whose network turns out best, which needs labels; Liu et al., 2019.)
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maenas_tf.algorithms import skip_limit
from maenas_tf.algorithms.algorithm import ALGORITHMS
from maenas_tf.algorithms.alpha_reading import mean_weights
from maenas_tf.config import ConfigError, user_path
from maenas_tf.runs import atomic, files, kinds
from maenas_tf.runs.run_record import RunRecord, true_figures
from maenas_tf.selection.constraints import Budget, Limits
from maenas_tf.skeletons import NetworkSize
from maenas_tf.spaces import SPACES, Genotype
from maenas_tf.spaces.true_accuracies import TrueAccuracies

# Settings in which the searches must agree: what is derived, and the network
# that its limits are about.
_SHARED = ("space", "algorithm", "max_parameters", "max_macs", "max_skips")
_SIZE = [field.name for field in dataclasses.fields(NetworkSize)]


@dataclasses.dataclass(frozen=True)
class Consensus:
    """What several searches found together.

    Attributes:
        genotype: derived from `weights`, within the limits of the searches.
        weights: cell type to [edges, primitives], the mean over the searches
            of the weights that each reads its own architecture off.
        network: the network of the evaluation, as in summary.json.
        runs: name to what each search found by itself.
        num_labels_read: by all of them.
        seconds: of all searches.
        true_figures: of the genotype in a table of true accuracies, if it
            is there.
    """

    genotype: Genotype
    weights: Mapping[str, np.ndarray]
    network: Mapping[str, Any]
    runs: Mapping[str, Genotype]
    num_labels_read: int
    seconds: float
    true_figures: Mapping[str, float]

    def write(self, output_dir: str | os.PathLike[str]) -> None:
        """Writes genotype.json, weights.npz and summary.json.

        Args:
            output_dir: made if missing.
        """
        directory = user_path(output_dir)
        atomic.write_arrays(directory / files.WEIGHTS, self.weights)
        summary = {
            kinds.KIND: kinds.CONSENSUS,
            "genotype": self.genotype.to_dict(),
            "evaluation_network": self.network,
            "runs": {name: g.to_dict() for name, g in self.runs.items()},
            "num_labels_read": self.num_labels_read,
            "seconds_search": self.seconds,
            **self.true_figures,
        }
        atomic.write_json(directory / files.SUMMARY, summary)
        atomic.write_text(directory / files.GENOTYPE, self.genotype.to_json())


def find_consensus(
    records: Sequence[RunRecord], truth: TrueAccuracies | None = None
) -> Consensus:
    """Reads one architecture off the mean weights of searches.

    Each search counts alike; of each, the mean over its last
    `alpha_average` epochs.

    Args:
        records: finished searches with alphas.
        truth: where true accuracies are looked up afterwards; None is what is
            installed.

    Raises:
        ConfigError: one has no alphas, or they differ in space, algorithm,
            limits or the network of the evaluation.
    """
    first = records[0]
    for record in records:
        _check(record, first)
    space = SPACES.get(first.settings["space"])
    algorithm = ALGORITHMS.get(first.settings["algorithm"])()
    own = {
        name: first.settings.get(name, default)
        for name, default in algorithm.settings.to_dict().items()
    }
    algorithm.settings = algorithm.settings.replace(**own)
    weights = mean_of_searches(records)
    limits = Limits(
        first.settings["max_parameters"],
        first.settings["max_macs"],
        skip_limit.allowed(algorithm, space, first.settings["max_skips"]),
    )
    budget = Budget(space, NetworkSize(**_size(first)), limits)
    strongest = skip_limit.derive(algorithm, space, weights, limits.skips)
    genotype = budget.choose(strongest, weights)
    return Consensus(
        genotype,
        weights,
        budget.report(strongest, genotype),
        {record.name: record.genotype for record in records},
        sum(int(r.summary["num_labels_read"]) for r in records),
        round(sum(float(r.summary["seconds_search"]) for r in records), 3),
        true_figures(
            genotype, first.settings["dataset"], truth or TrueAccuracies()
        ),
    )


def mean_of_searches(records: Sequence[RunRecord]) -> dict[str, np.ndarray]:
    """Returns the mean of the weights that searches read theirs off.

    Args:
        records: finished searches with alphas, in one space.

    Returns:
        Cell type to [edges, primitives].
    """
    each = [_weights(record) for record in records]
    return {
        kind: np.mean([found[kind] for found in each], axis=0)
        for kind in each[0]
    }


def epochs_that_count(record: RunRecord) -> int:
    """Returns after how many epochs the architecture is read off.

    All, but for a search that has stopped early.
    """
    stop = record.summary.get("early_stop", {})
    if stop.get("stopped"):
        return stop["genotype_epoch"] + 1
    return len(next(iter(record.weights.values())))


def _weights(record: RunRecord) -> dict[str, np.ndarray]:
    count = epochs_that_count(record)
    return {
        kind: mean_weights(
            history[:count],
            record.summary["warmup_epochs"],
            record.settings["alpha_average"],
        )
        for kind, history in record.weights.items()
    }


def _size(record: RunRecord) -> dict[str, Any]:
    network = record.summary["evaluation_network"]
    return {name: network[name] for name in _SIZE}


def _check(record: RunRecord, first: RunRecord) -> None:
    if not record.weights:
        raise ConfigError(
            f"--runs names {record.name}, a search without alphas "
            f"(--algorithm={record.settings['algorithm']}); give searches "
            f"that have them."
        )
    found = {name: record.settings[name] for name in _SHARED} | _size(record)
    expected = {name: first.settings[name] for name in _SHARED} | _size(first)
    for name, value in expected.items():
        if found[name] != value:
            raise ConfigError(
                f"--runs names {first.name} with {name}={value} and "
                f"{record.name} with {name}={found[name]}; give searches that "
                f"agree in it."
            )
