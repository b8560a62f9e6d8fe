"""The machine: its network, its description, how quiet it is, and the program that is measured."""
import contextlib
import datetime
import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path

CONGESTION_CONTROL = "cubic"
ALLOWED = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
CURRENT = Path("/proc/sys/net/ipv4/tcp_congestion_control")
BUFFER_LIMITS = [Path(f"/proc/sys/net/core/{name}") for name in ("rmem_max", "wmem_max")]


class Unfit(Exception):
    """Something about this machine keeps the benchmark from running."""


def output(*command):
    """What a command writes, both streams, or nothing if it is not there."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()
    except OSError:
        return ""


# ------------------------------------------------------------------ the program

def build_sockeye(root):
    """Builds the release binary and says where cargo put it."""
    return build(root, "sockeye", "-p", "sockeye-cli")


def build(root, name, *which):
    """Builds a program as it is released and says where cargo put it."""
    command = ["cargo", "build", "--release", *which, "--message-format", "json-render-diagnostics"]
    cargo = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    path = {**os.environ, "PATH": f"{cargo}:{os.environ['PATH']}"}
    built = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True, env=path)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == name:
            return Path(message["executable"])
    raise Unfit(f"cargo built no program named {name}")


# ------------------------------------------------------------------ the network

@contextlib.contextmanager
def allowed_congestion_control():
    """Lets namespaces choose cubic where the machine reserves that to itself; puts things back afterwards.

    The default of some kernels (bbr) is slower than cubic on loopback and is not what most users have.
    """
    before = ALLOWED.read_text().strip() if ALLOWED.exists() else None
    change = before is not None and CONGESTION_CONTROL not in before.split()
    with setting(ALLOWED, f"{before} {CONGESTION_CONTROL}" if change else None):
        yield


@contextlib.contextmanager
def large_buffers(size):
    """Lets programs ask for socket buffers of this size; puts things back afterwards."""
    with contextlib.ExitStack() as stack:
        for limit in BUFFER_LIMITS:
            small = limit.exists() and int(limit.read_text()) < size
            stack.enter_context(setting(limit, str(size) if small else None))
        yield


@contextlib.contextmanager
def setting(file, value):
    """A kernel parameter with this value for a while; with none, as it is."""
    before = file.read_text().strip() if value is not None else None
    if value is not None:
        with contextlib.suppress(OSError):
            file.write_text(value)
    try:
        yield
    finally:
        if value is not None:
            with contextlib.suppress(OSError):
                file.write_text(before)


def enter_network():
    """Called in the new namespace: loopback up, congestion control set. Returns the one that is in force."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with contextlib.suppress(OSError):
        CURRENT.write_text(CONGESTION_CONTROL)
    return CURRENT.read_text().strip()


# ------------------------------------------------------------------ quietness

def share_available(seconds=0.04):
    """How much of the machine a fresh process on each core gets right now: 1.0 is a quiet machine."""
    readers = []
    for _ in range(os.cpu_count()):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            wall, cpu = time.perf_counter(), time.process_time()
            while time.perf_counter() - wall < seconds:
                pass
            got = (time.process_time() - cpu) / (time.perf_counter() - wall)
            os.write(write, b"%.4f" % got)
            os._exit(0)
        os.close(write)
        readers.append((pid, read))
    total = 0.0
    for pid, read in readers:
        total += float(os.read(read, 32))
        os.close(read)
        os.waitpid(pid, 0)
    return total / len(readers)


def wait_for_quiet(patience, enough=0.93):
    """Waits until others leave the machine alone, at most so long. Returns the last reading."""
    deadline = time.monotonic() + patience
    while True:
        share = share_available()
        if share >= enough or time.monotonic() > deadline:
            return share
        time.sleep(0.25)


# ------------------------------------------------------------------ the description

def describe(root, peers, scratch, congestion):
    """Lines for the report: what a reader needs to judge the figures. Names no folder of this machine."""
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    system = re.search(r'PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text())
    commit = output("git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10")
    lines = [
        ("Processor", f"{cpu.group(1) if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores "
                      "(both ends share them)"),
        ("Memory", f"{int(memory.group(1)) / 2**20:.0f} GiB"),
        ("System", f"{system.group(1) if system else 'Linux'}, kernel {platform.release()}{virtual()}"),
        ("Network", f"loopback of a network namespace of its own, TCP congestion control {congestion}"),
        ("Folders", ", ".join(f"{place}: {filesystem(path)}" for place, path in scratch.items())),
        ("Tools", ", ".join(dict.fromkeys(version for peer in peers for version in peer.versions()))),
    ]
    if any(peer.name == "sockeye" for peer in peers):
        lines.append(("Built from", f"{commit}, {output('rustc', '--version')}"))
    lines.append(("Measured", datetime.datetime.now(datetime.timezone.utc).strftime("%d %B %Y")))
    return lines


def filesystem(path):
    return output("stat", "--file-system", "--format", "%T", str(path)).replace("ext2/ext3", "ext4")


def virtual():
    flags = re.search(r"^flags\b.*\bhypervisor\b", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return ", virtual machine" if flags else ""
