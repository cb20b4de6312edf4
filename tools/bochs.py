#!/usr/bin/env python3
"""Boots the ISO on Bochs, with standard input and output as its serial line.

Bochs gets two pseudo-terminals. The first is its serial line. The second is its screen and the
keyboard of its debugger, in which Debian's Bochs starts; its output is discarded. The status is 0
if Pagoda turned the machine off, else 1, and the end of Bochs' log is shown. In a terminal, Ctrl-]
ends Bochs."""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import tty
from pathlib import Path

import machine

# The kernel's clock needs a TSC of at least 250 MHz, and the TSC of Bochs counts instructions.
CONFIGURATION = """
display_library: term
config_interface: textconfig
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: count=1, model=corei7_haswell_4770, ips=260000000
memory: guest={megabytes}, host={megabytes}
ata0: enabled=1
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
com1: enabled=1, mode=term, dev={line}
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
log: {log}
panic: action=fatal
"""

POWERED_OFF = re.compile(r"soft power off|Shutdown port")
ESCAPE = b"\x1d"  # Ctrl-]


def megabytes():
    """Returns MEM, which has QEMU's form, in MiB."""
    number, unit = re.fullmatch(r"(\d+)([MG]?)", machine.setting("MEM", "128M")).groups()
    return int(number) * (1024 if unit == "G" else 1)


class Bochs:
    def __init__(self, directory):
        self.log = directory / "log"
        self.line, line_end = pty.openpty()
        self.screen, screen_end = pty.openpty()
        tty.setraw(line_end)
        configuration, commands = directory / "configuration", directory / "commands"
        configuration.write_text(CONFIGURATION.format(megabytes=megabytes(), iso=machine.ISO,
                                                      line=os.ttyname(line_end), log=self.log))
        commands.write_text("continue\n")
        screen = {"stdin": screen_end, "stdout": screen_end, "stderr": screen_end}
        self.process = subprocess.Popen(["bochs", "-q", "-f", configuration, "-rc", commands],
                                        env=os.environ | {"TERM": "xterm"}, **screen)

    def carry(self):
        """Carries bytes between the serial line and our own files, until either end is closed."""
        sources = {self.line: 1, 0: self.line, self.screen: None}
        while self.process.poll() is None:
            for source in select.select(list(sources), [], [], 0.2)[0]:
                data = os.read(source, 65536)
                if source == 0 and ESCAPE in data and os.isatty(0):
                    return
                if not data:
                    del sources[source]
                elif sources[source] is not None:
                    os.write(sources[source], data)

    def verdict(self):
        """Returns the status to end with, and shows the end of the log if that is not 0."""
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        if POWERED_OFF.search(log):
            return 0
        print("Bochs ended before Pagoda turned it off. Its log ends with:", file=sys.stderr)
        print("\n".join(log.splitlines()[-20:]), file=sys.stderr)
        return 1


def run():
    with tempfile.TemporaryDirectory(prefix="pagoda-") as name:
        bochs = Bochs(Path(name))
        try:
            bochs.carry()
        finally:
            bochs.process.kill()
            bochs.process.wait()
        return bochs.verdict()


def main():
    before = tty.tcgetattr(0) if os.isatty(0) else None
    try:
        if before:
            tty.setraw(0)
        status = run()
    finally:
        if before:
            tty.tcsetattr(0, tty.TCSADRAIN, before)
    sys.exit(status)


if __name__ == "__main__":
    main()
