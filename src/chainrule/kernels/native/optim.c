/* The parts of an optimizer's step in one pass each, in place: kernels/optim.py.

   Arrays are dense and of one type, numbers are 0-d arrays of that type. */

#include <math.h>
#include "kernel.h"

/* Whether the first `arrays` arguments are dense arrays of one type and one size and the next
   `numbers` are 0-d arrays of that type; the type, or -1. */
static int fitting(PyObject *const *args, int arrays, int numbers)
{
    if (!PyArray_CheckExact(args[0])) return -1;
    const int type = PyArray_TYPE(ARRAY(args[0]));
    if (type != NPY_FLOAT32 && type != NPY_FLOAT64) return -1;
    for (int i = 0; i < arrays; i++)
        if (!is_dense(args[i], type) || SIZE(args[i]) != SIZE(args[0])) return -1;
    for (int i = arrays; i < arrays + numbers; i++)
        if (!PyArray_CheckExact(args[i]) || PyArray_TYPE(ARRAY(args[i])) != type
            || PyArray_NDIM(ARRAY(args[i])) != 0 || !PyArray_ISBEHAVED_RO(ARRAY(args[i])))
            return -1;
    return type;
}

#define WRITEABLE(o) PyArray_ISWRITEABLE(ARRAY(o))
#define NUMBER(type, o) (*DATA(type, o))

/* y = keep y + take x */
#define MIX(type)                                                                                  \
    CLONES static void mix_##type(type *y, const type *x, type keep, type take, npy_intp n)        \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) y[i] = keep * y[i] + take * x[i];                         \
    }
MIX(float)
MIX(double)

static PyObject *mix_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 5 ? fitting(args, 2, 2) : -1;
    if (type < 0 || !WRITEABLE(args[0])) DECLINE;
    const npy_intp n = SIZE(args[0]);
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32)
        mix_float(DATA(float, args[0]), DATA(float, args[1]), NUMBER(float, args[2]),
                  NUMBER(float, args[3]), n);
    else
        mix_double(DATA(double, args[0]), DATA(double, args[1]), NUMBER(double, args[2]),
                   NUMBER(double, args[3]), n);
    THREADS_END;
    Py_RETURN_NONE;
}

/* average += weight (g - average) */
#define FOLLOW(type)                                                                               \
    CLONES static void follow_##type(type *average, const type *g, type weight, npy_intp n)        \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) average[i] += weight * (g[i] - average[i]);               \
    }
FOLLOW(float)
FOLLOW(double)

static PyObject *follow_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 4 ? fitting(args, 2, 1) : -1;
    if (type < 0 || !WRITEABLE(args[0])) DECLINE;
    const npy_intp n = SIZE(args[0]);
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32)
        follow_float(DATA(float, args[0]), DATA(float, args[1]), NUMBER(float, args[2]), n);
    else follow_double(DATA(double, args[0]), DATA(double, args[1]), NUMBER(double, args[2]), n);
    THREADS_END;
    Py_RETURN_NONE;
}

/* average = keep average + take g^2 */
#define FOLLOW_SQUARE(type)                                                                        \
    CLONES static void follow_square_##type(type *average, const type *g, type keep, type take,    \
                                            npy_intp n)                                            \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) average[i] = keep * average[i] + take * (g[i] * g[i]);    \
    }
FOLLOW_SQUARE(float)
FOLLOW_SQUARE(double)

static PyObject *follow_square_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 5 ? fitting(args, 2, 2) : -1;
    if (type < 0 || !WRITEABLE(args[0])) DECLINE;
    const npy_intp n = SIZE(args[0]);
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32)
        follow_square_float(DATA(float, args[0]), DATA(float, args[1]), NUMBER(float, args[2]),
                            NUMBER(float, args[3]), n);
    else
        follow_square_double(DATA(double, args[0]), DATA(double, args[1]), NUMBER(double, args[2]),
                             NUMBER(double, args[3]), n);
    THREADS_END;
    Py_RETURN_NONE;
}

/* x -= size d */
#define DESCEND(type)                                                                              \
    CLONES static void descend_##type(type *x, const type *d, type size, npy_intp n)               \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) x[i] -= size * d[i];                                      \
    }
DESCEND(float)
DESCEND(double)

static PyObject *descend_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 3 || nargs == 4 ? fitting(args, 2, 1) : -1;
    if (type < 0 || !WRITEABLE(args[0])) DECLINE;
    const npy_intp n = SIZE(args[0]);
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32)
        descend_float(DATA(float, args[0]), DATA(float, args[1]), NUMBER(float, args[2]), n);
    else descend_double(DATA(double, args[0]), DATA(double, args[1]), NUMBER(double, args[2]), n);
    THREADS_END;
    Py_RETURN_NONE;
}

/* adam(x, g, m, v, take1, keep2, take2, eps, size, t): both averages and the step */
#define ADAM(type, root)                                                                           \
    CLONES static void adam_##type(type *x, const type *g, type *m, type *v, type take1,           \
                                   type keep2, type take2, type eps, type size, npy_intp n)        \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const type mean = m[i] + take1 * (g[i] - m[i]);                                        \
            const type square = keep2 * v[i] + take2 * (g[i] * g[i]);                              \
            m[i] = mean;                                                                           \
            v[i] = square;                                                                         \
            x[i] -= size * (mean / (root(square) + eps));                                          \
        }                                                                                          \
    }
ADAM(float, sqrtf)
ADAM(double, sqrt)

static PyObject *adam_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    const int type = nargs == 10 ? fitting(args, 4, 5) : -1;
    if (type < 0 || !WRITEABLE(args[0]) || !WRITEABLE(args[2]) || !WRITEABLE(args[3])) DECLINE;
    const npy_intp n = SIZE(args[0]);
    PyObject *const *p = args + 4;
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32)
        adam_float(DATA(float, args[0]), DATA(float, args[1]), DATA(float, args[2]),
                   DATA(float, args[3]), NUMBER(float, p[0]), NUMBER(float, p[1]),
                   NUMBER(float, p[2]), NUMBER(float, p[3]), NUMBER(float, p[4]), n);
    else
        adam_double(DATA(double, args[0]), DATA(double, args[1]), DATA(double, args[2]),
                    DATA(double, args[3]), NUMBER(double, p[0]), NUMBER(double, p[1]),
                    NUMBER(double, p[2]), NUMBER(double, p[3]), NUMBER(double, p[4]), n);
    THREADS_END;
    Py_RETURN_NONE;
}

const Row optim_rows[] = {
    {"optim.adam", adam_kernel},     {"optim.descend", descend_kernel},
    {"optim.follow", follow_kernel}, {"optim.follow_square", follow_square_kernel},
    {"optim.mix", mix_kernel},       {NULL, NULL},
};
