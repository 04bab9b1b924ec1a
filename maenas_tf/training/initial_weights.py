"""Weights that a training begins with, of a pretraining or another training.

A network takes those of stem and cells, never those of a head: what a head
has learned belongs to another task or to other classes.
"""

from __future__ import annotations

import dataclasses
import pathlib
import zipfile

import keras

from maenas_tf.config import ConfigError, user_path
from maenas_tf.models.backbone import SHARED, Backbone, transfer_weights
from maenas_tf.models.network import Network
from maenas_tf.runs import files
from maenas_tf.runs.kinds import PRETRAINING, TRAINING
from maenas_tf.runs.run_kind import kind_in
from maenas_tf.skeletons import evaluation_size
from maenas_tf.spaces import SPACES, Genotype
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.trained_run import (
    Preprocessing,
    load_trained,
    read_preprocessing,
)


@dataclasses.dataclass(frozen=True, eq=False)
class InitialWeights:
    """Weights to begin with.

    Attributes:
        model: that has them.
        preprocessing: of the images that it has seen.
    """

    model: Backbone | Network
    preprocessing: Preprocessing

    def copy_to(self, network: Network) -> None:
        """Gives a network the weights of stem and cells."""
        transfer_weights(self.model, network)


def read_weights(run_dir: str) -> InitialWeights:
    """Reads the weights that a finished run has left.

    Args:
        run_dir: of a pretraining or a training.

    Raises:
        ConfigError: it is neither, is not finished, or cannot be read.
    """
    path = user_path(run_dir)
    if not path.is_dir():
        raise ConfigError(
            f"--init_from={run_dir} does not exist; give the run directory of "
            f"a pretraining (python -m tools.pretrain)."
        )
    kind = kind_in(path)
    if kind is None:
        raise ConfigError(
            f"--init_from={path} is no run directory; give that of a "
            f"pretraining (python -m tools.pretrain) or of a training."
        )
    if kind not in (PRETRAINING, TRAINING):
        raise ConfigError(
            f"--init_from={run_dir} holds a {kind}, whose weights no network "
            f"can begin with; give the run directory of a pretraining (python "
            f"-m tools.pretrain) or of a training."
        )
    read = _read_training if kind == TRAINING else _read_pretraining
    try:
        return read(path)
    except ConfigError as error:
        raise ConfigError(
            f"--init_from={run_dir} cannot be used: {error}"
        ) from error


def _read_pretraining(path: pathlib.Path) -> InitialWeights:
    if not (path / files.BACKBONE).is_file():
        raise ConfigError(
            "it holds a pretraining that is not finished; run its command "
            "again, which goes on."
        )
    return InitialWeights(_load_backbone(path), read_preprocessing(path))


def _read_training(path: pathlib.Path) -> InitialWeights:
    trained = load_trained(path)
    return InitialWeights(trained.network, trained.preprocessing)


def _load_backbone(path: pathlib.Path) -> Backbone:
    try:
        model = keras.saving.load_model(path / files.BACKBONE, compile=False)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        zipfile.BadZipFile,
    ) as error:
        raise ConfigError(
            f"it holds a {files.BACKBONE} that cannot be read "
            f"({str(error).strip().splitlines()[0]})."
        ) from error
    if not isinstance(model, Backbone):
        raise ConfigError(
            f"it holds a {files.BACKBONE} that is a {type(model).__name__}, "
            f"not a Backbone of maenas_tf."
        )
    return model


def load_initial(config: TrainConfig, genotype: Genotype) -> InitialWeights:
    """Reads the weights that a training is to begin with.

    Args:
        config: of the training.
        genotype: that it trains.

    Raises:
        ConfigError: they are of another network, or cannot be read.
    """
    found = read_weights(config.init_from)
    owner = found.model
    if isinstance(owner, Backbone):
        owner = owner.trunk
    size = evaluation_size(
        SPACES.get(genotype.space), config.stem, num_cells=config.num_cells
    )
    wanted = {
        "genotype": genotype,
        "init_channels": config.init_channels,
        "num_cells": size.num_cells,
        "stem": config.stem,
    }
    for name in SHARED:
        there = getattr(owner, name)
        if there == wanted[name]:
            continue
        remedy = f"--{name}={there}"
        if name == "genotype":
            remedy = f"--genotype={config.init_from}"
        raise ConfigError(
            f"--init_from={config.init_from} has weights of {name}={there}, "
            f"and the network to train has {name}={wanted[name]}; give "
            f"{remedy}, or other weights."
        )
    return found


def layer_factors(network: Network, decay: float) -> tuple[float, ...]:
    """Returns the factor of each trainable variable's learning rate.

    decay^d, where d is 0 for the heads, 1 for the last cell (or layer) and
    one more for each before it (Clark et al., "ELECTRA", 2020; Bao et al.,
    "BEiT", 2022).

    Args:
        network: the network.
        decay: in (0, 1].
    """
    placed = network.trunk.placed
    factors = {
        id(variable): decay ** (len(placed) - place)
        for place, layer in enumerate(placed)
        for variable in layer.trainable_variables
    }
    return tuple(factors.get(id(v), 1.0) for v in network.trainable_variables)
