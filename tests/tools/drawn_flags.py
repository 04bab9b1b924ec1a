"""Draws flags and flag files for a tool and looks at how it ends.

    python -m tests.tools.drawn_flags TOOL CASES

Run in a process of its own: two tools may define a flag of the same name. Of
the tool only what is made of the flags runs, before it needs TensorFlow.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import pathlib
import sys
import tempfile

from absl import flags
from absl.testing import flagsaver
from hypothesis import strategies as st

from tests.drawn.cases import draws

# What makes the configuration of a tool of its flags.
CONFIGS = {
    "search": "search_config",
    "pretrain": "pretrain_config",
    "train": "train_config",
    "train_detector": "detect_config",
    "correlate": "correlate_config",
}


class _Text(io.StringIO):
    """Text in memory that takes the settings of a real stdout."""

    def reconfigure(self, **settings: object) -> None:
        del settings


def arguments_of(names: list[str]):
    """Draws an argument: a flag with a value, one without, or anything."""
    values = (
        st.integers(-3, 100).map(str)
        | st.floats().map(str)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
        | st.sampled_from(["True", "darts", "9" * 5000, "second", "0.5", "~"])
    ).filter(lambda value: "\0" not in value)
    name = st.sampled_from(names)
    flag = st.tuples(name, values).map(lambda pair: "--{}={}".format(*pair))
    return st.one_of(
        flag,
        flag,
        name.map("--{}".format),
        name.map("--no{}".format),
        name.map(lambda text: f"--{text[:-1]}=1"),
        values.map("-{}".format).filter(_harmless),
        values,
    )


def _harmless(argument: str) -> bool:
    """Whether absl does not take it for a call for help or a debugger."""
    name = argument.lstrip("-")
    return not name.startswith(("?", "h", "pdb", "run_with", "only", "prof"))


def run(tool: str, arguments: list[str]) -> tuple[int, str]:
    """Runs a tool as far as its flags; returns exit code and stderr."""
    from tools import runner

    module = importlib.import_module(f"flags.{tool}_flags")

    def main() -> None:
        getattr(module, CONFIGS[tool])()

    # That Keras has the right backend is none of the flags' concern.
    runner.require_tensorflow_backend = lambda: None
    flags.FLAGS.unparse_flags()
    sys.argv = [tool, *arguments]
    said = _Text()
    with (
        flagsaver.flagsaver(),
        contextlib.redirect_stdout(_Text()),
        contextlib.redirect_stderr(said),
    ):
        try:
            runner.run(main)
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
    return code, said.getvalue()


def main(tool: str, cases: int) -> None:
    """Draws so many cases for a tool."""
    module = importlib.import_module(f"flags.{tool}_flags")
    names = [
        flag.name
        for flag in flags.FLAGS.get_key_flags_for_module(module.__name__)
    ]
    arguments = st.lists(arguments_of(names), max_size=4)
    lines = st.lists(arguments_of(names) | st.sampled_from(["# a", ""]))
    files = st.none() | lines.map("\n".join).map(os.fsencode) | st.binary()

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "some.flags"

        @draws(cases, arguments, files)
        def check(given, content):
            given = ["--run_dir=somewhere", *given]
            if content is not None:
                path.write_bytes(content)
                given.append(f"--flagfile={path}")
            code, said = run(tool, given)
            assert code in (0, 2), (code, said)
            assert said.count("\n") == (code == 2), said
            assert "Traceback" not in said

        check()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
