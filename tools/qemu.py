#!/usr/bin/env python3
"""Runs QEMU with our terminal as the serial line of the machine:  qemu.py QEMU ARGUMENT...

QEMU has `-serial mon:stdio`, so its own keys act: Ctrl-A H lists them. Ctrl-A W is ours: it asks
where the machine is, and the kernel answers even if it hangs with interrupts off. The lines of
backtraces get their files and lines. Ends with QEMU's status."""

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

    def __init__(self, command, monitor):
        self.monitor = machine.Monitor(monitor)
        self.process = subprocess.Popen(
            [*command, *self.monitor.arguments()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self.typed = queue.SimpleQueue()

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
        try:
            while True:
                self.process.stdin.write(self.typed.get())
                self.process.stdin.flush()
        except OSError:
            pass  # the machine has ended

    def run(self):
        """Shows the output until QEMU ends. Returns its status."""
        annotator = places.Annotator()
        for target in (self.take_keys, self.pass_keys):
            threading.Thread(target=target, daemon=True).start()
        while piece := self.process.stdout.read1(65536):
            sys.stdout.buffer.write(annotator.feed(piece))
            sys.stdout.buffer.flush()
        return self.process.wait()


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        window = Window(sys.argv[1:], Path(directory) / "monitor")
        try:
            with keyboard.Keys(allowed=True, has_signals=False):
                status = window.run()
        finally:
            window.process.kill()
            window.process.wait()
    sys.exit(max(status, 0))


if __name__ == "__main__":
    main()
