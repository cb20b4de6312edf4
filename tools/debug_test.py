#!/usr/bin/env python3
"""Tests debug.py: the machine and gdb stand side by side in tmux, and both end together. Prints TAP
lines."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import machine

NAME = f"pagoda-test-{os.getpid()}"
SECONDS = 300  # far more than a host that is busy needs
MACHINE, GDB = f"{NAME}:.0", f"{NAME}:.1"


def tmux(*arguments):
    """Returns what tmux prints; "" if its server has ended."""
    done = subprocess.run(["tmux", "-L", NAME, *arguments], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def shows(pane, text):
    """Waits until a pane shows a text. Returns whether it does, and what it shows."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        shown = tmux("capture-pane", "-p", "-J", "-t", pane)
        if text in shown:
            return True, shown
        time.sleep(0.1)
    return False, shown


def ends():
    """Waits until the session has ended."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if not tmux("list-sessions"):
            return True, ""
        time.sleep(0.1)
    return False, tmux("capture-pane", "-p", "-t", GDB)


def type_in(pane, text):
    tmux("send-keys", "-t", pane, text, "Enter")


def steps():
    """Yields (what is tested, whether it is so, what is shown instead)."""
    yield "gdb stops at the first fault", *shows(GDB, "outcome: FAULT_FILE_MAPPED")
    type_in(GDB, "procs")
    yield "gdb has the commands", *shows(GDB, "init")
    type_in(GDB, "continue")
    yield "the machine goes on beside it", *shows(MACHINE, "$ ")
    type_in(MACHINE, "echo heard")
    yield "its terminal can be typed at", *shows(MACHINE, "\nheard")
    type_in(MACHINE, "halt")
    yield "the machine's end is seen", *shows(MACHINE, "The machine has ended")
    type_in(GDB, "quit")
    yield "both end with gdb", *ends()


def main():
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "initrd.cpio")
        image.write_bytes(machine.initrd({}))
        qemu = [sys.executable, machine.TOOLS / "qemu.py", *machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", image, "-append", "quiet", "-serial", "mon:stdio",
        )]  # fmt: skip
        command = [sys.executable, machine.TOOLS / "debug.py", "--detached", NAME, *qemu]
        environment = {key: value for key, value in os.environ.items() if key != "TMUX"}
        subprocess.run(list(map(str, command)), env=environment, check=True)
        failed = 0
        try:
            for what, is_good, shown in steps():
                print(f"{'ok' if is_good else 'not ok'} - make debug: {what}", flush=True)
                failed += not is_good
                if not is_good:
                    print("\n".join("# " + line for line in shown.splitlines()))
        finally:
            tmux("kill-server")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
