"""Tests of `maenas_tf.sweeps.sweep` and the modules it is made of.

In place of searches, small scripts leave what a search would leave.
"""

import fcntl
import io
import json
import pathlib
import sys

import pytest
from rich.console import Console

from maenas_tf.config import ConfigError
from maenas_tf.engine.signals import SignalWatch
from maenas_tf.executors import (
    ENDED,
    LOST,
    QUEUED,
    RUNNING,
    Executor,
    JobStatus,
)
from maenas_tf.executors.local import LocalExecutor
from maenas_tf.executors.ray_jobs import Runner
from maenas_tf.executors.remote_folder import RemoteFolder
from maenas_tf.searching.config import SearchConfig
from maenas_tf.sweeps import sweep_display, sweep_grid, sweep_state
from maenas_tf.sweeps.sweep import Sweep

# Leaves a finished run, or does what else it is told to. Files appear at once
# or not at all, as those of a run directory, whenever a signal comes.
SCRIPT = """
import os, pathlib, signal, sys, time
path, config, what = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
path.mkdir(exist_ok=True)
(path / ".new.config.json").write_text(config)
os.replace(path / ".new.config.json", path / "config.json")
def stop(number, frame):
    print("stopped, wrote a checkpoint", flush=True)
    sys.exit(3)
if what == "wait":
    signal.signal(signal.SIGTERM, stop)
if what == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("begun", flush=True)
(path / "begun").touch()
if what in ("wait", "deaf"):
    time.sleep(60)
if what == "fail":
    print("the reason", file=sys.stderr)
    sys.exit(4)
(path / "summary.json").write_text("{}")
"""


ROOT = pathlib.Path(__file__).resolve().parents[2]
SEARCH = sweep_grid.ConfigTool("search", SearchConfig)


class Recorder(sweep_display.LineDisplay):
    """Keeps the events."""

    def __init__(self):
        super().__init__()
        self.events = []

    def event(self, text):
        self.events.append(text)


def make(folder, behaviour=None, num_jobs=1, seeds=(0, 1, 2), **base):
    """Returns a sweep of scripts; `behaviour` maps seeds to what they do."""
    behaviour = behaviour or {}

    def command(run, path):
        what = behaviour.get(run.config.seed, "")
        config = run.config.to_json()
        return [sys.executable, "-c", SCRIPT, str(path), config, what]

    runs = sweep_grid.expand(SEARCH, base, {}, seeds)
    return Sweep(runs, folder, LocalExecutor(), command, num_jobs, 0.01)


def run(sweep, signals=None):
    display = Recorder()
    stopped = sweep.run(signals or SignalWatch(), display, {"seeds": [0]})
    return stopped, display.events


def states(sweep):
    return [state.state for state in sweep.states]


def test_what_is_done_is_not_done_again(tmp_path):
    sweep = make(tmp_path)
    stopped, events = run(sweep)
    assert not stopped
    assert states(sweep) == ["done"] * 3
    assert [e for e in events if e.startswith("done")][-1].startswith(
        "done: seed=2 (3 of 3"
    )
    record = json.loads((tmp_path / "sweep.json").read_text())
    assert record == {"seeds": [0], "runs": ["seed=0", "seed=1", "seed=2"]}
    # What would fail now is not begun: it is done.
    again = make(tmp_path, dict.fromkeys((0, 1, 2, 3), "fail"), seeds=(0, 1, 2))
    assert states(again) == ["done"] * 3
    _, events = run(again)
    assert events == [f"{tmp_path}: 3 runs, 3 done before"]


def test_a_failed_run_stops_no_other_and_is_tried_again_next_time(tmp_path):
    sweep = make(tmp_path, {1: "fail"})
    stopped, events = run(sweep)
    assert not stopped
    assert states(sweep) == ["done", "failed", "done"]
    assert sweep.states[1].exit_code == 4
    assert sweep.states[1].note == "exit code 4: the reason"
    assert "failed: seed=1: exit code 4: the reason" in events
    again = make(tmp_path)
    run(again)
    assert states(again) == ["done"] * 3
    # The log keeps what both processes said.
    assert (tmp_path / "seed=1.log").read_text().count("begun") == 2


def test_a_directory_that_breaks_fails_its_own_run_alone(tmp_path):
    sweep = make(tmp_path, num_jobs=2)
    (tmp_path / "seed=1").mkdir()
    (tmp_path / "seed=1" / "config.json").write_text("{torn")
    stopped, events = run(sweep)
    assert not stopped
    assert states(sweep) == ["done", "failed", "done"]
    assert "config.json that cannot be read" in sweep.states[1].note


class FakeExecutor(Executor):
    """Ends each job at the third look and counts those under way."""

    def __init__(self):
        self.looks, self.most = {}, 0

    def submit(self, job):
        if job.name == "seed=1":
            raise OSError("no such queue")
        self.looks[job.name] = 0
        self.most = max(self.most, sum(n < 3 for n in self.looks.values()))
        return job.name

    def poll(self, ticket):
        self.looks[ticket] += 1
        if self.looks[ticket] >= 3:
            return JobStatus(ENDED, 0)
        return JobStatus(RUNNING)

    def cancel(self, ticket, force=False):
        raise AssertionError("nothing is to be cancelled")

    def close(self):
        raise AssertionError("that is left to who made it")


@pytest.mark.parametrize("num_jobs", [1, 3])
def test_no_more_runs_than_jobs_and_any_executor_will_do(tmp_path, num_jobs):
    sweep = make(tmp_path, num_jobs=num_jobs, seeds=range(7))
    sweep.executor = FakeExecutor()
    run(sweep)
    assert sweep.executor.most == num_jobs
    # It ended well but left nothing, or could not be started at all.
    assert states(sweep) == ["failed"] * 7
    assert "no such queue" in sweep.states[1].note


class ScriptedExecutor(FakeExecutor):
    """Tells of each job what it is told to, look by look."""

    def __init__(self, *looks):
        self.script, self.submitted = list(looks), []

    def submit(self, job):
        self.submitted.append(job.name)
        return job.name

    def poll(self, ticket):
        status = self.script.pop(0)
        if status.exit_code == 0:
            (self.folder / ticket).mkdir(exist_ok=True)
            (self.folder / ticket / "summary.json").write_text("{}")
        return status


def scripted(folder, *looks, seeds=(0,)):
    sweep = make(folder, seeds=seeds, num_jobs=None)
    sweep.executor = ScriptedExecutor(*looks)
    sweep.executor.folder = folder
    return sweep


def test_a_run_is_queued_until_it_has_a_place(tmp_path):
    shown = []

    class Watching(Recorder):
        def refresh(self, states, num_jobs):
            shown.append(states[0].state)

    looks = (
        JobStatus(QUEUED),
        JobStatus(QUEUED),
        JobStatus(RUNNING, reason="on node7"),
        JobStatus(ENDED, 0),
    )
    display = Watching()
    scripted(tmp_path, *looks).run(SignalWatch(), display, {})
    assert list(dict.fromkeys(shown)) == ["queued", "running", "done"]
    assert display.events[1] == "starts: seed=0, on node7"


def test_a_run_whose_machine_is_lost_is_handed_over_again(tmp_path):
    looks = (
        JobStatus(RUNNING),
        JobStatus(LOST, reason="node7 is gone"),
        JobStatus(RUNNING),
        JobStatus(ENDED, 0),
    )
    sweep = scripted(tmp_path, *looks)
    _, events = run(sweep)
    assert sweep.executor.submitted == ["seed=0", "seed=0"]
    assert "lost: seed=0: node7 is gone; it is tried again" in events
    assert states(sweep) == ["done"]


def test_a_run_that_ends_every_machine_fails_in_the_end(tmp_path):
    sweep = scripted(tmp_path, *[JobStatus(LOST, reason="out of memory")] * 3)
    run(sweep)
    assert states(sweep) == ["failed"]
    note = "lost 3 times, the last time: out of memory"
    assert sweep.states[0].note == note


def test_an_executor_may_want_all_jobs_at_once(tmp_path):
    runs = make(tmp_path, seeds=range(5))
    runs.executor.jobs_at_once = None
    again = Sweep(
        [s.run for s in runs.states], tmp_path, runs.executor, None, None
    )
    assert again.num_jobs == 5
    runs.executor.jobs_at_once = 1
    again = Sweep(
        [s.run for s in runs.states], tmp_path, runs.executor, None, None
    )
    assert again.num_jobs == 1


def test_the_time_left_counts_with_the_places_that_there_are(tmp_path):
    sweep = make(tmp_path, num_jobs=3)
    sweep.executor = FakeExecutor()
    assert sweep.places == 3
    sweep.executor.places = lambda: 2
    assert sweep.places == 2
    sweep.num_jobs = 1
    assert sweep.places == 1


class OnAnotherNode(FakeExecutor):
    """Runs each job where nothing but the URL is shared."""

    def __init__(self):
        self.ended = {}

    def submit(self, job):
        self.ended[job.name] = Runner().run(job, str(ROOT), "", {})
        return job.name

    def poll(self, ticket):
        return JobStatus(ENDED, *self.ended[ticket])


def test_runs_at_a_url_are_seen_and_gone_on_from(tmp_path):
    url = f"file://{tmp_path}/there"

    def sweep(name, behaviour):
        made = make(tmp_path / name, behaviour)
        return Sweep(
            [state.run for state in made.states],
            tmp_path / name,
            OnAnotherNode(),
            made.make_command,
            None,
            0.01,
            RemoteFolder(url, tmp_path / name),
        )

    first = sweep("first", {1: "fail"})
    _, events = run(first)
    assert states(first) == ["done", "failed", "done"]
    assert first.states[1].note == "exit code 4: the reason"
    assert events[0] == f"{url}: 3 runs, 0 done before"
    there = tmp_path / "there"
    assert sorted(p.name for p in there.iterdir()) == [
        *(n for s in range(3) for n in (f"seed={s}", f"seed={s}.log")),
        "sweep.json",
    ]
    # Another machine goes on, with a copy of its own.
    second = sweep("second", {0: "fail", 2: "fail"})
    assert states(second) == ["done", "waiting", "done"]
    run(second)
    assert states(second) == ["done"] * 3
    assert (there / "seed=1.log").read_text().count("begun") == 2
    other = (there / "seed=1" / "config.json").read_text()
    (there / "seed=0" / "config.json").write_text(other)
    with pytest.raises(ConfigError, match=f"{url}/seed=0 holds a run"):
        sweep("third", {})


class Signals(SignalWatch):
    """Receives signals once files are there."""

    def __init__(self, *files):
        self.files, self.taken = list(files), []
        super().__init__()

    @property
    def received(self):
        if self.files and self.files[0].exists():
            return "SIGINT"
        return None

    @received.setter
    def received(self, value):
        if value is None and getattr(self, "files", None) and self.received:
            self.taken.append(self.files.pop(0))


def test_a_signal_lets_runs_write_checkpoints_and_the_next_sweep_goes_on(
    tmp_path,
):
    sweep = make(tmp_path, {0: "wait", 1: "wait"}, num_jobs=2)
    stopped, events = run(sweep, Signals(tmp_path / "seed=1" / "begun"))
    assert stopped
    # The second may have been asked before it listened.
    assert states(sweep) == ["interrupted", "interrupted", "waiting"]
    assert any(event.startswith("SIGINT: waits") for event in events)
    again = make(tmp_path)
    assert not run(again)[0]
    assert states(again) == ["done"] * 3


def test_an_interrupted_run_says_what_it_said_last(tmp_path):
    sweep = make(tmp_path, {0: "wait"}, seeds=(0,))
    _, events = run(sweep, Signals(tmp_path / "seed=0" / "begun"))
    assert sweep.states[0].exit_code == 3
    assert events[-1] == "interrupted: seed=0: stopped, wrote a checkpoint"


def test_a_second_signal_kills(tmp_path):
    sweep = make(tmp_path, {0: "deaf"}, seeds=(0,))
    begun = tmp_path / "seed=0" / "begun"
    stopped, events = run(sweep, Signals(begun, begun))
    assert stopped
    assert states(sweep) == ["interrupted"]
    assert sweep.states[0].exit_code == -9
    assert any("kills what still runs" in event for event in events)


def test_a_run_of_another_configuration_in_its_place_is_refused(tmp_path):
    run(make(tmp_path, seeds=(0,)))
    with pytest.raises(ConfigError) as error:
        make(tmp_path, seeds=(0,), epochs=7)
    for word in ("seed=0", "--epochs=7 (there: 50)", "--sweep_dir"):
        assert word in str(error.value)
    (tmp_path / "seed=0" / "config.json").write_text("{torn")
    with pytest.raises(ConfigError, match="cannot be read"):
        make(tmp_path, seeds=(0,))


def test_two_sweeps_do_not_share_a_directory(tmp_path):
    with open(tmp_path / ".sweep_lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigError, match="in use by another sweep"):
            run(make(tmp_path))
    with pytest.raises(ConfigError, match="cannot be written"):
        run(make(pathlib.Path("/proc/none")))


def test_a_run_that_another_process_is_at_is_waited_for(tmp_path):
    sweep = make(tmp_path, seeds=(0, 1))
    (tmp_path / "seed=0").mkdir()
    lock = open(tmp_path / "seed=0" / ".lock", "a")
    fcntl.flock(lock, fcntl.LOCK_EX)

    class Freeing(Recorder):
        def event(self, text):
            super().event(text)
            if text.startswith("done: seed=1"):
                lock.close()

    display = Freeing()
    sweep.run(SignalWatch(), display, {})
    starts = [e for e in display.events if e.startswith("starts")]
    assert starts == ["starts: seed=1", "starts: seed=0"]
    assert states(sweep) == ["done", "done"]


def some_states(folder):
    """Returns a run in each state."""
    found = make(folder, seeds=range(6), epochs=10).states
    for state, name in zip(found, sweep_state.STATES, strict=True):
        state.state = name
    running = found[0]
    running.path.mkdir()
    (running.path / "history.csv").write_text("epoch,seconds\n0,5\n1,20\n2,30")
    running.read_progress()
    found[1].note = "exit code 4: the reason"
    return found


def test_progress_and_time_left_come_from_the_history(tmp_path):
    found = some_states(tmp_path)
    assert found[0].epoch == 3
    assert found[0].seconds_left == 7 * 30
    # The queued and the waiting run are taken to need ten epochs like these.
    assert sweep_state.seconds_left(found, 1) == 210 + 300 + 300
    assert sweep_state.seconds_left(found, 4) == 300
    assert sweep_state.seconds_left(found[1:], 1) is None


def test_progress_of_restarts_is_that_of_all_of_them(tmp_path):
    sweep = make(tmp_path, seeds=(0,), restarts=3, epochs=4)
    (state,) = sweep.states
    for number, seconds in enumerate(("2.0\n2.0\n2.0\n2.0", "5.0")):
        folder = state.path / f"restart_{number}"
        folder.mkdir(parents=True)
        (folder / "history.csv").write_text(f"seconds\n{seconds}\n")
    state.read_progress()
    assert (state.epoch, state.epochs) == (5, 12)
    assert state.seconds_left == pytest.approx(7 * 5.0)


def test_table_and_line_tell_where_all_runs_stand(tmp_path):
    found = some_states(tmp_path)
    line = sweep_display.totals(found, 1)
    assert line == (
        "6 runs: 1 done, 1 running, 1 failed, 1 interrupted, 1 queued, "
        "1 waiting; 14 min left (seed=0: epoch 3 of 10)"
    )
    console = Console(width=80, file=io.StringIO())
    console.print(sweep_display.make_table(found, 1, 4))
    text = console.file.getvalue()
    for word in ("seed=0", "running", "3/10", "4 min", "the reason"):
        assert word in text
    assert "seed=4" not in text
    assert "... and 2 more" in text


def test_the_live_table_lets_events_scroll_above_it(tmp_path):
    console = Console(
        width=80, height=30, file=io.StringIO(), force_terminal=True
    )
    display = sweep_display.TableDisplay(console)
    display.event("starts: [seed]=0")
    display.refresh(some_states(tmp_path), 1)
    display.close()
    text = console.file.getvalue()
    assert "starts: [seed]=0" in text
    assert "interrupted" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (5.4, "5 s"), (600, "10 min"), (3720, "1 h 02 min")],
)
def test_durations_are_written_for_people(seconds, text):
    assert sweep_state.duration(seconds) == text
