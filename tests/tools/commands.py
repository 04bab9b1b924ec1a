"""Running the tools as a user does, and what their runs leave behind."""

from __future__ import annotations

import csv
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import tensorflow as tf

from maenas_tf.searching.config import SearchConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The smallest search: a step takes milliseconds, the first one seconds.
TINY = {
    "space": "nasbench201",
    "init_channels": 2,
    "num_cells": 1,
    "decoder_width": 2,
    "image_size": 16,
    "patch_size": 4,
    "max_images": 64,
    "batch_size": 8,
    "epochs": 2,
    "warmup_epochs": 0,
}


def search_config(**settings: object) -> SearchConfig:
    """Returns the configuration of the smallest search, with changes."""
    return SearchConfig(**{**TINY, **settings})


def to_flags(settings: dict[str, object]) -> list[str]:
    """Returns settings as flags."""
    return [f"--{name}={value}" for name, value in settings.items()]


def start(tool: str, *arguments: str, **environment: str) -> subprocess.Popen:
    """Starts a tool in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", f"tools.{tool}", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(tool: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Runs a tool to its end; returns exit code, stdout and stderr."""
    process = start(tool, *arguments, **environment)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def history(run_dir: pathlib.Path) -> list[dict[str, str]]:
    """Returns the rows of history.csv."""
    with open(run_dir / "history.csv", newline="") as file:
        return list(csv.DictReader(file))


def alphas(run_dir: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns the arrays of alphas.npz."""
    with np.load(run_dir / "alphas.npz") as arrays:
        return dict(arrays)


def checkpoint(
    run_dir: pathlib.Path,
) -> tuple[dict[str, int], dict[str, bytes]]:
    """Returns the counters and the variables' bytes of the last checkpoint."""
    path = tf.train.latest_checkpoint(str(run_dir / "checkpoints"))
    reader = tf.train.load_checkpoint(path)
    variables, state = {}, {}
    for name in reader.get_variable_to_shape_map():
        if name.startswith("variables/"):
            variables[name] = reader.get_tensor(name).tobytes()
        elif name.startswith("state/"):
            state = json.loads(reader.get_tensor(name))
    return state, variables
