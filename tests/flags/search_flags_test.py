"""Tests of `flags.search_flags`, as `python -m tools.search` shows them.

In processes of their own: two tools may define a flag of the same name.
"""

import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from maenas_tf.algorithms import ALGORITHMS
from maenas_tf.executors.settings import ExecutorSettings
from maenas_tf.models.decoder import DECODERS
from maenas_tf.searching.config import SearchConfig
from maenas_tf.selection import SELECTIONS
from maenas_tf.spaces import SPACES
from maenas_tf.tasks import TASKS

ROOT = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = SearchConfig.settings()


def call(*arguments):
    """Runs Python in the repository; returns stdout."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def flags():
    """Name to (default as text, type, description) of every flag."""
    done = call("-m", "tools.search", "--helpxml")
    found = {}
    for flag in ElementTree.fromstring(done.stdout).iter("flag"):
        values = (flag.findtext(tag) for tag in ("default", "type", "meaning"))
        found[flag.findtext("name")] = tuple(values)
    return found


@pytest.fixture(scope="module")
def short_help():
    return call("-m", "tools.search", "--helpshort").stdout


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_has_a_flag_with_its_default_and_a_description(name, flags):
    default, kind, meaning = flags[name]
    expected = SETTINGS[name].default
    if isinstance(expected, bool):
        assert (kind, default) == ("bool", str(expected).lower())
    elif SETTINGS[name].choices:
        assert default == expected
        for choice in SETTINGS[name].choices:
            assert choice in meaning
    else:
        assert (
            kind == {int: "int", float: "float", str: "string"}[type(expected)]
        )
        assert type(expected)(default) == expected
    assert len(meaning.split()) >= 2
    assert "\n" not in meaning


@pytest.mark.parametrize(
    ("name", "registry"),
    [
        ("space", SPACES),
        ("task", TASKS),
        ("algorithm", ALGORITHMS),
        ("selection", SELECTIONS),
        ("decoder", DECODERS),
    ],
)
def test_the_description_lists_what_is_registered(name, registry, flags):
    _, _, meaning = flags[name]
    assert [entry for entry in registry.names() if entry not in meaning] == []


def test_the_description_names_the_tasks_of_a_setting(flags):
    assert flags["mask_ratio"][2].endswith("; mae.")
    assert flags["noise_level"][2].endswith("; denoising.")


def test_flags_are_there_before_tensorflow_is_loaded():
    # It takes some seconds, and --help or a misspelt flag need none of it.
    done = call(
        "-c",
        "import sys; from flags import search_flags\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))",
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_short_help_shows_our_flags_and_no_others(short_help, flags):
    shown = {
        line.split(":")[0].split("--")[1].removeprefix("[no]")
        for line in short_help.splitlines()
        if line.startswith("  --")
    }
    of_runs = {"run_dir", "resume", "checkpoint_minutes"}
    assert shown == {*SETTINGS, *ExecutorSettings.settings(), *of_runs}
    assert len(flags) > len(shown)
    assert "python -m tools.search --run_dir=" in short_help
    assert "Exit codes: 0 done" in short_help
    assert max(map(len, short_help.splitlines())) <= 80


def test_flags_become_a_configuration():
    done = call(
        "-c",
        "import sys; from absl import flags; from flags import search_flags\n"
        "flags.FLAGS(sys.argv); c = search_flags.search_config()\n"
        "print(c.space, c.seed, c.nesterov, c.clip_norm, c.epochs)",
        "--run_dir=run",
        "--space=s3",
        "--seed=5",
        "--nesterov",
        "--clip_norm=0",
    )
    assert done.stdout.split() == ["s3", "5", "True", "0.0", "50"], done.stderr


def test_a_recipe_can_be_read_and_changed(tmp_path):
    recipe = tmp_path / "mine.flags"
    recipe.write_text("# A comment.\n--run_dir=run\n--space=s1\n--epochs=7\n")
    done = call(
        "-c",
        "import sys; from absl import flags; from flags import search_flags\n"
        "flags.FLAGS(sys.argv); c = search_flags.search_config()\n"
        "print(c.space, c.epochs, c.task)",
        f"--flagfile={recipe}",
        "--task=supervised",
    )
    assert done.stdout.split() == ["s1", "7", "supervised"], done.stderr
