"""Tests of `maenas_tf.data.memory`."""

import pytest

from maenas_tf.config import ConfigError
from maenas_tf.data import memory


def test_sets_larger_than_the_share_of_memory_are_refused(monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 100 * 3 * 64 * 10)
    memory.check_memory(300, 8)  # 30% of 1,000 images
    with pytest.raises(ConfigError, match="--image_size.*--max_images=300"):
        memory.check_memory(301, 8)


def test_physical_memory_is_plausible():
    assert 2**28 < memory.physical_memory() < 2**50


@pytest.mark.parametrize(
    ("group", "files", "limits"),
    [
        ("0::/", {"memory.max": "4096\n"}, [4096]),
        ("0::/", {"memory.max": "max\n"}, []),
        (
            "0::/pod/job",
            {"pod/job/memory.max": "max\n", "pod/memory.max": "8192\n"},
            [8192],
        ),
        (
            "9:cpu,cpuacct:/x\n4:memory:/job\n0::/",
            {
                "memory/job/memory.limit_in_bytes": "2048\n",
                "memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            [2048, 9223372036854771712],
        ),
        # As a container of version 1 sees it: its group lies at the top.
        (
            "4:memory:/docker/0123",
            {"memory/memory.limit_in_bytes": "1024\n"},
            [1024],
        ),
        ("0::/", {}, []),
    ],
)
def test_a_container_has_no_more_than_its_limit(tmp_path, group, files, limits):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"{group}\n")
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert memory.container_limits(tmp_path) == limits


def test_the_least_memory_counts(monkeypatch):
    monkeypatch.setattr(memory, "physical_memory", lambda: 10_000)
    for limits, expected in (([], 3000), ([9000, 2000], 600), ([2**63], 3000)):
        monkeypatch.setattr(
            memory, "container_limits", lambda limits=limits: limits
        )
        assert memory.memory_limit() == expected


def test_no_limit_is_known_without_control_groups(tmp_path):
    assert memory.container_limits(tmp_path) == []
