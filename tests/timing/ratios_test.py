"""Tests of `maenas_tf.timing.ratios`."""

import numpy as np
import pytest

from maenas_tf.timing import ratios as timing


def result(*seconds):
    return {"seconds": seconds, "cpu_seconds": seconds, "images": 6}


def test_ratios_are_those_of_neighbours_not_of_medians():
    # The machine slows down while the second is always twice as slow.
    first, second = result(1.0, 2.0, 4.0), result(2.0, 4.0, 8.0)
    table = timing.comparison_table({"step": [first, second]}, "plain")
    assert table.rows[0][-1] == ""
    assert table.rows[1][:2] == ["step", "plain"]
    assert table.rows[1][-1] == "2.000 (2.000-2.000)"
    assert table.rows[0][2] == "2.000 (1.000-4.000)"
    assert table.rows[0][4] == "3"


def test_memory_is_compared_by_its_peak():
    sides = [
        {"peak_mb": 1000.0, "before_mb": 500.0},
        {"peak_mb": 600.0, "before_mb": 500.0, "tensors_mb": 90.0},
    ]
    table = timing.comparison_table({"memory": sides}, "recompute=true")
    assert table.rows[1][-1] == "0.6000"
    assert table.rows[0][2] == "1,000 MB (500 before the first step)"
    assert table.rows[1][2].endswith("first step, tensors 90)")


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_exponent_of_a_power_law(power):
    values = np.array([1.0, 2.0, 8.0])
    assert timing.exponent(values, 3.0 * values**power) == pytest.approx(power)


def test_scaling_is_drawn():
    points = [{**result(float(n)), "value": n} for n in (1, 2, 4)]
    image = timing.draw_scaling("num_cells", {"search_step": points})
    assert image.dtype == np.uint8
    assert image.std() > 5
