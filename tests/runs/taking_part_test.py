"""Tests of `maenas_tf.runs.taking_part`; its processes are in tests/tools."""

import pathlib
import sys

import pytest
import tensorflow as tf

from maenas_tf.config import ConfigError, DeviceSettings
from maenas_tf.engine.cluster import Cluster
from maenas_tf.engine.console import as_sentence
from maenas_tf.engine.signals import WorkerLost
from maenas_tf.runs import taking_part

CLUSTER = Cluster(("a:1", "b:1", "c:1"), 0)
ENDED = "Graph execution error: Collective ops is aborted by: "
LOST = (
    ENDED + "Error reported from /job:worker/task:2: The following tasks are "
    "unhealthy (stopped sending heartbeats):\n/job:worker/replica:0/task:2\n"
)
REFUSED = (
    ENDED + "failed to connect to all addresses\nAdditional GRPC error "
    "information from remote target /job:worker/replica:0/task:1 while calling"
)
TOLD = (
    ENDED + "Error reported from /job:worker/task:1: worker 1 (b:1) has ended: "
    "--data_dir=x does not exist\nThe error could be from a previous operation."
)


@pytest.fixture
def told(monkeypatch):
    """What this worker has told the others."""
    found = []
    monkeypatch.setattr(
        taking_part, "report_end", lambda *message: found.append(message)
    )
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LOST, "worker 2 (c:1) does not answer any more"),
        (REFUSED, "worker 1 (b:1) does not answer any more"),
        (TOLD, "worker 1 (b:1) has ended: --data_dir=x does not exist"),
    ],
)
def test_a_lost_worker_is_named(told, text, expected):
    error = tf.errors.UnavailableError(None, None, text)
    with pytest.raises(WorkerLost) as raised, taking_part._ends_told(CLUSTER):
        raise error
    assert str(raised.value) == expected
    assert not told


def test_bad_input_of_another_worker_is_bad_input_here():
    error = tf.errors.InvalidArgumentError(None, None, TOLD)
    with (
        pytest.raises(ConfigError, match="--data_dir=x"),
        taking_part._ends_told(CLUSTER),
    ):
        raise error


@pytest.mark.parametrize(
    ("error", "bad_input"),
    [
        (ConfigError("no such flag"), True),
        (KeyboardInterrupt("SIGTERM"), False),
    ],
)
def test_the_others_are_told_why_this_one_ends(told, error, bad_input):
    with pytest.raises(type(error)), taking_part._ends_told(CLUSTER):
        raise error
    ((message, was_bad),) = told
    assert message == f"the chief, worker 0 (a:1) has ended: {error}"
    assert was_bad == bad_input


def test_an_error_of_its_own_is_no_lost_worker(told):
    with (
        pytest.raises(tf.errors.ResourceExhaustedError),
        taking_part._ends_told(CLUSTER),
    ):
        raise tf.errors.ResourceExhaustedError(None, None, "no memory")
    assert len(told) == 1


def test_the_copy_holds_what_a_run_reads(tmp_path):
    run_dir = tmp_path / "run"
    for name in ("config.json", "checkpoints/ckpt-1.index", "lock.txt"):
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (run_dir / name).write_text(name)
    for name in taking_part._ONLY_WRITTEN:
        (run_dir / name).mkdir()
        (run_dir / name / "file").write_text("written")
    copy = tmp_path / "copy"
    taking_part._unpack(taking_part._pack(run_dir), str(copy))
    found = {
        str(path.relative_to(copy)): path.read_text()
        for path in copy.rglob("*")
        if path.is_file()
    }
    assert found == {
        name: name
        for name in ("config.json", "checkpoints/ckpt-1.index", "lock.txt")
    }


def test_of_a_run_that_begins_there_is_nothing_to_copy(tmp_path):
    copy = tmp_path / "copy"
    packed = taking_part._pack(pathlib.Path(tmp_path / "none"))
    taking_part._unpack(packed, str(copy))
    assert not list(copy.rglob("*"))


def test_who_is_alone_works_in_the_run_directory_itself(tmp_path):
    with taking_part.taking_part(DeviceSettings(), tmp_path) as run_dir:
        assert run_dir == tmp_path


def test_a_worker_names_the_run_directory_of_the_user(tmp_path, capsys):
    copy = str(tmp_path / "copy")
    with taking_part._said_of(copy, "runs/mine"):
        print(f"wrote {copy}/checkpoints/ckpt-3")
        print(f"{copy}/summary.json is there", file=sys.stderr)
    out, error = capsys.readouterr()
    assert not out
    assert error == (
        "wrote runs/mine/checkpoints/ckpt-3\nruns/mine/summary.json is there\n"
    )


@pytest.mark.parametrize("kind", [ConfigError, OSError])
def test_an_error_of_a_worker_names_the_run_directory_of_the_user(
    tmp_path, kind
):
    copy = str(tmp_path / "copy")

    def fail():
        if kind is OSError:
            open(f"{copy}/config.json")
        raise ConfigError(f"--run_dir={copy} holds another run")

    with pytest.raises(kind) as raised, taking_part._said_of(copy, "runs/mine"):
        fail()
    sentence = as_sentence(raised.value)
    assert "runs/mine" in sentence
    assert copy not in sentence
