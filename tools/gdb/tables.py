"""Page tables: entries, and the walk of an address (include/vm/pte.h)."""

import gdb
import frames
import kernel
import processes
import regions
from processes import ByProcess

PRESENT, WRITE, USER, ACCESSED, DIRTY, LARGE, SHARED, FRESH, NX = (
    1 << bit for bit in (0, 1, 2, 5, 6, 7, 9, 10, 63)
)
BITS = {PRESENT: "P", WRITE: "W", USER: "U", ACCESSED: "A", DIRTY: "D", SHARED: "shared",
        FRESH: "fresh", NX: "NX"}  # fmt: skip
MEANING = {PRESENT: "present", WRITE: "writable", USER: "for programs", ACCESSED: "accessed",
           DIRTY: "dirty", SHARED: "of a MAP_SHARED region", FRESH: "waits for a flush",
           NX: "not executable"}  # fmt: skip
LEVELS = {4: "root", 3: "level 3", 2: "level 2", 1: "leaf"}
LEAF, ROOT = 1, 4
LOWER_HALF_END = 0x0000800000000000


def index(level, address):
    return address >> (12 + 9 * (level - 1)) & 511


def span(level):
    """Returns the bytes that one entry at a level covers."""
    return kernel.PAGE << 9 * (level - 1)


def target(entry):
    """Returns the number of the frame that an entry points to."""
    return (entry & kernel.ADDRESS) // kernel.PAGE


def root_of(vspace):
    return int(vspace["pagetable"]["mmu"]["root"])


def walk(root, address):
    """Returns the entries of the walk of an address, from the root down, as (level, entry)."""
    table, found = root, []
    for level in (4, 3, 2, 1):
        entry = kernel.words(table + index(level, address) * 8, 1)[0]
        found.append((level, entry))
        if not entry & kernel.ADDRESS or (level < 4 and entry & LARGE and entry & PRESENT):
            break
        table = entry & kernel.ADDRESS
    return found


def leaf(entries):
    """Returns the leaf entry of a walk, or 0, and whether the tables above are mine."""
    upper = [entry for level, entry in entries if level > LEAF]
    lowest = [entry for level, entry in entries if level == LEAF]
    return (lowest[0] if lowest else 0), all(entry & WRITE for entry in upper) and bool(lowest)


def bits(entry):
    return " ".join(name for bit, name in BITS.items() if entry & bit)


def entry_text(entry):
    if not entry:
        return "absent"
    shown = f"{entry:#018x} [{bits(entry)}] -> "
    if not frames.is_known(target(entry)):
        return shown + "no frame"
    return shown + frames.text(target(entry))


def words_of(entry):
    """Returns the bits of an entry in words; "held" is said of a page that nobody may touch."""
    said = [meaning for bit, meaning in MEANING.items() if entry & bit]
    if not entry & PRESENT:
        said.insert(0, "held, not present")
    return ", ".join(said)


def others(root, address, level, pfn):
    """Returns the other processes whose walk of the address leads to the same target, as text."""
    found = []
    for vspace in processes.vspaces():
        if root_of(vspace) == root:
            continue
        for at, entry in walk(root_of(vspace), address):
            if at == level and entry and target(entry) == pfn:
                found.append(processes.sharers_of(vspace))
    return found


def sharing_text(root, address, level, entry, region):
    """Returns who else holds what an entry points to; "" if nobody does."""
    pfn = target(entry)
    holders = others(root, address, level, pfn)
    pages = regions.cache(region) if region else None
    if level == LEAF and pages and frames.kind(pfn) == "cache":
        holders.append(("the page cache of " + regions.path(pages["vnode"])).strip())
    left = frames.refcount(pfn) - 1 - len(holders)
    if holders and left > 0:
        holders.append(f"{left} more (frame-info {pfn:#x})")
    elif left > 0:
        holders.append(f"{left} at other addresses (frame-info {pfn:#x})")
    return ", ".join(holders)


def print_walk(root, address, region=None, explain=False):
    """Prints the walk of an address. With `explain`, a second line tells bits and sharers."""
    print(f"walk of {address:#x}:")
    is_user, writable = address < kernel.USER_END, True
    for level, entry in walk(root, address):
        writable = writable and bool(entry & WRITE)
        print(f"  {LEVELS[level]:8} {entry_text(entry)}")
        if not entry or not explain:
            continue
        print(f"           {words_of(entry)}")
        if is_user and frames.is_known(target(entry)) and frames.refcount(target(entry)) > 1:
            print(f"           shared with {sharing_text(root, address, level, entry, region)}")
    print(f"  {verdict(entry, writable, is_user)}")


def verdict(last, writable, is_user):
    """Returns what a walk comes to, by its last entry and the W bits of all."""
    if not last:
        return "nothing is present there"
    if not writable:
        return "not writable: W is clear on the way"
    return "W is set all the way" + (": mine alone" if is_user else "")


def root_for(address, pid):
    """Returns the root of the walk of an address, and the vspace; the kernel's half has none."""
    if LOWER_HALF_END <= address < kernel.DIRECT_MAP:
        raise gdb.GdbError(f"{address:#x} is no address: bits 48 to 63 must equal bit 47")
    if address < kernel.USER_END:
        vspace = processes.vspace_of(processes.find(pid))
        return root_of(vspace), vspace
    if pid:
        raise gdb.GdbError(f"{address:#x} belongs to the kernel, whose tables are the same in all")
    return kernel.register("cr3") & kernel.ADDRESS, None


class PagetableCommand(ByProcess):
    """pagetable ADDR [PID]: shows the walk of an address, level by level

    Each entry stands with its bits, what they mean, what it points to, and who else shares that.
    Without PID, the tables are those of the process that this CPU runs. A process is said to share
    a table or a page if its own walk of ADDR leads there."""

    name = "pagetable"
    least, most = 1, 2

    def run(self, address_text, pid=None):
        address = kernel.number(address_text)
        root, vspace = root_for(address, pid)
        region = regions.find(vspace, address) if vspace else None
        print_walk(root, address, region, explain=True)


PagetableCommand()
