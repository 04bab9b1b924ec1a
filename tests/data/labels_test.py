"""Tests of `maenas_tf.data.labels`."""

import numpy as np
import pytest
from sklearn.utils import class_weight

from maenas_tf.config import ConfigError
from maenas_tf.data.labels import (
    balanced_weights,
    check_labels,
    number_by_value,
)

NUMBERS = [0, 2, 1, 2, 0, 1]


@pytest.mark.parametrize(
    "labels",
    [NUMBERS, tuple(NUMBERS), *(np.array(NUMBERS, t) for t in "bBIQ")],
)
def test_whole_numbers_from_0_are_taken_as_they_are(labels):
    found = check_labels(labels, 6, or_more=False)
    assert found.dtype == np.int64
    assert found.tolist() == NUMBERS


UNIQUE = r"np.unique\(labels, return_inverse=True\)\[1\]"


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([1, 2, 3, 1, 2, 3], "3 classes with numbers from 1 to 3; number"),
        ([0, 7, 7, 0, 0, 7], "2 classes with numbers from 0 to 7; number"),
        ([20210101] * 6, "1 classes with numbers from 20210101 to 20210101"),
        ([2**63 + 5] * 6, "from 9223372036854775813"),
        ([0, 1, -1, 0, 1, 0], "leave out images without a label and number"),
        ([0.0, 1.0] * 3, "type float64, as in 0.0"),
        ([np.nan, 1.0] * 3, "type float64, as in nan"),
        ([False, True] * 3, "type bool, as in False"),
        (["cat", "dog"] * 3, "type <U3, as in cat"),
        ([None] * 6, "type object, as in None"),
    ],
)
def test_other_labels_are_refused_with_what_maps_them(labels, said):
    with pytest.raises(ConfigError, match=said + ".*" + UNIQUE) as caught:
        check_labels(labels, 6, or_more=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "labels",
    [[1, 2, 3, 1], [0, 7, 7, 0], [20210101] * 4, [0.5, 1.5] * 2, [True] * 4]
    + [["b", "a", "a", "b"], [-1, 3, 3, 3]],
)
def test_what_the_message_says_maps_them(labels):
    mapped = np.unique(labels, return_inverse=True)[1]
    check_labels(mapped, 4, or_more=False)


@pytest.mark.parametrize(
    ("labels", "remedy"),
    [
        (np.eye(3)[NUMBERS], "np.argmax(labels, axis=1) of one-hot rows"),
        (np.eye(3, dtype=bool)[NUMBERS], "np.argmax(labels, axis=1)"),
        (np.reshape(NUMBERS, (6, 1)), "np.ravel(labels)"),
    ],
)
def test_one_hot_rows_and_columns_are_refused_with_what_maps_them(
    labels, remedy
):
    with pytest.raises(ConfigError) as caught:
        check_labels(labels, 6, or_more=False)
    assert f"for example {remedy}" in str(caught.value)
    mapped = eval(remedy.split(" of ")[0], {"np": np, "labels": labels})
    assert check_labels(mapped, 6, or_more=False).tolist() == NUMBERS


@pytest.mark.parametrize(
    "labels", [[], 3, [0, 1], [0] * 7, np.zeros((2, 3)), np.zeros((6, 0))]
)
def test_one_label_an_image_is_asked_for(labels):
    with pytest.raises(ConfigError, match="for each of the 6 images"):
        check_labels(labels, 6, or_more=False)


def test_ragged_labels_are_explained():
    with pytest.raises(ConfigError, match="cannot be made an array"):
        check_labels([[0], [0, 1]], 2, or_more=False)


def test_more_labels_than_images_are_for_who_takes_the_first_ones():
    assert len(check_labels([0, 1, 0], 2, or_more=True)) == 3
    with pytest.raises(ConfigError, match=r"shape \(1,\)"):
        check_labels([0], 2, or_more=True)


def test_stored_labels_are_numbered_by_value():
    labels, names = number_by_value(np.array([7, -2, 20210101, 7]))
    assert labels.tolist() == [1, 0, 2, 1]
    assert names == ("-2", "7", "20210101")


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.repeat([0, 1, 2], [50, 3, 11])
    expected = class_weight.compute_class_weight(
        "balanced", classes=np.arange(3), y=labels
    )
    found = balanced_weights(np.bincount(labels))
    np.testing.assert_allclose(found, expected)
    assert found[labels].mean() == pytest.approx(1)


def test_a_class_without_images_changes_no_weight():
    assert balanced_weights([30, 0, 10]).tolist() == pytest.approx(
        [40 / 60, 0, 40 / 20]
    )
