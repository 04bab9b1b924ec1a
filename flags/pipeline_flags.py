"""The flags of a pipeline, and what they say to each of its stages."""

from __future__ import annotations

import pathlib
import shlex
from collections.abc import Mapping, Sequence

from absl import flags

from flags import dataclass_flags
from maenas_tf.config import Config, ConfigError
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import PretrainConfig, TrainConfig

STAGES = ("search", "pretrain", "train", "evaluate", "export")
# Of the stages that make runs.
CONFIGS: dict[str, type[Config]] = {
    "search": SearchConfig,
    "pretrain": PretrainConfig,
    "train": TrainConfig,
}

RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "Each stage is written to a folder of its own name in it.",
    required=True,
)
CHOSEN = flags.DEFINE_list(
    "stages",
    list(STAGES),
    f"Which to run, of {', '.join(STAGES)}; always in this order. What an "
    f"earlier call has left in run_dir is gone on from. Not given: without the "
    f"evaluation where a folder has no test images.",
)
DATASET = flags.DEFINE_string(
    "dataset",
    "",
    "Of search, pretrain and train, where their own flags name none.",
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", "", "As --dataset: where the images are."
)
_TEXTS = {
    name: flags.DEFINE_string(
        f"{name}_flags",
        "",
        f"Flags of tools.{name} in one text, as in a shell: "
        f'"--flagfile=FILE --{example}".',
    )
    for name, example in zip(
        STAGES,
        ("epochs=8", "epochs=30", "epochs=60", "split=test", "version=2"),
        strict=True,
    )
}


def chosen_stages() -> list[str]:
    """Returns the stages to run, in their order.

    Raises:
        ConfigError: there is no such stage, or none is named.
    """
    chosen = CHOSEN.value
    unknown = [name for name in chosen if name not in STAGES]
    if unknown or not chosen:
        raise ConfigError(
            f"--stages={','.join(chosen)} is not valid: choose among "
            f"{', '.join(STAGES)}, with commas between."
        )
    return [name for name in STAGES if name in chosen]


def stage_flags(name: str) -> list[str]:
    """Returns the flags of a stage, as they are given.

    Raises:
        ConfigError: the text has an open quotation.
    """
    text = _TEXTS[name].value
    try:
        own = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"--{name}_flags={text} cannot be read ({error}); close the "
            f"quotation."
        ) from error
    shared = []
    if name in CONFIGS:
        # The last occurrence of a flag wins.
        for flag in (DATASET, DATA_DIR):
            if flag.value:
                shared.append(f"--{flag.name}={flag.value}")
    return [*shared, *own]


def own_flags(
    run_dir: pathlib.Path, chosen: Sequence[str]
) -> dict[str, list[str]]:
    """Returns the flags by which each stage takes up what those before left.

    Args:
        run_dir: of the pipeline.
        chosen: the stages to run; those of earlier calls lie in `run_dir`.
    """
    path = {name: run_dir / name for name in STAGES}

    def there(name: str) -> bool:
        return name in chosen or path[name].is_dir()

    genotype = [f"--genotype={path['search']}"] * there("search")
    weights = [f"--init_from={path['pretrain']}"] * there("pretrain")
    trained = f"--run_dir={path['train']}"
    return {
        "search": [f"--run_dir={path['search']}"],
        "pretrain": [f"--run_dir={path['pretrain']}", *genotype],
        "train": [trained, *genotype, *weights],
        "evaluate": [trained],
        "export": [trained, f"--output_dir={path['export']}"],
    }


def read_config(name: str, arguments: Sequence[str]) -> Config:
    """Returns the configuration that a stage's flags ask for.

    Raises:
        ConfigError: a flag is unknown, or a value is wrong.
    """
    values = flags.FlagValues()
    for of_runs in ("run_dir", "resume", "checkpoint_minutes"):
        flags.DEFINE_string(of_runs, None, "", flag_values=values)
    dataclass_flags.define(CONFIGS[name], __name__, values)
    try:
        rest = values([name, *arguments])[1:]
        if rest:
            raise ConfigError(
                f"unexpected argument {rest[0]!r}; give flags, as --name=value."
            )
        return dataclass_flags.read(CONFIGS[name], values)
    except (flags.Error, OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"--{name}_flags: {error}") from error


def check_networks(configs: Mapping[str, Config]) -> None:
    """Checks that what is pretrained is what is trained.

    Args:
        configs: of the stages to run, by name.

    Raises:
        ConfigError: the two networks differ.
    """
    if not configs.keys() >= {"pretrain", "train"}:
        return
    for setting in ("genotype", "init_channels", "num_cells", "stem"):
        first, second = (
            getattr(configs[name], setting) for name in ("pretrain", "train")
        )
        if first != second:
            raise ConfigError(
                f"--pretrain_flags say --{setting}={first} and --train_flags "
                f"--{setting}={second}; the weights of one network fit no "
                f"other: give the same."
            )


def lacks_test_images(configs: Mapping[str, Config]) -> bool:
    """Returns whether there is nothing to evaluate on, and none asked for it.

    Args:
        configs: of the stages that make runs.
    """
    from maenas_tf.data.split_folders import lacks_test

    asked = CHOSEN.present or stage_flags("evaluate")
    trained = configs.get("train")
    if asked or trained is None:
        return False
    return lacks_test(trained.dataset, trained.data_dir)
