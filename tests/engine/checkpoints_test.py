"""Tests of `maenas_tf.engine.checkpoints`."""

from __future__ import annotations

import os
import pathlib

import keras
import numpy as np
import pytest

from maenas_tf.config import ConfigError
from maenas_tf.engine.checkpoints import RunCheckpoint, read_state
from maenas_tf.engine.optimization import SGD
from maenas_tf.ops.mixed import MixedOp
from tests.engine import small_files
from tests.searching.small import flat, values

STATE = {"epoch": 3, "step": 7, "totals": {"loss": 0.1}, "seconds": None}


class Run:
    """Weights, a counter and two optimizers with slots, after two steps."""

    def __init__(self, size=4, steps=2):
        rng = np.random.default_rng(0)
        with keras.name_scope("model"):
            self.weights = [
                keras.Variable(rng.normal(size=(size, size)), name="kernel"),
                keras.Variable(rng.normal(size=size), name="bias"),
            ]
            self.alphas = [keras.Variable(rng.normal(size=3), name="alphas")]
        self.counter = keras.Variable(
            0, dtype="int32", trainable=False, name="calls"
        )
        self.sgd = keras.optimizers.SGD(0.1, 0.9, name="weight_optimizer")
        self.adam = keras.optimizers.Adam(0.1, name="alpha_optimizer")
        self.sgd.build(self.weights)
        self.adam.build(self.alphas)
        for _ in range(steps):
            self.step(rng)

    def step(self, rng):
        for optimizer, variables in (
            (self.sgd, self.weights),
            (self.adam, self.alphas),
        ):
            optimizer.apply([rng.normal(size=v.shape) for v in variables])
        self.counter.assign(self.counter + 1)

    @property
    def groups(self):
        return {
            "model": [*self.weights, *self.alphas, self.counter],
            "weight_optimizer": self.sgd.variables,
            "alpha_optimizer": self.adam.variables,
        }

    @property
    def everything(self):
        return [v for group in self.groups.values() for v in group]


def data_file(path: str) -> pathlib.Path:
    return pathlib.Path(f"{path}.data-00000-of-00001")


def test_every_variable_slot_and_counter_comes_back(tmp_path):
    run = Run()
    expected = values(run.everything)
    # Momentum twice, Adam's two moments, both iterations.
    assert len(expected) > 4 + 2 + 2 + 2
    assert int(run.sgd.iterations.value) == 2
    path = RunCheckpoint(tmp_path, run.groups).save(STATE)
    assert pathlib.Path(f"{path}.index").exists()

    other = Run(steps=0)
    for variable in other.everything:
        variable.assign(variable + 5)
    assert other.groups.keys() == run.groups.keys()
    checkpoint = RunCheckpoint(tmp_path, other.groups)
    assert checkpoint.latest == path
    assert checkpoint.restore() == STATE
    for found, wanted in zip(values(other.everything), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)

    # And both go on alike.
    run.step(np.random.default_rng(1))
    other.step(np.random.default_rng(1))
    np.testing.assert_array_equal(
        flat(values(run.everything)), flat(values(other.everything))
    )


@pytest.mark.parametrize("name", [b"caf\xe9", b"a \xff/b\xfe"])
def test_a_directory_of_any_name_holds_checkpoints(tmp_path, name):
    directory = tmp_path / os.fsdecode(name)
    directory.mkdir(parents=True)
    run = Run()
    for _ in range(2):
        path = RunCheckpoint(directory / "checkpoints", run.groups).save(STATE)
    assert pathlib.Path(path).parent == directory / "checkpoints"
    assert data_file(path).exists()
    other = RunCheckpoint(directory / "checkpoints", Run(steps=0).groups)
    assert other.restore() == read_state(directory / "checkpoints") == STATE
    # The directory may be moved, and read by a process of its own.
    moved = (tmp_path / os.fsdecode(name.split(b"/")[0])).rename(tmp_path / "m")
    (found,) = moved.rglob("checkpoints")
    assert read_state(found) == STATE


def test_an_empty_directory_restores_nothing(tmp_path):
    run = Run()
    before = values(run.everything)
    checkpoint = RunCheckpoint(tmp_path / "new", run.groups)
    assert checkpoint.latest is None
    assert checkpoint.restore() is None
    np.testing.assert_array_equal(flat(before), flat(values(run.everything)))


def test_the_latest_of_several_comes_back_and_two_are_kept(tmp_path):
    run = Run()
    checkpoint = RunCheckpoint(tmp_path, run.groups)
    for epoch in range(4):
        run.counter.assign(10 * epoch)
        checkpoint.save({"epoch": epoch})
    assert len(list(tmp_path.glob("*.index"))) == 2
    run.counter.assign(0)
    assert RunCheckpoint(tmp_path, run.groups).restore() == {"epoch": 3}
    assert int(run.counter.value) == 30


@pytest.mark.parametrize("content", [None, b"nonsense"])
def test_without_the_managers_file_the_newest_comes_back(tmp_path, content):
    run = Run()
    checkpoint = RunCheckpoint(tmp_path, run.groups)
    for epoch in range(10):  # ckpt-9 and ckpt-10 are left
        run.counter.assign(10 * epoch)
        checkpoint.save({"epoch": epoch})
    (tmp_path / "checkpoint").unlink()
    if content is not None:
        (tmp_path / "checkpoint").write_bytes(content)
    run.counter.assign(0)
    again = RunCheckpoint(tmp_path, run.groups)
    assert again.restore() == {"epoch": 9}
    assert int(run.counter.value) == 90
    assert again.save({"epoch": 10}).endswith("ckpt-11")


def cut(path):
    content = data_file(path).read_bytes()
    data_file(path).write_bytes(content[: len(content) // 2])


def flip_a_bit(path):
    content = bytearray(data_file(path).read_bytes())
    content[len(content) // 2] ^= 1
    data_file(path).write_bytes(content)


def remove(path):
    data_file(path).unlink()


def cut_the_index(path):
    index = pathlib.Path(f"{path}.index")
    index.write_bytes(index.read_bytes()[:50])


@pytest.mark.parametrize("damage", [cut, flip_a_bit, remove, cut_the_index])
def test_a_damaged_checkpoint_is_an_error_with_a_remedy(tmp_path, damage):
    run = Run()
    path = RunCheckpoint(tmp_path, run.groups).save(STATE)
    damage(path)
    with pytest.raises(ConfigError, match="cannot be restored.*--run_dir"):
        RunCheckpoint(tmp_path, run.groups).restore()


def test_a_checkpoint_of_another_shape_is_an_error(tmp_path):
    RunCheckpoint(tmp_path, Run().groups).save(STATE)
    with pytest.raises(ConfigError, match="cannot be restored.*--run_dir"):
        RunCheckpoint(tmp_path, Run(size=5).groups).restore()


def test_a_variable_that_the_checkpoint_lacks_is_an_error(tmp_path):
    run = Run()
    groups = {k: v for k, v in run.groups.items() if k != "alpha_optimizer"}
    RunCheckpoint(tmp_path, groups).save(STATE)
    with pytest.raises(ConfigError, match="cannot be restored"):
        RunCheckpoint(tmp_path, run.groups).restore()


def test_a_variable_that_the_model_lacks_is_an_error(tmp_path):
    run = Run()
    RunCheckpoint(tmp_path, run.groups).save(STATE)
    groups = {k: v for k, v in run.groups.items() if k != "alpha_optimizer"}
    with pytest.raises(ConfigError, match="cannot be restored"):
        RunCheckpoint(tmp_path, groups).restore()


def test_two_variables_of_one_path_are_an_error(tmp_path):
    first, second = (keras.Variable(0.0, name="same") for _ in range(2))
    with pytest.raises(ValueError, match="group/same.*different names"):
        RunCheckpoint(tmp_path, {"group": [first, second]})
    RunCheckpoint(tmp_path, {"group": [first], "other": [second]})


def test_a_checkpoint_without_room_leaves_the_one_before(tmp_path):
    run = Run(size=300)
    checkpoint = RunCheckpoint(tmp_path / "checkpoints", run.groups)
    before = checkpoint.save(STATE)
    kept = values(run.everything)
    run.step(np.random.default_rng(1))
    too_large = pytest.raises(OSError, match="File too large")
    with small_files.files_of_at_most(200_000), too_large as caught:
        checkpoint.save({**STATE, "epoch": 4})
    assert caught.value.filename == str(tmp_path / "checkpoints")
    assert not list(tmp_path.glob("checkpoints/*_temp"))
    assert checkpoint.latest == before
    assert checkpoint.restore() == STATE
    np.testing.assert_array_equal(flat(values(run.everything)), flat(kept))
    checkpoint.save({**STATE, "epoch": 4})
    assert checkpoint.restore()["epoch"] == 4


def test_what_edges_stack_is_read_from_where_it_was_apart(tmp_path):
    """Weights and momenta, of checkpoints from before edges stacked them."""

    class Apart(MixedOp):
        packs = False

    groups = {}
    for make in (Apart, MixedOp):
        edge = make(("sep_conv_3x3", "dil_conv_3x3"), 2, 1, name="edge")
        edge.build((None, None, None, 2))
        optimizer = SGD(0.1, 0.9, name="sgd")
        optimizer.build(edge.trainable_variables)
        groups[make] = {
            "model": edge.variables,
            "optimizer": optimizer.variables,
        }
    older = RunCheckpoint(tmp_path, groups[Apart])
    rng = np.random.default_rng(0)
    wanted = {}
    for variables in groups[Apart].values():
        for variable in variables:
            wanted[variable.path] = rng.integers(0, 99, variable.shape)
            variable.assign(wanted[variable.path])
    older.save({"epoch": 3})
    newer = RunCheckpoint(tmp_path, groups[MixedOp])
    assert newer.restore() == {"epoch": 3}
    name = "edge/sep_conv_3x3/pointwise_1"
    for variables, path in (
        (groups[MixedOp]["model"], name),
        (
            groups[MixedOp]["optimizer"],
            f"sgd/{name.replace('/', '_')}_momentum",
        ),
    ):
        (stacked,) = (v for v in variables if "1x1x2x2" in v.path)
        assert stacked.shape[0] == 3
        np.testing.assert_array_equal(stacked[1], wanted[path])
    newer.save({"epoch": 4})
    assert RunCheckpoint(tmp_path, groups[MixedOp]).restore() == {"epoch": 4}
