#!/usr/bin/env python3
"""Lets the kernel print while a line is typed at the terminal. A report of a missing system call
waits until the line ends.

Prints TAP lines."""

import tempfile
import time
from pathlib import Path

import machine
from terminal import ANSWER_SECONDS, BOOT_SECONDS, Terminal, report

CALLER = "/test/unknown_syscall"
MESSAGE = "unknown_syscall: system call 212 is not implemented"
TYPED = "echo unfin"


def is_logged(log):
    """Waits until the kernel has sent the message to the debug port, which is at once."""
    end = time.monotonic() + ANSWER_SECONDS
    while MESSAGE not in log.read_text(errors="replace"):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def message_waits(terminal, log):
    """Lets a job in the background make the call behind a line that is half typed."""
    terminal.type(f"(sleep 4; {CALLER} >/dev/null) &\n")
    if not terminal.expect_prompt():
        return False
    terminal.type(TYPED)
    return terminal.expect(TYPED) and is_logged(log)


def message_follows(terminal):
    """Ends the line. What was typed and what is printed are whole."""
    terminal.type("ished\n")
    return terminal.expect(rf"^ished\r\n{MESSAGE}\r\n(?s:.*)unfinished\r\n")


def message_at_end(terminal):
    """Halts behind an unfinished line. The test reports the call once, so there is no message."""
    terminal.type("halt\n")
    return terminal.process.wait(ANSWER_SECONDS) == machine.QEMU_END


def messages(terminal, log):
    yield "the shell prompts", terminal.expect_prompt(BOOT_SECONDS)
    yield "a message does not break the line that is typed", message_waits(terminal, log)
    yield "the message follows the line", message_follows(terminal)
    yield "the machine halts", message_at_end(terminal)


def main():
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        initrd, log = Path(directory) / "initrd", Path(directory) / "log"
        initrd.write_bytes(machine.initrd({}))
        log.touch()
        terminal = Terminal(machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", initrd, "-serial", "stdio", "-monitor", "none",
            "-no-reboot", "-debugcon", f"file:{log}",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
        ))  # fmt: skip
        report(terminal, messages(terminal, log))


if __name__ == "__main__":
    main()
