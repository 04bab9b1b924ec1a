"""Tests of `maenas_tf.config.paths`."""

import pathlib

import pytest

from maenas_tf.config import ConfigError, user_path


def test_a_home_directory_is_put_in_place_of_its_sign(monkeypatch):
    monkeypatch.setenv("HOME", "/homes/ann")
    assert user_path("~") == pathlib.Path("/homes/ann")
    assert user_path("~/runs/a") == pathlib.Path("/homes/ann/runs/a")
    assert user_path(pathlib.Path("~/a")) == pathlib.Path("/homes/ann/a")


@pytest.mark.parametrize("path", ["", "a~", "./~", "a/~/b", "/~x"])
def test_other_paths_are_kept(path):
    assert user_path(path) == pathlib.Path(path)


def test_an_unknown_home_is_one_sentence():
    with pytest.raises(ConfigError, match="~nobody9/x begins with ~, and"):
        user_path("~nobody9/x")


def test_a_url_is_no_path():
    for url in ("gs://bucket/run", "s3://bucket", "file:///x"):
        with pytest.raises(ConfigError, match="is a URL"):
            user_path(url)
    assert user_path("a:/b") == pathlib.Path("a:/b")
