"""The cells of one to many: what is sent, to how many, through which network; and what theory says of it."""
import math
from dataclasses import dataclass, replace

from .work import MIB

#: Source symbols of a block in sockeye, and the share that the headers of its packets, Ethernet's included, add.
BLOCK = 185
HEADERS = 0.052


@dataclass(frozen=True)
class Cell:
    name: str
    megabits: int               # of the sender's link, each second
    size: int                   # bytes of the file
    receivers: int
    loss: float = 0.0           # of the datagrams that come to a receiver, for each receiver on its own
    offloads: bool = False      # whether the sender's interface takes many datagrams as one packet
    kill: bool = False          # the last receiver dies when a good part is sent
    slow: int = 0               # megabits of the last receiver's link, each second; 0: as fast as the others
    snooping: bool = False      # whether the switch watches who joined which group

    @property
    def rate(self):
        return self.megabits * 1_000_000

    @property
    def floor(self):
        """Seconds that the bits of the file take on the sender's link."""
        return self.size * 8 / self.rate

    @property
    def lossless(self):
        return self.loss == 0

    def with_snooping(self):
        return replace(self, snooping=True)

    @property
    def title(self):
        rate = f"{self.megabits // 1000} Gbit/s" if self.megabits % 1000 == 0 else f"{self.megabits} Mbit/s"
        words = [rate, f"{self.size / MIB:g} MiB", f"{self.receivers} receiver{'s' * (self.receivers > 1)}",
                 f"{self.loss * 100:g} % loss" if self.loss else "no loss",
                 f"offloads {'on' if self.offloads else 'off'}"]
        words += ["the last one dies on the way"] * self.kill
        words += [f"the last one on a link of {self.slow} Mbit/s"] * bool(self.slow)
        words += ["IGMP snooping"] * self.snooping
        return ", ".join(words)


def expected_packets(receivers, loss, block=BLOCK):
    """Packets sent for each source packet when every repair is a fresh parity packet and none is sent in vain:
    E[M] = 1 + (1/k)·Σ_{l≥0} [1 − F(l)^N], F(l) = Σ_{i≤l} C(k+i−1, i) pⁱ (1−p)ᵏ, the chance that a receiver needs at most l
    more than k (Nonnenmacher, Biersack, Towsley: Parity-based loss recovery for reliable multicast, 1998)."""
    if loss == 0:
        return 1.0
    term = reached = (1 - loss) ** block
    total, number = 0.0, 0
    while (missing := -math.expm1(receivers * math.log(reached))) > 1e-12 and number < 100 * block:
        total += missing
        number += 1
        term *= (block + number - 1) / number * loss
        reached = min(1.0, reached + term)
    return 1 + total / block


def expected_wire(cell):
    """Bytes that ideal repair puts on the wire for each byte of the file."""
    return (1 + HEADERS) * expected_packets(cell.receivers, cell.loss)


def all_cells():
    large, middle, small = 256 * MIB, 64 * MIB, 16 * MIB
    cells = [Cell(f"100m-n{number}-p{loss}", 100, large, number, loss / 100)
             for loss in (0, 1, 5) for number in (1, 4, 16)]
    cells += [
        Cell("50m-small-n16-p5", 50, small, 16, 0.05),
        Cell("1g-n1", 1000, large, 1, offloads=True),
        Cell("1g-n4-off", 1000, large, 4),
        Cell("1g-n16-off", 1000, large, 16),
        Cell("1g-n4-on", 1000, large, 4, offloads=True),
        Cell("1g-n16-on", 1000, large, 16, offloads=True),
        Cell("kill-none", 100, middle, 4),
        Cell("kill", 100, middle, 4, kill=True),
        Cell("slow-none", 300, middle, 3),
        Cell("slow", 300, middle, 4, slow=50),
        Cell("50m-n1", 50, middle, 1),
        Cell("50m-n32", 50, middle, 32),
    ]
    return cells
