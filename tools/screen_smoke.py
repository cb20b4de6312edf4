#!/usr/bin/env python3
"""Types on the keyboard and reads the screen, as a person in front of the machine does.

Runs once on VGA text memory, and once on the framebuffer that UEFI and GRUB hand over. Prints TAP
lines."""

import re
import tempfile
from pathlib import Path

import machine
from screen import Monitor, colours_of, text_of, wait_for
from terminal import BOOT_SECONDS, Terminal, report

README = machine.TOOLS.parent / "user/README"


class Seat:
    """The keyboard and the screen of a machine, and its serial line for comparison."""

    def __init__(self, terminal, monitor, read, red):
        self.terminal, self.monitor, self.read, self.red = terminal, monitor, read, red

    def type(self, text):
        """Types, and waits for the echo of each key, because a keyboard's queue is short.

        Returns false if an echo did not come."""
        for character in text:
            self.monitor.press_for(character)
            echo = {"\n": r"\r\n", "\b": r"\x08 \x08|\x1b\[K"}.get(character, re.escape(character))
            if not self.terminal.expect(echo):
                return False
        return True

    def rows(self):
        return [row for row in text_of(self.read()) if row]

    def shows(self, *lines):
        """Waits until the screen ends with these lines. Returns false if they do not come."""
        return wait_for(lambda: self.rows()[-len(lines) :] == list(lines))

    def expect_prompt(self, *lines):
        return self.terminal.expect_prompt() and self.shows(*lines, "$")


def smoke(seat, where):
    terminal, monitor = seat.terminal, seat.monitor
    yield f"{where}: boots to a prompt on the serial line", terminal.expect_prompt(BOOT_SECONDS)
    yield f"{where}: the screen shows the prompt too", seat.shows("$")

    terminal.type("echo serial\n")
    yield f"{where}: a command on the serial line", terminal.expect("serial\r\nserial\r\n")
    shown = seat.expect_prompt("$ echo serial", "serial")
    yield f"{where}: the screen shows the answer", shown

    typed = seat.type("echo Hix\b!\n")
    shown = typed and seat.expect_prompt("$ echo Hi!", "Hi!")
    yield f"{where}: letters, Shift and Backspace", shown

    monitor.press("caps_lock")
    monitor.press("a")
    capital = terminal.expect("A")
    monitor.press("caps_lock")
    monitor.press("b")
    yield f"{where}: Caps Lock", capital and terminal.expect("b") and seat.shows("$ Ab")

    monitor.press("up")
    shown = terminal.expect("echo Hi!") and seat.shows("$ echo Hi!")
    yield f"{where}: an arrow brings the last command back", shown
    monitor.press("ctrl-u")
    yield f"{where}: Ctrl-U erases the line", seat.shows("$")

    typed = seat.type("cat README\n")
    end = README.read_text().splitlines()[-10:]
    yield f"{where}: the screen scrolls", typed and seat.expect_prompt(*filter(None, end))

    typed = seat.type("cat\n")
    monitor.press("ctrl-c")
    yield f"{where}: Ctrl-C ends a program", typed and terminal.expect_prompt()

    # Escape sequences are typed to cat, because the shell's line editor takes them for keys.
    terminal.type("cat\nready\n")
    ready = terminal.expect("ready\r\n")
    terminal.type("\x1b[2J\x1b[Hold\x1b[5D\x1b[31mred\x1b[0m\x1b[K\n\x04")
    erased = ready and seat.expect_prompt("red") and seat.rows() == ["red", "$"]
    yield f"{where}: the screen is erased", erased
    yield f"{where}: red is red", colours_of(seat.read(), "red") == {seat.red}

    for character in "halt\n":
        monitor.press_for(character)
    yield f"{where}: halt turns the machine off", terminal.ends()


# For each machine: the arguments that boot it, the function that reads its screen, and its red.
DIRECT_BOOT = ["-kernel", machine.KERNEL, "-initrd", machine.BUILD / "initrd.cpio"]
UEFI_BOOT = ["-bios", machine.OVMF, "-cdrom", machine.ISO]
MACHINES = {
    "VGA text": (DIRECT_BOOT, Monitor.read_text, 4),
    "UEFI": (UEFI_BOOT, Monitor.read_picture, (0xAA, 0, 0)),
}


def main():
    for where, (boot, read, red) in MACHINES.items():
        with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
            monitor = Monitor(Path(name))
            qemu = machine.qemu(*boot, *monitor.arguments, "-serial", "stdio", "-no-reboot")
            terminal = Terminal(qemu)
            report(terminal, smoke(Seat(terminal, monitor, lambda: read(monitor), red), where))


if __name__ == "__main__":
    main()
