/* What every compiled kernel is made of.

   A kernel takes arrays and numbers as Python hands them over and returns a new array, or DECLINE:
   then the NumPy function of the same name in chainrule/kernels/, its twin, does the call. So a
   kernel here knows the usual case only (aligned float32 or float64 arrays, mostly dense) and
   checks nothing that its twin does not check: what is unusual, wrong or empty is declined before
   anything was written. */

#ifndef CHAINRULE_KERNEL_H
#define CHAINRULE_KERNEL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL chainrule_array_api
#ifndef CHAINRULE_MODULE
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

typedef PyObject *(*compiled_fn)(PyObject *const *args, Py_ssize_t nargs);

/* A row of a file's table: the twin's path below chainrule.kernels, and the function. */
typedef struct {
    const char *path;
    compiled_fn run;
} Row;

/* Inner loops are compiled for several instruction sets; the loader takes the best the CPU has. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && __GNUC__ >= 12               \
    && !defined(__clang__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define CLONED
#else
#define CLONES
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static __inline
#endif

#define DECLINE return Py_NewRef(Py_NotImplemented)

/* Elements from which a kernel lets other Python threads run meanwhile. */
#define LONG 32768
#define THREADS_BEGIN(n) PyThreadState *saved_ = (n) >= LONG ? PyEval_SaveThread() : NULL
#define THREADS_END                                                                                \
    if (saved_) PyEval_RestoreThread(saved_)

/* An aligned array of this type in native byte order, with one dimension at least. */
INLINE int is_array(PyObject *o, int type)
{
    return PyArray_CheckExact(o) && PyArray_TYPE((PyArrayObject *)o) == type
           && PyArray_NDIM((PyArrayObject *)o) > 0 && PyArray_ISBEHAVED_RO((PyArrayObject *)o);
}

/* The same, with its elements in the order of C. */
INLINE int is_dense(PyObject *o, int type)
{ return is_array(o, type) && PyArray_IS_C_CONTIGUOUS((PyArrayObject *)o); }

#define ARRAY(o) ((PyArrayObject *)(o))
#define DATA(type, o) ((type *)PyArray_DATA(ARRAY(o)))
#define SIZE(o) PyArray_SIZE(ARRAY(o))
#define SAME_SHAPE(a, b) PyArray_SAMESHAPE(ARRAY(a), ARRAY(b))

/* A new array in the order of C. */
INLINE PyObject *new_array(int nd, const npy_intp *shape, int type)
{ return PyArray_SimpleNew(nd, shape, type); }

#define NEW_LIKE(o)                                                                                \
    new_array(PyArray_NDIM(ARRAY(o)), PyArray_DIMS(ARRAY(o)), PyArray_TYPE(ARRAY(o)))

/* A number among the arguments; 0 if it is none, with no error left behind. */
INLINE int as_double(PyObject *o, double *value)
{
    if (PyFloat_CheckExact(o)) {
        *value = PyFloat_AS_DOUBLE(o);
        return 1;
    }
    if (!PyLong_CheckExact(o)) return 0;
    *value = PyLong_AsDouble(o);
    if (*value == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return 1;
}

INLINE int as_index(PyObject *o, npy_intp *value)
{
    if (!PyLong_CheckExact(o)) return 0;
    *value = PyLong_AsSsize_t(o);
    if (*value == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return 1;
}

/* The array itself, or a copy of it in the order of C. */
INLINE PyObject *dense_of(PyObject *x)
{
    if (PyArray_IS_C_CONTIGUOUS(ARRAY(x))) return Py_NewRef(x);
    return PyArray_NewCopy(ARRAY(x), NPY_CORDER);
}

/* A tuple of two results, whose references it takes; NULL if one of them is missing. */
INLINE PyObject *pair_of(PyObject *a, PyObject *b)
{
    PyObject *made = a && b ? PyTuple_New(2) : NULL;
    if (!made) {
        Py_XDECREF(a);
        Py_XDECREF(b);
        return NULL;
    }
    PyTuple_SET_ITEM(made, 0, a);
    PyTuple_SET_ITEM(made, 1, b);
    return made;
}

/* ---- elementwise functions: written as one loop over dense memory */

typedef void (*map32)(const float *x, float *y, npy_intp n);

/* y = f(x) for float32 of any strides; the result is dense in the order of x. */
INLINE PyObject *map_float32(map32 f, PyObject *x)
{
    if (!is_array(x, NPY_FLOAT32)) DECLINE;
    PyObject *y;
    const float *from;
    if (PyArray_IS_C_CONTIGUOUS(ARRAY(x))) {
        if (!(y = NEW_LIKE(x))) return NULL;
        from = DATA(float, x);
    } else {
        if (!(y = PyArray_NewCopy(ARRAY(x), NPY_KEEPORDER))) return NULL;
        from = DATA(float, y);
    }
    npy_intp n = SIZE(y);
    THREADS_BEGIN(n);
    f(from, DATA(float, y), n);
    THREADS_END;
    return y;
}

/* MAP32(name, expression of x): the loop, and the kernel of one argument. */
#define MAP32(name, expression)                                                                    \
    CLONES static void name##_loop(const float *from, float *to, npy_intp n)                       \
    {                                                                                              \
        for (npy_intp i = 0; i < n; i++) {                                                         \
            const float x = from[i];                                                               \
            to[i] = (expression);                                                                  \
        }                                                                                          \
    }                                                                                              \
    static PyObject *name(PyObject *const *args, Py_ssize_t nargs)                                 \
    {                                                                                              \
        if (nargs != 1) DECLINE;                                                                   \
        return map_float32(name##_loop, args[0]);                                                  \
    }

#endif
