"""Tests of `maenas_tf.timing.commits`, `.revision` and `.measuring`."""

import os
import pathlib
import subprocess
import tempfile
import time

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.timing import commits, measuring, revision
from maenas_tf.timing.benchmark import Benchmark
from maenas_tf.timing.config import BenchmarkConfig
from tests.timing.benchmark_test import TINY

# A project small enough to be started many times.
FILES = {
    "__init__.py": "",
    "config.py": "class ConfigError(ValueError): pass\n",
    "engine/__init__.py": "",
    "engine/runtime.py": "def memory_mb(field): return 1.0\n",
    "timing/__init__.py": "",
    "timing/config.py": """
import dataclasses
@dataclasses.dataclass
class BenchmarkConfig:
    batch_size: int = 64
    space: str = "darts"
    @classmethod
    def defaults(cls):
        return {f.name: f.default for f in dataclasses.fields(cls)}
""",
    "timing/cases.py": """
import os
from maenas_tf.config import ConfigError
class Case:
    warm_up, multiple, images = 2, 1, 7
    def __init__(self, config):
        if config.batch_size == 13:
            raise ConfigError("--batch_size=13 is unlucky.")
        if config.batch_size == 17:
            raise OSError("no such thing")
    def run(self, steps):
        with open(os.environ["LOG"], "a") as log:
            log.write(f"VERSION {steps}\\n")
CASES = {"input": Case, "search_step": Case}
""",
}


def git(root, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", root, *who, *arguments], check=True)


def write(root, version, files=FILES):
    for name, text in files.items():
        path = root / "maenas_tf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("VERSION", version), "utf-8")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with an old commit, two later ones, and changes in it."""
    root = tmp_path / "project"
    write(root, "empty", {"__init__.py": ""})
    git(root, "init", "--quiet")
    for version in ("oldest", "middle", "newest"):
        if version != "oldest":
            write(root, version)
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", version)
        git(root, "tag", version)
    write(root, "changed")
    monkeypatch.setenv("LOG", os.fspath(tmp_path / "log"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(temporary))
    return root


def compare(root, against, **settings):
    config = BenchmarkConfig(
        what="input", against=against, steps=3, repeats=2, **settings
    )
    return commits.compare_commits(config, root)


def test_this_checkout_and_a_commit_are_timed_in_turn(project, tmp_path):
    results = compare(project, "commit:middle")
    ready = [f"{who} {n}" for who in ("changed", "middle") for n in (1, 2)]
    measured = ["changed 3", "middle 3"] * 2
    assert (tmp_path / "log").read_text().splitlines() == [*ready, *measured]
    for side in results["input"]:
        assert side["images"] == 7
        assert len(side["seconds"]) == len(side["cpu_seconds"]) == 2
    assert os.listdir(tempfile.tempdir) == []
    assert (project / ".git").is_dir()
    assert not (project / ".git" / "worktrees").exists()


def test_a_commit_is_weighed_in_a_process_of_its_own(project):
    config = BenchmarkConfig(what="memory", against="commit:HEAD~1")
    weights = commits.compare_commits(config, project)["memory"]
    for weight in weights:
        weight.pop("tensors_mb", None)  # Not every TensorFlow tells.
    assert weights == [{"peak_mb": 1.0, "before_mb": 1.0}] * 2


@pytest.mark.parametrize(
    ("against", "settings", "words"),
    [
        ("commit:nowhere", {}, ("--against=commit:nowhere", "no commit")),
        ("commit:--all", {}, ("--against=commit:--all", "no commit")),
        ("commit:oldest", {}, ("commit:oldest is too old", "maenas_tf.config")),
        ("commit:middle", {"order": "second"}, ("--order=second",)),
        ("commit:middle", {"batch_size": 13}, ("--batch_size=13 is unlucky",)),
        ("commit:middle", {"batch_size": 17}, ("no such thing", "failed")),
    ],
)
def test_what_a_commit_cannot_do_is_told(project, against, settings, words):
    with pytest.raises(ConfigError) as error:
        compare(project, against, **settings)
    for word in words:
        assert word in str(error.value)
    assert os.listdir(tempfile.tempdir) == []


def test_a_copy_without_repository_is_told(project, tmp_path):
    copy = tmp_path / "copy"
    write(copy, "copied")
    with pytest.raises(ConfigError, match="no checkout"):
        compare(copy, "commit:HEAD")
    # A repository around it is another one.
    git(tmp_path, "init", "--quiet")
    with pytest.raises(ConfigError, match="no checkout"):
        compare(copy, "commit:HEAD")
    assert revision.present_commit(copy) == ""


def test_a_checkout_that_differs_from_its_commit_is_marked(project):
    assert revision.present_commit(project).endswith("+")
    git(project, "checkout", "--quiet", "--", ".")
    commit = revision.present_commit(project)
    assert revision.find_commit("newest", "", project).startswith(commit)


def test_nothing_is_left_of_a_comparison_that_is_stopped(project, monkeypatch):
    started = []

    def stop(self, name, config):
        started.append(self._process.pid)
        if len(started) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(
        commits, "_begin", lambda side, *others: stop(side, *others)
    )
    monkeypatch.setattr(
        commits.Side, "hear", lambda self: {"seconds": [], "cpu_seconds": []}
    )
    with pytest.raises(KeyboardInterrupt):
        compare(project, "commit:middle")
    assert os.listdir(tempfile.tempdir) == []
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in started)


class End:
    """Both ends of a pipe, as the process sees them."""

    def __init__(self, *messages):
        self.messages = list(messages)
        self.sent = []

    def recv(self):
        return self.messages.pop(0)

    def send(self, message):
        self.sent.append(message)


def test_a_case_of_this_checkout_is_served():
    config = BenchmarkConfig(**TINY)
    end = End(("input", config.to_dict(), config.defaults()), 2, 0)
    begin = time.perf_counter()
    measuring.serve(end)
    seconds = time.perf_counter() - begin
    (ready, facts), (measured, result) = end.sent
    assert (ready, facts) == (measuring.READY, {"images": 8})
    assert measured == measuring.MEASURED
    assert 0 < result["seconds"][0] < seconds
    end = End(("scores", {**config.to_dict(), "new": 1}, {"new": 0}))
    measuring.serve(end)
    assert end.sent == [(measuring.TOO_OLD, "--new=1")]


@pytest.mark.large
def test_a_commit_of_this_project_is_timed():
    config = BenchmarkConfig(**TINY, what="input", against="commit:HEAD")
    here, there = Benchmark(config).run()["results"]["input"]
    assert len(here["seconds"]) == len(there["seconds"]) == TINY["repeats"]
