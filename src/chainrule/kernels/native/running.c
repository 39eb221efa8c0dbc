/* Running sums, products, extremes along one axis: kernels/reduce.py.

   Such an array is (outer, n, inner) numbers. Sums and products are kept in double precision, as
   PyTorch does; columns go side by side. */

#include "spans.h"

/* Rows run along memory; a row's chain of additions takes four numbers at a time. */
#define RUNNING(name, op)                                                                          \
    static void name##_row(const float *x, float *y, npy_intp n)                                   \
    {                                                                                              \
        npy_intp i = 0;                                                                            \
        double all = 0.0;                                                                          \
        if (n) y[0] = (float)(all = x[i++]);                                                       \
        for (; i + 4 <= n; i += 4) {                                                               \
            const double a = x[i], b = a op x[i + 1], c = b op x[i + 2];                           \
            const double d = b op((double)x[i + 2] op x[i + 3]);                                   \
            y[i] = (float)(all op a);                                                              \
            y[i + 1] = (float)(all op b);                                                          \
            y[i + 2] = (float)(all op c);                                                          \
            y[i + 3] = (float)(all = all op d);                                                    \
        }                                                                                          \
        for (; i < n; i++) y[i] = (float)(all = all op x[i]);                                      \
    }                                                                                              \
    CLONES static void name##_columns(const float *x, float *y, npy_intp n, npy_intp inner)        \
    {                                                                                              \
        for (npy_intp c = 0; c < inner; c += WIDTH) {                                              \
            const npy_intp wide = inner - c < WIDTH ? inner - c : WIDTH;                           \
            double all[WIDTH];                                                                     \
            for (npy_intp j = 0; j < wide; j++) y[c + j] = (float)(all[j] = x[c + j]);             \
            for (npy_intp i = 1; i < n; i++)                                                       \
                for (npy_intp j = 0; j < wide; j++) {                                              \
                    all[j] = all[j] op x[i * inner + c + j];                                       \
                    y[i * inner + c + j] = (float)all[j];                                          \
                }                                                                                  \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        Span s;                                                                                    \
        if (nargs != 2 || !PyLong_CheckExact(args[1]) || !is_array(args[0], NPY_FLOAT32)) DECLINE; \
        PyObject *x = dense_of(args[0]);                                                           \
        if (!x) return NULL;                                                                       \
        if (!span_of(x, args[1], &s)) {                                                            \
            Py_DECREF(x);                                                                          \
            DECLINE;                                                                               \
        }                                                                                          \
        PyObject *made = NEW_LIKE(x);                                                              \
        if (made) {                                                                                \
            const float *from = DATA(float, x);                                                    \
            float *to = DATA(float, made);                                                         \
            const npy_intp step = s.n * s.inner;                                                   \
            THREADS_BEGIN(s.outer * step);                                                         \
            for (npy_intp o = 0; o < s.outer; o++, from += step, to += step) {                     \
                if (s.inner == 1) name##_row(from, to, s.n);                                       \
                else name##_columns(from, to, s.n, s.inner);                                       \
            }                                                                                      \
            THREADS_END;                                                                           \
        }                                                                                          \
        Py_DECREF(x);                                                                              \
        return made;                                                                               \
    }

RUNNING(cumsum, +)
RUNNING(cumprod, *)

/* ---- extremes, with the last place where each is; NaN is one from its first place on */

#define RUNNING_EXTREME(name, better)                                                              \
    CLONES static void name##_loop(const float *x, float *y, npy_int64 *at, npy_intp n,            \
                                   npy_intp inner)                                                 \
    {                                                                                              \
        for (npy_intp c = 0; c < inner; c += WIDTH) {                                              \
            const npy_intp wide = inner - c < WIDTH ? inner - c : WIDTH;                           \
            float best[WIDTH];                                                                     \
            npy_int64 where[WIDTH];                                                                \
            for (npy_intp j = 0; j < wide; j++) best[j] = x[c + j], where[j] = 0;                  \
            for (npy_intp i = 0; i < n; i++)                                                       \
                for (npy_intp j = 0; j < wide; j++) {                                              \
                    const npy_intp k = i * inner + c + j;                                          \
                    const int new = (x[k] better best[j]) | (x[k] != x[k]);                        \
                    y[k] = best[j] = new ? x[k] : best[j];                                         \
                    at[k] = where[j] = new ? i : where[j];                                         \
                }                                                                                  \
        }                                                                                          \
    }                                                                                              \
    static void name##_row(const float *x, float *y, npy_int64 *at, npy_intp n)                    \
    {                                                                                              \
        float best = x[0];                                                                         \
        npy_int64 where = 0;                                                                       \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const int new = (x[i] better best) | (x[i] != x[i]);                                   \
            y[i] = best = new ? x[i] : best;                                                       \
            at[i] = where = new ? i : where;                                                       \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        Span s;                                                                                    \
        if (nargs != 2 || !PyLong_CheckExact(args[1]) || !is_dense(args[0], NPY_FLOAT32)) DECLINE; \
        if (!span_of(args[0], args[1], &s)) DECLINE;                                               \
        PyObject *values = NEW_LIKE(args[0]);                                                      \
        PyObject *places =                                                                         \
            new_array(PyArray_NDIM(ARRAY(args[0])), PyArray_DIMS(ARRAY(args[0])), NPY_INT64);      \
        if (!values || !places) return pair_of(values, places);                                    \
        const float *x = DATA(float, args[0]);                                                     \
        float *y = DATA(float, values);                                                            \
        npy_int64 *at = DATA(npy_int64, places);                                                   \
        const npy_intp step = s.n * s.inner;                                                       \
        THREADS_BEGIN(s.outer * step);                                                             \
        for (npy_intp o = 0; o < s.outer; o++, x += step, y += step, at += step) {                 \
            if (s.inner == 1) name##_row(x, y, at, s.n);                                           \
            else name##_loop(x, y, at, s.n, s.inner);                                              \
        }                                                                                          \
        THREADS_END;                                                                               \
        return pair_of(values, places);                                                            \
    }

RUNNING_EXTREME(cummax, >=)
RUNNING_EXTREME(cummin, <=)

/* ---- recurrences */

/* recurrence(u, a, dim): h[i] = u[i] + a[i] h[i-1] */
static PyObject *recurrence(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    if (nargs != 3 || !is_array(args[0], NPY_FLOAT32) || !is_array(args[1], NPY_FLOAT32)) DECLINE;
    if (!SAME_SHAPE(args[0], args[1]) || !PyLong_CheckExact(args[2])) DECLINE;
    PyObject *u = dense_of(args[0]), *a = dense_of(args[1]), *made = NULL;
    if (u && a && !span_of(u, args[2], &s)) {
        Py_DECREF(u);
        Py_DECREF(a);
        DECLINE;
    }
    if (u && a && (made = NEW_LIKE(u))) {
        const float *x = DATA(float, u), *factor = DATA(float, a);
        float *h = DATA(float, made);
        THREADS_BEGIN(SIZE(u));
        for (npy_intp o = 0; o < s.outer; o++)
            for (npy_intp c = 0; c < s.inner; c++) {
                double before = 0.0;
                for (npy_intp i = 0; i < s.n; i++) {
                    const npy_intp k = (o * s.n + i) * s.inner + c;
                    before = i ? x[k] + factor[k] * before : x[k];
                    h[k] = (float)before;
                }
            }
        THREADS_END;
    }
    Py_XDECREF(u);
    Py_XDECREF(a);
    return made;
}

/* cumsum_back(g, dim): sums that start at the other end */
static PyObject *cumsum_back(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    if (nargs != 2 || !is_array(args[0], NPY_FLOAT32) || !PyLong_CheckExact(args[1])) DECLINE;
    PyObject *g = dense_of(args[0]);
    if (!g) return NULL;
    if (!span_of(g, args[1], &s)) {
        Py_DECREF(g);
        DECLINE;
    }
    PyObject *made = NEW_LIKE(g);
    if (made) {
        const float *from = DATA(float, g);
        float *to = DATA(float, made);
        THREADS_BEGIN(SIZE(g));
        for (npy_intp o = 0; o < s.outer; o++)
            for (npy_intp c = 0; c < s.inner; c++) {
                double sum = 0.0;
                for (npy_intp i = s.n; i-- > 0;) {
                    const npy_intp k = (o * s.n + i) * s.inner + c;
                    to[k] = (float)(sum += from[k]);
                }
            }
        THREADS_END;
    }
    Py_DECREF(g);
    return made;
}

/* cumprod_back(g, x, out, dim): r[i] = g[i] + x[i+1] r[i+1], times the product before i */
static PyObject *cumprod_back(PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    if (nargs != 4 || !is_dense(args[0], NPY_FLOAT32) || !is_dense(args[1], NPY_FLOAT32)) DECLINE;
    if (!is_dense(args[2], NPY_FLOAT32) || !SAME_SHAPE(args[0], args[1])) DECLINE;
    if (!SAME_SHAPE(args[0], args[2]) || !PyLong_CheckExact(args[3])) DECLINE;
    if (!span_of(args[0], args[3], &s)) DECLINE;
    PyObject *made = NEW_LIKE(args[0]);
    if (!made) return NULL;
    const float *g = DATA(float, args[0]), *x = DATA(float, args[1]), *out = DATA(float, args[2]);
    float *to = DATA(float, made);
    THREADS_BEGIN(SIZE(made));
    for (npy_intp o = 0; o < s.outer; o++)
        for (npy_intp c = 0; c < s.inner; c++) {
            double r = 0.0;
            for (npy_intp i = s.n; i-- > 0;) {
                const npy_intp k = (o * s.n + i) * s.inner + c;
                r = i + 1 < s.n ? g[k] + x[k + s.inner] * r : g[k];
                to[k] = (float)(i ? out[k - s.inner] * r : r);
            }
        }
    THREADS_END;
    return made;
}

const Row running_rows[] = {
    {"reduce.cumsum", cumsum},
    {"reduce.cumprod", cumprod},
    {"reduce.cummax", cummax},
    {"reduce.cummin", cummin},
    {"reduce.recurrence", recurrence},
    {"reduce.cumsum_back", cumsum_back},
    {"reduce.cumprod_back", cumprod_back},
    {NULL, NULL},
};
