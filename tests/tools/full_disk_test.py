"""A full disk ends in one sentence, and what was written stays good."""

import pytest

from tests.tools import commands, one_process

LIMIT = """
import resource
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, ({}, limits[1]))
"""
NO_LIMIT = LIMIT.format("limits[1]")
# Enough for a checkpoint, too little for the pictures of an epoch.
ROOM = 120_000


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    """A search that finds no room, and the same one with room."""
    run_dir = tmp_path_factory.mktemp("full") / "run"
    settings = {**commands.TINY, "max_images": 16, "epochs": 1}
    flags = [f"--run_dir={run_dir}", *commands.to_flags(settings)]
    cases = [(LIMIT.format(ROOM), flags), (NO_LIMIT, flags)]
    return run_dir, one_process.run("search", cases)


def test_it_is_one_sentence_that_names_the_file(searches):
    run_dir, ((code, _, error), _) = searches
    assert code == 2
    last = error.splitlines()[-1]
    assert last.startswith(f"{run_dir}/")
    assert "cannot be read or written (File too large): make room" in last
    assert "Traceback" not in error


def test_the_same_command_goes_on_once_there_is_room(searches):
    run_dir, (_, (code, out, error)) = searches
    assert code == 0, error
    assert "Found in" in out
    assert len(commands.history(run_dir)) == 1
