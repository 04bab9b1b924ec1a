"""The functions of the Python API."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from maenas_tf.algorithms import ALGORITHMS, Algorithm, skip_limit
from maenas_tf.config import ConfigError
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
    names = [
        name
        for name in SearchConfig.settings()
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
    config = SearchConfig(dataset=dataset, data_dir=data_dir, **settings)
    if run_dir is not None:
        config = as_begun(config, run_dir)
    _check_labels(config, labels)
    image_set = None  # A folder is loaded by the search itself.
    if not is_folder:
        image_set = from_arrays(
            images,
            image_size=config.image_size,
            labels=labels,
            max_images=config.max_images,
            rules=PixelRules(config.background, center_crop=config.center_crop),
        )
    if run_dir is not None:
        return make_search(config, run_dir, image_set).run()
    with tempfile.TemporaryDirectory() as directory:
        return make_search(config, directory, image_set).run()


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
