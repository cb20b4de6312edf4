"""The scratch disks of the tests.

The programs /test/block_device and /test/bad_disk write to disks. They know a scratch disk by its
size, which no other image has, and the writable ones by their first bytes, too."""

import subprocess
from pathlib import Path

import machine

SECTOR = 512
MARK = b"scratch disk of Pagoda's tests\n"

# The sizes in sectors; test/user/disk.h has them too.
WRITABLE, SECOND, READ_ONLY, BAD, LATE, LARGE_BLOCKS = 32775, 32783, 2051, 2053, 2057, 32792
RECORDED, EXT2, SWITCHED, SWITCHED_BLOCKS = 16451, 32802, 34058, 16384
BAD_SECTOR, UNREADABLE_SECTOR = 1024, 256


def make(directory, name, sectors):
    """Makes a scratch image, and returns its path."""
    path = Path(directory) / f"{name}.img"
    with path.open("wb") as image:
        image.write(MARK)
        image.truncate(sectors * SECTOR)
    return path


def make_ext2(path, size, block=4096):
    """Makes an empty file system of `size` (as mke2fs takes it) in a file, which may be larger."""
    Path(path).touch()
    features = "^dir_index,^resize_inode,^ext_attr"
    command = ["/sbin/mke2fs", "-q", "-t", "ext2", "-O", features, "-b", str(block)]
    subprocess.run([*command, str(path), size], check=True)


def ext2_problem(path):
    """Returns what e2fsck finds in an image; "" if it is clean."""
    done = subprocess.run(["/sbin/e2fsck", "-fn", path], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    return done.stdout if done.returncode else ""


def writable(directory, name="scratch", sectors=WRITABLE, device=""):
    return machine.disk(make(directory, name, sectors), name, device=device)


def read_only(directory, device=""):
    return machine.disk(make(directory, "readonly", READ_ONLY), "readonly", ",readonly=on", device)


def ext2_image(directory):
    return Path(directory) / "ext2.img"


def ext2(directory, device=""):
    """Returns the arguments for a disk with an empty ext2."""
    image = ext2_image(directory)
    with image.open("wb") as file:
        file.truncate(EXT2 * SECTOR)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext2", "-b", "1024",
                    "-O", "^dir_index,^resize_inode,^ext_attr", image],
                   check=True)  # fmt: skip
    return machine.disk(image, "ext2", device=device)


def switched(directory):
    """Makes the image of a switched disk (user_disk.py), with an ext2 before the switches."""
    image = ext2_image(directory)
    with image.open("wb") as file:
        file.truncate(SWITCHED * SECTOR)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext2", "-b", "1024", "-O",
                    "^dir_index,^resize_inode,^ext_attr", image, str(SWITCHED_BLOCKS)],
                   check=True)  # fmt: skip
    return image


def bad(directory, device=""):
    """Returns the arguments for a disk with a bad sector, and one that can only be written."""
    path = make(directory, "bad", BAD)
    drive = ("if=none,id=bad,format=raw,file.driver=blkdebug,file.image.driver=file,"
             f"file.image.filename={path},file.inject-error.0.event=none,"
             f"file.inject-error.0.sector={BAD_SECTOR},file.inject-error.0.errno=5,"
             "file.inject-error.1.event=none,file.inject-error.1.iotype=read,"
             f"file.inject-error.1.sector={UNREADABLE_SECTOR},"
             "file.inject-error.1.errno=5")  # fmt: skip
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive=bad{device}"]


def late(directory, device=""):
    """Returns the arguments for a disk that carries out one request, and no other for an hour."""
    path = make(directory, "late", LATE)
    return machine.disk(path, "late", ",throttling.bps-total=1", device)
