"""Tests of the plans in `maenas_tf.skeletons`."""

from __future__ import annotations

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.skeletons import (
    NetworkSize,
    evaluation_size,
    make_plan,
    search_cells,
)
from maenas_tf.spaces import SPACES, Genotype, GenotypeEdge


# int(n / 3) and int(2 n / 3), as in DARTS, section A.1.1.
@pytest.mark.parametrize(
    ("num_cells", "reductions"),
    [(3, (1, 2)), (8, (2, 5)), (14, (4, 9)), (20, (6, 13))],
)
def test_cells_at_the_thirds_reduce_and_double_the_width(num_cells, reductions):
    cells = make_plan("darts", NetworkSize(16, num_cells)).cells
    assert len(cells) == num_cells
    for index, cell in enumerate(cells):
        reduces = index in reductions
        assert cell.cell_type == ("reduce" if reduces else "normal")
        assert cell.halvings == reduces
        assert cell.channels == 16 * 2 ** sum(index >= r for r in reductions)
        assert cell.halves_older == (index - 1 in reductions)


def test_cells_draw_on_the_two_before_them():
    plan = make_plan("darts", NetworkSize(4, 3))
    assert [cell.inputs for cell in plan.cells] == [
        ("stem/first", "stem/first"),
        ("stem/first", "cell_0"),
        ("cell_0", "cell_1"),
    ]


def test_first_cell_behind_the_large_stem_has_inputs_of_two_sizes():
    plan = make_plan("darts", NetworkSize(16, 14, 224, stem="imagenet"))
    older, newer = plan.placements[:2]
    assert (older.size_out, newer.size_out) == (56, 28)
    first, second = plan.cells[:2]
    assert first.inputs == ("stem/first", "stem/second")
    assert (first.halves_older, second.halves_older) == (True, False)


def test_stages_of_nasbench201_double_the_width():
    plan = make_plan("nasbench201", NetworkSize(16, 2))
    assert [c.channels for c in plan.cells] == [16, 16, 32, 32, 64, 64]
    names = [p.name for p in plan.placements]
    assert names[3:5] == ["reduction_1", "cell_1_0"]


@pytest.mark.parametrize(
    ("space", "stem", "levels"),
    [
        ("darts", "cifar", (0, 1, 2)),
        ("darts", "imagenet", (3, 4, 5)),
        ("nasbench201", "cifar", (0, 1, 2)),
    ],
)
def test_features_are_the_ends_of_the_resolutions(space, stem, levels):
    plan = make_plan(space, NetworkSize(4, 5, 64, stem=stem))
    assert plan.levels == levels
    assert plan.reduction == 2 ** levels[-1]
    plan = make_plan(space, evaluation_size(SPACES.get(space), stem))
    assert plan.reduction == 2 ** levels[-1]
    last = {p.level: p.name for p in plan.placements}
    assert plan.features == tuple(last[level] for level in levels)


def test_large_stem_is_not_for_nasbench201():
    with pytest.raises(ConfigError, match="--stem=imagenet.*--stem=cifar"):
        make_plan("nasbench201", NetworkSize(16, 1, stem="imagenet"))


@pytest.mark.parametrize(
    ("space", "num_cells"), [("darts", 2), ("s2", 0), ("nasbench201", 0)]
)
def test_fewer_cells_than_stages_are_refused(space, num_cells):
    with pytest.raises(ConfigError, match=f"--num_cells={num_cells} is too"):
        make_plan(space, NetworkSize(4, num_cells))


def test_published_sizes_are_told_in_one_place():
    darts, nasbench = SPACES.get("darts"), SPACES.get("nasbench201")
    assert (search_cells(darts), search_cells(nasbench)) == (8, 5)
    assert search_cells(darts, 3) == 3
    assert evaluation_size(darts).num_cells == 20
    assert evaluation_size(nasbench).num_cells == 5


def test_a_node_without_an_edge_narrows_its_cells():
    def cells(node):
        edge = GenotypeEdge("sep_conv_3x3", 0, node)
        return {"normal": (edge,), "reduce": (edge,)}

    genotype = Genotype("darts", cells(3))
    plan = make_plan("darts", NetworkSize(4, 3), genotype)
    assert [p.channels_out for p in plan.cells] == [4, 8, 16]
    assert {p.concat for p in plan.cells} == {(3,)}
