"""The shell scripts parse, and refuse a machine without Python 3.11."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ["tools/environment.sh", "tools/quickstart.sh", "tools/test.sh"]


def bash(*arguments, **options):
    """Runs bash and returns what came of it."""
    return subprocess.run(
        [shutil.which("bash"), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def copy_scripts(folder, lock):
    """Puts the scripts into an empty repository with the given lock."""
    (folder / "tools").mkdir()
    for script in SCRIPTS:
        shutil.copy(ROOT / script, folder / script)
    (folder / "requirements_lock.txt").write_text(lock)


def fake_environment(folder, lock_checksum):
    """Makes a .venv whose python prints its arguments."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "ruff"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" in "$PWD"\nexit 7\n')
        program.chmod(0o755)
    (folder / ".venv/requirements_lock.checksum").write_text(lock_checksum)
    return programs


@pytest.mark.parametrize("script", [*SCRIPTS, ".ci/run"])
def test_script_parses_and_stops_at_the_first_error(script):
    done = bash("-n", ROOT / script)
    assert done.returncode == 0, done.stderr
    assert "set -euo pipefail" in (ROOT / script).read_text()


def test_a_machine_without_python_gets_one_clear_sentence(tmp_path):
    copy_scripts(tmp_path, "absl-py==2.1.0\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("dirname", "git"):
        (programs / name).symlink_to(shutil.which(name))
    done = bash(tmp_path / "tools/environment.sh", env={"PATH": str(programs)})
    assert done.returncode == 2
    assert done.stderr.startswith("Python 3.11 was not found: install it")
    assert done.stderr.count("\n") == 1


def test_an_environment_with_the_locks_checksum_is_kept(tmp_path):
    lock = "absl-py==2.1.0\n"
    copy_scripts(tmp_path, lock)
    checksum = subprocess.run(
        ["git", "hash-object", "--stdin"],
        input=lock,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    programs = fake_environment(tmp_path, checksum)
    (programs / "ruff").write_text("#!/bin/sh\n")
    done = bash(
        tmp_path / "tools/test.sh",
        "tests/a_test.py",
        "-m large",
        cwd="/",
        env={**os.environ, "PYTHONPATH": "elsewhere", "PIP_TARGET": "there"},
    )
    # The exit code and the last line are those of (here: the fake) pytest.
    assert done.returncode == 7
    assert done.stdout == (
        f"python -m pytest --numprocesses=logical --maxprocesses=4 "
        f"--dist=loadfile tests/a_test.py -m large in {tmp_path}\n"
    )


def test_a_failing_style_check_stops_the_tests(tmp_path):
    copy_scripts(tmp_path, "")
    # The checksum that git gives to an empty file.
    fake_environment(tmp_path, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n")
    done = bash(tmp_path / "tools/test.sh")
    assert done.returncode == 7
    assert "-m pytest" not in done.stdout


def test_ci_runs_the_whole_test_script():
    assert "tools/test.sh" in (ROOT / ".ci/run").read_text()
    assert '"not large"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    ("recipe", "arguments", "run_dir"),
    [
        ("# no folder\n", [], "runs/quickstart"),
        ("--run_dir=runs/recipe\n", [], "runs/recipe"),
        ("--run_dir=runs/recipe\n", ["--run_dir=runs/mine"], "runs/mine"),
        ("--run_dir=runs/recipe\n", ["--run_dir", "runs/a b"], "runs/a b"),
    ],
)
def test_quickstart_shows_the_genotype_of_the_run(
    tmp_path, recipe, arguments, run_dir
):
    copy_scripts(tmp_path, "")
    programs = fake_environment(
        tmp_path, "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n"
    )
    (programs / "python").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "flags/recipes").mkdir(parents=True)
    (tmp_path / "flags/recipes/quickstart.flags").write_text(recipe)
    (tmp_path / run_dir).mkdir(parents=True)
    (tmp_path / run_dir / "genotype.json").write_text('{"space": "darts"}\n')
    done = bash(tmp_path / "tools/quickstart.sh", *arguments)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        "-m tools.search --flagfile=flags/recipes/quickstart.flags"
    )
    assert '{"space": "darts"}' in lines
    assert f"{run_dir}/plots/" in done.stdout
    assert f"--logdir {run_dir}/tensorboard" in done.stdout
