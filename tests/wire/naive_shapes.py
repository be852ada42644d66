"""The shape table as simple as it can be said: a list, searched from its beginning.

Second chance is a queue here: who has been found goes to its end once, who has not goes.
"""

from __future__ import annotations

from dataclasses import dataclass

from hoopfast.wire.lexer import shape

Key = tuple[str, bytes, bytes]


@dataclass
class Entry:
    """What stands under one key or two; `name` None: literals matter."""

    keys: list[Key]
    name: str | None
    found: bool = False


class NaiveTable:
    """Names of statements by shape and parameter types."""

    def __init__(self, most_entries: int) -> None:
        self.most_entries = most_entries
        self.queue: list[Entry] = []

    def _at(self, key: Key) -> Entry | None:
        return next((entry for entry in self.queue if key in entry.keys), None)

    @staticmethod
    def _keys(text: bytes, types: bytes) -> tuple[Key, Key | None, bool]:
        made = shape(text)
        shaped = None if made is None or made.exact else ("shape", made.key, types)
        return ("exact", text, types), shaped, made is not None and not made.literals

    def find(self, text: bytes, types: bytes) -> str | None:
        """The name that was learnt."""
        exact, shaped, _ = self._keys(text, types)
        entry = self._at(exact)
        if entry is None and shaped is not None:
            entry = self._at(shaped)
        if entry is None:
            return None
        entry.found = True
        return entry.name

    def learn(self, text: bytes, types: bytes, name: str, literals_matter: bool) -> None:
        """Remember a name."""
        exact, shaped, plain = self._keys(text, types)
        strict = literals_matter
        for key in (exact, shaped):
            entry = self._at(key) if key is not None else None
            if entry is not None:
                strict = strict or (key == shaped and entry.name is None)
                self.queue.remove(entry)
        if shaped is None:
            self._add(Entry([exact], name))
        elif strict:
            self._add(Entry([shaped], None), Entry([exact], name))
        else:
            self._add(Entry([shaped, exact] if plain else [shaped], name))

    def _add(self, *entries: Entry) -> None:
        while len(self.queue) + len(entries) > self.most_entries:
            oldest = self.queue.pop(0)
            if oldest.found:
                oldest.found = False
                self.queue.append(oldest)
        self.queue.extend(entries)
