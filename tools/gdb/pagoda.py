"""gdb commands for Pagoda's memory:

    fault             the page fault that is being handled: address, error bits, region, walk
    vspace            the regions of the current process, its heap and its stack
    pagetable ADDR    the four entries of the walk of ADDR, and the frames that they point to
    frame-info PFN    the descriptor of one frame (`frame` is gdb's own command)

`make gdb` loads this file, attaches to `make qemu-gdb`, and stops at the first page fault. The
commands only read the machine. They work at any stop in the kernel or in a program, because both
map the kernel's half of the address space."""

import gdb

PAGE = 4096
LEVELS = {4: "root", 3: "level 3", 2: "level 2", 1: "leaf"}
PRESENT, WRITE, USER, ACCESSED, DIRTY, SHARED, NX = (1 << bit for bit in (0, 1, 2, 5, 6, 9, 63))
ADDRESS = 0x000FFFFFFFFFF000
DIRECT_MAP = 0xFFFF800000000000
USER_END = 0x00007FFFFFFFF000
LOWER_HALF_END = 0x0000800000000000
KINDS = ["reserved", "free", "free, cached", "anon", "table", "cache", "heap", "kstack", "kernel",
         "zero page"]
ACCESS_BITS = ["present", "write", "user", "reserved", "exec"]  # FAULT_ words, include/arch/trap.h


def evaluate(text):
    return int(gdb.parse_and_eval(text))


def argument_value(text):
    try:
        return evaluate(text)
    except gdb.error as error:
        raise gdb.GdbError(str(error))


def unsigned(value):
    return int(value) & (1 << 64) - 1


def pointer(address, type_name):
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer())


def read_u64(address):
    return int.from_bytes(gdb.selected_inferior().read_memory(address, 8).tobytes(), "little")


def in_kernel():
    return unsigned(evaluate("$rip")) >= 1 << 63


def this_cpu():
    """Returns the CPU's record: GS holds its address in the kernel, the other base in user mode."""
    base = unsigned(evaluate("$gs_base") if in_kernel() else evaluate("$k_gs_base"))
    if base < 1 << 63:
        raise gdb.GdbError("this CPU has no record yet: continue until cpu_init has run")
    return pointer(base, "struct cpu")


def this_thread():
    thread = this_cpu()["current"]
    if not thread:
        raise gdb.GdbError("no thread runs yet: continue to a later breakpoint")
    return thread


def this_process():
    task = this_thread()["task"]
    if not task:
        raise gdb.GdbError("a kernel thread runs, which has no process: continue to a page fault")
    return task.cast(gdb.lookup_type("struct task").pointer())["process"]


def this_vspace():
    vspace = this_process()["vspace"]
    if not vspace:
        raise gdb.GdbError("this process has ended, and has no vspace any more")
    return vspace


def regions(node):
    """Yields the regions of a subtree, in the order of their addresses."""
    if node:
        yield from regions(node["node"]["rbe_left"])
        yield node
        yield from regions(node["node"]["rbe_right"])


def region_text(region):
    prot = int(region["prot"])
    rights = "".join(letter if prot & 1 << bit else "-" for bit, letter in enumerate("rwx"))
    kind = str(region["kind"].cast(gdb.lookup_type("enum vregion_kind")))
    kind = kind.removeprefix("VREGION_").lower()
    source = "file" if region["pager"] else "anonymous"
    sharing = "shared" if region["shared"] else "private"
    place = f"{int(region['start']):#018x}-{int(region['end']):#018x}"
    return f"{place} {rights} {kind} {sharing} {source}"


def find_region(vspace, address):
    for region in regions(vspace["regions"]["rbh_root"]):
        if int(region["start"]) <= address < int(region["end"]):
            return region
    return None


def frame_of(entry):
    return (gdb.parse_and_eval("frames") + ((entry & ADDRESS) // PAGE)).dereference()


def frame_text(frame, pfn):
    count = int(frame["refcount"])
    references = "1 reference" if count == 1 else f"{count} references"
    return f"frame {pfn:#x}: {KINDS[int(frame['kind'])]}, {references}"


def entry_text(entry, level):
    if not entry:
        return "absent"
    bits = {PRESENT: "P", WRITE: "W", USER: "U", ACCESSED: "A", DIRTY: "D", SHARED: "shared",
            NX: "NX"}  # fmt: skip
    shown = " ".join(name for bit, name in bits.items() if entry & bit)
    pfn = (entry & ADDRESS) // PAGE
    known = pfn < evaluate("frame_count")
    return f"{entry:#018x} [{shown}] -> {frame_text(frame_of(entry), pfn) if known else 'no frame'}"


def walk(root, address):
    """Yields the entries of the walk of an address, from the root down, as (level, entry)."""
    table = root
    for level in (4, 3, 2, 1):
        index = address >> (12 + 9 * (level - 1)) & 511
        entry = read_u64(DIRECT_MAP + table + index * 8)
        yield level, entry
        if not entry & ADDRESS or (level < 4 and entry & 1 << 7):
            return
        table = entry & ADDRESS


def print_walk(address):
    if LOWER_HALF_END <= address < DIRECT_MAP:
        raise gdb.GdbError(f"{address:#x} is no address: bits 48 to 63 must equal bit 47")
    if address < USER_END:
        root = int(this_vspace()["pagetable"]["mmu"]["root"])
    else:
        root = evaluate("$cr3") & ADDRESS
    print(f"walk of {address:#x}:")
    writable = True
    for level, entry in walk(root, address):
        writable = writable and bool(entry & WRITE)
        print(f"  {LEVELS[level]:8} {entry_text(entry, level)}")
    alone = ": mine alone" if address < USER_END else ""
    print(f"  W is set all the way{alone}" if writable else "  not writable: W is clear on the way")


def trap_fault():
    """Returns address and access of the fault that a frame on the stack is handling, or None."""
    frame = gdb.newest_frame()
    while frame:
        if frame.name() in ("vspace_fault", "fault_dispatch"):
            try:
                return int(frame.read_var("addr")), int(frame.read_var("access"))
            except (ValueError, gdb.error):
                pass  # optimised out in this frame; its caller may have both
        frame = frame.older()
    return None


def saved_registers():
    """Returns the trapframe at the top of the kernel stack, with the registers of user mode."""
    top = int(this_thread()["stack_top"])
    return pointer(top, "struct trapframe") - 1


class Command(gdb.Command):
    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_DATA)


class FaultCommand(Command):
    """Shows the page fault that is being handled: CR2, error bits, region and walk."""

    def invoke(self, argument, from_tty):
        found = trap_fault()
        if not found:
            raise gdb.GdbError("no page fault is being handled: tbreak vspace_fault, then continue")
        address, access = found
        words = [name for bit, name in enumerate(ACCESS_BITS) if access & 1 << bit]
        process = this_process()
        print(f"page fault of pid {int(process['pid'])} {process['leader']['name'].string()}")
        print(f"  cr2    {unsigned(evaluate('$cr2')):#018x}")
        print(f"  addr   {address:#018x}")
        print(f"  error  {access:#x} [{' '.join(words)}]")
        print(f"  rip    {int(saved_registers()['rip']):#018x}")
        region = find_region(this_vspace(), address)
        print(f"  region {region_text(region) if region else 'none'}")
        print_walk(address)


class VspaceCommand(Command):
    """Shows the regions of the current process."""

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError("vspace takes no argument: it shows the current process")
        process, vspace = this_process(), this_vspace()
        account = vspace["account"]
        print(f"vspace of pid {int(process['pid'])} {process['leader']['name'].string()}:")
        for region in regions(vspace["regions"]["rbh_root"]):
            print(f"  {region_text(region)}")
        print(f"  heap {int(account['heap_start']):#x}, break {int(account['brk']):#x}, "
              f"mmap below {int(account['mmap_top']):#x}")


class PagetableCommand(Command):
    """Shows the four entries of the walk of an address: pagetable ADDR"""

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("pagetable needs an address: pagetable ADDR")
        print_walk(unsigned(argument_value(argument)))


class FrameCommand(Command):
    """Shows one frame's descriptor: frame-info PFN"""

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("frame-info needs the number of a frame: frame-info PFN")
        pfn = argument_value(argument)
        if not 0 <= pfn < evaluate("frame_count"):
            raise gdb.GdbError(f"PFN must be below {evaluate('frame_count'):#x}")
        print(frame_text(gdb.parse_and_eval(f"frames[{pfn}]"), pfn))


FaultCommand("fault")
VspaceCommand("vspace")
PagetableCommand("pagetable")
FrameCommand("frame-info")  # `frame` is gdb's own
