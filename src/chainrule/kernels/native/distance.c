/* Euclidean distances between rows of float32: kernels/distance.py. */

#include "spans.h"

#define MOST (1 << 18) /* multiplications; beyond, a product of matrices is quicker */
#define LANE 16

/* Batches of n rows of a and m rows of b, all of length k; `wide` is k or m, filled up to whole
   vectors. */
typedef struct {
    npy_intp batches, n, m, k, wide;
} Pairs;

INLINE npy_intp filled(npy_intp n)
{ return (n + LANE - 1) / LANE * LANE; }

static int pairs_of(PyObject *a, PyObject *b, Pairs *p)
{
    if (!is_dense(a, NPY_FLOAT32) || !is_dense(b, NPY_FLOAT32)) return 0;
    const int nd = PyArray_NDIM(ARRAY(a));
    if (nd < 2 || PyArray_NDIM(ARRAY(b)) != nd || !SIZE(a) || !SIZE(b)) return 0;
    p->batches = 1;
    for (int i = 0; i < nd - 2; i++) {
        if (PyArray_DIM(ARRAY(a), i) != PyArray_DIM(ARRAY(b), i)) return 0;
        p->batches *= PyArray_DIM(ARRAY(a), i);
    }
    p->n = PyArray_DIM(ARRAY(a), nd - 2);
    p->m = PyArray_DIM(ARRAY(b), nd - 2);
    p->k = PyArray_DIM(ARRAY(a), nd - 1);
    return p->k == PyArray_DIM(ARRAY(b), nd - 1)
           && (double)p->n * (double)p->m * (double)p->k <= MOST;
}

/* across: memory for b with its rows as columns, so that all distances from a row come at once */
CLONES static void distances_loop(const float *a, const float *b, float *y, float *across,
                                  const Pairs *p)
{
    const npy_intp n = p->n, m = p->m, k = p->k, wide = p->wide;
    for (npy_intp s = 0; s < p->batches; s++, a += n * k, b += m * k, y += n * m) {
        for (npy_intp j = 0; j < m; j++)
            for (npy_intp l = 0; l < k; l++) across[l * wide + j] = b[j * k + l];
        for (npy_intp i = 0; i < n; i++)
            for (npy_intp c = 0; c < m; c += LANE) {
                double total[LANE] = {0.0};
                float root[LANE];
                for (npy_intp l = 0; l < k; l++) {
                    const float at = a[i * k + l], *from = across + l * wide + c;
                    for (int j = 0; j < LANE; j++) {
                        const double d = (double)at - from[j];
                        total[j] += d * d;
                    }
                }
                for (int j = 0; j < LANE; j++) root[j] = (float)sqrt(total[j]);
                for (npy_intp j = 0; j < LANE && c + j < m; j++) y[i * m + c + j] = root[j];
            }
    }
}

/* euclidean(a, b): (..., n, m) */
static PyObject *euclidean(PyObject *const *args, Py_ssize_t nargs)
{
    Pairs p;
    if (nargs != 2 || !pairs_of(args[0], args[1], &p)) DECLINE;
    p.wide = filled(p.m);
    npy_intp shape[NPY_MAXDIMS];
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    for (int i = 0; i < nd - 1; i++) shape[i] = PyArray_DIM(ARRAY(args[0]), i);
    shape[nd - 1] = p.m;
    float *across = PyMem_RawCalloc((size_t)(p.wide * p.k), sizeof(float));
    if (!across) return PyErr_NoMemory();
    PyObject *y = new_array(nd, shape, NPY_FLOAT32);
    if (y) {
        THREADS_BEGIN(p.batches * p.n * p.m * p.k);
        distances_loop(DATA(float, args[0]), DATA(float, args[1]), DATA(float, y), across, &p);
        THREADS_END;
    }
    PyMem_RawFree(across);
    return y;
}

/* room: memory for the rows of b, filled up, and for sums of one row of a and of all of b */
CLONES static void distances_back_loop(const float *g, const float *a, const float *b,
                                       const float *out, float *ga, float *gb, double *room,
                                       const Pairs *p)
{
    const npy_intp n = p->n, m = p->m, k = p->k, wide = p->wide;
    double *to_a = room, *to_b = room + wide;
    float *row = (float *)(to_b + m * wide), *rows = row + wide;
    for (npy_intp s = 0; s < p->batches; s++) {
        for (npy_intp j = 0; j < m; j++) memcpy(rows + j * wide, b + j * k, (size_t)k * sizeof *b);
        memset(to_b, 0, (size_t)(m * wide) * sizeof *to_b);
        for (npy_intp i = 0; i < n; i++, a += k, ga += k, g += m, out += m) {
            memcpy(row, a, (size_t)k * sizeof *a);
            memset(to_a, 0, (size_t)wide * sizeof *to_a);
            for (npy_intp j = 0; j < m; j++) {
                const double pull = out[j] > 0.0f ? (double)g[j] / out[j] : 0.0;
                for (npy_intp c = 0; c < wide; c += LANE) {
                    const float *from = rows + j * wide + c, *at = row + c;
                    double *sums = to_a + c, *others = to_b + j * wide + c;
                    for (int l = 0; l < LANE; l++) {
                        const double d = ((double)at[l] - from[l]) * pull;
                        sums[l] += d;
                        others[l] -= d;
                    }
                }
            }
            for (npy_intp l = 0; l < k; l++) ga[l] = (float)to_a[l];
        }
        for (npy_intp j = 0; j < m; j++)
            for (npy_intp l = 0; l < k; l++) gb[j * k + l] = (float)to_b[j * wide + l];
        b += m * k;
        gb += m * k;
    }
}

/* euclidean_back(g, a, b, out): the cotangents of a and of b */
static PyObject *euclidean_back(PyObject *const *args, Py_ssize_t nargs)
{
    Pairs p;
    if (nargs != 4 || !pairs_of(args[1], args[2], &p) || !is_dense(args[3], NPY_FLOAT32)) DECLINE;
    PyObject *g = as_dense(args[0]);
    if (!g || !SAME_SHAPE(g, args[3]) || SIZE(g) != p.batches * p.n * p.m) {
        Py_XDECREF(g);
        DECLINE;
    }
    p.wide = filled(p.k);
    const size_t each = (size_t)((1 + p.m) * p.wide); /* a row, and all rows of b */
    double *room = PyMem_RawCalloc(each, sizeof(double) + sizeof(float));
    PyObject *ga = NEW_LIKE(args[1]), *gb = NEW_LIKE(args[2]), *both = NULL;
    if (room && ga && gb) {
        THREADS_BEGIN(p.batches * p.n * p.m * p.k);
        distances_back_loop(DATA(float, g), DATA(float, args[1]), DATA(float, args[2]),
                            DATA(float, args[3]), DATA(float, ga), DATA(float, gb), room, &p);
        THREADS_END;
        both = PyTuple_Pack(2, ga, gb);
    } else if (!room) PyErr_NoMemory();
    PyMem_RawFree(room);
    Py_DECREF(g);
    Py_XDECREF(ga);
    Py_XDECREF(gb);
    return both;
}

/* ---- all pairs of rows of a matrix, (0, 1), (0, 2), ..., (1, 2), ... */

static int is_matrix(PyObject *x)
{ return is_dense(x, NPY_FLOAT32) && PyArray_NDIM(ARRAY(x)) == 2 && SIZE(x); }

CLONES static void minus(const float *a, const float *b, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = a[i] - b[i];
}

CLONES static void share_out(const float *g, double *a, double *b, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) {
        a[i] += g[i];
        b[i] -= g[i];
    }
}

/* across: memory for x with its rows as columns */
CLONES static void all_apart(const float *x, float *to, float *across, npy_intp n, npy_intp k,
                             npy_intp wide)
{
    for (npy_intp j = 0; j < n; j++)
        for (npy_intp l = 0; l < k; l++) across[l * wide + j] = x[j * k + l];
    for (npy_intp i = 0; i < n; i++) {
        for (npy_intp c = (i + 1) / LANE * LANE; c < n; c += LANE) {
            double total[LANE] = {0.0};
            float root[LANE];
            for (npy_intp l = 0; l < k; l++) {
                const float at = x[i * k + l], *from = across + l * wide + c;
                for (int j = 0; j < LANE; j++) {
                    const double d = at - from[j];
                    total[j] += d * d;
                }
            }
            for (int j = 0; j < LANE; j++) root[j] = (float)sqrt(total[j]);
            for (npy_intp j = c > i ? c : i + 1; j < c + LANE && j < n; j++)
                to[j - i - 1] = root[j - c];
        }
        to += n - i - 1;
    }
}

/* pairs_apart(x): the Euclidean distances */
static PyObject *pairs_apart(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1 || !is_matrix(args[0])) DECLINE;
    const npy_intp n = PyArray_DIM(ARRAY(args[0]), 0), k = PyArray_DIM(ARRAY(args[0]), 1);
    const npy_intp count = n * (n - 1) / 2, wide = filled(n);
    PyObject *y = new_array(1, &count, NPY_FLOAT32);
    float *across = y ? PyMem_RawCalloc((size_t)(k * wide), sizeof *across) : NULL;
    if (!across) {
        Py_XDECREF(y);
        return y ? PyErr_NoMemory() : NULL;
    }
    THREADS_BEGIN(count * k);
    all_apart(DATA(float, args[0]), DATA(float, y), across, n, k, wide);
    THREADS_END;
    PyMem_RawFree(across);
    return y;
}

/* rows: memory for x with its rows filled up; sums: for as many numbers */
CLONES static void all_pulled(const float *g, const float *x, const float *out, float *to,
                              float *rows, double *sums, npy_intp n, npy_intp k, npy_intp wide)
{
    for (npy_intp j = 0; j < n; j++) memcpy(rows + j * wide, x + j * k, (size_t)k * sizeof *x);
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp j = i + 1; j < n; j++, g++, out++) {
            const double pull = *out > 0.0f ? (double)*g / *out : 0.0;
            for (npy_intp c = 0; c < wide; c += LANE) {
                const float *a = rows + i * wide + c, *b = rows + j * wide + c;
                double *to_a = sums + i * wide + c, *to_b = sums + j * wide + c;
                for (int l = 0; l < LANE; l++) {
                    const double d = ((double)a[l] - b[l]) * pull;
                    to_a[l] += d;
                    to_b[l] -= d;
                }
            }
        }
    for (npy_intp j = 0; j < n; j++)
        for (npy_intp l = 0; l < k; l++) to[j * k + l] = (float)sums[j * wide + l];
}

/* pairs_apart_back(g, x, out) */
static PyObject *pairs_apart_back(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 || !is_matrix(args[1]) || !is_dense(args[2], NPY_FLOAT32)) DECLINE;
    const npy_intp n = PyArray_DIM(ARRAY(args[1]), 0), k = PyArray_DIM(ARRAY(args[1]), 1);
    const npy_intp wide = filled(k);
    PyObject *g = SIZE(args[2]) == n * (n - 1) / 2 ? as_dense(args[0]) : NULL;
    if (!g || !SAME_SHAPE(g, args[2])) {
        Py_XDECREF(g);
        DECLINE;
    }
    PyObject *y = NEW_LIKE(args[1]);
    double *sums = y ? PyMem_RawCalloc((size_t)(n * wide), sizeof(double) + sizeof(float)) : NULL;
    if (sums) {
        THREADS_BEGIN(SIZE(g) * k);
        all_pulled(DATA(float, g), DATA(float, args[1]), DATA(float, args[2]), DATA(float, y),
                   (float *)(sums + n * wide), sums, n, k, wide);
        THREADS_END;
    } else if (y) {
        PyErr_NoMemory();
        Py_CLEAR(y);
    }
    PyMem_RawFree(sums);
    Py_DECREF(g);
    return y;
}

/* pair_differences(x): (pairs, columns) */
static PyObject *pair_differences(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1 || !is_matrix(args[0])) DECLINE;
    const npy_intp n = PyArray_DIM(ARRAY(args[0]), 0), k = PyArray_DIM(ARRAY(args[0]), 1);
    const npy_intp shape[2] = {n * (n - 1) / 2, k};
    PyObject *y = new_array(2, shape, NPY_FLOAT32);
    if (!y) return NULL;
    const float *x = DATA(float, args[0]);
    float *to = DATA(float, y);
    THREADS_BEGIN(shape[0] * k);
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp j = i + 1; j < n; j++, to += k) minus(x + i * k, x + j * k, to, k);
    THREADS_END;
    return y;
}

/* pair_totals(d, n): the transpose of `pair_differences` */
static PyObject *pair_totals(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[2];
    if (nargs != 2 || !is_matrix(args[0]) || !as_index(args[1], &shape[0])) DECLINE;
    const npy_intp n = shape[0], k = shape[1] = PyArray_DIM(ARRAY(args[0]), 1);
    if (n < 2 || n > 1 << 24 || PyArray_DIM(ARRAY(args[0]), 0) != n * (n - 1) / 2) DECLINE;
    PyObject *y = new_array(2, shape, NPY_FLOAT32);
    double *sums = y ? PyMem_RawCalloc((size_t)(n * k), sizeof *sums) : NULL;
    if (!sums) {
        Py_XDECREF(y);
        return y ? PyErr_NoMemory() : NULL;
    }
    const float *g = DATA(float, args[0]);
    float *to = DATA(float, y);
    THREADS_BEGIN(SIZE(args[0]));
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp j = i + 1; j < n; j++, g += k) share_out(g, sums + i * k, sums + j * k, k);
    for (npy_intp i = 0; i < n * k; i++) to[i] = (float)sums[i];
    THREADS_END;
    PyMem_RawFree(sums);
    return y;
}

const Row distance_rows[] = {
    {"distance.euclidean", euclidean},
    {"distance.euclidean_back", euclidean_back},
    {"distance.pair_differences", pair_differences},
    {"distance.pair_totals", pair_totals},
    {"distance.pairs_apart", pairs_apart},
    {"distance.pairs_apart_back", pairs_apart_back},
    {NULL, NULL},
};
