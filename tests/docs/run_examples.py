"""Runs the examples of the pages, and the README's, in one process.

Written to the last line of stdout: what each found, as JSON.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import traceback
from typing import Any

import keras
import numpy as np
import sklearn.datasets

from tests.docs.pages import README

SEARCHES = (
    "add_algorithm",
    "add_score",
    "add_space",
    "add_task",
)


def num_outputs(model: keras.Model) -> int:
    """Returns how many numbers a network gives for an image."""
    return model(np.zeros((1, 32, 32, 3), np.float32)).shape[-1]


def run_example(name: str) -> dict[str, Any]:
    """Returns genotype and facts of an example's search."""
    result = importlib.import_module(f"docs.examples.{name}").main()
    return {
        "genotype": str(result.genotype),
        "space": result.genotype.space,
        "labels": result.summary["num_labels_read"],
        "alphas": sorted(result.alphas),
        "history": result.history,
        "selection": result.summary.get("selection"),
    }


def run_network() -> dict[str, Any]:
    """Returns the classes of the network that an example trains."""
    model = importlib.import_module("docs.examples.found_network").main()
    return {"outputs": num_outputs(model)}


def run_readme() -> dict[str, Any]:
    """Runs the README's Python on 128 small digits."""
    (source,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    digits = sklearn.datasets.load_digits().images[:128, :, :, None] / 16
    names = {"images": digits.repeat(2, 1).repeat(2, 2)}
    exec(source, names)
    return {
        "genotype": str(names["result"].genotype),
        "outputs": num_outputs(names["model"]),
    }


def main() -> None:
    """Prints what all of them found, or how they failed."""
    runs = {name: functools.partial(run_example, name) for name in SEARCHES}
    runs = {**runs, "found_network": run_network, "README": run_readme}
    found = {}
    for name, run in runs.items():
        try:
            found[name] = run()
        except Exception:
            found[name] = {"failed": traceback.format_exc()}
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
