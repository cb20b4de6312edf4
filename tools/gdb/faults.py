"""Page faults: the one that is being handled, and how it will end.

`foresee` reads regions and tables as the handler does, and names the row of the table in
kernel/vm/fault.c. The scripted session compares it with what the handler then returns."""

import gdb
import kernel
import processes
import regions
import tables
from command import Command

ACCESS_BITS = ["present", "write", "user", "reserved", "exec"]  # FAULT_ words, include/arch/trap.h
WRITE, USER, EXEC, FORCED = 1 << 1, 1 << 2, 1 << 4, 1 << 16
HANDLERS = ("vspace_fault", "fault_dispatch")


class Fault:
    """An access that needs a page."""

    def __init__(self, vspace, address, access):
        self.vspace, self.address, self.access = vspace, address, access
        self.page = address // kernel.PAGE * kernel.PAGE
        self.region = regions.find(vspace, address)
        self.root = tables.root_of(vspace)

    def is_write(self):
        return bool(self.access & WRITE)

    def words(self):
        """Returns the error code in words, as "present write user"."""
        return " ".join(name for bit, name in enumerate(ACCESS_BITS) if self.access & 1 << bit)

    def deed(self):
        if self.is_write():
            return "writes"
        return "runs code at" if self.access & EXEC else "reads"

    def sentence(self):
        """Says who does what, and what stops it."""
        who = processes.title(processes.this_process())
        if not self.access & USER:
            who = f"the kernel, for {who},"
        entry, is_mine = tables.leaf(tables.walk(self.root, self.address))
        if not entry:
            why = "no entry shows this page"
        elif not entry & tables.PRESENT:
            why = "the page is held, and nobody may touch it"
        elif self.is_write() and not entry & tables.WRITE:
            why = "W is clear in the page's entry"
        elif self.is_write() and not is_mine:
            why = "W is clear above the page's entry: a table is shared, or was"
        elif self.access & EXEC and entry & tables.NX:
            why = "NX is set in the page's entry"
        else:
            why = "the walk allows this now"
        return f"{who} {self.deed()} {self.address:#x}, but {why}."


class Row:
    """A row of the handler's table, and why it is the one."""

    def __init__(self, outcome, row, why):
        self.outcome, self.row, self.why = outcome, row, why

    def __str__(self):
        return f"{self.row} -> {self.outcome}: {self.why}"


def current():
    """Returns the fault that a frame on the stack is handling; None if there is none."""
    frame = gdb.newest_frame()
    while frame:
        if frame.name() in HANDLERS:
            try:
                address, access = int(frame.read_var("addr")), int(frame.read_var("access"))
                return Fault(vspace_of(frame), kernel.unsigned(address), access)
            except (ValueError, gdb.error):
                pass  # optimised out in this frame; its caller may have them
        frame = frame.older()
    return None


def vspace_of(frame):
    """Returns the vspace of a frame of the handler; a debugger's is that of another process."""
    try:
        found = frame.read_var("vspace")
        if not found.is_optimized_out and found:
            return kernel.pointer(found, "vspace")
    except (ValueError, gdb.error):
        pass
    return processes.vspace_of(processes.this_process())


# ---- The rows, in the order of kernel/vm/fault.c ----


def is_allowed(region, access):
    """Returns true if the region allows the access, as is_allowed in kernel/vm/fault.c."""
    rights = regions.rights(region)
    if access & FORCED:
        return True
    if access & WRITE:
        return "w" in rights
    return "x" in rights if access & EXEC else rights != "---"


def is_enough(entry, is_mine, access):
    if not entry & tables.PRESENT:
        return False
    if access & WRITE:
        return is_mine and bool(entry & tables.WRITE)
    return not access & EXEC or not entry & tables.NX


def stack_above(fault):
    """Returns the stack that grows to the page; None, and why not (kernel/vm/stack.c)."""
    below, above = regions.neighbours(fault.vspace, fault.address)
    account, limits = fault.vspace["account"], fault.vspace["account"]["limits"]
    if fault.address < 0x10000:
        return None, "a null pointer: the first 64 KiB are never mapped"
    if not above or regions.kind(above) != "stack":
        return None, "no region holds the address, and none above is a stack"
    growth = int(above["start"]) - fault.page
    if int(above["end"]) - fault.page > int(limits["stack"]):
        return None, "the stack above would pass RLIMIT_STACK"
    if int(account["mapped_bytes"]) + growth > int(limits["space"]):
        return None, "the stack above would pass RLIMIT_AS"
    if (below and regions.kind(below) != "stack" and regions.rights(below) != "---"
            and fault.page - int(below["end"]) < regions.STACK_GUARD):  # fmt: skip
        return None, "the stack above would come too near to the region below"
    return above, "the stack above grows to the page"


def pager_bytes(region, page):
    """Returns how many bytes of a page the region's pager fills."""
    if not region["pager"]:
        return 0
    end = kernel.unsigned(region["data_end"])
    if region["shared"] or end >= page + kernel.PAGE:
        return kernel.PAGE
    return max(0, end - page)


def beyond_end(region, page):
    """Returns true if the region's object is known to have no such page."""
    pages = regions.cache(region)
    return bool(pages) and regions.object_index(region, page) * kernel.PAGE >= int(pages["size"])


NO_PAGE = Row("FAULT_NO_PAGE", "the pager is asked", "the page lies beyond the end of the file")


def shared_absent(fault, region):
    if beyond_end(region, fault.page):
        return NO_PAGE
    return Row("FAULT_SHARED_MAPPED", "shared, absent", "the entry gets the object's own page")


def private_absent(fault, region):
    filled = pager_bytes(region, fault.page)
    row = f"private, absent, {'write' if fault.is_write() else 'no write'}"
    if filled and beyond_end(region, fault.page):
        return NO_PAGE
    if filled and (fault.is_write() or filled < kernel.PAGE):
        why = "a copy, because the page is to be written" if fault.is_write() else \
            "a copy, because the file's part ends within the page"  # fmt: skip
        return Row("FAULT_FILE_COPIED", row, why)
    if filled:
        return Row("FAULT_FILE_MAPPED", row, "the file's own page, read-only")
    if fault.is_write():
        return Row("FAULT_ZERO_FILLED", row, "a frame of zeros of its own")
    if regions.kind(region) == "stack":
        return Row("FAULT_ZERO_FILLED", row, "a frame of zeros, because a stack is written soon")
    return Row("FAULT_ZERO_MAPPED", row, "the zero page, read-only, until the first write")


def path_plan(fault):
    """Returns the levels whose table is inserted, reused and copied, and whether one is copied.

    A copy of a table takes a reference on all below it, so everything below is copied, too."""
    import frames

    plan, is_shared = [], False
    for level, entry in tables.walk(fault.root, fault.address):
        if level == tables.LEAF:
            break
        if not entry:
            plan += [(tables.LEVELS[below], "insert") for below in range(level - 1, 0, -1)]
            break
        if entry & tables.WRITE and not is_shared:
            continue
        is_shared = is_shared or frames.refcount(tables.target(entry)) > 1
        plan.append((tables.LEVELS[level - 1], "copy" if is_shared else "reuse"))
    return plan, is_shared


def private_not_enough(fault, entry):
    import frames

    _, is_shared = path_plan(fault)
    row, pfn = "private, not enough, write", tables.target(entry)
    if entry & tables.FRESH:
        return Row("FAULT_REUSED", row, "the page is a copy that waits for its flush")
    if frames.kind(pfn) == "zero page":
        return Row("FAULT_ZERO_FILLED", row, "a frame of zeros in the place of the zero page")
    if frames.kind(pfn) != "anon":
        return Row("FAULT_COPIED", row, "the page belongs to a file, so it is copied")
    if is_shared or frames.refcount(pfn) > 1:
        return Row("FAULT_COPIED", row, "the page is shared, so it is copied")
    return Row("FAULT_REUSED", row, "this entry is the page's last owner, so it sets W")


def foresee(fault):
    """Returns the row of the table in kernel/vm/fault.c that the handler will take.

    Nothing is said of memory that runs out, of a device that a page waits for, and of other
    threads that change the same page."""
    region = fault.region
    if not region:
        region, why = stack_above(fault)
        if not region:
            return Row("FAULT_NOT_MAPPED", "no region", why)
    if not is_allowed(region, fault.access):
        return Row("FAULT_NOT_ALLOWED", "found, not allowed",
                   f"the region is {regions.rights(region)}, and the program {fault.deed()}")
    entry, is_mine = tables.leaf(tables.walk(fault.root, fault.address))
    if is_enough(entry, is_mine, fault.access):
        return Row("FAULT_SPURIOUS", "enough", "another thread was first, or a TLB is behind")
    if not entry:
        return (shared_absent if region["shared"] else private_absent)(fault, region)
    if fault.is_write() and not (entry & tables.WRITE and not path_plan(fault)[1]):
        if region["shared"]:
            return Row("FAULT_SHARED_DIRTIED", "shared, not enough, write", "the page gets dirty")
        return private_not_enough(fault, entry)
    return Row("FAULT_REUSED", "not enough", "the entry allows it; only its tables were not mine")


def plan_text(fault):
    """Returns what the handler does to the tables of the path; "" if it does nothing."""
    plan, _ = path_plan(fault)
    return ", ".join(f"{deed} the {level} table" for level, deed in plan)


def print_fault(fault, explain=False):
    """Prints a fault: sentence, error code, region, walk, and the row that will be taken."""
    print(fault.sentence())
    print(f"  cr2    {kernel.register('cr2'):#018x}")
    print(f"  addr   {fault.address:#018x}")
    print(f"  error  {fault.access:#x} [{fault.words()}]")
    print(f"  rip    {int(processes.saved_registers()['rip']):#018x}")
    print(f"  region {regions.text(fault.region) if fault.region else 'none'}")
    tables.print_walk(fault.root, fault.address, fault.region, explain)
    row = foresee(fault)
    if row.outcome not in ("FAULT_NOT_MAPPED", "FAULT_NOT_ALLOWED") and plan_text(fault):
        print(f"tables:  {plan_text(fault)}")
    print(f"row:     {row.row}")
    print(f"outcome: {row.outcome}, {row.why}")


class FaultCommand(Command):
    """fault: explains the page fault that is being handled

    Who does what, the error code in words, the region, the walk, and the row of the table in
    kernel/vm/fault.c that the handler will take. It is right as long as the handler has not begun
    to change tables: stop at fault_dispatch or vspace_fault."""

    name = "fault"

    def run(self):
        fault = current()
        if not fault:
            raise gdb.GdbError("no page fault is being handled: tbreak vspace_fault, then continue")
        print_fault(fault)


FaultCommand()
