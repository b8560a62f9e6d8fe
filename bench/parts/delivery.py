"""The tools for one to many: how each starts its ends, and one clock for all of them.

The clock has two starts: that of the sender, and the first data. First data is what `sockeye` says it is; of the others,
which do not say, it is the moment when more than a greeting has left the sender's interface. It ends with the last copy.
"""
import contextlib
import hashlib
import os
import re
import select
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from . import work
from .cells import Cell
from .laboratory import Laboratory
from .machine import output
from .process import End, wait_for_listener

#: Share of the link at which tools without a control of their own are told to send; headers need some more.
PACE = 0.94
#: Room for datagrams that the tools ask the kernel for.
BUFFER = 4 << 20
#: More than all greetings, less than a slice of data.
FIRST_DATA = 64 << 10
#: When so much of the file has left the sender, the receiver that is to die dies.
KILL_SHARE = 0.4
READY_SECONDS = 0.5
CODE_SECONDS = 10.0
#: Once the sender has ended, receivers have so long; once it has failed as well.
GRACE_SECONDS = 5.0
QUICK_LOOK, SLOW_LOOK = 0.005, 0.1


@dataclass
class Job:
    """One run."""
    lab: Laboratory
    source: Path
    target: Path            # each receiver's copy appears in a folder of its own below
    timeout: float
    started: float = 0.0
    first: float = 0.0      # first data
    base: int = 0           # what the sender's interface had sent before
    senders: list = field(default_factory=list)
    receivers: list = field(default_factory=list)

    @property
    def cell(self) -> Cell:
        return self.lab.cell

    @property
    def numbers(self):
        return range(1, self.cell.receivers + 1)

    def folder(self, number):
        return self.target / str(number)

    def copy(self, number):
        return self.folder(number) / self.source.name

    def killed(self, number):
        return self.cell.kill and number == self.cell.receivers


class Tool:
    """Receivers that wait and a sender that comes when all are there. Unless told otherwise a receiver ends with its copy."""

    name = ""
    encrypted = False
    multicast = True
    service = False             # receivers stay: the sender's end is the end
    version = ()                # a command that prints a version

    def __init__(self, binary, flood):
        self.binary, self.flood = binary, flood

    def versions(self):
        words = [line for line in output(*self.version).splitlines() if re.search(r"\d\.\d|^\d{8}", line)]
        yield f"{self.name} {re.search(r'[0-9][0-9.]+', words[0]).group(0)}" if words else self.name

    def fits(self, cell):
        """Why a cell is not for this tool, or nothing."""

    def least_seconds(self, cell):
        return cell.floor

    def receiver(self, job, number):
        raise NotImplementedError

    def sender(self, job):
        raise NotImplementedError

    # -------------------------------------------------------------- one run

    def run(self, job):
        """Returns what was measured; which copies are right is for the caller to see."""
        idle = []
        try:
            self.start_receivers(job)
            idle = [end.cpu_seconds() for end in job.receivers]
            before = job.lab.wire_bytes()
            job.base, job.started = job.lab.sent_bytes(), time.monotonic()
            self.start_sender(job)
            in_time = follow(job, job.senders if self.service else job.senders + job.receivers)
            wire = job.lab.wire_bytes() - before
            said = "\n".join(text for end in job.senders + job.receivers if (text := self.said(end).strip()))
            status = job.senders[0].process.poll()
        finally:
            used = [end.stop()[0] for end in job.senders + job.receivers]
        used_by_receivers = [cpu - resting for cpu, resting in zip(used[len(job.senders):], idle or [0.0] * len(used))]
        first = self.first_data(job) or job.started
        ended = [self.ended(job, number) for number in job.numbers]
        return {"begun": first - job.started, "ended": [at and at - first for at in ended],
                "wire": wire / job.cell.size, "cpu_sender": sum(used[:len(job.senders)]),
                "cpu_receivers": used_by_receivers, "in_time": in_time, "status": status, "said": said}

    def start_receivers(self, job):
        for number in job.numbers:
            job.receivers.append(job.lab.start(number, self.receiver(job, number)))
        time.sleep(READY_SECONDS)

    def start_sender(self, job):
        job.senders.append(job.lab.start("sender", self.sender(job)))

    def first_data(self, job):
        return job.first

    def ended(self, job, number):
        """When a receiver had its copy, if it did."""
        end = job.senders[0] if self.service else job.receivers[number - 1]
        return end.ended if end.ended and end.process.returncode == 0 else None

    def said(self, end):
        return end.said()


def follow(job, ends):
    """Waits until these have ended, and notes when each did; notes first data; kills whom the cell wants dead. False when
    the time is over. Once the sender has ended, the others have a little time only: some tools forget receivers."""
    poll, left = select.poll(), {end.handle: end for end in ends}
    for handle in left:
        poll.register(handle, select.POLLIN)
    deadline = job.started + job.timeout
    doomed = job.receivers[-1] if job.cell.kill else None
    while left:
        look = SLOW_LOOK if job.first and not doomed else QUICK_LOOK
        ready = poll.poll(look * 1000)
        now = time.monotonic()
        sent = job.lab.sent_bytes() - job.base
        if not job.first and sent > FIRST_DATA:
            job.first = now
        if doomed and sent > KILL_SHARE * job.cell.size:
            doomed.kill()
            doomed = None
        for handle, _ in ready:
            poll.unregister(handle)
            end = left.pop(handle)
            end.ended = now
            end.process.wait()
            if end is job.senders[0]:
                deadline = min(deadline, now + GRACE_SECONDS)
        if now > deadline:
            return False
    return True


# ------------------------------------------------------------------ peers

class Udpcast(Tool):
    name = "udpcast"
    version = ("dpkg-query", "-W", "-f", "${Version}\n", "udpcast")
    common = ("--interface", "eth0", "--portbase", "9000", "--nokbd", "--no-progress", "--start-timeout", "60")

    def receiver(self, job, number):
        return ["udp-receiver", *self.common, "--receive-timeout", "60", "--rcvbuf", BUFFER, "--file", job.copy(number)]

    def sender(self, job):
        # Without the first it takes a single receiver for a reason to leave multicast; without the second it fails at random
        # under loss; the third lets it give up a dead receiver after half a minute instead of three.
        options = ["--nopointopoint"]
        options += ["--rexmit-hello-interval", "200", "--min-wait", "2"] if job.cell.loss else []
        options += ["--retries-until-drop", "30"] if job.cell.kill else []
        return ["udp-sender", *self.common, "--min-receivers", job.cell.receivers, "--max-wait", "30", *options,
                "--file", job.source]


class Uftp(Tool):
    """A daemon at each receiver. The group is closed, so that it begins when all are there; its first estimate of the round
    trip is a twentieth of a second and not half of one, which would make every start slow."""
    name = "uftp"
    service = True
    version = ("dpkg-query", "-W", "-f", "${Version}\n", "uftp")

    def identity(self, number):
        return f"0x{0x0A4D0000 + number:08X}"

    def receiver(self, job, number):
        return ["uftpd", "-d", "-I", "eth0", "-D", job.folder(number), "-U", self.identity(number), "-B", BUFFER]

    def sender(self, job):
        group = ",".join(self.identity(number) for number in job.numbers)
        return ["uftp", "-I", "eth0", "-B", BUFFER, "-b", "1400", "-r", "0.05:0.01:2", "-H", group,
                "-R", round(job.cell.rate * PACE / 1000), job.source]

    def ended(self, job, number):
        # It ends well with some copies missing: the comparison of copies tells which.
        return None if job.killed(number) else job.senders[0].ended


class Ncat(Tool):
    """As many copies over TCP, all at once: what one does without multicast."""
    name = "ncat"
    multicast = False
    version = ("ncat", "--version")
    PORT = 5000

    def least_seconds(self, cell):
        return cell.floor * cell.receivers

    def receiver(self, job, number):
        return ["sh", "-c", f"exec ncat -n -l {self.PORT} --recv-only >\"$1\"", "sh", job.copy(number)]

    def start_receivers(self, job):
        super().start_receivers(job)
        for end in job.receivers:
            wait_for_listener(self.PORT, end, network=f"/proc/{end.process.pid}/net")

    def sender(self, job):
        script = 'file=$1; shift; for host; do ncat -n --send-only "$host" ' + str(self.PORT) + ' <"$file" & done; wait'
        return ["sh", "-c", script, "sh", job.source, *map(job.lab.address, job.numbers)]


class Flood(Tool):
    """Datagrams as fast as they go, with no more care than counting: what this machine and its kernel allow. It sends as
    much as the file has; what counts are the datagrams that every receiver got."""
    name = "raw flood"
    GROUP = "239.77.0.1:7700"
    BYTES = 1472

    def fits(self, cell):
        return None if cell.megabits >= 1000 and cell.lossless else "where the link is the limit it says nothing"

    def versions(self):
        return ()

    def count(self, cell):
        return cell.size // self.BYTES

    def receiver(self, job, number):
        mode = ["merged"] if job.cell.offloads else []
        return [self.flood, "receive", self.GROUP, job.lab.address(number), self.BYTES, self.count(job.cell),
                job.copy(number), *mode]

    def sender(self, job):
        mode = ["merged"] if job.cell.offloads else []
        return [self.flood, "send", self.GROUP, self.BYTES, self.count(job.cell), *mode]

    def run(self, job):
        row = super().run(job)
        maps = [job.copy(number).read_bytes() for number in job.numbers if job.copy(number).exists()]
        if len(maps) < job.cell.receivers or row["status"] != 0:
            raise RuntimeError(f"the flood failed: {row['said']}")
        common = int.from_bytes(maps[0], "little")
        for one in maps[1:]:
            common &= int.from_bytes(one, "little")
        seconds = job.senders[0].ended - (job.first or job.started)
        goodput = bin(common).count("1") * self.BYTES * 8 / seconds
        row.update(efficiency=goodput / job.cell.rate, seconds=seconds, arrived=bin(common).count("1") / self.count(job.cell))
        return row


# ------------------------------------------------------------------ sockeye

class Sockeye(Tool):
    """Strangers with homes of their own: the sender prints a code, each receiver is given it."""
    name = "sockeye"
    encrypted = True

    def __init__(self, binary, flood):
        super().__init__(binary, flood)
        self.events = {}

    def versions(self):
        yield output(str(self.binary), "--version")

    def start_receivers(self, job):
        self.events = {}

    def start_sender(self, job):
        size = ["--receivers", job.cell.receivers]
        sender = self._start(job, "sender", "send", "--many", job.source, *size, "--json", "--words", "2")
        job.senders.append(sender)
        code = self.events[sender].code(CODE_SECONDS)
        if not code:
            raise RuntimeError(f"no code was printed: {self.said(sender).strip()[-500:]}")
        for number in job.numbers:
            words = ["receive", f"{code}@{job.lab.sender_address}", "-y", "-o", job.folder(number), "--json"]
            job.receivers.append(self._start(job, number, *words))

    def _start(self, job, host, *words):
        home = job.target / f"home.{host}"
        home.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SOCKEYE_"))}
        read, write = os.pipe()
        own = {"HOME": str(home), "SOCKEYE_HOME": str(home / "sockeye")}
        end = job.lab.start(host, [self.binary, *words], {**kept, **own}, write)
        os.close(write)
        self.events[end] = Events(read)
        return end

    def first_data(self, job):
        return self.events[job.senders[0]].seen.get("delivery_started") or job.first

    def ended(self, job, number):
        end = job.receivers[number - 1]
        return self.events[end].seen.get("done") if end.process.returncode == 0 else None

    def said(self, end):
        return self.events[end].text()


class Events:
    """What sockeye says in JSON, one event a line; when each kind came first."""

    KIND = re.compile(r'"ev":"([a-z_]+)"')
    CODE = re.compile(r'"code":"([^"]+)"')
    KEPT = 20

    def __init__(self, handle):
        self.seen, self.lines, self.found = {}, [], None
        self.changed = threading.Condition()
        threading.Thread(target=self._read, args=(handle,), daemon=True).start()

    def _read(self, handle):
        with open(handle, "rb") as stream:
            for raw in stream:
                now, line = time.monotonic(), raw.decode(errors="replace").strip()
                kind = self.KIND.search(line)
                with self.changed:
                    if kind:
                        self.seen.setdefault(kind.group(1), now)
                    if kind and kind.group(1) == "code" and not self.found:
                        self.found = self.CODE.search(line).group(1)
                    if not kind or kind.group(1) in ("error", "failed"):
                        self.lines = [*self.lines, line][-self.KEPT:]
                    self.changed.notify_all()
            with self.changed:
                self.seen.setdefault("", time.monotonic())
                self.changed.notify_all()

    def code(self, timeout):
        with self.changed:
            self.changed.wait_for(lambda: self.found or "" in self.seen, timeout)
            return self.found

    def text(self):
        with self.changed:
            return "\n".join(self.lines)


# ------------------------------------------------------------------ all of them

TOOLS = {"sockeye": Sockeye, "udpcast": Udpcast, "uftp": Uftp, "ncat": Ncat, "flood": Flood}
NAMES = tuple(TOOLS)


def make(name, binary, flood):
    return TOOLS[name](binary, flood)


def digest(path):
    """SHA-256 of a file, or nothing where there is none."""
    state, room = hashlib.sha256(), memoryview(bytearray(1 << 20))
    with contextlib.suppress(FileNotFoundError), open(path, "rb", buffering=0) as file:
        while count := file.readinto(room):
            state.update(room[:count])
        return state.digest()


def one(tool, lab, source, expected, target, timeout):
    """One run of a tool in a laboratory, its copies compared and taken away again."""
    job = Job(lab, source, target, timeout)
    for number in job.numbers:
        job.folder(number).mkdir(parents=True)
    try:
        plain_write = work.warm_up(target, lab.cell.size * lab.cell.receivers)
        row = {**tool.run(job), "plain_write": plain_write}
        if tool.name == "raw flood":
            return {**row, "right": True, "ok": None}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            right = [got == expected for got in pool.map(digest, map(job.copy, job.numbers))]
    except (RuntimeError, OSError) as error:
        return {"right": False, "ok": 0, "wanted": lab.cell.receivers - lab.cell.kill, "error": str(error).strip()}
    finally:
        shutil.rmtree(target, ignore_errors=True)
    return {**row, **judged(job, row, right)}


def judged(job, row, right):
    """Seconds from first data until the last copy was there, if all that should be there are."""
    wanted = [number for number in job.numbers if not job.killed(number)]
    good = [number for number in wanted if right[number - 1] and row["ended"][number - 1] is not None]
    verdict = {"ok": len(good), "wanted": len(wanted), "right": len(good) == len(wanted)}
    if not verdict["right"]:
        why = "" if row["in_time"] else f" in {job.timeout:g} s"
        return {**verdict, "error": f"failed: {len(good)} of {len(wanted)}{why}"}
    seconds = max(row["ended"][number - 1] for number in wanted)
    return {**verdict, "seconds": seconds, "total": seconds + row["begun"], "efficiency": job.cell.floor / seconds}
