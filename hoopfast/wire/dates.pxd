# The year of a date or timestamp, strictly read and written back as its January 1st: what the mask date_year keeps.
#
# Reads PostgreSQL's ISO text form (manual, 8.5.2) and the binary forms of date_send and timestamp_send; whatever else a
# cell holds (another DateStyle, a year before 1 or after 9999, infinity) is not read at all. Knows no plan and no row.

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from hoopfast.wire.buffer cimport Writer, writer_put, writer_put_uint32
from hoopfast.wire.cursor cimport Cursor, cursor_int32, cursor_left, cursor_open, cursor_peek

cdef extern from *:
    # In microseconds. (Cython takes literals of more than 32 bits for Python's numbers.)
    """
    #define HOOPFAST_PER_DAY INT64_C(86400000000)
    #define HOOPFAST_FIRST_MOMENT INT64_C(-63082281600000000)
    #define HOOPFAST_AFTER_LAST INT64_C(252455616000000000)
    """
    int64_t PER_DAY "HOOPFAST_PER_DAY"
    int64_t FIRST_MOMENT "HOOPFAST_FIRST_MOMENT"  # 0001-01-01, since 2000-01-01
    int64_t AFTER_LAST "HOOPFAST_AFTER_LAST"  # 10000-01-01

cdef enum YearForm:  # MaskCell.n of CELL_DATE_YEAR
    YEAR_TEXT_DATE = 0
    YEAR_TEXT_TIMESTAMP = 1
    YEAR_TEXT_TIMESTAMPTZ = 2
    YEAR_BINARY_DATE = 3
    YEAR_BINARY_TIMESTAMP = 4

cdef enum:
    ZERO = 48
    NINE = 57
    DASH = 45
    BLANK = 32
    FIRST_DAY = -730119  # 0001-01-01, in days since 2000-01-01
    LAST_DAY = 2921939  # 9999-12-31
    DAYS_TO_2000 = 730425  # from 0000-03-01, where the calendar below begins


# January 1st of the year in which `day` lies, both in days since 2000-01-01. (Eras of 400 years, years from March 1st.)
cdef inline int32_t january_first(int32_t day) noexcept nogil:
    cdef uint32_t since = <uint32_t> (day + DAYS_TO_2000 + 146097)  # a further era, so that year 0 is none below zero
    cdef uint32_t in_era = since % 146097
    cdef uint32_t year_of_era = (in_era - in_era // 1460 + in_era // 36524 - in_era // 146096) // 365
    cdef uint32_t day_of_year = in_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    cdef uint32_t march_first = since - day_of_year
    # January and February belong to the year that began ten months before them; January 1st is its 307th day.
    if day_of_year >= 306:
        return <int32_t> (march_first + 306) - 146097 - DAYS_TO_2000
    return <int32_t> (march_first - 59 - leap(year_of_era)) - 146097 - DAYS_TO_2000


# Whether the year, counted within its era, has a February 29th.
cdef inline uint32_t leap(uint32_t year) noexcept nogil:
    return 1 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 0


# Whether the text begins YYYY-MM-DD, and goes on with nothing (a date) or a blank (a timestamp).
cdef inline bint is_iso(const Cursor* text, bint timestamp) noexcept nogil:
    cdef Py_ssize_t place
    cdef unsigned char byte
    if cursor_left(text) < 10 or (cursor_left(text) > 10) != timestamp:
        return False
    for place in range(10):
        byte = cursor_peek(text, place)
        if place == 4 or place == 7:
            if byte != DASH:
                return False
        elif not ZERO <= byte <= NINE:
            return False
    # " BC" at the end, or anything else that is not a time of day, makes it another date.
    return not timestamp or (cursor_peek(text, 10) == BLANK and is_time(text))


# Whether what stands behind the date is digits, colons, a point and an offset, and no more.
cdef inline bint is_time(const Cursor* text) noexcept nogil:
    cdef Py_ssize_t place
    cdef unsigned char byte
    if cursor_left(text) < 19:
        return False
    for place in range(11, cursor_left(text)):
        byte = cursor_peek(text, place)
        if not (ZERO <= byte <= NINE + 1 or byte == 43 or byte == DASH or byte == 46):  # 0-9 and ':', '+', '-', '.'
            return False
    return True


# Writes the cell with its length field, 26 bytes at most; False, and nothing is written, where the value is not of its
# form.
cdef inline bint put_year(
    Writer* output, Py_ssize_t form, const unsigned char* value, Py_ssize_t length
) noexcept nogil:
    cdef Cursor text
    cdef int32_t day
    cdef int64_t micros
    cursor_open(&text, value, length)
    if form == YEAR_BINARY_DATE:
        if length != 4 or not cursor_int32(&text, &day) or not FIRST_DAY <= day <= LAST_DAY:
            return False
        writer_put_uint32(output, 4)
        writer_put_uint32(output, <uint32_t> january_first(day))
        return True
    if form == YEAR_BINARY_TIMESTAMP:
        if length != 8 or not day_of_timestamp(&text, &day):
            return False
        micros = january_first(day) * PER_DAY
        writer_put_uint32(output, 8)
        writer_put_uint32(output, <uint32_t> (<uint64_t> micros >> 32))
        writer_put_uint32(output, <uint32_t> <uint64_t> micros)
        return True
    if not is_iso(&text, form != YEAR_TEXT_DATE):
        return False
    writer_put_uint32(output, 10 if form == YEAR_TEXT_DATE else 19 if form == YEAR_TEXT_TIMESTAMP else 22)
    writer_put(output, value, 4)
    writer_put(output, <const unsigned char*> b"-01-01 00:00:00+00", 6 if form == YEAR_TEXT_DATE else
               15 if form == YEAR_TEXT_TIMESTAMP else 18)
    return True


# The day of a binary timestamp, in days since 2000-01-01; False where it is out of range.
cdef inline bint day_of_timestamp(Cursor* value, int32_t* day) noexcept nogil:
    cdef int32_t high, low
    cdef int64_t micros
    if not cursor_int32(value, &high) or not cursor_int32(value, &low):
        return False
    micros = <int64_t> ((<uint64_t> <uint32_t> high << 32) | <uint64_t> <uint32_t> low)
    if not FIRST_MOMENT <= micros < AFTER_LAST:
        return False
    # Counted from the first moment, so that nothing is below zero, where division rounds otherwise in C.
    day[0] = <int32_t> ((micros - FIRST_MOMENT) // PER_DAY) + FIRST_DAY
    return True
