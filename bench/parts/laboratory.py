"""A network of namespaces: a sender, receivers, and the bridge between them, which snoops on IGMP as switches do."""
import itertools
import os
import subprocess
import time
from pathlib import Path

from .machine import Unfit

NETWORK = "10.77.0"
PREFIX = 24
#: Room in front of a limited link, in seconds of its rate.
QUEUE_SECONDS = 0.020
_numbers = itertools.count()


def run(*command, check=True, text=None):
    """Runs a command of the system and gives what it writes."""
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode:
        raise Unfit(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout


class Host:
    """A namespace with one interface, eth0."""

    def __init__(self, namespace, address, port):
        self.namespace, self.address, self.port = namespace, address, port

    def command(self, *command):
        """The same command, inside."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def run(self, *command, **options):
        return run(*self.command(*command), **options)

    def start(self, *command, **options):
        return subprocess.Popen(self.command(*command), start_new_session=True, **options)

    def sent(self):
        """Bytes that its interface has sent. `/sys` shows the namespace it was mounted in, so the kernel is asked."""
        lines = self.run("cat", "/proc/net/dev").splitlines()
        line = next(line for line in lines if line.strip().startswith("eth0:"))
        return int(line.split(":")[1].split()[8])


class Laboratory:
    """Use with `with`: everything made is taken away again."""

    def __init__(self, receivers, megabits=None, offloads=False, loss=0.0, slow=None):
        self.name = f"sm{os.getpid()}x{next(_numbers)}"
        self.switch = f"{self.name}w"
        self.megabits, self.offloads = megabits, offloads
        self.loss, self.slow, self.hosts = loss, slow, []
        self.count = receivers

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        run("ip", "netns", "add", self.switch)
        run("ip", "-n", self.switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "1",
            "mcast_querier", "1", "mcast_query_response_interval", "10")
        run("ip", "-n", self.switch, "link", "set", "br0", "up")
        for number in range(self.count + 1):
            self.hosts.append(self.host(number))
        self.sender, self.receivers = self.hosts[0], self.hosts[1:]
        if not self.offloads:
            self.sender.run("ethtool", "-K", "eth0", "tx-udp-segmentation", "off")
        if self.megabits:
            self.limit(self.sender.namespace, "eth0", self.megabits)
        for receiver in self.receivers:
            if self.loss:
                self.lose(receiver, self.loss)
        if self.slow:
            self.limit(self.switch, self.receivers[-1].port, self.slow)

    def host(self, number):
        namespace, port = f"{self.name}h{number}", f"v{number}"
        run("ip", "netns", "add", namespace)
        host = Host(namespace, f"{NETWORK}.{number + 1}", port)
        run("ip", "-n", self.switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        run("ip", "-n", self.switch, "link", "set", port, "master", "br0", "up")
        inside = ("ip", "-n", namespace)
        run(*inside, "addr", "add", f"{host.address}/{PREFIX}", "brd", "+", "dev", "eth0")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "224.0.0.0/4", "dev", "eth0")
        return host

    def limit(self, namespace, device, megabits):
        burst = max(16_000, int(megabits * 125), 132_000 if self.offloads else 0)
        queue = burst + int(megabits * 125_000 * QUEUE_SECONDS)
        run("ip", "netns", "exec", namespace, "tc", "qdisc", "replace", "dev", device, "root", "tbf",
            "rate", f"{megabits}mbit", "burst", str(burst), "limit", str(queue))

    @staticmethod
    def lose(receiver, share):
        """Each UDP packet that comes in is lost with this probability. TCP is not: it has losses of its own to fear."""
        rule = f"""table inet loss {{
            chain in {{
                type filter hook input priority 0; policy accept;
                iif "eth0" meta l4proto udp numgen random mod 100000 < {round(share * 100000)} counter drop
            }}
        }}"""
        receiver.run("nft", "-f", "-", text=rule)

    def __exit__(self, *_):
        for name in [host.namespace for host in self.hosts] + [self.switch]:
            run("ip", "netns", "del", name, check=False)


class Watch:
    """When data began to flow, by what the sender's interface has sent."""

    #: More than any tool says before its data.
    BEGUN = 48 << 10

    def __init__(self, sender):
        self.sender, self.before = sender, sender.sent()
        self.started, self.first = time.monotonic(), None

    def look(self):
        if self.first is None and self.sender.sent() - self.before > self.BEGUN:
            self.first = time.monotonic()

    def total(self):
        return self.sender.sent() - self.before


def home(scratch, name):
    """A home of its own for a program, so that all are strangers."""
    folder = Path(scratch) / name
    folder.mkdir(parents=True, exist_ok=True)
    return {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "c"),
            "XDG_STATE_HOME": str(folder / "s"), "XDG_DATA_HOME": str(folder / "d")}
