"""The table and the budgets of one to many."""
import re
import shlex
import statistics
import sys

from . import cells, machine
from .report import spread, table, undisturbed, verdict
from .measure import QUIET
from .work import GIB

PEERS = ("udpcast", "uftp", "ncat")
#: Efficiency of sockeye on a link of 100 Mbit/s, by loss in percent.
EFFICIENCY = {0: 0.93, 1: 0.91, 5: 0.85}
SMALL_SECONDS = 3.6
SINGLE_EFFICIENCY = 0.90
FLOOD_SHARE = 0.8
OFFLOADS_EFFICIENCY, OFFLOADS_TIMES = 0.80, 4
WIRE_SHARE = 0.02
KILL_SECONDS = 1.0
OTHERS_SHARE, SLOW_SHARE, SLOW_WIRE = 0.10, 0.25, 2.2
MANY_TIMES = 1.1
CPU_SECONDS = 1.5


def describe(root, tools, scratch, congestion, options):
    """What a reader needs to judge the figures. Names no folder of this machine."""
    lines = dict(machine.describe(root, tools, {"memory": scratch}, congestion))
    lines["Processor"] = lines["Processor"].replace("both ends", "all ends")
    lines["Network"] = ("namespaces joined by a bridge, rate by tbf, loss of UDP at each receiver on its own; "
                        f"TCP congestion control {congestion}")
    if options.brought:
        lines.pop("Built from", None)
    lines["Command"] = f"`sudo bench/many{command(sys.argv[1:])}`, {options.reps} round{'s' * (options.reps > 1)}"
    return list(lines.items())


def command(words):
    """The words of the command line, without those that name places of this machine."""
    kept, words = [], iter(words)
    for word in words:
        if word in ("--binary", "--flood", "--rows", "--memory"):
            next(words, None)
        elif word not in ("--inside", "--brought") and not word.startswith(("--binary=", "--flood=", "--rows=", "--memory=")):
            kept.append(shlex.quote(word))
    # A bar would end the cell of the table.
    return "".join(f" {word}" for word in kept).replace("|", "\\|")


def line(row, cell):
    """One run for the terminal."""
    head = f"{row['cell']:<17} {row['round'] + 1:>2} {row['tool']:<10}"
    if not row["right"]:
        said = row.get("said", "").splitlines()
        return f"{head} {row['error']}" + (f": {said[-1][:200]}" if said else "")
    text = f"{head} efficiency {row['efficiency']:5.3f}  {row['seconds']:7.3f} s"
    if row["ok"] is None:
        text += f"  {row['arrived']:.1%} of the datagrams came to all"
    else:
        text += f" ({row['total']:7.3f} from the start)  wire {row['wire']:6.3f}  {row['ok']} of {row['wanted']}"
        if row["tool"] == "sockeye":
            text += f"  theory {cells.expected_wire(cell):.3f}"
    text += f"  cpu {row['cpu_sender']:.2f} + {cell.receivers} × {statistics.mean(row['cpu_receivers']):.2f} s"
    return text + ("" if row["quiet"] >= QUIET else f"  (disturbed: {row['quiet']:.0%} of the machine)")


def markdown(rows, chosen, about, notes):
    parts = ["# Performance of one to many", INTRO, table(("", ""), about)]
    parts += [f"> {note}" for note in notes]
    for cell in chosen:
        mine = [row for row in rows if row["cell"] == cell.name]
        if mine:
            parts += [f"## {cell.title}", f"`{cell.name}`; {theory(cell)}", section(mine, cell)]
    parts += ["## Budgets", table(("what", "limit", "measured", "verdict"), budgets(rows, chosen))]
    return "\n\n".join(parts) + "\n"


def renewed(before, now):
    """The document as it was, with the cells that were measured now in their places. Its head says which these are."""
    head, *old = before.split("\n## ")
    about, *new = now.split("\n## ")
    fresh = {part.splitlines()[0]: part for part in new}
    verdicts = dict(map(keyed, fresh.pop("Budgets").splitlines()))
    names = [part.split("`")[1] for part in fresh.values()]
    parts = []
    for part in old:
        title = part.splitlines()[0]
        if title == "Budgets":
            # What the document did not have comes behind what it had.
            parts += fresh.values()
            part = "\n".join({**dict(map(keyed, part.splitlines())), **verdicts}.values()) + "\n"
        parts.append(fresh.pop(title, part))
    when = dict(re.findall(r"^\| (\w[^|]*) \| (.*) \|$", about, re.MULTILINE))
    said = [", ".join(f"`{name}`" for name in names), *(when[key] for key in ("Measured", "Built from", "Command") if key in when)]
    above, last, below = head.rpartition(" |\n")
    return "\n## ".join([f"{above}{last}| Measured anew | {'; '.join(said)} |\n{below}", *parts])


def keyed(line):
    """A budget's line by what it is about."""
    return re.split(r" \(| \| ", line)[0], line


INTRO = f"""\
Made by `bench/many`. Seconds are from the first data to the last copy, and from the start of the sender, which includes
greeting all receivers; efficiency is the bits of the file, divided by the rate of the link and by the seconds from first data.
Wire is what went through the sender's link, headers included, for each byte of the file. Medians, with the smallest and
the largest. CPU seconds are those of the sender, and the mean of the receivers. The copies were compared with the source
by SHA-256. sockeye encrypts and proves who is who; the others do neither. Loss is of UDP only, so that ncat has none. `*` marks
figures from runs that others disturbed."""


def theory(cell):
    if cell.slow:
        return "the slow link cannot take what the others can."
    return (f"ideal repair puts {cells.expected_wire(cell):.3f} on the wire "
            f"({cells.expected_packets(cell.receivers, cell.loss):.4f} packets for one, headers {cells.HEADERS:.1%}).")


def section(rows, cell):
    tools = list(dict.fromkeys(row["tool"] for row in rows))
    head = ("tool", "runs", "efficiency", "seconds", "from the start", "wire ÷ size", "CPU s, sender / a receiver", "copies right")
    lines = [cells_of(tool, [row for row in rows if row["tool"] == tool], cell) for tool in tools]
    return table(head, [cells for _, cells in sorted(lines, key=lambda line: line[0])])


def cells_of(tool, every, cell):
    """A line of the table, with what orders it."""
    runs, mark = undisturbed(every)
    if not runs:
        reason = max((row["error"].splitlines()[0] for row in every), key=len)
        return 0.0, [tool, "0", reason, *["–"] * 5]
    copies = "–"
    if every[0]["ok"] is not None:
        copies = ", ".join(f"{row['ok']} of {row['wanted']}" for row in every)
        if len({(row["ok"], row["wanted"]) for row in every}) == 1:
            copies = f"{every[0]['ok']} of {every[0]['wanted']}" + " each" * (len(every) > 1)
    else:
        copies = f"{statistics.median(row['arrived'] for row in runs):.1%} of datagrams"
    cpu = [spread(row["cpu_sender"] for row in runs), spread(statistics.mean(row["cpu_receivers"]) for row in runs)]
    flood = every[0]["ok"] is None
    line = [tool, f"{len(runs)}{mark}", fine(row["efficiency"] for row in runs), spread(row["seconds"] for row in runs),
            "–" if flood else spread(row["total"] for row in runs), "–" if flood else fine(row["wire"] for row in runs), " / ".join(cpu), copies]
    return -statistics.median(row["efficiency"] for row in runs), line


# ------------------------------------------------------------------ budgets

def budgets(rows, chosen):
    """What the project holds itself to, as far as these cells tell."""
    names = {cell.name: cell for cell in chosen}
    yield from efficiencies(rows, names)
    yield from against_others(rows, names)
    yield from (wire(rows, cell) for cell in chosen if not cell.slow)
    yield from endings(rows, names)
    yield from (cpu(rows, cell) for cell in chosen if cell.name in ("1g-n4-on", "1g-n16-on"))


def efficiencies(rows, names):
    for loss, least in EFFICIENCY.items():
        for number in (1, 4, 16):
            yield from at_least(rows, names, f"100m-n{number}-p{loss}", "efficiency", least)
    if "50m-small-n16-p5" in names:
        found = [row["total"] for row in ours(rows, "50m-small-n16-p5")]
        yield verdict("50m-small-n16-p5: from the start, every copy right", f"≤ {SMALL_SECONDS} s", f"{spread(found)} s",
                      median(found) <= SMALL_SECONDS and every_right(rows, "50m-small-n16-p5") if found else None)
    yield from at_least(rows, names, "1g-n1", "efficiency", SINGLE_EFFICIENCY)
    yield from at_least(rows, names, "1g-n4-on", "efficiency", OFFLOADS_EFFICIENCY)


def at_least(rows, names, name, field, least):
    if name in names:
        found = [row[field] for row in ours(rows, name)]
        yield verdict(f"{name}: {field}", f"≥ {least:.2f}", fine(found),
                      median(found) >= least and every_right(rows, name) if found else None)


def against_others(rows, names):
    for name, peers, flood in (("1g-n4-off", 1, FLOOD_SHARE), ("1g-n16-off", 1, FLOOD_SHARE), ("1g-n16-on", OFFLOADS_TIMES, None)):
        if name not in names:
            continue
        found = list(times_faster(rows, name, PEERS))
        yield verdict(f"{name}: speed, of the best peer's", f"≥ {peers} ×", f"{spread(found)} ×",
                      median(found) >= peers if found else None)
        if flood:
            found = list(times_faster(rows, name, ("raw flood",)))
            yield verdict(f"{name}: speed, of a raw flood's", f"≥ {flood} ×", f"{spread(found)} ×",
                          median(found) >= flood if found else None)


def times_faster(rows, name, others):
    """Efficiency of sockeye by that of the best of others in the same round."""
    for row in ours(rows, name):
        rest = [other["efficiency"] for other in rows if other["cell"] == name and other["round"] == row["round"]
                and other["tool"] in others and other["right"]]
        if rest:
            yield row["efficiency"] / max(rest)


def wire(rows, cell):
    found = [row["wire"] for row in ours(rows, cell.name)]
    best = cells.expected_wire(cell)
    return verdict(f"{cell.name}: wire ÷ size", f"{best:.3f} ± {WIRE_SHARE:.0%}",
                   fine(found),
                   abs(median(found) / best - 1) <= WIRE_SHARE if found else None)


def endings(rows, names):
    """A receiver that dies, one that is slow, and very many, each beside the same work without."""
    if {"kill", "kill-none"} <= names.keys():
        found = [row["seconds"] - other["seconds"] for row, other in paired(rows, "kill", "kill-none")]
        yield verdict("kill -9 of one of 4: the others later by", f"≤ {KILL_SECONDS:g} s", f"{spread_signed(found)} s",
                      median(found) <= KILL_SECONDS if found else None)
    if {"slow", "slow-none"} <= names.keys():
        yield from slow(rows, names["slow"])
    if {"50m-n32", "50m-n1"} <= names.keys():
        found = [row["seconds"] / other["seconds"] for row, other in paired(rows, "50m-n32", "50m-n1")]
        yield verdict("time with 32 receivers ÷ with 1", f"≤ {MANY_TIMES}", spread(found),
                      median(found) <= MANY_TIMES if found else None)


def slow(rows, cell):
    found = [max(row["ended"][:-1]) / other["seconds"] for row, other in paired(rows, "slow", "slow-none")]
    yield verdict("slow: time of the three ÷ without the fourth", f"≤ {1 + OTHERS_SHARE:.2f}", spread(found),
                  median(found) <= 1 + OTHERS_SHARE if found else None)
    floor = cell.size * 8 * (1 + cells.HEADERS) / (cell.slow * 1e6)
    found = [row["ended"][-1] / floor for row in ours(rows, "slow")]
    yield verdict(f"slow: time of the fourth ÷ its floor, {floor:.2f} s with headers", f"≤ {1 + SLOW_SHARE:.2f}", spread(found),
                  median(found) <= 1 + SLOW_SHARE if found else None)
    found = [row["wire"] for row in ours(rows, "slow")]
    yield verdict("slow: wire ÷ size", f"≤ {SLOW_WIRE}", spread(found), median(found) <= SLOW_WIRE if found else None)


def cpu(rows, cell):
    found = [max(row["cpu_receivers"]) / (cell.size / GIB) for row in ours(rows, cell.name)]
    writes = spread(row["plain_write"] for row in ours(rows, cell.name))
    return verdict(f"{cell.name}: CPU seconds per GiB, the busiest receiver (a plain write in blocks of 256 KiB: {writes})", f"≤ {CPU_SECONDS}",
                   spread(found), median(found) <= CPU_SECONDS if found else None)


# ------------------------------------------------------------------ figures

def ours(rows, name):
    return [row for row in rows if row["cell"] == name and row["tool"] == "sockeye" and row["right"]]


def every_right(rows, name):
    return all(row["right"] for row in rows if row["cell"] == name and row["tool"] == "sockeye")


def paired(rows, name, base):
    """Runs of two cells in the same round."""
    others = {row["round"]: row for row in ours(rows, base)}
    return [(row, others[row["round"]]) for row in ours(rows, name) if row["round"] in others]


def median(values):
    return statistics.median(values)


def fine(values):
    """Median and extremes of a ratio whose third digit counts."""
    values = sorted(values)
    if not values:
        return "–"
    text = f"{median(values):.3f}"
    return text if len(values) == 1 else f"{text} ({values[0]:.3f}–{values[-1]:.3f})"


def spread_signed(values):
    values = sorted(values)
    return f"{median(values):+.2f} ({values[0]:+.2f} to {values[-1]:+.2f})" if values else "–"
