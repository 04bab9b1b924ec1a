"""Joining a Ray cluster, or starting one on this machine.

Ray is optional: it is imported when somebody asks for it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import math
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

from maenas_tf.config import ConfigError

LOCAL = "local"
AUTO = "auto"
_SECONDS_TO_CONNECT = 10.0
# What nodes take over from who hands jobs to them.
_OURS = ("KERAS_", "TF_", "TFDS_", "XLA_")
_OURS_WHOLE = ("NO_GCE_CHECK",)


def load_ray() -> Any:
    """Returns the module.

    Raises:
        ConfigError: it is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError(
            "--executor=ray needs Ray, which is not installed: pip install "
            '"ray[default]", on every node.'
        )
    # Ray would tell its makers of it.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    return ray


def join(settings: Any) -> tuple[Any, str]:
    """Joins a cluster, or starts one; `disconnect` leaves it.

    Args:
        settings: of the executor.

    Returns:
        Ray, and what there is to say about the room for a job.

    Raises:
        ConfigError: Ray is not installed, nobody answers there, or there is no
            room and will never be.
    """
    ray = connect(settings.ray_address)
    try:
        return ray, check_room(ray, settings)
    except BaseException:
        disconnect()
        raise


def connect(address: str) -> Any:
    """Joins the cluster at "local", "auto" or host:port; returns Ray.

    Raises:
        ConfigError: Ray is not installed, or nobody answers there.
    """
    ray = load_ray()
    _check_address(address)
    settings: dict[str, Any] = {"address": address}
    if address == LOCAL:
        settings["include_dashboard"] = False
    try:
        with _own_signals():
            ray.init(
                **settings, logging_level=logging.ERROR, log_to_driver=False
            )
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        first = str(error).strip().split("\n")[0].split(". ")[0]
        raise ConfigError(
            f"--ray_address={address}: {first.rstrip('.')}; give the address "
            f"of a cluster that this machine is a node of, or "
            f"--ray_address={LOCAL}."
        ) from error
    return ray


def disconnect() -> None:
    """Leaves the cluster, which ends the jobs; ends one that was started."""
    ray = load_ray()
    with _own_signals():
        ray.shutdown()


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps the handlers of signals, of which Ray sets one."""
    kept = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _check_address(address: str) -> None:
    """Asks whether anybody listens; Ray would ask for two minutes.

    Raises:
        ConfigError: nobody does, or it is no address.
    """
    if address in (LOCAL, AUTO):
        return
    host, _, port = address.rpartition(":")
    digits = port.isascii() and port.isdigit()
    if "/" in address or not host or not digits or not 0 < int(port) < 2**16:
        raise ConfigError(
            f"--ray_address={address} is not valid: give {LOCAL}, {AUTO} or "
            f"the host:port of the cluster's head, such as head:6379."
        )
    try:
        with socket.create_connection((host, int(port)), _SECONDS_TO_CONNECT):
            return
    except OSError as error:
        raise ConfigError(
            f"--ray_address={address}: nobody answers there "
            f"({error.strerror or error}); start Ray with ray start --head, or "
            f"give the address of a cluster."
        ) from error


def resources(settings: Any) -> dict[str, Any]:
    """Returns what a job takes, as Ray wants it.

    Args:
        settings: of the executor.
    """
    return {
        "num_cpus": settings.job_cpus,
        "num_gpus": settings.job_gpus,
        "memory": int(settings.job_memory_gb * 1e9) or None,
    }


def check_room(ray: Any, settings: Any) -> str:
    """Returns what there is to say about the room for a job, "" for nothing.

    Args:
        ray: that has joined the cluster.
        settings: of the executor.

    Raises:
        ConfigError: there is none, and there will never be.
    """
    nodes = [n["Resources"] for n in ray.nodes() if n["Alive"]]
    wanted = {
        "job_cpus": ("CPU", settings.job_cpus, "CPUs"),
        "job_gpus": ("GPU", settings.job_gpus, "GPUs"),
        "job_memory_gb": ("memory", settings.job_memory_gb * 1e9, "bytes"),
    }
    for flag, (resource, amount, unit) in wanted.items():
        most = max(node.get(resource, 0.0) for node in nodes)
        if amount > most:
            has = f"no node has more than {most:g} {unit}"
            text = f"--{flag}={getattr(settings, flag):g}: {has}"
            if settings.ray_address == LOCAL:
                raise ConfigError(f"{text}; ask for less.")
            return f"{text} now; jobs wait for one that has."
    gpus = sum(node.get("GPU", 0.0) for node in nodes)
    if gpus and not settings.job_gpus:
        return (
            f"the cluster has {gpus:g} GPUs and --job_gpus=0 gives the jobs "
            f"none."
        )
    return ""


def places(ray: Any, settings: Any) -> int:
    """Returns how many jobs all nodes have room for, at least 1.

    Args:
        ray: that has joined the cluster.
        settings: of the executor.
    """
    wanted = {
        "CPU": settings.job_cpus,
        "GPU": settings.job_gpus,
        "memory": settings.job_memory_gb * 1e9,
    }
    wanted = {name: amount for name, amount in wanted.items() if amount}
    count = 0
    for node in ray.nodes():
        if node["Alive"]:
            has = node["Resources"]
            rooms = (
                math.floor(has.get(name, 0.0) / amount)
                for name, amount in wanted.items()
            )
            count += min(rooms, default=1)
    return max(count, 1)


def environment(settings: Any) -> dict[str, str]:
    """Returns the variables that a job is to have besides those of its node.

    Args:
        settings: of the executor.
    """
    ours = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_OURS) or name in _OURS_WHOLE
    }
    # Several jobs may share a GPU, and the first would take all its memory.
    ours["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    if settings.job_cpus:
        threads = str(max(1, int(settings.job_cpus)))
        ours["TF_NUM_INTRAOP_THREADS"] = threads
        ours["OMP_NUM_THREADS"] = threads
    if not settings.job_gpus:
        # Ray would let it see all of them.
        ours["CUDA_VISIBLE_DEVICES"] = "-1"
    return ours
