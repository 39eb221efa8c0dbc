/* Rows taken together: segments of ops/nn/segment.py, bags of ops/nn/embedding_bag.py, and the rows
   of a table that were used (kernels/norm.py). */

#include "spans.h"

/* x is (batch, along, rest), lengths (batch, segments). */
typedef struct {
    npy_intp batch, along, rest, segments;
    const npy_int64 *lengths;
} Segments;

/* x (dense, float32) and lengths around dimension `axis`, which is the last of the lengths. */
static int read_segments(PyObject *x, PyObject *lengths, PyObject *axis, Segments *s)
{
    npy_intp at;
    if (!is_dense(x, NPY_FLOAT32) || !is_dense(lengths, NPY_INT64) || !as_index(axis, &at))
        return 0;
    const int nd = PyArray_NDIM(ARRAY(x));
    if (at < 0 || at >= nd || PyArray_NDIM(ARRAY(lengths)) != at + 1) return 0;
    s->batch = s->rest = 1;
    for (int i = 0; i < nd; i++)
        if (i < at) {
            if (PyArray_DIM(ARRAY(x), i) != PyArray_DIM(ARRAY(lengths), i)) return 0;
            s->batch *= PyArray_DIM(ARRAY(x), i);
        } else if (i > at) s->rest *= PyArray_DIM(ARRAY(x), i);
    s->along = PyArray_DIM(ARRAY(x), (int)at);
    s->segments = PyArray_DIM(ARRAY(lengths), (int)at);
    s->lengths = DATA(npy_int64, lengths);
    return SIZE(x) && s->segments;
}

/* Whether no length is negative and none of the batch has more rows than there are. */
static int segments_fit(const Segments *s, npy_intp rows)
{
    for (npy_intp b = 0; b < s->batch; b++) {
        npy_intp left = rows;
        for (npy_intp i = 0; i < s->segments; i++) {
            const npy_int64 n = s->lengths[b * s->segments + i];
            if (n < 0 || n > left) return 0;
            left -= n;
        }
    }
    return 1;
}

/* x with another size of dimension `axis`. */
static PyObject *resized(PyObject *x, PyObject *axis, npy_intp size, int zeros)
{
    npy_intp shape[NPY_MAXDIMS], at = 0;
    const int nd = PyArray_NDIM(ARRAY(x));
    as_index(axis, &at);
    for (int i = 0; i < nd; i++) shape[i] = i == at ? size : PyArray_DIM(ARRAY(x), i);
    return zeros ? PyArray_ZEROS(nd, shape, NPY_FLOAT32, 0) : new_array(nd, shape, NPY_FLOAT32);
}

typedef enum { SUM, MEAN, PROD, MAX, MIN, NONE } Fold;

static Fold fold_of(PyObject *o)
{
    static const char *const names[] = {"sum", "mean", "prod", "max", "min"};
    if (PyUnicode_CheckExact(o))
        for (int i = 0; i < 5; i++)
            if (PyUnicode_CompareWithASCIIString(o, names[i]) == 0) return (Fold)i;
    return NONE;
}

/* Elements from which the twin's passes over whole rows are quicker than number after number. */
#define MANY 16384

/* n numbers `apart` from each other, beginning with `first`. */
CLONES static double folded(const float *x, npy_intp n, npy_intp apart, Fold fold, double first)
{
    double y = first;
    if (fold <= MEAN && apart == 1) return y + sum_row(x, n);
    for (npy_intp i = 0; i < n; i++) {
        const double v = x[i * apart];
        if (fold <= MEAN) y += v;
        else if (fold == PROD) y *= v;
        else if (v != v || (fold == MAX ? v > y : v < y)) y = v;
    }
    return y;
}

/* _reduce_kernel(x, lengths, reduce, axis, initial) */
static PyObject *segment_reduce(PyObject *const *args, Py_ssize_t nargs)
{
    static const double begin[] = {0.0, 0.0, 1.0, -INFINITY, INFINITY};
    Segments s;
    if (nargs != 5) DECLINE;
    const Fold fold = fold_of(args[2]);
    if (fold == NONE || !read_segments(args[0], args[1], args[3], &s)) DECLINE;
    if (SIZE(args[0]) > MANY && (fold > MEAN || s.rest > 1)) DECLINE;
    double first = begin[fold];
    const int given = args[4] != Py_None;
    if ((given && !as_double(args[4], &first)) || first != first || !segments_fit(&s, s.along))
        DECLINE;
    PyObject *y = resized(args[0], args[3], s.segments, 0);
    if (!y) return NULL;
    const float *x = DATA(float, args[0]);
    float *to = DATA(float, y);
    THREADS_BEGIN(SIZE(args[0]));
    for (npy_intp b = 0; b < s.batch; b++, x += s.along * s.rest) {
        const float *row = x;
        for (npy_intp i = 0; i < s.segments; i++) {
            const npy_int64 n = s.lengths[b * s.segments + i];
            for (npy_intp r = 0; r < s.rest; r++) {
                double value = folded(row + r, n, s.rest, fold, (float)first);
                if (fold == MEAN) value = n ? value / (double)n : given ? value : NAN;
                *to++ = (float)value;
            }
            row += n * s.rest;
        }
    }
    THREADS_END;
    return y;
}

/* _spread_kernel(g, lengths, axis, size): each row of g so often, then zeros */
static PyObject *segment_spread(PyObject *const *args, Py_ssize_t nargs)
{
    Segments s;
    npy_intp size;
    if (nargs != 4 || !as_index(args[3], &size) || !read_segments(args[0], args[1], args[2], &s))
        DECLINE;
    if (s.along != s.segments || !segments_fit(&s, size)) DECLINE;
    PyObject *y = resized(args[0], args[2], size, 1);
    if (!y) return NULL;
    const float *g = DATA(float, args[0]);
    float *row = DATA(float, y);
    THREADS_BEGIN(SIZE(y));
    for (npy_intp b = 0; b < s.batch; b++, row += size * s.rest) {
        float *to = row;
        for (npy_intp i = 0; i < s.segments; i++, g += s.rest)
            for (npy_int64 n = s.lengths[b * s.segments + i]; n > 0; n--)
                for (npy_intp r = 0; r < s.rest; r++) *to++ = g[r];
    }
    THREADS_END;
    return y;
}

/* ---- bags */

static const npy_int64 *numbers_of(PyObject *o)
{ return is_dense(o, NPY_INT64) && PyArray_NDIM(ARRAY(o)) == 1 ? DATA(npy_int64, o) : NULL; }

/* _numbers_kernel(indices, offsets, last, padding_idx): offsets that rise from 0 */
static PyObject *bag_numbers(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp padding;
    if (nargs != 4 || !PyBool_Check(args[2]) || !as_index(args[3], &padding)) DECLINE;
    const npy_int64 *at = numbers_of(args[0]), *offsets = numbers_of(args[1]);
    if (!at || !offsets || !SIZE(args[1]) || offsets[0] != 0) DECLINE;
    const npy_intp n = SIZE(args[0]), bags = SIZE(args[1]);
    for (npy_intp b = 1; b < bags; b++)
        if (offsets[b] < offsets[b - 1]) DECLINE;
    PyObject *y = new_array(1, &n, NPY_INT64);
    if (!y) return NULL;
    npy_intp bag = 0;
    for (npy_intp i = 0; i < n; i++) {
        while (bag + 1 < bags && offsets[bag + 1] <= i) bag++;
        const int none =
            (args[2] == Py_True && bag == bags - 1) || (padding >= 0 && at[i] == padding);
        DATA(npy_int64, y)[i] = none ? -1 : bag;
    }
    return y;
}

/* _weights_kernel(bags, like, count, mean) */
static PyObject *bag_weights(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp count;
    if (nargs != 4 || !as_index(args[2], &count) || count < 1 || !PyBool_Check(args[3])) DECLINE;
    const npy_int64 *bags = numbers_of(args[0]);
    if (!bags || !is_array(args[1], NPY_FLOAT32)) DECLINE;
    const npy_intp n = SIZE(args[0]);
    for (npy_intp i = 0; i < n; i++)
        if (bags[i] >= count) DECLINE;
    PyObject *y = new_array(1, &n, NPY_FLOAT32);
    npy_intp *sizes = y ? PyMem_RawCalloc((size_t)count, sizeof *sizes) : NULL;
    if (!sizes) {
        Py_XDECREF(y);
        return y ? PyErr_NoMemory() : NULL;
    }
    for (npy_intp i = 0; i < n; i++)
        if (bags[i] >= 0) sizes[bags[i]]++;
    for (npy_intp i = 0; i < n; i++) {
        const double all = bags[i] < 0 || args[3] == Py_False ? 1.0 : (double)sizes[bags[i]];
        DATA(float, y)[i] = bags[i] < 0 ? 0.0f : (float)(1.0 / all);
    }
    PyMem_RawFree(sizes);
    return y;
}

CLONES static void add_scaled(const float *row, float scale, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] += row[i] * scale;
}

/* _sum_kernel(weight, scales, indices, bags, count[, by_frequency]) of rows that are there */
static PyObject *bag_sums(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[2];
    if (nargs < 5 || nargs > 6 || !as_index(args[4], &shape[0]) || shape[0] < 1) DECLINE;
    if (!is_dense(args[0], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[0])) != 2) DECLINE;
    if (!is_dense(args[1], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[1])) != 1) DECLINE;
    const npy_int64 *at = numbers_of(args[2]), *bags = numbers_of(args[3]);
    const npy_intp rows = PyArray_DIM(ARRAY(args[0]), 0), width = PyArray_DIM(ARRAY(args[0]), 1);
    if (!at || !bags || SIZE(args[2]) != SIZE(args[3]) || SIZE(args[2]) != SIZE(args[1])) DECLINE;
    const npy_intp n = SIZE(args[2]);
    for (npy_intp i = 0; i < n; i++)
        if (at[i] < 0 || at[i] >= rows || bags[i] >= shape[0]) DECLINE;
    shape[1] = width;
    PyObject *y = PyArray_ZEROS(2, shape, NPY_FLOAT32, 0);
    if (!y) return NULL;
    const float *weight = DATA(float, args[0]), *scales = DATA(float, args[1]);
    THREADS_BEGIN(n * width);
    for (npy_intp i = 0; i < n; i++)
        if (bags[i] >= 0)
            add_scaled(weight + at[i] * width, scales[i], DATA(float, y) + bags[i] * width, width);
    THREADS_END;
    return y;
}

/* norm.embedding_backward(g, indices, rows, padding_idx, by_frequency) of rows that are there */
static PyObject *embedding_backward(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[2], padding;
    if (nargs != 5 || args[4] != Py_False || !as_index(args[2], &shape[0])
        || !as_index(args[3], &padding) || !is_dense(args[0], NPY_FLOAT32)
        || !is_dense(args[1], NPY_INT64) || !SIZE(args[0]) || !SIZE(args[1]))
        DECLINE;
    const npy_intp n = SIZE(args[1]), width = SIZE(args[0]) / n;
    shape[1] = PyArray_DIM(ARRAY(args[0]), PyArray_NDIM(ARRAY(args[0])) - 1);
    if (shape[1] != width || n * width != SIZE(args[0]) || shape[0] < 1) DECLINE;
    const npy_int64 *at = DATA(npy_int64, args[1]);
    for (npy_intp i = 0; i < n; i++)
        if (at[i] < 0 || at[i] >= shape[0]) DECLINE;
    PyObject *y = PyArray_ZEROS(2, shape, NPY_FLOAT32, 0);
    char *seen = y ? PyMem_RawCalloc((size_t)shape[0], 1) : NULL; /* rows that are no longer zero */
    if (!seen) {
        Py_XDECREF(y);
        return y ? PyErr_NoMemory() : NULL;
    }
    const float *g = DATA(float, args[0]);
    THREADS_BEGIN(n * width);
    for (npy_intp i = 0; i < n; i++, g += width) {
        float *to = DATA(float, y) + at[i] * width;
        if (padding >= 0 && at[i] == padding) continue;
        if (seen[at[i]]) add_scaled(g, 1.0f, to, width);
        else memcpy(to, g, (size_t)width * sizeof *g);
        seen[at[i]] = 1;
    }
    THREADS_END;
    PyMem_RawFree(seen);
    return y;
}

/* _to_rows(g, scales, bags): the row of every index's bag times its scale, zeros where it has none
 */
static PyObject *bag_rows(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !is_dense(args[0], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[0])) != 2) DECLINE;
    if (!is_dense(args[1], NPY_FLOAT32) || PyArray_NDIM(ARRAY(args[1])) != 1) DECLINE;
    const npy_int64 *bags = numbers_of(args[2]);
    if (!bags || SIZE(args[1]) != SIZE(args[2])) DECLINE;
    const npy_intp count = PyArray_DIM(ARRAY(args[0]), 0), width = PyArray_DIM(ARRAY(args[0]), 1);
    const npy_intp n = SIZE(args[2]), shape[2] = {n, width};
    for (npy_intp i = 0; i < n; i++)
        if (bags[i] >= count) DECLINE;
    PyObject *y = PyArray_ZEROS(2, shape, NPY_FLOAT32, 0);
    if (!y) return NULL;
    for (npy_intp i = 0; i < n; i++)
        if (bags[i] >= 0)
            add_scaled(DATA(float, args[0]) + bags[i] * width, DATA(float, args[1])[i],
                       DATA(float, y) + i * width, width);
    return y;
}

const Row segment_rows[] = {
    {"norm.embedding_backward", embedding_backward},
    {"ops.nn.embedding_bag._numbers_kernel", bag_numbers},
    {"ops.nn.embedding_bag._sum_kernel", bag_sums},
    {"ops.nn.embedding_bag._to_rows", bag_rows},
    {"ops.nn.embedding_bag._weights_kernel", bag_weights},
    {"ops.nn.segment._reduce_kernel", segment_reduce},
    {"ops.nn.segment._spread_kernel", segment_spread},
    {NULL, NULL},
};
