"""Recipes as configurations."""

from __future__ import annotations

import pathlib

from maenas_tf.detection.config import DetectConfig
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import PretrainConfig, TrainConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "flags" / "recipes"


def read_flags(path):
    """Returns name to text; what a file includes is there in its place."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith("--flagfile="):
            found |= read_flags(ROOT / line.removeprefix("--flagfile="))
        elif line.startswith("--"):
            name, _, value = line.removeprefix("--").partition("=")
            found[name] = value
    return found


def read_recipe(path):
    """Returns the configuration that a recipe asks for."""
    config_class = SearchConfig
    if "_train_" in f"{path.stem}_":
        config_class = TrainConfig
    elif "_pretrain_" in f"{path.stem}_":
        config_class = PretrainConfig
    elif path.stem.endswith("_detector"):
        config_class = DetectConfig
    values = {}
    for name, text in read_flags(path).items():
        if name == "run_dir":
            continue
        declared = config_class.settings().get(name)
        if declared is None:  # --noSETTING
            values[name.removeprefix("no")] = False
        elif isinstance(declared.default, bool):
            values[name] = True
        else:
            values[name] = type(declared.default)(text)
    return config_class(**values)
