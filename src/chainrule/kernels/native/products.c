/* Products of few numbers, where calling BLAS costs more than the product: kernels/linalg.py. */

#include "kernel.h"
#include <numpy/arrayscalars.h>

#define MANY 2048   /* multiplications, from which on BLAS is as quick */
#define LONG_SUM 64 /* terms of one sum, which are added in their order */

/* y[b, i, j] = sum over k of x[b, i, k] z[b, k, j]; strides count elements. */
typedef struct {
    npy_intp batch, rows, inner, cols;
    npy_intp xb, xi, xk, zb, zk, zj;
} Shape;

#define PRODUCT(T)                                                                                 \
    CLONES static void product_##T(const T *x, const T *z, T *y, const Shape *s)                   \
    {                                                                                              \
        const npy_intp rows = s->rows, inner = s->inner, cols = s->cols;                           \
        if (cols == 1 && s->batch == 1 && s->xi == 1 && rows > 1) { /* columns of x, added */      \
            for (npy_intp i = 0; i < rows; i++) y[i] = 0;                                          \
            for (npy_intp k = 0; k < inner; k++) {                                                 \
                const T factor = z[k * s->zk];                                                     \
                const T *from = x + k * s->xk;                                                     \
                for (npy_intp i = 0; i < rows; i++) y[i] += factor * from[i];                      \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (npy_intp b = 0; b < s->batch; b++, x += s->xb, z += s->zb)                            \
            for (npy_intp i = 0; i < rows; i++, y += cols) {                                       \
                const T *line = x + i * s->xi;                                                     \
                if (s->zj == 1 && cols > 1) {                                                      \
                    for (npy_intp j = 0; j < cols; j++) y[j] = 0;                                  \
                    for (npy_intp k = 0; k < inner; k++) {                                         \
                        const T factor = line[k * s->xk];                                          \
                        const T *from = z + k * s->zk;                                             \
                        for (npy_intp j = 0; j < cols; j++) y[j] += factor * from[j];              \
                    }                                                                              \
                    continue;                                                                      \
                }                                                                                  \
                for (npy_intp j = 0; j < cols; j++) {                                              \
                    const T *other = z + j * s->zj;                                                \
                    double lane[8] = {0}, sum = 0; /* exact for float32 */                         \
                    npy_intp k = 0;                                                                \
                    if (s->xk == 1 && s->zk == 1)                                                  \
                        for (; k + 8 <= inner; k += 8)                                             \
                            for (int l = 0; l < 8; l++)                                            \
                                lane[l] += (double)line[k + l] * other[k + l];                     \
                    for (; k < inner; k++) sum += (double)line[k * s->xk] * other[k * s->zk];      \
                    for (int l = 0; l < 8; l++) sum += lane[l];                                    \
                    y[j] = (T)sum;                                                                 \
                }                                                                                  \
            }                                                                                      \
    }                                                                                              \
    CLONES static void outer_##T(const T *x, const T *z, T *y, const Shape *s)                     \
    {                                                                                              \
        for (npy_intp i = 0; i < s->rows; i++, y += s->cols) {                                     \
            const T factor = x[i * s->xi];                                                         \
            if (s->zj == 1)                                                                        \
                for (npy_intp j = 0; j < s->cols; j++) y[j] = factor * z[j];                       \
            else                                                                                   \
                for (npy_intp j = 0; j < s->cols; j++) y[j] = factor * z[j * s->zj];               \
        }                                                                                          \
    }                                                                                              \
    static void added_##T(T *y, const T *added, npy_intp n, npy_intp period, T beta, T alpha)      \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i += period)                                                   \
            for (npy_intp j = 0; j < period; j++) /* one row for all, or all (period is n) */      \
                y[i + j] = y[i + j] * alpha + added[j] * beta;                                     \
    }

PRODUCT(float)
PRODUCT(double)

static int is_real(PyObject *x)
{ return is_array(x, NPY_FLOAT32) || is_array(x, NPY_FLOAT64); }

static npy_intp step(PyObject *x, int dim)
{ return PyArray_STRIDE(ARRAY(x), dim) / PyArray_ITEMSIZE(ARRAY(x)); }

/* x @ z of vectors, matrices or two batches of these, if it is small; DECLINE if not. */
static PyObject *small_product(PyObject *x, PyObject *z)
{
    if (!is_real(x) || !is_real(z) || PyArray_TYPE(ARRAY(x)) != PyArray_TYPE(ARRAY(z))) DECLINE;
    const int nx = PyArray_NDIM(ARRAY(x)), nz = PyArray_NDIM(ARRAY(z));
    const int batched = nx == 3 && nz == 3;
    if (!batched && (nx > 2 || nz > 2 || nx + nz == 2)) DECLINE;
    Shape s = {1, 1, PyArray_DIM(ARRAY(x), nx - 1), 1, 0, 0, step(x, nx - 1), 0, 0, 0};
    if (nx > 1) {
        s.rows = PyArray_DIM(ARRAY(x), nx - 2);
        s.xi = step(x, nx - 2);
    }
    s.zk = step(z, nz > 1 ? nz - 2 : 0);
    if (nz > 1) {
        s.cols = PyArray_DIM(ARRAY(z), nz - 1);
        s.zj = step(z, nz - 1);
    }
    if (batched) {
        s.batch = PyArray_DIM(ARRAY(x), 0);
        s.xb = step(x, 0);
        s.zb = step(z, 0);
        if (PyArray_DIM(ARRAY(z), 0) != s.batch) DECLINE;
    }
    if (PyArray_DIM(ARRAY(z), nz > 1 ? nz - 2 : 0) != s.inner || s.inner > LONG_SUM || s.rows > MANY
        || s.cols > MANY || s.batch > MANY || s.batch * s.rows > MANY
        || s.batch * s.rows * s.cols * s.inner > MANY)
        DECLINE;
    npy_intp shape[3], k = 0;
    if (batched) shape[k++] = s.batch;
    if (nx > 1) shape[k++] = s.rows;
    if (nz > 1) shape[k++] = s.cols;
    PyObject *y = new_array((int)k, shape, PyArray_TYPE(ARRAY(x)));
    if (!y) return NULL;
    if (PyArray_TYPE(ARRAY(x)) == NPY_FLOAT32)
        product_float(DATA(float, x), DATA(float, z), DATA(float, y), &s);
    else product_double(DATA(double, x), DATA(double, z), DATA(double, y), &s);
    return y;
}

/* The sum of products of two vectors, in 32 lanes. */
#define DOT(T)                                                                                     \
    CLONES static T dot_##T(const T *x, const T *z, npy_intp n)                                    \
    {                                                                                              \
        T lane[32] = {0}, sum = 0;                                                                 \
        npy_intp i = 0;                                                                            \
        for (; i + 32 <= n; i += 32)                                                               \
            for (int l = 0; l < 32; l++) lane[l] += x[i + l] * z[i + l];                           \
        for (; i < n; i++) sum += x[i] * z[i];                                                     \
        for (int width = 16; width; width /= 2)                                                    \
            for (int l = 0; l < width; l++) lane[l] += lane[l + width];                            \
        return sum + lane[0];                                                                      \
    }

DOT(float)
DOT(double)

/* The same as a NumPy scalar, which is quicker than BLAS up to some thousand numbers. */
static PyObject *small_dot(PyObject *x, PyObject *z)
{
    if (SIZE(x) != SIZE(z) || SIZE(x) > MANY) DECLINE;
    if (is_dense(x, NPY_FLOAT32) && is_dense(z, NPY_FLOAT32)) {
        PyObject *made = PyArrayScalar_New(Float);
        if (made)
            PyArrayScalar_ASSIGN(made, Float, dot_float(DATA(float, x), DATA(float, z), SIZE(x)));
        return made;
    }
    if (is_dense(x, NPY_FLOAT64) && is_dense(z, NPY_FLOAT64)) {
        PyObject *made = PyArrayScalar_New(Double);
        if (made)
            PyArrayScalar_ASSIGN(made, Double,
                                 dot_double(DATA(double, x), DATA(double, z), SIZE(x)));
        return made;
    }
    DECLINE;
}

/* matmul(a, b) */
static PyObject *matmul(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2) DECLINE;
    if (PyArray_CheckExact(args[0]) && PyArray_CheckExact(args[1])
        && PyArray_NDIM(ARRAY(args[0])) == 1 && PyArray_NDIM(ARRAY(args[1])) == 1)
        return small_dot(args[0], args[1]);
    return small_product(args[0], args[1]);
}

/* added_product(added, a, b, beta, alpha): `added` has the shape of the product, or of its rows. */
static PyObject *added_product(PyObject *const *args, Py_ssize_t nargs)
{
    double beta, alpha;
    if (nargs != 5 || !is_real(args[0]) || !PyArray_IS_C_CONTIGUOUS(ARRAY(args[0]))
        || !as_double(args[3], &beta) || !as_double(args[4], &alpha) || beta == 0.0)
        DECLINE;
    PyObject *added = args[0], *y = small_product(args[1], args[2]);
    if (!y || y == Py_NotImplemented) return y;
    const int nd = PyArray_NDIM(ARRAY(y));
    const npy_intp n = SIZE(y), last = PyArray_DIM(ARRAY(y), nd - 1);
    const int rows = PyArray_NDIM(ARRAY(added)) == 1 && SIZE(added) == last;
    if (PyArray_TYPE(ARRAY(added)) != PyArray_TYPE(ARRAY(y)) || !n
        || (!rows && !SAME_SHAPE(added, y))) {
        Py_DECREF(y);
        DECLINE;
    }
    if (PyArray_TYPE(ARRAY(y)) == NPY_FLOAT32)
        added_float(DATA(float, y), DATA(float, added), n, rows ? last : n, (float)beta,
                    (float)alpha);
    else added_double(DATA(double, y), DATA(double, added), n, rows ? last : n, beta, alpha);
    return y;
}

/* outer(a, b): of vectors. */
static PyObject *outer(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !is_real(args[0]) || !is_real(args[1]) || PyArray_NDIM(ARRAY(args[0])) != 1
        || PyArray_NDIM(ARRAY(args[1])) != 1
        || PyArray_TYPE(ARRAY(args[0])) != PyArray_TYPE(ARRAY(args[1])))
        DECLINE;
    npy_intp shape[2] = {SIZE(args[0]), SIZE(args[1])};
    Shape s = {1, shape[0], 1, shape[1], 0, step(args[0], 0), 1, 0, 0, step(args[1], 0)};
    PyObject *y = new_array(2, shape, PyArray_TYPE(ARRAY(args[0])));
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(y));
    if (PyArray_TYPE(ARRAY(y)) == NPY_FLOAT32)
        outer_float(DATA(float, args[0]), DATA(float, args[1]), DATA(float, y), &s);
    else outer_double(DATA(double, args[0]), DATA(double, args[1]), DATA(double, y), &s);
    THREADS_END;
    return y;
}

const Row products_rows[] = {
    {"linalg.matmul", matmul},
    {"linalg.added_product", added_product},
    {"linalg.outer", outer},
    {NULL, NULL},
};
