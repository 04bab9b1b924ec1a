"""While images load, tools show it and can be stopped."""

import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.tools import commands

# Sends itself a signal where the tool does its work.
STOPPED = """
import os, signal
from tools import runner
runner.run(lambda: os.kill(os.getpid(), signal.SIGTERM))
"""

# TensorFlow speaks while it is loaded, which the tools hide when they start.
# Each tool defines its flags in a process of its own.
LOADED = """
import importlib, os, pathlib, sys
for path in pathlib.Path("tools").glob("*.py"):
    if not os.fork():
        importlib.import_module(f"tools.{path.stem}")
        os._exit("tensorflow" in sys.modules)
    if os.wait()[1]:
        sys.exit(f"tools.{path.stem} loads TensorFlow")
"""


@pytest.fixture
def many_pictures(tmp_path):
    """A folder that takes far longer to read than the test."""
    first = tmp_path / "images" / "0.png"
    first.parent.mkdir()
    Image.new("RGB", (3000, 2000), 7).save(first, compress_level=1)
    for number in range(1, 3000):
        os.link(first, first.with_name(f"{number}.png"))
    return first.parent


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_images_load_ends_with_code_3_at_once(
    tmp_path, many_pictures, name
):
    flags = {
        **commands.TINY,
        "max_images": 0,
        "dataset": "folder",
        "data_dir": many_pictures,
        "run_dir": tmp_path / "run",
    }
    process = commands.start("search", *commands.to_flags(flags))
    shown = process.stderr.readline()
    assert shown.startswith("reading images: file "), shown
    assert " of 3000, " in shown
    process.send_signal(getattr(signal, name))
    began = time.monotonic()
    out, error = process.communicate(timeout=60)
    assert time.monotonic() - began < 2
    assert process.returncode == 3
    assert out == ""
    assert error.splitlines()[-1] == (
        f"stopped by {name}; the same command goes on from what is saved."
    )
    assert "Traceback" not in error


def run_code(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=commands.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_signal_ends_every_tool_in_a_sentence():
    done = run_code(STOPPED)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "stopped by SIGTERM; the same command goes on from what is saved."
    ]


def test_no_tool_loads_tensorflow_before_it_starts():
    done = run_code(LOADED)
    assert (done.returncode, done.stderr) == (0, "")
