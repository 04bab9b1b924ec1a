"""The strategy of several processes, on one machine or many.

TensorFlow lets a process be part of one such cluster, for as long as it
lives, and wants it set up before its first operation.
"""

from __future__ import annotations

import contextlib

import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2

# Neither the time after which a worker counts as lost, nor that for which those
# who have met are waited for, nor several replicas on the CPU, nor telling
# others of an error can be asked for by a public name.
from tensorflow.python.distribute import collective_all_reduce_strategy
from tensorflow.python.eager import context

from maenas_tf.config import ConfigError, WorkerSettings
from maenas_tf.engine.cluster import Cluster, find_cluster
from maenas_tf.engine.devices import (
    Strategy,
    check_divided,
    check_gpus,
    divide_cpu,
    present_strategy,
)
from maenas_tf.engine.signals import WorkerLost

_JOB = "worker"
# Of silence until a worker counts as lost; the others then stop.
_SECONDS_TO_LIVE = 30
_SECONDS_TO_LEAVE = 10
# From a meeting until TensorFlow is set up everywhere; who waits for the chief
# waits half as long again. TensorFlow itself would wait for an hour, and hear
# no signal.
SECONDS_AFTER_MEETING = 35.0

_joined: dict[Cluster, Strategy] = {}


class _Extended(collective_all_reduce_strategy.CollectiveAllReduceExtended):
    """TensorFlow's, with several replicas on the CPU too."""

    def _initialize_local_devices(self, cluster_resolver, worker_device):
        devices, kind = super()._initialize_local_devices(
            cluster_resolver, worker_device
        )
        if kind == "CPU":
            # TensorFlow lists those of the other workers too.
            found = [
                device
                for device in tf.config.list_logical_devices(kind)
                if f"/task:{cluster_resolver.task_id}/" in device.name
            ]
            devices = tuple(
                f"{worker_device}/device:CPU:{i}" for i in range(len(found))
            )
        return devices, kind


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """TensorFlow's, whose steps all have a batch: none asks the others.

    Args:
        resolver: tells the workers.
    """

    def __init__(
        self, resolver: tf.distribute.cluster_resolver.ClusterResolver
    ):
        options = tf.distribute.experimental.CommunicationOptions()
        extended = _Extended(self, resolver, options)
        extended.experimental_enable_get_next_as_optional = False
        tf.distribute.Strategy.__init__(self, extended)


def strategy_of(
    settings: WorkerSettings, seconds: float | None = None
) -> Strategy:
    """Returns the strategy that this process is part of, which it joins once.

    The other workers must be starting: see `rendezvous.meet`.

    Args:
        settings: name the workers, and the replicas of each.
        seconds: how long to wait for the others; None takes the settings'.

    Raises:
        ConfigError: TensorFlow has started already, this process is part of
            another cluster, or has too few devices.
        WorkerLost: another worker is not there in time.
    """
    cluster = find_cluster(settings)
    # Of an evaluation there is nothing to give.
    num_replicas = settings.to_dict().get("num_replicas", 0)
    if cluster not in _joined:
        if _joined or context.context()._initialized:
            raise ConfigError(
                "--strategy=multi_worker must be set up before TensorFlow "
                "does anything else in this process; start a new one."
            )
        seconds = seconds or settings.worker_timeout
        _joined[cluster] = _join(cluster, num_replicas, seconds)
    strategy = _joined[cluster]
    local = strategy.num_replicas_in_sync // len(cluster.addresses)
    if num_replicas not in (0, local):
        raise ConfigError(
            f"--num_replicas={num_replicas} is not what this process "
            f"began with, {local}; start a new one."
        )
    return strategy


def joined_strategy() -> Strategy:
    """Returns the strategy that this process has joined, or the present one."""
    return next(iter(_joined.values()), present_strategy())


def _join(cluster: Cluster, num_replicas: int, seconds: float) -> Strategy:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        check_gpus(num_replicas, len(gpus))
        gpus = gpus[: num_replicas or None]
        tf.config.set_visible_devices(gpus, "GPU")
    else:
        divide_cpu(max(num_replicas, 1))
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{_JOB}/replica:0/task:0",
        cluster_register_timeout_in_ms=int(1000 * seconds),
        heartbeat_timeout_in_ms=1000 * _SECONDS_TO_LIVE,
        shutdown_barrier_timeout_in_ms=1000 * _SECONDS_TO_LEAVE,
        coordinated_jobs=[
            coordination_config_pb2.CoordinatedJob(
                name=_JOB, num_tasks=len(cluster.addresses)
            )
        ],
    )
    wanted = context.context()._coordination_service_config
    wanted.cluster_register_with_barrier = True
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({_JOB: list(cluster.addresses)}),
        task_type=_JOB,
        task_id=cluster.index,
        num_accelerators={"GPU": len(gpus)},
        rpc_layer="grpc",
    )
    try:
        strategy = MultiWorkerStrategy(resolver)
    except tf.errors.OpError as error:
        names = cluster.others_in(error.message)
        raise WorkerLost(
            f"{names} has not set up TensorFlow within {seconds:g} seconds, "
            f"or has ended"
        ) from error
    if not gpus:
        check_divided(num_replicas)
    return strategy


def report_end(message: str, bad_input: bool) -> None:
    """Has all other workers end with an error of these words.

    Args:
        message: why this one does.
        bad_input: whether that is what was asked for.
    """
    code = tf.errors.INVALID_ARGUMENT if bad_input else tf.errors.ABORTED
    # Where the others have ended already there is nobody to tell.
    with contextlib.suppress(tf.errors.OpError):
        context.context().report_error_to_cluster(code, message)
