"""From a statement's text to what is known of it: the only code that finds a decision again without Python.

A statement stands under its shape and its parameter types, the whole of both, never a hash alone. Where the decision
depends on literals (`literals_matter`), the shape's entry says nothing else, and the statement stands under its exact
text; so does what has no shape. A text without literals stands under both, so that the same text, which is what drivers
prepare, is found without lexing it. A shape that was learnt as one where literals matter stays that while it is
remembered, whatever is learnt later: the stricter wins.

A table holds so many entries and bytes at most. What goes when there is no room is found by the clock algorithm (second
chance): an entry that was found since the hand has last passed stays, and a new one counts as not found yet, so that
shapes that come once go before those that come again. Knows no policy, no catalog and no session: what makes a
decision valid is the business of who owns the table.
"""

cimport cython
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from hoopfast.recording cimport TEMPLATE
from hoopfast.wire.buffer cimport (
    Buffer, PyMem_RawFree, buffer_fill, buffer_put, buffer_put_uint32, buffer_release, buffer_truncate,
)
from hoopfast.wire.bytemap cimport (
    ByteItem, ByteSlot, PyMem_RawMalloc, bytemap_item, bytemap_put, bytemap_release, bytemap_remove, byteitem_key,
    hash_bytes, hoopfast_mix,
)
from hoopfast.wire.cursor cimport hoopfast_assert
from hoopfast.wire.lexer cimport LEX_MEMORY, LEX_SHAPE, MARK_EXACT, lex, lexed_release
from hoopfast.wire.masking cimport MaskPlan

# Longer texts are not worth being remembered, nor being lexed for nothing. The types count.
cdef Py_ssize_t LONGEST_TEXT = 64 * 1024
# How a portal's rows are described depends on the formats that the client asks for, and on little else.
cdef Py_ssize_t MOST_DESCRIPTIONS = 8
cdef Py_ssize_t MOST_FORMATS = 8
cdef Py_ssize_t MOST_PLANS = 128
# A RowDescription of 1,600 columns (MaxTupleAttributeNumber) with names of usual length is one third of that.
cdef Py_ssize_t MOST_DESCRIBED = 256 * 1024
# What a statement is taken to need besides what is counted here: the decision's objects in Python. About as many bytes
# as that of a join of four relations.
cdef Py_ssize_t DECISION_SIZE = 2048
# How many of the retired statements are looked at in one learn(). It retires fewer on average.
cdef Py_ssize_t SWEEP = 64

# Statements in use whose table is gone.
cdef list ORPHANS = []


# --- Descriptions ----------------------------------------------------------------------------------------------------

cdef const Description* find_description(
    const Known* known, const unsigned char* body, Py_ssize_t length
) noexcept nogil:
    cdef const Description* description = known.descriptions
    while description != NULL and not (
        description.length == length
        and (length == 0 or memcmp(description.body, body, <size_t> length) == 0)
    ):
        description = description.next
    return description


cdef const MaskTable* find_plan(
    const Description* description, const unsigned char* formats, Py_ssize_t length
) noexcept nogil:
    cdef const FormatPlan* plan = description.formats
    while plan != NULL and not (
        plan.length == length and (length == 0 or memcmp(plan.formats, formats, <size_t> length) == 0)
    ):
        plan = plan.next
    if plan == NULL:
        return NULL
    return plan.plan


# Memory for a structure of `size` bytes, zeroed, with a copy of `content` behind it; to be freed as one.
cdef void* copy_behind(Py_ssize_t size, bytes content) except NULL:
    cdef char* memory = <char*> PyMem_RawMalloc(<size_t> (size + len(content)))
    if memory == NULL:
        raise MemoryError
    memset(memory, 0, <size_t> size)
    memcpy(memory + size, <const char*> content, <size_t> len(content))
    return memory


# Whether there is room for so much more about a statement.
cdef bint has_room(KnownStatement statement, Py_ssize_t more) noexcept:
    return more <= MOST_DESCRIBED - statement._described


cdef int grow(KnownStatement statement, Py_ssize_t more) except -1:
    cdef ShapeTable table
    statement._size += more
    statement._described += more
    if statement._entries > 0:
        table = <ShapeTable> statement.known.table
        table.size += more
        make_room(table, 0, 0, None)
    return 0


# The statement's description with this body, added if need be; NULL: there is no room.
cdef Description* describe(KnownStatement statement, bytes body) except? NULL:
    cdef Description* found
    cdef Description** place = &statement.known.descriptions
    cdef Py_ssize_t size = <Py_ssize_t> sizeof(Description) + len(body)
    cdef Py_ssize_t count = 0
    while place[0] != NULL:
        found = place[0]
        if found.length == len(body) and memcmp(found.body, <const char*> body, <size_t> len(body)) == 0:
            return found
        place = &found.next
        count += 1
    if count == MOST_DESCRIPTIONS or not has_room(statement, size):
        return NULL
    found = <Description*> copy_behind(sizeof(Description), body)
    found.body = <unsigned char*> (found + 1)
    found.length = len(body)
    place[0] = found
    grow(statement, size)
    return found


# The same for the plan under these result formats.
cdef FormatPlan* describe_formats(KnownStatement statement, Description* described, bytes formats) except? NULL:
    cdef FormatPlan* found
    cdef FormatPlan** place = &described.formats
    cdef Py_ssize_t size = <Py_ssize_t> sizeof(FormatPlan) + len(formats)
    cdef Py_ssize_t count = 0
    while place[0] != NULL:
        found = place[0]
        if found.length == len(formats) and memcmp(found.formats, <const char*> formats, <size_t> len(formats)) == 0:
            return found
        place = &found.next
        count += 1
    if count == MOST_FORMATS or not has_room(statement, size):
        return NULL
    found = <FormatPlan*> copy_behind(sizeof(FormatPlan), formats)
    found.formats = <unsigned char*> (found + 1)
    found.length = len(formats)
    place[0] = found
    grow(statement, size)
    return found


# Sets a plan. One that it replaces is kept: rows may be under way with it. False where that would be too many, and
# there is no plan then, so that Python is asked.
cdef bint set_plan(
    KnownStatement statement, const MaskTable** plan, PyObject** owner, MaskPlan chosen
) except -1:
    if owner[0] == <PyObject*> chosen:
        return True
    plan[0] = NULL
    owner[0] = NULL
    if len(statement._plans) == MOST_PLANS:
        return False
    statement._plans.append(chosen)
    plan[0] = &chosen.table
    owner[0] = <PyObject*> chosen
    return True


@cython.final
cdef class KnownStatement:
    """What is known of one statement, for the steady state; it grows with the descriptions that come in."""

    def __cinit__(
        self, object statement, *, bint clean, bint returns_rows, bint rows_clean, bint describe_always, bint planned,
        int transaction, object template, bint literals_matter,
    ):
        if transaction < 0 or transaction > <int> STEP_ROLLBACK:
            raise ValueError("transaction is a TransactionStep")
        if template is not None:
            self.known.template = PyCapsule_GetPointer(template, TEMPLATE())
        self.statement = statement
        self.literals_matter = literals_matter
        self._template = template
        self._plans = []
        self._size = DECISION_SIZE
        self.known.clean = clean
        self.known.returns_rows = returns_rows
        self.known.rows_clean = rows_clean
        self.known.describe_always = describe_always
        self.known.planned = planned
        self.known.transaction = <uint8_t> transaction
        self.known.statement = <PyObject*> statement
        self.known.owner = <PyObject*> self

    def __dealloc__(self):
        cdef Description* description = self.known.descriptions
        cdef Description* next_description
        cdef FormatPlan* plan
        cdef FormatPlan* next_plan
        hoopfast_assert(self.known.uses == 0)
        while description != NULL:
            plan = description.formats
            while plan != NULL:
                next_plan = plan.next
                PyMem_RawFree(plan)
                plan = next_plan
            next_description = description.next
            PyMem_RawFree(description)
            description = next_description

    def add_description(self, bytes description not None):
        """Remember a RowDescription's body; False if there are too many already."""
        return describe(self, description) != NULL

    def add_plan(self, bytes description not None, MaskPlan plan not None):
        """Set the plan for the execution that this description was made for; False if there is too much already."""
        cdef Description* found = describe(self, description)
        return found != NULL and set_plan(self, &found.plan, &found.owner, plan)

    def add_format_plan(self, bytes description not None, bytes formats not None, MaskPlan plan not None):
        """Set the plan for rows of this description under Bind's result formats; False if there is too much already."""
        cdef Description* described = describe(self, description)
        cdef FormatPlan* found = NULL if described == NULL else describe_formats(self, described, formats)
        return found != NULL and set_plan(self, &found.plan, &found.owner, plan)


# --- The table -------------------------------------------------------------------------------------------------------

# What an entry's key counts for, with its part of the map: at most three in four slots are taken, at least three in
# eight while the map grows.
cdef inline Py_ssize_t key_size(Py_ssize_t length) noexcept nogil:
    return <Py_ssize_t> (sizeof(ByteItem) + 3 * sizeof(ByteSlot)) + length


cdef inline Py_ssize_t entry_size(Py_ssize_t length, Py_ssize_t alias) noexcept nogil:
    return <Py_ssize_t> sizeof(ShapeEntry) + key_size(length) + (key_size(alias) if alias > 0 else 0)


# Makes a text's key that of a statement: what is behind it says where the text ends.
cdef inline void put_types(Buffer* key, const unsigned char* types, Py_ssize_t length) noexcept nogil:
    buffer_put(key, types, length)
    buffer_put_uint32(key, <uint32_t> length)


# Drops, of a list of retired statements, those that nobody uses any more; looks at `most` of them, from `place` down,
# and returns the next place.
cdef Py_ssize_t sweep(list retired, Py_ssize_t place, Py_ssize_t most) except -1:
    cdef KnownStatement statement
    cdef Py_ssize_t _looked
    for _looked in range(min(most, len(retired))):
        place = (place if 0 < place <= len(retired) else len(retired)) - 1
        statement = retired[place]
        if statement.known.uses == 0:
            # Another table may come to stand at the address of this one.
            if statement._entries == 0:
                statement.known.table = NULL
            last = retired.pop()
            if place < len(retired):
                retired[place] = last
    return place


# The entry of the exact text; its key is then in `_exact`.
cdef ShapeEntry* find_exact(
    ShapeTable table, const unsigned char* text, Py_ssize_t length, const unsigned char* types, Py_ssize_t types_length
) noexcept nogil:
    cdef Buffer* key = &table._exact
    cdef ByteItem* item
    if key.failed:
        buffer_release(key)
    buffer_truncate(key, 0)
    buffer_fill(key, MARK_EXACT, 1)
    buffer_put(key, text, length)
    put_types(key, types, types_length)
    if key.failed:
        return NULL
    item = bytemap_item(&table._map, hash_bytes(key.data, key.length), key.data, key.length)
    return NULL if item == NULL else <ShapeEntry*> item.value


# Whether the text has a shape; its key is then in the tokens of `_lexed`, and `hash` that of this key.
cdef bint lex_key(
    ShapeTable table, const unsigned char* text, Py_ssize_t length, const unsigned char* types, Py_ssize_t types_length
) noexcept nogil:
    cdef Lexed* lexed = &table._lexed
    if lex(text, length, True, lexed) != LEX_SHAPE:
        return False
    put_types(&lexed.tokens, types, types_length)
    if types_length > 0:
        lexed.hash = hoopfast_mix(lexed.hash, hash_bytes(types, types_length))
    return not lexed.tokens.failed


cdef ShapeEntry* find_shape(ShapeTable table) noexcept nogil:
    cdef const Lexed* lexed = &table._lexed
    cdef ByteItem* item = bytemap_item(&table._map, lexed.hash, lexed.tokens.data, lexed.tokens.length)
    return NULL if item == NULL else <ShapeEntry*> item.value


# Takes an entry out of the table. Its statement is retired: C may be using it.
cdef int drop(ShapeTable table, ShapeEntry* entry) except -1:
    cdef KnownStatement statement
    if entry.known != NULL:
        statement = <KnownStatement> entry.known.owner
        table._retired.append(statement)
        statement._entries -= 1
        if statement._entries == 0:
            table.size -= statement._size
        Py_DECREF(statement)
    table.size -= entry_size(entry.item.length, 0 if entry.alias == NULL else entry.alias.length)
    table._entries -= 1
    bytemap_remove(&table._map, entry.item.hash, byteitem_key(entry.item), entry.item.length)
    if entry.alias != NULL:
        bytemap_remove(&table._map, entry.alias.hash, byteitem_key(entry.alias), entry.alias.length)
    if table._hand == entry:
        table._hand = entry.next if entry.next != entry else NULL
    entry.previous.next = entry.next
    entry.next.previous = entry.previous
    PyMem_RawFree(entry)
    return 0


# Evicts until there is room for so many more entries and bytes, and for what `known` counts for if it is not None.
# False: there is no such room.
cdef bint make_room(ShapeTable table, Py_ssize_t entries, Py_ssize_t size, KnownStatement known) except -1:
    cdef Py_ssize_t more = 0 if known is None else known._size
    cdef ShapeEntry* entry
    if more > table._most_bytes - size:
        return False
    while table._hand != NULL:
        more = 0 if known is None or known._entries > 0 else known._size
        if table._entries <= table._most_entries - entries and table.size <= table._most_bytes - size - more:
            break
        entry = table._hand
        while entry.referenced:
            entry.referenced = False
            entry = entry.next
        table._hand = entry.next
        drop(table, entry)
    return True


# Adds an entry, for which there is room, under keys that are free; `known` None: one that says that literals matter.
cdef int add(ShapeTable table, uint64_t hash, const Buffer* key, const Buffer* alias, KnownStatement known) except -1:
    cdef ShapeEntry* entry = <ShapeEntry*> copy_behind(sizeof(ShapeEntry), b"")
    entry.item = bytemap_put(&table._map, hash, key.data, key.length, entry)
    if entry.item != NULL and alias != NULL:
        entry.alias = bytemap_put(&table._map, hash_bytes(alias.data, alias.length), alias.data, alias.length, entry)
        if entry.alias == NULL:
            bytemap_remove(&table._map, hash, key.data, key.length)
            entry.item = NULL
    if entry.item == NULL:
        PyMem_RawFree(entry)
        raise MemoryError
    if known is not None:
        Py_INCREF(known)
        entry.known = &known.known
        if known._entries == 0:
            table.size += known._size
        known._entries += 1
        known.known.table = <void*> table
    if table._hand == NULL:
        table._hand = entry
        entry.next = entry
    # Behind all others, as the hand goes.
    entry.next = table._hand
    entry.previous = table._hand.previous if table._hand != entry else entry
    entry.previous.next = entry
    entry.next.previous = entry
    table._entries += 1
    table.size += entry_size(key.length, 0 if alias == NULL else alias.length)
    return 0


# Puts a statement under the keys that were made last, all of which are free. `shaped`: the text has a shape; `strict`:
# which is no key, and that is put down. Where there is no room at all, nothing is.
cdef int remember(ShapeTable table, KnownStatement known, bint shaped, bint strict) except -1:
    cdef const Buffer* exact = &table._exact
    cdef const Buffer* shape = &table._lexed.tokens
    cdef const Buffer* alias = NULL
    cdef Py_ssize_t size
    if shaped and not strict:
        if table._lexed.literal_count == 0:
            alias = exact
        if make_room(table, 1, entry_size(shape.length, 0 if alias == NULL else alias.length), known):
            add(table, table._lexed.hash, shape, alias, known)
        return 0
    size = entry_size(exact.length, 0) + (entry_size(shape.length, 0) if shaped else 0)
    if make_room(table, 2 if shaped else 1, size, known):
        if shaped:
            add(table, table._lexed.hash, shape, NULL, None)
        add(table, hash_bytes(exact.data, exact.length), exact, NULL, known)
    return 0


# Nothing that a statement in use needs may depend on the collector of cycles, which empties lists early.
@cython.final
@cython.no_gc
cdef class ShapeTable:
    """Statements by their shape and parameter types, bounded; for one thread."""

    def __cinit__(self, *, Py_ssize_t most_entries=16384, Py_ssize_t most_bytes=64 * 1024 * 1024):
        if most_entries < 2:
            raise ValueError("a statement may need two entries")
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._retired = []
        sweep(ORPHANS, 0, len(ORPHANS))

    def __dealloc__(self):
        cdef KnownStatement statement
        while self._hand != NULL:
            drop(self, self._hand)
        for statement in self._retired or ():
            statement.known.table = NULL
            if statement.known.uses > 0:
                ORPHANS.append(statement)
        bytemap_release(&self._map)
        lexed_release(&self._lexed)
        buffer_release(&self._exact)

    def __len__(self):
        return self._entries

    def find_known(self, bytes text not None, bytes types not None):
        """The statement behind a text, None if it is not known."""
        cdef Known* known = self.find(text, len(text), types, len(types))
        return None if known == NULL else <object> known.owner

    def learn(self, bytes text not None, bytes types not None, KnownStatement known not None):
        """Remember the statement behind a text; does nothing for a text over 64 KiB."""
        cdef ShapeEntry* entry
        cdef bint shaped
        cdef bint strict = known.literals_matter
        if known.known.table != NULL and known.known.table != <void*> self:
            raise ValueError("another table has learnt this statement")
        self._place = sweep(self._retired, self._place, SWEEP)
        if len(text) + len(types) > LONGEST_TEXT:
            return
        entry = find_exact(self, text, len(text), types, len(types))
        if entry != NULL:
            drop(self, entry)
        shaped = lex_key(self, text, len(text), types, len(types))
        if self._lexed.status == LEX_MEMORY or self._lexed.tokens.failed or self._exact.failed:
            raise MemoryError
        if shaped:
            entry = find_shape(self)
            if entry != NULL:
                strict = strict or entry.known == NULL
                drop(self, entry)
        remember(self, known, shaped, strict)

    cdef Known* find(
        self, const unsigned char* text, Py_ssize_t length, const unsigned char* types, Py_ssize_t types_length
    ) noexcept nogil:
        cdef ShapeEntry* entry = NULL
        hoopfast_assert(length >= 0 and types_length >= 0)
        if length <= LONGEST_TEXT and types_length <= LONGEST_TEXT - length:
            entry = find_exact(self, text, length, types, types_length)
            if entry == NULL and lex_key(self, text, length, types, types_length):
                entry = find_shape(self)
        if entry != NULL:
            entry.referenced = True
            if entry.known != NULL:
                self.hits += 1
                return entry.known
        self.misses += 1
        return NULL
