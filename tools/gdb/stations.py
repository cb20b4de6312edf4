"""The stations of a page fault: walk-fault stops at each, and says what is seen there.

The stations are functions of the kernel that no compiler leaves out, because other files call them.
Only the thread whose fault is followed stops at them."""

import textwrap

import gdb
import faults
import frames
import kernel
import owners
import processes
import programs
import tables
from command import Command

WIDTH = 92  # of what is said
ARGUMENTS = ("rdi", "rsi", "rdx", "rcx")


def argument(number):
    """Returns an argument of the function at whose first instruction the machine has stopped."""
    return kernel.register(ARGUMENTS[number])


# ---- What is seen at each station ----


def at_start(walk):
    faults.print_fault(walk.fault)


def at_region(walk):
    return (f"The regions are asked which of them holds {walk.fault.address:#x}. They say what may "
            "be there.")  # fmt: skip


def at_tables(walk):
    return ("The page table is asked what is there, from the root down. It was printed above: the "
            "walk does not allow the access yet.")  # fmt: skip


def at_path(walk):
    plan = faults.plan_text(walk.fault) or "nothing, because all of them are mine"
    return f"The path down to the leaf table is made mine. To do: {plan}."


def at_table(walk):
    level = tables.LEVELS.get(argument(0), "")
    if dict(faults.path_plan(walk.fault)[0]).get(level) != "copy":
        return f"A frame is allocated for the {level} table, because there is none yet."
    return (f"A frame is allocated for the {level} table. The one there is shared, so its entries "
            "are copied. What they hold gains a reference each, and W is cleared in both.")


def at_flush_tables(walk):
    return ("The old tables are out of the path. A CPU may still walk through them, so a flush "
            "comes before their references are dropped.")  # fmt: skip


def at_pager(walk):
    region = walk.fault.region
    pages = faults.regions.cache(region)
    name = faults.regions.path(pages["vnode"]) if pages else "its object"
    return f"The pager is asked for page {argument(1)} of {name}."


def at_zeroed(walk):
    return "A frame is allocated, and filled with zeros. No lock is held meanwhile."


def at_page(walk):
    entry, _ = tables.leaf(tables.walk(walk.fault.root, walk.fault.address))
    pfn = tables.target(entry)
    holders = [f"  held by {holder}" for holder in owners.Recount().of(pfn)]
    return "\n".join([f"The page itself is made mine. It is {frames.text(pfn)}:", *holders])


def at_copy(walk):
    to, source = argument(0), argument(1)
    first, second = ((address - kernel.DIRECT_MAP) // kernel.PAGE for address in (source, to))
    return f"4096 bytes are copied from frame {first:#x} to frame {second:#x}, without a lock."


def at_entry(walk):
    old, new = argument(2), argument(3)
    said = f"An entry changes under its table's lock, if it is still {old:#x}:"
    return f"{said}\n  {tables.entry_text(new)}\n  {tables.words_of(new)}"


def at_flush_page(walk):
    return "The page's translation is flushed: a TLB may still show what the entry held before."


def at_outcome(walk):
    outcome = kernel.enum("fault_outcome", kernel.register("rax") & 0xFFFFFFFF)
    same = "as foreseen" if outcome == walk.row.outcome else f"{walk.row.outcome} was foreseen"
    return f"The handler returns {outcome}, {same}."


def at_end(walk):
    tables.print_walk(walk.fault.root, walk.fault.address, walk.fault.region)
    return "The program makes its access again, and this time the walk allows it."


STATIONS = {
    "vregion_find": at_region,
    "pagetable_walk": at_tables,
    "pagetable_own": at_path,
    "table_alloc_empty": at_table,
    "tlb_flush_tables": at_flush_tables,
    "pagecache_pager_page": at_pager,
    "frame_alloc_zeroed": at_zeroed,
    "pagetable_own_page": at_page,
    "page_copy": at_copy,
    "entry_replace": at_entry,
    "tlb_flush_page": at_flush_page,
}


class Station(gdb.Breakpoint):
    """A breakpoint at which the thread of a walk stops."""

    def __init__(self, walk, place, name, say):
        super().__init__(place, internal=True)
        self.walk, self.name, self.say, self.silent = walk, name, say, True

    def stop(self):
        if self.say is at_zeroed and kernel.enum("frame_kind", argument(0)) == "FRAME_TABLE":
            return False  # at_table has spoken of it
        return self.walk.is_thread()


class Start(gdb.Breakpoint):
    """The breakpoint at the handler's start, which waits for a fault of the wanted kind."""

    def __init__(self, walk):
        super().__init__(f"*{int(kernel.address('vspace_fault')):#x}", internal=True)
        self.walk, self.silent = walk, True

    def stop(self):
        try:
            return self.walk.begins()
        except (gdb.error, gdb.GdbError):
            return False


class Walk:
    """The way of one fault, from station to station."""

    def __init__(self, kind, program):
        self.kind, self.program = kind, program
        self.thread = self.fault = self.row = None
        self.stations, self.number = [], 0
        self.start = Start(self)
        gdb.events.stop.connect(self.stopped)

    def is_thread(self):
        return int(processes.this_cpu()["current"]) == self.thread

    def begins(self):
        """Returns true at a fault that is the one to follow."""
        process = processes.this_process()
        if self.program and programs.path_of(process) != self.program:
            return False
        vspace = kernel.pointer(argument(0), "vspace")
        fault = faults.Fault(vspace, argument(1), argument(2) & 0xFFFFFFFF)
        row = faults.foresee(fault)
        if not fault.access & faults.USER or not KINDS[self.kind](fault, row):
            return False
        self.fault, self.row = fault, row
        return True

    def stopped(self, event):
        """Speaks at each stop, and sets the next breakpoints, as no breakpoint's stop() may."""
        hit = getattr(event, "breakpoints", [])
        if self.start and self.start in hit:
            self.begin()
        for station in self.stations:
            if station in hit:
                self.arrive(station.name, station.say)
                if station.say is at_end:
                    self.end()
                return

    def begin(self):
        self.thread = int(processes.this_cpu()["current"])
        back = int.from_bytes(kernel.read(kernel.register("rsp"), 8), "little")
        user = int(processes.saved_registers()["rip"])
        self.start.delete()
        self.start = None
        self.stations = [Station(self, f"*{kernel.address(name):#x}", name, say)
                         for name, say in STATIONS.items()]  # fmt: skip
        self.stations.append(Station(self, f"*{back:#x}", "the handler's end", at_outcome))
        self.stations.append(Station(self, f"*{user:#x}", "the program", at_end))
        self.arrive("vspace_fault", at_start)

    def arrive(self, name, say):
        self.number += 1
        print(f"station {self.number}: {name}")
        text = say(self) or ""
        for line in text.splitlines():
            print("\n".join(textwrap.wrap(line, WIDTH, drop_whitespace=True,
                                          replace_whitespace=False)))  # fmt: skip

    def end(self):
        gdb.events.stop.disconnect(self.stopped)
        for breakpoint in [*self.stations, *([self.start] if self.start else [])]:
            breakpoint.delete()
        self.stations, self.start = [], None
        WALKS.clear()
        print("This was the last station.")


def is_table_copy(fault, row):
    return row.outcome == "FAULT_COPIED" and faults.path_plan(fault)[1]


# Which faults a walk follows.
KINDS = {
    "zero": lambda fault, row: row.outcome == "FAULT_ZERO_FILLED" and "absent" in row.row,
    "file": lambda fault, row: row.outcome == "FAULT_FILE_MAPPED",
    "copy": is_table_copy,
}
WALKS = []  # the one that goes on, if any


class WalkFaultCommand(Command):
    """walk-fault zero|file|copy [PROG]: follows one page fault from station to station

    It continues to the next fault of the kind, in PROG if that is given, and says at each station
    what is seen there. `continue` goes on to the next. The kinds: zero, a first write, which gets
    a frame of zeros; file, a first read of a file's page; copy, a write after a fork, which copies
    the tables of the path and the page. docs/tour.md follows the same ways in the source."""

    name = "walk-fault"
    least, most = 1, 2

    def choices(self, before):
        if not before:
            return list(KINDS)
        return [path.rpartition("/")[2] for path in programs.known()]

    def run(self, kind, program=None):
        if kind not in KINDS:
            raise gdb.GdbError(f"walk-fault follows {', '.join(KINDS)}, and not {kind}")
        path = programs.find(program) if program else None
        for walk in WALKS[:]:
            walk.end()
        WALKS.append(Walk(kind, path))
        gdb.execute("continue")


WalkFaultCommand()
