/* Fourier transforms of some thousand numbers: kernels/fourier.py. Sizes with large prime factors
   and large arrays are left to NumPy. */

#include "kernel.h"
#include <math.h>

#define MOST 65536                        /* numbers in an array */
#define PRIME 61                          /* the largest factor */
#define WIDE(half) (((half) + 7) / 8 * 8) /* rows of tables: whole vectors */
#define TURN 6.28318530717958647692

/* What depends on the number of points only. */
typedef struct {
    npy_intp n;
    int count, factor[20];
    void *twiddles; /* of every step, in its order */
    void *tables;   /* cosines and sines, for each factor above 5 */
    void *turns;    /* exp(-2 pi i k / 2n), which join two halves of a real row */
} Plan;

#define T float
#define NAME(x) x##_float
#include "fourier_loops.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_double
#include "fourier_loops.h"

/* ---- plans, which are kept */

static void free_plan(Plan *plan)
{
    if (plan) PyMem_Free(plan->twiddles);
    PyMem_Free(plan);
}

/* exp(-2 pi i k / n) as the number at place `at`. */
static void root(void *to, npy_intp at, int is32, npy_intp k, npy_intp n)
{
    const double angle = -TURN * (double)(k % n) / (double)n;
    if (is32)
        ((float *)to)[2 * at] = (float)cos(angle), ((float *)to)[2 * at + 1] = (float)sin(angle);
    else ((double *)to)[2 * at] = cos(angle), ((double *)to)[2 * at + 1] = sin(angle);
}

/* The cosines and sines of 2 pi j r / p for 0 < j, r <= p / 2; what is beside them stays 0. */
static void fill_table(void *to, npy_intp p, int is32)
{
    const npy_intp half = p / 2, wide = WIDE(half), all = half * wide;
    for (npy_intp j = 0; j < half; j++)
        for (npy_intp r = 0; r < half; r++) {
            const double angle = TURN * (double)((j + 1) * (r + 1) % p) / (double)p;
            const npy_intp at = j * wide + r;
            if (is32)
                ((float *)to)[at] = (float)cos(angle), ((float *)to)[all + at] = (float)sin(angle);
            else ((double *)to)[at] = cos(angle), ((double *)to)[all + at] = sin(angle);
        }
}

static Plan *make_plan(npy_intp n, int is32)
{
    Plan *plan = PyMem_Calloc(1, sizeof(Plan));
    if (!plan) return NULL;
    plan->n = n;
    npy_intp rest = n, twiddles = 0, tables = 0;
    while (rest % 4 == 0) plan->factor[plan->count++] = 4, rest /= 4;
    for (int p = 2; rest > 1 && p <= PRIME; p++)
        for (; rest % p == 0; rest /= p) plan->factor[plan->count++] = p;
    npy_intp m = n;
    for (int i = 0; i < plan->count; i++) {
        const npy_intp p = plan->factor[i];
        twiddles += (p - 1) * (m /= p);
        if (p > 5) tables += (p / 2) * WIDE(p / 2);
    }
    const size_t pair = is32 ? 2 * sizeof(float) : 2 * sizeof(double);
    char *memory = rest > 1 ? NULL : PyMem_Calloc((size_t)(twiddles + tables + n), pair);
    if (!memory) {
        PyMem_Free(plan);
        return NULL;
    }
    plan->twiddles = memory;
    plan->tables = memory + (size_t)twiddles * pair;
    plan->turns = memory + (size_t)(twiddles + tables) * pair;
    char *table = plan->tables;
    npy_intp at = 0, length = n;
    for (int i = 0; i < plan->count; i++) {
        const npy_intp p = plan->factor[i];
        m = length / p;
        for (npy_intp q = 0; q < m; q++)
            for (npy_intp r = 1; r < p; r++) root(plan->twiddles, at++, is32, q * r, length);
        if (p > 5) {
            fill_table(table, p, is32);
            table += (size_t)((p / 2) * WIDE(p / 2)) * pair;
        }
        length = m;
    }
    for (npy_intp k = 0; k < n; k++) root(plan->turns, k, is32, k, 2 * n);
    return plan;
}

#define KEPT 61 /* a prime: powers of two have different places */

/* NULL where n has a large factor, or there is no memory: NumPy does the call then. */
static const Plan *plan_of(npy_intp n, int is32)
{
    static Plan
        *kept[KEPT][2]; /* guarded by the interpreter's lock, as no kernel here gives it up */
    Plan **slot = &kept[n % KEPT][is32];
    if (!*slot || (*slot)->n != n) {
        Plan *made = make_plan(n, is32);
        if (!made) return NULL;
        free_plan(*slot);
        *slot = made;
    }
    return *slot;
}

/* ---- arrays: rows along one dimension after the other */

typedef struct {
    int nd, count, is32;
    npy_intp shape[NPY_MAXDIMS];
    int dims[NPY_MAXDIMS];
    npy_intp longest, size;
    void *scratch;
} Job;

/* x (of a type of complex numbers, or of real ones) and its dimensions; 0 if they are not usual. */
static int job_of(Job *job, PyObject *x, PyObject *dims, int type32, int type64)
{
    job->is32 = is_array(x, type32);
    if (!job->is32 && !is_array(x, type64)) return 0;
    if (SIZE(x) > MOST || SIZE(x) == 0 || !PyTuple_CheckExact(dims)) return 0;
    job->nd = PyArray_NDIM(ARRAY(x));
    job->count = (int)PyTuple_GET_SIZE(dims);
    if (job->count < 1 || job->count > job->nd) return 0;
    job->longest = 1;
    job->size = SIZE(x);
    for (int i = 0; i < job->nd; i++) {
        job->shape[i] = PyArray_DIM(ARRAY(x), i);
        if (job->shape[i] > job->longest) job->longest = job->shape[i];
    }
    for (int i = 0; i < job->count; i++) {
        npy_intp d;
        if (!as_index(PyTuple_GET_ITEM(dims, i), &d) || d < 0 || d >= job->nd) return 0;
        job->dims[i] = (int)d;
    }
    return 1;
}

/* Whether every dimension but the last of the list can be transformed here. */
static int has_plans(const Job *job, int count)
{
    for (int i = 0; i < count; i++)
        if (!plan_of(job->shape[job->dims[i]], job->is32)) return 0;
    return 1;
}

#define TOGETHER 16 /* rows, which are transformed side by side */

/* How many rows at one time: one where a prime step, which has its vectors within a row, is taken.
 */
static npy_intp together(const Plan *plan)
{ return plan->count && plan->factor[plan->count - 1] > 5 ? 1 : TOGETHER; }

/* Where rows from number `first` on begin, of which `inner` lie in each other; how many they are,
   at most `most`. */
static npy_intp starts(npy_intp first, npy_intp count, npy_intp most, npy_intp length,
                       npy_intp inner, npy_intp *at)
{
    npy_intp n = 0;
    for (; n < most && first + n < count; n++)
        at[n] = (first + n) / inner * length * inner + (first + n) % inner;
    return n;
}

static int get_scratch(Job *job)
{
    npy_intp most = job->size > job->longest ? job->size : job->longest; /* numbers at one time */
    if (most > job->longest * TOGETHER) most = job->longest * TOGETHER;
    job->scratch = PyMem_Malloc((size_t)most * 4 * (job->is32 ? sizeof(float) : sizeof(double)));
    return job->scratch != NULL;
}

/* The factor of a normalization over this many points. */
static double factor_of(npy_intp normalization, double points)
{ return normalization == 0 ? 1.0 : normalization == 1 ? 1.0 / sqrt(points) : 1.0 / points; }

static void split(const Job *job, int dim, npy_intp *outer, npy_intp *inner)
{
    *outer = *inner = 1;
    for (int i = 0; i < dim; i++) *outer *= job->shape[i];
    for (int i = dim + 1; i < job->nd; i++) *inner *= job->shape[i];
}

/* Complex to complex along one dimension, from one dense array to another or to itself; 0 without
   memory. */
static int along(const Job *job, int dim, const char *from, char *to, double factor, int backward)
{
    npy_intp outer, inner;
    split(job, dim, &outer, &inner);
    const Plan *plan = plan_of(job->shape[dim], job->is32);
    if (!plan) return 0;
    npy_intp at[TOGETHER];
    for (npy_intp i = 0, rows; i < outer * inner; i += rows) {
        rows = starts(i, outer * inner, together(plan), plan->n, inner, at);
        (job->is32 ? complex_rows_float : complex_rows_double)(plan, from, to, at, rows, inner,
                                                               factor, backward, job->scratch);
    }
    return 1;
}

/* What was made, or MemoryError, with all that was needed for it given back. */
static PyObject *finished(const Job *job, PyObject *x, PyObject *copy, PyObject *made, int good)
{
    PyMem_Free(job->scratch);
    Py_XDECREF(x);
    Py_XDECREF(copy);
    if (good && made) return made;
    Py_XDECREF(made);
    return PyErr_NoMemory();
}

/* c2c(x, dim, normalization, forward) */
static PyObject *c2c(PyObject *const *args, Py_ssize_t nargs)
{
    Job job;
    npy_intp mode;
    if (nargs != 4 || !job_of(&job, args[0], args[1], NPY_COMPLEX64, NPY_COMPLEX128)
        || !as_index(args[2], &mode) || !PyBool_Check(args[3]) || !has_plans(&job, job.count))
        DECLINE;
    PyObject *x = dense_of(args[0]), *y = x ? NEW_LIKE(x) : NULL;
    if (!get_scratch(&job) || !y) return finished(&job, x, NULL, y, 0);
    double points = 1;
    int good = 1;
    for (int i = 0; i < job.count; i++) points *= (double)job.shape[job.dims[i]];
    for (int i = 0; i < job.count && good; i++)
        good = along(&job, job.dims[i], PyArray_BYTES(ARRAY(i ? y : x)), PyArray_BYTES(ARRAY(y)),
                     i ? 1.0 : factor_of(mode, points), args[3] == Py_False);
    return finished(&job, x, NULL, y, good);
}

/* Where a real row of n points is transformed as n / 2 complex numbers. */
static npy_intp half_of(npy_intp n)
{ return n % 2 ? n : n / 2; }

/* r2c(x, dim, normalization, onesided) */
static PyObject *r2c(PyObject *const *args, Py_ssize_t nargs)
{
    Job job;
    npy_intp mode, outer, inner;
    if (nargs != 4 || !job_of(&job, args[0], args[1], NPY_FLOAT32, NPY_FLOAT64)
        || !as_index(args[2], &mode) || !PyBool_Check(args[3]) || !has_plans(&job, job.count - 1))
        DECLINE;
    const int last = job.dims[job.count - 1], full = args[3] == Py_False;
    const npy_intp n = job.shape[last];
    const Plan *plan = plan_of(half_of(n), job.is32);
    if (!plan) DECLINE;
    double points = 1;
    for (int i = 0; i < job.count; i++) points *= (double)job.shape[job.dims[i]];
    PyObject *x = dense_of(args[0]), *y = NULL;
    if (!full) job.shape[last] = n / 2 + 1;
    if (x) y = new_array(job.nd, job.shape, job.is32 ? NPY_COMPLEX64 : NPY_COMPLEX128);
    if (!get_scratch(&job) || !y) return finished(&job, x, NULL, y, 0);
    split(&job, last, &outer, &inner);
    npy_intp at[TOGETHER], put[TOGETHER];
    const double factor = factor_of(mode, points);
    for (npy_intp i = 0, rows; i < outer * inner; i += rows) {
        rows = starts(i, outer * inner, together(plan), n, inner, at);
        starts(i, outer * inner, together(plan), job.shape[last], inner, put);
        (job.is32 ? real_rows_float : real_rows_double)(plan, n, PyArray_DATA(ARRAY(x)), at,
                                                        PyArray_DATA(ARRAY(y)), put, rows, inner,
                                                        factor, full, job.scratch);
    }
    int good = 1;
    for (int i = job.count - 2; i >= 0 && good; i--)
        good = along(&job, job.dims[i], PyArray_BYTES(ARRAY(y)), PyArray_BYTES(ARRAY(y)), 1.0, 0);
    return finished(&job, x, NULL, y, good);
}

/* c2r(x, dim, normalization, last_dim_size) */
static PyObject *c2r(PyObject *const *args, Py_ssize_t nargs)
{
    Job job;
    npy_intp mode, n, outer, inner;
    if (nargs != 4 || !job_of(&job, args[0], args[1], NPY_COMPLEX64, NPY_COMPLEX128)
        || !as_index(args[2], &mode) || !as_index(args[3], &n) || !has_plans(&job, job.count - 1))
        DECLINE;
    const int last = job.dims[job.count - 1];
    if (n < 1 || job.shape[last] != n / 2 + 1) DECLINE;
    if (!plan_of(half_of(n), job.is32)) DECLINE;
    double points = (double)n;
    for (int i = 0; i < job.count - 1; i++) points *= (double)job.shape[job.dims[i]];
    if (n > job.longest) job.longest = n;
    PyObject *x = dense_of(args[0]), *copy = x && job.count > 1 ? NEW_LIKE(x) : NULL, *from = x;
    if (!get_scratch(&job) || !x || (job.count > 1 && !copy))
        return finished(&job, x, copy, NULL, 0);
    int good = 1;
    for (int i = 0; i < job.count - 1 && good; i++, from = copy)
        good = along(&job, job.dims[i], PyArray_BYTES(ARRAY(from)), PyArray_BYTES(ARRAY(copy)), 1.0,
                     1);
    split(&job, last, &outer, &inner);
    const npy_intp m = job.shape[last];
    job.shape[last] = n;
    PyObject *made = new_array(job.nd, job.shape, job.is32 ? NPY_FLOAT32 : NPY_FLOAT64);
    const Plan *plan = plan_of(half_of(n), job.is32);
    if (!good || !made || !plan) return finished(&job, x, copy, made, 0);
    const double factor = factor_of(mode, points);
    const npy_intp size = job.is32 ? sizeof(float) : sizeof(double);
    for (npy_intp o = 0; o < outer; o++)
        for (npy_intp i = 0; i < inner; i++)
            (job.is32 ? half_row_float : half_row_double)(
                plan, n, PyArray_BYTES(ARRAY(from)) + (o * m * inner + i) * 2 * size,
                PyArray_BYTES(ARRAY(made)) + (o * n * inner + i) * size, inner, factor,
                job.scratch);
    return finished(&job, x, copy, made, 1);
}

const Row fourier_rows[] = {
    {"fourier.c2c", c2c},
    {"fourier.r2c", r2c},
    {"fourier.c2r", c2r},
    {NULL, NULL},
};
