#!/usr/bin/env python3
"""Pastes at the terminal, faster than a program can read and more than the kernel can hold.

Prints TAP lines."""

import random
import re
import tempfile
from pathlib import Path

import machine
from terminal import BOOT_SECONDS, Terminal, report

CTRL_C, CTRL_D, CTRL_Q, CTRL_S = "\x03", "\x04", "\x11", "\x13"
LINE_MAX = 4095  # bytes that the line discipline keeps of one line
LONG_LINE = 9000  # of the shell, which has no such limit


def text_of(lines):
    choice = random.Random(1)
    words = ["".join(choice.choices("abcdefghijk", k=choice.randint(1, 9))) for _ in range(500)]
    return "".join(" ".join(choice.choices(words, k=12)) + "\n" for _ in range(lines))


def pasted_file_is_whole(terminal):
    """Pastes text for a program that reads it late, and compares the file that it makes with it."""
    text = text_of(150)
    terminal.type(f"sleep 1; cat > /tmp/pasted\n{text}{CTRL_D}")
    if not terminal.expect_prompt():
        return False
    terminal.type("cat /tmp/pasted; echo e'nd'\n")
    return terminal.expect(re.escape(text.replace("\n", "\r\n") + "end"))


def pasted_commands_all_run(terminal):
    """Pastes commands while each of them runs. They note that in a file, because their output would
    mix with the echo of what is still typed."""
    count = 60
    commands = "".join(f"true {'x' * 30}; echo {n} >>/tmp/ran\n" for n in range(count))
    terminal.type(commands + "cat /tmp/ran; echo e'nd'\n")
    return terminal.expect("".join(f"{n}\r\n" for n in range(count)) + "end")


def ctrl_c_overtakes(terminal):
    """Presses Ctrl-C behind more lines than the terminal can hold for a program."""
    terminal.type("sleep 1000\n" + "x" * 59 + "\n")
    terminal.expect(r"x{59}")
    terminal.type(("x" * 59 + "\n") * 80 + CTRL_C)
    if not terminal.expect_prompt():
        return False
    terminal.type("echo $?\n")
    return terminal.expect(r"\n130\r\n")


def ctrl_q_overtakes(terminal):
    """Stops the output of a program that does not read, and starts it behind more lines than the
    terminal can hold. Their echoes show that it goes on."""
    terminal.type("hexdump /dev/urandom\n")
    terminal.expect(r"\n\S+0 ")
    terminal.type(CTRL_S + ("x" * 59 + "\n") * 80 + CTRL_Q)
    if not terminal.expect(r"x{59}"):
        return False
    terminal.type(CTRL_C)
    return True


def shell_starts_output(terminal):
    """Runs a program that leaves the output stopped, in a way that no key undoes."""
    terminal.type("/test/terminal stop\n")
    return True


def long_line_rings(terminal):
    """Types an unfinished line that does not fit. No program can make room for the rest of it."""
    terminal.type("cat | wc -c\n" + "y" * (LINE_MAX + 5))
    if not terminal.expect("\a" * 5):
        return False
    terminal.type("\n" + CTRL_D)
    return terminal.expect(rf"\n *{LINE_MAX + 1}\r\n")


def long_command_runs(terminal):
    terminal.type(f"echo {'z' * LONG_LINE} | wc -c\n")
    return terminal.expect(rf"\n *{LONG_LINE + 1}\r\n")


STEPS = [
    ("a pasted file of 9 KB arrives whole", pasted_file_is_whole),
    ("60 pasted commands run while more of them arrive", pasted_commands_all_run),
    ("Ctrl-C overtakes input that a program does not read", ctrl_c_overtakes),
    ("Ctrl-Q overtakes it too, and ends a stop", ctrl_q_overtakes),
    ("the shell starts the output that a job left stopped", shell_starts_output),
    ("a line that is too long for the terminal rings the bell", long_line_rings),
    ("a command line of 9000 bytes runs", long_command_runs),
]


def paste(terminal):
    yield "the shell prompts", terminal.expect_prompt(BOOT_SECONDS)
    for what, step in STEPS:
        yield what, step(terminal) and terminal.expect_prompt()


def main():
    with tempfile.TemporaryDirectory(prefix="pagoda-") as directory:
        initrd = Path(directory) / "initrd"
        initrd.write_bytes(machine.initrd({}))
        terminal = Terminal(machine.qemu(
            "-kernel", machine.KERNEL, "-initrd", initrd, "-append", "quiet", "-serial", "stdio",
            "-monitor", "none", "-no-reboot",
        ))  # fmt: skip
        report(terminal, paste(terminal))


if __name__ == "__main__":
    main()
