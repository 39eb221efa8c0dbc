/* Sorting, selecting, searching, counting float32 numbers along one axis: kernels/sort.py,
   kernels/reduce.py (max_dim and the like), kernels/histogram.py.

   A number and its place make one word of 64 bits, the number on top in a form in which unsigned
   integers are in order: NaN last, -0 equal to 0. No two words are equal, so whatever sorts them
   sorts stably. */

#include "spans.h"
#include <numpy/arrayscalars.h>

typedef uint64_t Word;

/* ---- words of numbers */

#define NAN_KEY 0xffffffffu

INLINE uint32_t key_of(float x)
{
    const uint32_t bits = (uint32_t)to_bits(x + 0.0f); /* -0 becomes 0 */
    const uint32_t key = bits ^ ((uint32_t)((int32_t)bits >> 31) | 0x80000000u);
    return x == x ? key : NAN_KEY;
}

CLONES static void dense_words(const float *x, Word *to, npy_intp n, uint32_t flip)
{
    for (npy_intp i = 0; i < n; i++) to[i] = (Word)(key_of(x[i]) ^ flip) << 32 | (uint32_t)i;
}

/* The words of n numbers `step` apart, in descending order of the numbers with `flip` all ones. */
static void words_of(const float *x, npy_intp step, Word *to, npy_intp n, uint32_t flip)
{
    if (step == 1) dense_words(x, to, n, flip);
    else
        for (npy_intp i = 0; i < n; i++)
            to[i] = (Word)(key_of(x[i * step]) ^ flip) << 32 | (uint32_t)i;
}

#define PLACE(word) ((npy_intp)((word) & 0xffffffffu))
#define KEY(word) ((uint32_t)((word) >> 32))

/* ---- sorting */

#define FEW 64 /* words that are sorted quickest by counting for each those before it */

static void insertion(Word *words, npy_intp n)
{
    for (npy_intp i = 1; i < n; i++) {
        const Word word = words[i];
        npy_intp at = i;
        for (; at > 0 && words[at - 1] > word; at--) words[at] = words[at - 1];
        words[at] = word;
    }
}

CLONES static void by_ranks(Word *words, npy_intp n)
{
    enum { SIDE = 8 };
    int64_t known[FEW]; /* in the order of signed numbers, which vectors compare */
    Word copy[FEW];
    for (npy_intp i = 0; i < n; i++) known[i] = (int64_t)((copy[i] = words[i]) ^ (Word)1 << 63);
    for (npy_intp i = n; i % SIDE; i++) known[i] = 0;
    for (npy_intp j = 0; j < n; j += SIDE) {
        int64_t rank[SIDE] = {0};
        for (npy_intp i = 0; i < n; i++)
            for (int l = 0; l < SIDE; l++) rank[l] += known[i] < known[j + l];
        for (npy_intp l = 0; l < SIDE && j + l < n; l++) words[rank[l]] = copy[j + l];
    }
}

/* By digits of the keys, the lowest first; equal keys keep their order, which is that of places. */
static void by_digits(Word *words, Word *other, npy_intp n)
{
    enum { BITS = 8, DIGITS = 4, VALUES = 1 << BITS };
    uint32_t counts[DIGITS][VALUES];
    memset(counts, 0, sizeof counts);
    for (npy_intp i = 0; i < n; i++)
        for (int d = 0; d < DIGITS; d++) counts[d][words[i] >> (32 + BITS * d) & (VALUES - 1)]++;
    Word *from = words, *to = other;
    for (int d = 0; d < DIGITS; d++) {
        const int shift = 32 + BITS * d;
        uint32_t *count = counts[d], start = 0;
        if (count[from[0] >> shift & (VALUES - 1)] == n) continue; /* all the same */
        for (int v = 0; v < VALUES; v++) {
            const uint32_t here = count[v];
            count[v] = start;
            start += here;
        }
        for (npy_intp i = 0; i < n; i++) to[count[from[i] >> shift & (VALUES - 1)]++] = from[i];
        Word *const swapped = from;
        from = to;
        to = swapped;
    }
    if (from != words) memcpy(words, from, n * sizeof(Word));
}

static void sort_words(Word *words, Word *other, npy_intp n)
{
    if (n <= FEW) by_ranks(words, n);
    else by_digits(words, other, n);
}

/* ---- selecting */

/* The word that sorting would put at place k; the order of the others is lost. */
static Word select_word(Word *words, npy_intp n, npy_intp k)
{
    for (int shift = 56; n > FEW && shift >= 32; shift -= 8) {
        uint32_t counts[256];
        memset(counts, 0, sizeof counts);
        for (npy_intp i = 0; i < n; i++) counts[words[i] >> shift & 255]++;
        npy_intp below = 0;
        Word digit = 0;
        for (; below + counts[digit] <= k; digit++) below += counts[digit];
        npy_intp left = 0;
        for (npy_intp i = 0; i < n; i++) {
            words[left] = words[i];
            left += (words[i] >> shift & 255) == digit;
        }
        n = left;
        k -= below;
    }
    if (n > FEW) return words[k]; /* of one key, in the order of places */
    by_ranks(words, n);
    return words[k];
}

/* The k smallest in order, in front, for few of them. */
static void smallest_words(Word *words, npy_intp n, npy_intp k)
{
    insertion(words, k);
    for (npy_intp i = k; i < n; i++) {
        const Word word = words[i];
        if (word > words[k - 1]) continue;
        npy_intp at = k - 1;
        for (; at > 0 && words[at - 1] > word; at--) words[at] = words[at - 1];
        words[at] = word;
    }
}

/* ---- kernels: each works on one line of the array after the other */

#define STACK 1024 /* words that need no memory of their own */

typedef struct {
    Word *words, *other, mine[2 * STACK], *own;
} Room;

INLINE int room_for(Room *room, npy_intp n)
{
    room->own = NULL;
    if (n > STACK && !(room->own = PyMem_RawMalloc(2 * n * sizeof(Word)))) {
        PyErr_NoMemory();
        return 0;
    }
    room->words = room->own ? room->own : room->mine;
    room->other = room->words + (n > STACK ? n : STACK);
    return 1;
}

/* A NumPy scalar. */
static PyObject *scalar(int type, const void *value)
{
    PyArray_Descr *descr = PyArray_DescrFromType(type);
    PyObject *made = descr ? PyArray_Scalar((void *)value, descr, NULL) : NULL;
    Py_XDECREF(descr);
    return made;
}

/* What all of these take: a dense array that is not empty, and an axis of fewer than 2^31. */
INLINE int takes(PyObject *x, PyObject *dim, Span *s)
{
    return is_dense(x, NPY_FLOAT32) && PyLong_CheckExact(dim) && span_of(x, dim, s)
           && s->n < 0x7fffffff;
}

/* A new array of the shape of x with k numbers along the axis. */
INLINE PyObject *new_along(PyObject *x, const Span *s, npy_intp k, int type)
{
    npy_intp shape[NPY_MAXDIMS];
    memcpy(shape, PyArray_DIMS(ARRAY(x)), PyArray_NDIM(ARRAY(x)) * sizeof(npy_intp));
    shape[s->first] = k;
    return new_array(PyArray_NDIM(ARRAY(x)), shape, type);
}

/* The same without the axis (or with 1 along it). */
INLINE PyObject *new_without(PyObject *x, const Span *s, int keepdim, int type)
{
    if (keepdim) return new_along(x, s, 1, type);
    npy_intp shape[NPY_MAXDIMS];
    int nd = 0;
    for (int i = 0; i < PyArray_NDIM(ARRAY(x)); i++)
        if (i != s->first) shape[nd++] = PyArray_DIM(ARRAY(x), i);
    return new_array(nd, shape, type);
}

/* The first k of each line in order: places, and values unless there is no memory for them. */
static int first_in_order(const float *x, const Span *s, npy_intp k, int descending, float *values,
                          npy_int64 *places)
{
    Room room;
    if (!room_for(&room, s->n)) return 0;
    const int few = k < s->n && k <= 24;
    THREADS_BEGIN(s->outer * s->n * s->inner);
    for (npy_intp o = 0; o < s->outer; o++)
        for (npy_intp c = 0; c < s->inner; c++) {
            const float *line = x + o * s->n * s->inner + c;
            words_of(line, s->inner, room.words, s->n, descending ? 0xffffffffu : 0);
            if (few) smallest_words(room.words, s->n, k);
            else sort_words(room.words, room.other, s->n);
            const npy_intp at = o * k * s->inner + c;
            for (npy_intp i = 0; i < k; i++) {
                const npy_intp place = PLACE(room.words[i]);
                places[at + i * s->inner] = place;
                if (values) values[at + i * s->inner] = line[place * s->inner];
            }
        }
    THREADS_END;
    PyMem_RawFree(room.own);
    return 1;
}

INLINE int as_bool(PyObject *o, int *value)
{
    *value = o == Py_True;
    return o == Py_True || o == Py_False;
}

static PyObject *ordered(PyObject *x, const Span *s, npy_intp k, int descending)
{
    PyObject *values = new_along(x, s, k, NPY_FLOAT32), *places = new_along(x, s, k, NPY_INT64);
    if (values && places
        && !first_in_order(DATA(float, x), s, k, descending, DATA(float, values),
                           DATA(npy_int64, places)))
        Py_CLEAR(values);
    return pair_of(values, places);
}

/* sort(x, dim, descending) */
static PyObject *sort(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    int descending;
    if (nargs != 3 || !as_bool(args[2], &descending) || !takes(args[0], args[1], &s)) DECLINE;
    return ordered(args[0], &s, s.n, descending);
}

/* argsort(x, dim, descending) */
static PyObject *argsort(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    int descending;
    if (nargs != 3 || !as_bool(args[2], &descending) || !takes(args[0], args[1], &s)) DECLINE;
    PyObject *places = NULL, *x = args[0];
    if ((places = new_along(x, &s, s.n, NPY_INT64))
        && !first_in_order(DATA(float, x), &s, s.n, descending, NULL, DATA(npy_int64, places)))
        Py_CLEAR(places);
    return places;
}

/* topk(x, k, dim, largest) */
static PyObject *topk(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    npy_intp k;
    int largest;
    if (nargs != 4 || !as_index(args[1], &k) || !as_bool(args[3], &largest)) DECLINE;
    if (!takes(args[0], args[2], &s) || k < 1 || k > s.n) DECLINE;
    return ordered(args[0], &s, k, largest);
}

/* Which place of a line is wanted. */
typedef enum { KTH, MIDDLE, MIDDLE_OF_NUMBERS, MOST_FREQUENT } Wanted;

static npy_intp most_frequent(Room *room, npy_intp n)
{
    sort_words(room->words, room->other, n);
    npy_intp best = 0, place = 0;
    for (npy_intp i = 0, start = 0; i < n; i++) {
        if (KEY(room->words[i]) != KEY(room->words[start])) start = i;
        if (i - start + 1 > best) {
            best = i - start + 1;
            place = PLACE(room->words[i]);
        }
    }
    return place;
}

CLONES static npy_intp count_nan(const float *x, npy_intp step, npy_intp n)
{
    int32_t bad = 0;
    if (step == 1)
        for (npy_intp i = 0; i < n; i++) bad += x[i] != x[i];
    else
        for (npy_intp i = 0; i < n; i++) bad += x[i * step] != x[i * step];
    return bad;
}

static npy_intp place_of(const float *x, npy_intp step, npy_intp n, Wanted wanted, npy_intp k,
                         Room *room)
{
    if (wanted == MIDDLE || wanted == MIDDLE_OF_NUMBERS) {
        const npy_intp bad = count_nan(x, step, n);
        if (bad && wanted == MIDDLE) {
            npy_intp first = 0;
            while (x[first * step] == x[first * step]) first++;
            return first;
        }
        k = bad == n ? 0 : (n - bad - 1) / 2;
    }
    words_of(x, step, room->words, n, 0);
    if (wanted == MOST_FREQUENT) return most_frequent(room, n);
    return PLACE(select_word(room->words, n, k));
}

/* The values and places that are wanted, one of each line. */
static PyObject *one_each(PyObject *x, const Span *s, Wanted wanted, npy_intp k, int keepdim)
{
    if (PyArray_NDIM(ARRAY(x)) == 1 && !keepdim) { /* a number, as a NumPy scalar */
        Room room;
        if (!room_for(&room, s->n)) return NULL;
        const npy_int64 place = place_of(DATA(float, x), 1, s->n, wanted, k, &room);
        PyMem_RawFree(room.own);
        return pair_of(scalar(NPY_FLOAT32, DATA(float, x) + place), scalar(NPY_INT64, &place));
    }
    PyObject *values = new_without(x, s, keepdim, NPY_FLOAT32);
    PyObject *places = new_without(x, s, keepdim, NPY_INT64);
    Room room;
    if (!values || !places || !room_for(&room, s->n)) {
        Py_CLEAR(values);
        return pair_of(values, places);
    }
    THREADS_BEGIN(SIZE(x));
    for (npy_intp o = 0; o < s->outer; o++)
        for (npy_intp c = 0; c < s->inner; c++) {
            const float *line = DATA(float, x) + o * s->n * s->inner + c;
            const npy_intp place = place_of(line, s->inner, s->n, wanted, k, &room);
            DATA(npy_int64, places)[o * s->inner + c] = place;
            DATA(float, values)[o * s->inner + c] = line[place * s->inner];
        }
    THREADS_END;
    PyMem_RawFree(room.own);
    return pair_of(values, places);
}

/* kthvalue(x, k, dim, keepdim) */
static PyObject *kthvalue(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    npy_intp k;
    int keepdim;
    if (nargs != 4 || !as_index(args[1], &k) || !as_bool(args[3], &keepdim)) DECLINE;
    if (!takes(args[0], args[2], &s) || k < 1 || k > s.n) DECLINE;
    return one_each(args[0], &s, KTH, k - 1, keepdim);
}

/* name(x, dim, keepdim) */
#define ONE_EACH(name, wanted)                                                                     \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        Span s;                                                                                    \
        int keepdim;                                                                               \
        if (nargs != 3 || !as_bool(args[2], &keepdim) || !takes(args[0], args[1], &s)) DECLINE;    \
        return one_each(args[0], &s, wanted, 0, keepdim);                                          \
    }

ONE_EACH(median, MIDDLE)
ONE_EACH(nanmedian, MIDDLE_OF_NUMBERS)
ONE_EACH(mode, MOST_FREQUENT)

/* name(x): of all elements */
#define ONE_OF_ALL(name, wanted)                                                                   \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 1 || !is_dense(args[0], NPY_FLOAT32)) DECLINE;                                \
        const npy_intp n = SIZE(args[0]);                                                          \
        Room room;                                                                                 \
        if (n < 1 || n >= 0x7fffffff) DECLINE;                                                     \
        if (!room_for(&room, n)) return NULL;                                                      \
        const float *x = DATA(float, args[0]);                                                     \
        THREADS_BEGIN(n);                                                                          \
        x += place_of(x, 1, n, wanted, 0, &room);                                                  \
        THREADS_END;                                                                               \
        PyMem_RawFree(room.own);                                                                   \
        return scalar(NPY_FLOAT32, x);                                                             \
    }

ONE_OF_ALL(median_all, MIDDLE)
ONE_OF_ALL(nanmedian_all, MIDDLE_OF_NUMBERS)

/* ---- the first largest and smallest, where NaN is more than everything */

/* The largest x * sign of the first numbers, `lanes` at a time, and how many these are; whether one
   of them is NaN. */
INLINE npy_intp extreme_lanes(const float *x, npy_intp n, float sign, const int lanes, float *top,
                              int *bad)
{
    float best[WIDTH];
    int32_t strange[WIDTH];
    npy_intp i = 0;
    for (int l = 0; l < lanes; l++) best[l] = -INFINITY, strange[l] = 0;
    for (; i + lanes <= n; i += lanes)
        for (int l = 0; l < lanes; l++) {
            const float y = x[i + l] * sign;
            best[l] = y > best[l] ? y : best[l];
            strange[l] |= y != y;
        }
    for (int l = 0; l < lanes; l++) {
        *top = best[l] > *top ? best[l] : *top;
        *bad |= strange[l];
    }
    return i;
}

/* The first place in x of the largest x * sign. */
CLONES static npy_intp extreme_row(const float *x, npy_intp n, float sign)
{
    float top = -INFINITY;
    int bad = 0;
    npy_intp i = n < 4 * WIDTH ? extreme_lanes(x, n, sign, LANES, &top, &bad)
                               : extreme_lanes(x, n, sign, WIDTH, &top, &bad);
    for (; i < n; i++) {
        const float y = x[i] * sign;
        top = y > top ? y : top;
        bad |= y != y;
    }
    i = 0;
    if (bad) {
        while (x[i] == x[i]) i++;
        return i;
    }
    for (; i + WIDTH <= n; i += WIDTH) { /* blocks without it */
        int32_t found = 0;
        for (int l = 0; l < WIDTH; l++) found |= x[i + l] * sign == top;
        if (found) break;
    }
    while (x[i] * sign != top) i++;
    return i;
}

CLONES static void extreme_columns(const float *x, npy_intp n, npy_intp inner, float sign,
                                   npy_int64 *places)
{
    for (npy_intp c = 0; c < inner; c += WIDTH) {
        const npy_intp wide = inner - c < WIDTH ? inner - c : WIDTH;
        float best[WIDTH];
        int32_t where[WIDTH];
        for (npy_intp j = 0; j < wide; j++) best[j] = x[c + j] * sign, where[j] = 0;
        for (npy_intp i = 1; i < n; i++)
            for (npy_intp j = 0; j < wide; j++) {
                const float y = x[i * inner + c + j] * sign;
                const int new = (y > best[j]) | ((y != y) & (best[j] == best[j]));
                best[j] = new ? y : best[j];
                where[j] = new ? (int32_t)i : where[j];
            }
        for (npy_intp j = 0; j < wide; j++) places[c + j] = where[j];
    }
}

static void extreme_places(const float *x, const Span *s, float sign, npy_int64 *places)
{
    for (npy_intp o = 0; o < s->outer; o++, x += s->n * s->inner, places += s->inner) {
        if (s->inner == 1) *places = extreme_row(x, s->n, sign);
        else extreme_columns(x, s->n, s->inner, sign, places);
    }
}

static PyObject *extreme_dim(PyObject *const *args, Py_ssize_t nargs, float sign)
{
    Span s;
    int keepdim;
    if (nargs != 3 || !as_bool(args[2], &keepdim) || !takes(args[0], args[1], &s)) DECLINE;
    const float *x = DATA(float, args[0]);
    if (PyArray_NDIM(ARRAY(args[0])) == 1 && !keepdim) {
        const npy_int64 place = extreme_row(x, s.n, sign);
        return pair_of(scalar(NPY_FLOAT32, x + place), scalar(NPY_INT64, &place));
    }
    PyObject *values = new_without(args[0], &s, keepdim, NPY_FLOAT32);
    PyObject *places = new_without(args[0], &s, keepdim, NPY_INT64);
    if (values && places) {
        npy_int64 *at = DATA(npy_int64, places);
        float *to = DATA(float, values);
        THREADS_BEGIN(SIZE(args[0]));
        extreme_places(x, &s, sign, at);
        for (npy_intp o = 0; o < s.outer; o++, x += s.n * s.inner)
            for (npy_intp c = 0; c < s.inner; c++) *to++ = x[*at++ * s.inner + c];
        THREADS_END;
    }
    return pair_of(values, places);
}

static PyObject *max_dim(PyObject *const *args, Py_ssize_t nargs)
{ return extreme_dim(args, nargs, 1.0f); }

static PyObject *min_dim(PyObject *const *args, Py_ssize_t nargs)
{ return extreme_dim(args, nargs, -1.0f); }

/* argmax(x, dim, keepdim): dim None means all */
static PyObject *extreme_place(PyObject *const *args, Py_ssize_t nargs, float sign)
{
    Span s;
    int keepdim;
    if (nargs != 3 || !as_bool(args[2], &keepdim) || !is_dense(args[0], NPY_FLOAT32)) DECLINE;
    const int all = args[1] == Py_None || PyArray_NDIM(ARRAY(args[0])) == 1;
    if (all ? keepdim || !SIZE(args[0]) : !takes(args[0], args[1], &s)) DECLINE;
    if (all) {
        if (args[1] != Py_None && !takes(args[0], args[1], &s)) DECLINE;
        const npy_int64 place = extreme_row(DATA(float, args[0]), SIZE(args[0]), sign);
        return scalar(NPY_INT64, &place);
    }
    PyObject *places = new_without(args[0], &s, keepdim, NPY_INT64);
    if (!places) return NULL;
    THREADS_BEGIN(SIZE(args[0]));
    extreme_places(DATA(float, args[0]), &s, sign, DATA(npy_int64, places));
    THREADS_END;
    return places;
}

static PyObject *argmax(PyObject *const *args, Py_ssize_t nargs)
{ return extreme_place(args, nargs, 1.0f); }

static PyObject *argmin(PyObject *const *args, Py_ssize_t nargs)
{ return extreme_place(args, nargs, -1.0f); }

/* ---- the cotangent of what was read at places */

/* The same of one number, a NumPy scalar or an array without dimensions. */
static PyObject *placed_one(PyObject *const *args)
{
    npy_intp n;
    const int number = PyArray_CheckExact(args[0]) && PyArray_NDIM(ARRAY(args[0])) == 0
                       && PyArray_TYPE(ARRAY(args[0])) == NPY_FLOAT32;
    if (!number && !PyArray_IsScalar(args[0], Float32)) DECLINE;
    const npy_int64 place = PyArrayScalar_VAL(args[2], Int64);
    if (!as_index(PyTuple_GET_ITEM(args[1], 0), &n) || place < 0 || place >= n) DECLINE;
    PyObject *made = PyArray_ZEROS(1, &n, NPY_FLOAT32, 0);
    if (made) DATA(float, made)
    [place] = number ? *DATA(float, args[0]) : PyArrayScalar_VAL(args[0], Float32);
    return made;
}

/* placed(g, shape, places, dim): zeros of this shape with g added at the places along dim; g and
   places are of one shape, with or without the dimension */
static PyObject *placed(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4 || !PyTuple_CheckExact(args[1]) || !PyLong_CheckExact(args[3])) DECLINE;
    if (PyTuple_GET_SIZE(args[1]) == 1 && PyArray_IsScalar(args[2], Int64)) return placed_one(args);
    if (!is_dense(args[2], NPY_INT64) || !is_array(args[0], NPY_FLOAT32)) DECLINE;
    if (!SAME_SHAPE(args[0], args[2])) DECLINE;
    npy_intp shape[NPY_MAXDIMS], dim, nd = PyTuple_GET_SIZE(args[1]), n = 1, outer = 1, inner = 1;
    if (!as_index(args[3], &dim) || nd > NPY_MAXDIMS || dim < 0 || dim >= nd) DECLINE;
    for (npy_intp i = 0; i < nd; i++) {
        if (!as_index(PyTuple_GET_ITEM(args[1], i), shape + i)) DECLINE;
        *(i < dim ? &outer : i > dim ? &inner : &n) *= shape[i];
    }
    const npy_intp size = SIZE(args[2]), *given = PyArray_DIMS(ARRAY(args[2]));
    const int kept = PyArray_NDIM(ARRAY(args[2])) == nd;
    if (!kept && PyArray_NDIM(ARRAY(args[2])) != nd - 1) DECLINE;
    for (npy_intp i = 0; i < nd; i++)
        if (i != dim && given[i - (!kept && i > dim)] != shape[i]) DECLINE;
    const npy_intp k = kept ? given[dim] : 1;
    const npy_int64 *places = DATA(npy_int64, args[2]);
    for (npy_intp i = 0; i < size; i++)
        if (places[i] < 0 || places[i] >= n) DECLINE;
    PyObject *g = dense_of(args[0]),
             *made = g ? PyArray_ZEROS((int)nd, shape, NPY_FLOAT32, 0) : NULL;
    if (made) {
        const float *from = DATA(float, g);
        for (npy_intp o = 0; o < outer; o++) {
            float *to = DATA(float, made) + o * n * inner;
            for (npy_intp i = 0; i < k; i++)
                for (npy_intp c = 0; c < inner; c++) to[*places++ * inner + c] += *from++;
        }
    }
    Py_XDECREF(g);
    return made;
}

/* ---- searching */

/* For each value the number of those in sorted x that are smaller (with `right`: not larger); NaN
   comes after all of x, which has none. Blocks end with numbers that are counted first (in a long
   x found by halving), then the numbers of one block. */
#define BLOCK 64

#define SEARCH(name, op)                                                                           \
    INLINE int32_t name##_in(const float *x, npy_intp n, float v)                                  \
    {                                                                                              \
        int32_t at = 0;                                                                            \
        for (npy_intp k = 0; k < n; k++) at += !(x[k] op v);                                       \
        return at;                                                                                 \
    }                                                                                              \
    INLINE npy_intp name##_by_halves(const float *x, npy_intp blocks, float v)                     \
    {                                                                                              \
        npy_intp from = 0;                                                                         \
        for (npy_intp left = blocks, half; left > 1; left -= half) {                               \
            half = left / 2;                                                                       \
            from = x[(from + half) * BLOCK - 1] op v ? from : from + half;                         \
        }                                                                                          \
        return from + !(x[from * BLOCK + BLOCK - 1] op v);                                         \
    }                                                                                              \
    CLONES static void name(const float *x, npy_intp n, const float *values, npy_int64 *to,        \
                            npy_intp count)                                                        \
    {                                                                                              \
        const npy_intp blocks = n / BLOCK;                                                         \
        float ends[BLOCK];                                                                         \
        for (; n <= 16 && count >= LANES; count -= LANES, values += LANES, to += LANES) {          \
            int32_t at[LANES] = {0};                                                               \
            for (npy_intp k = 0; k < n; k++)                                                       \
                for (int l = 0; l < LANES; l++) at[l] += !(x[k] op values[l]);                     \
            for (int l = 0; l < LANES; l++) to[l] = at[l];                                         \
        }                                                                                          \
        for (npy_intp k = 0; k < BLOCK; k++)                                                       \
            ends[k] = k < blocks ? x[k * BLOCK + BLOCK - 1] : INFINITY;                            \
        for (npy_intp i = 0; i < count; i++) {                                                     \
            const float v = values[i];                                                             \
            npy_intp at = 0;                                                                       \
            if (blocks > BLOCK) at = name##_by_halves(x, blocks, v);                               \
            else if (blocks > 16) at = name##_in(ends, BLOCK, v);                                  \
            else if (blocks) at = name##_in(ends, 16, v);                                          \
            at = (at < blocks ? at : blocks) * BLOCK;                                              \
            if (n - at >= BLOCK) at += name##_in(x + at, BLOCK, v);                                \
            else at += name##_in(x + at, n - at, v);                                               \
            to[i] = at;                                                                            \
        }                                                                                          \
    }

SEARCH(search_left, >=)
SEARCH(search_right, >)

/* searchsorted(sorted, values, right) */
static PyObject *searchsorted(PyObject *const *args, Py_ssize_t nargs)
{
    int right;
    if (nargs != 3 || !as_bool(args[2], &right) || !is_dense(args[0], NPY_FLOAT32)) DECLINE;
    if (!is_dense(args[1], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[0])) != 1) DECLINE;
    const npy_intp n = SIZE(args[0]);
    const float *x = DATA(float, args[0]), *values = DATA(float, args[1]);
    if (n < 1 || x[n - 1] != x[n - 1]) DECLINE;
    PyObject *made =
        new_array(PyArray_NDIM(ARRAY(args[1])), PyArray_DIMS(ARRAY(args[1])), NPY_INT64);
    if (!made) return NULL;
    npy_int64 *to = DATA(npy_int64, made);
    const npy_intp count = SIZE(made);
    THREADS_BEGIN(count);
    (right ? search_right : search_left)(x, n, values, to, count);
    THREADS_END;
    return made;
}

/* ---- counting */

/* in_range(x, bins, low, high): how many lie in each of `bins` equal parts */
static PyObject *in_range(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp bins;
    double low, high;
    if (nargs != 4 || !is_dense(args[0], NPY_FLOAT32) || !as_index(args[1], &bins)) DECLINE;
    if (!as_double(args[2], &low) || !as_double(args[3], &high) || bins < 1) DECLINE;
    PyObject *made = PyArray_ZEROS(1, &bins, NPY_FLOAT32, 0);
    npy_int64 *counts = PyMem_RawCalloc(bins, sizeof(npy_int64));
    if (!made || !counts) {
        Py_XDECREF(made);
        PyMem_RawFree(counts);
        return made ? PyErr_NoMemory() : NULL;
    }
    const float *x = DATA(float, args[0]);
    const float first = (float)low, last = (float)high, width = (float)(high - low);
    const npy_intp n = SIZE(args[0]);
    THREADS_BEGIN(n);
    for (npy_intp i = 0; i < n; i++) {
        if (!(x[i] >= first && x[i] <= last)) continue;
        const npy_intp at = (npy_intp)((x[i] - first) * (float)bins / width);
        counts[at < bins ? at : bins - 1]++;
    }
    for (npy_intp i = 0; i < bins; i++) DATA(float, made)[i] = (float)counts[i];
    THREADS_END;
    PyMem_RawFree(counts);
    return made;
}

CLONES static void range_of(const npy_int64 *x, npy_intp n, npy_int64 *low, npy_int64 *high)
{
    npy_int64 a = 0, b = -1;
    for (npy_intp i = 0; i < n; i++) {
        a = x[i] < a ? x[i] : a;
        b = x[i] > b ? x[i] : b;
    }
    *low = a;
    *high = b;
}

/* bincount(x, weights, minlength), without weights */
static PyObject *bincount(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp least;
    if (nargs != 3 || args[1] != Py_None || !is_dense(args[0], NPY_INT64)) DECLINE;
    if (!as_index(args[2], &least) || least < 0 || PyArray_NDIM(ARRAY(args[0])) != 1) DECLINE;
    const npy_int64 *x = DATA(npy_int64, args[0]);
    const npy_intp n = SIZE(args[0]);
    npy_int64 low, high;
    range_of(x, n, &low, &high);
    if (low < 0 || high >= PY_SSIZE_T_MAX / 16) DECLINE;
    npy_intp bins = high + 1 > least ? high + 1 : least;
    PyObject *made = PyArray_ZEROS(1, &bins, NPY_INT64, 0);
    if (!made) return NULL;
    npy_int64 *counts = DATA(npy_int64, made);
    for (npy_intp i = 0; i < n; i++) counts[x[i]]++;
    return made;
}

/* ---- runs of equal neighbours */

CLONES static npy_intp changes_float(const float *x, npy_intp n)
{
    npy_intp count = 0;
    for (npy_intp i = 1; i < n; i++) count += x[i] != x[i - 1];
    return count;
}

CLONES static npy_intp changes_int64(const npy_int64 *x, npy_intp n)
{
    npy_intp count = 0;
    for (npy_intp i = 1; i < n; i++) count += x[i] != x[i - 1];
    return count;
}

/* The first of each run; its length and the number of each element's run if asked for. */
#define RUNS(name, type)                                                                           \
    static void name(const type *x, npy_intp n, type *values, npy_int64 *run, npy_int64 *lengths)  \
    {                                                                                              \
        npy_intp runs = 0, start = 0;                                                              \
        values[0] = x[0];                                                                          \
        if (run) run[0] = 0;                                                                       \
        for (npy_intp i = 1; i < n; i++) {                                                         \
            if (x[i] != x[i - 1]) {                                                                \
                if (lengths) lengths[runs] = i - start;                                            \
                values[++runs] = x[start = i];                                                     \
            }                                                                                      \
            if (run) run[i] = runs;                                                                \
        }                                                                                          \
        if (lengths) lengths[runs] = n - start;                                                    \
    }

RUNS(runs_float, float)
RUNS(runs_int64, npy_int64)

/* unique_consecutive(x, dim, values_only), of all elements: values, the number of each element's
   run, lengths */
static PyObject *unique_consecutive(PyObject *const *args, Py_ssize_t nargs)
{
    int values_only;
    if (nargs != 3 || args[1] != Py_None || !as_bool(args[2], &values_only)) DECLINE;
    const int single = is_dense(args[0], NPY_FLOAT32);
    if (!single && !is_dense(args[0], NPY_INT64)) DECLINE;
    const npy_intp n = SIZE(args[0]);
    if (!n) DECLINE;
    const void *x = PyArray_DATA(ARRAY(args[0]));
    npy_intp none = 0, runs = 1 + (single ? changes_float(x, n) : changes_int64(x, n));
    PyObject *values = new_array(1, &runs, single ? NPY_FLOAT32 : NPY_INT64);
    PyObject *inverse = values_only ? new_array(1, &none, NPY_INT64)
                                    : new_array(PyArray_NDIM(ARRAY(args[0])),
                                                PyArray_DIMS(ARRAY(args[0])), NPY_INT64);
    PyObject *lengths = new_array(1, values_only ? &none : &runs, NPY_INT64);
    PyObject *made = values && inverse && lengths ? PyTuple_New(3) : NULL;
    if (!made) {
        Py_XDECREF(inverse);
        Py_XDECREF(values);
        Py_XDECREF(lengths);
        return NULL;
    }
    npy_int64 *run = values_only ? NULL : DATA(npy_int64, inverse);
    npy_int64 *count = values_only ? NULL : DATA(npy_int64, lengths);
    if (single) runs_float(x, n, DATA(float, values), run, count);
    else runs_int64(x, n, DATA(npy_int64, values), run, count);
    PyTuple_SET_ITEM(made, 0, values);
    PyTuple_SET_ITEM(made, 1, inverse);
    PyTuple_SET_ITEM(made, 2, lengths);
    return made;
}

/* ---- members */

CLONES static int has_int64(const npy_int64 *x, npy_intp n, npy_int64 value)
{
    npy_int64 found = 0;
    for (npy_intp i = 0; i < n; i++) found |= x[i] == value;
    return found != 0;
}

/* Where a value may stand first in a table of 2^bits places; then come the next ones. */
INLINE npy_intp place_in_table(npy_int64 value, int bits)
{ return (npy_intp)((uint64_t)value * 0x9e3779b97f4a7c15u >> (64 - bits)); }

/* A table of these values; a place holds 1 + the number of its value. */
static int32_t *table_of(const npy_int64 *x, npy_intp n, int bits)
{
    const npy_intp last = ((npy_intp)1 << bits) - 1;
    int32_t *table = PyMem_RawCalloc(last + 1, sizeof(int32_t));
    for (npy_intp i = 0; table && i < n; i++) {
        npy_intp at = place_in_table(x[i], bits);
        while (table[at] && x[table[at] - 1] != x[i]) at = (at + 1) & last;
        table[at] = (int32_t)(i + 1);
    }
    return table;
}

/* isin(a, b, invert) of int64 */
static PyObject *isin(PyObject *const *args, Py_ssize_t nargs)
{
    int invert, bits = 6;
    if (nargs != 3 || !is_dense(args[0], NPY_INT64) || !is_dense(args[1], NPY_INT64)) DECLINE;
    const npy_intp n = SIZE(args[1]), count = SIZE(args[0]);
    if (!as_bool(args[2], &invert) || n > 1 << 28) DECLINE;
    while ((npy_intp)1 << bits < 2 * n) bits++;
    const npy_intp last = ((npy_intp)1 << bits) - 1;
    const npy_int64 *a = DATA(npy_int64, args[0]), *b = DATA(npy_int64, args[1]);
    PyObject *made =
        new_array(PyArray_NDIM(ARRAY(args[0])), PyArray_DIMS(ARRAY(args[0])), NPY_BOOL);
    int32_t *table = made && n > 16 ? table_of(b, n, bits) : NULL;
    if (!made || (n > 16 && !table)) {
        Py_XDECREF(made);
        return made ? PyErr_NoMemory() : NULL;
    }
    npy_bool *to = DATA(npy_bool, made);
    THREADS_BEGIN(count);
    for (npy_intp i = 0; i < count; i++) {
        if (!table) {
            to[i] = has_int64(b, n, a[i]) != invert;
            continue;
        }
        npy_intp at = place_in_table(a[i], bits);
        while (table[at] && b[table[at] - 1] != a[i]) at = (at + 1) & last;
        to[i] = (table[at] != 0) != invert;
    }
    THREADS_END;
    PyMem_RawFree(table);
    return made;
}

const Row order_rows[] = {
    {"sort.sort", sort},
    {"sort.argsort", argsort},
    {"sort.topk", topk},
    {"sort.kthvalue", kthvalue},
    {"sort.median", median},
    {"sort.nanmedian", nanmedian},
    {"sort.median_all", median_all},
    {"sort.nanmedian_all", nanmedian_all},
    {"sort.mode", mode},
    {"sort.placed", placed},
    {"sort.searchsorted", searchsorted},
    {"sort.unique_consecutive", unique_consecutive},
    {"reduce.max_dim", max_dim},
    {"reduce.min_dim", min_dim},
    {"reduce.argmax", argmax},
    {"reduce.argmin", argmin},
    {"histogram.in_range", in_range},
    {"histogram.bincount", bincount},
    {"histogram.isin", isin},
    {NULL, NULL},
};
