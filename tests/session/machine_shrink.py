"""From the many events that hypothesis has found to the few that matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.session.machine import Difference, Event, Make, Stage, pieces, replay


def differs(make: Make) -> Callable[[Sequence[Event]], bool]:
    """Whether events make a difference to a conversation."""

    def difference(events: Sequence[Event]) -> bool:
        try:
            replay(events, Stage(make))
        except Difference:
            return True
        return False

    return difference


def explained(difference: Difference, events: Sequence[Event], make: Make) -> Difference:
    """The difference, and the few events that lead to one like it."""
    few = minimised(events, differs(make))
    return Difference("\n".join([str(difference), "to be had by:", *(f"  {one}" for one in few), repr(few)]))


def minimised(events: Sequence[Event], differs: Callable[[Sequence[Event]], bool], most: int = 4000) -> list[Event]:
    """Fewer events that still lead to a difference: of whole messages, if that is enough; then ddmin."""
    current = list(events)
    for simpler in (_merged(current), [part for event in _merged(current) for part in _messages(event)]):
        if differs(simpler):
            current = simpler
    sizes = [max(len(current) >> shift, 13) for shift in range(1, 6)] + list(range(12, 0, -1)) * 2
    for size in sizes:
        place = 0
        while place < len(current) and most > 0:
            most -= 1
            fewer = current[:place] + current[place + size :]
            if differs(fewer):
                current = fewer
            else:
                place += 1 if size < 13 else size
    return _without_pairs(current, differs)


def _without_pairs(events: list[Event], differs: Callable[[Sequence[Event]], bool]) -> list[Event]:
    """Without what only goes together: a message and its answer."""
    current, place = events, 0
    while place < len(current):
        for other in range(place + 1, min(place + 8, len(current))):
            fewer = current[:place] + current[place + 1 : other] + current[other + 1 :]
            if differs(fewer):
                current = fewer
                break
        else:
            place += 1
    return current


def _messages(event: Event) -> list[Event]:
    """An event of several messages as an event for each."""
    return [event._replace(data=one) for one in pieces(event.data)] if event.what in ("F", "B") else [event]


def _merged(events: Sequence[Event]) -> list[Event]:
    """With messages that arrive as they are complete."""
    merged: list[Event] = []
    begun: dict[tuple[int, str], bytes] = {}
    for event in events:
        if event.what not in ("F", "B"):
            merged.append(event)
            continue
        key = (event.session, event.what)
        parts = pieces(begun.pop(key, b"") + event.data)
        last = parts[-1] if parts else b""
        if len(last) < 5 or len(last) <= int.from_bytes(last[1:5], "big"):
            begun[key] = b"".join(parts[-1:])
            del parts[-1:]
        if parts:
            merged.append(event._replace(data=b"".join(parts)))
    return merged + [Event(side, number, data) for (number, side), data in begun.items() if data]
