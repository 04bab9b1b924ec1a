"""Tests of steps that are kept: `StepRunner`, `SavedStep` and `StepStore`."""

from __future__ import annotations

import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.config import (
    ConfigError,
    DeviceSettings,
    StepCacheSettings,
)
from maenas_tf.engine import saved_step, step_runner
from maenas_tf.engine.fingerprint_code import NotKnown
from maenas_tf.engine.saved_step import LoadedStep, SavedStep
from maenas_tf.engine.step_store import StepStore, open_store
from maenas_tf.engine.strategies import make_strategy
from tests import scripts
from tests.engine import saved_steps_script as steps
from tests.searching.small import make_config, make_searcher

ONE = tf.distribute.get_strategy()

SEED = 3


@pytest.fixture(autouse=True)
def same_program(monkeypatch):
    """Other tests may have loaded modules whose files are gone or new."""
    monkeypatch.setattr(step_runner, "program", dict)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(scope="module")
def traced():
    """What a run without a store has, by seed."""
    return {seed: steps.run(None, seed, {}) for seed in (SEED, SEED + 1)}


@pytest.fixture(scope="module")
def kept(folder):
    """What the run has that finds nothing and keeps its steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step_runner, "program", dict)
        return steps.run(StepStore(folder), SEED, {})


def test_steps_that_are_kept_are_traced_as_ever(kept, traced):
    assert kept == traced[SEED]
    assert kept["traces"] == 2


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
@pytest.mark.usefixtures("kept")
def test_a_loaded_step_gives_the_bits_of_a_traced_one(seed, traced, folder):
    found = steps.run(StepStore(folder), seed, {})
    assert found["traces"] == 0
    assert {**found, "traces": 2} == traced[seed]
    assert traced[SEED]["bits"] != traced[SEED + 1]["bits"]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "settings", [{"weight_decay": 0.1}, {"momentum": 0.5}, {"order": "second"}]
)
def test_another_setting_is_traced(settings, folder):
    store = StepStore(folder)
    assert steps.run(store, SEED, settings)["traces"] == 2


@pytest.mark.usefixtures("kept")
def test_another_batch_size_is_traced(folder):
    searcher = make_searcher(make_config(**steps.SETTINGS), SEED)
    runner = steps.make_runner(searcher, StepStore(folder))
    steps.make_steps(searcher, runner)
    assert steps.num_traces(runner) == 0
    steps.make_steps(searcher, runner, batch_size=2)
    assert steps.num_traces(runner) == 2
    runner = steps.make_runner(searcher, StepStore(folder))
    steps.make_steps(searcher, runner, batch_size=2)
    assert steps.num_traces(runner) == 2


@pytest.mark.usefixtures("kept")
def test_a_run_that_goes_on_in_its_second_phase_loads(folder):
    searcher = make_searcher(make_config(**steps.SETTINGS), SEED)
    runner = steps.make_runner(searcher, StepStore(folder))
    searcher.update_alphas = True
    batch = steps.make_batch(searcher)
    runner(iter(tf.data.Dataset.from_tensors(batch).repeat()), 1)
    assert steps.num_traces(runner) == 0


@pytest.mark.usefixtures("kept")
def test_a_damaged_file_is_replaced(folder, traced, tmp_path):
    store = StepStore(tmp_path)
    steps.run(store, SEED, {})
    for number, path in enumerate(sorted(tmp_path.iterdir())):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content[:100] if number else content)
    found = steps.run(store, SEED, {})
    assert found == traced[SEED]
    assert steps.run(store, SEED, {})["traces"] == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, traced):
    file = tmp_path / "file"
    file.write_text("no folder")
    assert steps.run(StepStore(file / "steps"), SEED, {}) == traced[SEED]


class Drawing(keras.layers.Layer):
    """Adds numbers of a stream that is TensorFlow's own."""

    def call(self, x):
        return x + tf.random.uniform(tf.shape(x), seed=1)


def as_it_may_be(searcher):
    losses = searcher.task.losses
    searcher.task.losses = lambda *given: 2.0 * losses(*given)


def reading_the_seed(searcher):
    losses = searcher.task.losses

    def read(batch, outputs):
        return losses(batch, outputs) + float(searcher.task.context.seed)

    searcher.task.losses = read


def with_a_stream(searcher):
    layer = Drawing()
    losses = searcher.task.losses
    searcher.task.losses = lambda *given: layer(losses(*given))


def with_python_inside(searcher):
    losses = searcher.task.losses

    def read(*given):
        loss = losses(*given)
        return tf.ensure_shape(
            tf.py_function(lambda x: x, [loss], tf.float32), loss.shape
        )

    searcher.task.losses = read


def with_a_number_of_numpy(searcher):
    losses = searcher.task.losses

    def drawn(*given):
        return losses(*given) * np.random.rand()  # noqa: NPY002

    searcher.task.losses = drawn


def with_what_is_not_known(searcher):
    searcher.some_rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    "change",
    [
        as_it_may_be,
        reading_the_seed,
        with_a_stream,
        with_python_inside,
        with_a_number_of_numpy,
        with_what_is_not_known,
    ],
)
def test_what_is_of_one_run_or_process_alone_is_not_kept(change, tmp_path):
    searcher = make_searcher(make_config(**steps.SETTINGS), SEED)
    change(searcher)
    runner = steps.make_runner(searcher, StepStore(tmp_path))
    steps.make_steps(searcher, runner)
    assert steps.num_traces(runner) == 2
    assert len(list(tmp_path.iterdir())) == (2 if change is as_it_may_be else 0)


def test_a_capture_that_was_not_met_is_not_kept():
    met, hidden = tf.Variable(1.0), tf.Variable(2.0)
    function = tf.function(lambda: met * hidden).get_concrete_function()
    with pytest.raises(NotKnown):
        SavedStep.of(function, [met.handle])
    both = SavedStep.of(function, [hidden.handle, met.handle])
    assert set(both.captures) == {0, 1}


def test_captures_are_told_apart_and_functions_may_be_loaded_twice():
    first, second = tf.Variable(8.0), tf.Variable(2.0)

    @tf.function
    def inner(x):
        return x / second

    @tf.function
    def step(iterator):
        return inner(next(iterator) * first)

    def numbers():
        return iter(tf.data.Dataset.from_tensors(3.0).repeat())

    function = step.get_concrete_function(numbers())
    saved = SavedStep.of(function, [second.handle, first.handle])
    # Another process gives the names of this one to other functions.
    library = tf.compat.v1.GraphDef.FromString(saved.library).library
    assert len(library.function) == 2
    names = [function.signature.name for function in library.function]
    for function in library.function:
        names += [called.name for called in saved_step._called(function)]
    assert len(names) == 3
    assert all(name.startswith("saved_") for name in names)
    others = [tf.Variable(5.0).handle, tf.Variable(10.0).handle]
    saved = SavedStep.from_bytes(saved.to_bytes())
    with pytest.raises(ValueError, match="num_tensors"):
        LoadedStep(saved, others[:1])
    one = LoadedStep(saved, [second.handle, first.handle])
    other = LoadedStep(saved, [second.handle, first.handle])
    assert one(numbers()).numpy() == other(numbers()).numpy() == 12.0
    del one
    assert other(numbers()).numpy() == 12.0
    first.assign(4.0)
    assert other(numbers()).numpy() == step(numbers()).numpy() == 6.0


@pytest.mark.parametrize("content", [b"", b"some", b"maenas_tf step 1\n"])
def test_other_bytes_are_refused(content):
    with pytest.raises(ValueError, match="damaged"):
        SavedStep.from_bytes(content)


def make_saved(size):
    return SavedStep("name", (0,), 1, os.urandom(size))


def test_what_was_not_used_for_longest_goes(tmp_path):
    store = StepStore(tmp_path / "new", most_bytes=3500)
    for number, key in enumerate("abc"):
        store.keep(key, make_saved(1000))
        os.utime(store._path(key), (number, number))
    assert store.find("a").num_tensors == 1  # Which is used by that.
    store.keep("d", make_saved(1000))
    assert [key for key in "abcd" if store.find(key)] == ["a", "c", "d"]
    store.keep("e", make_saved(9000))
    assert [key for key in "abcde" if store.find(key)] == ["e"]
    assert store.find("f") is None
    assert store.folder.stat().st_mode & 0o777 == 0o700


def test_what_a_key_has_is_replaced_at_once(tmp_path):
    store = StepStore(tmp_path)
    for size in (10, 20):
        store.keep("a", make_saved(size))
        assert len(store.find("a").library) == size
    assert [path.name for path in tmp_path.iterdir()] == ["a.step"]


def test_where_steps_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_store("auto", ONE).folder == tmp_path / "maenas_tf" / "steps"
    monkeypatch.setenv("HOME", "/here")
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        wanted = None
        if not value:
            wanted = pathlib.Path("/here/.cache/maenas_tf/steps")
        found = open_store("auto", ONE)
        assert (found and found.folder) == wanted
    assert open_store("off", ONE) is None
    assert open_store("~/steps", ONE).folder == pathlib.Path("/here/steps")
    with pytest.raises(ConfigError, match="URL"):
        open_store("gs://bucket", ONE)


def test_replicas_keep_no_steps_and_are_told_so(capsys):
    strategy = make_strategy(
        DeviceSettings(strategy="mirrored", num_replicas=1)
    )
    assert open_store("auto", strategy) is None
    assert open_store("off", strategy) is None
    assert not capsys.readouterr().out
    assert open_store("steps", strategy) is None
    assert "--step_cache=steps changes nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", ("--step_cache is empty", '"off"')),
        ("gs://bucket/x", ("--step_cache=gs://bucket/x", "is a URL")),
        ("~nobody_here/x", ("--step_cache=~nobody_here/x", "no such user")),
    ],
)
def test_what_is_no_directory_is_refused(value, words):
    with pytest.raises(ConfigError) as error:
        StepCacheSettings(step_cache=value)
    for word in words:
        assert word in str(error.value)


def test_without_a_store_nothing_is_looked_at(monkeypatch):
    monkeypatch.setattr(step_runner, "Fingerprint", None)
    assert steps.run(None, SEED, {})["traces"] == 2


def test_another_process_loads(tmp_path):
    first, second = (
        json.loads(scripts.run(steps, tmp_path, SEED).splitlines()[-1])
        for _ in range(2)
    )
    assert first["traces"] == 2
    assert second == {**first, "traces": 0}
