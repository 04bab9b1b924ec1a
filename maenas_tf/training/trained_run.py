"""A trained network, read from the run directory of its training alone."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
import zipfile
from typing import Any

import keras

from maenas_tf.config import ConfigError, user_path
from maenas_tf.data.pixel_rules import OLD_RULES, PixelRules
from maenas_tf.models.network import Network
from maenas_tf.runs import files
from maenas_tf.runs.data_record import read_data
from maenas_tf.runs.kinds import PRETRAINING
from maenas_tf.runs.run_kind import kind_in
from maenas_tf.spaces import Genotype, load_genotype
from maenas_tf.training import old_networks
from maenas_tf.training.config import TrainConfig

_MODELS = {"best": files.BEST, "last": files.LAST}
CHECKPOINTS = tuple(_MODELS)


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """What an image goes through before the network, and what comes out.

    An image is resized to a square, divided by 255 and standardised with mean
    and standard deviation of each channel.

    Attributes:
        image_size: side, pixels.
        mean: of the three channels, in units of 0..1.
        std: of the three channels, in units of 0..1.
        class_names: of the network's outputs, in order.
        dataset: name of the data set.
        pixels: how what a file holds became bytes.
    """

    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    class_names: tuple[str, ...]
    dataset: str
    pixels: PixelRules = OLD_RULES

    def to_json(self) -> str:
        """Returns the content of preprocessing.json."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Reads `to_json`'s text.

        Without rules for the pixels it is of a run that is older than them.

        Raises:
            ValueError: it is no JSON, or a field is missing or wrong.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("it is no JSON object")
        missing = [
            field.name
            for field in dataclasses.fields(cls)
            if field.default is dataclasses.MISSING and field.name not in values
        ]
        if missing:
            raise ValueError(f"it lacks {', '.join(missing)}")
        rules = values.get("pixels", dataclasses.asdict(OLD_RULES))
        try:
            made = cls(
                image_size=int(values["image_size"]),
                mean=tuple(float(value) for value in values["mean"]),
                std=tuple(float(value) for value in values["std"]),
                class_names=tuple(str(name) for name in values["class_names"]),
                dataset=str(values["dataset"]),
                pixels=PixelRules(**rules),
            )
        except (TypeError, OverflowError) as error:
            raise ValueError(f"a value is wrong: {error}") from error
        for name, channels in (("mean", made.mean), ("std", made.std)):
            if len(channels) != 3 or not all(map(math.isfinite, channels)):
                raise ValueError(f"{name} is not of three finite numbers")
        return made


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedRun:
    """A trained network and what is needed to use it.

    Attributes:
        network: images, normalised, to logits.
        preprocessing: what normalises them, and the classes' names.
        config: of the training.
        path: the run directory.
        checkpoint: which weights these are, "best" or "last".
    """

    network: Network
    preprocessing: Preprocessing
    config: TrainConfig
    path: pathlib.Path
    checkpoint: str


def load_trained(
    run_dir: str | os.PathLike[str], which: str = "best"
) -> TrainedRun:
    """Reads a trained network from its run directory, which is not changed.

    Args:
        run_dir: of `tools.train`; one epoch at least is finished.
        which: "best", of the epoch of the highest validation accuracy (where
            no images were held out there is none, and the last is taken), or
            "last".

    Returns:
        The network with its weights; `checkpoint` tells which these are.

    Raises:
        ConfigError: `run_dir` is missing, or is not that of a training that
            has finished an epoch; a file in it is damaged; or the model is
            not of the genotype and the classes that the directory names.
    """
    if which not in CHECKPOINTS:
        raise ConfigError(
            f"The checkpoint {which!r} is not known; choose one of "
            f"{', '.join(CHECKPOINTS)}."
        )
    if not os.fspath(run_dir):
        raise ConfigError("--run_dir is empty; give that of a training.")
    path = user_path(run_dir)
    if not path.is_dir():
        raise ConfigError(
            f"--run_dir={path} does not exist; give that of a training."
        )
    if kind_in(path) == PRETRAINING:
        raise ConfigError(
            f"--run_dir={path} is that of a pretraining, which has no "
            f"classes: train it with labels (python -m tools.train "
            f"--init_from={path}), or load its features from "
            f"{path / files.BACKBONE} by keras.models.load_model."
        )
    config = read_file(path, files.CONFIG, TrainConfig.from_json)
    preprocessing = read_preprocessing(path)
    genotype = read_file(path, files.GENOTYPE, Genotype.from_string)
    held_out = (path / files.BEST).exists() or config.validation_fraction
    checkpoint = which if held_out else "last"
    network = _load_network(path, _MODELS[checkpoint])
    _check_network(path, network, genotype, preprocessing)
    return TrainedRun(network, preprocessing, config, path, checkpoint)


def read_preprocessing(path: pathlib.Path) -> Preprocessing:
    """Reads what a training's images go through, and its classes' names.

    Args:
        path: run directory of the training.

    Raises:
        ConfigError: it holds no such file, one that cannot be read, or one of
            other classes than those that the training has read.
    """
    found = read_file(path, files.PREPROCESSING, Preprocessing.from_json)
    data = read_data(path)
    if data is not None and data.class_names != found.class_names:
        raise ConfigError(
            f"--run_dir={path} holds a {files.PREPROCESSING} that names "
            f"other classes than its {files.DATA}, by which the network was "
            f"trained; give the directory of another training."
        )
    return found


def read_file(path: pathlib.Path, name: str, parse: Any) -> Any:
    """Returns what `parse` makes of a file's text."""
    if not (path / name).is_file():
        raise ConfigError(
            f"--run_dir={path} holds no {name}; give the directory of a "
            f"training (python -m tools.train)."
        )
    try:
        return parse((path / name).read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--run_dir={path} is not that of a training: its {name} cannot "
            f"be read ({error})."
        ) from error


def _load_network(path: pathlib.Path, name: str) -> Network:
    file = path / name
    if not file.is_file():
        raise ConfigError(
            f"--run_dir={path} holds no {name} yet: it is written after the "
            f"first epoch of a training."
        )
    try:
        with old_networks.in_todays_form(file) as readable:
            network = keras.saving.load_model(readable, compile=False)
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        zipfile.BadZipFile,
    ) as error:
        raise ConfigError(
            f"--run_dir={path} holds a {name} that cannot be read "
            f"({str(error).strip().splitlines()[0]})."
        ) from error
    if not isinstance(network, Network):
        raise ConfigError(
            f"--run_dir={path} holds a {name} that is a "
            f"{type(network).__name__}, not a Network of maenas_tf."
        )
    return network


def _check_network(
    path: pathlib.Path,
    network: Network,
    genotype: Genotype,
    preprocessing: Preprocessing,
) -> None:
    """Checks that the files of a run directory belong together."""
    if network.genotype != load_genotype(genotype):
        raise ConfigError(
            f"--run_dir={path} holds a model of another architecture than its "
            f"genotype.json: {network.genotype}, not {genotype}."
        )
    for name, has, wanted in (
        ("classes", network.num_classes, len(preprocessing.class_names)),
        ("pixels a side", network.image_size, preprocessing.image_size),
    ):
        if has != wanted:
            raise ConfigError(
                f"--run_dir={path} holds a model of {has} {name}, but its "
                f"{files.PREPROCESSING} names {wanted}."
            )
