# A hash map in C, from strings of bytes to pointers; and the hash of bytes that it, and the lexer, go by.
#
# Owns the copies of its keys, not what its values point to, and never looks at that. A map that is all zero is empty
# and ready for use. Open addressing with linear probing: what is removed leaves no mark behind, what follows moves up,
# so that a lookup never gets slower than the number of keys makes it. Equal hashes mean nothing: the whole key is
# compared. A failed allocation is reported at once and leaves the map as it was. Memory is Python's raw allocator's: no
# GIL is needed, and tracemalloc sees it. Debug builds overwrite what is given up. One thread at a time.

from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memcpy, memset

from hoopfast.wire.buffer cimport PyMem_RawFree, hoopfast_poison
from hoopfast.wire.cursor cimport hoopfast_assert

cdef extern from "Python.h" nogil:
    void* PyMem_RawMalloc(size_t size) noexcept
    void* PyMem_RawCalloc(size_t count, size_t size) noexcept

# The seeds are the same in every module of a process, and nobody outside of it knows them: who did could write keys
# that collide. They come from Python's own secret, so that PYTHONHASHSEED makes runs repeatable (for the counting of
# instructions, and not for production, as everywhere in Python).
cdef extern from *:
    """
    #include <stdint.h>
    static uint64_t hoopfast_seeds[2];
    __attribute__((constructor)) static void hoopfast_seed(void) {
        hoopfast_seeds[0] = (uint64_t) PyHash_GetFuncDef()->hash("hoopfast.wire.bytemap 0", 23);
        hoopfast_seeds[1] = (uint64_t) PyHash_GetFuncDef()->hash("hoopfast.wire.bytemap 1", 23);
    }
    static inline uint64_t hoopfast_mix(uint64_t a, uint64_t b) {
        unsigned __int128 product = (unsigned __int128) a * b;
        return (uint64_t) product ^ (uint64_t) (product >> 64);
    }
    """
    const uint64_t hoopfast_seeds[2]
    uint64_t hoopfast_mix(uint64_t a, uint64_t b) noexcept nogil

cdef enum:
    BYTEMAP_FEWEST = 8  # slots of a map that is not empty; a power of two


# One key and its value: stays where it is until it is removed. The key's bytes stand right behind it.
cdef struct ByteItem:
    void* value  # never NULL
    uint64_t hash
    Py_ssize_t length  # of the key


cdef struct ByteSlot:
    uint64_t hash
    ByteItem* item  # NULL: free


cdef struct ByteMap:
    ByteSlot* slots
    size_t capacity  # slots: none, or a power of two
    size_t count  # keys
    size_t key_bytes  # the lengths of all keys together


# 64 bits of a string of bytes (NULL where it is empty), 16 of them at a time; differs from process to process.
cdef inline uint64_t hash_bytes(const unsigned char* start, Py_ssize_t length) noexcept nogil:
    cdef uint64_t state = hoopfast_seeds[0] ^ <uint64_t> length
    cdef uint64_t block[2]
    cdef Py_ssize_t at = 0
    hoopfast_assert(length >= 0)
    while length - at >= 16:
        memcpy(block, start + at, 16)
        state = hoopfast_mix(block[0] ^ hoopfast_seeds[1], block[1] ^ state)
        at += 16
    block[0] = 0
    block[1] = 0
    if at < length:
        memcpy(block, start + at, <size_t> (length - at))
    state = hoopfast_mix(block[0] ^ hoopfast_seeds[1], block[1] ^ state)
    return hoopfast_mix(state ^ hoopfast_seeds[0], <uint64_t> length ^ hoopfast_seeds[1])


# The key's bytes; valid as long as the item.
cdef inline const unsigned char* byteitem_key(const ByteItem* item) noexcept nogil:
    return <const unsigned char*> (item + 1)


# The slot that the key stands in, or the free one where it would; there are slots, and some are free.
cdef inline ByteSlot* bytemap_slot(
    const ByteMap* map, uint64_t hash, const unsigned char* key, Py_ssize_t length
) noexcept nogil:
    cdef size_t mask = map.capacity - 1
    cdef size_t place = <size_t> hash & mask
    cdef ByteItem* item = map.slots[place].item
    hoopfast_assert(map.count < map.capacity)
    while item != NULL:
        if map.slots[place].hash == hash and item.length == length and (
            length == 0 or memcmp(byteitem_key(item), key, <size_t> length) == 0
        ):
            break
        place = (place + 1) & mask
        item = map.slots[place].item
    return &map.slots[place]


# The item of a key, NULL if it is not there. `hash` is hash_bytes() of the key, here and below, or at least the same
# number for the same key each time. The value may be replaced in the item.
cdef inline ByteItem* bytemap_item(
    const ByteMap* map, uint64_t hash, const unsigned char* key, Py_ssize_t length
) noexcept nogil:
    hoopfast_assert(length >= 0)
    return NULL if map.count == 0 else bytemap_slot(map, hash, key, length).item


# The value of a key, NULL if it is not there.
cdef inline void* bytemap_find(
    const ByteMap* map, uint64_t hash, const unsigned char* key, Py_ssize_t length
) noexcept nogil:
    cdef ByteItem* item = bytemap_item(map, hash, key, length)
    return NULL if item == NULL else item.value


# Moves all items to another number of slots, a power of two larger than their count. False: out of memory.
cdef inline bint bytemap_resize(ByteMap* map, size_t capacity) noexcept nogil:
    cdef ByteSlot* slots = <ByteSlot*> PyMem_RawCalloc(capacity, sizeof(ByteSlot))
    cdef size_t place, target
    if slots == NULL:
        return False
    for place in range(map.capacity):
        if map.slots[place].item != NULL:
            target = <size_t> map.slots[place].hash & (capacity - 1)
            while slots[target].item != NULL:
                target = (target + 1) & (capacity - 1)
            slots[target] = map.slots[place]
    PyMem_RawFree(map.slots)
    map.slots = slots
    map.capacity = capacity
    return True


# Sets the value of a key, which is copied if it is new; the value before, if there was one, is the caller's to look up
# and to release first. NULL: out of memory, and nothing has changed.
cdef inline ByteItem* bytemap_put(
    ByteMap* map, uint64_t hash, const unsigned char* key, Py_ssize_t length, void* value
) noexcept nogil:
    cdef ByteSlot* slot
    cdef ByteItem* item = bytemap_item(map, hash, key, length)
    hoopfast_assert(value != NULL)
    if item != NULL:
        item.value = value
        return item
    # At most three in four slots are taken: a miss then looks at nine on average (Knuth, 6.4, algorithm L).
    if (map.count + 1) * 4 > map.capacity * 3 and not bytemap_resize(
        map, map.capacity * 2 if map.capacity else BYTEMAP_FEWEST
    ):
        return NULL
    item = <ByteItem*> PyMem_RawMalloc(sizeof(ByteItem) + <size_t> length)
    if item == NULL:
        return NULL
    item.value = value
    item.hash = hash
    item.length = length
    if length > 0:
        memcpy(<unsigned char*> byteitem_key(item), key, <size_t> length)
    slot = bytemap_slot(map, hash, key, length)
    slot.hash = hash
    slot.item = item
    map.count += 1
    map.key_bytes += <size_t> length
    return item


# Frees a slot; of those that follow up to the next free one, each that its own place allows moves up.
cdef inline void bytemap_close_gap(ByteMap* map, size_t gap) noexcept nogil:
    cdef size_t mask = map.capacity - 1
    cdef size_t place = (gap + 1) & mask
    while map.slots[place].item != NULL:
        # As far from where it belongs as from the gap, or farther.
        if ((place - <size_t> map.slots[place].hash) & mask) >= ((place - gap) & mask):
            map.slots[gap] = map.slots[place]
            gap = place
        place = (place + 1) & mask
    map.slots[gap].item = NULL


# Removes a key; its item is gone. Returns its value, NULL if it was not there. `key` may be the item's own.
cdef inline void* bytemap_remove(
    ByteMap* map, uint64_t hash, const unsigned char* key, Py_ssize_t length
) noexcept nogil:
    cdef ByteSlot* slot
    cdef ByteItem* item = bytemap_item(map, hash, key, length)
    cdef void* value
    if item == NULL:
        return NULL
    slot = bytemap_slot(map, hash, key, length)
    value = item.value
    bytemap_close_gap(map, <size_t> (slot - map.slots))
    map.count -= 1
    map.key_bytes -= <size_t> length
    hoopfast_poison(item, sizeof(ByteItem) + <size_t> length)
    PyMem_RawFree(item)
    # What many keys needed is given back when few are left; where that fails, the slots that there are will do.
    if map.capacity > BYTEMAP_FEWEST and map.count * 8 < map.capacity:
        bytemap_resize(map, map.capacity // 2)
    return value


# The next item, NULL behind the last; `place` is 0 at the beginning, and for nobody to look at. In no order. While it
# goes on, values may be replaced, and nothing put or removed.
cdef inline ByteItem* bytemap_next(const ByteMap* map, size_t* place) noexcept nogil:
    cdef ByteItem* item
    while place[0] < map.capacity:
        item = map.slots[place[0]].item
        place[0] += 1
        if item != NULL:
            return item
    return NULL


# What the map holds in memory, with its keys and without what it is itself.
cdef inline size_t bytemap_size(const ByteMap* map) noexcept nogil:
    return map.capacity * sizeof(ByteSlot) + map.count * sizeof(ByteItem) + map.key_bytes


# Gives up all keys and slots: the map is empty, and ready for use. Values are the caller's to release first.
cdef inline void bytemap_release(ByteMap* map) noexcept nogil:
    cdef ByteItem* item
    cdef size_t place = 0
    item = bytemap_next(map, &place)
    while item != NULL:
        hoopfast_poison(item, sizeof(ByteItem) + <size_t> item.length)
        PyMem_RawFree(item)
        item = bytemap_next(map, &place)
    if map.slots != NULL:
        PyMem_RawFree(map.slots)
    memset(map, 0, sizeof(ByteMap))
