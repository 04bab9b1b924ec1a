"""maenas_tf: label-free neural architecture search in Keras/TensorFlow.

The names below are loaded at first use, so that importing the package, or a
part of it that needs no TensorFlow, is quick.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

# Before TensorFlow is imported. It leaves its oneDNN kernels off on processors
# without AVX512-VNNI, where a step with them takes about half the time.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__version__ = "0.1.0"

_HOMES = {
    "ConfigError": "maenas_tf.config",
    "Genotype": "maenas_tf.spaces",
    "Network": "maenas_tf.models.network",
    "PretrainConfig": "maenas_tf.training.config",
    "PretrainResult": "maenas_tf.training.pretrain_experiment",
    "SearchConfig": "maenas_tf.searching.config",
    "SearchResult": "maenas_tf.searching.result",
    "TrainConfig": "maenas_tf.training.config",
    "build_backbone": "maenas_tf.models.backbone",
    "build_network": "maenas_tf.models.network",
    "build_supernet": "maenas_tf.models.supernet",
    "count_macs": "maenas_tf.models.complexity",
    "count_parameters": "maenas_tf.models.complexity",
    "derive_genotype": "maenas_tf.api",
    "load_genotype": "maenas_tf.spaces",
    "pretrain": "maenas_tf.api",
    "search": "maenas_tf.api",
    "transfer_weights": "maenas_tf.models.backbone",
}

__all__ = ["__version__", *_HOMES]


def require_tensorflow_backend() -> None:
    """Raises ConfigError unless Keras runs on TensorFlow."""
    from maenas_tf.config import ConfigError

    try:
        import keras

        backend = keras.backend.backend()
    except (ImportError, ValueError) as error:
        backend = f"one that does not load ({error})"
    if backend != "tensorflow":
        raise ConfigError(
            f"maenas_tf needs Keras on TensorFlow, but the backend is "
            f"{backend}; set KERAS_BACKEND=tensorflow before Python starts."
        )


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_tensorflow_backend()
    return getattr(importlib.import_module(_HOMES[name]), name)
