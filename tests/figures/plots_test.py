"""Tests of `maenas_tf.figures.plots` and the modules behind it."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from maenas_tf.figures import (
    alpha_history,
    canvas,
    cell_graph,
    cell_layout,
    plots,
)
from maenas_tf.spaces import PUBLISHED, SPACES, GenotypeEdge, statistics


def genotypes():
    """Returns published and random genotypes of all spaces."""
    rng = np.random.default_rng(0)
    return [
        *PUBLISHED.values(),
        *(SPACES.get(name).random_genotype(rng) for name in SPACES.names()),
        *(SPACES.get("darts").random_genotype(rng) for _ in range(20)),
    ]


def chain_layout():
    """Returns kind, edges and layout of the deepest DARTS cell."""
    kind = SPACES.get("darts").cell_type("normal")
    edges = [GenotypeEdge("sep_conv_3x3", n - 1, n) for n in kind.nodes]
    return kind, edges, cell_layout.lay_out(kind, edges)


def weights_of(cell_type, seed=0, epochs=None):
    shape = (cell_type.num_edges, cell_type.max_primitives)
    shape = shape if epochs is None else (epochs, *shape)
    values = np.exp(np.random.default_rng(seed).normal(size=shape))
    return values / values.sum(axis=-1, keepdims=True)


def is_picture(image):
    """Says whether an image is uint8 RGB and not of one colour."""
    return (
        image.dtype == np.uint8
        and image.ndim == 3
        and image.shape[2] == 3
        and image.min() < image.max()
    )


@pytest.mark.parametrize("space", SPACES.names())
def test_every_cell_of_every_space_can_be_drawn(space):
    space = SPACES.get(space)
    genotype = space.random_genotype(np.random.default_rng(1))
    for cell_type in space.cell_types:
        assert is_picture(plots.draw_cell(genotype, cell_type.name))


def test_a_cell_is_drawn_alike_twice_and_other_cells_otherwise():
    genotype = PUBLISHED["DARTS_V2"]
    normal = plots.draw_cell(genotype, "normal")
    np.testing.assert_array_equal(normal, plots.draw_cell(genotype, "normal"))
    other = plots.draw_cell(PUBLISHED["DARTS_V1"], "normal")
    assert normal.shape != other.shape or (normal != other).any()


def test_an_unknown_cell_type_is_an_error_that_lists_the_known():
    with pytest.raises(ValueError, match="normal, reduce"):
        plots.draw_cell(PUBLISHED["DARTS_V2"], "upsample")


def test_operations_have_lanes_of_their_own_so_labels_cannot_overlap():
    for genotype in genotypes():
        for kind in SPACES.get(genotype.space).cell_types:
            edges = genotype.cells[kind.name]
            layout = cell_layout.lay_out(kind, edges)
            lanes = sorted(layout.lanes.values())
            assert len(lanes) == len(edges)
            for low, high in itertools.pairwise(lanes):
                assert high - low > cell_graph._BOX_HEIGHT + 0.1


def test_nodes_stand_right_of_their_sources_with_room_for_the_operation():
    room = cell_layout.BEND + cell_layout.BOX_WIDTH
    for genotype in genotypes():
        for kind in SPACES.get(genotype.space).cell_types:
            edges = genotype.cells[kind.name]
            layout = cell_layout.lay_out(kind, edges)
            for edge in edges:
                source, node = (
                    layout.states[edge.source],
                    layout.states[edge.node],
                )
                assert node[0] - source[0] > room


def test_the_deepest_cell_fits_into_its_picture():
    kind, _, layout = chain_layout()
    assert [layout.depths[node] for node in kind.nodes] == [1, 2, 3, 4]
    for x, y in layout.states.values():
        assert 0 < x < layout.width
        assert 0 < y < layout.height


@pytest.mark.parametrize("space", SPACES.names())
def test_weights_are_drawn_for_every_space(space):
    for cell_type in SPACES.get(space).cell_types:
        assert is_picture(plots.draw_alphas(weights_of(cell_type), cell_type))


def test_every_used_weight_shows_and_no_unused_one():
    cell_type = SPACES.get("s1").cell_type("normal")
    weights = np.pad(weights_of(cell_type), ((0, 0), (0, 1)))
    ragged = cell_type.edges[0].__class__
    edges = tuple(
        ragged(e.index, e.source, e.node, (*e.primitives, "noise"))
        if e.index == 13
        else e
        for e in cell_type.edges
    )
    cell_type = cell_type.__class__("normal", 2, 4, edges, (2, 3, 4, 5))
    image = plots.draw_alphas(weights, cell_type)
    unused = weights.copy()
    unused[0, 2] = 0.4
    np.testing.assert_array_equal(image, plots.draw_alphas(unused, cell_type))
    used = weights.copy()
    used[13, 2] = 0.4
    assert (image != plots.draw_alphas(used, cell_type)).any()


@pytest.mark.parametrize("shape", [(14, 7), (13, 8), (8,), (1, 14, 8)])
def test_weights_of_a_wrong_shape_are_an_error(shape):
    cell_type = SPACES.get("darts").cell_type("normal")
    with pytest.raises(ValueError, match=r"\[14, 8\]"):
        plots.draw_alphas(np.ones(shape), cell_type)


def test_weights_that_are_no_numbers_are_drawn_as_zero():
    cell_type = SPACES.get("nasbench201").cell_types[0]
    weights = weights_of(cell_type)
    weights[2] = np.nan
    image = plots.draw_alphas(weights, cell_type)
    weights[2] = 0
    np.testing.assert_array_equal(image, plots.draw_alphas(weights, cell_type))


@pytest.mark.parametrize("space", SPACES.names())
def test_each_edge_has_a_panel_of_its_own(space):
    for cell_type in SPACES.get(space).cell_types:
        places, rows, columns = alpha_history._panel_places(cell_type)
        assert len(set(places.values())) == cell_type.num_edges
        for row, column in places.values():
            assert 0 <= row < rows
            assert 0 <= column < columns


def test_the_history_shows_its_order_and_takes_a_single_epoch():
    cell_type = SPACES.get("nasbench201").cell_types[0]
    history = weights_of(cell_type, epochs=4)
    forward = plots.draw_alpha_history(history, cell_type)
    backward = plots.draw_alpha_history(history[::-1], cell_type)
    assert forward.shape == backward.shape
    assert (forward != backward).any()
    assert is_picture(plots.draw_alpha_history(history[:1], cell_type))


def test_a_history_without_epochs_or_of_a_wrong_shape_is_an_error():
    cell_type = SPACES.get("nasbench201").cell_types[0]
    with pytest.raises(ValueError, match="no epoch"):
        plots.draw_alpha_history(np.ones((0, 6, 5)), cell_type)
    with pytest.raises(ValueError, match=r"\[6, 5\]"):
        plots.draw_alpha_history(np.ones((6, 5)), cell_type)


def test_reconstructions_stand_below_inputs_and_above_originals():
    stacks = [np.zeros((3, 8, 8, 3)) for _ in range(3)]
    for channel, stack in enumerate(stacks):
        stack[..., channel] = 1.0
    image = plots.draw_reconstructions(*stacks).astype(int)
    rows = []
    for channel in range(3):
        color = np.eye(3, dtype=int)[channel] * 255
        rows.append(np.nonzero((image == color).all(-1))[0])
    assert rows[0].max() < rows[1].min()
    assert rows[1].max() < rows[2].min()


def test_eight_reconstructions_at_most_are_drawn_clipped_to_the_range():
    images = np.random.default_rng(0).uniform(-1, 2, (10, 8, 8, 3))
    drawn = plots.draw_reconstructions(images, images, images)
    first = np.clip(images[:8], 0, 1)
    np.testing.assert_array_equal(
        drawn, plots.draw_reconstructions(first, first, first)
    )


def test_reconstructions_of_unequal_shapes_are_an_error():
    images = np.zeros((2, 8, 8, 3))
    with pytest.raises(ValueError, match="one shape"):
        plots.draw_reconstructions(images, images[:1], images)
    with pytest.raises(ValueError, match="n > 0"):
        plots.draw_reconstructions(images[:0], images[:0], images[:0])


def test_the_file_of_a_picture_reads_back():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    content = io.BytesIO(plots.png_bytes(image))
    np.testing.assert_array_equal(np.asarray(Image.open(content)), image)


def test_only_pixels_can_be_saved():
    with pytest.raises(ValueError, match="uint8"):
        plots.png_bytes(np.zeros((4, 4, 3)))


def test_primitives_of_one_space_have_different_colours():
    for name in SPACES.names():
        primitives = SPACES.get(name).primitives
        colors = {canvas.primitive_color(p) for p in primitives}
        assert len(colors) == len(primitives)


def test_primitives_that_count_as_skip_or_pool_exist_in_the_spaces():
    known = {p for name in SPACES.names() for p in SPACES.get(name).primitives}
    assert {statistics.SKIP, *statistics.POOLS} <= known
