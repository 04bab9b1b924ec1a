"""Tests of `maenas_tf.engine.cluster`."""

import json

import pytest

from maenas_tf.config import ConfigError, WorkerSettings
from maenas_tf.engine.cluster import Cluster, find_cluster

CHIEF_AND_TWO = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}


def told(cluster, job, index):
    return json.dumps(
        {"cluster": cluster, "task": {"type": job, "index": index}}
    )


def test_flags_tell_the_workers_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", told(CHIEF_AND_TWO, "worker", 1))
    settings = WorkerSettings(workers="x:1, y:2", worker_index=1)
    assert find_cluster(settings) == Cluster(("x:1", "y:2"), 1)


@pytest.mark.parametrize(
    ("job", "index", "place"),
    [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)],
)
def test_the_chief_of_the_environment_comes_first(
    monkeypatch, job, index, place
):
    monkeypatch.setenv("TF_CONFIG", told(CHIEF_AND_TWO, job, index))
    found = find_cluster(WorkerSettings())
    assert found == Cluster(("a:1", "b:1", "c:1"), place)
    assert found.is_chief == (place == 0)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "--workers"),
        ("{", "cannot be read"),
        ('{"cluster": {"worker": ["a:1"]}}', "task"),
        (told({"worker": ["a:1"]}, "worker", 1), "worker 1"),
        (told({"worker": ["a:1"]}, "evaluator", 0), "evaluator 0"),
        (told({"worker": ["a"]}, "worker", 0), "no host:port"),
    ],
)
def test_an_environment_that_tells_no_cluster_is_refused(
    monkeypatch, text, word
):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError, match=word) as error:
        find_cluster(WorkerSettings())
    assert "TF_CONFIG" in str(error.value)


def test_the_other_workers_of_a_message_are_named():
    cluster = Cluster(tuple(f"host{i}:1" for i in range(12)), 2)
    text = "/job:worker/replica:0/task:2 waits for /job:worker/task:11"
    assert cluster.others_in(text) == "worker 11 (host11:1)"
    assert cluster.others_in("no name") == "another worker"
