"""Tests of `maenas_tf.recording.tensorboard_writer`, read by TensorBoard."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing import (
    event_accumulator,
    plugin_event_accumulator,
)
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

from maenas_tf.recording import tensorboard_writer as callbacks
from maenas_tf.spaces import SPACES, Genotype, GenotypeEdge, statistics


def softmaxed(space, seed):
    """Returns random softmaxed weights of each cell type."""
    rng = np.random.default_rng(seed)
    weights = {}
    for cell_type in space.cell_types:
        shape = (cell_type.num_edges, cell_type.max_primitives)
        values = np.exp(rng.normal(size=shape))
        weights[cell_type.name] = values / values.sum(-1, keepdims=True)
    return weights


def read(directory):
    """Returns what TensorBoard makes of a directory."""
    accumulator = plugin_event_accumulator.EventAccumulator(
        str(directory),
        size_guidance={plugin_event_accumulator.TENSORS: 0},
        purge_orphaned_data=True,
    )
    return accumulator.Reload()


def scalars(accumulator, tag):
    """Returns [(step, value)] of a scalar tag."""
    return [
        (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
        for event in accumulator.Tensors(tag)
    ]


def strings(accumulator, tag):
    """Returns [(step, list of byte strings)] of a tag."""
    return [
        (
            event.step,
            tensor_util.make_ndarray(event.tensor_proto).ravel().tolist(),
        )
        for event in accumulator.Tensors(tag)
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two epochs of NAS-Bench-201: (accumulator, space, weights, genotypes)."""
    directory = tmp_path_factory.mktemp("run") / "tensorboard"
    space = SPACES.get("nasbench201")
    weights = [softmaxed(space, seed) for seed in (0, 1)]
    genotypes = [space.derive(matrix) for matrix in weights]
    picture = np.full((4, 6, 3), 77, np.uint8)
    with callbacks.TensorBoardWriter(directory, space) as writer:
        for epoch, genotype in enumerate(genotypes):
            writer.write_epoch(
                epoch,
                {"loss/weights": 0.5 + epoch, "images_per_second": 100},
                weights[epoch],
                genotype,
                {"reconstructions": picture},
            )
        writer.write_hparams(
            {"order": "first", "mask_ratio": 0.75, "augment": True, "x": None},
            {"loss_alphas": 0.25},
        )
    return read(directory), space, weights, genotypes


def test_each_weight_is_a_scalar_named_by_edge_and_primitive(written):
    accumulator, space, weights, _ = written
    (cell_type,) = space.cell_types
    for edge in cell_type.edges:
        for column, primitive in enumerate(edge.primitives):
            tag = f"alpha_cell/edge_{edge.source}_{edge.node}/{primitive}"
            expected = [w["cell"][edge.index, column] for w in weights]
            steps, values = zip(*scalars(accumulator, tag), strict=True)
            assert steps == (0, 1)
            np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_metrics_entropy_and_counts_are_scalars(written):
    accumulator, _, weights, genotypes = written
    assert scalars(accumulator, "loss/weights") == [(0, 0.5), (1, 1.5)]
    assert scalars(accumulator, "images_per_second") == [(0, 100), (1, 100)]
    entropies = [statistics.entropy(w["cell"]) for w in weights]
    read_entropies = [v for _, v in scalars(accumulator, "entropy/cell")]
    np.testing.assert_allclose(read_entropies, entropies, rtol=1e-6)
    for tag, count in (
        ("skips/cell", statistics.count_skips),
        ("pools/cell", statistics.count_pools),
    ):
        expected = [(i, count(g)["cell"]) for i, g in enumerate(genotypes)]
        assert scalars(accumulator, tag) == expected


def test_the_layout_has_a_category_a_cell_type_and_a_chart_an_edge(tmp_path):
    space = SPACES.get("darts")
    callbacks.TensorBoardWriter(tmp_path, space).close()
    ((_, (text,)),) = strings(read(tmp_path), "custom_scalars__config__")
    layout = layout_pb2.Layout.FromString(text)
    assert len(layout.category) == 2
    for category, name in zip(
        layout.category, ("normal", "reduce"), strict=True
    ):
        assert len(category.chart) == 14
        assert list(category.chart[3].multiline.tag) == [
            f"^alpha_{name}/edge_1_3/[^/]+$"
        ]


def test_images_are_png_files_with_their_size(written):
    accumulator, _, _, _ = written
    for tag in ("alphas/cell", "cell/cell", "reconstructions"):
        events = strings(accumulator, tag)
        assert [step for step, _ in events] == [0, 1]
        for _, (width, height, png) in events:
            image = Image.open(io.BytesIO(png))
            assert image.size == (int(width), int(height))
    _, (_, _, png) = strings(accumulator, "reconstructions")[0]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), 77)


def test_the_picture_of_a_cell_follows_the_genotype(written):
    accumulator, _, _, genotypes = written
    assert genotypes[0] != genotypes[1]
    first, second = strings(accumulator, "cell/cell")
    assert first[1][2] != second[1][2]


def test_the_genotype_is_text_that_can_be_pasted(written):
    accumulator, _, _, genotypes = written
    texts = [values[0] for _, values in strings(accumulator, "genotype")]
    for text, genotype in zip(texts, genotypes, strict=True):
        line = text.decode().splitlines()[0]
        assert line.startswith("    ")  # Markdown's code
        assert Genotype.from_string(line) == genotype


def test_a_collapsed_genotype_is_shown_with_a_warning(tmp_path):
    space = SPACES.get("nasbench201")
    edges = space.cell_types[0].edges
    skips = [GenotypeEdge("skip_connect", e.source, e.node) for e in edges]
    genotype = Genotype("nasbench201", {"cell": tuple(skips)})
    with callbacks.TensorBoardWriter(tmp_path, space) as writer:
        writer.write_epoch(0, {}, softmaxed(space, 0), genotype)
    ((_, (text,)),) = strings(read(tmp_path), "genotype")
    assert "6 of 6" in text.decode()


def test_settings_and_final_metrics_are_hparams(written):
    accumulator, _, _, _ = written
    contents = accumulator.PluginTagToContent("hparams")
    parse = plugin_data_pb2.HParamsPluginData.FromString
    start = parse(contents["_hparams_/session_start_info"]).session_start_info
    assert start.hparams["order"].string_value == "first"
    assert start.hparams["mask_ratio"].number_value == 0.75
    assert start.hparams["augment"].bool_value is True
    assert start.hparams["x"].string_value == "None"
    experiment = parse(contents["_hparams_/experiment"]).experiment
    assert [m.name.tag for m in experiment.metric_infos] == [
        "final/loss_alphas"
    ]
    assert scalars(accumulator, "final/loss_alphas") == [(1, 0.25)]


def write_and_resume(directory):
    """Writes the epochs 0 to 3, then resumes with epoch 2."""
    space = SPACES.get("nasbench201")
    weights = softmaxed(space, 0)
    genotype = space.derive(weights)
    for first, last, value in ((0, 4, 1.0), (2, 3, 2.0)):
        with callbacks.TensorBoardWriter(directory, space, first) as writer:
            for epoch in range(first, last):
                writer.write_epoch(epoch, {"loss": value}, weights, genotype)


def test_resuming_drops_the_steps_from_the_first_epoch_on(tmp_path):
    write_and_resume(tmp_path)
    accumulator = read(tmp_path)
    assert scalars(accumulator, "loss") == [(0, 1.0), (1, 1.0), (2, 2.0)]
    assert [s for s, _ in strings(accumulator, "genotype")] == [0, 1, 2]
    assert [s for s, _ in strings(accumulator, "cell/cell")] == [0, 1, 2]
    assert "custom_scalars__config__" in accumulator.Tags()["tensors"]


def test_readers_of_plain_scalars_see_a_resumed_run_alike(tmp_path):
    write_and_resume(tmp_path)
    accumulator = event_accumulator.EventAccumulator(
        str(tmp_path), purge_orphaned_data=True
    ).Reload()
    values = [(e.step, e.value) for e in accumulator.Scalars("loss")]
    assert values == [(0, 1.0), (1, 1.0), (2, 2.0)]
    assert [e.step for e in accumulator.Images("cell/cell")] == [0, 1, 2]


def test_resuming_drops_steps_even_before_an_epoch_is_written(tmp_path):
    space = SPACES.get("nasbench201")
    weights = softmaxed(space, 0)
    genotype = space.derive(weights)
    with callbacks.TensorBoardWriter(tmp_path, space) as writer:
        for epoch in range(3):
            writer.write_epoch(epoch, {"loss": 1.0}, weights, genotype)
    callbacks.TensorBoardWriter(tmp_path, space, 1).close()
    assert scalars(read(tmp_path), "loss") == [(0, 1.0)]


def test_files_of_a_directory_sort_in_the_order_of_writing(tmp_path):
    space = SPACES.get("nasbench201")
    seconds = []
    for _ in range(2):
        before = set(tmp_path.iterdir())
        callbacks.TensorBoardWriter(tmp_path, space).close()
        (path,) = set(tmp_path.iterdir()) - before
        seconds.append(path.name.split(".")[3])
    assert seconds[0] < seconds[1]


def test_an_epoch_is_on_disk_before_the_writer_is_closed(tmp_path):
    space = SPACES.get("nasbench201")
    weights = softmaxed(space, 0)
    writer = callbacks.TensorBoardWriter(tmp_path, space)
    writer.write_epoch(0, {"loss": 3.0}, weights, space.derive(weights))
    assert scalars(read(tmp_path), "loss") == [(0, 3.0)]
    writer.close()
    writer.close()


def test_unused_columns_of_ragged_edges_do_not_count(tmp_path):
    space = SPACES.get("nasbench201")
    (cell_type,) = space.cell_types
    edges = tuple(
        type(edge)(
            edge.index,
            edge.source,
            edge.node,
            edge.primitives[: 5 if edge.index else 2],
        )
        for edge in cell_type.edges
    )
    ragged = type(cell_type)("cell", 1, 3, edges, (3,))
    weights = np.full((6, 5), 0.2)
    weights[0] = (0.5, 0.5, 9.0, 9.0, 9.0)
    used = callbacks._used_weights({"cell": weights}, ragged)
    np.testing.assert_array_equal(used[0], (0.5, 0.5, 0, 0, 0))
    np.testing.assert_array_equal(used[1:], weights[1:])
    assert weights[0, 2] == 9.0


def test_wrong_arguments_are_errors_that_name_them(tmp_path):
    space = SPACES.get("nasbench201")
    weights = softmaxed(space, 0)
    genotype = space.derive(weights)
    with pytest.raises(ValueError, match="first_epoch"):
        callbacks.TensorBoardWriter(tmp_path, space, -1)
    with callbacks.TensorBoardWriter(tmp_path, space) as writer:
        with pytest.raises(ValueError, match="lacks the cell type 'cell'"):
            writer.write_epoch(0, {}, {}, genotype)
        with pytest.raises(ValueError, match=r"\[6, 5\]"):
            writer.write_epoch(0, {}, {"cell": np.ones((5, 5))}, genotype)
        with pytest.raises(ValueError, match="'mine' must be uint8"):
            writer.write_epoch(
                0, {}, weights, genotype, {"mine": np.zeros((2, 2, 3))}
            )


def test_two_runs_of_equal_settings_stay_two_rows(tmp_path):
    names = []
    for run in ("a", "b"):
        directory = tmp_path / run / "tensorboard"
        with callbacks.TensorBoardWriter(
            directory, SPACES.get("nasbench201")
        ) as writer:
            writer.write_hparams({"seed": 0})
        contents = read(directory).PluginTagToContent("hparams")
        data = plugin_data_pb2.HParamsPluginData.FromString(
            contents["_hparams_/session_start_info"]
        )
        names.append(data.session_start_info.group_name)
    assert all(a != b for a, b in itertools.combinations(names, 2))


def test_settings_and_directories_of_any_name_are_written(tmp_path):
    directory = tmp_path / "caf\udce9" / "tensorboard"
    directory.parent.mkdir()
    space = SPACES.get("nasbench201")
    with callbacks.TensorBoardWriter(str(directory), space) as writer:
        writer.write_hparams({"data_dir": "\udcff$"}, {"loss": 1.0})
    assert len(list(directory.iterdir())) == 1
