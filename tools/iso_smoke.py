#!/usr/bin/env python3
"""Boots the ISO as a user would: firmware, GRUB, kernel, shell; types commands, reads the answers,
and turns it off. Waits for what it expects, never for a time. Prints TAP lines.

    iso_smoke.py           on QEMU, with a BIOS
    iso_smoke.py bochs     on Bochs: only the first commands, since it is slow"""

import sys

import machine
from terminal import BOOT_SECONDS, Terminal, report

BOCHS_STEPS = 3
CTRL_A, CTRL_C, CTRL_D, CTRL_Z, BACKSPACE = "\x01", "\x03", "\x04", "\x1a", "\x7f"
UP, LEFT = "\x1b[A", "\x1b[D"

# (what must be true, keys, what the screen shows then, keys, ...). %s in keys stands for the number that a group in
# an earlier pattern found, %% for %. After each step the prompt is waited for.
STEPS = [
    ("a pipe counts", "echo 1 pagoda 2 | wc -w\n", r"\n\s*3\r?\n"),
    ("ls shows the root", "ls\n", r"\nREADME +bin +dev"),
    ("pipes and redirections", "cat README | grep x | wc > /tmp/n; cat /tmp/n\n", r"\n +\d+ +\d+ +\d+\r?\n"),
    ("a mistyped command says so", "ehco\n", r"\nsh: ehco: command not found"),
    ("its status is 127", "echo status $?\n", r"\nstatus 127"),
    ("backspace takes back what was mistyped", f"ehc{BACKSPACE}{BACKSPACE}cho again\n", r"\nagain\r?\n"),
    ("a job in the background", "sleep 1000 &\n", r"\[1\] (\d+)\r?\n"),
    ("ps shows it", "ps\n", r"\n +\d+ +\d+ +S +\d+ sleep"),
    ("kill ends it", "kill %s; wait\n", r"Terminated"),
    ("^D ends input", "cat\ntyped\n", r"typed\r?\ntyped\r?\n", CTRL_D),
    ("^C ends the program in the foreground", "cat\ntyped\n", r"typed\r?\ntyped\r?\n", CTRL_C),
    ("^Z stops the program in the foreground", "cat\ntyped\n", r"typed\r?\ntyped\r?\n", CTRL_Z, r"\[1\] Stopped +cat\r?\n"),
    ("jobs shows it", "jobs\n", r"\n\[1\] Stopped +cat\r?\n"),
    ("the shell does not leave it without a word", CTRL_D, r"there are stopped jobs(?s:.*)\$ $", "exit\n", r"exit\r?\n"),
    ("but once more", "jobs; cat\ntyped\n", r"typed\r?\ntyped\r?\n", CTRL_Z, r"\[1\] Stopped +cat\r?\n"),
    ("fg continues it", "fg\n", r"\ncat\r?\n", "typed\n", r"typed\r?\ntyped\r?\n", CTRL_Z, r"Stopped"),
    ("bg lets it run, until it reads", "bg\n", r"\[1\] cat &\r?\n(?s:.*)\$ $", "\n", r"\[1\] Stopped +cat"),
    ("kill and fg end it", "kill %%1; fg\n", r"Terminated"),
    ("up shows the line before", f"echo first\n", r"\nfirst\r?\n(?s:.*)\$ $", f"{UP}\n", r"\nfirst\r?\n"),
    ("a line can be changed in the middle", f"ho last{LEFT * 7}ec\n", r"\nlast\r?\n"),
    ("^C leaves quotes that are not closed", "echo 'open\n", r"\n> $", CTRL_C, r"\n\$ $", "echo $?\n", r"\n130\r?\n"),
    ("Tab completes", "/bin/ec\ttabbed\n", r"\ntabbed\r?\n"),
    ("a shell that stops itself goes on", "kill -STOP $$; echo go'es' on\n", r"\ngoes on\r?\n"),
    ("a program that is killed is named", "/bin/sh -c 'kill -SEGV $$'\n", r"\nSegmentation fault"),
]


def take(terminal, actions):
    """Types and expects in turn; returns whether all came."""
    for n, action in enumerate(actions):
        if n % 2 == 0:
            terminal.type(action.replace("%s", terminal.number).replace("%%", "%"))
        elif not terminal.expect(action):
            return False
    return True


def smoke(terminal, where, steps):
    """The steps, in order: (what must be true, whether it is)."""
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
        terminal = Terminal(machine.qemu("-cdrom", machine.ISO, "-serial", "stdio", "-monitor", "none", "-no-reboot"))
        report(terminal, smoke(terminal, "by GRUB", STEPS))


if __name__ == "__main__":
    main()
