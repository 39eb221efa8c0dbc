/* softmax, log_softmax and their derivatives: kernels/softmax.py.

   A row stays in the cache while it is read several times, so each goes over the memory of its
   arrays once. */

#include "spans.h"

#define PIECE 2048 /* exponentials at a time */

/* exp(x - top) into y for whole rows, side by side, so that short rows are vectors too */
INLINE void exp_rows(float *y, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) y[i] = exp32(y[i]);
}

/* log of a sum of exponentials of which one is 1 */
INLINE float log_total(double total)
{ return log1p32((float)(total - 1.0)); }

/* ---- softmax and log_softmax: (x, dim) */

INLINE void of_rows(const float *x, float *y, const Span *s)
{
    const npy_intp n = s->n, step = n < PIECE ? PIECE / n : 1;
    for (npy_intp o = 0; o < s->outer; o += step) {
        const npy_intp rows = s->outer - o < step ? s->outer - o : step;
        for (npy_intp r = 0; r < rows; r++) {
            const float *from = x + (o + r) * n;
            float *to = y + (o + r) * n;
            const float top = largest_row(from, n);
            for (npy_intp i = 0; i < n; i++) to[i] = from[i] - top;
        }
        exp_rows(y + o * n, rows * n);
        for (npy_intp r = 0; r < rows; r++) {
            float *to = y + (o + r) * n;
            const float scale = (float)(1.0 / sum_row(to, n));
            for (npy_intp i = 0; i < n; i++) to[i] *= scale;
        }
    }
}

INLINE double sum_exp_row(const float *x, npy_intp n)
{
    double total = 0.0;
    float e[PIECE];
    for (npy_intp at = 0; at < n; at += PIECE) {
        const npy_intp m = n - at < PIECE ? n - at : PIECE;
        for (npy_intp i = 0; i < m; i++) e[i] = exp32(x[at + i]);
        total += sum_row(e, m);
    }
    return total;
}

INLINE void log_of_rows(const float *x, float *y, const Span *s)
{
    const npy_intp n = s->n, step = n < PIECE ? PIECE / n : 1;
    double total[PIECE];
    float e[PIECE], shift[PIECE];
    for (npy_intp o = 0; o < s->outer; o += step) {
        const npy_intp rows = s->outer - o < step ? s->outer - o : step;
        for (npy_intp r = 0; r < rows; r++) {
            const float *from = x + (o + r) * n;
            float *to = y + (o + r) * n;
            const float top = largest_row(from, n);
            for (npy_intp i = 0; i < n; i++) to[i] = from[i] - top;
        }
        if (n < PIECE)
            for (npy_intp i = 0; i < rows * n; i++) e[i] = exp32(y[o * n + i]);
        for (npy_intp r = 0; r < rows; r++)
            total[r] = n < PIECE ? sum_row(e + r * n, n) : sum_exp_row(y + o * n, n);
        for (npy_intp r = 0; r < rows; r++) shift[r] = log_total(total[r]);
        for (npy_intp r = 0; r < rows; r++) {
            float *to = y + (o + r) * n;
            for (npy_intp i = 0; i < n; i++) to[i] -= shift[r];
        }
    }
}

/* Along another dimension: WIDTH columns side by side. */
INLINE void of_columns(const float *x, float *y, npy_intp n, npy_intp inner, int wide, int logs)
{
    float top[WIDTH], shift[WIDTH];
    double total[WIDTH] = {0.0};
    for (int j = 0; j < wide; j++) top[j] = -INFINITY;
    for (npy_intp i = 0; i < n; i++)
        for (int j = 0; j < wide; j++)
            top[j] = x[i * inner + j] > top[j] ? x[i * inner + j] : top[j];
    for (npy_intp i = 0; i < n; i++)
        for (int j = 0; j < wide; j++) {
            const float d = x[i * inner + j] - top[j], e = exp32(d);
            y[i * inner + j] = logs ? d : e;
            total[j] += e;
        }
    for (int j = 0; j < wide; j++) shift[j] = logs ? log_total(total[j]) : (float)(1.0 / total[j]);
    for (npy_intp i = 0; i < n; i++)
        for (int j = 0; j < wide; j++) {
            const float v = y[i * inner + j];
            y[i * inner + j] = logs ? v - shift[j] : v * shift[j];
        }
}

/* COLUMNS(s, at, wide): for all columns, WIDTH at a time, from the element `at` */
#define COLUMNS(s, at, wide)                                                                       \
    for (npy_intp o_ = 0; o_ < (s)->outer; o_++)                                                   \
        for (npy_intp c_ = 0, at = o_ * (s)->n * (s)->inner, wide;                                 \
             c_ < (s)->inner && (wide = (s)->inner - c_ < WIDTH ? (s)->inner - c_ : WIDTH);        \
             c_ += WIDTH, at += WIDTH)

CLONES static void softmax_loop(const float *x, float *y, const Span *s)
{
    if (s->inner == 1) of_rows(x, y, s);
    else COLUMNS(s, at, wide) of_columns(x + at, y + at, s->n, s->inner, (int)wide, 0);
}

CLONES static void log_softmax_loop(const float *x, float *y, const Span *s)
{
    if (s->inner == 1) log_of_rows(x, y, s);
    else COLUMNS(s, at, wide) of_columns(x + at, y + at, s->n, s->inner, (int)wide, 1);
}

static PyObject *along(void (*f)(const float *, float *, const Span *), PyObject *const *args,
                       Py_ssize_t nargs)
{
    Span s;
    if (nargs != 2 || !is_dense(args[0], NPY_FLOAT32) || !PyLong_CheckExact(args[1])) DECLINE;
    if (!span_of(args[0], args[1], &s)) DECLINE;
    PyObject *y = NEW_LIKE(args[0]);
    if (!y) return NULL;
    THREADS_BEGIN(SIZE(y));
    f(DATA(float, args[0]), DATA(float, y), &s);
    THREADS_END;
    return y;
}

static PyObject *softmax(PyObject *const *args, Py_ssize_t nargs)
{ return along(softmax_loop, args, nargs); }

static PyObject *log_softmax(PyObject *const *args, Py_ssize_t nargs)
{ return along(log_softmax_loop, args, nargs); }

/* ---- their cotangents: (g, out, dim) */

CLONES static void softmax_back_loop(const float *g, const float *p, float *y, const Span *s)
{
    const npy_intp n = s->n, inner = s->inner;
    for (npy_intp o = 0; inner == 1 && o < s->outer; o++, g += n, p += n, y += n) {
        const float total = (float)sum_products_row(g, p, n);
        for (npy_intp i = 0; i < n; i++) y[i] = p[i] * (g[i] - total);
    }
    if (inner > 1) COLUMNS(s, at, wide)
        {
            double total[WIDTH] = {0.0};
            for (npy_intp i = 0; i < n; i++)
                for (npy_intp j = 0, k = at + i * inner; j < wide; j++)
                    total[j] += (double)g[k + j] * p[k + j];
            for (npy_intp i = 0; i < n; i++)
                for (npy_intp j = 0, k = at + i * inner; j < wide; j++)
                    y[k + j] = p[k + j] * (g[k + j] - (float)total[j]);
        }
}

CLONES static void log_softmax_back_loop(const float *g, const float *out, float *y, const Span *s)
{
    const npy_intp n = s->n, inner = s->inner;
    for (npy_intp o = 0; inner == 1 && o < s->outer; o++, g += n, out += n, y += n) {
        const float total = (float)sum_row(g, n);
        for (npy_intp i = 0; i < n; i++) y[i] = g[i] - exp32(out[i]) * total;
    }
    if (inner > 1) COLUMNS(s, at, wide)
        {
            double total[WIDTH] = {0.0};
            for (npy_intp i = 0; i < n; i++)
                for (npy_intp j = 0, k = at + i * inner; j < wide; j++) total[j] += g[k + j];
            for (npy_intp i = 0; i < n; i++)
                for (npy_intp j = 0, k = at + i * inner; j < wide; j++)
                    y[k + j] = g[k + j] - exp32(out[k + j]) * (float)total[j];
        }
}

static PyObject *back_along(void (*f)(const float *, const float *, float *, const Span *),
                            PyObject *const *args, Py_ssize_t nargs)
{
    Span s;
    if (nargs != 3 || !is_dense(args[1], NPY_FLOAT32) || !PyLong_CheckExact(args[2])) DECLINE;
    if (!span_of(args[1], args[2], &s)) DECLINE;
    PyObject *g = as_dense(args[0]);
    if (!g || !SAME_SHAPE(g, args[1])) {
        Py_XDECREF(g);
        DECLINE;
    }
    PyObject *y = NEW_LIKE(g);
    if (y) {
        THREADS_BEGIN(SIZE(y));
        f(DATA(float, g), DATA(float, args[1]), DATA(float, y), &s);
        THREADS_END;
    }
    Py_DECREF(g);
    return y;
}

static PyObject *softmax_back(PyObject *const *args, Py_ssize_t nargs)
{ return back_along(softmax_back_loop, args, nargs); }

static PyObject *log_softmax_back(PyObject *const *args, Py_ssize_t nargs)
{ return back_along(log_softmax_back_loop, args, nargs); }

const Row softmax_rows[] = {
    {"softmax.softmax", softmax},
    {"softmax.log_softmax", log_softmax},
    {"softmax.softmax_back", softmax_back},
    {"softmax.log_softmax_back", log_softmax_back},
    {NULL, NULL},
};
