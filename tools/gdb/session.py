"""The scripted sessions of tools/gdb_test.py, which run inside gdb.

PAGODA_SESSION names the one to run. Each check prints an `ok` or `not ok` line."""

import os
import re
import sys
from pathlib import Path

import gdb

sys.path.insert(0, str(Path(__file__).resolve().parent))

import faults  # noqa: E402
import kernel  # noqa: E402
import processes  # noqa: E402
import programs  # noqa: E402
import tables  # noqa: E402

FORESEEN = 600  # faults whose end is compared


class Session:
    """A machine at its first instruction, and what is tried on it."""

    def __init__(self):
        self.run("set pagination off")
        self.run("set confirm off")
        self.run(f"target remote | {os.environ['PAGODA_QEMU']}")
        self.run("hbreak kernel_main")
        self.run("continue")
        self.run("delete")

    def run(self, command):
        return gdb.execute(command, to_string=True)

    def error_of(self, command):
        """Returns what a command that must fail says."""
        try:
            return "no error: " + self.run(command)
        except gdb.error as error:
            return str(error)

    def report(self, is_good, what, text=""):
        print(f"{'ok' if is_good else 'not ok'} - gdb: {what}", flush=True)
        if not is_good:
            print("\n".join("# " + line for line in text.splitlines()))

    def check(self, text, *patterns):
        """Prints a result for each pattern: ok if it occurs in the text of a command."""
        for pattern in patterns:
            self.report(re.search(pattern, text, re.MULTILINE), f"shows {pattern}", text)

    def stop_in(self, program, function):
        """Continues until a program comes to one of its functions."""
        self.run(f"break-user {program} {function}")
        self.run("continue")
        self.run("delete")

    def stop_at_fault(self, symbol, access):
        """Continues until the program faults on its page `symbol` with this access.

        Returns the page's address."""
        address = int(gdb.parse_and_eval(f"(unsigned long)&{symbol}"))
        stop = gdb.Breakpoint("vspace_fault")
        stop.condition = f"addr / 4096 == {address // 4096} && (access & {access}) == {access}"
        self.run("continue")
        stop.delete()
        return address

    def outcome(self):
        """Returns the handler's result for the fault at which the machine has stopped."""
        self.run("finish")
        return str(gdb.parse_and_eval("$"))


def explain_events(session, address):
    """The events of a fault that has just been handled."""
    session.check(session.run(f"events {address:#x}"),
                  rf"fault_begin vspace=\w+ address={address:#x} access=0x6",
                  r"entry_set table=\w+ index=\w+ old=0x0 new=0x80")
    session.check(session.run("events fault"), "fault_begin", "fault_end")
    entry = tables.leaf(tables.walk(kernel.register("cr3") & kernel.ADDRESS, address))[0]
    session.check(session.run(f"events {tables.target(entry):#x} frame_alloc"),
                  "frame_alloc frame=")
    session.check(session.run("events cpu=0 entry_set"), r"^\d+ cpu 0 tid \d+ entry_set")
    session.check(session.run("events cpu=1"), "^none of the events that are kept$")
    session.check(session.run("complete events entry"), "^events entry_set$")


def explain(session):
    """The commands, at faults of /test/gdb_target."""
    session.stop_in("gdb_target", "main")
    session.check(session.run("backtrace"), r"^#0 +main \(\) at test/user/trace/gdb_target.c")
    session.check(session.run("procs"), r"^ +1 +0 asleep .* init$",
                  r"^ +\d+ +2 runs .* gdb_target$")
    session.check(session.run("threads"), r"^\* +\d+ +0 runs +gdb_target$",
                  r"sh, news_wait \(kernel/proc/news.c:\d+\)$")
    session.check(session.run("vspace 2"), r"^vspace of pid 2 sh:", r"private file /bin/sh$")
    session.check(session.error_of("vspace 999"), "there is no process 999: procs lists them")
    session.check(session.error_of("frame-info"), "frame-info PFN|ADDR: shows a frame")
    session.check(session.error_of("fault"), "no page fault is being handled")

    address = session.stop_at_fault("lazy_page", 2)
    fault = session.run("fault")
    session.check(fault, rf"gdb_target writes {address:#x}, but no entry shows this page\.$",
                  rf"cr2 +{address:#018x}", r"error +0x6 \[write user\]",
                  r"region .* rw- map private file /test/gdb_target", "leaf +absent",
                  "^row: +private, absent, write$", "^outcome: FAULT_ZERO_FILLED, ")
    session.check(session.run("backtrace"), r"<signal handler called>",
                  r"^#\d+ .*a_first_write_gets_a_page \(\) at test/user/trace/gdb_target.c",
                  r"^#\d+ .*main \(\)")
    session.check(session.run("vspace"), r"r-x map private file", r"rw- stack private anonymous",
                  r"break 0x")
    session.check(session.run("audit"), r"^audit: \d+ frames .*: 0 differences$")
    session.check(session.outcome(), "^FAULT_ZERO_FILLED$")
    session.check(session.run(f"pagetable {address}"),
                  r"leaf .*\[P W U A D NX\] -> frame .*: anon, 1 reference",
                  "present, writable, for programs, accessed, dirty, not executable", r"mine alone")
    session.check(session.run(f"frame-info {address}"), "anon, 1 reference$",
                  rf"held by the leaf of {address:#x} in the tables of pid \d+ gdb_target",
                  "all bytes are 0")

    explain_events(session, address)

    address = session.stop_at_fault("shared_page", 3)
    session.check(session.run("fault"), rf"cr2 +{address + 1:#018x}",
                  r"error +0x7 \[present write user\]", r"leaf +0x",
                  r"not writable: W is clear on the way",
                  "^row: +private, not enough, write$", "^outcome: FAULT_COPIED, ")
    session.check(session.run(f"pagetable {address}"), r"shared with pid \d+ gdb_target")
    session.check(session.outcome(), "^FAULT_COPIED$")
    session.check(session.run(f"pagetable {address}"), r"leaf .*: anon, 1 reference$", "mine alone")


def audit(session):
    """A count that is wrong, and a lock that is held: both are put there by the script."""
    session.stop_in("gdb_target", "main")
    pfn = int(gdb.parse_and_eval("zero_page - frames"))
    session.check(session.run(f"frame-info {pfn}"), "zero page, 1 reference", "which do not count")
    count = f"frames[{pfn}].refcount"
    session.run(f"set var {count} = 7")
    session.check(session.run("audit"), rf"frame {pfn:#x} \(zero page\) has 7 references, and 1 is",
                  "1 difference$")
    session.run(f"set var {count} = 1")
    # A request that was left behind holds a frame.
    pfn = tables.root_of(next(iter(processes.vspaces()))) // kernel.PAGE
    request = "disks[0]->requests[0]"
    session.run(f"set var frames[{pfn}].refcount = 2")
    session.run(f"set var {request}.segments[0].addr = {pfn * kernel.PAGE}")
    session.run(f"set var {request}.nsegments = 1")
    session.run(f"set var {request}.state = BLOCK_ENDED")
    session.check(session.run(f"frame-info {pfn}"), "held by a request of vda$")
    session.check(session.run("audit"), ": 0 differences$")
    session.run(f"set var {request}.state = BLOCK_FREE")
    session.run(f"set var frames[{pfn}].refcount = 1")
    session.check(session.run("locks"), "^no lock is held$")
    stop = gdb.Breakpoint("vregion_find")
    session.run("continue")
    stop.delete()
    session.check(session.run("locks"),
                  r"the lock of the vspace of pid \d+ gdb_target is held for (reading|writing)")


def switch_count():
    return int(kernel.variable("runqueues")[0]["switches"])


def foresee(session):
    """The row that `fault` names is the handler's own, for hundreds of faults.

    If another thread has run meanwhile, it may have changed what was foreseen."""
    stop = gdb.Breakpoint("vspace_fault")
    seen, wrong, alone = {}, [], 0
    for _ in range(FORESEEN):
        session.run("continue")
        fault = faults.current()
        row = faults.foresee(fault)
        text, switches = session.run("fault"), switch_count()
        stop.enabled = False
        outcome = session.outcome()
        stop.enabled = True
        if switch_count() != switches:
            continue
        alone += 1
        seen[outcome] = seen.get(outcome, 0) + 1
        if row.outcome != outcome:
            wrong.append(f"{text}the handler returned {outcome}\n")
    stop.delete()
    counts = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
    session.report(not wrong, f"foresees how {FORESEEN} faults end", "\n".join(wrong))
    session.report(alone > FORESEEN * 3 // 4, "no thread comes between in most", str(alone))
    session.report(len(seen) >= 8, "these are of eight kinds or more", counts)


def follow(session):
    """Symbols follow the program, and break-user stops in one program only."""
    session.run("break-user sh main")
    session.run("break-user gdb_target main")
    session.run("continue")
    session.check(session.run("backtrace 1"), r"^#0 +main .*at user/sh/")
    session.run("continue")
    session.check(session.run("backtrace 1"), r"^#0 +main .*at test/user/trace/gdb_target.c")
    session.run("delete")
    session.run("break-user cat main")
    session.run("continue")
    session.check(session.run("backtrace 1"), r"^#0 +main .*at user/cat.c")
    session.run("delete")
    session.check(session.error_of("break-user nothing main"), "build/user has no program nothing")
    session.check(session.error_of("break-user sh nothing"), "/bin/sh has no function nothing")
    session.check(session.run("complete break-user gdb_t"), "^break-user gdb_target$")
    session.check(session.run("complete walk-fault c"), "^walk-fault copy$")
    session.check(session.run("complete vspace 2"), "^vspace 2$")
    session.check(session.run("help pagetable"), r"^pagetable ADDR \[PID\]: shows the walk")


def walk_on(session):
    """Continues a walk to its last station. Returns what is said."""
    text = ""
    while "This was the last station." not in text and len(text) < 100000:
        text += session.run("continue")
    return text


def stations(session):
    """walk-fault follows one fault of each kind, to its end."""
    for kind, end, seen in (
        ("file", "FAULT_FILE_MAPPED", ["pagecache_pager_page", "page \\d+ of /test/gdb_target"]),
        ("zero", "FAULT_ZERO_FILLED", ["frame_alloc_zeroed", "entry_replace"]),
        ("copy", "FAULT_COPIED", ["level 3 table. The one there is shared", "tlb_flush_tables",
                                  "pagetable_own_page", "page_copy", "tlb_flush_page"]),
    ):  # fmt: skip
        text = session.run(f"walk-fault {kind} gdb_target") + walk_on(session)
        session.check(text, "^station 1: vspace_fault$", f"returns {end}, as foreseen", *seen,
                      "This was the last station")
    session.check(session.error_of("walk-fault any"), "walk-fault follows zero, file, copy")


def two_cpus(session):
    """The commands on two CPUs, on each of which a thread of one program runs."""
    session.stop_in("gdb_threads", "second_thread")
    session.check(session.run("info threads"), "^[ *]+1 ", "^[ *]+2 ")
    session.check(session.run("threads"), "^[ *]+\\d+ +0 runs +gdb_threads$",
                  "^[ *]+\\d+ +1 runs +gdb_threads$")
    session.check(session.run("procs"), r"^ +\d+ +2 runs +2 .* gdb_threads$")
    for number in (1, 2):
        session.run(f"thread {number}")
        programs.symbols.follow()
        session.check(session.run("vspace"), r"^vspace of pid \d+ gdb_threads:")
        process = processes.this_process()
        address = int(gdb.parse_and_eval("(unsigned long)&first_spins"))
        session.check(session.run(f"pagetable {address:#x}"), r"leaf .* -> frame .*: anon")
        session.check(session.run(f"pagetable {address:#x} {int(process['pid'])}"), "mine alone")
        session.check(session.run("locks"), "lock")
        session.check(session.run("events switch"), r"cpu 0 tid \d+ switch",
                      r"cpu 1 tid \d+ switch")
        session.check(session.run("audit"), r"^audit: \d+ frames of \d+ vspaces")
        session.check(session.run(f"frame-info {address:#x}"), "held by the leaf of")
    text = session.run("walk-fault zero gdb_threads")
    address = int(gdb.parse_and_eval("(unsigned long)&threads_page"))
    session.check(session.run("fault"), rf"gdb_threads writes {address:#x}", "FAULT_ZERO_FILLED")
    text += walk_on(session)
    session.check(text, "^station 1: vspace_fault$", "returns FAULT_ZERO_FILLED, as foreseen",
                  "This was the last station")


SESSIONS = {each.__name__: each for each in (explain, audit, foresee, follow, stations, two_cpus)}

if __name__ == "__main__":
    name = os.environ["PAGODA_SESSION"]
    SESSIONS[name](Session())
    print("session complete")
