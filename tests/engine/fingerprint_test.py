"""Tests of `maenas_tf.engine.fingerprint` and what it is made of."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import threading
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from maenas_tf.engine import fingerprint_program
from maenas_tf.engine.fingerprint import Fingerprint
from maenas_tf.engine.fingerprint_code import NotKnown, is_library
from maenas_tf.engine.fingerprint_program import process, program
from tests.searching.small import ONE_EDGE, TWO_EDGES, make_searcher

SMALL = {"space": ONE_EDGE.name, "decoder": "linear"}
SCALE = 1.0


def digest(value) -> str:
    told = Fingerprint()
    told.add(value)
    return told.digest()


def searcher_digest(**settings) -> str:
    return digest(make_searcher(**{**SMALL, **settings}))


@pytest.fixture(scope="module")
def plain() -> str:
    return searcher_digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"weight_decay": 1e-3},
        {"alpha_weight_decay": 2e-3},
        {"clip_norm": 4.0},
        {"alpha_clip_norm": 1.0},
        {"momentum": 0.8},
        {"nesterov": True},
        {"alpha_momentum": 0.4},
        {"order": "second"},
        {"order": "second", "hessian_vector_product": "exact"},
        {"recompute": True},
        {"perturb_alphas": "random"},
        {"init_channels": 4},
        {"num_cells": 2},
        {"space": TWO_EDGES.name, "num_cells": 3},
        {"algorithm": "pc_darts", "partial_channels": 2},
        {"algorithm": "fair_darts"},
        {"mask_ratio": 0.25},
        {"reconstruction_loss": "l1"},
        {"loss_region": "full"},
        {"task": "rotation", "decoder": "hierarchical"},
    ],
    ids=str,
)
def test_a_setting_that_changes_the_graph_changes_it(changes, plain):
    assert searcher_digest(**changes) != plain


def test_it_is_the_same_for_the_same_and_for_another_seed(plain):
    assert searcher_digest() == plain
    assert searcher_digest(seed=5) == plain


def test_values_of_variables_and_learning_rates_do_not_count(plain):
    searcher = make_searcher(**SMALL)
    for variable in searcher.variables:
        variable.assign(variable + 1)
    searcher.weight_optimizer.learning_rate = 0.7
    assert digest(searcher) == plain


def test_phases_count(plain):
    searcher = make_searcher(**SMALL)
    searcher.update_alphas = False
    assert digest(searcher) != plain


def test_class_weights_count(plain):
    searcher = make_searcher(**SMALL)
    searcher.task.class_weights = (1.0, 2.0)
    assert digest(searcher) != plain


def test_variables_are_met_once_and_in_order():
    told = [Fingerprint(), Fingerprint()]
    for each in told:
        searcher = make_searcher(**SMALL)
        each.add(searcher)
        wanted = [v for g in searcher.variable_groups.values() for v in g]
        found = {id(handle) for handle in each.tensors}
        assert len(found) == len(each.tensors)
        assert {id(v.value.handle) for v in wanted} <= found
    assert [t.dtype for t in told[0].tensors] == [
        t.dtype for t in told[1].tensors
    ]


class Scaled(keras.layers.Layer):
    """A layer as a user adds one."""

    def __init__(self, factor, **kwargs):
        super().__init__(name="scaled", **kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor * SCALE


def test_a_number_that_a_layer_holds_counts():
    assert digest(Scaled(2.0)) == digest(Scaled(2.0))
    assert digest(Scaled(2.0)) != digest(Scaled(3.0))
    assert digest(Scaled(2.0)) != digest(Scaled(2))
    assert digest(Scaled(2.0)) != digest(Scaled(2.0, dtype="bfloat16"))
    frozen = Scaled(2.0)
    frozen.trainable = False
    assert digest(Scaled(2.0)) != digest(frozen)


def test_a_number_of_its_module_counts(monkeypatch):
    before = digest(Scaled(2.0))
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 1.5)
    assert digest(Scaled(2.0)) != before


def test_what_stands_in_the_place_of_a_method_counts(monkeypatch):
    before = digest(Scaled(2.0))
    monkeypatch.setattr(Scaled, "call", lambda self, x: x)
    assert digest(Scaled(2.0)) != before


def test_what_stands_in_the_place_of_a_function_of_ours_counts(
    monkeypatch, plain
):
    monkeypatch.setattr(
        "maenas_tf.algorithms.bilevel.first_order", lambda *args: None
    )
    assert searcher_digest() != plain


def closing_over(value):
    return lambda x: x * value


@dataclasses.dataclass
class Pair:
    first: object
    second: object


LIST = [1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        ([1, 2], (1, 2)),
        ([1, [2]], [[1], 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2}, {1, 3}),
        (Pair(1, 2), Pair(2, 1)),
        (Pair(LIST, LIST), Pair(LIST, [1])),
        (np.float32([1, 2]), np.float32([1, 3])),
        (np.float32([1, 2]), np.int32([1, 2])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (tf.constant([1.0]), tf.constant([2.0])),
        (closing_over(1), closing_over(2)),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (functools.partial(max, 1), functools.partial(min, 1)),
        (lambda x: x + 1, lambda x: x - 1),
        (lambda x: x + 1, lambda x: x + 2),
        (lambda x: tf.nn.relu(x), lambda x: tf.nn.elu(x)),
        (lambda x, k=1: x, lambda x, k=2: x),
        (Pair(1, 2).__eq__, Pair(1, 3).__eq__),
        (tf.float32, tf.int32),
        (tf.TensorSpec([2]), tf.TensorSpec([None])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_differs_is_told_apart(one, other):
    assert digest(one) == digest(one)
    assert digest(one) != digest(other)


def test_circles_have_an_end():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert digest(one) == digest(other) != digest([1, [1]])


class Native(types.SimpleNamespace):
    """Holds what only its base, which is no Python, knows of."""


@pytest.mark.parametrize(
    "value",
    [
        np.random.default_rng(0),
        iter([1]),
        (x for x in ()),
        {object()},
        np.array([object()]),
        tf.data.Dataset.range(2),
        tf.lookup.experimental.DenseHashTable(
            tf.int64, tf.int64, -1, empty_key=-1, deleted_key=-2
        ),
        tf.function(lambda x: x),
        Native(),
        threading.Event(),
        lambda x: x * float(os.environ["SCALE"]),
        lambda x: x * float(open("scale").read()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_it_does_not_know_is_refused(value):
    searcher = Pair(1, [value])
    with pytest.raises(NotKnown):
        digest(searcher)


def test_our_package_is_no_library():
    assert is_library("tensorflow")
    assert is_library("dataclasses")
    assert is_library("keras.layers")
    assert is_library("builtins")
    assert not is_library("maenas_tf.ops.mixed")
    assert not is_library(__name__)
    assert not is_library("__main__")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Makes a package of one module; returns its folder."""
    monkeypatch.setattr(fingerprint_program, "_BEGUN", float("inf"))

    def write(name, text):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "module.py").write_text(text)
        return folder

    return write


def test_the_text_of_the_program_counts(written):
    same = [program(written(name, "x = 1"))["package"] for name in "ab"]
    assert same[0] == same[1]
    assert program(written("c", "x = 2"))["package"] != same[0]


def test_the_text_of_a_plug_in_counts(written, monkeypatch):
    module = types.ModuleType("some_plug_in")
    found = []
    for name, text in (("a", "x = 1"), ("b", "x = 2"), ("c", "x = 1")):
        module.__file__ = str(written(name, text) / "module.py")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        found.append(program()["others"][module.__name__])
    assert found[0] != found[1]
    assert found[0] == found[2]


def test_a_text_that_is_younger_than_the_process_is_refused(tmp_path):
    (tmp_path / "module.py").write_text("x = 1")
    with pytest.raises(NotKnown, match="written anew"):
        program(tmp_path)


def test_settings_of_the_process_count(monkeypatch):
    before = digest(process())
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "2")
    assert digest(process()) != before
    monkeypatch.undo()
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    assert digest(process()) == before
    monkeypatch.setattr(
        fingerprint_program, "synchronizes_statistics", lambda: False
    )
    assert digest(process()) != before


def test_the_policy_of_dtypes_counts():
    before = digest(process())
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        assert digest(process()) != before
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_a_functional_model_is_not_known():
    """Keras numbers its nodes by their addresses."""
    given = keras.Input((2,))
    model = keras.Model(given, keras.layers.Dense(1)(given))
    with pytest.raises(NotKnown, match="functional"):
        Fingerprint().add(model)
