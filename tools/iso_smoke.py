#!/usr/bin/env python3
"""Boots the ISO as a user would: firmware, GRUB, kernel, shell; types a command, reads the answer,
and turns it off. Waits for what it expects, never for a time. Prints TAP lines."""

import os
import re
import select
import subprocess
import sys
import time

import machine

BOOT_SECONDS, ANSWER_SECONDS = 180, 60


class Terminal:
    """The machine's serial line."""

    def __init__(self):
        command = machine.qemu("-cdrom", machine.ISO, "-serial", "stdio", "-monitor", "none", "-no-reboot")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = ""

    def expect(self, pattern, seconds):
        """Reads until the pattern has come; forgets what stands before its end. False: it did not come."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                return False
            self.text += piece.decode(errors="replace")
        self.text = self.text[found.end() :]
        return True

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ends(self, seconds):
        """Whether the machine goes off by itself."""
        try:
            return self.process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False


def smoke(terminal):
    """The steps, in order: (what must be true, whether it is)."""
    yield "the ISO boots by GRUB to a prompt", terminal.expect(r"\$ $", BOOT_SECONDS)
    terminal.type("echo 1 pagoda 2 | wc -w")
    yield "the shell answers", terminal.expect(r"\n\s*3\r?\n", ANSWER_SECONDS)
    yield "the shell prompts again", terminal.expect(r"\$ $", ANSWER_SECONDS)
    terminal.type("halt")
    yield "halt turns the machine off", terminal.ends(ANSWER_SECONDS)


def main():
    terminal = Terminal()
    try:
        for what, happened in smoke(terminal):
            print(f"{'ok' if happened else 'not ok'} - {what}", flush=True)
            if not happened:
                print("\n".join("# " + line for line in terminal.text.splitlines()[-30:]))
                sys.exit(1)
    finally:
        terminal.process.kill()


if __name__ == "__main__":
    main()
