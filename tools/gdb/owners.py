"""Owners: who holds references on frames, counted again from nothing (docs/design.md, rule 4).

The count goes the same way as the kernel's audit (kernel/vm/audit.c), but in gdb, so that it can
name each holder. The machine stands still, at any place: a thread may hold a reference in a
register only, or have dropped one that still stands in a table. The kernel's own audit waits until
no thread does."""

import frames
import kernel
import processes
import regions
import tables
from command import Command, count_text

RADIX_SLOTS = 64
RADIX_TAGS = 15
BLOCK_REQUESTS = 32
OWN_KINDS = {"heap": "the kernel heap", "kstack": "a kernel stack", "kernel": "the kernel",
             "zero page": "the kernel, for all"}  # fmt: skip
DIFFERENCES_SHOWN = 10


class Recount:
    """The holders of every frame, as (what, where): {pfn: [holder, ...]}."""

    def __init__(self):
        self.frames, self.holders, self.broken = frames.Snapshot(), {}, []
        for vspace in processes.vspaces():
            root = tables.root_of(vspace) // kernel.PAGE
            who = processes.sharers_of(vspace)
            self.hold(root, f"the root of {who}")
            self.count_table(root, tables.ROOT, 0, who)
        for cache in kernel.linked(kernel.variable("pagecaches"), "pagecache", "all"):
            self.count_cache(cache)
        for number in range(int(kernel.variable("ndisks"))):
            self.count_requests(kernel.variable("disks")[number])

    def hold(self, pfn, holder):
        self.holders.setdefault(pfn, []).append(holder)

    def count_table(self, table, level, base, who):
        """Counts what the entries of a table hold. A table below is entered when it is met first,
        so an entry is named after the first process that leads to it."""
        entries = kernel.words(table * kernel.PAGE, 256 if level == tables.ROOT else 512)
        for number, entry in enumerate(entries):
            if not entry:
                continue
            address, pfn = base + number * tables.span(level), tables.target(entry)
            if not self.is_good(entry, level, pfn):
                self.broken.append(f"the entry {entry:#x} at {tables.LEVELS[level]} for "
                                   f"{address:#x} points to no frame in use")
                continue
            is_first = pfn not in self.holders
            name = "leaf" if level == tables.LEAF else f"{tables.LEVELS[level]} entry"
            self.hold(pfn, f"the {name} of {address:#x} in the tables of {who}")
            if level > tables.LEAF and is_first:
                self.count_table(pfn, level - 1, address, who)

    def is_good(self, entry, level, pfn):
        if pfn >= self.frames.count or self.frames.kind(pfn).startswith(("free", "reserved")):
            return False
        return level == tables.LEAF or (self.frames.kind(pfn) == "table"
                                        and bool(entry & tables.PRESENT))

    def count_cache(self, cache):
        name = f"the page cache of {regions.path(cache['vnode']) or 'a file without a name'}"
        self.count_radix(int(cache["pages"]["root"]), int(cache["pages"]["height"]), 0, name)

    def count_radix(self, slot, height, index, name):
        """Counts the items of a radix tree (include/fs/radix.h); the low bits of slots are tags."""
        address = slot & ~RADIX_TAGS
        if not address:
            return
        if height == 0:
            self.hold(frames.number_of(address), f"{name}, page {index}")
            return
        slots = kernel.words(address - kernel.DIRECT_MAP, RADIX_SLOTS)
        for number, below in enumerate(slots):
            self.count_radix(below, height - 1, index * RADIX_SLOTS + number, name)

    def count_requests(self, disk):
        """Counts the frames of requests that were left behind (block_each_held)."""
        for number in range(BLOCK_REQUESTS):
            request = disk["requests"][number]
            state = str(request["state"])
            if state == "BLOCK_ENDED" or (state == "BLOCK_AT_DEVICE" and not request["batch"]):
                for part in range(int(request["nsegments"])):
                    pfn = int(request["segments"][part]["addr"]) // kernel.PAGE
                    self.hold(pfn, f"a request of {kernel.string(disk['name'])}")

    def of(self, pfn):
        """Returns the holders that count: the zero page has one reference, whoever shows it."""
        kind = self.frames.kind(pfn)
        own = [OWN_KINDS[kind]] if kind in OWN_KINDS else []
        return own if kind == "zero page" else own + self.holders.get(pfn, [])

    def differences(self):
        """Yields a sentence for each frame whose count is not the number of its holders."""
        yield from self.broken
        for pfn in self.frames.runs():
            kind = self.frames.kind(pfn)
            count, found = self.frames.refcount(pfn), len(self.of(pfn))
            if kind != "reserved" and count != found:
                yield (f"frame {pfn:#x} ({kind}) has {frames.references(count)}, and "
                       f"{found} {'is' if found == 1 else 'are'} found")


def print_frame(pfn):
    """Prints a frame, its holders, and the start of its contents."""
    print(frames.text(pfn))
    recount = Recount()
    holders = recount.of(pfn)
    for holder in holders:
        print(f"  held by {holder}")
    if frames.kind(pfn) == "zero page":
        entries = len(recount.holders.get(pfn, []))
        print(f"  shown by {count_text(entries, 'entry').replace('entrys', 'entries')}, "
              "which do not count")
    elif len(holders) != frames.refcount(pfn) and frames.kind(pfn) != "reserved":
        print("  the count differs: a thread is at work on the frame, or the count is wrong "
              "(audit in Pagoda waits for all threads)")
    for line in frames.contents(pfn):
        print(f"  {line}")


class FrameCommand(Command):
    """frame-info PFN|ADDR: shows a frame, who holds it, and what is in it

    PFN is the number of a frame, as pagetable shows it. ADDR is an address of the kernel, or of the
    process that this CPU runs. The holders are found by a walk of all tables and page caches.
    (`frame` is gdb's own command, for stack frames.)"""

    name = "frame-info"
    least, most = 1, 1

    def run(self, text):
        print_frame(frames.choose(text))


class AuditCommand(Command):
    """audit: counts every reference on every frame again, and compares

    It goes the way of the program `audit` in Pagoda, but does not wait until all threads are at
    rest. So a difference may be a reference that a thread has in its hands just now."""

    name = "audit"

    def run(self):
        recount = Recount()
        found = list(recount.differences())
        for line in found[:DIFFERENCES_SHOWN]:
            print(line)
        if len(found) > DIFFERENCES_SHOWN:
            print(f"and {len(found) - DIFFERENCES_SHOWN} more")
        held = sum(1 for pfn in recount.frames.runs() if recount.of(pfn))
        vspaces = sum(1 for _ in processes.vspaces())
        print(f"audit: {count_text(held, 'frame')} of {count_text(vspaces, 'vspace')}, page caches "
              f"and the kernel: {count_text(len(found), 'difference')}")
        if found:
            print("a thread of the kernel may be at work on them; `audit` in Pagoda waits for all")


FrameCommand()
AuditCommand()
