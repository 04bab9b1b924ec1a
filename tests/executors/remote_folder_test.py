"""Tests of `maenas_tf.executors.remote_folder`, with fsspec's own stores."""

import os
import uuid

import fsspec
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.executors.remote_folder import RemoteFolder, is_url


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    if request.param == "file":
        return f"file://{tmp_path}/there"
    return f"memory://{uuid.uuid4().hex}"


def write(folder, place, text, seconds=0):
    path = folder.path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (seconds, seconds))


def read(url):
    files, root = fsspec.core.url_to_fs(url)
    return {
        name.removeprefix(root).lstrip("/"): files.cat_file(name).decode()
        for name in files.find(root)
    }


def test_another_machine_finds_what_was_sent(url, tmp_path):
    here = RemoteFolder(url, tmp_path / "here")
    write(here, "history.csv", "one")
    write(here, "checkpoints/ckpt-1.index", "index")
    assert here.send_all()
    assert sorted(read(url)) == ["checkpoints/ckpt-1.index", "history.csv"]
    there = RemoteFolder(url, tmp_path / "another")
    there.fetch_all()
    assert (there.path / "history.csv").read_text() == "one"
    # What is gone here goes there, what was changed there is sent.
    (there.path / "checkpoints/ckpt-1.index").unlink()
    write(there, "history.csv", "two", seconds=1)
    assert there.send_all()
    assert read(url) == {"history.csv": "two"}


def test_only_what_has_changed_is_copied(url, tmp_path, monkeypatch):
    here = RemoteFolder(url, tmp_path / "here")
    write(here, "a", "one")
    write(here, "b", "other")
    here.send_all()
    there = RemoteFolder(url, tmp_path / "another")
    there.fetch(["a", "none"])
    assert os.listdir(there.path) == ["a"]
    copied = []
    fetch = there._fetch
    monkeypatch.setattr(there, "_fetch", lambda p: copied.append(p) or fetch(p))
    there.fetch(["a"])
    assert not copied
    write(here, "a", "longer", seconds=2)
    here.send_all()
    there.fetch(["a"])
    assert (there.path / "a").read_text() == "longer"


@pytest.mark.parametrize("dropped", [True, False])
def test_nothing_is_sent_after_what_has_changed_meanwhile(
    url, tmp_path, monkeypatch, dropped
):
    here = RemoteFolder(url, tmp_path / "here")
    write(here, "ckpt-1", "one", seconds=1)
    write(here, "checkpoint", "names ckpt-1", seconds=2)
    assert here.send_all()
    write(here, "ckpt-2", "two", seconds=3)
    write(here, "checkpoint", "names ckpt-2", seconds=4)
    put = here._files.put_file

    def put_late(path, there):
        # A checkpoint is written, and an older one may be dropped.
        put(path, there)
        if path.endswith("ckpt-2"):
            if dropped:
                os.unlink(path)
            write(here, "ckpt-3", "three", seconds=5)
            write(here, "checkpoint", "names ckpt-3", seconds=6)

    monkeypatch.setattr(here._files, "put_file", put_late)
    assert not here.send_all()
    found = read(url)
    assert found["checkpoint"] == "names ckpt-1"
    assert found["ckpt-1"] == "one"
    monkeypatch.setattr(here._files, "put_file", put)
    assert here.send_all()
    found = read(url)
    assert found["checkpoint"] == "names ckpt-3"
    assert found["ckpt-3"] == "three"


def test_a_url_without_a_client_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="nosuch://x.*give a path"):
        RemoteFolder("nosuch://x", tmp_path / "copy")
    assert is_url("s3://bucket/x")
    assert not is_url("runs/x")
