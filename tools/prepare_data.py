r"""Prepare a TensorFlow Datasets data set; the only tool that downloads.

    python -m tools.prepare_data --dataset=cifar10 --data_dir=DIR
    python -m tools.prepare_data --dataset=pasted_digits --data_dir=DIR

Afterwards every tool reads it offline. "digits" and "folder" need none of
this. "pasted_digits" is made, not downloaded: digits with boxes in COCO's form.
Exit codes: 0 done; 1 the download or preparation failed; 2 bad input; 3 stopped
by a signal.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import app, flags

from maenas_tf.config import ConfigError
from maenas_tf.data import tfds_builder
from maenas_tf.detection.pasted_digits import NAME, make_pasted_digits
from tools import runner

_DATASET = flags.DEFINE_string(
    "dataset",
    None,
    "Name of the tfds data set, as cifar10, or pasted_digits.",
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "", "Where to write it; empty means ~/tensorflow_datasets."
)
_SEED = flags.DEFINE_integer("seed", 0, "Of what pasted_digits draws.")


@tfds_builder.no_cloud_probe()
def prepare(name: str | None, data_dir: str) -> str:
    """Download and prepare a data set; return a sentence on what was done.

    Raises:
        ConfigError: the name is unknown, or the user must help first.
    """
    if not name:
        raise ConfigError("--dataset is missing; give a name, as cifar10.")
    if name == NAME:
        return make_pasted_digits(data_dir, _SEED.value)
    if _SEED.present:
        raise ConfigError(f"--seed is for --dataset={NAME}; drop it.")
    with runner.quiet_start():
        # TensorFlow is loaded with it.
        from maenas_tf.data.sources import SOURCES
    if name in SOURCES:
        return f"{name} needs no preparation."
    with tfds_builder.quiet():
        builder = tfds_builder.make_builder(name, data_dir)
        if builder.is_prepared():
            return f"{name} is prepared already in {builder.data_path}."
    tfds_builder.download(builder, name)
    return f"Prepared {name} in {builder.data_path}."


def main(argv: Sequence[str]) -> int:
    """Prepare what the flags name; return the exit code."""
    try:
        if len(argv) > 1:
            raise ConfigError(f"{argv[1]} is not a flag; use --dataset=NAME.")
        print(prepare(_DATASET.value, _DATA_DIR.value))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:  # any downloader's own kind
        print(f"Preparing {_DATASET.value} failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    app.run(main)
