"""Runs the examples of the pages, and the README's, in one process.

Written to the last line of stdout: what each found, as JSON.
"""

from __future__ import annotations

import importlib
import json
import re
import traceback
from typing import Any

import sklearn.datasets

from tests.docs.pages import README

EXAMPLES = (
    "add_algorithm",
    "add_score",
    "add_space",
    "add_task",
    "found_network",
)


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


def run_readme() -> dict[str, Any]:
    """Runs the README's Python on 64 small digits."""
    (source,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    digits = sklearn.datasets.load_digits().images[:64, :, :, None] / 16
    names = {"images": digits.repeat(2, 1).repeat(2, 2)}
    exec(source, names)
    return {
        "genotype": str(names["result"].genotype),
        "outputs": names["model"].output_shape[-1],
    }


def main() -> None:
    """Prints what all of them found, or how they failed."""
    found = {}
    for name in (*EXAMPLES, "README"):
        try:
            run = run_readme if name == "README" else run_example
            found[name] = run(*([] if name == "README" else [name]))
        except Exception:
            found[name] = {"failed": traceback.format_exc()}
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main()
