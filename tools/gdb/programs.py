"""Programs: the symbols of the one that runs, and breakpoints in one of them only.

Programs are linked to the same addresses, so gdb can have the symbols of one at a time. At each
stop they are exchanged for those of the program that the CPU runs. A breakpoint is one in the
addresses of all processes; it stops only where the process runs the right program."""

import os
from pathlib import Path

import gdb
import kernel
import processes
import regions
from command import Command, is_kernel

ROOT = Path(__file__).resolve().parents[2]
PIE_BASE = 0x555555554000  # where exec puts programs that may stand anywhere
ET_DYN = 3


def places():
    """Returns the directories that hold programs with symbols, as Pagoda's root is laid out."""
    extra = os.environ.get("EXTRA")
    return [ROOT / "build/user", *([ROOT / extra] if extra else [])]


def file_of(path):
    """Returns the file with the symbols of a program, by its path in Pagoda; None if unknown."""
    for place in places():
        file = place / path.lstrip("/")
        if path and file.is_file():
            return file.resolve()
    return None


def path_of(process):
    return regions.path(process["exe"]) if process and process["exe"] else ""


def known():
    """Returns the paths in Pagoda of all programs whose symbols there are."""
    found = []
    for place in places():
        for folder in ("bin", "test", "diff"):
            for file in sorted((place / folder).glob("*")):
                if "." not in file.name:
                    found.append(f"/{folder}/{file.name}")
    return found


def find(name):
    """Returns the path in Pagoda of a program that a person has named, with or without folder."""
    found = [path for path in known() if name in (path, path.rpartition("/")[2])]
    if found:
        return found[0]
    if file_of(name):
        return name if name.startswith("/") else f"/{name}"
    raise gdb.GdbError(f"build/user has no program {name}; break-user knows sh, or /bin/sh, and "
                       "others (Tab lists them)")  # fmt: skip


def offset_of(file):
    """Returns how far from its own addresses a program is loaded."""
    header = file.read_bytes()[:18]
    return PIE_BASE if int.from_bytes(header[16:18], "little") == ET_DYN else 0


class Symbols:
    """The program whose symbols gdb has."""

    def __init__(self):
        self.file = None

    def load(self, file):
        """Exchanges the symbols for those in a file, or for none."""
        if file == self.file:
            return
        if self.file:
            gdb.execute(f"remove-symbol-file {self.file}", to_string=True)
        self.file = None
        if file:
            gdb.execute(f"add-symbol-file {file} -o {offset_of(file)}", to_string=True)
            self.file = file

    def follow(self):
        """Loads those of the program that the CPU runs, if it runs one."""
        try:
            process = processes.process_of(processes.this_thread())
            if process and process["exe"]:
                self.load(file_of(path_of(process)))
        except (gdb.error, gdb.GdbError):
            pass  # the machine is starting, or a debugger has broken what we read

    def stopped(self, event):
        """Follows at a stop. If gdb has shown a place by the symbols of another program, shows it
        again."""
        before = self.file
        self.follow()
        if self.file != before and not is_kernel(kernel.register("rip")):
            gdb.execute("frame")


symbols = Symbols()


def address_of(path, function):
    """Returns the address of a program's function."""
    symbols.load(file_of(path))
    try:
        places_found = gdb.decode_line(function)[1] or ()
    except gdb.error:
        places_found = ()
    found = [place.pc for place in places_found if place.pc and not is_kernel(place.pc)]
    if not found:
        raise gdb.GdbError(f"{path} has no function {function}")
    return behind_frame(found[0])


FRAME_SETUP = bytes.fromhex("554889e5")  # push %rbp; mov %rsp, %rbp
ENDBR = bytes.fromhex("f30f1efa")


def behind_frame(start):
    """Returns where the second line of a function begins, if it sets up a frame, else its start.

    A compiler without optimisation stores the arguments between the two."""
    code = kernel.read(start, len(ENDBR) + len(FRAME_SETUP))
    code = code[len(ENDBR) :] if code.startswith(ENDBR) else code
    table = gdb.find_pc_line(start).symtab
    if not code.startswith(FRAME_SETUP) or not table:
        return start
    end = gdb.block_for_pc(start).end
    return min((line.pc for line in table.linetable() if start < line.pc < end), default=start)


class ProgramBreakpoint(gdb.Breakpoint):
    """A breakpoint that stops in one program only."""

    def __init__(self, path, function):
        self.path, self.function = path, function
        address = address_of(path, function)
        super().__init__(f"*{address:#x}", type=gdb.BP_HARDWARE_BREAKPOINT)

    def stop(self):
        """Returns true in the right program, and loads its symbols before gdb shows the place."""
        try:
            if path_of(processes.this_process()) != self.path:
                return False
            symbols.load(file_of(self.path))
            return True
        except (gdb.error, gdb.GdbError):
            return False


class BreakUserCommand(Command):
    """break-user PROG FUNCTION: stops when a program comes to one of its functions

    PROG is a program in Pagoda, with or without its folder: sh, or /bin/sh. Other programs, which
    use the same addresses, run on."""

    name = "break-user"
    least, most = 2, 2

    def choices(self, before):
        if not before:
            return [path.rpartition("/")[2] for path in known()]
        return functions_of(before[0]) if len(before) == 1 else []

    def run(self, program, function):
        path = find(program)
        breakpoint = ProgramBreakpoint(path, function)
        symbols.follow()
        print(f"{function} of {path}: breakpoint {breakpoint.number} at {breakpoint.location[1:]}")


def functions_of(program):
    """Returns the functions of a program that its own sources define."""
    try:
        symbols.load(file_of(find(program)))
        text = gdb.execute("info functions -q -n", to_string=True)
    except (gdb.error, gdb.GdbError):
        return []
    words = (line.partition("(")[0].split() for line in text.splitlines() if "(" in line)
    return sorted({line[-1].lstrip("*") for line in words if line})


BreakUserCommand()
gdb.events.stop.connect(symbols.stopped)
gdb.events.before_prompt.connect(symbols.follow)
