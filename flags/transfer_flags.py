"""The flags of a search on one data set and a training on another."""

from __future__ import annotations

import shlex

from absl import flags

from maenas_tf.config import ConfigError

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "The search is written to its folder search, the training to train.",
    required=True,
)
STEPS = ("search", "train", "evaluate")
_FLAGS = {
    name: flags.DEFINE_string(
        f"{name}_flags",
        "",
        f"Flags of tools.{name} in one text, as in a shell: "
        f'"--flagfile=FILE --dataset=digits".',
    )
    for name in STEPS
}


def step_flags(name: str) -> list[str]:
    """Returns the flags of one of the tools.

    Raises:
        ConfigError: the text has an open quotation.
    """
    text = _FLAGS[name].value
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"--{name}_flags={text} cannot be read ({error}); close the "
            f"quotation."
        ) from error
