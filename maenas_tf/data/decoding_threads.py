"""Threads that decode images, and are not waited for in vain."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
from collections.abc import Iterator

# A signal that ends the process finds no more than these at work.
_NUM_THREADS = min(8, 2 * (os.cpu_count() or 1))


@contextlib.contextmanager
def decoding_threads() -> Iterator[concurrent.futures.Executor]:
    """Yields threads for a `with` block; what is left at its end is dropped.

    After an error too, which so is told at once: one picture may take
    seconds.
    """
    pool = concurrent.futures.ThreadPoolExecutor(_NUM_THREADS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
