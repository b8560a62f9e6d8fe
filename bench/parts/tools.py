"""The tools: how each starts its two ends. Every one leaves the copy at the same place."""
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .machine import output
from .process import End, wait_for_end, wait_for_listener

HOST = "127.0.0.1"
MIB_BUFFER = "1048576"


@dataclass
class Job:
    source: Path
    target: Path        # the folder in which the copy appears under the source's name
    timeout: float

    @property
    def copy(self):
        return self.target / self.source.name


class Tool:
    """A receiver that listens and a sender that dials; the clock runs from the sender's start until both have ended,
    or until the sender has where the receiver is a service that stays."""

    name = ""
    encrypted = False
    service = False             # the receiver stays when the transfer is over
    follows_links = False       # sends what a symbolic link names
    packages = ()               # commands that print a version

    def __init__(self, folder, binary):
        self.folder, self.binary = folder, binary
        folder.mkdir(exist_ok=True)

    def receiver(self, job, port):
        return None

    def sender(self, job, port):
        raise NotImplementedError

    def versions(self):
        for command in self.packages:
            text = output(*command)
            found = re.search(r"(rsync|OpenSSH|socat|tar|cp|sockeye)\D*?[ _](\d[\w.]*)", text)
            yield f"{found.group(1)} {found.group(2)}" if found else text.splitlines()[0]

    def run(self, job):
        """One transfer. Returns seconds, CPU seconds and peak bytes of both ends."""
        port = free_port()
        ends = []
        try:
            command = self.receiver(job, port)
            if command:
                ends.append(End(command))
                wait_for_listener(port, ends[0])
            start = time.monotonic()
            idle = ends[0].cpu_seconds() if ends else 0.0
            sender = End(self.sender(job, port))
            ends.append(sender)
            awaited = [sender] if self.service else ends
            wait_for_end(awaited, job.timeout)
            check(awaited, "".join(end.said() for end in ends))
            seconds = max(end.ended for end in awaited) - start
        finally:
            used = [end.stop() for end in ends]
        sent, received = used[-1], used[0] if len(used) == 2 else (0.0, 0)
        return result(seconds, sent, (max(0.0, received[0] - idle), received[1]))


class Cp(Tool):
    """No network at all: the floor."""
    name = "cp"
    packages = (("cp", "--version"),)

    def sender(self, job, port):
        return ["cp", "-a", job.source, job.target]


class TarSocat(Tool):
    name = "tar-socat"
    packages = (("tar", "--version"), ("socat", "-V"))

    def receiver(self, job, port):
        return pipe(["socat", "-u", "-b", MIB_BUFFER, f"TCP-LISTEN:{port},reuseaddr", "-"],
                    ["tar", "x", "-b", "512", "-C", job.target])

    def sender(self, job, port):
        return pipe(["tar", "c", "-b", "512", "-C", job.source.parent, job.source.name],
                    ["socat", "-u", "-b", MIB_BUFFER, "-", f"TCP:{HOST}:{port}"])


class RsyncDaemon(Tool):
    name = "rsyncd"
    service = True
    packages = (("rsync", "--version"),)

    def receiver(self, job, port):
        # Without `reverse lookup = no` each connection waits for a name server that is not there; without `munge
        # symlinks = no` a daemon outside a chroot spoils every link that it receives.
        config = self.folder / "rsyncd.conf"
        config.write_text(f"uid = 0\ngid = 0\nuse chroot = no\nnumeric ids = yes\nreverse lookup = no\n"
                          f"munge symlinks = no\n[target]\npath = {job.target}\nread only = no\n")
        return ["rsync", "--daemon", "--no-detach", f"--config={config}", f"--address={HOST}", f"--port={port}"]

    def sender(self, job, port):
        return ["rsync", "-aW", job.source, f"rsync://{HOST}:{port}/target/"]


class Ssh(Tool):
    """An ssh server with keys of its own; this machine's settings and keys play no part."""
    encrypted = True
    service = True
    packages = (("ssh", "-V"),)

    def __init__(self, folder, binary):
        super().__init__(folder, binary)
        for key in ("host", "user"):
            if not (folder / key).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        Path("/run/sshd").mkdir(exist_ok=True)
        self.options = ["-F", "none", "-i", str(folder / "user"), "-o", "UserKnownHostsFile=/dev/null",
                        "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]

    def receiver(self, job, port):
        settings = {"ListenAddress": HOST, "AuthorizedKeysFile": self.folder / "user.pub", "StrictModes": "no",
                    "PermitRootLogin": "prohibit-password", "UseDNS": "no", "UsePAM": "no", "PidFile": "none",
                    "Subsystem": "sftp internal-sftp"}
        server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
        return [server, "-D", "-e", "-f", "/dev/null", "-h", self.folder / "host", "-p", str(port), *options]


class Scp(Ssh):
    name = "scp"
    follows_links = True

    def sender(self, job, port):
        return ["scp", "-q", "-r", "-p", *self.options, "-P", str(port), job.source, f"root@{HOST}:{job.target}/"]


class RsyncSsh(Ssh):
    name = "rsync-ssh"
    packages = (("rsync", "--version"), ("ssh", "-V"))

    def sender(self, job, port):
        shell = " ".join(["ssh", *self.options, "-p", str(port)])
        return ["rsync", "-aW", "-e", shell, job.source, f"root@{HOST}:{job.target}/"]


class Sockeye(Tool):
    """Two strangers: each end has a home of its own, the code goes from one to the other, nothing is remembered."""
    name = "sockeye"
    encrypted = True
    CODE = re.compile(r"\b[1-9][0-9]{0,3}(?:-[a-z]+){2,}\b")

    def versions(self):
        yield output(self.binary, "--version")

    def run(self, job):
        homes = [job.target.with_name(f"{job.target.name}.{end}") for end in ("sender", "receiver")]
        for home in homes:
            home.mkdir(parents=True)
        ends, screens = [], []
        try:
            start = time.monotonic()
            self.start(ends, screens, homes[0], "send", "-y", job.source)
            code = screens[0].wait_for(self.CODE, 10)
            self.start(ends, screens, homes[1], "receive", "-y", "-o", job.target, code)
            wait_for_end(ends, job.timeout)
            check(ends, "\n".join(screen.text for screen in screens))
            seconds = max(end.ended for end in ends) - start
        finally:
            used = [end.stop() for end in ends]
            for home in homes:
                shutil.rmtree(home, ignore_errors=True)
        return result(seconds, *used)

    def start(self, ends, screens, home, *words):
        own = {"HOME": str(home), "SOCKEYE_HOME": str(home / "sockeye")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SOCKEYE_"))}
        read, write = os.pipe()
        ends.append(End([self.binary, *map(str, words)], {**kept, **own}, write))
        os.close(write)
        screens.append(Screen(read))


class Screen:
    """What a program prints, read as it comes."""

    def __init__(self, handle):
        self.text = ""
        self.changed = threading.Condition()
        threading.Thread(target=self._read, args=(handle,), daemon=True).start()

    def _read(self, handle):
        with open(handle, "rb", buffering=0) as stream:
            for part in iter(lambda: stream.read(65536), b""):
                with self.changed:
                    self.text += part.decode(errors="replace")
                    self.changed.notify_all()

    def wait_for(self, pattern, timeout):
        with self.changed:
            self.changed.wait_for(lambda: pattern.search(self.text), timeout)
            found = pattern.search(self.text)
        if not found:
            raise RuntimeError(f"no code was printed:\n{self.text}")
        return found.group(0)


TOOLS = {tool.name: tool for tool in (Cp, TarSocat, RsyncDaemon, RsyncSsh, Scp, Sockeye)}
NAMES = tuple(TOOLS)


def make(name, folder, binary):
    folder.mkdir(exist_ok=True)
    return TOOLS[name](folder / name, binary)


def result(seconds, sender, receiver):
    return {"seconds": seconds, "cpu_sender": sender[0], "cpu_receiver": receiver[0],
            "peak_sender": sender[1], "peak_receiver": receiver[1]}


def check(ends, said):
    """Every end that was waited for has to say that all went well; one that failed is named before one that waits."""
    for end in sorted(ends, key=lambda end: end.ended is None):
        name = Path(end.process.args[0]).name
        if end.ended is None:
            raise RuntimeError(f"{name} was not done in time\n{said}")
        if end.process.returncode != 0:
            raise RuntimeError(f"{name} ended with {end.process.returncode}\n{said}")


def pipe(*commands):
    """One end made of two programs; it fails if either does."""
    words = [" ".join(quote(word) for word in command) for command in commands]
    return ["bash", "-c", "set -o pipefail; " + " | ".join(words)]


def quote(word):
    return "'" + str(word).replace("'", "'\\''") + "'"


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
