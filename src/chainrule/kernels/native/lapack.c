/* Factorisations of small matrices and systems solved with them, where a call of LAPACK costs more
   than the work: kernels/lapack.py. One matrix at a time; what fails (singular, not definite, NaN)
   is declined, so that NumPy's way says where. */

#include "kernel.h"
#include <math.h>

#define MOST 64      /* rows or columns of a matrix that is factored */
#define COLUMNS 4096 /* of a right-hand side */

#define T float
#define NAME(x) x##_float
#include "lapack_loops.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_double
#include "lapack_loops.h"

/* Whether x is a matrix of at most `rows` and `columns`, with any strides. */
static int is_small(PyObject *x, int type, npy_intp rows, npy_intp columns)
{
    if (!is_array(x, type) || PyArray_NDIM(ARRAY(x)) != 2) return 0;
    const npy_intp m = PyArray_DIM(ARRAY(x), 0), n = PyArray_DIM(ARRAY(x), 1);
    return m > 0 && n > 0 && m <= rows && n <= columns;
}

#define ROWS(x) PyArray_DIM(ARRAY(x), 0)
#define WIDTH(x) PyArray_DIM(ARRAY(x), 1)

/* The type of a small matrix; -1 if it is none, or not square where that is asked. */
static int small_type(PyObject *x, int square)
{
    const int type = is_small(x, NPY_FLOAT32, MOST, MOST)   ? NPY_FLOAT32
                     : is_small(x, NPY_FLOAT64, MOST, MOST) ? NPY_FLOAT64
                                                            : -1;
    return type >= 0 && square && ROWS(x) != WIDTH(x) ? -1 : type;
}

static PyObject *copy_of(PyObject *x)
{ return PyArray_NewCopy(ARRAY(x), NPY_CORDER); }

/* What was made, or DECLINE where the computation did not succeed. */
static PyObject *made_or_declined(PyObject *made, int good)
{
    if (good || !made) return made;
    Py_DECREF(made);
    DECLINE;
}

/* lu_factor(x): LU, pivots, info */
static PyObject *lu_factor(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 1 ? small_type(args[0], 0) : -1;
    if (type < 0) DECLINE;
    PyObject *lu = copy_of(args[0]);
    const npy_intp m = ROWS(args[0]), n = WIDTH(args[0]), k = m < n ? m : n;
    PyObject *pivots = new_array(1, &k, NPY_INT32), *info = new_array(0, NULL, NPY_INT32);
    PyObject *made = lu && pivots && info ? PyTuple_Pack(3, lu, pivots, info) : NULL;
    int failed = 0;
    if (made) {
        failed = type == NPY_FLOAT32
                     ? factor_lu_float(DATA(float, lu), m, n, DATA(npy_int32, pivots))
                     : factor_lu_double(DATA(double, lu), m, n, DATA(npy_int32, pivots));
        *DATA(npy_int32, info) = failed;
    }
    Py_XDECREF(lu);
    Py_XDECREF(pivots);
    Py_XDECREF(info);
    return made_or_declined(made, failed >= 0);
}

/* triangles(lu): L with ones on its diagonal, and U */
static PyObject *triangles(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 1 ? small_type(args[0], 0) : -1;
    if (type < 0 || !is_dense(args[0], type)) DECLINE;
    const npy_intp m = ROWS(args[0]), n = WIDTH(args[0]), k = m < n ? m : n;
    const npy_intp of_l[2] = {m, k}, of_u[2] = {k, n};
    PyObject *l = new_array(2, of_l, type), *u = new_array(2, of_u, type);
    for (npy_intp i = 0; l && u && i < m; i++)
        for (npy_intp j = 0; j < n; j++) {
            if (type == NPY_FLOAT32) {
                const float x = DATA(float, args[0])[i * n + j];
                if (j < k) DATA(float, l)[i * k + j] = j < i ? x : j == i;
                if (i < k) DATA(float, u)[i * n + j] = j < i ? 0 : x;
            } else {
                const double x = DATA(double, args[0])[i * n + j];
                if (j < k) DATA(double, l)[i * k + j] = j < i ? x : j == i;
                if (i < k) DATA(double, u)[i * n + j] = j < i ? 0 : x;
            }
        }
    return pair_of(l, u);
}

/* permutation_matrix(pivots, m, dtype): P with A = P L U */
static PyObject *permutation_matrix(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp m, rows[MOST];
    if (nargs != 3 || !is_dense(args[0], NPY_INT32) || PyArray_NDIM(ARRAY(args[0])) != 1
        || !as_index(args[1], &m) || m < 1 || m > MOST || SIZE(args[0]) > m
        || !PyArray_DescrCheck(args[2]))
        DECLINE;
    const int type = ((PyArray_Descr *)args[2])->type_num;
    if (type != NPY_FLOAT32 && type != NPY_FLOAT64) DECLINE;
    for (npy_intp i = 0; i < m; i++) rows[i] = i;
    for (npy_intp i = 0; i < SIZE(args[0]); i++) {
        const npy_intp p = DATA(npy_int32, args[0])[i] - 1, kept = rows[i];
        if (p < 0 || p >= m) DECLINE;
        rows[i] = rows[p];
        rows[p] = kept;
    }
    const npy_intp shape[2] = {m, m};
    PyObject *made = PyArray_ZEROS(2, (npy_intp *)shape, type, 0);
    for (npy_intp i = 0; made && i < m; i++) {
        if (type == NPY_FLOAT32) DATA(float, made)[rows[i] * m + i] = 1;
        else DATA(double, made)[rows[i] * m + i] = 1;
    }
    return made;
}

/* cholesky(x, upper, op): the name of the op is for errors, which the twin raises */
static PyObject *cholesky(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs >= 1 && nargs <= 3 ? small_type(args[0], 1) : -1;
    if (type < 0 || (nargs > 1 && !PyBool_Check(args[1]))) DECLINE;
    const int upper = nargs > 1 && args[1] == Py_True;
    PyObject *x = dense_of(args[0]), *made = x ? NEW_LIKE(x) : NULL;
    int good = 0;
    if (made) {
        const npy_intp n = ROWS(x);
        good = type == NPY_FLOAT32
                   ? factor_cholesky_float(DATA(float, x), DATA(float, made), n, !upper)
                   : factor_cholesky_double(DATA(double, x), DATA(double, made), n, !upper);
        if (good && !upper) { /* L is the transpose of U */
            for (npy_intp i = 0; i < n; i++)
                for (npy_intp j = i + 1; j < n; j++) {
                    if (type == NPY_FLOAT32) {
                        DATA(float, made)[j * n + i] = DATA(float, made)[i * n + j];
                        DATA(float, made)[i * n + j] = 0;
                    } else {
                        DATA(double, made)[j * n + i] = DATA(double, made)[i * n + j];
                        DATA(double, made)[i * n + j] = 0;
                    }
                }
        }
    }
    Py_XDECREF(x);
    return made_or_declined(made, good);
}

/* Whether a number on the diagonal is 0 (or NaN), which is left to the twin. */
static int has_zero(PyObject *a)
{
    const npy_intp n = ROWS(a), step = PyArray_STRIDE(ARRAY(a), 0) + PyArray_STRIDE(ARRAY(a), 1);
    const char *at = PyArray_BYTES(ARRAY(a));
    for (npy_intp i = 0; i < n; i++, at += step) {
        const double x =
            PyArray_TYPE(ARRAY(a)) == NPY_FLOAT32 ? *(const float *)at : *(const double *)at;
        if (!(x < 0 || x > 0)) return 1;
    }
    return 0;
}

/* A or its transpose X = x, in place; A of any strides, x dense. */
static void substitute(PyObject *a, PyObject *x, int transposed, int upper, int unit)
{
    const npy_intp size = PyArray_ITEMSIZE(ARRAY(a));
    npy_intp down = PyArray_STRIDE(ARRAY(a), 0) / size, across = PyArray_STRIDE(ARRAY(a), 1) / size;
    if (transposed) {
        const npy_intp kept = down;
        down = across;
        across = kept;
    }
    if (PyArray_TYPE(ARRAY(a)) == NPY_FLOAT32)
        substitute_float(DATA(float, a), down, across, DATA(float, x), ROWS(x), WIDTH(x), upper,
                         unit);
    else
        substitute_double(DATA(double, a), down, across, DATA(double, x), ROWS(x), WIDTH(x), upper,
                          unit);
}

/* solve_triangular(a, b, upper, left, unitriangular) */
static PyObject *solve_triangular(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs >= 3 && nargs <= 5 ? small_type(args[0], 1) : -1;
    if (type < 0) DECLINE;
    for (Py_ssize_t i = 2; i < nargs; i++)
        if (!PyBool_Check(args[i])) DECLINE;
    PyObject *a = args[0], *b = args[1];
    const int upper = args[2] == Py_True, left = nargs < 4 || args[3] == Py_True;
    const int unit = nargs > 4 && args[4] == Py_True;
    if (!is_small(b, type, left ? MOST : COLUMNS, left ? COLUMNS : MOST) || (!unit && has_zero(a))
        || (left ? ROWS(b) : WIDTH(b)) != ROWS(a))
        DECLINE;
    PyObject *x = copy_of(b);
    if (!x) return NULL;
    if (left) {
        substitute(a, x, 0, upper, unit);
        return x;
    }
    PyObject *dense = dense_of(a);
    if (!dense) {
        Py_DECREF(x);
        return NULL;
    }
    if (type == NPY_FLOAT32)
        substitute_right_float(DATA(float, dense), DATA(float, x), ROWS(x), WIDTH(x), upper, unit);
    else
        substitute_right_double(DATA(double, dense), DATA(double, x), ROWS(x), WIDTH(x), upper,
                                unit);
    Py_DECREF(dense);
    return x;
}

/* Exchange rows i and pivots[i] - 1 of x, in this order or backward. */
static void exchange(PyObject *x, const npy_int32 *pivots, int backward)
{
    const npy_intp n = ROWS(x), size = WIDTH(x) * PyArray_ITEMSIZE(ARRAY(x));
    char *data = PyArray_BYTES(ARRAY(x));
    for (npy_intp step = 0; step < n; step++) {
        const npy_intp i = backward ? n - 1 - step : step, p = pivots[i] - 1;
        if (p == i) continue;
        for (npy_intp k = 0; k < size; k++) {
            const char kept = data[i * size + k];
            data[i * size + k] = data[p * size + k];
            data[p * size + k] = kept;
        }
    }
}

/* lu_solve(lu, pivots, b, adjoint) */
static PyObject *lu_solve(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 3 || nargs == 4 ? small_type(args[0], 1) : -1;
    if (type < 0 || (nargs == 4 && !PyBool_Check(args[3])) || !is_dense(args[1], NPY_INT32)
        || !is_small(args[2], type, MOST, COLUMNS))
        DECLINE;
    const int adjoint = nargs == 4 && args[3] == Py_True;
    const npy_intp n = ROWS(args[0]);
    const npy_int32 *pivots = DATA(npy_int32, args[1]);
    if (SIZE(args[1]) != n || PyArray_NDIM(ARRAY(args[1])) != 1 || ROWS(args[2]) != n
        || has_zero(args[0]))
        DECLINE;
    for (npy_intp i = 0; i < n; i++)
        if (pivots[i] < 1 || pivots[i] > n) DECLINE;
    PyObject *x = copy_of(args[2]);
    if (!x) return NULL;
    if (!adjoint) exchange(x, pivots, 0);
    substitute(args[0], x, adjoint, 0, !adjoint);
    substitute(args[0], x, adjoint, 1, adjoint);
    if (adjoint) exchange(x, pivots, 1);
    return x;
}

/* The solution of A X = x in place, where a is scratch with a copy of A; 0 where A is singular or
   has a NaN. */
static int solved(PyObject *a, PyObject *x)
{
    npy_int32 pivots[MOST];
    const npy_intp n = ROWS(a);
    const int failed = PyArray_TYPE(ARRAY(a)) == NPY_FLOAT32
                           ? factor_lu_float(DATA(float, a), n, n, pivots)
                           : factor_lu_double(DATA(double, a), n, n, pivots);
    if (failed) return 0;
    exchange(x, pivots, 0);
    substitute(a, x, 0, 0, 1);
    substitute(a, x, 0, 1, 0);
    return 1;
}

/* inv(x, op): the name of the op is for errors, which the twin raises */
static PyObject *inv(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 1 || nargs == 2 ? small_type(args[0], 1) : -1;
    if (type < 0) DECLINE;
    const npy_intp n = ROWS(args[0]);
    PyObject *a = copy_of(args[0]), *made = PyArray_ZEROS(2, PyArray_DIMS(ARRAY(args[0])), type, 0);
    int good = 0;
    if (a && made) {
        for (npy_intp i = 0; i < n; i++) {
            if (type == NPY_FLOAT32) DATA(float, made)[i * n + i] = 1;
            else DATA(double, made)[i * n + i] = 1;
        }
        good = solved(a, made);
    } else {
        Py_CLEAR(made);
    }
    Py_XDECREF(a);
    return made_or_declined(made, good);
}

/* solve(a, b, vector, op): B is a matrix, or one vector */
static PyObject *solve(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs >= 2 && nargs <= 4 ? small_type(args[0], 1) : -1;
    if (type < 0 || (nargs > 2 && !PyBool_Check(args[2])) || !is_array(args[1], type)) DECLINE;
    const int vector = nargs > 2 && args[2] == Py_True;
    if (PyArray_NDIM(ARRAY(args[1])) != (vector ? 1 : 2) || ROWS(args[1]) != ROWS(args[0])
        || (!vector && !is_small(args[1], type, MOST, COLUMNS)))
        DECLINE;
    PyObject *a = copy_of(args[0]), *x = copy_of(args[1]);
    int good = 0;
    if (a && x && vector) { /* a column, seen so for the time of the call */
        npy_intp shape[2] = {ROWS(x), 1};
        PyArray_Dims column = {shape, 2};
        PyObject *seen = PyArray_Newshape(ARRAY(x), &column, NPY_CORDER);
        if (seen) good = solved(a, seen);
        else Py_CLEAR(x);
        Py_XDECREF(seen);
    } else if (a && x) {
        good = solved(a, x);
    } else {
        Py_CLEAR(x);
    }
    Py_XDECREF(a);
    return made_or_declined(x, good);
}

/* cholesky_solve(b, factor, upper): X with L L^T X = B, where L is `factor` or its transpose */
static PyObject *cholesky_solve(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 3 ? small_type(args[1], 1) : -1;
    if (type < 0 || !PyBool_Check(args[2]) || !is_small(args[0], type, MOST, COLUMNS)
        || ROWS(args[0]) != ROWS(args[1]) || has_zero(args[1]))
        DECLINE;
    const int upper = args[2] == Py_True;
    PyObject *x = copy_of(args[0]);
    if (!x) return NULL;
    substitute(args[1], x, upper, 0, 0);
    substitute(args[1], x, !upper, 1, 0);
    return x;
}

/* cholesky_inverse(x, upper) */
static PyObject *cholesky_inverse(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 2 ? small_type(args[0], 1) : -1;
    if (type < 0 || !PyBool_Check(args[1]) || has_zero(args[0])) DECLINE;
    double scratch[MOST * MOST];
    PyObject *made = NEW_LIKE(args[0]);
    if (!made) return NULL;
    const npy_intp size = PyArray_ITEMSIZE(ARRAY(made)), n = ROWS(made);
    npy_intp down = PyArray_STRIDE(ARRAY(args[0]), 0) / size,
             across = PyArray_STRIDE(ARRAY(args[0]), 1) / size;
    if (args[1] == Py_True) {
        const npy_intp kept = down;
        down = across;
        across = kept;
    }
    if (type == NPY_FLOAT32)
        invert_float(DATA(float, args[0]), down, across, (float *)scratch, DATA(float, made), n);
    else invert_double(DATA(double, args[0]), down, across, scratch, DATA(double, made), n);
    return made;
}

/* The first columns of the product of reflections, as `q`. */
static void form(PyObject *a, PyObject *tau, npy_intp count, PyObject *q)
{
    double v[MOST], sums[MOST];
    if (PyArray_TYPE(ARRAY(a)) == NPY_FLOAT32)
        form_q_float(DATA(float, a), WIDTH(a), DATA(float, tau), count, DATA(float, q), ROWS(q),
                     WIDTH(q), (float *)v, (float *)sums);
    else
        form_q_double(DATA(double, a), WIDTH(a), DATA(double, tau), count, DATA(double, q), ROWS(q),
                      WIDTH(q), v, sums);
}

/* qr(x, mode): Q and R; mode "reduced" or "complete" */
static PyObject *qr(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 2 ? small_type(args[0], 0) : -1;
    if (type < 0 || !PyUnicode_CheckExact(args[1])) DECLINE;
    const int complete = PyUnicode_CompareWithASCIIString(args[1], "complete") == 0;
    if (!complete && PyUnicode_CompareWithASCIIString(args[1], "reduced") != 0) DECLINE;
    const npy_intp m = ROWS(args[0]), n = WIDTH(args[0]), k = m < n ? m : n;
    const npy_intp of_q[2] = {m, complete ? m : k}, of_r[2] = {complete ? m : k, n};
    PyObject *a = copy_of(args[0]), *tau = new_array(1, &k, type);
    PyObject *q = new_array(2, of_q, type), *r = new_array(2, of_r, type);
    PyObject *made = a && tau && q && r ? PyTuple_Pack(2, q, r) : NULL;
    int good = 0;
    if (made) {
        double v[MOST], sums[MOST];
        good =
            type == NPY_FLOAT32
                ? factor_qr_float(DATA(float, a), m, n, DATA(float, tau), (float *)v, (float *)sums)
                : factor_qr_double(DATA(double, a), m, n, DATA(double, tau), v, sums);
        if (good) form(a, tau, k, q);
        for (npy_intp i = 0; good && i < of_r[0]; i++)
            for (npy_intp j = 0; j < n; j++) {
                if (type == NPY_FLOAT32)
                    DATA(float, r)[i * n + j] = j < i ? 0 : DATA(float, a)[i * n + j];
                else DATA(double, r)[i * n + j] = j < i ? 0 : DATA(double, a)[i * n + j];
            }
    }
    Py_XDECREF(a);
    Py_XDECREF(tau);
    Py_XDECREF(q);
    Py_XDECREF(r);
    return made_or_declined(made, good);
}

/* reflections(a, tau): the first columns of H_1 ... H_k, as many as a has */
static PyObject *reflections(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 2 ? small_type(args[0], 0) : -1;
    if (type < 0 || !is_dense(args[1], type) || PyArray_NDIM(ARRAY(args[1])) != 1
        || SIZE(args[1]) > WIDTH(args[0]) || ROWS(args[0]) < WIDTH(args[0]))
        DECLINE;
    PyObject *a = dense_of(args[0]), *q = a ? NEW_LIKE(a) : NULL;
    if (q) form(a, args[1], SIZE(args[1]), q);
    Py_XDECREF(a);
    return q;
}

const Row lapack_rows[] = {
    {"lapack.lu_factor", lu_factor},
    {"lapack.triangles", triangles},
    {"lapack.permutation_matrix", permutation_matrix},
    {"lapack.cholesky", cholesky},
    {"lapack.solve_triangular", solve_triangular},
    {"lapack.lu_solve", lu_solve},
    {"lapack.inv", inv},
    {"lapack.solve", solve},
    {"lapack.cholesky_solve", cholesky_solve},
    {"lapack.cholesky_inverse", cholesky_inverse},
    {"lapack.qr", qr},
    {"lapack.reflections", reflections},
    {NULL, NULL},
};
