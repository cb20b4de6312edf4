"""The kernel in the stopped machine: its variables, types, lists and memory.

Names are looked up in the kernel alone, because a program whose symbols are loaded may have a
variable or a struct of the same name. Everything here only reads the machine. It works at any stop
in the kernel or in a program, because both map the kernel's half of the address space."""

import array

import gdb

PAGE = 4096
ADDRESS = 0x000FFFFFFFFFF000  # of an entry: PTE_ADDR
DIRECT_MAP = 0xFFFF800000000000
KERNEL_BASE = 0xFFFFFFFF80000000
USER_END = 0x00007FFFFFFFF000
LIST_MAX = 1 << 20  # a longer list is taken for a broken one


def objfile():
    """Returns gdb's object of the kernel's symbols."""
    name = gdb.current_progspace().filename
    if not name:
        raise gdb.GdbError("gdb knows no kernel: file build/pagoda.elf")
    return gdb.lookup_objfile(name)


def variable(name):
    """Returns the kernel's variable of this name, global or static."""
    kernel = objfile()
    symbol = kernel.lookup_global_symbol(name) or kernel.lookup_static_symbol(name)
    if not symbol:
        raise gdb.GdbError(f"this kernel has no variable {name}")
    return symbol.value()


def address(name):
    """Returns the address of the first instruction of a function."""
    kernel = objfile()
    symbol = kernel.lookup_global_symbol(name) or kernel.lookup_static_symbol(name)
    if not symbol:
        raise gdb.GdbError(f"this kernel has no function {name}")
    return unsigned(symbol.value().address)


def struct(name):
    """Returns the kernel's type `struct NAME`."""
    found = objfile().lookup_static_symbol(name, gdb.SYMBOL_STRUCT_DOMAIN)
    if not found:
        raise gdb.GdbError(f"this kernel has no struct {name}")
    return found.type


def enum(name, value):
    """Returns the constant's name of a value of `enum NAME`."""
    return str(gdb.Value(int(value)).cast(struct(name)))


def pointer(value, name):
    """Returns an address, or a pointer of another type, as a `struct NAME *`."""
    address = value if isinstance(value, gdb.Value) else gdb.Value(value)
    return address.cast(struct(name).pointer())


def container(value, name, field):
    """Returns the `struct NAME *` whose field this points to."""
    offset = next(each.bitpos // 8 for each in struct(name).fields() if each.name == field)
    return pointer(int(value) - offset, name)


def unsigned(value):
    return int(value) & (1 << 64) - 1


def register(name):
    return unsigned(gdb.parse_and_eval(f"${name}"))


def number(text):
    """Returns the value of an expression that a person has typed; of an array, its address."""
    try:
        value = gdb.parse_and_eval(text)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
            value = value.address
        return unsigned(value)
    except gdb.error as error:
        raise gdb.GdbError(str(error))


def read(address, size):
    """Returns bytes of the machine's memory."""
    return gdb.selected_inferior().read_memory(address, size).tobytes()


def read_physical(address, size):
    return read(DIRECT_MAP + address, size)


def words(address, count):
    """Returns `count` words of 8 bytes at a physical address."""
    return array.array("Q", read_physical(address, 8 * count))


def cpu_count():
    return int(variable("ncpus"))


def string(characters):
    """Returns the text in an array of characters, or at a pointer; "" for NULL."""
    if characters.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
        return characters.string(errors="replace") if characters else ""
    text = "".join(chr(int(characters[n]) & 255) for n in range(characters.type.sizeof))
    return text.partition("\0")[0]


def symbol(address):
    """Returns the name of the kernel's function or variable at an address, with an offset."""
    text = gdb.execute(f"info symbol {address:#x}", to_string=True)
    return text.partition(" in section")[0] if " in section" in text else f"{address:#x}"


# ---- Lists and trees of <sys/queue.h> and <sys/tree.h> ----


def follow(first, following):
    """Yields the items of a list. `following` returns the item behind another."""
    item, count = first, 0
    while item:
        yield item
        count += 1
        if count > LIST_MAX:
            raise gdb.GdbError("a list of the kernel has no end: it is broken, or being changed")
        item = following(item)


def tailq(head, name, link):
    """Yields the `struct NAME *` of a TAILQ whose links are the field `link`."""
    return follow(pointer(head["tqh_first"], name),
                  lambda item: pointer(item[link]["tqe_next"], name))


def linked(head, name, link):
    """Yields the `struct NAME *` of a LIST whose links are the field `link`."""
    return follow(pointer(head["lh_first"], name),
                  lambda item: pointer(item[link]["le_next"], name))


def tree(root, name, link, depth=0):
    """Yields the `struct NAME *` of a subtree in their order."""
    if depth > 128:
        raise gdb.GdbError("a tree of the kernel has no end: it is broken, or being changed")
    if root:
        node = pointer(root, name)
        yield from tree(node[link]["rbe_left"], name, link, depth + 1)
        yield node
        yield from tree(node[link]["rbe_right"], name, link, depth + 1)
