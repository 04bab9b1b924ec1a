"""How many processes share a batch does not change the search."""

from __future__ import annotations

import functools
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.searching import (
    algorithms_script,
    replicas_script,
    workers_script,
)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def start(module, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", module.__name__, *map(str, arguments)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_addresses(count):
    servers = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ",".join(f"localhost:{port}" for port in ports)


@pytest.fixture(
    scope="module", params=[1, pytest.param(2, marks=pytest.mark.large)]
)
def results(request, tmp_path_factory):
    """One process's results and each worker's, by name."""
    directory = tmp_path_factory.mktemp("workers")
    workers = free_addresses(2)
    processes = [
        start(workers_script, directory, index, workers, request.param)
        for index in range(2)
    ]
    processes.append(start(replicas_script, "first", directory))
    errors = [process.communicate(timeout=600)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert codes == [0] * 3, errors
    found = []
    for index in range(2):
        with np.load(directory / f"results_{index}.npz") as file:
            found.append(dict(file))
    with np.load(directory / "results.npz") as file:
        for number in "12":
            start_of = f"{number}/"
            found.append(
                {
                    name.removeprefix(start_of): file[name]
                    for name in file.files
                    if name.startswith(start_of)
                }
            )
    return request.param, *found


def test_one_process_and_two_end_with_the_same_values(results):
    replicas, first, second, alone, _ = results
    assert first["num_replicas"] == 2 * replicas
    for name in ("alphas", "weights", "alpha_optimizer"):
        np.testing.assert_array_equal(second[name], first[name])
        np.testing.assert_allclose(first[name], alone[name], atol=1e-5, rtol=0)
    moved = np.abs(first["alphas"] - first["start_alphas"]).max()
    assert moved > 1e-3
    for name in ("mean_alpha_loss", "mean_weight_loss"):
        np.testing.assert_allclose(first[name], alone[name], rtol=1e-4)
        assert second[name] == first[name]


def test_two_workers_are_two_replicas_to_the_bit(results):
    replicas, first, _, _, mirrored = results
    if replicas == 1:
        np.testing.assert_array_equal(first["weights"], mirrored["weights"])


def test_a_bit_that_differs_is_named_by_all(results):
    _, *found, _, _ = results
    for result in found:
        message = str(result["message"])
        assert str(result["path"]) in message
        assert "different values" in message


# How many workers, none of one process, and replicas of each.
PLACES = {
    "one process": (0, 1),
    "2 replicas": (0, 2),
    "2 workers": (2, 1),
    "2 workers of 2 replicas": (2, 2),
}


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    """Returns what the processes of a place find, each searched once."""
    directory = tmp_path_factory.mktemp("algorithms")

    @functools.cache
    def search(place):
        count, replicas = PLACES[place]
        workers = free_addresses(count)
        files = [
            directory / f"{place}_{index}.npz" for index in range(count or 1)
        ]
        processes = [
            start(
                algorithms_script,
                file,
                replicas,
                *([workers, index] if count else []),
            )
            for index, file in enumerate(files)
        ]
        errors = [process.communicate(timeout=3000)[1] for process in processes]
        codes = [process.returncode for process in processes]
        assert codes == [0] * len(files), errors
        return [dict(np.load(file)) for file in files]

    def found(place, name):
        return [
            {k: v for k, v in each.items() if k.startswith(f"{name}/")}
            for each in search(place)
        ]

    return found


@pytest.mark.large
@pytest.mark.parametrize("name", algorithms_script.cases())
@pytest.mark.parametrize("place", [p for p in PLACES if p.startswith("2")])
def test_any_place_searches_by_any_algorithm_as_one_process_does(
    searches, place, name
):
    (alone,), (first, *others) = (
        searches(of, name) for of in ("one process", place)
    )
    assert len(alone) >= 3
    for key, expected in alone.items():
        for other in others:
            np.testing.assert_array_equal(other[key], first[key])
        if key.endswith("/genotype"):
            assert first[key] == expected
        else:
            np.testing.assert_allclose(first[key], expected, atol=1e-6)


@pytest.mark.large
def test_plain_candidates_find_what_fused_ones_do(searches):
    (plain,), (fused,) = (
        searches("one process", name) for name in ("plain", "darts")
    )
    assert len(plain) == len(fused)
    for key, expected in fused.items():
        found = plain[key.replace("darts/", "plain/")]
        if key.endswith("/genotype"):
            assert found == expected
        else:
            np.testing.assert_allclose(found, expected, atol=1e-6)
