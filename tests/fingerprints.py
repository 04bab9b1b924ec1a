"""What a refactoring must not change: the bits of small runs.

    python -m tests.fingerprints --output=before.json     # at one commit
    python -m tests.fingerprints --against=before.json    # at another

Each case runs the tools as a user does, on one thread, with seed 0, and is
summed up by hashes of every variable of its last checkpoint and of the
architecture parameters, the losses of each epoch with all their digits, and
the genotype. They are those of one machine: another processor rounds
otherwise, so that no hash is kept here.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
SMALL = (
    "--dataset=digits --image_size=16 --patch_size=4 --init_channels=4 "
    "--epochs=2 --warmup_epochs=1 --batch_size=8 --max_images=32 "
    "--crop_padding=zero"
).split()
NASBENCH = [*SMALL, "--space=nasbench201", "--num_cells=1"]
DARTS = [*SMALL, "--num_cells=3", "--batch_size=4", "--max_images=16"]
SEARCHES = {
    "nasbench201_mae": NASBENCH,
    "darts_second_order": [*DARTS, "--order=second", "--momentum=0.9"],
    "darts_exact_product": [
        *DARTS,
        "--order=second",
        "--hessian_vector_product=exact",
    ],
    "s4": [*DARTS, "--space=s4"],
    "single_path_evolution": [
        *NASBENCH,
        "--algorithm=single_path",
        "--selection=evolution",
        "--held_out_images=8",
    ],
    "rotation": [*NASBENCH, "--task=rotation"],
    "supervised_recompute": [
        *DARTS,
        "--space=s2",
        "--task=supervised",
        "--recompute",
    ],
    "two_replicas": [*NASBENCH, "--strategy=mirrored", "--num_replicas=2"],
}
TRAINING = (
    "--genotype=DARTS_V2 --dataset=digits --init_channels=4 --num_cells=3 "
    "--epochs=2 --batch_size=8 --max_images=32 --drop_path=0.2 --cutout=8 "
    "--auxiliary_weight=0.4 --crop_padding=zero"
).split()
# Columns of history.csv that tell the time.
TIMES = {"seconds", "images_per_second"}


def run_tool(name: str, *arguments: str) -> None:
    """Runs a tool on one thread.

    Raises:
        RuntimeError: it failed; the message holds what it said.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{name}", *arguments],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"tools.{name} {arguments}: {done.stderr[-2000:]}")


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns a hash of names, shapes and bits."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(array.tobytes())
    return total.hexdigest()[:16]


def variables(run_dir: pathlib.Path) -> dict[str, np.ndarray]:
    """Returns every variable of a run's last checkpoint, by its key."""
    import tensorflow as tf

    indices = sorted((run_dir / "checkpoints").rglob("ckpt-*.index"))
    newest = max(indices, key=lambda path: int(path.stem.split("-")[-1]))
    reader = tf.train.load_checkpoint(str(newest.with_suffix("")))
    return {
        key: reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if key.startswith("variables/")
    }


def summarize(run_dir: pathlib.Path) -> dict[str, Any]:
    """Returns what a run directory holds, but for times."""
    with open(run_dir / "history.csv", newline="") as file:
        rows = [
            {name: text for name, text in row.items() if name not in TIMES}
            for row in csv.DictReader(file)
        ]
    found = {
        "history": rows,
        "genotype": json.loads((run_dir / "genotype.json").read_text()),
        "variables": digest(variables(run_dir)),
    }
    if (run_dir / "alphas.npz").exists():
        with np.load(run_dir / "alphas.npz") as arrays:
            found["alphas"] = digest({name: arrays[name] for name in arrays})
    return found


def write_images(folder: pathlib.Path) -> None:
    """Writes a few digits as PNG files."""
    import PIL.Image
    import sklearn.datasets

    folder.mkdir()
    for i, image in enumerate(sklearn.datasets.load_digits().images[-5:]):
        grey = (image * 255 / 16).astype(np.uint8)
        PIL.Image.fromarray(grey).resize((32, 32)).save(folder / f"{i}.png")


def fingerprints(
    directory: pathlib.Path, only: Sequence[str] = ()
) -> dict[str, Any]:
    """Runs the cases; returns what each of them left.

    Args:
        directory: empty; takes the run directories.
        only: names of cases; all by default.
    """
    found = {}
    for name, arguments in SEARCHES.items():
        if not only or name in only:
            path = directory / name
            run_tool("search", *arguments, f"--run_dir={path}")
            found[name] = summarize(path)
    if not only or "training" in only:
        path, exported = directory / "training", directory / "export"
        run_tool("train", *TRAINING, f"--run_dir={path}")
        found["training"] = summarize(path)
        run_tool(
            "export",
            f"--run_dir={path}",
            f"--output_dir={exported}",
            "--formats=saved_model",
        )
        write_images(directory / "images")
        run_tool(
            "predict",
            f"--saved_model={exported}/saved_model",
            f"--images={directory}/images",
            f"--output={directory}/predictions.csv",
        )
        text = (directory / "predictions.csv").read_text()
        found["export"] = text.replace(str(directory), "").splitlines()
    return found


def main() -> int:
    """Prints or compares the fingerprints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", help="write the fingerprints there")
    parser.add_argument("--against", help="compare with those of another run")
    parser.add_argument("--keep", help="keep the run directories there")
    parser.add_argument("--only", nargs="*", default=(), help="cases")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(given.keep or temporary)
        directory.mkdir(parents=True, exist_ok=True)
        found = fingerprints(directory, given.only)
    text = json.dumps(found, indent=2) + "\n"
    if given.output:
        pathlib.Path(given.output).write_text(text)
    if not given.against:
        print(text, end="")
        return 0
    before = json.loads(pathlib.Path(given.against).read_text())
    different = [name for name in found if found[name] != before.get(name)]
    for name in different:
        print(f"{name}:\n  before {before.get(name)}\n  now    {found[name]}")
    print(f"{len(found) - len(different)} of {len(found)} cases are equal.")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
