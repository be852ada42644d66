"""A session's state while C is in charge of it, and how it changes hands.

Python hands over when it is owed nothing (`adopt`), and takes back whenever something comes that needs thought
(`spill`): then everything that C knows is told in words that session/ can make its own objects of. What Python has
made of a prepared statement is kept by C, so that the next hand-over costs nothing for it. Knows no object of session/
but by reference, and decides nothing; what happens in between is steady.pyx's.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.string cimport memcpy

from typing import Any, NamedTuple

from hoopfast.recording cimport RECORDING, Recording
from hoopfast.wire.buffer cimport PyMem_RawFree, buffer_release
from hoopfast.wire.bytemap cimport (
    ByteItem, ByteMap, byteitem_key, bytemap_find, bytemap_next, bytemap_put, bytemap_release, bytemap_remove,
    hash_bytes,
)
from hoopfast.wire.framer cimport Framer
from hoopfast.wire.freshness cimport Freshness
from hoopfast.wire.holdings cimport (
    CHANGES_NOTHING, CHANGES_PREPARED, LONGEST_NAME, OWED_CLOSE, Name, Owed, Portal, Prepared, owed_at, owed_release,
    portal_release, prepared_new, prepared_release,
)
from hoopfast.wire.masking cimport MaskPlan, MaskTable
from hoopfast.wire.shapes cimport Known, KnownStatement, ShapeTable, find_description
from hoopfast.wire.steady_state cimport Expectation

ANY_CLEAN = MaskPlan.clean()  # for rows that nobody has described, all of whose cells pass

cdef tuple KINDS = (
    "query", "parse", "bind", "describe statement", "describe portal", "execute", "close", "sync",
)


class SpilledReply(NamedTuple):
    """A reply that is owed; `kind` names a member of session.replies.Reply."""

    kind: str
    segment: int
    known: KnownStatement | None
    prepared: Any
    portal: Any
    swallow: bool
    changes_names: bool
    changes_prepared: bool
    closes: int
    name: bytes
    sequence: int
    tag: bytes | None  # of a Query whose command has completed
    plan: MaskPlan | None


class SpilledExecution(NamedTuple):
    """An execution that has begun and not ended; `started` is seconds of the monotonic clock."""

    sequence: int
    started: float
    rows: int
    received_bytes: int
    delivered_bytes: int
    masked_cells: int


class Spilled(NamedTuple):
    """All that C knew; names with the objects that `make` and `make_portal` made of what they stand for."""

    segment: int
    unsynced: bool
    tainted: bool
    status: bytes
    transaction_ended: bool
    books: tuple[int, int, int, bool]  # first, last and settled execution of the transaction, failed
    open: list[SpilledExecution]
    prepared: list[tuple[bytes, Any]]  # changed since `adopt`; None: it stands for nothing any more
    portals: list[tuple[bytes, Any]]
    changed_portals: list[bytes]  # names that stand for another portal, or for none, since `adopt`
    expected_prepared: list[tuple[bytes, Any]]
    expected_portals: list[tuple[bytes, Any]]
    replies: list[SpilledReply]


cdef class Scratch:
    """The buffers for what is to be sent after a call; one for all sessions of a thread."""

    def __dealloc__(self):
        buffer_release(&self.out)
        buffer_release(&self.rows)


cdef bytes name_of(const Name* name):
    return PyBytes_FromStringAndSize(<const char*> name.bytes, name.length)


cdef Name named(bytes name) except *:
    cdef Name result
    cdef Py_ssize_t length = PyBytes_GET_SIZE(name)
    if length > LONGEST_NAME or not name.isascii():
        raise ValueError("not a name that C may hold")
    result.length = <unsigned char> length
    memcpy(result.bytes, PyBytes_AS_STRING(name), <size_t> length)
    return result


cdef list keys_of(const ByteMap* map):
    cdef size_t place = 0
    cdef ByteItem* item = bytemap_next(map, &place)
    keys = []
    while item != NULL:
        keys.append(PyBytes_FromStringAndSize(<const char*> byteitem_key(item), item.length))
        item = bytemap_next(map, &place)
    return keys


cdef object plan_of(const Known* known, const MaskTable* plan):
    """The MaskPlan that a table belongs to; another session may have put another in its place since."""
    cdef MaskPlan found
    if plan == NULL:
        return None
    if plan == &(<MaskPlan> ANY_CLEAN).table:
        return ANY_CLEAN
    for found in (<KnownStatement> known.owner)._plans:
        if &found.table == plan:
            return found
    raise AssertionError("a plan that the statement has not")


cdef class SteadyState:
    """One session's state in C. `recording` is the recorder's capsule; `freshness` that of its database's catalog."""

    def __cinit__(self, Framer frontend, Framer backend, Freshness freshness, Scratch scratch, recording, **_):
        cdef Recording* table = <Recording*> PyCapsule_GetPointer(recording, RECORDING())
        self.frontend = frontend
        self.backend = backend
        self.freshness = freshness
        self.scratch = scratch
        self.recording = table[0]
        self._recording = recording
        self.status = c"I"

    def __dealloc__(self):
        cdef ByteItem* item
        cdef size_t place = 0
        self.forget_expected()
        owed_release(&self.queue)
        self.release_portals()
        item = bytemap_next(&self.prepared, &place)
        while item != NULL:
            prepared_release(<Prepared*> item.value, &self.queue.graveyard)
            item = bytemap_next(&self.prepared, &place)
        bytemap_release(&self.prepared)
        bytemap_release(&self.portals)
        bytemap_release(&self.touched)
        bytemap_release(&self.touched_portals)
        self.bury()

    # -- what it looks like from outside

    @property
    def owed(self) -> int:
        """How many replies the backend owes."""
        return self.queue.count

    @property
    def idle(self) -> bool:
        """Whether nothing is owed, and nothing waits for a Sync."""
        return self.queue.count == 0 and not self.unsynced

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction block is open, a failed one included."""
        return self.status != c"I"

    # -- from Python

    def adopt(
        self, ShapeTable table not None, *, segment, bytes status not None, bint tainted, bint foreign_portals, books
    ) -> None:
        """Take over. The caller is owed nothing, awaits no Sync, and has told of all prepared statements.

        `foreign_portals`: it has portals, which stay with it.
        """
        self.bury()
        if self.active or self.queue.count or self.expected_count:
            raise AssertionError("it has been handed over already")
        self.table = table
        self.generation = self.freshness.generation
        self.segment = segment
        self.status = status[0]
        self.tainted = tainted
        self.foreign_portals = foreign_portals
        self.first, self.last, self.settled, self.failed = books
        self.unsynced = False
        self.transaction_ended = False
        self.begun = 0
        self.active = True

    def put_prepared(self, bytes name not None, python, KnownStatement known not None, bytes description) -> None:
        """A name stands for this prepared statement, an object of the caller's; `description` if it is known."""
        cdef Name c_name = named(name)
        cdef Prepared* prepared = prepared_new(&c_name, &known.known, NULL, 0, NULL, 0)
        if prepared == NULL:
            raise MemoryError
        Py_INCREF(python)
        prepared.python = <PyObject*> python
        if description is not None:
            prepared.description = find_description(
                &known.known, <const unsigned char*> PyBytes_AS_STRING(description), PyBytes_GET_SIZE(description)
            )
        self.remove_prepared(name)
        if bytemap_put(
            &self.prepared, hash_bytes(c_name.bytes, c_name.length), c_name.bytes, c_name.length, prepared
        ) == NULL:
            prepared_release(prepared, &self.queue.graveyard)
            raise MemoryError

    def remove_prepared(self, bytes name not None) -> None:
        """A name stands for nothing that C may know."""
        cdef const unsigned char* start = <const unsigned char*> PyBytes_AS_STRING(name)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(name)
        prepared_release(
            <Prepared*> bytemap_remove(&self.prepared, hash_bytes(start, length), start, length),
            &self.queue.graveyard,
        )

    def forget_prepared(self) -> None:
        """No name of a prepared statement stands for anything that C may know."""
        cdef ByteItem* item
        cdef size_t place = 0
        item = bytemap_next(&self.prepared, &place)
        while item != NULL:
            prepared_release(<Prepared*> item.value, &self.queue.graveyard)
            item = bytemap_next(&self.prepared, &place)
        bytemap_release(&self.prepared)

    # -- to Python

    def spill(self, make, make_portal, described) -> Spilled:
        """Hand everything back. Nothing is owed, expected or open here afterwards; prepared statements stay.

        `make(name, text, parameter types as Parse has them, statement, description or None)` makes a prepared
        statement, `make_portal(name, prepared, statement, formats, parameters, plan, described, sequence)` a portal;
        `described(prepared, description)` tells of one that was made before.
        """
        cdef Portal* portal
        cdef ByteItem* item
        cdef size_t place = 0
        cdef int index
        portals = {}
        opened = []
        prepared = [(name, self.confirmed(name, make, described)) for name in keys_of(&self.touched)]
        place = 0
        item = bytemap_next(&self.portals, &place)
        confirmed = []
        if self.unnamed_portal != NULL:
            confirmed.append((b"", self.portal_of(self.unnamed_portal, portals, opened, make, described, make_portal)))
        while item != NULL:
            portal = <Portal*> item.value
            confirmed.append((
                name_of(&portal.name), self.portal_of(portal, portals, opened, make, described, make_portal)
            ))
            item = bytemap_next(&self.portals, &place)
        expected_prepared, expected_portals = [], []
        for index in range(self.expected_count):
            name = name_of(&self.expected[index].name)
            if self.expected[index].portal:
                expected_portals.append((name, self.portal_of(
                    <Portal*> self.expected[index].target, portals, opened, make, described, make_portal)))
            else:
                expected_prepared.append((name, self.prepared_of(
                    <Prepared*> self.expected[index].target, make, described)))
        replies = [
            self.reply(owed_at(&self.queue, i), portals, opened, make, described, make_portal)
            for i in range(self.queue.count)
        ]
        spilled = Spilled(
            self.segment, bool(self.unsynced), bool(self.tainted), bytes((self.status,)), bool(self.transaction_ended),
            (self.first, self.last, self.settled, bool(self.failed)), opened, prepared, confirmed,
            keys_of(&self.touched_portals), expected_prepared, expected_portals, replies,
        )
        self.active = False
        self.forget_expected()
        owed_release(&self.queue)
        self.release_portals()
        bytemap_release(&self.touched)
        bytemap_release(&self.touched_portals)
        self.bury()
        return spilled

    def drop(self) -> None:
        """Forget what is under way: the session is over."""
        self.active = False
        self.forget_expected()
        owed_release(&self.queue)
        self.release_portals()
        self.bury()

    cdef object confirmed(self, bytes name, make, described):
        cdef const unsigned char* start = <const unsigned char*> PyBytes_AS_STRING(name)
        cdef Py_ssize_t length = PyBytes_GET_SIZE(name)
        cdef Prepared* prepared = <Prepared*> bytemap_find(
            &self.prepared, hash_bytes(start, length), start, length
        )
        return self.prepared_of(prepared, make, described)

    cdef object prepared_of(self, Prepared* prepared, make, described):
        cdef bytes description = None
        if prepared == NULL:
            return None
        if prepared.description != NULL:
            description = PyBytes_FromStringAndSize(
                <const char*> prepared.description.body, prepared.description.length
            )
        if prepared.python != NULL:
            if prepared.described_here:
                described(<object> prepared.python, description)
        else:
            made = make(
                name_of(&prepared.name),
                PyBytes_FromStringAndSize(<const char*> prepared.source, prepared.text_length),
                PyBytes_FromStringAndSize(
                    <const char*> prepared.source + prepared.text_length, prepared.types_length
                ),
                <object> prepared.known.statement,
                description,
            )
            Py_INCREF(made)
            prepared.python = <PyObject*> made
        prepared.described_here = False
        return <object> prepared.python

    cdef object portal_of(self, Portal* portal, dict portals, list opened, make, described, make_portal):
        if portal == NULL:
            return None
        key = <size_t> portal
        if key in portals:
            return portals[key]
        statement = self.prepared_of(portal.prepared, make, described)
        made = make_portal(
            name_of(&portal.name),
            statement,
            <object> portal.known.statement,
            PyBytes_FromStringAndSize(<const char*> portal.source, portal.formats_length),
            PyBytes_FromStringAndSize(
                <const char*> portal.source + portal.formats_length, portal.parameters_length
            ),
            plan_of(portal.known, portal.plan),
            bool(portal.described),
            portal.sequence,
        )
        portals[key] = made
        if portal.sequence:
            opened.append(SpilledExecution(
                portal.sequence, portal.started / 1e9, portal.totals.rows, portal.totals.received_bytes,
                portal.totals.delivered_bytes, portal.totals.masked_cells,
            ))
        return made

    cdef object reply(self, Owed* entry, dict portals, list opened, make, described, make_portal):
        if entry.sequence and entry.portal == NULL:
            opened.append(SpilledExecution(
                entry.sequence, entry.started / 1e9, entry.totals.rows, entry.totals.received_bytes,
                entry.totals.delivered_bytes, entry.totals.masked_cells,
            ))
        return SpilledReply(
            KINDS[<int> entry.kind],
            entry.segment,
            <object> entry.known.owner if entry.known != NULL else None,
            self.prepared_of(entry.prepared, make, described),
            self.portal_of(entry.portal, portals, opened, make, described, make_portal),
            bool(entry.swallow),
            entry.changes != CHANGES_NOTHING,
            entry.changes == CHANGES_PREPARED,
            entry.closes,
            name_of(&entry.name) if entry.kind == OWED_CLOSE else b"",
            entry.sequence,
            PyBytes_FromStringAndSize(<const char*> entry.tag, entry.tag_length) if entry.completed else None,
            plan_of(entry.known, entry.plan) if entry.known != NULL else None,
        )

    cdef Portal* find_portal(self, const Name* name) noexcept nogil:
        if name.length == 0:
            return self.unnamed_portal
        return <Portal*> bytemap_find(&self.portals, hash_bytes(name.bytes, name.length), name.bytes, name.length)

    # -- letting go

    cdef void release_expected(self, Expectation* entry) noexcept nogil:
        if entry.portal:
            portal_release(<Portal*> entry.target, &self.queue.graveyard)
        else:
            prepared_release(<Prepared*> entry.target, &self.queue.graveyard)

    cdef void forget_expected(self) noexcept nogil:
        cdef int index
        for index in range(self.expected_count):
            self.release_expected(&self.expected[index])
        self.expected_count = 0

    cdef void release_portals(self) noexcept nogil:
        cdef ByteItem* item
        cdef size_t place = 0
        portal_release(self.unnamed_portal, &self.queue.graveyard)
        self.unnamed_portal = NULL
        if self.portals.count == 0:
            return
        item = bytemap_next(&self.portals, &place)
        while item != NULL:
            portal_release(<Portal*> item.value, &self.queue.graveyard)
            item = bytemap_next(&self.portals, &place)
        bytemap_release(&self.portals)

    cdef int bury(self) except -1:
        """Give up the references to Python's objects whose counterparts here are gone."""
        cdef Prepared* prepared
        while self.queue.graveyard != NULL:
            prepared = self.queue.graveyard
            self.queue.graveyard = prepared.next
            Py_DECREF(<object> prepared.python)
            PyMem_RawFree(prepared)
        return 0
