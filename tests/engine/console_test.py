"""Tests of `maenas_tf.engine.console`."""

import io

import pytest
import rich.console

from maenas_tf.engine import console as progress


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def draw(stream, monkeypatch, text=""):
    """Runs a bar of 3 steps, the first done before; returns what it wrote."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", stream)
    with progress.ProgressBar(3, 1) as bar:
        for _ in range(2):
            bar.describe("epoch 1/1")
            bar.annotate("loss 0.5000")
            bar.update(1)
            if text:
                progress.say(text)
    return stream.getvalue()


def test_a_pipe_gets_lines_and_not_many(monkeypatch):
    lines = draw(io.StringIO(), monkeypatch).splitlines()
    assert lines[0] == "step 1 of 3, ? left"
    assert lines[-1] == "epoch 1/1: step 3 of 3, 00:00 left, loss 0.5000"
    assert len(lines) == 2


def test_a_pipe_gets_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    lines = draw(io.StringIO(), monkeypatch).splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "step 1 of 3",
        "epoch 1/1: step 2 of 3",
        "epoch 1/1: step 3 of 3",
    ]


def test_a_terminal_gets_a_bar_that_is_redrawn(monkeypatch):
    written = draw(Terminal(), monkeypatch)
    assert written.count("\r") >= 2
    assert "3/3" in written
    assert "loss 0.5000" in written


def test_a_terminal_of_both_gets_whole_lines_above_the_bar(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    line = "Genotype(" + "skip_connect, " * 20 + ")"
    written = draw(stream, monkeypatch, text=line)
    erase = "\r\x1b[2K"
    assert written.count(f"{erase}{line}\n") == 2
    # No bar is left in the lines above the last.
    assert written.count("\n") == 3


def test_bars_may_be_nested(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.ProgressBar(2, unit="candidate") as outer:
        draw(stream, monkeypatch, text="said")
        outer.update(2)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "candidate 0 of 2, ? left"
    assert lines[-1] == "candidate 2 of 2, 00:00 left"


def test_the_time_left_follows_the_pace(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(rich.console, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.ProgressBar(10_000) as bar:
        for _ in range(3):
            now[0] += 1.0
            bar.update(2)
    lines = stream.getvalue().splitlines()
    # The first update tells no pace: it may have traced a graph.
    assert [line.split(", ")[1] for line in lines] == [
        "? left",
        "? left",
        "1:23:18 left",
        "1:23:17 left",
    ]


def test_the_time_left_is_what_is_expected_less_what_has_passed(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 5.0)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with progress.ProgressBar(10) as bar:
        bar.expect(90.0)
        now[0] += 10.0
        bar.update(1)
        bar.expect(None)
        now[0] += 10.0
        bar.update(9)
    lines = stream.getvalue().splitlines()
    assert [line.split(", ")[1] for line in lines] == [
        "? left",
        "01:20 left",
        "00:00 left",
    ]


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_what_is_said_stands_on_lines_of_its_own(stream, monkeypatch, capsys):
    draw(stream(), monkeypatch, text="one line\n  another")
    assert capsys.readouterr().out == "one line\n  another\n" * 2


def test_a_loop_is_shown_once_it_takes_a_while(monkeypatch):
    for seconds, expected in (
        (1000.0, []),
        (0.0, ["reading: file 0 of 3, ? left", "reading: file 3 of 3, 00:00"]),
    ):
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr(progress, "SECONDS_BEFORE_BAR", seconds)
        items = progress.track(iter("abc"), 3, "reading", "file")
        assert list(items) == ["a", "b", "c"]
        lines = stream.getvalue().splitlines()
        assert len(lines) == len(expected)
        for line, start in zip(lines, expected, strict=True):
            assert line.startswith(start)
