"""The flags of a pipeline's stages, and what they say to each of them.

Values are those of the flags that `define` makes, by name, so that a sweep of
pipelines has them too.
"""

from __future__ import annotations

import pathlib
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from flags import dataclass_flags
from maenas_tf.config import Config, ConfigError
from maenas_tf.executors.settings import ExecutorSettings
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import PretrainConfig, TrainConfig

STAGES = ("search", "pretrain", "train", "evaluate", "export")
# Of the stages that make runs.
CONFIGS: dict[str, type[Config]] = {
    "search": SearchConfig,
    "pretrain": PretrainConfig,
    "train": TrainConfig,
}

_EXAMPLES = {
    "search": "epochs=8",
    "pretrain": "epochs=30",
    "train": "epochs=60",
    "evaluate": "split=test",
    "export": "version=2",
}
NAMES = ("stages", "dataset", "data_dir", *(f"{s}_flags" for s in STAGES))


def define(
    module_name: str, flag_values: flags.FlagValues = flags.FLAGS
) -> None:
    """Defines the flags, those named in `NAMES`.

    Args:
        module_name: of the module that --helpshort is to list them under.
        flag_values: where they are defined.
    """
    flags.DEFINE_list(
        "stages",
        list(STAGES),
        f"Which to run, of {', '.join(STAGES)}; always in this order. What an "
        f"earlier call has left in run_dir is gone on from. Not given: without "
        f"the evaluation where a folder has no test images.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "dataset",
        "",
        "Of search, pretrain and train, where their own flags name none.",
        flag_values=flag_values,
    )
    flags.DEFINE_string(
        "data_dir",
        "",
        "As --dataset: where the images are.",
        flag_values=flag_values,
    )
    for name, example in _EXAMPLES.items():
        flags.DEFINE_string(
            f"{name}_flags",
            "",
            f"Flags of tools.{name} in one text, as in a shell: "
            f'"--flagfile=FILE --{example}".',
            flag_values=flag_values,
        )
    for name in NAMES:
        flag_values.register_key_flag_for_module(module_name, flag_values[name])


def values(flag_values: flags.FlagValues = flags.FLAGS) -> dict[str, Any]:
    """Returns the name of each flag with its value.

    The stages are None where nobody has named any.
    """
    given = {name: flag_values[name].value for name in NAMES}
    if not flag_values["stages"].present:
        given["stages"] = None
    return given


def chosen_stages(given: Mapping[str, Any]) -> list[str]:
    """Returns the stages to run, in their order.

    Args:
        given: name of a flag to its value.

    Raises:
        ConfigError: there is no such stage, or none is named.
    """
    chosen = given["stages"]
    if chosen is None:
        return list(STAGES)
    unknown = [name for name in chosen if name not in STAGES]
    if unknown or not chosen:
        raise ConfigError(
            f"--stages={','.join(chosen)} is not valid: choose among "
            f"{', '.join(STAGES)}, with commas between."
        )
    return [name for name in STAGES if name in chosen]


def stage_flags(name: str, given: Mapping[str, Any]) -> list[str]:
    """Returns the flags of a stage, as they are given, with those of files.

    Args:
        name: of the stage.
        given: name of a flag to its value.

    Raises:
        ConfigError: the text has an open quotation, or names a file of flags
            that cannot be read.
    """
    text = given[f"{name}_flags"]
    try:
        own = shlex.split(text)
    except ValueError as error:
        raise ConfigError(
            f"--{name}_flags={text} cannot be read ({error}); close the "
            f"quotation."
        ) from error
    try:
        # In their place: a file may undo what all stages share.
        own = flags.FlagValues().read_flags_from_files(own)
    except (flags.Error, OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"--{name}_flags: {error}") from error
    shared = []
    if name in CONFIGS:
        # The last occurrence of a flag wins.
        for flag in ("dataset", "data_dir"):
            if given[flag]:
                shared.append(f"--{flag}={given[flag]}")
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


def arguments(
    run_dir: pathlib.Path, given: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Returns each stage to run with all of its flags.

    Args:
        run_dir: of the pipeline.
        given: name of a flag to its value.

    Raises:
        ConfigError: no such stages can be run.
    """
    chosen = chosen_stages(given)
    own = own_flags(run_dir, chosen)
    # The last occurrence of a flag wins over that of a recipe.
    return {n: [*stage_flags(n, given), *own[n]] for n in chosen}


def read_config(name: str, arguments: Sequence[str]) -> Config:
    """Returns the configuration that a stage's flags ask for.

    Raises:
        ConfigError: a flag is unknown, or a value is wrong.
    """
    own = flags.FlagValues()
    for of_runs in ("run_dir", "resume", "checkpoint_minutes"):
        flags.DEFINE_string(of_runs, None, "", flag_values=own)
    dataclass_flags.define(CONFIGS[name], __name__, own)
    if name == "search":
        dataclass_flags.define(ExecutorSettings, __name__, own)
    try:
        rest = own([name, *arguments])[1:]
        if rest:
            raise ConfigError(
                f"unexpected argument {rest[0]!r}; give flags, as --name=value."
            )
        if name == "search":
            dataclass_flags.read(ExecutorSettings, own)
        return dataclass_flags.read(CONFIGS[name], own)
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


def lacks_test_images(
    configs: Mapping[str, Config], given: Mapping[str, Any]
) -> bool:
    """Returns whether there is nothing to evaluate on, and none asked for it.

    Args:
        configs: of the stages that make runs.
        given: name of a flag to its value.
    """
    from maenas_tf.data.split_folders import lacks_test

    asked = given["stages"] is not None or stage_flags("evaluate", given)
    trained = configs.get("train")
    if asked or trained is None:
        return False
    return lacks_test(trained.dataset, trained.data_dir)
