"""A profile as tables: the terminal and the page show the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.profile.groups import KERNEL, PARTS, USER
from bench.profile.runs import Asked, Profile
from bench.profile.sampled import named
from bench.sheets import Sheet

LEAST = 0.05  # per query: calls that come less often belong to no query


def sheets(profile: Profile, top: int) -> Iterator[Sheet]:
    """Everything that was found."""
    tls = ", TLS" if profile.tls else ""
    if profile.splits:
        yield _splits(profile, tls)
    if profile.sampled:
        yield _sampled(profile, tls)
        yield _functions(profile, top)
    if profile.background:
        rows = [[found.session, f"{found.milliseconds:.1f}"] for found in profile.background]
        title = f"hoopfast at rest, ms of CPU per second{tls}"
        yield Sheet("background", title, ("one client", "ms per second"), [rows], texts=1)
    if profile.calls:
        yield _calls(profile, tls)
    if profile.counted:
        yield _counted(profile, tls)
        yield _counted_functions(profile, top)


def asked_for(profile: Profile) -> list[Asked]:
    """What was asked of every target, in that order."""
    return list(dict.fromkeys(asked for found in profile.splits.values() for asked in found))


def _splits(profile: Profile, tls: str) -> Sheet:
    asked = asked_for(profile)
    rows = []
    for target, found in profile.splits.items():
        cells = []
        for one in asked:
            split = found.get(one)
            if split is None:
                cells.append("")
                continue
            kernel = split.seconds * split.in_kernel * 1e6
            cells.append(f"{split.seconds * 1e6:.1f} = {kernel:.1f} + {split.seconds * 1e6 - kernel:.1f}")
        rows.append([target, *cells])
    title = f"CPU of the proxy, µs per query = in the kernel + outside of it{tls}"
    return Sheet("splits", title, ("target", *(one.words for one in asked)), [rows], texts=1)


def _sampled(profile: Profile, tls: str) -> Sheet:
    """Each part's share of the CPU time that was measured without perf."""
    asked = list(profile.sampled)
    own = profile.splits.get("hoopfast", {})
    groups = [
        [[part, *(_microseconds(profile, own[one].seconds, one, [part]) for one in asked)] for part in parts]
        for parts in (KERNEL, USER)
    ]
    groups.append([["all", *(_microseconds(profile, own[one].seconds, one, PARTS) for one in asked)]])
    kept = [[row for row in group if any(cell not in {"", "0.0"} for cell in row[1:])] for group in groups]
    title = f"hoopfast's worker, µs of CPU per query{tls}"
    return Sheet("sampled", title, ("part", *(one.words for one in asked)), kept, texts=1)


def _microseconds(profile: Profile, seconds: float, asked: Asked, parts: Sequence[str]) -> str:
    share = sum(profile.sampled[asked].share(part) for part in parts)
    return f"{share * seconds * 1e6:.1f}" if share else ""


def _functions(profile: Profile, top: int) -> Sheet:
    asked, samples = next(iter(profile.sampled.items()))
    rows = [[named(frame), f"{count / samples.total:.1%}"] for frame, count in samples.functions.most_common(top)]
    title = f"The functions that most samples were in, of {samples.total:,}; {asked.words}"
    return Sheet("functions", title, ("function", "share"), [rows], texts=1)


def _calls(profile: Profile, tls: str) -> Sheet:
    found = profile.calls
    names = sorted({name for calls in found.values() for name, count in calls.items() if count >= LEAST})
    rows = [[name, *(f"{calls[name]:.2f}" if name in calls else "" for calls in found.values())] for name in names]
    return Sheet("calls", f"System calls per query, one client{tls}", ("call", *found), [rows], texts=1)


def _counted(profile: Profile, tls: str) -> Sheet:
    counts = profile.counted
    rows = [[part, *(f"{found.parts[part]:,.0f}" for found in counts.values())] for part in USER]
    rows = [row for row in rows if any(cell != "0" for cell in row[1:])]
    everything = [["all", *(f"{found.total:,.0f}" for found in counts.values())]]
    title = f"hoopfast's loop, instructions per query outside the kernel, one client{tls}"
    return Sheet("counted", title, ("part", *counts), [rows, everything], texts=1)


def _counted_functions(profile: Profile, top: int) -> Sheet:
    mode, counts = next(iter(profile.counted.items()))
    rows = [[named(frame), f"{count:,.0f}"] for frame, count in counts.functions.most_common(top)]
    title = f"The functions with most instructions; {mode}, one client"
    return Sheet("counted functions", title, ("function", "instructions per query"), [rows], texts=1)
