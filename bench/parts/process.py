"""One end of a transfer: its processes, their CPU seconds and memory, and the moment they end."""
import atexit
import contextlib
import itertools
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .machine import Unfit

SAMPLE_SECONDS = 0.02
STOP_SECONDS = 2.0


def hierarchy():
    """Where cgroup v2 is mounted; its accounting follows forks and daemons, and needs no controller."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return Path(folder)
    raise Unfit("no writable cgroup v2 hierarchy here, which counts the CPU seconds (mount -t cgroup2 …)")


class End:
    """A program and all that it starts, in a control group of their own."""

    numbers = itertools.count()
    alive = set()

    def __init__(self, command, environment=None, output=None, memory=True):
        """Starts it. `output` is an open pipe for both of its streams; else a file keeps them for `said`. Without `memory`
        nobody looks at its memory, which costs time of its own where there are many ends."""
        self.group = hierarchy() / f"sockeye-bench.{os.getpid()}.{next(End.numbers)}"
        self.group.mkdir()
        self.peak_bytes = 0
        self.ended = None
        self.output = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output or self.output, stderr=subprocess.STDOUT,
                env=environment, preexec_fn=self._join, start_new_session=True)
        except OSError:
            self.group.rmdir()
            raise
        End.alive.add(self)
        self.handle = os.pidfd_open(self.process.pid)
        self._over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True) if memory else None
        if self._sampler:
            self._sampler.start()

    def _join(self):
        with open(self.group / "cgroup.procs", "w") as file:
            file.write("0")

    def _processes(self):
        with contextlib.suppress(OSError):
            return [int(word) for word in (self.group / "cgroup.procs").read_text().split()]
        return []

    def _sample(self):
        ours = os.readlink("/proc/self/exe")
        while not self._over.wait(SAMPLE_SECONDS):
            total = 0
            for pid in self._processes():
                with contextlib.suppress(OSError):
                    # Between fork and exec the process is still a copy of this one.
                    if os.readlink(f"/proc/{pid}/exe") != ours:
                        total += high_water(pid)
            self.peak_bytes = max(self.peak_bytes, total)

    def cpu_seconds(self):
        for line in (self.group / "cpu.stat").read_text().splitlines():
            if line.startswith("usage_usec"):
                return int(line.split()[1]) / 1e6
        raise Unfit("this kernel's cgroup v2 counts no CPU seconds")

    def said(self):
        """What it wrote, as far as no pipe was given for that."""
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def kill(self):
        """Ends all of it at once, as a power cut would."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        """Ends what is left of it, politely first, and takes the group away. Returns CPU seconds and peak bytes."""
        cpu = self.cpu_seconds()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self._processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + STOP_SECONDS
            while self._processes() and time.monotonic() < deadline:
                self.process.poll()
                time.sleep(0.005)
        self.process.wait()
        self._over.set()
        if self._sampler:
            self._sampler.join()
        os.close(self.handle)
        self.output.close()
        with contextlib.suppress(OSError):
            self.group.rmdir()
        End.alive.discard(self)
        return cpu, self.peak_bytes


@atexit.register
def _stop_all():
    for end in list(End.alive):
        with contextlib.suppress(OSError):
            end.stop()


def high_water(pid):
    """The largest resident size that a process has had, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def wait_for_end(ends, timeout):
    """Waits until all have ended; notes when each did, to the microsecond. False when the time is over, or soon after
    one has failed, since the others may then wait for ever."""
    poll = select.poll()
    left = {end.handle: end for end in ends}
    for handle in left:
        poll.register(handle, select.POLLIN)
    deadline = time.monotonic() + timeout
    while left:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        now = time.monotonic()
        if not ready:
            return False
        for handle, _ in ready:
            poll.unregister(handle)
            end = left.pop(handle)
            end.ended = now
            if end.process.wait() != 0:
                deadline = min(deadline, now + STOP_SECONDS)
    return True


def wait_for_listener(port, end, timeout=10.0, network="/proc/net"):
    """Waits until someone listens on this TCP port here, or in the network whose tables are in another folder."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and end.process.poll() is None:
        for table in ("tcp", "tcp6"):
            for line in (Path(network) / table).read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == "0A" and int(words[1].rpartition(":")[2], 16) == port:
                    return
        time.sleep(0.005)
    raise RuntimeError(f"nothing listens on port {port}")
