"""What is sent, made by this file: the same shapes on every machine, bytes that do not compress."""
import contextlib
import os
import random
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from .machine import Unfit

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
# Everything that is sent was last changed then, long ago: nobody needs to fear that it changes while it is read.
MODIFIED = 1_700_000_000
SEED = 46710
# ext4 remembers the inodes that it freed last, and creating files walks past them: slow for minutes after a deletion.
DELETION_MEMORY_SECONDS = 600
STAMP = "sockeye-bench.deleted"


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    place: str                      # "memory" or "disk"; empty: nowhere
    make: Optional[Callable]        # makes the source at a path; None: nothing is sent
    room: int                       # bytes that one copy takes
    tree: bool = False
    ours_only: bool = False         # a limit of our own, not a race
    once: bool = False


def make(name, quick):
    size = 256 * MIB if quick else 2 * GIB
    count, many, files, amount = (2_000, 20_000, 4_000, 52 * MIB) if quick else (10_000, 100_000, 20_000, 260 * MIB)
    small = f"{count:,} files of 4 KiB"
    mixed = f"a mixed tree: {files:,} files, {amount // MIB} MiB, links, empty folders"
    table = [
        Work("file", f"one file of {size // MIB:,} MiB, incompressible", "memory", lambda p: one_file(p, size), size),
        Work("small-memory", small, "memory", lambda p: equal_files(p, count, 4 * KIB), count * 4 * KIB, tree=True),
        Work("small-disk", small, "disk", lambda p: equal_files(p, count, 4 * KIB), count * 4 * KIB, tree=True),
        Work("tree-memory", mixed, "memory", lambda p: mixed_tree(p, files, amount), 2 * amount, tree=True),
        Work("tree-disk", mixed, "disk", lambda p: mixed_tree(p, files, amount), 2 * amount, tree=True),
        Work("tiny", "one file of 4 KiB, start to end", "memory", lambda p: one_file(p, 4 * KIB), 4 * KIB),
        Work("many", f"{many:,} files of 1 KiB", "memory", lambda p: equal_files(p, many, KIB), many * 4 * KIB,
             tree=True, ours_only=True, once=True),
        Work("start-up", "`sockeye --version`", "", None, 0, ours_only=True, once=True),
    ]
    return next(entry for entry in table if entry.name == name)


NAMES = ("file", "small-memory", "small-disk", "tree-memory", "tree-disk", "tiny", "many", "start-up")


# ------------------------------------------------------------------ sources

def one_file(path, size):
    with open(path, "wb") as file:
        for start in range(0, size, 8 * MIB):
            file.write(os.urandom(min(8 * MIB, size - start)))
    os.utime(path, (MODIFIED, MODIFIED))


def warm_up(folder, size):
    """Touches as much memory as files of this size take, and gives it back. Returns the processor time of a plain write, in s a GiB."""
    path, block = folder / "warm", os.urandom(MIB // 4)
    for _ in range(2):
        before = time.process_time()
        try:
            with open(path, "wb", buffering=0) as file:
                for _ in range(-(-size // len(block))):
                    file.write(block)
            spent = time.process_time() - before
        finally:
            path.unlink()
    return spent / (size / GIB)


def equal_files(path, count, size, in_each=100):
    for number in range(count):
        folder = path / f"d{number // in_each:04}"
        if number % in_each == 0:
            folder.mkdir(parents=True)
        write(folder / f"f{number:06}", os.urandom(size), 0o644)


def mixed_tree(path, count, amount):
    """Sizes log-normal as in a source tree (median far below the mean), folders up to eight deep, a link for every
    hundred files, an empty folder for every three hundred, one file in twelve executable. All from one seed."""
    draw = random.Random(SEED)
    folders = [Path()]
    for number in range(count // 14):
        parent = draw.choice([folder for folder in folders[-200:] if len(folder.parts) < 8] or folders[:1])
        folders.append(parent / f"{draw.choice(WORDS)}-{number}")
    for folder in folders:
        (path / folder).mkdir(parents=True, exist_ok=True)
    sizes = [draw.lognormvariate(0, 1.6) for _ in range(count)]
    scale = amount / sum(sizes)
    files = []
    for number, size in enumerate(sizes):
        file = draw.choice(folders) / f"{draw.choice(WORDS)} {number}.{draw.choice(ENDINGS)}"
        write(path / file, draw.randbytes(int(size * scale)), 0o755 if draw.random() < 1 / 12 else 0o644)
        files.append(file)
    for number in range(count // 100):
        folder = draw.choice(folders)
        (path / folder / f"link-{number}").symlink_to(os.path.relpath(draw.choice(files), folder))
    for number in range(count // 300):
        (path / draw.choice(folders) / f"empty-{number}").mkdir()


def write(path, content, mode):
    path.write_bytes(content)
    path.chmod(mode)
    os.utime(path, (MODIFIED, MODIFIED))


WORDS = ("harbor", "tulip", "meadow", "größe", "naïve", "标题", "report", "main", "index", "a",
         "test_of_a_rather_long_name")
ENDINGS = ("rs", "txt", "png", "json", "o", "md", "tar.gz")


# ------------------------------------------------------------------ places

def scratch(stack, folder, place):
    """A folder of our own in a place; taken away when the stack unwinds, after the last measurement."""
    path = scratch_folder(folder, os.getpid())
    try:
        path.mkdir(mode=0o700)
    except OSError as error:
        raise Unfit(f"cannot make a folder for the {place} work: {error}; choose another with --{place}") from error
    stack.callback(remove, path, place == "disk")
    return path


def scratch_folder(folder, pid):
    return folder / f"sockeye-bench.{pid}"


def remove(path, leave_stamp):
    had_files = path.exists() and any(path.iterdir())
    subprocess.run(["rm", "-rf", path])
    if leave_stamp and had_files:
        with contextlib.suppress(OSError):
            (path.parent / STAMP).touch()


def notes_about(disk):
    """What an earlier run means for this one."""
    with contextlib.suppress(OSError):
        age = time.time() - (disk.parent / STAMP).stat().st_mtime
        if 0 <= age < DELETION_MEMORY_SECONDS:
            return [f"An earlier benchmark deleted its copies {age / 60:.0f} minutes before: creating files on disk "
                    "may still have been slow, for every tool alike."]
    return []


def fits(path, room):
    return shutil.disk_usage(path).free > room * 1.1 + 256 * MIB
