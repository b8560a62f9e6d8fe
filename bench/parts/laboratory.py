"""A laboratory of network namespaces: a switch, a sender and receivers on cables of their own, at a rate and with loss of
our choice.

The names of namespaces are files below /run/netns. `enter` gives this process, and all that it starts, a private one: no
name can meet another's, and when the last of these processes is gone, in whatever way, the kernel takes all of it away.
"""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from .machine import CONGESTION_CONTROL, Unfit
from .process import End

NAMES = Path("/run/netns")
PREFIX = f"sockeye-many-{os.getpid()}-"
#: What waits at the sender's interface, about a thousand packets, as the queue of a network card.
QUEUE = "1500kb"
#: What may leave at once. Packets that stand for many datagrams need room for one of them.
BURST, OFFLOADS_BURST = "32kb", "256kb"
SLOW_BURST, SLOW_QUEUE = "64kb", "256kb"
LOSS_PARTS = 1_000_000
SETTLING_SECONDS = 5.0


def enter():
    """Called once, in mount and network namespaces of our own."""
    NAMES.mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "sockeye-many", NAMES)


def run(*command, said=None):
    done = subprocess.run([str(word) for word in command], input=said, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise Unfit(f"`{' '.join(map(str, command))}` failed: {done.stdout.strip()}")
    return done.stdout


class Laboratory:
    """The network of a cell. `with` it: taken away at the end."""

    sender_address = "10.77.0.1"

    def __init__(self, cell):
        self.cell = cell
        self.made = []
        self.holder = None

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
        for name in reversed(self.made):
            subprocess.run(["ip", "netns", "del", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # -------------------------------------------------------------- hosts

    def address(self, receiver):
        return f"10.77.0.{10 + receiver}"

    def start(self, host, command, environment=None, output=None):
        """Starts a program on a host: `sender`, or the number of a receiver. It does not outlive this process."""
        words = ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self._name(host), *map(str, command)]
        return End(words, environment, output, memory=False)

    def _name(self, host):
        return f"{PREFIX}{host}"

    # -------------------------------------------------------------- counters

    def sent_bytes(self):
        """What the sender's interface has sent; quick to ask. Counts a packet for many datagrams once."""
        for line in Path(f"/proc/{self.holder.pid}/net/dev").read_text().splitlines():
            device, _, counters = line.partition(":")
            if device.strip() == "eth0":
                return int(counters.split()[8])
        raise Unfit("the sender's interface is gone")

    def wire_bytes(self):
        """What went through the sender's link: every packet as it would be on a cable, headers of each included."""
        for queue in json.loads(run("tc", "-n", self._name("sender"), "-s", "-j", "qdisc", "show", "dev", "eth0")):
            if queue["kind"] == "tbf":
                return queue["bytes"]
        raise Unfit("the sender's link has no rate")

    # -------------------------------------------------------------- making

    def _build(self):
        cell = self.cell
        self._add("switch", f"link add switch type bridge stp_state 0 forward_delay 0 "
                            f"{'mcast_snooping 1 mcast_querier 1' if cell.snooping else 'mcast_snooping 0'}",
                  "link set switch up", "link set lo up")
        self._plug_in("sender", self.sender_address)
        for number in range(1, cell.receivers + 1):
            self._plug_in(number, self.address(number))
            if cell.loss:
                self._lose(number)
        if not cell.offloads:
            run("ip", "netns", "exec", self._name("sender"), "ethtool", "-K", "eth0", "tx-udp-segmentation", "off")
        self._limit("sender", "eth0", f"{cell.megabits}mbit", OFFLOADS_BURST if cell.offloads else BURST, QUEUE)
        if cell.slow:
            self._limit("switch", f"port{cell.receivers}", f"{cell.slow}mbit", SLOW_BURST, SLOW_QUEUE)
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "ip", "netns", "exec", self._name("sender"), "sleep", "infinity"])
        self._settle()

    def _add(self, host, *lines):
        run("ip", "netns", "add", self._name(host))
        self.made.append(self._name(host))
        # Cubic where the machine allows it; addresses that can be used at once.
        run("ip", "netns", "exec", self._name(host), "sh", "-c",
            f"echo {CONGESTION_CONTROL} >/proc/sys/net/ipv4/tcp_congestion_control\n"
            "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad\n"
            "true")
        self._ip(host, *lines)

    def _ip(self, host, *lines):
        run("ip", "-n", self._name(host), "-batch", "-", said="\n".join(lines) + "\n")

    def _plug_in(self, host, address):
        port = f"port{host}"
        self._add(host, f"link add eth0 type veth peer name {port} netns {self._name('switch')}",
                  f"addr add {address}/24 brd + dev eth0", "link set lo up", "link set eth0 up",
                  "route add 224.0.0.0/4 dev eth0")
        self._ip("switch", f"link set {port} master switch up")

    def _lose(self, host):
        share = round(self.cell.loss * LOSS_PARTS)
        rules = (f"table inet loss {{\nchain incoming {{\ntype filter hook input priority 0; policy accept;\n"
                 f"iif \"eth0\" meta l4proto udp numgen random mod {LOSS_PARTS} < {share} counter drop\n}}\n}}\n")
        at_host = ("ip", "netns", "exec", self._name(host))
        try:
            run(*at_host, "nft", "-f", "-", said=rules)
        except Unfit as without_nft:
            if not shutil.which("iptables"):
                raise
            try:
                run(*at_host, "iptables", "-w", "-A", "INPUT", "-i", "eth0", "-p", "udp", "-m", "statistic", "--mode",
                    "random", "--probability", str(self.cell.loss), "-j", "DROP")
            except Unfit as error:
                raise Unfit(f"no loss here: {without_nft}; {error}") from error

    def _limit(self, host, device, rate, burst, queue):
        run("tc", "-n", self._name(host), "qdisc", "add", "dev", device, "root", "tbf", "rate", rate, "burst", burst,
            "limit", queue)

    def _settle(self):
        """Until the switch forwards and the one who counts has arrived."""
        deadline = time.monotonic() + SETTLING_SECONDS
        while time.monotonic() < deadline:
            ports = json.loads(run("bridge", "-n", self._name("switch"), "-j", "link", "show"))
            there = "eth0" in Path(f"/proc/{self.holder.pid}/net/dev").read_text()
            if there and all(port.get("state") == "forwarding" for port in ports):
                return
            time.sleep(0.02)
        raise Unfit("the switch of the laboratory does not forward")
