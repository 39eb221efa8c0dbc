/* Elements in other places: kernels/moves.py, kernels/padding.py. All results lie in C order,
   but those of flip and rot90. */

#include "kernel.h"

static int is_movable(PyObject *x)
{
    if (!PyArray_CheckExact(x)) return 0;
    int type = PyArray_TYPE(ARRAY(x));
    npy_intp bytes = PyArray_ITEMSIZE(ARRAY(x));
    return (PyTypeNum_ISFLOAT(type) || PyTypeNum_ISINTEGER(type)) && (bytes == 4 || bytes == 8)
           && is_array(x, type);
}

static int is_movable_dense(PyObject *x)
{ return is_movable(x) && PyArray_IS_C_CONTIGUOUS(ARRAY(x)); }

static int dim_of(PyObject *o, PyObject *x, npy_intp *dim)
{ return as_index(o, dim) && *dim >= 0 && *dim < PyArray_NDIM(ARRAY(x)); }

/* ---- a dense copy of memory seen through any strides (counted in elements) */

typedef struct {
    int nd;
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
} Lay;

static Lay lay_of(PyObject *x)
{
    Lay l = {.nd = PyArray_NDIM(ARRAY(x))};
    for (int i = 0; i < l.nd; i++) {
        l.shape[i] = PyArray_DIM(ARRAY(x), i);
        l.strides[i] = PyArray_STRIDE(ARRAY(x), i) / PyArray_ITEMSIZE(ARRAY(x));
    }
    return l;
}

/* Without dimensions of size 1, and those that follow each other in memory as one. */
static Lay merged(const Lay *l)
{
    Lay m = {.nd = 0};
    for (int i = 0; i < l->nd; i++) {
        if (l->shape[i] == 1) continue;
        if (m.nd && m.strides[m.nd - 1] == l->strides[i] * l->shape[i]) {
            m.shape[m.nd - 1] *= l->shape[i];
            m.strides[m.nd - 1] = l->strides[i];
        } else {
            m.shape[m.nd] = l->shape[i];
            m.strides[m.nd++] = l->strides[i];
        }
    }
    if (!m.nd) m = (Lay){.nd = 1, .shape = {1}, .strides = {1}};
    return m;
}

#define TILE 16

/* One plane (or row): rows of `cols` elements, `skip` apart in `to`. Where neighbours in memory
   belong to different rows, tile by tile, so that what was fetched is used. */
#define PLANE(T)                                                                                   \
    CLONES static void plane_##T(const T *from, npy_intp rows, npy_intp down, npy_intp cols,       \
                                 npy_intp across, T *to, npy_intp skip)                            \
    {                                                                                              \
        if (across == 1) {                                                                         \
            for (npy_intp r = 0; r < rows; r++)                                                    \
                memcpy(to + r * skip, from + r * down, cols * sizeof(T));                          \
        } else if (across == -1) {                                                                 \
            for (npy_intp r = 0; r < rows; r++) {                                                  \
                const T *line = from + r * down;                                                   \
                T *out = to + r * skip;                                                            \
                for (npy_intp c = 0; c < cols; c++) out[c] = line[-c];                             \
            }                                                                                      \
        } else {                                                                                   \
            for (npy_intp r0 = 0; r0 < rows; r0 += TILE) {                                         \
                const npy_intp r1 = r0 + TILE < rows ? r0 + TILE : rows;                           \
                for (npy_intp c0 = 0; c0 < cols; c0 += TILE) {                                     \
                    const npy_intp c1 = c0 + TILE < cols ? c0 + TILE : cols;                       \
                    if (down == 1 && r1 - r0 == TILE && c1 - c0 == TILE) {                         \
                        T tile[TILE * TILE];                                                       \
                        for (int c = 0; c < TILE; c++)                                             \
                            memcpy(tile + c * TILE, from + r0 + (c0 + c) * across,                 \
                                   sizeof(T) * TILE);                                              \
                        for (int r = 0; r < TILE; r++)                                             \
                            for (int c = 0; c < TILE; c++)                                         \
                                to[(r0 + r) * skip + c0 + c] = tile[c * TILE + r];                 \
                        continue;                                                                  \
                    }                                                                              \
                    for (npy_intp r = r0; r < r1; r++)                                             \
                        for (npy_intp c = c0; c < c1; c++)                                         \
                            to[r * skip + c] = from[r * down + c * across];                        \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void copy_##T(const T *from, const Lay *given, T *to)                                   \
    {                                                                                              \
        const Lay l = merged(given);                                                               \
        const int last = l.nd - 1;                                                                 \
        npy_intp dense[NPY_MAXDIMS], at[NPY_MAXDIMS] = {0};                                        \
        int plane = last ? last - 1 : -1;                                                          \
        dense[last] = 1;                                                                           \
        for (int i = last - 1; i >= 0; i--) dense[i] = dense[i + 1] * l.shape[i + 1];              \
        for (int i = 0; i < last; i++) /* the dimension whose neighbours are neighbours */         \
            if (Py_ABS(l.strides[i]) < Py_ABS(l.strides[plane])) plane = i;                        \
        npy_intp rows = plane < 0 ? 1 : l.shape[plane], down = plane < 0 ? 0 : l.strides[plane];   \
        npy_intp skip = plane < 0 ? 0 : dense[plane];                                              \
        for (;;) {                                                                                 \
            npy_intp source = 0, target = 0;                                                       \
            for (int i = 0; i < last; i++) {                                                       \
                source += at[i] * l.strides[i];                                                    \
                target += at[i] * dense[i];                                                        \
            }                                                                                      \
            plane_##T(from + source, rows, down, l.shape[last], l.strides[last], to + target,      \
                      skip);                                                                       \
            int i = last - 1;                                                                      \
            for (; i >= 0; i--) {                                                                  \
                if (i == plane) continue;                                                          \
                if (++at[i] < l.shape[i]) break;                                                   \
                at[i] = 0;                                                                         \
            }                                                                                      \
            if (i < 0) return;                                                                     \
        }                                                                                          \
    }

typedef npy_uint32 four;
typedef npy_uint64 eight;
PLANE(four)
PLANE(eight)

/* The dense array of x seen from its element `start` through `l`. */
static PyObject *dense(PyObject *x, npy_intp start, const Lay *l)
{
    PyObject *y = new_array(l->nd, l->shape, PyArray_TYPE(ARRAY(x)));
    if (!y || !SIZE(y)) return y;
    THREADS_BEGIN(SIZE(y));
    if (PyArray_ITEMSIZE(ARRAY(x)) == 4) copy_four(DATA(four, x) + start, l, DATA(four, y));
    else copy_eight(DATA(eight, x) + start, l, DATA(eight, y));
    THREADS_END;
    return y;
}

/* The same in the order of its own memory, as PyTorch keeps it: dimensions with larger steps go
   before those with smaller ones. */
static PyObject *keeping_order(PyObject *x, npy_intp start, const Lay *l)
{
    Lay sorted = {.nd = l->nd};
    int order[NPY_MAXDIMS];
    npy_intp strides[NPY_MAXDIMS], step = PyArray_ITEMSIZE(ARRAY(x));
    for (int i = 0; i < l->nd; i++) {
        int at = i;
        for (; at > 0 && Py_ABS(l->strides[order[at - 1]]) < Py_ABS(l->strides[i]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int i = l->nd - 1; i >= 0; i--) {
        sorted.shape[i] = l->shape[order[i]];
        sorted.strides[i] = l->strides[order[i]];
        strides[order[i]] = step;
        step *= sorted.shape[i];
    }
    PyArray_Descr *dtype = PyArray_DESCR(ARRAY(x));
    Py_INCREF(dtype);
    PyObject *y = PyArray_NewFromDescr(&PyArray_Type, dtype, l->nd, l->shape, step ? strides : NULL,
                                       NULL, 0, NULL);
    if (!y || !SIZE(y)) return y;
    THREADS_BEGIN(SIZE(y));
    if (PyArray_ITEMSIZE(ARRAY(x)) == 4) copy_four(DATA(four, x) + start, &sorted, DATA(four, y));
    else copy_eight(DATA(eight, x) + start, &sorted, DATA(eight, y));
    THREADS_END;
    return y;
}

/* contiguous(x) */
static PyObject *contiguous(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1 || !is_movable(args[0])) DECLINE;
    Lay l = lay_of(args[0]);
    return dense(args[0], 0, &l);
}

/* Turn the order along a dimension around; what that adds to the start. */
static npy_intp reverse(Lay *l, npy_intp dim)
{
    npy_intp start = l->shape[dim] ? (l->shape[dim] - 1) * l->strides[dim] : 0;
    l->strides[dim] = -l->strides[dim];
    return start;
}

/* flip(x, dims) */
static PyObject *flip(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_movable(args[0]) || !PyTuple_CheckExact(args[1])) DECLINE;
    Lay l = lay_of(args[0]);
    npy_intp start = 0, dim;
    npy_uint64 seen = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[1]); i++) {
        if (!dim_of(PyTuple_GET_ITEM(args[1], i), args[0], &dim) || seen >> dim & 1) DECLINE;
        seen |= (npy_uint64)1 << dim;
        start += reverse(&l, dim);
    }
    return keeping_order(args[0], start, &l);
}

/* rot90(x, k, dims) */
static PyObject *rot90(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp k, first, second, start = 0;
    if (nargs != 3 || !is_movable(args[0]) || !as_index(args[1], &k) || !PyTuple_CheckExact(args[2])
        || PyTuple_GET_SIZE(args[2]) != 2 || !dim_of(PyTuple_GET_ITEM(args[2], 0), args[0], &first)
        || !dim_of(PyTuple_GET_ITEM(args[2], 1), args[0], &second) || first == second)
        DECLINE;
    Lay l = lay_of(args[0]);
    k &= 3;
    if (k & 1) {
        npy_intp n = l.shape[first], s = l.strides[first];
        l.shape[first] = l.shape[second];
        l.strides[first] = l.strides[second];
        l.shape[second] = n;
        l.strides[second] = s;
        start = reverse(&l, k == 1 ? first : second);
    } else if (k) {
        start = reverse(&l, first) + reverse(&l, second);
    }
    return keeping_order(args[0], start, &l);
}

/* roll(x, shifts, dims): along one dimension, or of all elements as a vector. */
static PyObject *roll(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shift, dim = -1;
    if (nargs != 3 || !is_movable_dense(args[0]) || !PyTuple_CheckExact(args[1])
        || !PyTuple_CheckExact(args[2]) || PyTuple_GET_SIZE(args[1]) != 1
        || PyTuple_GET_SIZE(args[2]) > 1 || !as_index(PyTuple_GET_ITEM(args[1], 0), &shift)
        || (PyTuple_GET_SIZE(args[2]) && !dim_of(PyTuple_GET_ITEM(args[2], 0), args[0], &dim))
        || !SIZE(args[0]))
        DECLINE;
    npy_intp outer = 1, n = SIZE(args[0]), inner = 1;
    if (dim >= 0) {
        n = PyArray_DIM(ARRAY(args[0]), dim);
        for (int i = 0; i < dim; i++) outer *= PyArray_DIM(ARRAY(args[0]), i);
        inner = SIZE(args[0]) / (outer * n);
    }
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    shift %= n;
    if (shift < 0) shift += n;
    const npy_intp bytes = inner * PyArray_ITEMSIZE(ARRAY(y));
    const char *from = PyArray_BYTES(ARRAY(args[0]));
    char *to = PyArray_BYTES(ARRAY(y));
    THREADS_BEGIN(SIZE(y));
    for (npy_intp o = 0; o < outer; o++, from += n * bytes, to += n * bytes) {
        memcpy(to + shift * bytes, from, (n - shift) * bytes);
        memcpy(to, from + (n - shift) * bytes, shift * bytes);
    }
    THREADS_END;
    return y;
}

/* ---- triangles, diagonals */

/* tril or triu: of each row the first or the last elements, zeros for the others. */
static PyObject *triangle(PyObject *const *args, Py_ssize_t nargs, int lower)
{
    npy_intp diagonal;
    if (nargs != 2 || !is_movable_dense(args[0]) || PyArray_NDIM(ARRAY(args[0])) < 2
        || !as_index(args[1], &diagonal) || diagonal > NPY_MAX_INT32 || diagonal < -NPY_MAX_INT32)
        DECLINE;
    PyObject *x = args[0], *y = NEW_LIKE(x);
    if (!y) return NULL;
    const int nd = PyArray_NDIM(ARRAY(x));
    const npy_intp m = PyArray_DIM(ARRAY(x), nd - 2), n = PyArray_DIM(ARRAY(x), nd - 1);
    const npy_intp rows = n ? SIZE(x) / n : 0, size = PyArray_ITEMSIZE(ARRAY(x));
    const char *from = PyArray_BYTES(ARRAY(x));
    char *to = PyArray_BYTES(ARRAY(y));
    THREADS_BEGIN(SIZE(x));
    npy_intp i = 0; /* the row within its matrix */
    for (npy_intp r = 0; r < rows; r++, from += n * size, to += n * size) {
        npy_intp cut = i + diagonal + (lower ? 1 : 0);
        cut = cut < 0 ? 0 : cut > n ? n : cut;
        const npy_intp before = cut * size, after = (n - cut) * size;
        if (lower) {
            memcpy(to, from, before);
            memset(to + before, 0, after);
        } else {
            memset(to, 0, before);
            memcpy(to + before, from + before, after);
        }
        if (++i == m) i = 0;
    }
    THREADS_END;
    return y;
}

static PyObject *tril(PyObject *const *args, Py_ssize_t nargs)
{ return triangle(args, nargs, 1); }
static PyObject *triu(PyObject *const *args, Py_ssize_t nargs)
{ return triangle(args, nargs, 0); }

/* diag_embed(x, offset, dim1, dim2): of a vector. */
static PyObject *diag_embed(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp offset, first, second;
    if (nargs != 4 || !is_movable_dense(args[0]) || PyArray_NDIM(ARRAY(args[0])) != 1
        || !as_index(args[1], &offset) || !as_index(args[2], &first) || !as_index(args[3], &second)
        || first != 0 || second != 1 || Py_ABS(offset) > NPY_MAX_INT32)
        DECLINE;
    npy_intp count = SIZE(args[0]), n = count + Py_ABS(offset), shape[2] = {n, n};
    PyObject *y = PyArray_ZEROS(2, shape, PyArray_TYPE(ARRAY(args[0])), 0);
    if (!y) return NULL;
    npy_intp start = offset < 0 ? -offset * n : offset;
    if (PyArray_ITEMSIZE(ARRAY(y)) == 4)
        for (npy_intp i = 0; i < count; i++)
            DATA(four, y)[start + i * (n + 1)] = DATA(four, args[0])[i];
    else
        for (npy_intp i = 0; i < count; i++)
            DATA(eight, y)[start + i * (n + 1)] = DATA(eight, args[0])[i];
    return y;
}

/* ---- joining */

/* Arrays of one type, dense, their sizes the same except at `dim` (if not `stack`). */
static PyObject *join(PyObject *const *args, Py_ssize_t nargs, int stack)
{
    npy_intp dim, shape[NPY_MAXDIMS], total = 0, outer = 1;
    if (nargs != 2 || !(PyList_CheckExact(args[0]) || PyTuple_CheckExact(args[0]))
        || !PySequence_Fast_GET_SIZE(args[0]) || !as_index(args[1], &dim))
        DECLINE;
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(args[0]);
    PyObject *const *arrays = PySequence_Fast_ITEMS(args[0]), *first = arrays[0];
    if (!is_movable_dense(first)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(first)), ranks = nd + stack;
    if (dim < 0) dim += ranks;
    if (dim < 0 || dim >= ranks || ranks > NPY_MAXDIMS) DECLINE;
    for (Py_ssize_t k = 0; k < count; k++) {
        PyObject *x = arrays[k];
        if (!is_movable_dense(x) || PyArray_TYPE(ARRAY(x)) != PyArray_TYPE(ARRAY(first))
            || PyArray_NDIM(ARRAY(x)) != nd)
            DECLINE;
        for (int i = 0; i < nd; i++)
            if ((stack || i != dim) && PyArray_DIM(ARRAY(x), i) != PyArray_DIM(ARRAY(first), i))
                DECLINE;
        total += stack ? 1 : PyArray_DIM(ARRAY(x), dim);
    }
    for (int i = 0; i < ranks; i++)
        shape[i] = i == dim ? total : PyArray_DIM(ARRAY(first), stack && i > dim ? i - 1 : i);
    for (int i = 0; i < dim; i++) outer *= shape[i];
    PyObject *y = new_array(ranks, shape, PyArray_TYPE(ARRAY(first)));
    if (!y || !SIZE(y)) return y;
    const npy_intp size = PyArray_ITEMSIZE(ARRAY(y)), row = SIZE(y) / outer;
    npy_intp start = 0;
    THREADS_BEGIN(SIZE(y));
    for (Py_ssize_t k = 0; k < count; k++) {
        PyObject *x = arrays[k];
        const npy_intp part = SIZE(x) / outer;
        const char *from = PyArray_BYTES(ARRAY(x));
        char *to = PyArray_BYTES(ARRAY(y)) + start * size;
        if (part == 1 && size == 4)
            for (npy_intp o = 0; o < outer; o++) ((four *)to)[o * row] = ((const four *)from)[o];
        else
            for (npy_intp o = 0; o < outer; o++)
                memcpy(to + o * row * size, from + o * part * size, part * size);
        start += part;
    }
    THREADS_END;
    return y;
}

static PyObject *joined(PyObject *const *args, Py_ssize_t nargs)
{ return join(args, nargs, 0); }
static PyObject *stacked(PyObject *const *args, Py_ssize_t nargs)
{ return join(args, nargs, 1); }

/* ---- padding.constant_pad(x, pads, value): one or two last dimensions */

static void fill(char *to, npy_intp count, npy_intp size, double value)
{
    if (value == 0.0) memset(to, 0, count * size);
    else if (size == 4)
        for (npy_intp i = 0; i < count; i++) ((float *)to)[i] = (float)value;
    else
        for (npy_intp i = 0; i < count; i++) ((double *)to)[i] = value;
}

static PyObject *constant_pad(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp pads[2][2] = {{0}}, shape[NPY_MAXDIMS];
    double value;
    if (nargs != 3 || !(is_dense(args[0], NPY_FLOAT32) || is_dense(args[0], NPY_FLOAT64))
        || !PyTuple_CheckExact(args[1]) || !as_double(args[2], &value)
        || (value == 0.0 && 1.0 / value < 0.0)) /* -0.0 */
        DECLINE;
    PyObject *x = args[0];
    const int nd = PyArray_NDIM(ARRAY(x));
    const Py_ssize_t n = PyTuple_GET_SIZE(args[1]);
    if (n < 1 || n > 2 || n > nd) DECLINE;
    for (int i = 0; i < nd; i++) shape[i] = PyArray_DIM(ARRAY(x), i);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyTuple_GET_ITEM(args[1], i);
        npy_intp *pad = pads[2 - n + i], had = shape[nd - n + i];
        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2
            || !as_index(PyTuple_GET_ITEM(pair, 0), pad)
            || !as_index(PyTuple_GET_ITEM(pair, 1), pad + 1) || pad[0] < -had || pad[1] < -had
            || had + pad[0] + pad[1] < 0)
            DECLINE;
        shape[nd - n + i] = had + pad[0] + pad[1];
    }
    PyObject *y = new_array(nd, shape, PyArray_TYPE(ARRAY(x)));
    if (!y || !SIZE(y)) return y;
    const npy_intp size = PyArray_ITEMSIZE(ARRAY(x));
    const npy_intp cols = PyArray_DIM(ARRAY(x), nd - 1), wide = shape[nd - 1];
    const npy_intp rows = nd > 1 ? PyArray_DIM(ARRAY(x), nd - 2) : 1,
                   high = nd > 1 ? shape[nd - 2] : 1;
    const npy_intp planes = SIZE(y) / (wide * high);
    const npy_intp before = pads[1][0], kept_from = before < 0 ? -before : 0;
    const npy_intp kept = cols - kept_from - (pads[1][1] < 0 ? -pads[1][1] : 0);
    const char *from = PyArray_BYTES(ARRAY(x));
    char *to = PyArray_BYTES(ARRAY(y));
    THREADS_BEGIN(SIZE(y));
    for (npy_intp p = 0; p < planes; p++)
        for (npy_intp r = 0; r < high; r++, to += wide * size) {
            const npy_intp row = r - pads[0][0];
            if (row < 0 || row >= rows || kept <= 0) {
                fill(to, wide, size, value);
                continue;
            }
            const npy_intp left = before > 0 ? before : 0;
            fill(to, left, size, value);
            memcpy(to + left * size, from + ((p * rows + row) * cols + kept_from) * size,
                   kept * size);
            fill(to + (left + kept) * size, wide - left - kept, size, value);
        }
    THREADS_END;
    return y;
}

const Row moves_rows[] = {
    {"moves.contiguous", contiguous},
    {"moves.flip", flip},
    {"moves.rot90", rot90},
    {"moves.roll", roll},
    {"moves.tril", tril},
    {"moves.triu", triu},
    {"moves.diag_embed", diag_embed},
    {"moves.joined", joined},
    {"moves.stacked", stacked},
    {"padding.constant_pad", constant_pad},
    {NULL, NULL},
};
