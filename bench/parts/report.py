"""The Markdown table and the budgets."""
import statistics

from .measure import QUIET
from .work import MIB

SSH_TIMES = 3.0
FILE_PEAK_MIB = 64
MANY_PEAK_MIB = 128
TINY_SECONDS = 0.25
START_UP_SECONDS = 0.010


def markdown(rows, about, notes, options):
    parts = ["# Performance", intro(options), table(("", ""), about)]
    parts += [f"> {note}" for note in notes]
    for name in dict.fromkeys(row["work"] for row in rows):
        mine = [row for row in rows if row["work"] == name]
        title = mine[0]["title"]
        place = f" ({mine[0]['place']})" if mine[0]["place"] else ""
        parts.append(f"## {title[0].upper()}{title[1:]}{place}")
        parts.append(start_up(mine[0]) if name == "start-up" else section(mine))
    parts += ["## Budgets", table(("what", "limit", "measured", "verdict"), budgets(rows))]
    return "\n\n".join(parts) + "\n"


def intro(options):
    text = ("Made by `bench/run`. Seconds are from the start of the sender to the end of the later end, pairing and "
            "connecting included; medians, with the smallest and the largest. Ratios are paired: each run against the "
            "run of the same round. CPU seconds are those of both ends together, with all that they start, so that "
            "less is better wherever both share the cores. Peak memory is the sum over the processes of an end. "
            "Every copy was compared with its source. `*` marks figures from runs that others disturbed.")
    if options.quick:
        text += "\n\n**A quick round on smaller work: it shows that the benchmark works, not how fast anything is.**"
    return text


def section(rows):
    tools = list(dict.fromkeys(row["tool"] for row in sorted(rows, key=lambda row: row["round"])))
    base = next((name for name in ("sockeye", "cp") if name in tools), None)
    head = ["tool", "encrypted", "runs", "seconds"]
    head += [f"time ÷ {base}'s"] if base else []
    head += ["CPU seconds", "peak MiB, sender / receiver", "copies right"]
    lines = []
    for tool in sorted(tools, key=lambda name: median_of(rows, name)):
        every = [row for row in rows if row["tool"] == tool]
        runs, mark = undisturbed(every)
        cells = [tool, "yes" if tool in ENCRYPTED else "no", f"{len(runs)}{mark}"]
        cells += [spread(row["seconds"] for row in runs)]
        cells += [spread(ratios(rows, tool, base))] if base else []
        cells += [spread(row["cpu_sender"] + row["cpu_receiver"] for row in runs), peaks(runs),
                  f"{sum(row['right'] for row in every)} of {len(every)}"]
        lines.append(cells)
    return table(head, lines)


ENCRYPTED = ("sockeye", "scp", "rsync-ssh")


def start_up(row):
    return f"{row['seconds'] * 1000:.1f} ms; the program `true` takes {row['floor'] * 1000:.1f} ms here."


def budgets(rows):
    """What the project holds itself to."""
    races = [("file", "scp", SSH_TIMES), ("file", "rsyncd", 1.0)]
    races += [(name, "rsyncd", 1.0) for name in ("small-memory", "small-disk", "tree-memory", "tree-disk")]
    for name, peer, least in races:
        mine = [row for row in rows if row["work"] == name]
        found = list(ratios(mine, peer, "sockeye"))
        limit = f"≥ {least:g} × as fast as {peer}"
        yield verdict(name, limit, f"{spread(found)} ×", statistics.median(found) >= least if found else None)
    for name, limit in (("file", FILE_PEAK_MIB), ("many", MANY_PEAK_MIB)):
        peak = max((max(row["peak_sender"], row["peak_receiver"]) / MIB for row in ours(rows, name)), default=None)
        yield verdict(f"{name}: memory", f"< {limit} MiB at either end", f"{peak or 0:.0f} MiB",
                      None if peak is None else peak < limit)
    for name, limit in (("tiny", TINY_SECONDS), ("start-up", START_UP_SECONDS)):
        seconds = [row["seconds"] for row in ours(rows, name)]
        yield verdict(name, f"< {limit * 1000:.0f} ms", f"{statistics.median(seconds or [0]) * 1000:.1f} ms",
                      statistics.median(seconds) < limit if seconds else None)


def verdict(name, limit, measured, met):
    if met is None:
        return name, limit, "–", "not measured"
    return name, limit, measured, "pass" if met else "**FAIL**"


# ------------------------------------------------------------------ figures

def ours(rows, name):
    return [row for row in rows if row["work"] == name and row["tool"] == "sockeye" and row["right"]]


def undisturbed(rows):
    """The runs that succeeded undisturbed; all that succeeded, marked, where those are too few."""
    right = [row for row in rows if row["right"]]
    quiet = [row for row in right if row["quiet"] >= QUIET]
    return (quiet, "") if quiet and (len(quiet) >= 2 or len(quiet) == len(right)) else (right, "*" if right else "")


def median_of(rows, tool):
    runs, _ = undisturbed([row for row in rows if row["tool"] == tool])
    return statistics.median(row["seconds"] for row in runs) if runs else float("inf")


def ratios(rows, tool, base):
    """Time of a tool over that of the base in the same round."""
    times = {row["round"]: row["seconds"] for row in rows if row["tool"] == base and row["right"]}
    for row in rows:
        if row["tool"] == tool and row["right"] and row["round"] in times:
            yield row["seconds"] / times[row["round"]]


def peaks(runs):
    if not runs:
        return "–"
    ends = [max(row[end] for row in runs) / MIB for end in ("peak_sender", "peak_receiver")]
    # Nothing was seen of a process that ended between two samples.
    return " / ".join(f"{end:.0f}" if end else "–" for end in ends)


def spread(values):
    values = sorted(values)
    if not values:
        return "–"
    middle = statistics.median(values)
    digits = 3 if middle < 0.1 else 2
    if len(values) == 1:
        return f"{middle:.{digits}f}"
    return f"{middle:.{digits}f} ({values[0]:.{digits}f}–{values[-1]:.{digits}f})"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
