"""The flags of a search: one for each field of `SearchConfig`."""

from __future__ import annotations

import dataclasses
import re

from absl import flags

from maenas_tf import config as config_module
from maenas_tf.config import SearchConfig

_CHOICES = {
    "order": config_module.ORDERS,
    "hessian_vector_product": config_module.HESSIAN_VECTOR_PRODUCTS,
    "mask_fill": config_module.MASK_FILLS,
    "reconstruction_loss": config_module.RECONSTRUCTION_LOSSES,
    "loss_region": config_module.LOSS_REGIONS,
    "target": config_module.TARGETS,
    "strategy": config_module.STRATEGIES,
    "precision": config_module.PRECISIONS,
}

RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Where everything is written.", required=True
)
RESUME = flags.DEFINE_bool(
    "resume", True, "Go on with the run that is in run_dir."
)
CHECKPOINT_MINUTES = flags.DEFINE_float(
    "checkpoint_minutes",
    10.0,
    "Write a checkpoint at least so often, besides after each epoch.",
    lower_bound=0.0,
)


def _help_texts() -> dict[str, str]:
    """Reads the fields' descriptions from the dataclass's docstring."""
    text = SearchConfig.__doc__.split("Attributes:")[1]
    entries = re.split(r"\n {8}(?=\w+: )", text)[1:]
    pairs = (entry.split(": ", 1) for entry in entries)
    return {name: " ".join(words.split()) for name, words in pairs}


def _define() -> None:
    texts = _help_texts()
    for field in dataclasses.fields(SearchConfig):
        name, default = field.name, field.default
        if name in _CHOICES:
            flags.DEFINE_enum(name, default, _CHOICES[name], texts[name])
        elif isinstance(default, bool):
            flags.DEFINE_bool(name, default, texts[name])
        elif isinstance(default, int):
            flags.DEFINE_integer(name, default, texts[name])
        elif isinstance(default, float):
            flags.DEFINE_float(name, default, texts[name])
        else:
            flags.DEFINE_string(name, default, texts[name])


_define()


def search_config() -> SearchConfig:
    """Returns the configuration that the flags ask for.

    Raises:
        ConfigError: a value is out of range or in conflict with another.
    """
    return SearchConfig(
        **{
            field.name: flags.FLAGS[field.name].value
            for field in dataclasses.fields(SearchConfig)
        }
    )
