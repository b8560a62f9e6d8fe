"""Rounds: each tool once per round, in another order each time, every copy compared."""
import itertools
import os
import random
import shutil
import statistics
import subprocess
import time

from . import machine, work as works

# Below this share of the machine a run counts as disturbed.
QUIET = 0.75
START_UPS = 40

_numbers = itertools.count()


def rounds(work, peers, scratch, options, notes):
    """Yields a row for each run."""
    if work.ours_only:
        peers = [peer for peer in peers if peer.name == "sockeye"]
    if not peers:
        return
    if work.make is None:
        yield start_up(work, peers[0].binary)
        return
    place = scratch[work.place]
    repetitions = 1 if work.once else options.reps
    copies = repetitions * len(peers) if work.place == "disk" else 1
    if not works.fits(place, work.room * (copies + 1)):
        notes.append(f"**Not measured**: {work.title} ({work.place}); there is too little room.")
        return
    source = place / f"source.{work.name}" / "data"
    source.parent.mkdir()
    work.make(source)
    os.sync()
    if not options.quick:
        # The first to touch fresh memory pays for it; nobody is to pay in a run that counts.
        one(work, peers[0], source, place, options)
    for number in range(repetitions):
        # Whoever ran before leaves its mark on caches and memory: nobody is to follow the same one each time.
        for peer in random.Random(f"{works.SEED} {work.name} {number}").sample(peers, len(peers)):
            yield {"work": work.name, "title": work.title, "place": work.place, "round": number, "tool": peer.name,
                   **one(work, peer, source, place, options)}
    if work.place == "memory":
        shutil.rmtree(source.parent)


def one(work, peer, source, place, options):
    """One run, and what became of the copy."""
    from .tools import Job
    job = Job(source, place / f"copy.{next(_numbers)}", options.timeout)
    job.target.mkdir()
    if work.place == "disk":
        os.sync()
    before = machine.wait_for_quiet(options.patience)
    try:
        row = peer.run(job)
        row["right"] = same(job.source, job.copy, peer.follows_links)
        if not row["right"]:
            row["error"] = "the copy differs"
    except (RuntimeError, OSError) as error:
        row = {"seconds": None, "right": False, "error": str(error).strip()}
    row["quiet"] = round(min(before, machine.share_available()), 2)
    if work.place == "memory":
        # On disk nothing is deleted before the last run: bench/README.md.
        shutil.rmtree(job.target)
    return row


def same(source, copy, follow_links):
    if not source.is_dir():
        return subprocess.run(["cmp", "--silent", source, copy]).returncode == 0
    words = [] if follow_links else ["--no-dereference"]
    return subprocess.run(["diff", "-rq", *words, source, copy], stdout=subprocess.DEVNULL).returncode == 0


def start_up(work, binary):
    """From the start of a process to its end, median of many."""
    def spawn(command):
        start = time.perf_counter()
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        _, status = os.waitpid(pid, 0)
        return time.perf_counter() - start, status == 0

    runs = [spawn([str(binary), "--version"]) for _ in range(START_UPS)]
    floor = statistics.median(spawn(["true"])[0] for _ in range(START_UPS))
    return {"work": work.name, "title": work.title, "place": work.place, "round": 0, "tool": "sockeye",
            "seconds": statistics.median(seconds for seconds, _ in runs), "floor": floor,
            "right": all(right for _, right in runs), "quiet": round(machine.share_available(), 2)}


def line(row):
    """One run for the terminal."""
    head = f"{row['work']:<13} {row['round'] + 1:>2} {row['tool']:<10}"
    if not row["right"]:
        return f"{head} WRONG: {row['error'] if 'error' in row else 'it failed'}"
    text = f"{head} {row['seconds']:8.3f} s"
    if "cpu_sender" in row:
        text += (f"  cpu {row['cpu_sender'] + row['cpu_receiver']:7.3f} s"
                 f"  peak {row['peak_sender'] / works.MIB:5.0f} / {row['peak_receiver'] / works.MIB:.0f} MiB")
    return text + ("" if row["quiet"] >= QUIET else f"  (disturbed: {row['quiet']:.0%} of the machine)")
