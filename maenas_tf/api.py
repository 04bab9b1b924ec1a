"""The functions of the Python API."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from maenas_tf.algorithms import ALGORITHMS, Algorithm, skip_limit
from maenas_tf.config import Config, ConfigError, DataSettings
from maenas_tf.data.image_source import ImageSource
from maenas_tf.data.pixel_rules import PixelRules
from maenas_tf.data.sources import from_arrays
from maenas_tf.runs.run_directory import as_begun
from maenas_tf.searching.begin import make_search
from maenas_tf.searching.config import SearchConfig
from maenas_tf.searching.result import SearchResult
from maenas_tf.selection.constraints import Budget, Limits
from maenas_tf.skeletons import evaluation_size
from maenas_tf.spaces import SPACES, Genotype, Space
from maenas_tf.tasks import TASKS
from maenas_tf.training.config import PretrainConfig
from maenas_tf.training.pretrain_experiment import (
    PretrainExperiment,
    PretrainResult,
)

ConfigType = TypeVar("ConfigType", bound=Config)


def search(
    images: Any,
    *,
    labels: np.ndarray | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> SearchResult:
    """Searches a network for a pile of images, without labels.

    Args:
        images: uint8 or float [N, H, W, C], a list of images of any sizes, a
            `tf.data.Dataset` of images, or the path of a folder of images, as
            `tools.search --dataset=folder` reads it; grey, RGB or RGBA.
        labels: [N], for `task="supervised"` alone; refused otherwise, and for
            a folder, whose subfolders are the classes.
        run_dir: keeps everything there and goes on with a run that was
            interrupted; None keeps nothing on disk.
        **settings: fields of `SearchConfig`, for example `space="darts"`,
            `epochs=5`, except those that say where images are.

    Returns:
        The result: `genotype`, `history`, `alphas`, `summary`.

    Raises:
        ConfigError: a setting or the images are wrong.
    """
    config = _configured(SearchConfig, images, run_dir, settings)
    _check_labels(config, labels)
    with _directory(run_dir) as path:
        return make_search(config, path, _loaded(config, images, labels)).run()


def pretrain(
    images: Any,
    genotype: Any,
    *,
    run_dir: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> PretrainResult:
    """Pretrains a found network on a pile of images, without labels.

    Args:
        images: as of `search`.
        genotype: anything `load_genotype` reads: a genotype, a run directory,
            a file, a published name, a string.
        run_dir: as of `search`; `tools.train --init_from` takes it.
        **settings: fields of `PretrainConfig`, for example `task="mae"`,
            `init_channels=16`, `epochs=5`, except those that say where images
            are.

    Returns:
        The result: `backbone`, `history`, `summary`. `transfer_weights` gives
        the backbone's weights to a network of `build_network`.

    Raises:
        ConfigError: a setting or the images are wrong.
    """
    if isinstance(genotype, Genotype):
        genotype = genotype.to_json()
    settings = {"genotype": os.fspath(genotype), **settings}
    config = _configured(PretrainConfig, images, run_dir, settings)
    with _directory(run_dir) as path:
        return PretrainExperiment(config, path, _loaded(config, images)).run()


def _configured(
    config_class: type[ConfigType],
    images: Any,
    run_dir: str | os.PathLike[str] | None,
    settings: Mapping[str, Any],
) -> ConfigType:
    """Returns the configuration of a run on the caller's images."""
    names = [
        name
        for name in config_class.settings()
        if name not in ("dataset", "data_dir", "split")
    ]
    unknown = sorted(set(settings) - set(names))
    if unknown:
        raise ConfigError(
            f"Unknown setting {unknown[0]!r}; known are {', '.join(names)}."
        )
    is_folder = isinstance(images, (str, os.PathLike))
    data_dir = os.fspath(images) if is_folder else ""
    dataset = "folder" if is_folder else "arrays"
    config = config_class(dataset=dataset, data_dir=data_dir, **settings)
    return config if run_dir is None else as_begun(config, run_dir)


def _loaded(
    config: DataSettings, images: Any, labels: np.ndarray | None = None
) -> ImageSource | None:
    """Returns the caller's images; a folder is loaded by the run itself."""
    if config.dataset == "folder":
        return None
    return from_arrays(
        images,
        image_size=config.image_size,
        labels=labels,
        max_images=config.max_images,
        rules=PixelRules(config.background, center_crop=config.center_crop),
    )


def _directory(
    run_dir: str | os.PathLike[str] | None,
) -> contextlib.AbstractContextManager[str | os.PathLike[str]]:
    """Returns the run directory, or one that is removed in the end."""
    if run_dir is None:
        return tempfile.TemporaryDirectory()
    return contextlib.nullcontext(run_dir)


def _check_labels(config: SearchConfig, labels: Any) -> None:
    """Raises ConfigError unless labels are given where they are read."""
    if config.dataset == "folder":
        if labels is not None:
            raise ConfigError(
                f"labels were given beside the folder {config.data_dir}, "
                f"whose subfolders are its classes; drop them."
            )
        return
    needs = config.task in TASKS and TASKS.get(config.task).reads_labels
    if needs != (labels is not None):
        text = "needs `labels`." if needs else "reads no labels; drop them."
        raise ConfigError(f"task={config.task!r} {text}")


def derive_genotype(
    alphas: Mapping[str, np.ndarray],
    space: str | Space,
    *,
    algorithm: str | Algorithm = "darts",
    max_parameters: int = 0,
    max_macs: int = 0,
    max_skips: int = -1,
    **size: Any,
) -> Genotype:
    """Reads the architecture off architecture parameters, as a search does.

    Args:
        alphas: cell type to logits [edges, primitives]; what else an
            algorithm has, by the names in alphas.npz.
        space: a space or its name.
        algorithm: whose parameters they are, or its name.
        max_parameters: of the network at the evaluation's size; 0 is no
            limit.
        max_macs: its multiply-accumulates for an image; 0 is no limit.
        max_skips: in its normal cell; -1 is the algorithm's own limit.
        **size: of that network, as `evaluation_size` takes it: `stem`,
            `init_channels`, `num_cells`, `image_size`, `num_classes`.

    Raises:
        ConfigError: the algorithm has no such parameters, or no network keeps
            the limits.
    """
    space = SPACES.get(space) if isinstance(space, str) else space
    if isinstance(algorithm, str):
        algorithm = ALGORITHMS.get_for_flag("algorithm", algorithm)()
    architecture = algorithm.make_architecture(space)
    if architecture is None:
        raise ConfigError(
            f"algorithm={type(algorithm).__name__} has no alphas to derive a "
            f"genotype from; take the `genotype` of its search."
        )
    kinds = {kind.name for kind in space.cell_types}
    architecture.assign(
        {f"alphas_{k}" if k in kinds else k: v for k, v in alphas.items()}
    )
    weights = architecture.numpy()
    skips = skip_limit.allowed(algorithm, space, max_skips)
    limits = Limits(max_parameters, max_macs, skips)
    budget = Budget(space, evaluation_size(space, **size), limits)
    strongest = skip_limit.derive(algorithm, space, weights, skips)
    return budget.choose(strongest, weights)
