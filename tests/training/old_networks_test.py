"""Tests of `maenas_tf.training.old_networks`."""

from __future__ import annotations

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest

from maenas_tf.models.network import Network
from maenas_tf.spaces import SPACES
from maenas_tf.training import old_networks

KINDS = {
    "NetworkCell": "network_cell",
    "ResidualReduction": "residual_reduction",
    "Stem": "stem",
}


def make(space, num_cells, stem="cifar", image_size=8):
    """Returns a small network whose every variable has other values."""
    genotype = SPACES.get(space).random_genotype(np.random.default_rng(0))
    network = Network(genotype, 3, 2, num_cells, image_size, stem)
    rng = np.random.default_rng(1)
    for variable in network.variables:
        variable.assign(rng.normal(size=variable.shape))
    return network


def old_name(network, placement, number):
    """Returns where a layer of a plan stood in the old trunks."""
    name = placement.name
    if network.space.skeleton == "darts":
        if placement.form == "cell":
            return "cells/network_cell" + (f"_{number}" if number else "")
        return name
    if placement.form == "cell":
        _, stage, index = name.split("_")
        container = "container" + ("" if stage == "0" else f"_{stage}")
        cell = "network_cell" + ("" if index == "0" else f"_{index}")
        return f"stages/{container}/{cell}"
    if placement.form == "residual_reduction":
        last = "" if name.endswith("1") else "_1"
        return f"reductions/residual_reduction{last}"
    return name


def as_old(network, path):
    """Saves a network as versions before the plans did."""
    trunk = {"darts": "darts_trunk"}.get(
        network.space.skeleton, "nas_bench201_trunk"
    )
    network.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO(members[old_networks.WEIGHTS])
    with h5py.File(buffer, "r+") as file:
        seen: dict[str, int] = {}
        for placement, layer in zip(
            network.plan.placements, network.trunk.placed, strict=True
        ):
            kind = KINDS[type(layer).__name__]
            number = seen.get(kind, 0)
            seen[kind] = number + 1
            name = kind + (f"_{number}" if number else "")
            file.move(
                f"layers/trunk/placed/{name}",
                f"layers/{trunk}/{old_name(network, placement, number)}",
            )
        del file["layers/trunk"]
    members[old_networks.WEIGHTS] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("space", "num_cells", "stem", "image_size"),
    [
        ("darts", 3, "cifar", 8),
        ("s2", 3, "imagenet", 64),
        ("nasbench201", 2, "cifar", 8),
    ],
)
def test_every_weight_of_an_old_file_finds_its_place(
    tmp_path, space, num_cells, stem, image_size
):
    network = make(space, num_cells, stem, image_size)
    path = tmp_path / "old.keras"
    as_old(network, path)
    with old_networks.in_todays_form(path) as readable:
        assert readable != path
        again = keras.saving.load_model(readable, compile=False)
    for variable, expected in zip(
        again.variables, network.variables, strict=True
    ):
        np.testing.assert_array_equal(variable, expected)


def test_a_file_of_today_is_loaded_as_it_is(tmp_path):
    path = tmp_path / "new.keras"
    make("nasbench201", 1).save(path)
    with old_networks.in_todays_form(path) as readable:
        assert readable == path


def test_layers_are_counted_by_their_numbers():
    names = [f"cell_{number}" if number else "cell" for number in range(12)]
    assert old_networks.in_order(sorted(names)) == names
