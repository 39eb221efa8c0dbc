/* Connectionist temporal classification: the kernels of ops/nn/ctc.py, whose words these are. One
   sample after the other, in double precision. */

#include <math.h>
#include <stdint.h>
#include "vector_math.h"

typedef struct {
    npy_intp steps, samples, classes, blank;
    int type;
    PyObject *y; /* log probabilities (steps, samples, classes), dense */
    const npy_int64 *labels, *inputs, *counts; /* inputs and counts: lengths of every sample */
    npy_intp apart; /* from labels of a sample to those of the next; 0: one after the other */
    npy_intp longest;
} Lattice;

static const npy_int64 *vector_of(PyObject *o, npy_intp n)
{
    return is_dense(o, NPY_INT64) && PyArray_NDIM(ARRAY(o)) == 1 && SIZE(o) == n
               ? DATA(npy_int64, o)
               : NULL;
}

/* (log_probs, targets, input_lengths, target_lengths, blank) with lengths and labels that fit;
   takes a reference to y where it is right. */
static int read_lattice(PyObject *const *args, Lattice *l)
{
    PyObject *y = args[0], *targets = args[1];
    l->type = is_array(y, NPY_FLOAT32) ? NPY_FLOAT32 : NPY_FLOAT64;
    if (!is_array(y, l->type) || PyArray_NDIM(ARRAY(y)) != 3 || !SIZE(y)) return 0;
    l->steps = PyArray_DIM(ARRAY(y), 0);
    l->samples = PyArray_DIM(ARRAY(y), 1);
    l->classes = PyArray_DIM(ARRAY(y), 2);
    if (!as_index(args[4], &l->blank) || l->blank < 0 || l->blank >= l->classes) return 0;
    l->inputs = vector_of(args[2], l->samples);
    l->counts = vector_of(args[3], l->samples);
    if (!l->inputs || !l->counts || !is_dense(targets, NPY_INT64)) return 0;
    const int rank = PyArray_NDIM(ARRAY(targets));
    if (rank > 2 || (rank == 2 && PyArray_DIM(ARRAY(targets), 0) != l->samples)) return 0;
    l->labels = DATA(npy_int64, targets);
    l->apart = rank == 2 ? PyArray_DIM(ARRAY(targets), 1) : 0;
    l->longest = 0;
    npy_intp total = 0;
    for (npy_intp i = 0; i < l->samples; i++) {
        const npy_int64 n = l->counts[i];
        if (n < 0 || l->inputs[i] < 0 || l->inputs[i] > l->steps) return 0;
        if (n > (rank == 2 ? l->apart : SIZE(targets) - total)) return 0;
        const npy_int64 *labels = l->labels + (rank == 2 ? i * l->apart : total);
        for (npy_intp k = 0; k < n; k++)
            if (labels[k] < 0 || labels[k] >= l->classes) return 0;
        if (n > l->longest) l->longest = n;
        total += n;
    }
    l->y = dense_of(y);
    return l->y != NULL;
}

/* The class written at place s of blank, label, blank, ... */
INLINE npy_intp class_at(const Lattice *l, const npy_int64 *labels, npy_intp s)
{ return s % 2 ? labels[s / 2] : l->blank; }

INLINE double at(const Lattice *l, npy_intp t, npy_intp sample, npy_intp class_)
{
    const npy_intp i = (t * l->samples + sample) * l->classes + class_;
    return l->type == NPY_FLOAT32 ? DATA(float, l->y)[i] : DATA(double, l->y)[i];
}

/* Whether a step over the blank before place s is allowed. */
INLINE int jumps(const npy_int64 *labels, npy_intp s)
{ return s % 2 && s > 1 && labels[s / 2] != labels[s / 2 - 1]; }

INLINE double part(double x, double top)
{ return x == top ? 1.0 : x == -INFINITY ? 0.0 : exp(x - top); }

/* log(exp a + exp b + exp c) */
static double sum3(double a, double b, double c)
{
    double top = a;
    if (!(b <= top)) top = b;
    if (!(c <= top)) top = c;
    if (top == -INFINITY) return a + b + c;
    if (top == INFINITY) return NAN;
    const double sum = part(a, top) + part(b, top) + part(c, top);
    return sum == 1.0 ? top : top + log(sum);
}

/* alphas (steps, places) of a sample */
static void forward(const Lattice *l, npy_intp sample, const npy_int64 *labels, double *alpha)
{
    const npy_intp places = 2 * l->counts[sample] + 1, steps = l->inputs[sample];
    for (npy_intp s = 0; s < places; s++)
        alpha[s] = s < 2 ? at(l, 0, sample, class_at(l, labels, s)) : -INFINITY;
    for (npy_intp t = 1; t < steps; t++) {
        const double *from = alpha;
        alpha += places;
        for (npy_intp s = 0; s < places; s++)
            alpha[s] = at(l, t, sample, class_at(l, labels, s))
                       + sum3(from[s], s > 0 ? from[s - 1] : -INFINITY,
                              jumps(labels, s) ? from[s - 2] : -INFINITY);
    }
}

/* The log likelihood, of the last alphas. */
static double likelihood(const Lattice *l, npy_intp sample, const double *alpha)
{
    const npy_intp places = 2 * l->counts[sample] + 1, steps = l->inputs[sample];
    if (!steps) return places == 1 ? 0.0 : -INFINITY;
    const double *last = alpha + (steps - 1) * places;
    return sum3(last[places - 1], places > 1 ? last[places - 2] : -INFINITY, -INFINITY);
}

static const npy_int64 *next_labels(const Lattice *l, npy_intp sample, const npy_int64 *labels)
{ return labels + (l->apart ? l->apart : l->counts[sample]); }

/* _ctc_kernel(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity) */
static PyObject *each_loss(PyObject *const *args, Py_ssize_t nargs)
{
    Lattice l;
    if (nargs != 6 || !read_lattice(args, &l)) {
        if (PyErr_Occurred()) return NULL;
        DECLINE;
    }
    PyObject *made = new_array(1, &l.samples, l.type);
    double *alpha = PyMem_RawMalloc((size_t)(l.steps * (2 * l.longest + 1)) * sizeof(double));
    if (made && alpha) {
        const npy_int64 *labels = l.labels;
        THREADS_BEGIN(l.steps * l.samples * (2 * l.longest + 1));
        for (npy_intp i = 0; i < l.samples; i++) {
            forward(&l, i, labels, alpha);
            const double loss = -likelihood(&l, i, alpha);
            if (l.type == NPY_FLOAT32) DATA(float, made)[i] = (float)loss;
            else DATA(double, made)[i] = loss;
            labels = next_labels(&l, i, labels);
        }
        THREADS_END;
    } else {
        if (made) PyErr_NoMemory();
        Py_CLEAR(made);
    }
    PyMem_RawFree(alpha);
    Py_DECREF(l.y);
    return made;
}

/* Add to `post` (steps, classes) how probable every class is at every time, given the labels.
   `both` holds the alphas; beta: memory for the places, twice. */
static void posterior(const Lattice *l, npy_intp sample, const npy_int64 *labels, double *both,
                      double *beta, double *post, double total)
{
    const npy_intp places = 2 * l->counts[sample] + 1, steps = l->inputs[sample];
    double *next = beta + places;
    for (npy_intp t = steps - 1; t >= 0; t--) {
        double *alpha = both + t * places;
        for (npy_intp s = 0; s < places; s++) {
            if (t == steps - 1) beta[s] = s >= places - 2 ? 0.0 : -INFINITY;
            else
                beta[s] = sum3(next[s], s + 1 < places ? next[s + 1] : -INFINITY,
                               s + 2 < places && jumps(labels, s + 2) ? next[s + 2] : -INFINITY);
        }
        for (npy_intp s = 0; s < places; s++) {
            const npy_intp class_ = class_at(l, labels, s);
            const double log_each = alpha[s] + beta[s] - total;
            if (log_each != -INFINITY) post[t * l->classes + class_] += exp(log_each);
            next[s] = beta[s] + at(l, t, sample, class_);
        }
    }
}

CLONES static void exp_all(const float *from, float *to, npy_intp n)
{
    for (npy_intp i = 0; i < n; i++) to[i] = exp32(from[i]);
}

/* g * (exp(y) - post) of one sample: 0 behind its end and, with zero_infinity, where impossible */
static void slopes(const Lattice *l, npy_intp sample, const double *post, double g, int counts,
                   double total, PyObject *made)
{
    const int impossible = total == -INFINITY;
    float row[64];
    for (npy_intp t = 0; t < l->steps; t++)
        for (npy_intp c = 0; c < l->classes; c += 64) {
            const npy_intp n = l->classes - c < 64 ? l->classes - c : 64;
            const npy_intp first = (t * l->samples + sample) * l->classes + c;
            const int inside = counts && t < l->inputs[sample];
            if (l->type == NPY_FLOAT32 && inside) exp_all(DATA(float, l->y) + first, row, n);
            for (npy_intp i = 0; i < n; i++) {
                double each = 0.0;
                if (inside) {
                    each = l->type == NPY_FLOAT32 ? row[i] : exp(DATA(double, l->y)[first + i]);
                    each -= impossible ? NAN : post[t * l->classes + c + i];
                }
                if (l->type == NPY_FLOAT32) DATA(float, made)[first + i] = (float)(g * each);
                else DATA(double, made)[first + i] = g * each;
            }
        }
}

/* _back_kernel(g, log_probs, targets, input_lengths, target_lengths, blank, zero_infinity) */
static PyObject *each_loss_back(PyObject *const *args, Py_ssize_t nargs)
{
    Lattice l;
    if (nargs != 7 || !PyBool_Check(args[6]) || !read_lattice(args + 1, &l)) {
        if (PyErr_Occurred()) return NULL;
        DECLINE;
    }
    if (!is_array(args[0], l.type) || PyArray_NDIM(ARRAY(args[0])) != 1
        || SIZE(args[0]) != l.samples) {
        Py_DECREF(l.y);
        DECLINE;
    }
    const npy_intp places = 2 * l.longest + 1;
    PyObject *made = NEW_LIKE(l.y);
    const size_t room = (size_t)((l.steps + 2) * places + l.steps * l.classes) * sizeof(double);
    double *both = PyMem_RawMalloc(room);
    if (made && both) {
        double *beta = both + l.steps * places, *post = beta + 2 * places;
        const npy_int64 *labels = l.labels;
        THREADS_BEGIN(SIZE(l.y) + l.steps * l.samples * places);
        for (npy_intp i = 0; i < l.samples; i++) {
            const void *g_at = PyArray_GETPTR1(ARRAY(args[0]), i);
            const double g = l.type == NPY_FLOAT32 ? *(const float *)g_at : *(const double *)g_at;
            memset(post, 0, (size_t)(l.steps * l.classes) * sizeof(double));
            forward(&l, i, labels, both);
            const double total = likelihood(&l, i, both);
            /* not a number is none below infinity */
            const int counts = args[6] == Py_False || -total < INFINITY;
            if (counts && total != -INFINITY) posterior(&l, i, labels, both, beta, post, total);
            slopes(&l, i, post, g, counts, total, made);
            labels = next_labels(&l, i, labels);
        }
        THREADS_END;
    } else {
        if (made) PyErr_NoMemory();
        Py_CLEAR(made);
    }
    PyMem_RawFree(both);
    Py_DECREF(l.y);
    return made;
}

const Row ctc_rows[] = {
    {"ops.nn.ctc._ctc_kernel", each_loss},
    {"ops.nn.ctc._back_kernel", each_loss_back},
    {NULL, NULL},
};
