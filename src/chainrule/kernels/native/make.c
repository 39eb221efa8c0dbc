/* Arrays from numbers: kernels/make.py. */

#include <math.h>
#include "kernel.h"

/* arange(start, end, step): int64. */
static PyObject *arange(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp start, end, step;
    if (nargs != 3 || !as_index(args[0], &start) || !as_index(args[1], &end)
        || !as_index(args[2], &step) || step < 1 || start > end || start < -NPY_MAX_INT32
        || end > (npy_intp)1 << 48)
        DECLINE;
    npy_intp n = (end - start) / step + ((end - start) % step != 0);
    PyObject *y = new_array(1, &n, NPY_INT64);
    if (!y) return NULL;
    npy_int64 *to = DATA(npy_int64, y);
    for (npy_intp i = 0; i < n; i++) to[i] = start + i * step;
    return y;
}

/* linspace32(start, end, steps): each value rounded once, the second half from the end. */
CLONES static void spaced(double first, double last, double step, npy_intp half, npy_intp n,
                          float *to)
{
    for (npy_intp i = 0; i < half; i++) to[i] = (float)(first + step * (double)i);
    for (npy_intp i = half; i < n; i++) to[i] = (float)(last - step * (double)(n - 1 - i));
}

static PyObject *linspace32(PyObject *const *args, Py_ssize_t nargs)
{
    double start, end;
    npy_intp n;
    if (nargs != 3 || !as_double(args[0], &start) || !as_double(args[1], &end)
        || !as_index(args[2], &n) || n < 2 || n > 1 << 24)
        DECLINE;
    PyObject *y = new_array(1, &n, NPY_FLOAT32);
    if (!y) return NULL;
    const float step = ((float)end - (float)start) / (float)(n - 1);
    spaced((float)start, (float)end, step, n / 2, n, DATA(float, y));
    return y;
}

static int type_of(PyObject *dtype)
{
    if (!PyArray_DescrCheck(dtype)) return -1;
    int type = ((PyArray_Descr *)dtype)->type_num;
    return type == NPY_FLOAT32 || type == NPY_FLOAT64 || type == NPY_INT64 ? type : -1;
}

/* eye(n, m, dtype) */
static PyObject *eye(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[2];
    int type;
    if (nargs != 3 || !as_index(args[0], shape) || !as_index(args[1], shape + 1) || shape[0] < 0
        || shape[1] < 0 || (type = type_of(args[2])) < 0)
        DECLINE;
    PyObject *y = PyArray_ZEROS(2, shape, type, 0);
    if (!y) return NULL;
    npy_intp count = shape[0] < shape[1] ? shape[0] : shape[1], apart = shape[1] + 1;
    for (npy_intp i = 0; i < count; i++)
        if (type == NPY_FLOAT32) DATA(float, y)[i * apart] = 1.0f;
        else if (type == NPY_FLOAT64) DATA(double, y)[i * apart] = 1.0;
        else DATA(npy_int64, y)[i * apart] = 1;
    return y;
}

CLONES static void fill_float(float *to, npy_intp n, float value)
{
    for (npy_intp i = 0; i < n; i++) to[i] = value;
}

CLONES static void fill_double(double *to, npy_intp n, double value)
{
    for (npy_intp i = 0; i < n; i++) to[i] = value;
}

/* full(shape, value, dtype) */
static PyObject *full(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[NPY_MAXDIMS];
    double value;
    int type;
    if (nargs != 3 || !PyTuple_Check(args[0]) || PyTuple_GET_SIZE(args[0]) > NPY_MAXDIMS
        || !PyTuple_GET_SIZE(args[0]) || !as_double(args[1], &value)
        || (type = type_of(args[2])) < 0 || type == NPY_INT64)
        DECLINE;
    int nd = (int)PyTuple_GET_SIZE(args[0]);
    for (int i = 0; i < nd; i++)
        if (!as_index(PyTuple_GET_ITEM(args[0], i), shape + i) || shape[i] < 0) DECLINE;
    PyObject *y = new_array(nd, shape, type);
    if (!y) return NULL;
    npy_intp n = SIZE(y);
    THREADS_BEGIN(n);
    if (type == NPY_FLOAT32) fill_float(DATA(float, y), n, (float)value);
    else fill_double(DATA(double, y), n, value);
    THREADS_END;
    return y;
}

/* Numbers of one Python type from a list into memory; 0 where there is something else. */
static int read_list(PyObject *list, npy_intp n, float *to)
{
    if (!PyList_CheckExact(list) || PyList_GET_SIZE(list) != n) return 0;
    for (npy_intp i = 0; i < n; i++) {
        PyObject *o = PyList_GET_ITEM(list, i);
        if (!PyFloat_CheckExact(o)) return 0;
        to[i] = (float)PyFloat_AS_DOUBLE(o);
    }
    return 1;
}

/* floats32(data): a list of floats, or of such lists. */
static PyObject *floats32(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 1 || !PyList_CheckExact(args[0]) || !PyList_GET_SIZE(args[0])) DECLINE;
    PyObject *first = PyList_GET_ITEM(args[0], 0);
    int nested = PyList_CheckExact(first);
    npy_intp shape[2] = {PyList_GET_SIZE(args[0]), nested ? PyList_GET_SIZE(first) : 1};
    if ((nested && !shape[1]) || (!nested && !PyFloat_CheckExact(first))) DECLINE;
    PyObject *y = new_array(1 + nested, shape, NPY_FLOAT32);
    if (!y) return NULL;
    int good = 1;
    if (nested)
        for (npy_intp i = 0; good && i < shape[0]; i++)
            good = read_list(PyList_GET_ITEM(args[0], i), shape[1], DATA(float, y) + i * shape[1]);
    else good = read_list(args[0], shape[0], DATA(float, y));
    if (good) return y;
    Py_DECREF(y);
    DECLINE;
}

/* triangle(n, m, offset, lower): rows and columns of the elements on and below (or on and above) a
   diagonal. */
static PyObject *triangle(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp n, m, offset, shape[2] = {2, 0};
    if (nargs != 4 || !as_index(args[0], &n) || !as_index(args[1], &m)
        || !as_index(args[2], &offset) || !PyBool_Check(args[3]) || n < 0 || m < 0 || n > 1 << 30
        || m > 1 << 30)
        DECLINE;
    const int lower = args[3] == Py_True;
    if (offset > m) offset = m;
    if (offset < -n) offset = -n;
#define FROM(i) (lower || (i) + offset < 0 ? 0 : (i) + offset < m ? (i) + offset : m)
#define TO(i) (!lower ? m : (i) + offset + 1 < 0 ? 0 : (i) + offset + 1 < m ? (i) + offset + 1 : m)
    for (npy_intp i = 0; i < n; i++) shape[1] += TO(i) - FROM(i);
    PyObject *y = new_array(2, shape, NPY_INT64);
    if (!y) return NULL;
    npy_int64 *rows = DATA(npy_int64, y), *columns = rows + shape[1];
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp j = FROM(i), end = TO(i); j < end; j++) {
            *rows++ = i;
            *columns++ = j;
        }
    return y;
#undef FROM
#undef TO
}

CLONES static void powers(double first, double step, double last, double log_base, npy_intp n,
                          float *to)
{
    for (npy_intp i = 0; i < n; i++) {
        const double at = i < n / 2 ? first + step * (double)i : last - step * (double)(n - 1 - i);
        to[i] = (float)exp(at * log_base);
    }
}

/* logspace32(start, end, steps, base) for moderate numbers: exp in double precision is exact to
   more than float32 can tell. */
static PyObject *logspace32(PyObject *const *args, Py_ssize_t nargs)
{
    double start, end, base;
    npy_intp n;
    if (nargs != 4 || !as_double(args[0], &start) || !as_double(args[1], &end)
        || !as_index(args[2], &n) || !as_double(args[3], &base) || n < 2 || !(base > 0.0))
        DECLINE;
    const double log_base = log(base), most = 80.0 / (fabs(log_base) + 1e-3);
    if (!(fabs(start) < most && fabs(end) < most)) DECLINE;
    PyObject *y = new_array(1, &n, NPY_FLOAT32);
    if (!y) return NULL;
    THREADS_BEGIN(n);
    powers(start, (end - start) / (double)(n - 1), end, log_base, n, DATA(float, y));
    THREADS_END;
    return y;
}

const Row make_rows[] = {
    {"make.arange", arange},
    {"make.linspace32", linspace32},
    {"make.eye", eye},
    {"make.full", full},
    {"make.filled", full},
    {"make.floats32", floats32},
    {"make.logspace32", logspace32},
    {"make.triangle", triangle},
    {NULL, NULL},
};
