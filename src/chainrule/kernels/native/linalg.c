/* Products of vectors and matrices that are no matmul: kernels/linalg.py. Multiplications and
   additions are not fused: the vector product of a vector and itself is 0. */

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif

#include "kernel.h"
#include <math.h>

/* ---- kron: every element of a times all of b */

#define KRON(type)                                                                                 \
    CLONES static void kron_##type(const type *a, npy_intp n, npy_intp m, const type *b,           \
                                   npy_intp p, npy_intp q, type *to)                               \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++)                                                           \
            for (npy_intp k = 0; k < p; k++)                                                       \
                for (npy_intp j = 0; j < m; j++, to += q) {                                        \
                    const type x = a[i * m + j], *row = b + k * q;                                 \
                    for (npy_intp l = 0; l < q; l++) to[l] = x * row[l];                           \
                }                                                                                  \
    }
KRON(float)
KRON(double)

/* The rows and columns that a shape of one or two numbers says. */
static int rows_and_columns(PyObject *shape, npy_intp *sizes)
{
    if (!PyTuple_CheckExact(shape)) return 0;
    const Py_ssize_t n = PyTuple_GET_SIZE(shape);
    sizes[0] = 1;
    for (Py_ssize_t i = 0; i < n; i++)
        if (n > 2 || !as_index(PyTuple_GET_ITEM(shape, i), &sizes[2 - n + i])) return 0;
    return (int)n;
}

static PyObject *kron(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4) DECLINE;
    PyObject *a = args[0], *b = args[1];
    const int is32 = is_dense(a, NPY_FLOAT32), type = is32 ? NPY_FLOAT32 : NPY_FLOAT64;
    if (!is_dense(a, type) || !is_dense(b, type)) DECLINE;
    npy_intp left[2], right[2];
    const int nd = rows_and_columns(args[2], left);
    if (!nd || rows_and_columns(args[3], right) != nd) DECLINE;
    const npy_intp sizes[2] = {left[0] * right[0], left[1] * right[1]};
    if (left[0] * left[1] != SIZE(a) || right[0] * right[1] != SIZE(b)) DECLINE;
    PyObject *made = new_array(nd, sizes + 2 - nd, type);
    if (!made) return NULL;
    const npy_intp n = SIZE(made);
    THREADS_BEGIN(n);
    if (is32)
        kron_float(DATA(float, a), left[0], left[1], DATA(float, b), right[0], right[1],
                   DATA(float, made));
    else
        kron_double(DATA(double, a), left[0], left[1], DATA(double, b), right[0], right[1],
                    DATA(double, made));
    THREADS_END;
    return made;
}

/* ---- cross: the vector product along a dimension of size 3, with `inner` elements behind it */

#define CROSS(type)                                                                                \
    CLONES static void cross_##type(const type *a, const type *b, type *to, npy_intp outer,        \
                                    npy_intp inner)                                                \
    {                                                                                              \
        for (npy_intp i = 0; i < outer; i++, a += 3 * inner, b += 3 * inner, to += 3 * inner)      \
            for (npy_intp j = 0; j < inner; j++) {                                                 \
                const type x = a[j], y = a[inner + j], z = a[2 * inner + j];                       \
                const type u = b[j], v = b[inner + j], w = b[2 * inner + j];                       \
                const type first = z * v, second = x * w, third = y * u;                           \
                to[j] = y * w - first;                                                             \
                to[inner + j] = z * u - second;                                                    \
                to[2 * inner + j] = x * v - third;                                                 \
            }                                                                                      \
    }
CROSS(float)
CROSS(double)

static PyObject *cross(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    if (nargs != 3 || !as_index(args[2], &dim)) DECLINE;
    PyObject *a = args[0], *b = args[1];
    const int is32 = is_dense(a, NPY_FLOAT32), type = is32 ? NPY_FLOAT32 : NPY_FLOAT64;
    if (!is_dense(a, type) || !is_dense(b, type) || !SAME_SHAPE(a, b)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(a));
    if (dim < 0) dim += nd;
    if (dim < 0 || dim >= nd || PyArray_DIM(ARRAY(a), (int)dim) != 3) DECLINE;
    npy_intp inner = 1;
    for (int i = (int)dim + 1; i < nd; i++) inner *= PyArray_DIM(ARRAY(a), i);
    PyObject *made = NEW_LIKE(a);
    if (!made) return NULL;
    const npy_intp n = SIZE(made), outer = inner ? n / (3 * inner) : 0;
    THREADS_BEGIN(n);
    if (is32) cross_float(DATA(float, a), DATA(float, b), DATA(float, made), outer, inner);
    else cross_double(DATA(double, a), DATA(double, b), DATA(double, made), outer, inner);
    THREADS_END;
    return made;
}

/* ---- trace: the sum of the main diagonal, in float64; a NumPy scalar */

static PyObject *trace(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1) DECLINE;
    PyObject *x = args[0];
    const int is32 = is_array(x, NPY_FLOAT32);
    if ((!is32 && !is_array(x, NPY_FLOAT64)) || PyArray_NDIM(ARRAY(x)) != 2) DECLINE;
    const npy_intp rows = PyArray_DIM(ARRAY(x), 0), columns = PyArray_DIM(ARRAY(x), 1);
    const npy_intp step = PyArray_STRIDE(ARRAY(x), 0) + PyArray_STRIDE(ARRAY(x), 1);
    const char *at = PyArray_BYTES(ARRAY(x));
    double sum = 0.0;
    for (npy_intp i = 0; i < rows && i < columns; i++, at += step)
        sum += is32 ? *(const float *)at : *(const double *)at;
    float sum32 = (float)sum;
    return PyArray_Scalar(is32 ? (void *)&sum32 : (void *)&sum, PyArray_DESCR(ARRAY(x)), NULL);
}

/* ---- vander(x, count): the powers 0 to count - 1 of the numbers of x, row by row */

static PyObject *vander(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp count, shape[NPY_MAXDIMS];
    if (nargs != 2 || !as_index(args[1], &count) || count < 1) DECLINE;
    PyObject *x = args[0];
    const int is32 = is_dense(x, NPY_FLOAT32),
              nd = is32 || is_dense(x, NPY_FLOAT64) ? PyArray_NDIM(ARRAY(x)) : 0;
    if (!nd || nd + 1 > NPY_MAXDIMS) DECLINE;
    for (int i = 0; i < nd; i++) shape[i] = PyArray_DIM(ARRAY(x), i);
    shape[nd] = count;
    PyObject *made = new_array(nd + 1, shape, PyArray_TYPE(ARRAY(x)));
    if (!made) return NULL;
    const npy_intp n = SIZE(x);
    THREADS_BEGIN(n * count);
    for (npy_intp i = 0; i < n; i++) {
        if (is32) {
            float power = 1, *row = DATA(float, made) + i * count;
            for (npy_intp k = 0; k < count; k++, power *= DATA(float, x)[i]) row[k] = power;
        } else {
            double power = 1, *row = DATA(double, made) + i * count;
            for (npy_intp k = 0; k < count; k++, power *= DATA(double, x)[i]) row[k] = power;
        }
    }
    THREADS_END;
    return made;
}

/* ---- shortened(x, dim, most): slices along dim with at most this Euclidean norm */

#define SHORTENED(type)                                                                            \
    static void shortened_##type(const type *x, type *to, npy_intp outer, npy_intp n,              \
                                 npy_intp inner, double most)                                      \
    {                                                                                              \
        for (npy_intp k = 0; k < n; k++) {                                                         \
            double lane[8] = {0}, sum = 0;                                                         \
            for (npy_intp o = 0; o < outer; o++) {                                                 \
                const type *row = x + (o * n + k) * inner;                                         \
                npy_intp i = 0;                                                                    \
                for (; i + 8 <= inner; i += 8)                                                     \
                    for (int l = 0; l < 8; l++) lane[l] += (double)row[i + l] * row[i + l];        \
                for (; i < inner; i++) sum += (double)row[i] * row[i];                             \
            }                                                                                      \
            for (int l = 0; l < 8; l++) sum += lane[l];                                            \
            const type norm = (type)sqrt(sum);                                                     \
            const type factor = norm > (type)most ? (type)most / (norm + (type)1e-7) : 1;          \
            for (npy_intp o = 0; o < outer; o++)                                                   \
                for (npy_intp i = 0; i < inner; i++)                                               \
                    to[(o * n + k) * inner + i] = x[(o * n + k) * inner + i] * factor;             \
        }                                                                                          \
    }
SHORTENED(float)
SHORTENED(double)

static PyObject *shortened(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, outer = 1, inner = 1;
    double most;
    if (nargs != 3 || !as_index(args[1], &dim) || !as_double(args[2], &most)) DECLINE;
    PyObject *x = args[0];
    const int is32 = is_dense(x, NPY_FLOAT32),
              nd = is32 || is_dense(x, NPY_FLOAT64) ? PyArray_NDIM(ARRAY(x)) : 0;
    if (dim < 0 || dim >= nd) DECLINE;
    for (int i = 0; i < nd; i++)
        if (i != dim) *(i < dim ? &outer : &inner) *= PyArray_DIM(ARRAY(x), i);
    PyObject *made = NEW_LIKE(x);
    if (!made) return NULL;
    const npy_intp n = PyArray_DIM(ARRAY(x), (int)dim);
    THREADS_BEGIN(SIZE(x));
    if (is32) shortened_float(DATA(float, x), DATA(float, made), outer, n, inner, most);
    else shortened_double(DATA(double, x), DATA(double, made), outer, n, inner, most);
    THREADS_END;
    return made;
}

const Row linalg_rows[] = {
    {"linalg.kron", kron},     {"linalg.cross", cross},         {"linalg.trace", trace},
    {"linalg.vander", vander}, {"linalg.shortened", shortened}, {NULL, NULL},
};
