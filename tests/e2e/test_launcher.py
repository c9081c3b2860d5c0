"""`manage.py demo` as a process: what it says when it cannot run, and that it leaves nothing behind.

That Ctrl-C leaves nothing is seen at the end of each run, by the fixture `demo`.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from .running import find_free_ports, have_ended, launch, start_demo, watched


def test_signal_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    process = launch("demo", "--base-port", str(find_free_ports(3)), folder=tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Starting")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_child_that_dies_ends_the_demo(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    with watched(demo.find_children()) as children:
        os.kill(demo.find_children()[1], signal.SIGKILL)
        assert demo.wait() == 1
        assert have_ended(children, timeout=0)
    assert "CommandError: Site A has ended by itself with status -9; the others are stopped." in demo.output
    assert list(tmp_path.iterdir()) == []


def test_children_do_not_outlive_a_launcher_that_is_killed(tmp_path: Path) -> None:
    demo = start_demo(tmp_path)
    with watched(demo.find_children()) as children:
        assert demo.stop(signal.SIGKILL) == -signal.SIGKILL
        assert have_ended(children)


def test_port_in_use_is_named(tmp_path: Path) -> None:
    base = find_free_ports(3)
    with socket.create_server(("127.0.0.1", base + 1)):
        demo = start_demo(tmp_path, base)
        assert demo.wait() == 1
    assert f"Port {base + 1}, for Site A, is used by another program. Choose others with --base-port." in demo.output
    assert list(tmp_path.iterdir()) == []
