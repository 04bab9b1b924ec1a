"""How much memory images may take."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from absl import logging

from maenas_tf.config import ConfigError

# The array, its tensor and a passing copy between them are alive together.
MEMORY_SHARE = 0.3


def memory_needed(num_images: int, image_size: int) -> int:
    """Returns the bytes that images of three bytes a pixel take."""
    return num_images * image_size**2 * 3


def memory_limit() -> int:
    """Returns the bytes set apart for images, 30% of what there is.

    A container may have less than its machine.
    """
    memory = min([physical_memory(), *container_limits()])
    return int(memory * MEMORY_SHARE)


def fits_memory(num_images: int, image_size: int) -> bool:
    """Whether images of three bytes a pixel fit what is set apart."""
    return memory_needed(num_images, image_size) <= memory_limit()


def say_decoded_on_demand(num_images: int, image_size: int, where: str) -> None:
    """Says of images that stay where they are if they had no room."""
    if fits_memory(num_images, image_size):
        return
    logging.warning(
        "The %d images of side %d in %s would take %.1f GiB, more than the "
        "%.1f GiB (30%% of the memory) set apart for them: each is decoded "
        "whenever it is needed.",
        num_images,
        image_size,
        where,
        memory_needed(num_images, image_size) / 2**30,
        memory_limit() / 2**30,
    )


def check_memory(num_images: int, image_size: int, remedy: str = "") -> None:
    """Refuse image sets that would not fit in memory.

    Args:
        num_images: how many images of three bytes a pixel.
        image_size: their side, pixels.
        remedy: what else may be done, for the message.

    Raises:
        ConfigError: they would take more than 30% of the memory.
    """
    if not fits_memory(num_images, image_size):
        limit, needed = memory_limit(), memory_needed(num_images, image_size)
        most = limit // memory_needed(1, image_size)
        raise ConfigError(
            f"{num_images} images of side {image_size} take "
            f"{needed / 2**30:.1f} GiB, more than the {limit / 2**30:.1f} GiB "
            f"(30% of the memory) set apart for them: give a smaller "
            f"--image_size, or --max_images={most} or less{remedy}."
        )


def physical_memory() -> int:
    """Returns the machine's memory in bytes; 16 GiB where it is not told."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 16 * 2**30


def container_limits(root: str | os.PathLike[str] = "/") -> list[int]:
    """Returns the bytes that control groups allow this process and others.

    Of version 2 (memory.max) and of version 1 (memory.limit_in_bytes), of the
    process' own group and of all above it, as far as they can be seen.

    Args:
        root: of the file system.

    Source: Linux, Documentation/admin-guide/cgroup-v2.rst, "Memory".
    """
    found = []
    for folder, name in _memory_groups(pathlib.Path(root)):
        # "max" is no limit.
        with contextlib.suppress(OSError, ValueError):
            found.append(int((folder / name).read_text(encoding="ascii")))
    return found


def _memory_groups(
    root: pathlib.Path,
) -> Iterator[tuple[pathlib.Path, str]]:
    """Yields the folders of the groups and the file of the limit in them."""
    try:
        text = (root / "proc/self/cgroup").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return
    mounted = root / "sys/fs/cgroup"
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            top, name = mounted, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = pathlib.PurePosixPath(path.lstrip("/"))
        for above in (group, *group.parents):
            yield top / above, name
