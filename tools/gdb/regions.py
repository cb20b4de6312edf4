"""Regions: what a vspace promises (include/vm/vregion.h)."""

import gdb
import kernel
import processes
from processes import ByProcess

STACK_GUARD = 256 * kernel.PAGE
RIGHTS = "rwx"


def each(vspace):
    """Yields the regions of a vspace, in the order of their addresses."""
    return kernel.tree(vspace["regions"]["rbh_root"], "vregion", "node")


def find(vspace, address):
    """Returns the region that holds an address; None if none does."""
    for region in each(vspace):
        if int(region["start"]) <= address < int(region["end"]):
            return region
    return None


def neighbours(vspace, address):
    """Returns the regions below and above an address that lies in none, or None for each."""
    below = above = None
    for region in each(vspace):
        if int(region["end"]) <= address:
            below = region
        elif not above:
            above = region
    return below, above


def rights(region):
    prot = int(region["prot"])
    return "".join(letter if prot & 1 << bit else "-" for bit, letter in enumerate(RIGHTS))


def kind(region):
    return kernel.enum("vregion_kind", region["kind"]).removeprefix("VREGION_").lower()


def path(vnode):
    """Returns the path of a vnode; "" if it has no name."""
    parts = []
    while vnode and len(parts) < 64:
        while vnode["covers"]:
            vnode = vnode["covers"]
        if not vnode["name"]:
            break
        parts.append(kernel.string(vnode["name"]))
        if not vnode["parent"]:
            return parts[0]  # a file without a place in the tree
        vnode = vnode["parent"]
    return "/" + "/".join(reversed(parts)) if parts else ""


def cache(region):
    """Returns the page cache that a region shows; None if it shows another object, or none."""
    if not region["pager"]:
        return None
    ops = kernel.symbol(int(region["pager"]["ops"]))
    return kernel.container(region["pager"], "pagecache", "pager") if "pagecache" in ops else None


def object_index(region, address):
    """Returns the number of the object's page that an address shows."""
    pages = (address - int(region["start"])) // kernel.PAGE
    return int(region["pager_page"]) + pages


def text(region):
    """Returns a region in one line: "0x... rw- stack private anonymous"."""
    source = "anonymous"
    if region["pager"]:
        pages = cache(region)
        source = ("file " + path(pages["vnode"])).strip() if pages else "object"
    sharing = "shared" if region["shared"] else "private"
    place = f"{int(region['start']):#018x}-{int(region['end']):#018x}"
    return f"{place} {rights(region)} {kind(region)} {sharing} {source}"


class VspaceCommand(ByProcess):
    """vspace [PID]: shows the regions of a process

    The regions stand in the order of their addresses, each with its rights, its kind and the source
    of its pages. Without PID, the process is the one that this CPU runs."""

    name = "vspace"
    most = 1

    def run(self, pid=None):
        process = processes.find(pid)
        vspace = processes.vspace_of(process)
        account = vspace["account"]
        print(f"vspace of {processes.title(process)}:")
        for region in each(vspace):
            print(f"  {text(region)}")
        print(f"  heap {int(account['heap_start']):#x}, break {int(account['brk']):#x}, "
              f"mmap below {int(account['mmap_top']) or kernel.USER_END:#x}")


VspaceCommand()
