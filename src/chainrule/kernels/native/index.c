/* Reading and writing where an index says: kernels/index.py.

   Along a dimension an array is read as (outer, n, inner). Indices are int64, from 0 to n - 1;
   whatever else there is among them, negative numbers too, is left to the NumPy function. */

#include "kernel.h"
#include <numpy/arrayscalars.h>

typedef struct {
    npy_intp outer, n, inner;
} Sizes;

static Sizes sizes_at(PyObject *x, npy_intp dim)
{
    Sizes s = {1, PyArray_DIM(ARRAY(x), dim), 1};
    for (int i = 0; i < dim; i++) s.outer *= PyArray_DIM(ARRAY(x), i);
    for (int i = (int)dim + 1; i < PyArray_NDIM(ARRAY(x)); i++) s.inner *= PyArray_DIM(ARRAY(x), i);
    return s;
}

/* A dense array of numbers with 4 or 8 bytes each, which can be moved as bytes. */
static int is_movable(PyObject *x)
{
    if (!PyArray_CheckExact(x)) return 0;
    int type = PyArray_TYPE(ARRAY(x));
    npy_intp bytes = PyArray_ITEMSIZE(ARRAY(x));
    return (PyTypeNum_ISFLOAT(type) || PyTypeNum_ISINTEGER(type)) && (bytes == 4 || bytes == 8)
           && is_dense(x, type);
}

static int is_float(PyObject *x)
{ return is_dense(x, NPY_FLOAT32) || is_dense(x, NPY_FLOAT64); }

static int same_type(PyObject *a, PyObject *b)
{ return PyArray_TYPE(ARRAY(a)) == PyArray_TYPE(ARRAY(b)); }

/* Whether b has the sizes of a except at one dimension. */
static int same_but_at(PyObject *a, PyObject *b, npy_intp dim)
{
    if (PyArray_NDIM(ARRAY(a)) != PyArray_NDIM(ARRAY(b))) return 0;
    for (int i = 0; i < PyArray_NDIM(ARRAY(a)); i++)
        if (i != dim && PyArray_DIM(ARRAY(a), i) != PyArray_DIM(ARRAY(b), i)) return 0;
    return 1;
}

static int dim_of(PyObject *o, PyObject *x, npy_intp *dim)
{ return as_index(o, dim) && *dim >= 0 && *dim < PyArray_NDIM(ARRAY(x)); }

/* A number: Python's, NumPy's, or an array of no dimensions. */
static int number_of(PyObject *o, double *value)
{
    if (as_double(o, value)) return 1;
    if (PyArray_IsScalar(o, Float)) {
        *value = PyArrayScalar_VAL(o, Float);
        return 1;
    }
    if (PyArray_IsScalar(o, Double)) {
        *value = PyArrayScalar_VAL(o, Double);
        return 1;
    }
    if (!PyArray_CheckExact(o) || PyArray_NDIM(ARRAY(o)) || !PyArray_ISBEHAVED_RO(ARRAY(o)))
        return 0;
    if (PyArray_TYPE(ARRAY(o)) == NPY_FLOAT32) {
        *value = *DATA(float, o);
        return 1;
    }
    if (PyArray_TYPE(ARRAY(o)) == NPY_FLOAT64) {
        *value = *DATA(double, o);
        return 1;
    }
    return 0;
}

/* A dense copy of a dense array. */
static PyObject *copy_of(PyObject *x)
{
    PyObject *y = NEW_LIKE(x);
    if (y) memcpy(PyArray_DATA(ARRAY(y)), PyArray_DATA(ARRAY(x)), PyArray_NBYTES(ARRAY(x)));
    return y;
}

CLONES static int all_inside(const npy_int64 *index, npy_intp count, npy_intp n)
{
    int outside = 0;
    for (npy_intp i = 0; i < count; i++) outside |= (npy_uint64)index[i] >= (npy_uint64)n;
    return !outside;
}

/* The result, or DECLINE where an index was out of range. */
#define ANSWER(y, outside)                                                                         \
    if (outside) {                                                                                 \
        Py_DECREF(y);                                                                              \
        DECLINE;                                                                                   \
    }                                                                                              \
    return y

/* ---- element by element: gather, scatter, scatter_add, take */

/* Indices are checked so many at a time, while they are in the cache. */
#define PIECE 4096

#define BY_ELEMENT(name, T, statement)                                                             \
    static int name(T *y, const T *x, const npy_int64 *index, Sizes s, npy_intp count, T number)   \
    {                                                                                              \
        const npy_intp inner = s.inner, few = s.outer * count * inner <= PIECE;                    \
        const npy_intp rows = few || inner > PIECE ? count : PIECE / (inner ? inner : 1) + 1;      \
        npy_intp i = 0;                                                                            \
        if (few && !all_inside(index, s.outer * count * inner, s.n)) return 1;                     \
        for (npy_intp o = 0; o < s.outer; o++) {                                                   \
            const npy_intp start = o * s.n * inner;                                                \
            for (npy_intp from = 0; from < count; from += rows) {                                  \
                const npy_intp to = from + rows < count ? from + rows : count;                     \
                if (!few && !all_inside(index + i, (to - from) * inner, s.n)) return 1;            \
                if (inner == 1)                                                                    \
                    for (npy_intp j = from; j < to; j++, i++) {                                    \
                        const npy_intp at = start + index[i];                                      \
                        statement;                                                                 \
                    }                                                                              \
                else                                                                               \
                    for (npy_intp j = from; j < to; j++)                                           \
                        for (npy_intp c = 0; c < inner; c++, i++) {                                \
                            const npy_intp at = start + index[i] * inner + c;                      \
                            statement;                                                             \
                        }                                                                          \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }

BY_ELEMENT(gather_4, npy_uint32, y[i] = x[at])
BY_ELEMENT(gather_8, npy_uint64, y[i] = x[at])
BY_ELEMENT(scatter_4, npy_uint32, y[at] = x[i])
BY_ELEMENT(scatter_8, npy_uint64, y[at] = x[i])
BY_ELEMENT(fill_float, float, y[at] = number)
BY_ELEMENT(fill_double, double, y[at] = number)
BY_ELEMENT(add_float, float, y[at] += x[i])
BY_ELEMENT(add_double, double, y[at] += x[i])
BY_ELEMENT(multiply_float, float, y[at] *= x[i])
BY_ELEMENT(multiply_double, double, y[at] *= x[i])
/* NaN wins, as in PyTorch */
BY_ELEMENT(larger_float, float, y[at] = (x[i] > y[at] || x[i] != x[i]) ? x[i] : y[at])
BY_ELEMENT(larger_double, double, y[at] = (x[i] > y[at] || x[i] != x[i]) ? x[i] : y[at])
BY_ELEMENT(smaller_float, float, y[at] = (x[i] < y[at] || x[i] != x[i]) ? x[i] : y[at])
BY_ELEMENT(smaller_double, double, y[at] = (x[i] < y[at] || x[i] != x[i]) ? x[i] : y[at])

#define RUN(outside, size, f4, T4, f8, T8, y, x, index, s, count, number)                          \
    do {                                                                                           \
        THREADS_BEGIN((s).outer * (count) * (s).inner);                                            \
        if ((size) == 4)                                                                           \
            outside =                                                                              \
                f4(DATA(T4, y), (const T4 *)(x), DATA(npy_int64, index), s, count, (T4)(number));  \
        else                                                                                       \
            outside =                                                                              \
                f8(DATA(T8, y), (const T8 *)(x), DATA(npy_int64, index), s, count, (T8)(number));  \
        THREADS_END;                                                                               \
    } while (0)

/* gather(x, index, dim) */
static PyObject *gather(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    if (nargs != 3 || !is_movable(args[0]) || !is_dense(args[1], NPY_INT64)
        || !dim_of(args[2], args[0], &dim) || !same_but_at(args[0], args[1], dim))
        DECLINE;
    Sizes s = sizes_at(args[0], dim);
    PyObject *y = new_array(PyArray_NDIM(ARRAY(args[1])), PyArray_DIMS(ARRAY(args[1])),
                            PyArray_TYPE(ARRAY(args[0])));
    if (!y) return NULL;
    int outside, size = (int)PyArray_ITEMSIZE(ARRAY(y));
    if (!s.n && SIZE(y)) { ANSWER(y, 1); }
    RUN(outside, size, gather_4, npy_uint32, gather_8, npy_uint64, y, PyArray_DATA(ARRAY(args[0])),
        args[1], s, PyArray_DIM(ARRAY(args[1]), dim), 0);
    ANSWER(y, outside);
}

/* Whether x, index and src are arrays that scatter takes as they are. */
static int fit_along(PyObject *x, PyObject *index, PyObject *src, PyObject *o, npy_intp *dim)
{
    return is_movable(x) && is_dense(index, NPY_INT64) && dim_of(o, x, dim) && SIZE(x)
           && same_but_at(x, index, *dim)
           && (!src || (is_movable(src) && same_type(x, src) && SAME_SHAPE(index, src)));
}

/* scatter(x, index, src, dim): src is an array or a number. */
static PyObject *scatter(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    double number = 0.0;
    if (nargs != 4) DECLINE;
    PyObject *x = args[0], *index = args[1], *src = PyArray_CheckExact(args[2]) ? args[2] : NULL;
    if (!fit_along(x, index, src, args[3], &dim)
        || (!src && !(is_float(x) && number_of(args[2], &number))))
        DECLINE;
    Sizes s = sizes_at(x, dim);
    PyObject *y = copy_of(x);
    if (!y) return NULL;
    npy_intp count = PyArray_DIM(ARRAY(index), dim);
    int outside, size = (int)PyArray_ITEMSIZE(ARRAY(y));
    if (src)
        RUN(outside, size, scatter_4, npy_uint32, scatter_8, npy_uint64, y,
            PyArray_DATA(ARRAY(src)), index, s, count, 0);
    else
        RUN(outside, size, fill_float, float, fill_double, double, y, NULL, index, s, count,
            number);
    ANSWER(y, outside);
}

static PyObject *combine(PyObject *const *args, const char *how)
{
    npy_intp dim;
    PyObject *x = args[0], *index = args[1], *src = args[2];
    if (!fit_along(x, index, src, args[3], &dim) || !is_float(x)) DECLINE;
    Sizes s = sizes_at(x, dim);
    PyObject *y = copy_of(x);
    if (!y) return NULL;
    npy_intp count = PyArray_DIM(ARRAY(index), dim);
    int outside, size = (int)PyArray_ITEMSIZE(ARRAY(y));
    const void *from = PyArray_DATA(ARRAY(src));
    if (how[0] == 's')
        RUN(outside, size, add_float, float, add_double, double, y, from, index, s, count, 0);
    else if (how[0] == 'p')
        RUN(outside, size, multiply_float, float, multiply_double, double, y, from, index, s, count,
            0);
    else if (how[2] == 'a')
        RUN(outside, size, larger_float, float, larger_double, double, y, from, index, s, count, 0);
    else
        RUN(outside, size, smaller_float, float, smaller_double, double, y, from, index, s, count,
            0);
    ANSWER(y, outside);
}

/* scatter_add(x, index, src, dim) */
static PyObject *scatter_add(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4) DECLINE;
    return combine(args, "sum");
}

/* scatter_reduce(x, index, src, dim, reduce, include_self) */
static PyObject *scatter_reduce(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 6 || args[5] != Py_True || !PyUnicode_CheckExact(args[4])) DECLINE;
    const char *how = PyUnicode_AsUTF8(args[4]);
    if (!how) return NULL;
    if (strcmp(how, "sum") && strcmp(how, "prod") && strcmp(how, "amax") && strcmp(how, "amin"))
        DECLINE;
    return combine(args, how);
}

/* take(x, index): places in the flattened array. */
static PyObject *take(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_movable(args[0]) || !is_dense(args[1], NPY_INT64) || !SIZE(args[0]))
        DECLINE;
    Sizes s = {1, SIZE(args[0]), 1};
    PyObject *y = new_array(PyArray_NDIM(ARRAY(args[1])), PyArray_DIMS(ARRAY(args[1])),
                            PyArray_TYPE(ARRAY(args[0])));
    if (!y) return NULL;
    int outside, size = (int)PyArray_ITEMSIZE(ARRAY(y));
    RUN(outside, size, gather_4, npy_uint32, gather_8, npy_uint64, y, PyArray_DATA(ARRAY(args[0])),
        args[1], s, SIZE(args[1]), 0);
    ANSWER(y, outside);
}

/* put(x, index, source, accumulate) */
static PyObject *put(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4 || !is_float(args[0]) || !is_dense(args[1], NPY_INT64) || !is_float(args[2])
        || !same_type(args[0], args[2]) || SIZE(args[1]) != SIZE(args[2]) || !SIZE(args[0])
        || !PyBool_Check(args[3]))
        DECLINE;
    Sizes s = {1, SIZE(args[0]), 1};
    PyObject *y = copy_of(args[0]);
    if (!y) return NULL;
    int outside, size = (int)PyArray_ITEMSIZE(ARRAY(y));
    const void *from = PyArray_DATA(ARRAY(args[2]));
    if (args[3] == Py_True)
        RUN(outside, size, add_float, float, add_double, double, y, from, args[1], s, SIZE(args[1]),
            0);
    else
        RUN(outside, size, scatter_4, npy_uint32, scatter_8, npy_uint64, y, from, args[1], s,
            SIZE(args[1]), 0);
    ANSWER(y, outside);
}

/* ---- slice by slice: index_select, index_add, index_copy, index_fill, x[i], x[i, j] */

/* y[o, j] = x[o, index[j]] */
static int read_slices(char *y, const char *x, const npy_int64 *index, Sizes s, npy_intp count,
                       npy_intp size)
{
    if (!all_inside(index, count, s.n)) return 1;
    const npy_intp bytes = s.inner * size;
    for (npy_intp o = 0; o < s.outer; o++) {
        const char *from = x + o * s.n * bytes;
        char *to = y + o * count * bytes;
        if (s.inner > 1)
            for (npy_intp j = 0; j < count; j++)
                memcpy(to + j * bytes, from + index[j] * bytes, bytes);
        else if (size == 4)
            for (npy_intp j = 0; j < count; j++)
                ((npy_uint32 *)to)[j] = ((const npy_uint32 *)from)[index[j]];
        else
            for (npy_intp j = 0; j < count; j++)
                ((npy_uint64 *)to)[j] = ((const npy_uint64 *)from)[index[j]];
    }
    return 0;
}

/* y[o, index[j]] = x[o, j] */
static void write_slices(char *y, const char *x, const npy_int64 *index, Sizes s, npy_intp count,
                         npy_intp size)
{
    const npy_intp bytes = s.inner * size;
    for (npy_intp o = 0; o < s.outer; o++) {
        const char *from = x + o * count * bytes;
        char *to = y + o * s.n * bytes;
        if (s.inner > 1)
            for (npy_intp j = 0; j < count; j++)
                memcpy(to + index[j] * bytes, from + j * bytes, bytes);
        else if (size == 4)
            for (npy_intp j = 0; j < count; j++)
                ((npy_uint32 *)to)[index[j]] = ((const npy_uint32 *)from)[j];
        else
            for (npy_intp j = 0; j < count; j++)
                ((npy_uint64 *)to)[index[j]] = ((const npy_uint64 *)from)[j];
    }
}

/* y[o, index[j]] += alpha x[o, j], and = number */
#define SLICES(T)                                                                                  \
    CLONES static void add_slices_##T(T *y, const T *x, const npy_int64 *index, Sizes s,           \
                                      npy_intp count, T alpha)                                     \
    {                                                                                              \
        for (npy_intp o = 0; o < s.outer; o++)                                                     \
            for (npy_intp j = 0; j < count; j++) {                                                 \
                T *to = y + (o * s.n + index[j]) * s.inner;                                        \
                const T *from = x + (o * count + j) * s.inner;                                     \
                for (npy_intp c = 0; c < s.inner; c++) to[c] += from[c] * alpha;                   \
            }                                                                                      \
    }                                                                                              \
    static void fill_slices_##T(T *y, const npy_int64 *index, Sizes s, npy_intp count, T number)   \
    {                                                                                              \
        for (npy_intp o = 0; o < s.outer; o++)                                                     \
            for (npy_intp j = 0; j < count; j++) {                                                 \
                T *to = y + (o * s.n + index[j]) * s.inner;                                        \
                for (npy_intp c = 0; c < s.inner; c++) to[c] = number;                             \
            }                                                                                      \
    }

SLICES(float)
SLICES(double)

static void add_slices(PyObject *y, PyObject *x, const npy_int64 *index, Sizes s, npy_intp count,
                       double alpha)
{
    if (PyArray_TYPE(ARRAY(y)) == NPY_FLOAT32)
        add_slices_float(DATA(float, y), DATA(float, x), index, s, count, (float)alpha);
    else add_slices_double(DATA(double, y), DATA(double, x), index, s, count, alpha);
}

static void fill_slices(PyObject *y, const npy_int64 *index, Sizes s, npy_intp count, double number)
{
    if (PyArray_TYPE(ARRAY(y)) == NPY_FLOAT32)
        fill_slices_float(DATA(float, y), index, s, count, (float)number);
    else fill_slices_double(DATA(double, y), index, s, count, number);
}

/* The slices of x at `index` along dim; the sizes of the index stand where dim was. */
static PyObject *slices_of(PyObject *x, PyObject *index, npy_intp dim)
{
    npy_intp shape[NPY_MAXDIMS];
    int n = PyArray_NDIM(ARRAY(x)), more = PyArray_NDIM(ARRAY(index));
    if (n - 1 + more > NPY_MAXDIMS) DECLINE;
    for (int i = 0; i < dim; i++) shape[i] = PyArray_DIM(ARRAY(x), i);
    for (int i = 0; i < more; i++) shape[dim + i] = PyArray_DIM(ARRAY(index), i);
    for (int i = (int)dim + 1; i < n; i++) shape[more - 1 + i] = PyArray_DIM(ARRAY(x), i);
    PyObject *y = new_array(n - 1 + more, shape, PyArray_TYPE(ARRAY(x)));
    if (!y) return NULL;
    int outside;
    THREADS_BEGIN(SIZE(y));
    outside = read_slices(PyArray_BYTES(ARRAY(y)), PyArray_BYTES(ARRAY(x)), DATA(npy_int64, index),
                          sizes_at(x, dim), SIZE(index), PyArray_ITEMSIZE(ARRAY(x)));
    THREADS_END;
    ANSWER(y, outside);
}

/* index_select(x, index, dim) */
static PyObject *index_select(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    if (nargs != 3 || !is_movable(args[0]) || !is_dense(args[1], NPY_INT64)
        || !dim_of(args[2], args[0], &dim))
        DECLINE;
    return slices_of(args[0], args[1], dim);
}

/* Whether source has `count` slices of x. */
static int fit_slices(PyObject *x, PyObject *index, PyObject *source, PyObject *o, npy_intp *dim)
{
    return is_float(x) && is_dense(index, NPY_INT64) && PyArray_NDIM(ARRAY(index)) == 1
           && dim_of(o, x, dim)
           && (!source
               || (is_float(source) && same_type(x, source) && same_but_at(x, source, *dim)
                   && PyArray_DIM(ARRAY(source), *dim) == SIZE(index)))
           && all_inside(DATA(npy_int64, index), SIZE(index), PyArray_DIM(ARRAY(x), *dim));
}

/* index_add(x, index, source, dim, alpha) */
static PyObject *index_add(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    double alpha = 1.0;
    if (nargs < 4 || nargs > 5 || (nargs == 5 && !as_double(args[4], &alpha))
        || !fit_slices(args[0], args[1], args[2], args[3], &dim))
        DECLINE;
    PyObject *y = copy_of(args[0]);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(args[2]));
    add_slices(y, args[2], DATA(npy_int64, args[1]), sizes_at(y, dim), SIZE(args[1]), alpha);
    THREADS_END;
    return y;
}

/* index_copy(x, index, source, dim) */
static PyObject *index_copy(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    if (nargs != 4 || !fit_slices(args[0], args[1], args[2], args[3], &dim)) DECLINE;
    PyObject *y = copy_of(args[0]);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(args[2]));
    write_slices(PyArray_BYTES(ARRAY(y)), PyArray_BYTES(ARRAY(args[2])), DATA(npy_int64, args[1]),
                 sizes_at(y, dim), SIZE(args[1]), PyArray_ITEMSIZE(ARRAY(y)));
    THREADS_END;
    return y;
}

/* index_fill(x, index, value, dim) */
static PyObject *index_fill(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    double number;
    if (nargs != 4 || !fit_slices(args[0], args[1], NULL, args[3], &dim)
        || !number_of(args[2], &number))
        DECLINE;
    PyObject *y = copy_of(args[0]);
    if (!y) return NULL;
    fill_slices(y, DATA(npy_int64, args[1]), sizes_at(y, dim), SIZE(args[1]), number);
    return y;
}

/* ---- x[i, ...] with one index array at a dimension, or two of one shape at the first two */

/* What a key of index arrays means: positions, and x as sizes that they count in. `made` holds the
   positions of two, if it is not NULL; PyMem_RawFree it. */
typedef struct {
    const npy_int64 *index;
    npy_int64 *made;
    PyObject *shape_of;
    npy_intp dim;
    int used;
    Sizes sizes;
} Key;

static int key_of(PyObject *x, PyObject *indices, PyObject *dims, Key *key)
{
    if (!PyTuple_CheckExact(indices) || !PyTuple_CheckExact(dims)) return 0;
    Py_ssize_t n = PyTuple_GET_SIZE(dims);
    if (n < 1 || n > 2 || PyTuple_GET_SIZE(indices) != n) return 0;
    PyObject *first = PyTuple_GET_ITEM(indices, 0);
    if (!is_dense(first, NPY_INT64) || !dim_of(PyTuple_GET_ITEM(dims, 0), x, &key->dim)) return 0;
    npy_intp count = SIZE(first);
    *key = (Key){DATA(npy_int64, first), NULL, first, key->dim, (int)n, sizes_at(x, key->dim)};
    if (!all_inside(key->index, count, key->sizes.n)) return 0;
    if (n == 1) return 1;
    PyObject *second = PyTuple_GET_ITEM(indices, 1);
    npy_intp dim;
    if (!is_dense(second, NPY_INT64) || !SAME_SHAPE(first, second)
        || !dim_of(PyTuple_GET_ITEM(dims, 1), x, &dim) || dim != key->dim + 1)
        return 0;
    const npy_intp columns = PyArray_DIM(ARRAY(x), dim);
    const npy_int64 *other = DATA(npy_int64, second);
    if (!all_inside(other, count, columns)) return 0;
    npy_int64 *made = PyMem_RawMalloc((count ? count : 1) * sizeof(npy_int64));
    if (!made) return 0;
    for (npy_intp i = 0; i < count; i++) made[i] = key->index[i] * columns + other[i];
    key->index = key->made = made;
    key->sizes.n *= columns;
    key->sizes.inner = columns ? key->sizes.inner / columns : 0;
    return 1;
}

/* index(x, indices, dims) */
static PyObject *index_(PyObject *const *args, Py_ssize_t nargs)
{
    Key key;
    npy_intp shape[NPY_MAXDIMS];
    if (nargs != 3 || !is_movable(args[0]) || !key_of(args[0], args[1], args[2], &key)) DECLINE;
    PyObject *x = args[0], *like = key.shape_of, *y = NULL;
    int n = PyArray_NDIM(ARRAY(x)), more = PyArray_NDIM(ARRAY(like)), rank = n - key.used + more,
        k = 0;
    if (rank <= NPY_MAXDIMS) {
        for (int i = 0; i < key.dim; i++) shape[k++] = PyArray_DIM(ARRAY(x), i);
        for (int i = 0; i < more; i++) shape[k++] = PyArray_DIM(ARRAY(like), i);
        for (int i = (int)key.dim + key.used; i < n; i++) shape[k++] = PyArray_DIM(ARRAY(x), i);
        y = new_array(rank, shape, PyArray_TYPE(ARRAY(x)));
    }
    if (y) {
        THREADS_BEGIN(SIZE(y));
        read_slices(PyArray_BYTES(ARRAY(y)), PyArray_BYTES(ARRAY(x)), key.index, key.sizes,
                    SIZE(like), PyArray_ITEMSIZE(ARRAY(x)));
        THREADS_END;
    }
    PyMem_RawFree(key.made);
    if (!y && !PyErr_Occurred()) DECLINE;
    return y;
}

/* Whether value has the sizes of the slices that a key speaks of. */
static int fits_key(PyObject *x, PyObject *value, const Key *key)
{
    int n = PyArray_NDIM(ARRAY(x)), more = PyArray_NDIM(ARRAY(key->shape_of)), k = 0;
    const npy_intp *have = PyArray_DIMS(ARRAY(value));
    if (PyArray_NDIM(ARRAY(value)) != n - key->used + more) return 0;
    for (int i = 0; i < key->dim; i++)
        if (have[k++] != PyArray_DIM(ARRAY(x), i)) return 0;
    for (int i = 0; i < more; i++)
        if (have[k++] != PyArray_DIM(ARRAY(key->shape_of), i)) return 0;
    for (int i = (int)key->dim + key->used; i < n; i++)
        if (have[k++] != PyArray_DIM(ARRAY(x), i)) return 0;
    return 1;
}

/* Writes or adds value into y itself: 1 if it did, 0 if that is for the NumPy function. */
static int put_into(PyObject *y, PyObject *value, PyObject *indices, PyObject *dims, int accumulate)
{
    Key key;
    double number = 0.0;
    int several = is_float(value) && same_type(y, value), done = 0;
    if (!several && (accumulate || !number_of(value, &number))) return 0;
    if (!key_of(y, indices, dims, &key)) return 0;
    if (!several || fits_key(y, value, &key)) {
        npy_intp count = SIZE(key.shape_of);
        done = 1;
        THREADS_BEGIN(SIZE(y));
        if (!several) fill_slices(y, key.index, key.sizes, count, number);
        else if (accumulate) add_slices(y, value, key.index, key.sizes, count, 1.0);
        else
            write_slices(PyArray_BYTES(ARRAY(y)), PyArray_BYTES(ARRAY(value)), key.index, key.sizes,
                         count, PyArray_ITEMSIZE(ARRAY(y)));
        THREADS_END;
    }
    PyMem_RawFree(key.made);
    return done;
}

/* index_put(x, value, indices, dims, accumulate): a copy. */
static PyObject *index_put(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !is_float(args[0]) || !PyBool_Check(args[4])) DECLINE;
    PyObject *y = copy_of(args[0]);
    if (!y) return NULL;
    ANSWER(y, !put_into(y, args[1], args[2], args[3], args[4] == Py_True));
}

/* Whether two dense arrays may have elements in common. */
static int share_memory(PyObject *a, PyObject *b)
{
    const char *x = PyArray_BYTES(ARRAY(a)), *y = PyArray_BYTES(ARRAY(b));
    return x < y + PyArray_NBYTES(ARRAY(b)) && y < x + PyArray_NBYTES(ARRAY(a));
}

/* put_at(x, value, indices, dims, accumulate): into x itself. */
static PyObject *put_at(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 5 || !is_float(args[0]) || !PyBool_Check(args[4])
        || !PyArray_ISWRITEABLE(ARRAY(args[0]))
        || (PyArray_CheckExact(args[1]) && share_memory(args[0], args[1]))
        || !put_into(args[0], args[1], args[2], args[3], args[4] == Py_True))
        DECLINE;
    Py_RETURN_NONE;
}

/* ---- by masks */

#define MASKS(T)                                                                                   \
    CLONES static void masked_fill_##T(const T *x, const npy_bool *mask, T number, T *y,           \
                                       npy_intp n)                                                 \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) y[i] = mask[i] ? number : x[i];                           \
    }                                                                                              \
    static void masked_scatter_##T(T *y, const npy_bool *mask, npy_intp n, const T *x)             \
    {                                                                                              \
        while (n > 0 && !mask[n - 1]) n--; /* so that what is read is always there */              \
        for (npy_intp i = 0; i < n; i++) { /* without a branch: the mask may be random */          \
            const T value = *x;                                                                    \
            y[i] = mask[i] ? value : y[i];                                                         \
            x += mask[i] != 0;                                                                     \
        }                                                                                          \
    }

MASKS(float)
MASKS(double)

CLONES static npy_intp count_true(const npy_bool *mask, npy_intp n)
{
    npy_intp count = 0;
    for (npy_intp i = 0; i < n; i++) count += mask[i] != 0;
    return count;
}

static int are_masked(PyObject *x, PyObject *mask)
{ return is_float(x) && is_dense(mask, NPY_BOOL) && SAME_SHAPE(x, mask); }

static void fill_masked(PyObject *x, PyObject *mask, double number, PyObject *y)
{
    npy_intp n = SIZE(x);
    THREADS_BEGIN(n);
    if (PyArray_TYPE(ARRAY(x)) == NPY_FLOAT32)
        masked_fill_float(DATA(float, x), DATA(npy_bool, mask), (float)number, DATA(float, y), n);
    else masked_fill_double(DATA(double, x), DATA(npy_bool, mask), number, DATA(double, y), n);
    THREADS_END;
}

/* masked_fill(x, mask, value) */
static PyObject *masked_fill(PyObject *const *args, Py_ssize_t nargs)
{
    double number;
    if (nargs != 3 || !are_masked(args[0], args[1]) || !number_of(args[2], &number)) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (y) fill_masked(args[0], args[1], number, y);
    return y;
}

/* fill_at(x, mask, value): into x itself. */
static PyObject *fill_at(PyObject *const *args, Py_ssize_t nargs)
{
    double number;
    if (nargs != 3 || !are_masked(args[0], args[1]) || !number_of(args[2], &number)
        || !PyArray_ISWRITEABLE(ARRAY(args[0])))
        DECLINE;
    fill_masked(args[0], args[1], number, args[0]);
    Py_RETURN_NONE;
}

/* masked_scatter(x, mask, source): the numbers of source, in order, where the mask is True. */
static PyObject *masked_scatter(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !are_masked(args[0], args[1]) || !is_float(args[2])
        || !same_type(args[0], args[2]))
        DECLINE;
    PyObject *y = copy_of(args[0]);
    if (!y) return NULL;
    npy_intp n = SIZE(y), have = SIZE(args[2]), used;
    const npy_bool *mask = DATA(npy_bool, args[1]);
    THREADS_BEGIN(n);
    used = count_true(mask, n);
    if (used <= have && PyArray_TYPE(ARRAY(y)) == NPY_FLOAT32)
        masked_scatter_float(DATA(float, y), mask, n, DATA(float, args[2]));
    else if (used <= have) masked_scatter_double(DATA(double, y), mask, n, DATA(double, args[2]));
    THREADS_END;
    ANSWER(y, used > have);
}

const Row index_rows[] = {
    {"index.gather", gather},
    {"index.scatter", scatter},
    {"index.scatter_add", scatter_add},
    {"index.scatter_reduce", scatter_reduce},
    {"index.take", take},
    {"index.put", put},
    {"index.index_select", index_select},
    {"index.index_add", index_add},
    {"index.index_copy", index_copy},
    {"index.index_fill", index_fill},
    {"index.index", index_},
    {"index.index_put", index_put},
    {"index.put_at", put_at},
    {"index.masked_fill", masked_fill},
    {"index.fill_at", fill_at},
    {"index.masked_scatter", masked_scatter},
    {NULL, NULL},
};
