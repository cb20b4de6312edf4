"""Disks that a test carries out itself: the backend of QEMU's vhost-user-blk, in a thread.

    LyingDisk       answers a request for a sector at or behind TRIGGER with a lie
    SwitchedDisk    holds or fails requests, as the program in the machine asks

The messages between QEMU and the backend are those of QEMU's docs/interop/vhost-user.rst; the queue
is that of virtio 1.2, 2.7."""

import array
import mmap
import os
import selectors
import socket
import struct
import threading

SECTOR = 512

# test/user/disk.h has these numbers, too.
LYING, HELD, TRIGGER = 2063, 512, 1024
SWITCHED, CONTROL, STEP = 34058, 32768, 8
MODES = WORK, FAIL, HOLD, HOLD_WRITE = range(4)

# The kinds of requests, and the statuses.
READ, WRITE, FLUSH = 0, 1, 4
DONE, FAILED = 0, 1

# Messages of vhost-user that matter here, and the bits of features.
GET_FEATURES, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, GET_VRING_BASE = 1, 5, 8, 9, 11
SET_VRING_KICK, SET_VRING_CALL = 12, 13
GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_CONFIG = 15, 17, 24
VERSION_1, PROTOCOL_FEATURES, HAS_CONFIG = 1 << 32, 1 << 30, 1 << 9
HAS_BLOCK_SIZE, HAS_FLUSH = 1 << 6, 1 << 9
IS_REPLY, VERSION = 4, 1
NO_FILE = 1 << 8
MAX_FILES = 8

NEXT = 1  # a flag of a descriptor

# What the disk says has been carried out, as (head, written bytes, step of the index); the number
# of descriptors, the true head and the true length are given.
LIES = {
    "a chain that cannot be": lambda size, head, length: (size + 5, length, 1),
    "a chain that was not given": lambda size, head, length: ((head + size // 2) % size, length, 1),
    "more bytes than there is room for": lambda size, head, length: (head, 1 << 31, 1),
    "more chains than were given": lambda size, head, length: (head, length, 100),
}


class UserDisk:
    """What the disks have in common. A subclass carries requests out."""

    def __init__(self, path, sectors, features=0, block_size=SECTOR):
        self.sectors, self.features, self.block_size = sectors, features, block_size
        self.regions, self.rings, self.size, self.base = [], None, 0, 0
        self.kick = self.call = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    @staticmethod
    def arguments(path, memory):
        """Returns QEMU's arguments for a machine with this disk, and so much memory."""
        return ["-object", f"memory-backend-memfd,id=memory,size={memory},share=on",
                "-machine", "memory-backend=memory", "-chardev", f"socket,id=liar,path={path}",
                "-device", "vhost-user-blk-pci,chardev=liar,num-queues=1"]  # fmt: skip

    def serve(self):
        link, _ = self.listener.accept()
        with link, selectors.DefaultSelector() as selector:
            selector.register(link, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is not link:
                        self.kicked()
                    elif not self.message(link, selector):
                        return

    # ---- Messages ----

    def message(self, link, selector):
        """Handles one message. Returns false when QEMU has gone."""
        head, ancillary, _, _ = link.recvmsg(12, socket.CMSG_SPACE(MAX_FILES * 4))
        if len(head) < 12:
            return False
        request, _, size = struct.unpack("<III", head)
        body = link.recv(size, socket.MSG_WAITALL) if size else b""
        files = array.array("i")
        for _, _, data in ancillary:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
        answer = self.answer(request, body, list(files), selector)
        if answer is not None:
            link.sendall(struct.pack("<III", request, VERSION | IS_REPLY, len(answer)) + answer)
        return True

    def answer(self, request, body, files, selector):
        if request == GET_FEATURES:
            return struct.pack("<Q", VERSION_1 | PROTOCOL_FEATURES | HAS_BLOCK_SIZE | self.features)
        if request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", HAS_CONFIG)
        if request == GET_QUEUE_NUM:
            return struct.pack("<Q", 1)
        if request == GET_CONFIG:
            config = struct.pack("<QIIHBBI", self.sectors, 0, 0, 0, 0, 0, self.block_size)
            return body[:12] + config.ljust(len(body) - 12, b"\0")[: len(body) - 12]
        if request == GET_VRING_BASE:
            if self.kick is not None:
                selector.unregister(self.kick)
                self.kick = None
            return struct.pack("<II", 0, self.base)
        if request == SET_MEM_TABLE:
            self.map_memory(body, files)
        elif request == SET_VRING_NUM:
            self.size = struct.unpack("<II", body)[1]
        elif request == SET_VRING_ADDR:
            self.rings, self.base = struct.unpack("<IIQQQQ", body)[2:5], 0
        elif request == SET_VRING_CALL and files:
            self.call = files[0]
        elif request == SET_VRING_KICK and files:
            self.kick = files[0]
            selector.register(self.kick, selectors.EVENT_READ)
        return None

    def map_memory(self, body, files):
        self.regions = []
        for n, file in enumerate(files):
            physical, size, user, offset = struct.unpack_from("<QQQQ", body, 8 + 32 * n)
            self.regions.append((physical, user, offset, size, mmap.mmap(file, offset + size)))

    # ---- The queue ----

    def find(self, address, is_physical):
        """Returns the mapping in which an address is, and where."""
        for physical, user, offset, size, memory in self.regions:
            start = physical if is_physical else user
            if start <= address < start + size:
                return memory, offset + address - start
        raise ValueError(f"no memory at {address:#x}")

    def read(self, address, form, is_physical=False):
        memory, at = self.find(address, is_physical)
        return struct.unpack_from(form, memory, at)

    def write(self, address, form, *values, is_physical=False):
        memory, at = self.find(address, is_physical)
        struct.pack_into(form, memory, at, *values)

    def kicked(self):
        os.read(self.kick, 8)
        _, _, available = self.rings
        while self.base != self.read(available + 2, "<H")[0]:
            (head,) = self.read(available + 4 + self.base % self.size * 2, "<H")
            self.base = (self.base + 1) % 65536
            self.carry_out(head)

    def chain(self, head):
        """Returns the (address, length) of the pieces of a chain."""
        pieces, flags = [], NEXT
        while flags & NEXT:
            address, length, flags, following = self.read(self.rings[0] + 16 * head, "<QIHH")
            pieces.append((address, length))
            head = following
        return pieces

    def carry_out(self, head):
        raise NotImplementedError

    def request(self, pieces):
        """Returns the kind of a request, and its first sector."""
        kind, _, sector = self.read(pieces[0][0], "<IIQ", is_physical=True)
        return kind, sector

    def answer_request(self, head, pieces, status, written=0, step=1):
        """Says that a request has been carried out, and has `written` so many bytes."""
        self.write(pieces[-1][0], "B", status, is_physical=True)
        self.use(head, written + 1, step)

    def use(self, head, length, step):
        used = self.rings[1]
        (index,) = self.read(used + 2, "<H")
        self.write(used + 4 + index % self.size * 8, "<II", head, length)
        self.write(used + 2, "<H", (index + step) % 65536)
        os.write(self.call, struct.pack("<Q", 1))


class LyingDisk(UserDisk):
    """A disk full of zeros. It answers a request for a sector

    below HELD       truthfully
    below TRIGGER    never
    from there on    with a lie
    """

    def __init__(self, path, lie=None, block_size=SECTOR):
        self.lie = lie
        super().__init__(path, LYING, block_size=block_size)

    def carry_out(self, head):
        pieces = self.chain(head)
        kind, sector = self.request(pieces)
        if HELD <= sector < TRIGGER:
            return
        length = 1
        for address, size in pieces[1:-1]:
            if kind == READ:
                self.write(address, f"{size}s", b"", is_physical=True)
                length += size
        self.write(pieces[-1][0], "B", DONE, is_physical=True)
        step = 1
        if sector >= TRIGGER:
            head, length, step = LIES[self.lie](self.size, head, length)
        self.use(head, length, step)


class SwitchedDisk(UserDisk):
    """A disk with the contents of a file, and modes. A read of sector CONTROL + n * STEP sets
    the mode n % len(MODES):

    WORK          it carries out what it has held, and then all requests at once
    FAIL          it fails all writes and flushes
    HOLD          it holds all requests
    HOLD_WRITE    it holds the next write, and no other request

    It takes the contents of a write when it gets it, so a write that is held may be old.
    """

    def __init__(self, path, image):
        with open(image, "r+b") as file:
            self.image = mmap.mmap(file.fileno(), SWITCHED * SECTOR)
        self.mode, self.held = WORK, []
        super().__init__(path, SWITCHED, HAS_FLUSH)

    def carry_out(self, head):
        pieces = self.chain(head)
        kind, sector = self.request(pieces)
        data = b""
        if kind == WRITE:
            data = b"".join(self.read(address, f"{size}s", is_physical=True)[0]
                            for address, size in pieces[1:-1])  # fmt: skip
        held = (head, pieces, kind, sector, data)
        if kind == READ and sector >= CONTROL:
            self.switch((sector - CONTROL) // STEP % len(MODES))
            self.finish(*held)
        elif self.mode == HOLD or (self.mode == HOLD_WRITE and kind == WRITE):
            self.held.append(held)
            self.mode = WORK if self.mode == HOLD_WRITE else HOLD
        elif self.mode == FAIL and kind != READ:
            self.answer_request(head, pieces, FAILED)
        else:
            self.finish(*held)

    def switch(self, mode):
        self.mode = mode
        if mode == WORK:
            held, self.held = self.held, []
            for request in held:
                self.finish(*request)

    def finish(self, head, pieces, kind, sector, data):
        at = sector * SECTOR
        if kind == WRITE:
            self.image[at : at + len(data)] = data
        written = 0
        for address, size in pieces[1:-1] if kind == READ else []:
            self.write(address, f"{size}s", self.image[at : at + size], is_physical=True)
            at, written = at + size, written + size
        self.answer_request(head, pieces, DONE, written)
