#!/usr/bin/env python3
"""Boots the ISO as a user does, through firmware and GRUB, types commands, and turns it off.

    iso_smoke.py           on QEMU, with a BIOS
    iso_smoke.py bochs     on Bochs, which is slow: only the first commands

Each step waits for its expected answer, never for a time. Prints TAP lines."""

import sys

import machine
from terminal import BOOT_SECONDS, Terminal, report

BOCHS_STEPS = 3
CTRL_A, CTRL_C, CTRL_D, CTRL_Z, BACKSPACE = "\x01", "\x03", "\x04", "\x1a", "\x7f"
UP, LEFT = "\x1b[A", "\x1b[D"

LINE, TYPED = r"\r?\n", r"typed\r?\ntyped\r?\n"
STOPPED = rf"\[1\] Stopped +cat{LINE}"
PROMPT = r"(?s:.*)\$ $"

# A step is (what must be true, keys, the pattern of the answer, keys, ...). In keys, %s stands for
# the number that a group in an earlier pattern matched, and %% for %. After each step the prompt
# must return.
STEPS = [
    ("a pipe counts", "echo 1 pagoda 2 | wc -w\n", r"\n\s*3\r?\n"),
    ("ls shows the root", "ls\n", r"\nREADME +bin +dev"),
    ("pipes and redirections",
     "cat README | grep x | wc > /tmp/n; cat /tmp/n\n", rf"\n +\d+ +\d+ +\d+{LINE}"),
    ("a mistyped command is reported", "ehco\n", r"\nsh: ehco: command not found"),
    ("its status is 127", "echo status $?\n", r"\nstatus 127"),
    ("backspace erases a character",
     f"ehc{BACKSPACE}{BACKSPACE}cho again\n", rf"\nagain{LINE}"),
    ("a job in the background", "sleep 1000 &\n", rf"\[1\] (\d+){LINE}"),
    ("ps shows the job", "ps\n", r"\n +\d+ +\d+ +S +\d+ sleep"),
    ("kill ends the job", "kill %s; wait\n", r"Terminated"),
    ("^D ends input", "cat\ntyped\n", TYPED, CTRL_D),
    ("^C ends the program in the foreground", "cat\ntyped\n", TYPED, CTRL_C),
    ("^Z stops the program in the foreground", "cat\ntyped\n", TYPED, CTRL_Z, STOPPED),
    ("jobs shows the stopped job", "jobs\n", rf"\n{STOPPED}"),
    ("the shell warns of stopped jobs before it ends",
     CTRL_D, rf"there are stopped jobs{PROMPT}", "exit\n", rf"exit{LINE}"),
    ("a new shell can stop a job too", "jobs; cat\ntyped\n", TYPED, CTRL_Z, STOPPED),
    ("fg continues the job", "fg\n", rf"\ncat{LINE}", "typed\n", TYPED, CTRL_Z, r"Stopped"),
    ("bg continues the job until it reads",
     # The shell reports that before its prompt, or behind ps. It waits for ps, so the job gets the
     # CPU before the shell looks at its jobs again.
     "bg\n", rf"\[1\] cat &{LINE}", "ps\n", STOPPED),
    ("kill and fg end the job", "kill %%1; fg\n", r"Terminated"),
    ("up shows the previous line",
     "echo first\n", rf"\nfirst{LINE}{PROMPT}", f"{UP}\n", rf"\nfirst{LINE}"),
    ("a line can be changed in the middle", f"ho last{LEFT * 7}ec\n", rf"\nlast{LINE}"),
    ("^C abandons unclosed quotes",
     "echo 'open\n", r"\n> $", CTRL_C, r"\n\$ $", "echo $?\n", rf"\n130{LINE}"),
    ("Tab completes", "/bin/ec\ttabbed\n", rf"\ntabbed{LINE}"),
    ("a shell that stops itself is continued",
     "kill -STOP $$; echo go'es' on\n", rf"\ngoes on{LINE}"),
    ("the signal that killed a program is named",
     "/bin/sh -c 'kill -SEGV $$'\n", r"\nSegmentation fault"),
]  # fmt: skip


def take(terminal, actions):
    """Types keys and expects answers in turn. Returns true if every answer came."""
    for n, action in enumerate(actions):
        if n % 2 == 0:
            terminal.type(action.replace("%s", terminal.number).replace("%%", "%"))
        elif not terminal.expect(action):
            return False
    return True


def smoke(terminal, where, steps):
    """Carries out the steps in order. Yields (what must be true, whether it is)."""
    yield f"the ISO boots {where} to a prompt", terminal.expect_prompt(BOOT_SECONDS)
    for what, *actions in steps:
        yield what, take(terminal, actions) and terminal.expect_prompt()
    terminal.type("halt\n")
    yield "halt turns the machine off", terminal.ends()


def main():
    if sys.argv[1:] == ["bochs"]:
        terminal = Terminal([sys.executable, machine.TOOLS / "bochs.py"])
        report(terminal, smoke(terminal, "on Bochs", STEPS[:BOCHS_STEPS]))
    else:
        terminal = Terminal(machine.qemu("-cdrom", machine.ISO, "-serial", "stdio",
                                         "-monitor", "none", "-no-reboot"))  # fmt: skip
        report(terminal, smoke(terminal, "by GRUB", STEPS))


if __name__ == "__main__":
    main()
