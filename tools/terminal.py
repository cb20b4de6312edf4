"""A terminal on the serial line of a machine, for tests that type and read: iso_smoke.py, screen_smoke.py,
session.py."""

import os
import re
import select
import subprocess
import sys
import time

PROMPT = r"\$ $"
BOOT_SECONDS, ANSWER_SECONDS = 180, 60
SEEN_MAX = 4000


class Terminal:
    """A machine, begun by `command`, whose serial line is that command's standard input and output."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.text = ""  # what has come, behind the last thing that was expected
        self.seen = ""  # the last few screens
        self.number = ""  # what a group in the last pattern that had one has found

    def expect(self, pattern, seconds=ANSWER_SECONDS):
        """Reads until the pattern has come; forgets what stands before its end. False: it did not come."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))
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

    def ends(self, seconds=ANSWER_SECONDS):
        """Whether the machine goes off by itself."""
        try:
            return self.process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False


def report(terminal, steps):
    """Prints a TAP line for each (what must be true, whether it is) of `steps`; stops at the first that is not."""
    try:
        for what, happened in steps:
            print(f"{'ok' if happened else 'not ok'} - {what}", flush=True)
            if not happened:
                print("\n".join("# " + line for line in terminal.text.splitlines()[-30:]))
                sys.exit(1)
    finally:
        terminal.process.terminate()
        terminal.process.wait()
