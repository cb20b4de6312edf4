#!/usr/bin/env python3
"""Makes images of ext2, and runs the program ext2 on them:

    ext2.py PROGRAM test [SEED]        random operations; e2fsck must find nothing afterwards
    ext2.py PROGRAM fuzz SECONDS       damaged images
    ext2.py PROGRAM crash NUMBER       so many crashes of one run; e2fsck repairs the images

A line of TAP for each run."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ["PATH"] += ":/sbin:/usr/sbin"

PLAIN = ["-O", "^dir_index,^resize_inode,^ext_attr"]

# The features, block size and size of the images, and how many operations they are for.
IMAGES = [
    ([*PLAIN], 1024, "8M", 1500),
    ([*PLAIN], 2048, "8M", 1500),
    ([*PLAIN], 4096, "8M", 1500),
    ([], 1024, "8M", 1500),  # with what mke2fs chooses
    ([*PLAIN], 1024, "1M", 4000),  # soon full
    (["-O", "none", "-I", "128"], 1024, "8M", 1000),
    (["-r", "0", "-O", "none"], 1024, "8M", 1000),
    (["-g", "1024"], 1024, "20M", 3000),  # many groups
]


def fill(directory):
    """Makes the files with which an image begins."""
    (directory / "lib").mkdir(parents=True)
    (directory / "a").write_text("a\n" * 1000)
    (directory / "lib/b").write_bytes(bytes(range(256)) * 1000)
    (directory / "e").symlink_to("a")
    (directory / "f").symlink_to("long" * 40)
    for n in range(100):
        (directory / "lib" / f"a-file-with-a-long-name-{n}").write_text(str(n) * n)
    with (directory / "holes").open("wb") as file:
        for offset in [300_000, 5_000_000, 70_000_000]:
            file.seek(offset)
            file.write(b"b" * 5000)


def make_image(image, directory, features, block_size, size):
    """Free blocks have other bytes than zeros, which no file may show."""
    image.write_bytes(b"\xa5" * (int(size[:-1]) << 20))
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext2", *features, "-b", str(block_size),
                    "-E", "nodiscard", "-d", directory, image, size],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    (directory / "lost+found").mkdir(0o700)


def run(program, options, image, directory):
    """Returns true if the program succeeds, and e2fsck finds nothing in what it leaves behind."""
    name = " ".join(options)
    if subprocess.run([program, *options, image, directory], check=False).returncode:
        print(f"not ok - ext2 {name} on {image.name}")
        return False
    found = subprocess.run(["e2fsck", "-fn", f"{image}.after"], check=False, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    if found.returncode:
        print(f"not ok - e2fsck of {image.name} after ext2 {name}")
        print("#", found.stdout.replace("\n", "\n# "))
    return found.returncode == 0


def test(program, top, seed):
    failed = 0
    for n, (features, block_size, size, operations) in enumerate(IMAGES):
        for failing in [[], ["-f"]]:
            directory = top / f"files-{n}{len(failing)}"
            image = top / f"image-{n}{len(failing)}"
            fill(directory)
            make_image(image, directory, features, block_size, size)
            options = ["-s", str(seed + n), "-n", str(operations), *failing]
            failed += not run(program, options, image, directory)
            shutil.rmtree(directory)
            image.unlink()
    return failed + crash(program, top, 12, seed)


def is_crash_ok(program, image):
    """Repairs an image, and checks that it has what it must have."""
    repaired = subprocess.run(["e2fsck", "-fy", image], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    if repaired.returncode > 2:
        print(f"not ok - e2fsck of {image.name}")
        print("#", repaired.stdout.replace("\n", "\n# "))
        return False
    facts = image.with_suffix(".facts")
    if subprocess.run([program, "-k", image, facts], check=False).returncode == 0:
        return True
    print(f"not ok - {image.name} has lost something")
    print("#", repaired.stdout.replace("\n", "\n# "))
    return False


def crash(program, top, number, seed=1):
    failed = 0
    for block_size in [1024, 4096]:
        directory, image = top / f"files-{block_size}", top / f"image-{block_size}"
        directory.mkdir()
        make_image(image, directory, PLAIN, block_size, "4M")
        subprocess.run([program, "-s", str(seed), "-c", str(number), image, top / "c"],
                       check=True)  # fmt: skip
        lost = [one for one in sorted(top.glob("*.crash")) if not is_crash_ok(program, one)]
        print(f"{'not ok' if lost else 'ok'} - ext2: {number} crashes, "
              f"blocks of {block_size}, seed {seed}")  # fmt: skip
        failed += bool(lost)
        for one in [*top.glob("*.crash"), *top.glob("*.facts")]:
            one.unlink()
    return failed


def fuzz(program, top, seconds):
    failed = 0
    for block_size in [1024, 4096]:
        directory = top / f"files-{block_size}"
        image = top / f"image-{block_size}"
        fill(directory)
        make_image(image, directory, ["-O", "^resize_inode"], block_size, "2M")
        failed += subprocess.run([program, "-s", str(os.getpid() << 20), "-z",
                                  str(max(1, seconds // 2)), image],
                                 check=False).returncode  # fmt: skip
    return failed


MODES = {"test": test, "fuzz": fuzz, "crash": crash}


def main():
    program, mode, *rest = sys.argv[1:]
    number = int(rest[0]) if rest else 1
    with tempfile.TemporaryDirectory() as top:
        failed = MODES[mode](Path(program).resolve(), Path(top), number)
    sys.exit(1 if failed else 0)


main()
