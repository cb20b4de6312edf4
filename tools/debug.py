#!/usr/bin/env python3
"""Runs the machine and gdb side by side in tmux:  debug.py [--detached NAME] QEMU ARGUMENT...

The machine stands on the left, with its serial line, and gdb on the right. gdb waits at the next
page fault of a program, or at a panic. If gdb ends, so does the machine. In a tmux that runs
already, both stand in a new window of it. With --detached, a session NAME begins without a
terminal, for a test. Nothing in a person's own settings of gdb is changed or left out."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
WIDTH, HEIGHT = 200, 50  # of a session without a terminal


def gdb_command(socket):
    """Returns gdb's command for a machine that stands still and listens at a socket."""
    steps = [f"target remote {socket}", "thbreak fault_dispatch", "thbreak panic", "continue",
             "fault"]  # fmt: skip
    command = ["gdb", "-q", os.environ.get("PAGODA_KERNEL", "build/pagoda.elf"),
               "-x", str(TOOLS / "gdb/pagoda.py")]  # fmt: skip
    return command + [word for step in steps for word in ("-ex", step)]


def pane(words, *before):
    """Returns the shell's command for a pane. The environment comes from us, not from tmux."""
    kept = [f"{name}={value}" for name, value in os.environ.items() if name != "TMUX"]
    return "; ".join([*before, "exec " + shlex.join(["env", *kept, *words])])


def tmux(name, detached, inside, machine, debugger):
    """Returns the command that shows both."""
    split = [";", "split-window", "-h", debugger]
    if inside and not detached:
        return ["tmux", "new-window", "-n", name, machine, *split]
    size = ["-d", "-x", str(WIDTH), "-y", str(HEIGHT)] if detached else []
    return ["tmux", "-L", name, "new-session", *size, "-s", name, machine, *split]


def main():
    words = sys.argv[1:]
    detached = words[:1] == ["--detached"]
    name = words[1] if detached else f"pagoda-{os.getpid()}"
    qemu = words[2:] if detached else words
    folder = tempfile.mkdtemp(prefix="pagoda-debug-")
    socket = f"{folder}/gdb"
    machine = pane([*qemu, "-S", "-gdb", f"unix:{socket},server=on,wait=off"])
    # The machine keeps its window after its end, because its last lines tell why it has ended.
    machine = f"sh -c {shlex.quote(machine)}; echo; echo 'The machine has ended. Enter closes.'; " \
              "read line"  # fmt: skip
    wait = f"while ! [ -S {socket} ]; do sleep 0.1; done"
    end = f"rm -rf {folder}; tmux kill-window"
    debugger = f"{wait}; sh -c {shlex.quote(pane(gdb_command(socket)))}; {end}"
    inside = bool(os.environ.get("TMUX"))
    sys.exit(subprocess.run(tmux(name, detached, inside, machine, debugger)).returncode)


if __name__ == "__main__":
    main()
