"""A terminal on the serial line of a machine, for tests that type commands and read the answers."""

import os
import re
import select
import subprocess
import sys
import time

import places

PROMPT = r"\$ $"
# A busy host makes all answers slow. These limits end a test that would wait for ever.
BOOT_SECONDS, ANSWER_SECONDS = 600, 300
SEEN_MAX = 4000


class Terminal:
    """A machine that `command` starts. Its serial line is that command's input and output."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = ""  # the output behind the last match
        self.seen = ""  # the last few screens of output
        self.number = ""  # the match of the last group in a pattern

    def expect(self, pattern, seconds=ANSWER_SECONDS):
        """Reads until the pattern matches, and drops the output up to the end of the match.

        Returns false if the time is up or the machine has ended."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            left = max(0, end - time.monotonic())
            ready, _, _ = select.select([self.process.stdout], [], [], left)
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                return False
            self.text += piece.decode(errors="replace")
            self.seen = (self.seen + piece.decode(errors="replace"))[-SEEN_MAX:]
        self.text = self.text[found.end() :]
        self.number = found[1] if found.groups() else self.number
        return True

    def expect_prompt(self, seconds=ANSWER_SECONDS):
        return self.expect(PROMPT, seconds)

    def type(self, keys):
        self.process.stdin.write(keys.encode())
        self.process.stdin.flush()

    def status(self, seconds=ANSWER_SECONDS):
        """Waits for the machine to end. Returns its status, or None if it goes on."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def ends(self, seconds=ANSWER_SECONDS):
        """Waits for the machine to turn itself off. Returns false if it fails or does not."""
        return self.status(seconds) == 0


def report(terminal, steps):
    """Prints a TAP line for each (what must be true, whether it is) of `steps`.

    If one is false, shows the end of the output and exits with 1. Ends the machine in any case."""
    try:
        for what, happened in steps:
            print(f"{'ok' if happened else 'not ok'} - {what}", flush=True)
            if not happened:
                text = places.annotate("\n".join(terminal.text.splitlines()[-30:]))
                print("\n".join("# " + line for line in text.splitlines()))
                sys.exit(1)
    finally:
        terminal.process.terminate()
        terminal.process.wait()
