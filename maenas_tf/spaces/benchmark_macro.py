"""True accuracies of all networks of NAS-Bench-Macro, without training one.

They come from the JSON file of its authors, which is no part of the project:
the test accuracy on CIFAR-10 of each of the 6,561 networks, the mean of three
trainings.

Reference: Su et al., "Prioritized Architecture Sampling with Monto-Carlo Tree
Search" (CVPR 2021).
"""

from __future__ import annotations

import json
import math
import types

from maenas_tf.config import ConfigError, user_path
from maenas_tf.spaces.accuracy_table import AccuracyTable
from maenas_tf.spaces.macro import MACRO, PRIMITIVES

DATASETS = ("cifar10",)
ABOUT = (
    "True accuracy: test accuracy in NAS-Bench-Macro, mean over its three "
    "trainings."
)
NUM_NETWORKS = len(PRIMITIVES) ** len(MACRO.edges)


def load_table(path: str) -> AccuracyTable:
    """Returns the mean accuracy of every network, percent.

    Args:
        path: of the JSON file: key to an object with "mean_acc".

    Raises:
        ConfigError: it is not that file.
    """
    try:
        text = user_path(path).read_text(encoding="utf-8")
        table = {
            key: float(value["mean_acc"])
            for key, value in json.loads(text).items()
            if MACRO.reads(key)
        }
    except OSError as error:
        raise _refused(path, str(error.strerror)) from error
    except (ValueError, AttributeError, LookupError, TypeError) as error:
        raise _refused(path, f"it is of another form: {error}") from error
    if len(table) != NUM_NETWORKS:
        count = f"it has {len(table):,} networks of {NUM_NETWORKS:,}"
        raise _refused(path, count)
    if not all(math.isfinite(value) for value in table.values()):
        raise _refused(path, "an accuracy in it is no number")
    return types.MappingProxyType(table)


def _refused(path: str, why: str) -> ConfigError:
    return ConfigError(
        f"--benchmark_file={path} cannot be read as NAS-Bench-Macro's table "
        f"({why}); give nas-bench-macro_cifar10.json of its authors."
    )
