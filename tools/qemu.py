#!/usr/bin/env python3
"""Runs QEMU with our terminal as the serial line of the machine:  qemu.py QEMU ARGUMENT...

QEMU has `-serial mon:stdio`, so its own keys act: Ctrl-A H lists them. Ctrl-A W is ours: it asks
where the machine is, and the kernel answers even if it hangs with interrupts off. The lines of
backtraces get their files and lines.

Ends with the status of the first process, or with run.py's if there is none: the kernel has
panicked or could not start, or the machine has reset itself. A status that is not 0 is explained on
standard error. If a program restarts the machine, it starts again."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import keyboard
import machine
import places

CTRL_A = 0x01
HELP = b"\r\nC-a w    report where the machine is\r\n"


class Window:
    """QEMU, and the threads that carry keys to it."""

    def __init__(self, command, directory):
        self.command, self.directory = command, directory
        self.monitor, self.log = machine.Monitor(directory / "monitor"), directory / "log"
        self.typed = queue.SimpleQueue()
        self.start()

    def start(self):
        self.events = machine.Events(
            [*self.command, *machine.chosen_disk(), *self.monitor.arguments(),
             "-debugcon", f"file:{self.log}", *machine.DEBUG_EXIT],
            self.directory,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.process = self.events.process

    def ask(self, command):
        threading.Thread(target=self.monitor.ask, args=[command], daemon=True).start()

    def take_keys(self):
        """Reads our keys, and handles our own. Never waits for the machine, which may hang."""
        was_ctrl_a = False
        while keys := os.read(0, 4096):
            passed = bytearray()
            for key in keys:
                if was_ctrl_a and chr(key) in "wW":
                    self.ask("nmi")
                elif was_ctrl_a and chr(key) in "xX":
                    # QEMU would not see the key if the machine does not take what was typed.
                    self.ask("quit")
                elif was_ctrl_a:
                    passed += bytes([CTRL_A, key])
                elif key != CTRL_A:
                    passed.append(key)
                if was_ctrl_a and chr(key) in "hH":
                    os.write(1, HELP)
                was_ctrl_a = key == CTRL_A and not was_ctrl_a
            self.typed.put(bytes(passed))

    def pass_keys(self):
        while True:
            keys = self.typed.get()
            with contextlib.suppress(OSError):  # the machine has ended
                self.process.stdin.write(keys)
                self.process.stdin.flush()

    def read_log(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def run(self):
        """Shows the output until the machine ends, and is not restarted by a program."""
        for target in (self.take_keys, self.pass_keys):
            threading.Thread(target=target, daemon=True).start()
        self.show()
        while self.events.was_reset() and machine.is_restart(self.read_log()):
            self.start()
            self.show()

    def show(self):
        """Shows the output until QEMU ends."""
        annotator = places.Annotator()
        while piece := self.process.stdout.read1(65536):
            sys.stdout.buffer.write(annotator.feed(piece))
            sys.stdout.buffer.flush()
        self.process.wait()

    def verdict(self):
        """Returns (status, what happened and what to do next), once QEMU has ended."""
        ended = self.process.returncode
        if ended == machine.QEMU_END:
            status = machine.exit_status(self.read_log()) or 0
            return status, f"The machine has ended with status {status}." if status else ""
        if ended == machine.QEMU_PANIC:
            return machine.PANICKED, machine.panic_text()
        if ended == machine.QEMU_BOOT_FAILED:
            return machine.BOOT_FAILED, "Next: MEM, CPU and QEMUFLAGS say what the machine has."
        if ended == 0 and self.events.was_reset():
            return machine.DIED, machine.RESET_TEXT + machine.debug_hint()
        return max(ended, 0), ""  # a person has ended QEMU, or it has explained itself


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        window = Window(sys.argv[1:], Path(directory))
        try:
            with keyboard.Keys(allowed=True, has_signals=False):
                window.run()
        finally:
            window.process.kill()
            window.process.wait()
        status, problem = window.verdict()
    if problem:
        print(f"\n--- {problem.rstrip()}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
