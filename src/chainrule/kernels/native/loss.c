/* Losses of float32, reduced in the same kernel: kernels/loss.py. */

#include "spans.h"
#include <numpy/arrayscalars.h>

#define MOST 1
#define PIECE 512 /* elements whose losses are kept until they are summed */

typedef enum { EACH, MEAN, SUM, UNKNOWN } Reduction;

static Reduction reduction_of(PyObject *o)
{
    if (!PyUnicode_CheckExact(o)) return UNKNOWN;
    if (PyUnicode_CompareWithASCIIString(o, "mean") == 0) return MEAN;
    if (PyUnicode_CompareWithASCIIString(o, "sum") == 0) return SUM;
    return PyUnicode_CompareWithASCIIString(o, "none") == 0 ? EACH : UNKNOWN;
}

/* One number is a NumPy scalar, as everywhere. */
static PyObject *scalar(double value)
{
    PyObject *made = PyArrayScalar_New(Float);
    if (made) PyArrayScalar_VAL(made, Float) = (float)value;
    return made;
}

/* One float32 number: a NumPy scalar or an array without dimensions. */
static int as_number(PyObject *o, double *value)
{
    if (PyArray_IsScalar(o, Float)) {
        *value = PyArrayScalar_VAL(o, Float);
        return 1;
    }
    if (!PyArray_CheckExact(o) || PyArray_NDIM(ARRAY(o)) != 0
        || PyArray_TYPE(ARRAY(o)) != NPY_FLOAT32 || !PyArray_ISBEHAVED_RO(ARRAY(o)))
        return 0;
    *value = *DATA(float, o);
    return 1;
}

CLONES static double sum_of(const float *x, npy_intp n)
{ return sum_row(x, n); }

/* ---- losses by element */

typedef void (*loss32)(const float *from, const float *target, float *to, npy_intp n,
                       const double *p);

/* f(input, target, None ..., reduction, number ...) with so many weights, all None, and numbers. */
static PyObject *loss_of(loss32 f, int weights, int count, PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 3 + weights + count || !is_dense(args[0], NPY_FLOAT32)
        || !is_dense(args[1], NPY_FLOAT32) || !SAME_SHAPE(args[0], args[1]))
        DECLINE;
    for (int i = 0; i < weights; i++)
        if (args[2 + i] != Py_None) DECLINE;
    double p[MOST];
    for (int i = 0; i < count; i++)
        if (!as_double(args[3 + weights + i], &p[i])) DECLINE;
    const Reduction reduction = reduction_of(args[2 + weights]);
    const npy_intp n = SIZE(args[0]);
    const float *from = DATA(float, args[0]), *target = DATA(float, args[1]);
    if (reduction == UNKNOWN || n == 0) DECLINE;
    if (reduction == EACH) {
        PyObject *y = NEW_LIKE(args[0]);
        if (!y) return NULL;
        THREADS_BEGIN(n);
        f(from, target, DATA(float, y), n, p);
        THREADS_END;
        return y;
    }
    float piece[PIECE];
    double total = 0.0;
    THREADS_BEGIN(n);
    for (npy_intp i = 0; i < n; i += PIECE) {
        const npy_intp m = n - i < PIECE ? n - i : PIECE;
        f(from + i, target + i, piece, m, p);
        total += sum_of(piece, m);
    }
    THREADS_END;
    return scalar(reduction == MEAN ? total / (double)n : total);
}

/* LOSS32(name, weights, count, names, expression): of x and its target y, and numbers p, which get
   names. */
#define LOSS32(name, weights, count, names, expression)                                            \
    CLONES static void name##_loop(const float *from, const float *target, float *to, npy_intp n,  \
                                   const double *p)                                                \
    {                                                                                              \
        names;                                                                                     \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = from[i], y = target[i];                                                \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    { return loss_of(name##_loop, weights, count, args, nargs); }

#define NOTHING (void)p
#define NUMBER(a) const float a = (float)p[0]

/* near (d - near/2) with near = min(d, delta) */
INLINE float parabola(float d, float delta)
{
    const float near = at_most32(d, delta);
    return near * (d - 0.5f * near);
}

/* -y log(x) - (1 - y) log(1 - x); logarithms end at -100. */
INLINE float cross_entropy_of(float x, float y)
{
    const float yes = at_least32(log32(x), -100.0f), no = at_least32(log1p32(-x), -100.0f);
    return no * (y - 1.0f) - yes * y;
}

LOSS32(mse, 0, 0, NOTHING, (x - y) * (x - y))
LOSS32(huber, 0, 1, NUMBER(delta), parabola(size32(x - y), delta))
LOSS32(smooth_l1, 0, 1, NUMBER(beta), parabola(size32(x - y), beta) / beta)
LOSS32(soft_margin, 0, 0, NOTHING, softplus32(-(y *x)))
LOSS32(bce_with_logits, 2, 0, NOTHING, softplus32(x) - x * y)
LOSS32(bce_of_probabilities, 1, 0, NOTHING, cross_entropy_of(x, y))

CLONES static npy_intp count_others(const float *x, npy_intp n)
{
    npy_intp others = 0;
    for (npy_intp i = 0; i < n; i++) others += !((x[i] >= 0.0f) & (x[i] <= 1.0f));
    return others;
}

/* bce(input, target, None, reduction): what is no probability is left to the twin. */
static PyObject *bce(PyObject *const *args, Py_ssize_t nargs)
{
    for (int i = 0; i < 2 && nargs == 4; i++)
        if (!is_dense(args[i], NPY_FLOAT32) || count_others(DATA(float, args[i]), SIZE(args[i])))
            DECLINE;
    return bce_of_probabilities(args, nargs);
}

/* ---- pairs of rows */

SUM_OF(products_row, (const float *a, const float *b, npy_intp n), (double)a[i] * b[i])

INLINE double length_row(const float *x, npy_intp n, double eps)
{
    const double length = sqrt(sum_squares_row(x, n, 0.0));
    return length < eps ? eps : length;
}

CLONES static void cosine_loop(const float *a, const float *b, float *to, npy_intp rows, npy_intp n,
                               double eps)
{
    for (npy_intp i = 0; i < rows; i++, a += n, b += n)
        to[i] = (float)(products_row(a, b, n) / (length_row(a, n, eps) * length_row(b, n, eps)));
}

/* cosine(a, b, dim, eps) along the last dimension */
static PyObject *cosine(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    double eps;
    if (nargs != 4 || !is_dense(args[0], NPY_FLOAT32) || !is_dense(args[1], NPY_FLOAT32)) DECLINE;
    if (!SAME_SHAPE(args[0], args[1]) || !as_index(args[2], &dim) || !as_double(args[3], &eps))
        DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    const npy_intp *shape = PyArray_DIMS(ARRAY(args[0])), all = SIZE(args[0]);
    if (dim != nd - 1 || all == 0) DECLINE;
    const float *a = DATA(float, args[0]), *b = DATA(float, args[1]);
    if (nd == 1) {
        float one;
        cosine_loop(a, b, &one, 1, all, eps);
        return scalar(one);
    }
    PyObject *y = new_array(nd - 1, shape, NPY_FLOAT32);
    if (!y) return NULL;
    THREADS_BEGIN(all);
    cosine_loop(a, b, DATA(float, y), all / shape[dim], shape[dim], eps);
    THREADS_END;
    return y;
}

/* ---- one class a sample */

typedef struct {
    npy_intp n, classes;
    const npy_int64 *target;
    const float *weight; /* of the classes, or NULL */
    npy_intp ignored;    /* the target that does not count */
} Classes;

#define NOWHERE NPY_MIN_INTP /* no target is ignored */

/* 0 where there is an unusual argument or a wrong target. */
static int classes_of(PyObject *target, PyObject *weight, npy_intp n, npy_intp classes,
                      npy_intp ignored, Classes *c)
{
    if (!is_dense(target, NPY_INT64) || PyArray_NDIM(ARRAY(target)) != 1 || SIZE(target) != n)
        return 0;
    if (weight != Py_None
        && (!is_dense(weight, NPY_FLOAT32) || PyArray_NDIM(ARRAY(weight)) != 1
            || SIZE(weight) != classes))
        return 0;
    c->n = n;
    c->classes = classes;
    c->target = DATA(npy_int64, target);
    c->weight = weight == Py_None ? NULL : DATA(float, weight);
    c->ignored = ignored;
    for (npy_intp i = 0; i < n; i++)
        if ((c->target[i] < 0 || c->target[i] >= classes)
            && (c->target[i] != ignored || ignored == NOWHERE))
            return 0;
    return n > 0 && classes > 0;
}

INLINE double weight_of(const Classes *c, npy_intp i)
{ return c->target[i] == c->ignored ? 0.0 : c->weight ? c->weight[c->target[i]] : 1.0; }

static double all_weights(const Classes *c)
{
    double all = 0.0;
    for (npy_intp i = 0; i < c->n; i++) all += weight_of(c, i);
    return all;
}

INLINE int is_matrix(PyObject *x)
{ return is_dense(x, NPY_FLOAT32) && PyArray_NDIM(ARRAY(x)) == 2; }

/* nll(input, target, weight, reduction, ignore_index) */
static PyObject *nll(PyObject *const *args, Py_ssize_t nargs)
{
    Classes c;
    npy_intp ignored;
    if (nargs != 5 || !is_matrix(args[0]) || !as_index(args[4], &ignored)) DECLINE;
    const npy_intp *shape = PyArray_DIMS(ARRAY(args[0]));
    const Reduction reduction = reduction_of(args[3]);
    if (reduction == UNKNOWN) DECLINE;
    if (!classes_of(args[1], args[2], shape[0], shape[1], ignored, &c)) DECLINE;
    const float *x = DATA(float, args[0]);
    if (reduction == EACH) {
        PyObject *y = new_array(1, &c.n, NPY_FLOAT32);
        if (!y) return NULL;
        for (npy_intp i = 0; i < c.n; i++) {
            const double w = weight_of(&c, i);
            DATA(float, y)
            [i] = c.target[i] == ignored ? 0.0f : (float)(-w * x[i * c.classes + c.target[i]]);
        }
        return y;
    }
    double total = 0.0;
    for (npy_intp i = 0; i < c.n; i++)
        if (c.target[i] != ignored) total -= weight_of(&c, i) * x[i * c.classes + c.target[i]];
    return scalar(reduction == MEAN ? total / all_weights(&c) : total);
}

/* nll_backward(g, target, weight, shape, reduction, ignore_index): zeros, and -weight g at the
   target class. */
static PyObject *nll_backward(PyObject *const *args, Py_ssize_t nargs)
{
    Classes c;
    npy_intp shape[2], ignored;
    if (nargs != 6 || !as_index(args[5], &ignored)) DECLINE;
    const Reduction reduction = reduction_of(args[4]);
    PyObject *g = args[0];
    double one = 0.0;
    if (reduction == UNKNOWN || (reduction != EACH && !as_number(g, &one))) DECLINE;
    if (reduction == EACH && (!is_dense(g, NPY_FLOAT32) || PyArray_NDIM(ARRAY(g)) != 1)) DECLINE;
    if (!PyTuple_CheckExact(args[3]) || PyTuple_GET_SIZE(args[3]) != 2) DECLINE;
    for (int i = 0; i < 2; i++)
        if (!as_index(PyTuple_GET_ITEM(args[3], i), &shape[i])) DECLINE;
    if (!classes_of(args[1], args[2], shape[0], shape[1], ignored, &c)) DECLINE;
    if (reduction == EACH && SIZE(g) != c.n) DECLINE;
    PyObject *y = PyArray_ZEROS(2, shape, NPY_FLOAT32, 0);
    if (!y) return NULL;
    float *to = DATA(float, y);
    if (reduction == MEAN) one /= all_weights(&c);
    for (npy_intp i = 0; i < c.n; i++)
        if (c.target[i] != ignored) {
            const double share = reduction == EACH ? DATA(float, g)[i] : one;
            to[i * c.classes + c.target[i]] = (float)(-weight_of(&c, i) * share);
        }
    return y;
}

CLONES static void margins_loop(const float *x, float *to, npy_intp n, float right, int squared)
{
    for (npy_intp i = 0; i < n; i++) {
        const float z = x[i] + right;
        to[i] = z > 0.0f ? z : 0.0f; /* a NaN counts for nothing */
    }
    if (squared)
        for (npy_intp i = 0; i < n; i++) to[i] *= to[i];
}

/* The sum over wrong classes of max(0, margin - right + wrong)^p. */
static double margin_row(const float *x, const Classes *c, npy_intp t, float margin, int squared)
{
    float piece[PIECE];
    double total = 0.0;
    for (npy_intp j = 0; j < c->classes; j += PIECE) {
        const npy_intp m = c->classes - j < PIECE ? c->classes - j : PIECE;
        margins_loop(x + j, piece, m, margin - x[t], squared);
        if (t >= j && t < j + m) piece[t - j] = 0.0f;
        total += sum_of(piece, m);
    }
    return c->weight ? total * c->weight[t] : total;
}

/* multi_margin(input, target, weight, reduction, p, margin) */
static PyObject *multi_margin(PyObject *const *args, Py_ssize_t nargs)
{
    Classes c;
    npy_intp p;
    double margin;
    if (nargs != 6 || !is_matrix(args[0]) || !as_index(args[4], &p) || !as_double(args[5], &margin))
        DECLINE;
    const npy_intp *shape = PyArray_DIMS(ARRAY(args[0]));
    const Reduction reduction = reduction_of(args[3]);
    if (reduction == UNKNOWN || (p != 1 && p != 2)) DECLINE;
    if (!classes_of(args[1], args[2], shape[0], shape[1], NOWHERE, &c)) DECLINE;
    PyObject *y = reduction == EACH ? new_array(1, &c.n, NPY_FLOAT32) : NULL;
    if (reduction == EACH && !y) return NULL;
    const float *x = DATA(float, args[0]);
    double total = 0.0;
    for (npy_intp i = 0; i < c.n; i++, x += c.classes) {
        const double row =
            margin_row(x, &c, c.target[i], (float)margin, p == 2) / (double)c.classes;
        if (y) DATA(float, y)[i] = (float)row;
        else total += row;
    }
    if (y) return y;
    return scalar(reduction == MEAN ? total / (double)c.n : total);
}

CLONES static void margin_slopes(const float *x, float *to, npy_intp n, float right, float share,
                                 int squared)
{
    if (squared)
        for (npy_intp i = 0; i < n; i++) to[i] = 2.0f * share * at_least32(x[i] + right, 0.0f);
    else
        for (npy_intp i = 0; i < n; i++) to[i] = x[i] + right > 0.0f ? share : 0.0f;
}

/* multi_margin_back(g, input, target, weight, reduction, p, margin) */
static PyObject *multi_margin_back(PyObject *const *args, Py_ssize_t nargs)
{
    Classes c;
    npy_intp p;
    double margin;
    if (nargs != 7 || !is_matrix(args[1]) || !as_index(args[5], &p) || !as_double(args[6], &margin))
        DECLINE;
    const npy_intp *shape = PyArray_DIMS(ARRAY(args[1]));
    const Reduction reduction = reduction_of(args[4]);
    PyObject *g = args[0];
    double one = 0.0;
    if (reduction == UNKNOWN || (reduction != EACH && !as_number(g, &one))) DECLINE;
    if (reduction == EACH && (!is_dense(g, NPY_FLOAT32) || SIZE(g) != shape[0])) DECLINE;
    if ((p != 1 && p != 2) || !classes_of(args[2], args[3], shape[0], shape[1], NOWHERE, &c))
        DECLINE;
    PyObject *y = NEW_LIKE(args[1]);
    if (!y) return NULL;
    const float *x = DATA(float, args[1]);
    float *to = DATA(float, y);
    if (reduction == MEAN) one /= (double)c.n;
    for (npy_intp i = 0; i < c.n; i++, x += c.classes, to += c.classes) {
        const npy_intp t = c.target[i];
        double share = (reduction == EACH ? DATA(float, g)[i] : one) / (double)c.classes;
        if (c.weight) share *= c.weight[t];
        margin_slopes(x, to, c.classes, (float)margin - x[t], (float)share, p == 2);
        to[t] = 0.0f;
        to[t] = (float)-sum_of(to, c.classes);
    }
    return y;
}

/* ---- labels of several classes a row */

/* How often each class is in a row of labels, which ends at its first -1; 0 if one is none. */
static int label_counts(const npy_int64 *target, npy_intp classes, float *counts)
{
    memset(counts, 0, (size_t)classes * sizeof *counts);
    for (npy_intp j = 0; j < classes && target[j] != -1; j++) {
        if (target[j] < 0 || target[j] >= classes) return 0;
        counts[target[j]] += 1.0f;
    }
    return 1;
}

/* The sum of max(0, low + x) over the classes that are no labels; NaN counts for nothing. */
CLONES static double hinges(const float *x, const float *counts, npy_intp n, float low)
{
    float total[16] = {0.0f};
    npy_intp i = 0;
    for (; i + 16 <= n; i += 16)
        for (int l = 0; l < 16; l++) {
            const float z = low + x[i + l];
            total[l] += (z > 0.0f) & (counts[i + l] == 0.0f) ? z : 0.0f;
        }
    double sum = 0.0;
    for (int l = 0; l < 16; l++) sum += total[l];
    for (; i < n; i++)
        if (low + x[i] > 0.0f && counts[i] == 0.0f) sum += low + x[i];
    return sum;
}

/* Adds `share` where such a z is above 0; how many there are. */
CLONES static float hinge_slopes(const float *x, const float *counts, float *to, npy_intp n,
                                 float low, float share)
{
    float active = 0.0f;
    for (npy_intp i = 0; i < n; i++) {
        const float one = (low + x[i] > 0.0f) & (counts[i] == 0.0f) ? 1.0f : 0.0f;
        to[i] += one * share;
        active += one;
    }
    return active;
}

#define MOST_CLASSES (1 << 24) /* that a float counts */

/* input (..., classes) and labels of its shape; the number of rows, or 0 */
static npy_intp labelled(PyObject *x, PyObject *target)
{
    if (!is_dense(x, NPY_FLOAT32) || !is_dense(target, NPY_INT64) || !SAME_SHAPE(x, target))
        return 0;
    const int nd = PyArray_NDIM(ARRAY(x));
    if (nd > 2 || !SIZE(x) || PyArray_DIM(ARRAY(x), nd - 1) > MOST_CLASSES) return 0;
    return nd == 2 ? PyArray_DIM(ARRAY(x), 0) : 1;
}

/* multilabel_margin(input, target, reduction) */
static PyObject *multilabel_margin(PyObject *const *args, Py_ssize_t nargs)
{
    const npy_intp n = nargs == 3 ? labelled(args[0], args[1]) : 0;
    if (!n) DECLINE;
    const Reduction reduction = reduction_of(args[2]);
    const npy_intp classes = SIZE(args[0]) / n;
    if (reduction == UNKNOWN || (reduction == EACH && PyArray_NDIM(ARRAY(args[0])) == 1)) DECLINE;
    PyObject *y = reduction == EACH ? new_array(1, &n, NPY_FLOAT32) : NULL;
    float *counts = PyMem_RawMalloc((size_t)classes * sizeof *counts);
    if (!counts || (reduction == EACH && !y)) {
        PyMem_RawFree(counts);
        Py_XDECREF(y);
        return counts ? NULL : PyErr_NoMemory();
    }
    const float *x = DATA(float, args[0]);
    const npy_int64 *target = DATA(npy_int64, args[1]);
    double total = 0.0;
    int good = 1;
    for (npy_intp i = 0; i < n && good; i++, x += classes, target += classes) {
        double row = 0.0;
        good = label_counts(target, classes, counts);
        for (npy_intp j = 0; good && j < classes && target[j] != -1; j++)
            row += hinges(x, counts, classes, 1.0f - x[target[j]]);
        row /= (double)classes;
        if (y) DATA(float, y)[i] = (float)row;
        else total += row;
    }
    PyMem_RawFree(counts);
    if (!good) {
        Py_XDECREF(y);
        DECLINE;
    }
    return y ? y : scalar(reduction == MEAN ? total / (double)n : total);
}

/* multilabel_margin_back(g, input, target, reduction) */
static PyObject *multilabel_margin_back(PyObject *const *args, Py_ssize_t nargs)
{
    const npy_intp n = nargs == 4 ? labelled(args[1], args[2]) : 0;
    if (!n) DECLINE;
    const Reduction reduction = reduction_of(args[3]);
    const npy_intp classes = SIZE(args[1]) / n;
    double one = 0.0;
    if (reduction == UNKNOWN || (reduction == EACH && PyArray_NDIM(ARRAY(args[1])) == 1)) DECLINE;
    if (reduction == EACH ? !is_dense(args[0], NPY_FLOAT32) || SIZE(args[0]) != n
                          : !as_number(args[0], &one))
        DECLINE;
    if (reduction == MEAN) one /= (double)n;
    PyObject *y =
        PyArray_ZEROS(PyArray_NDIM(ARRAY(args[1])), PyArray_DIMS(ARRAY(args[1])), NPY_FLOAT32, 0);
    float *counts = PyMem_RawMalloc((size_t)classes * sizeof *counts);
    if (!counts || !y) {
        PyMem_RawFree(counts);
        Py_XDECREF(y);
        return counts ? NULL : PyErr_NoMemory();
    }
    const float *x = DATA(float, args[1]);
    const npy_int64 *target = DATA(npy_int64, args[2]);
    float *to = DATA(float, y);
    int good = 1;
    for (npy_intp i = 0; i < n && good; i++, x += classes, to += classes, target += classes) {
        const double g = reduction == EACH ? DATA(float, args[0])[i] : one;
        const float share = (float)(g / (double)classes);
        good = label_counts(target, classes, counts);
        for (npy_intp j = 0; good && j < classes && target[j] != -1; j++) {
            const npy_int64 t = target[j];
            to[t] -= share * hinge_slopes(x, counts, to, classes, 1.0f - x[t], share);
        }
    }
    PyMem_RawFree(counts);
    if (!good) {
        Py_DECREF(y);
        DECLINE;
    }
    return y;
}

const Row loss_rows[] = {
    {"loss.bce", bce},
    {"loss.bce_with_logits", bce_with_logits},
    {"loss.cosine", cosine},
    {"loss.huber", huber},
    {"loss.mse", mse},
    {"loss.multi_margin", multi_margin},
    {"loss.multi_margin_back", multi_margin_back},
    {"loss.multilabel_margin", multilabel_margin},
    {"loss.multilabel_margin_back", multilabel_margin_back},
    {"loss.nll", nll},
    {"loss.nll_backward", nll_backward},
    {"loss.smooth_l1", smooth_l1},
    {"loss.soft_margin", soft_margin},
    {NULL, NULL},
};
