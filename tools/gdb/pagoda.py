"""gdb commands for Pagoda. `help user-defined` lists none of them; these do, by `help NAME`:

    fault                  the page fault that is being handled, and how it will end
    vspace [PID]           the regions of a process, its heap and its stack
    pagetable ADDR [PID]   the walk of an address: entries, what they point to, who shares it
    frame-info PFN|ADDR    a frame, who holds it, and what is in it
    procs, threads         the processes; the threads, and where they wait
    locks                  the locks that are held, and who waits for them
    audit                  counts every reference on every frame again
    events [FILTER]        the last events of the memory system, on all CPUs
    goto, back, who        in a recorded run (make replay): to an event, or to a change
    break-user PROG FUNC   a breakpoint in one program only
    walk-fault KIND [PROG] the stations of a page fault, one by one

`make debug` and `make gdb` load this file. The commands only read the machine."""

import sys
from pathlib import Path

import gdb

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

# Importing a module defines its commands.
import events  # noqa: E402, F401
import faults  # noqa: E402, F401
import locks  # noqa: E402, F401
import owners  # noqa: E402, F401
import programs  # noqa: E402, F401
import stations  # noqa: E402, F401
import travel  # noqa: E402, F401

# Pages of a program that are not in memory yet are read from its file.
gdb.execute("set trust-readonly-sections on")
