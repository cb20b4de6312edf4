"""Files and lines for the backtraces that the kernel prints, as in

    #3 0xffffffff80112a4f sys_audit+0x1f  kernel/sys/sys_info.c:41
           inlined: spin_lock  include/arch/spinlock.h:112

The kernel knows its functions by name. addr2line knows the rest: a file and a line, and the
functions that the compiler has inlined there, the outermost first. An address in a backtrace is
the one to return to, so the byte before it is looked up, unless the kernel says `interrupted`."""

import functools
import os
import re
import subprocess

import machine

STEP = re.compile(r"#\d+ 0x([0-9a-f]{16})( \S+\+0x[0-9a-f]+)?( \(interrupted\))?")
# The longest line of a backtrace, in bytes.
LINE_MAX = 200


@functools.lru_cache(maxsize=None)
def places_of(*addresses):
    """Returns [(function, place), ...] for each address, the innermost first; [] if unknown."""
    command = [machine.setting("ADDR2LINE", "addr2line"), "-a", "-f", "-i", "-e", machine.KERNEL]
    try:
        done = subprocess.run(command + [hex(address) for address in addresses],
                              capture_output=True, text=True, check=True)  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return [[] for _ in addresses]
    found = []
    lines = iter(done.stdout.splitlines())
    for line in lines:
        if re.fullmatch(r"0x[0-9a-f]+", line):
            found.append([])
            continue
        place = next(lines, "??").split(" (")[0].replace(f"{machine.TOOLS.parent}/", "")
        if not place.startswith("??"):
            found[-1].append((line, os.path.normpath(place)))
    return found


def address_of(step):
    """Returns the address to look up for a match of STEP."""
    return int(step[1], 16) - (0 if step[3] else 1)


def with_place(line, places):
    """Returns the lines for a line of a backtrace."""
    if not places:
        return [line]
    inlined = [f"       inlined: {name}  {place}" for name, place in places[-2::-1]]
    return [f"{line}  {places[-1][1]}", *inlined]


def annotate(text):
    """Returns a text with the places of all backtraces in it."""
    lines = text.split("\n")
    steps = {n: step for n, line in enumerate(lines) if (step := STEP.fullmatch(line.rstrip("\r")))}
    if steps:
        found = places_of(*(address_of(step) for step in steps.values()))
        for (n, step), places in zip(steps.items(), found):
            lines[n] = "\n".join(with_place(step[0], places))
    return "\n".join(lines)


def describe(address):
    """Returns what is at an address, as in `sys_audit, kernel/sys/sys_info.c:41`."""
    places = places_of(address)[0]
    return f"{places[-1][0]}, {places[0][1]}" if places else ""


class Annotator:
    """Adds the places to a stream of bytes. Delays only a "\\r" at the end of a piece."""

    def __init__(self):
        self.line = b""  # the current line so far
        self.held = b""  # "\\r", if the last piece ended in it

    def feed(self, piece):
        """Returns the bytes to show for the next bytes of the stream."""
        piece = self.held + piece
        self.held = b"\r" if piece.endswith(b"\r") else b""
        shown = b""
        for part in piece[: len(piece) - len(self.held)].splitlines(keepends=True):
            self.line = (self.line + part)[-LINE_MAX:]
            if part.endswith(b"\n"):
                line = self.line.decode(errors="replace").rstrip("\r\n")
                added = annotate(line)[len(line) :].replace("\n", "\r\n").encode()
                part = part.rstrip(b"\r\n") + added + part[len(part.rstrip(b"\r\n")) :]
                self.line = b""
            shown += part
        return shown
