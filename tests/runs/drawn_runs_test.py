"""Files of run directories, changed at random, are read or refused."""

from __future__ import annotations

import contextlib
import json
import pathlib
import shutil
import tempfile

import numpy as np
import pytest
from hypothesis import strategies as st

from maenas_tf.config import Config, ConfigError
from maenas_tf.runs import files
from maenas_tf.runs.data_record import read_data
from maenas_tf.runs.run_directory import RunDirectory, as_begun
from maenas_tf.runs.run_reader import NotUsable, read_run
from maenas_tf.searching.config import SearchConfig
from maenas_tf.training.config import TrainConfig
from maenas_tf.training.trained_run import Preprocessing
from tests.drawn.cases import draws, numbers_of_cases, refused_in_a_sentence

OLD_RUN = pathlib.Path(__file__).parents[1] / "old_runs" / "search"
CONFIGS = (SearchConfig, TrainConfig)
# Values near what settings take, and far from it.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 70)
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["darts", "macro", "mae", "second", "imagenet", "0.5"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@st.composite
def changed(draw, values: dict, with_new: bool = True) -> dict:
    """Draws a mapping in which some fields are others, gone or new."""
    values = dict(values)
    for name in draw(
        st.lists(st.sampled_from(sorted(values)), max_size=3, unique=True)
    ):
        del values[name]
        if draw(st.booleans()):
            values[name] = draw(VALUES)
    if with_new and draw(st.integers(0, 9)) == 0:
        values[draw(st.text(max_size=3))] = draw(VALUES)
    return values


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """Draws a file's bytes after something has happened to it."""
    place = draw(st.integers(0, len(content)))
    some = draw(st.sampled_from([b"", b"\0", b"\xff", b"nan", b'"', b"{"]))
    length = draw(st.sampled_from([0, 1, 5, len(content)]))
    return content[:place] + some + content[place + length :]


def texts(values: dict):
    """Draws JSON of changed values, damaged, or of any values."""
    dumped = changed(values).map(json.dumps)
    whole = json.dumps(values, indent=2).encode()
    return (
        dumped.map(str.encode)
        | damaged(whole)
        | VALUES.map(json.dumps).map(str.encode)
        | st.binary(max_size=20)
    )


def check_config(kind: type[Config], content: bytes) -> None:
    """Reads a configuration in every way there is."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / files.CONFIG).write_bytes(content)
        wanted = kind()
        found = None
        with refused_in_a_sentence():
            found = kind.from_json(content.decode("utf-8", "replace"))
        if found is not None:
            assert kind.from_json(found.to_json()) == found
        with refused_in_a_sentence():
            begun = as_begun(wanted, folder)
            RunDirectory(folder, begun).close()
            # Who goes on has the very settings of the run.
            assert not begun.differences(kind.from_json(content.decode()))


@numbers_of_cases(60)
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_changed_configuration_is_read_or_refused(kind, cases):
    @draws(cases, texts(kind().to_dict()))
    def check(content):
        check_config(kind, content)

    check()


@numbers_of_cases(60)
@pytest.mark.parametrize("kind", CONFIGS)
def test_settings_of_any_value_are_taken_or_refused(kind, cases):
    @draws(cases, changed(kind().to_dict(), with_new=False))
    def check(values):
        found = None
        with refused_in_a_sentence():
            found = kind(**values)
        if found is not None:
            for name, value in found.to_dict().items():
                default = kind.settings()[name].default
                assert type(value) is type(default)

    check()


DATA = {
    "name": "folder",
    "split": "train",
    "num_images": 3,
    "image_size": 8,
    "class_names": ["a", "b"],
    "fingerprint": {"paths": "01", "contents": "23"},
}


@numbers_of_cases(60)
def test_a_changed_record_of_the_data_is_read_or_refused(cases):
    @draws(cases, texts(DATA))
    def check(content):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            (path / files.DATA).write_bytes(content)
            with refused_in_a_sentence():
                read_data(path)

    check()


PREPROCESSING = {
    "image_size": 8,
    "mean": [0.1, 0.2, 0.3],
    "std": [0.1, 0.2, 0.3],
    "class_names": ["a", "b"],
    "dataset": "folder",
    "pixels": {"background": "white", "integer_white": 255.0, "float_white": 0},
}


@numbers_of_cases(60)
def test_changed_preprocessing_is_whole_or_refused(cases):
    @draws(cases, texts(PREPROCESSING))
    def check(content):
        found = None
        with refused_in_a_sentence(ValueError):
            found = Preprocessing.from_json(content.decode("utf-8", "replace"))
        if found is not None:
            assert len(found.mean) == len(found.std) == 3
            assert np.all(np.isfinite([*found.mean, *found.std]))
            assert Preprocessing.from_json(found.to_json()) == found

    check()


CONTENTS = {
    name: (OLD_RUN / name).read_bytes()
    for name in (files.CONFIG, files.GENOTYPE, files.HISTORY, files.ALPHAS)
}
SUMMARY = {"kind": "search", "seconds_search": 1.5, "num_labels_read": 0}


@st.composite
def directories(draw) -> dict[str, bytes]:
    """Draws the files of a search of which one is damaged, or gone."""
    contents = {**CONTENTS, files.SUMMARY: json.dumps(SUMMARY).encode()}
    name = draw(st.sampled_from(sorted(contents)))
    if draw(st.integers(0, 9)) == 0:
        del contents[name]
    elif name.endswith(".json") and draw(st.booleans()):
        contents[name] = draw(texts(json.loads(contents[name])))
    else:
        contents[name] = draw(damaged(contents[name]))
    return contents


@numbers_of_cases(60)
def test_a_damaged_search_is_read_or_told_from_one(cases):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "run"

        @draws(cases, directories())
        def check(contents):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
            for name, content in contents.items():
                (path / name).write_bytes(content)
            with contextlib.suppress(NotUsable, ConfigError):
                found = read_run(path, "run", SearchConfig.defaults())
                found.genotype.validate()

        check()
