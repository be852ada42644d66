"""What only C can do with bytemap.pxd and shapes.pxd, for their tests; built by compiled.py, with all assertions."""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint64_t

from hoopfast.recording cimport TEMPLATE
from hoopfast.wire.bytemap cimport (
    ByteItem, ByteMap, bytemap_find, bytemap_next, bytemap_put, bytemap_release, bytemap_remove, bytemap_size,
    byteitem_key, hash_bytes,
)
from hoopfast.wire.masking cimport MaskTable
from hoopfast.wire.shapes cimport Description, Known, KnownStatement, ShapeTable, find_description, find_plan


def hash_of(bytes text not None):
    """hash_bytes()."""
    cdef const unsigned char* start = text
    return hash_bytes(start if len(text) > 0 else NULL, len(text))


cdef class Map:
    """A ByteMap from bytes to numbers that are not 0; whoever calls chooses the hashes."""

    cdef ByteMap map

    def __dealloc__(self):
        bytemap_release(&self.map)

    def put(self, bytes key not None, uint64_t hash, size_t value):
        """Whether there was memory."""
        cdef const unsigned char* start = key
        cdef Py_ssize_t length = len(key)
        cdef ByteItem* item
        with nogil:
            item = bytemap_put(&self.map, hash, start if length > 0 else NULL, length, <void*> value)
        return item != NULL

    def find(self, bytes key not None, uint64_t hash):
        """The value, 0 if there is none."""
        return <size_t> bytemap_find(&self.map, hash, key, len(key))

    def remove(self, bytes key not None, uint64_t hash):
        """The value there was, 0 if there was none."""
        return <size_t> bytemap_remove(&self.map, hash, key, len(key))

    def items(self):
        """All keys and values."""
        cdef size_t place = 0
        cdef ByteItem* item = bytemap_next(&self.map, &place)
        found = []
        while item != NULL:
            found.append((byteitem_key(item)[:item.length], <size_t> item.value))
            item = bytemap_next(&self.map, &place)
        return found

    def release(self):
        """Give up everything."""
        bytemap_release(&self.map)

    @property
    def capacity(self):
        """Slots."""
        return self.map.capacity

    @property
    def size(self):
        """bytemap_size()."""
        return bytemap_size(&self.map)

    def __len__(self):
        return self.map.count


def template_capsule(bytes name=None):
    """A capsule as audit/ makes them, or of another name, which has to live as long."""
    return PyCapsule_New(<void*> 1, TEMPLATE() if name is None else <const char*> name, NULL)


cdef class Holder:
    """What a session does with a table: finds statements, and holds them while it uses them."""

    cdef ShapeTable table
    cdef Known* held[64]
    cdef int count

    def __cinit__(self, ShapeTable table not None):
        self.table = table

    def __dealloc__(self):
        while self.count > 0:
            self.release(0)

    def hold(self, bytes text not None, bytes types not None):
        """Find a statement and use it; False if it is not known."""
        cdef Known* known = self.table.find(text, len(text), types, len(types))
        if known == NULL:
            return False
        known.uses += 1
        self.held[self.count] = known
        self.count += 1
        return True

    def release(self, int place):
        """Use a statement no longer."""
        self.held[place].uses -= 1
        self.count -= 1
        self.held[place] = self.held[self.count]

    def forget_table(self):
        """Hold the statements only."""
        self.table = None

    def statements(self):
        """The decisions of those that are held, read from C."""
        return [<object> self.held[place].statement for place in range(self.count)]

    def belongs_to(self, int place, ShapeTable table):
        """Whether a statement that is held was learnt by this table; by none: None."""
        return self.held[place].table == (NULL if table is None else <void*> table)

    def find_often(self, list texts, bytes types, int rounds):
        """How many of so many rounds of find() found something."""
        cdef int found = 0
        cdef Py_ssize_t length, types_length = len(types)
        cdef const unsigned char* start
        cdef const unsigned char* types_start = types
        for _round in range(rounds):
            for text in texts:
                start = text
                length = len(text)
                with nogil:
                    found += self.table.find(start, length, types_start, types_length) != NULL
        return found


def facts(KnownStatement statement not None):
    """The fields of a Known that C reads."""
    cdef Known known = statement.known
    return {
        "uses": known.uses, "template": known.template != NULL, "clean": known.clean,
        "returns_rows": known.returns_rows, "rows_clean": known.rows_clean,
        "describe_always": known.describe_always, "planned": known.planned, "transaction": known.transaction,
        "statement": <object> known.statement, "owner": <object> known.owner, "table": known.table != NULL,
    }


def described(KnownStatement statement not None, bytes body not None, bytes formats=None):
    """What find_description finds: its address, and its own plan, or the one that find_plan finds for these formats."""
    cdef const Description* found = find_description(&statement.known, body, len(body))
    cdef const MaskTable* plan
    if found == NULL:
        return None
    plan = found.plan
    if formats is not None:
        plan = find_plan(found, formats, len(formats))
    return <size_t> found, plan.columns if plan != NULL else None
