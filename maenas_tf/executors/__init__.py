"""Where jobs run: one file for each place."""

from maenas_tf.executors import local as local
from maenas_tf.executors import ray_jobs as ray_jobs
from maenas_tf.executors.executor import (
    ENDED,
    EXECUTORS,
    LOST,
    QUEUED,
    RUNNING,
    Executor,
    Job,
    JobStatus,
    Pool,
)

__all__ = [
    "ENDED",
    "EXECUTORS",
    "LOST",
    "QUEUED",
    "RUNNING",
    "Executor",
    "Job",
    "JobStatus",
    "Pool",
]
