/* Arrays on the memory of others: kernels/shape.py. NumPy's own ways to a view cost up to 5 us. */

#include "kernel.h"

/* A view of `x`; with `strides` NULL, in the order of C. */
static PyObject *view_of(PyObject *x, int nd, const npy_intp *shape, const npy_intp *strides,
                         npy_intp offset, int writeable)
{
    PyArray_Descr *dtype = PyArray_DESCR(ARRAY(x));
    int flags = PyArray_FLAGS(ARRAY(x)) & (NPY_ARRAY_ALIGNED | NPY_ARRAY_WRITEABLE);
    if (!writeable) flags &= ~NPY_ARRAY_WRITEABLE;
    if (!strides) flags |= NPY_ARRAY_C_CONTIGUOUS;
    Py_INCREF(dtype);
    PyObject *made = PyArray_NewFromDescr(&PyArray_Type, dtype, nd, shape, strides,
                                          PyArray_BYTES(ARRAY(x)) + offset, flags, NULL);
    if (made && PyArray_SetBaseObject(ARRAY(made), Py_NewRef(x)) < 0) Py_CLEAR(made);
    return made;
}

/* Numbers of a tuple or list; their count, or -1 where there is something else. */
static int sizes_from(PyObject *o, npy_intp *sizes)
{
    int tuple = PyTuple_CheckExact(o);
    if (!tuple && !PyList_CheckExact(o)) return -1;
    Py_ssize_t n = tuple ? PyTuple_GET_SIZE(o) : PyList_GET_SIZE(o);
    if (n > NPY_MAXDIMS) return -1;
    for (Py_ssize_t i = 0; i < n; i++)
        if (!as_index(tuple ? PyTuple_GET_ITEM(o, i) : PyList_GET_ITEM(o, i), sizes + i)) return -1;
    return (int)n;
}

/* A dimension of `x`, counted from 0. */
static int dim_from(PyObject *o, PyObject *x, npy_intp *dim)
{ return as_index(o, dim) && *dim >= 0 && *dim < PyArray_NDIM(ARRAY(x)); }

/* reshaped(x, sizes): sizes as PyTorch takes them, one number, several, or one tuple. */
static PyObject *reshaped(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp sizes[NPY_MAXDIMS];
    if (nargs != 2 || !PyArray_CheckExact(args[0]) || !PyArray_IS_C_CONTIGUOUS(ARRAY(args[0]))
        || !PyTuple_CheckExact(args[1]) || PyTuple_GET_SIZE(args[1]) == 0)
        DECLINE;
    PyObject *given = args[1], *first = PyTuple_GET_ITEM(given, 0);
    if (PyTuple_GET_SIZE(given) == 1 && !PyLong_CheckExact(first)) given = first;
    int n = sizes_from(given, sizes), hole = -1;
    if (n < 0) DECLINE;
    npy_intp size = SIZE(args[0]), known = 1;
    for (int i = 0; i < n; i++) {
        if (sizes[i] > 0) {
            if (known > size) DECLINE;
            known *= sizes[i];
        } else if (sizes[i] == -1 && hole < 0) {
            hole = i;
        } else {
            DECLINE;
        }
    }
    if (hole >= 0) {
        if (!size || size % known) DECLINE;
        sizes[hole] = size / known;
    } else if (known != size) {
        DECLINE;
    }
    return view_of(args[0], n, sizes, NULL, 0, 1);
}

/* expand(x, shape), where -1 leaves a size as it is: what is repeated is read-only. */
static PyObject *expand(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    if (nargs != 2 || !PyArray_CheckExact(args[0])) DECLINE;
    PyObject *x = args[0];
    int have = PyArray_NDIM(ARRAY(x)), n = sizes_from(args[1], shape), extra = n - have,
        repeats = 0;
    if (n < 0 || extra < 0) DECLINE;
    for (int i = 0; i < n; i++) {
        npy_intp was = i < extra ? 1 : PyArray_DIM(ARRAY(x), i - extra);
        if (shape[i] == -1 && i >= extra) shape[i] = was;
        if (shape[i] == was) {
            strides[i] = i < extra ? 0 : PyArray_STRIDE(ARRAY(x), i - extra);
        } else if (was == 1 && shape[i] >= 0) {
            strides[i] = 0;
            repeats = 1;
        } else {
            DECLINE;
        }
    }
    if (!extra && !repeats) return Py_NewRef(x);
    return view_of(x, n, shape, strides, 0, !repeats);
}

/* select(x, dim, index): the slice at one index, without the dimension. */
static PyObject *select_at(PyObject *x, int dim, npy_intp index)
{
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    int n = PyArray_NDIM(ARRAY(x)), k = 0;
    for (int i = 0; i < n; i++)
        if (i != dim) {
            shape[k] = PyArray_DIM(ARRAY(x), i);
            strides[k++] = PyArray_STRIDE(ARRAY(x), i);
        }
    return view_of(x, k, shape, strides, index * PyArray_STRIDE(ARRAY(x), dim), 1);
}

static PyObject *select_(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, index;
    if (nargs != 3 || !PyArray_CheckExact(args[0]) || !dim_from(args[1], args[0], &dim)
        || !as_index(args[2], &index) || index < 0 || index >= PyArray_DIM(ARRAY(args[0]), dim))
        DECLINE;
    return select_at(args[0], (int)dim, index);
}

/* unbind(x, dim): all of them. */
static PyObject *unbind(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim;
    if (nargs != 2 || !PyArray_CheckExact(args[0]) || !dim_from(args[1], args[0], &dim)) DECLINE;
    npy_intp n = PyArray_DIM(ARRAY(args[0]), dim);
    PyObject *made = PyTuple_New(n);
    for (npy_intp i = 0; made && i < n; i++) {
        PyObject *one = select_at(args[0], (int)dim, i);
        if (one) PyTuple_SET_ITEM(made, i, one);
        else Py_CLEAR(made);
    }
    return made;
}

static PyObject *part_at(PyObject *x, int dim, npy_intp start, npy_intp count, npy_intp step)
{
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    int n = PyArray_NDIM(ARRAY(x));
    for (int i = 0; i < n; i++) {
        shape[i] = PyArray_DIM(ARRAY(x), i);
        strides[i] = PyArray_STRIDE(ARRAY(x), i);
    }
    npy_intp offset = count ? start * strides[dim] : 0;
    shape[dim] = count;
    strides[dim] *= step;
    return view_of(x, n, shape, strides, offset, 1);
}

/* part(x, dim, start, end, step): a range of one dimension. */
static PyObject *part(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, start, end, step;
    if (nargs != 5 || !PyArray_CheckExact(args[0]) || !dim_from(args[1], args[0], &dim)
        || !as_index(args[2], &start) || !as_index(args[3], &end) || !as_index(args[4], &step)
        || start < 0 || end < start || end > PyArray_DIM(ARRAY(args[0]), dim) || step < 1)
        DECLINE;
    return part_at(args[0], (int)dim, start, (end - start + step - 1) / step, step);
}

/* pieces(x, sizes, dim): parts of these sizes, one after the other. */
static PyObject *pieces(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, start = 0, size;
    if (nargs != 3 || !PyArray_CheckExact(args[0]) || !PyTuple_CheckExact(args[1])
        || !dim_from(args[2], args[0], &dim))
        DECLINE;
    Py_ssize_t n = PyTuple_GET_SIZE(args[1]);
    for (Py_ssize_t i = 0; i < n; i++, start += size)
        if (!as_index(PyTuple_GET_ITEM(args[1], i), &size) || size < 0
            || start + size > PyArray_DIM(ARRAY(args[0]), dim))
            DECLINE;
    PyObject *made = PyTuple_New(n);
    start = 0;
    for (Py_ssize_t i = 0; made && i < n; i++, start += size) {
        as_index(PyTuple_GET_ITEM(args[1], i), &size);
        PyObject *one = part_at(args[0], (int)dim, start, size, 1);
        if (one) PyTuple_SET_ITEM(made, i, one);
        else Py_CLEAR(made);
    }
    return made;
}

/* unfolded(x, dimension, size, step): windows along a dimension, as a last one. */
static PyObject *unfolded(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp dim, size, step, shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    if (nargs != 4 || !PyArray_CheckExact(args[0]) || !dim_from(args[1], args[0], &dim)
        || !as_index(args[2], &size) || !as_index(args[3], &step) || size < 0 || step < 1
        || size > PyArray_DIM(ARRAY(args[0]), dim) || PyArray_NDIM(ARRAY(args[0])) >= NPY_MAXDIMS)
        DECLINE;
    int n = PyArray_NDIM(ARRAY(args[0]));
    for (int i = 0; i < n; i++) {
        shape[i] = PyArray_DIM(ARRAY(args[0]), i);
        strides[i] = PyArray_STRIDE(ARRAY(args[0]), i);
    }
    shape[n] = size;
    strides[n] = strides[dim];
    shape[dim] = (shape[dim] - size) / step + 1;
    strides[dim] *= step;
    return view_of(args[0], n + 1, shape, strides, 0, 1);
}

/* diagonal(x, offset, dim1, dim2): the diagonal of two dimensions, as the last one. */
static PyObject *diagonal(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp offset, first, second, shape[NPY_MAXDIMS], strides[NPY_MAXDIMS];
    if (nargs != 4 || !PyArray_CheckExact(args[0]) || !as_index(args[1], &offset)
        || !dim_from(args[2], args[0], &first) || !dim_from(args[3], args[0], &second)
        || first == second || offset == NPY_MIN_INTP)
        DECLINE;
    PyArrayObject *x = ARRAY(args[0]);
    int n = PyArray_NDIM(x), k = 0;
    for (int i = 0; i < n; i++)
        if (i != first && i != second) {
            shape[k] = PyArray_DIM(x, i);
            strides[k++] = PyArray_STRIDE(x, i);
        }
    npy_intp down = offset < 0 ? -offset : 0, right = offset > 0 ? offset : 0;
    npy_intp rows = PyArray_DIM(x, first) - down, cols = PyArray_DIM(x, second) - right;
    npy_intp count = rows < cols ? rows : cols;
    shape[k] = count > 0 ? count : 0;
    strides[k] = PyArray_STRIDE(x, first) + PyArray_STRIDE(x, second);
    npy_intp start = down * PyArray_STRIDE(x, first) + right * PyArray_STRIDE(x, second);
    return view_of(args[0], k + 1, shape, strides, count > 0 ? start : 0, 1);
}

/* strided(x, size, stride, offset): the memory of x through other strides, if it does not end. */
static PyObject *strided(PyObject *const *args, Py_ssize_t nargs)
{
    npy_intp shape[NPY_MAXDIMS], strides[NPY_MAXDIMS], offset;
    if (nargs != 4 || !PyArray_CheckExact(args[0]) || !as_index(args[3], &offset)) DECLINE;
    PyObject *x = args[0], *root = x, *base;
    const int n = sizes_from(args[1], shape);
    if (n < 0 || sizes_from(args[2], strides) != n) DECLINE;
    while ((base = PyArray_BASE(ARRAY(root))) && PyArray_CheckExact(base)) root = base;
    if (PyArray_BASE(ARRAY(root))) DECLINE; /* memory of something else */
    npy_intp reach = PyArray_ITEMSIZE(ARRAY(root));
    for (int i = 0; i < PyArray_NDIM(ARRAY(root)); i++) {
        if (PyArray_STRIDE(ARRAY(root), i) < 0 || !PyArray_DIM(ARRAY(root), i)) DECLINE;
        reach += (PyArray_DIM(ARRAY(root), i) - 1) * PyArray_STRIDE(ARRAY(root), i);
    }
    const npy_intp item = PyArray_ITEMSIZE(ARRAY(x));
    const npy_intp start = PyArray_BYTES(ARRAY(x)) - PyArray_BYTES(ARRAY(root)) + offset * item;
    npy_intp end = start + item;
    int repeats = 0;
    if (offset > reach || offset < -reach || start < 0) DECLINE;
    for (int i = 0; i < n; i++) {
        if (shape[i] < 1 || strides[i] < 0 || (shape[i] > 1 && strides[i] > reach)) DECLINE;
        if (shape[i] > 1 && strides[i] && (shape[i] - 1) > reach / strides[i]) DECLINE;
        repeats |= shape[i] > 1 && !strides[i];
        strides[i] *= item;
        end += (shape[i] - 1) * strides[i];
        if (end > reach) DECLINE;
    }
    return view_of(x, n, shape, strides, offset * item, !repeats);
}

const Row views_rows[] = {
    {"shape.reshaped", reshaped}, {"shape.expand", expand},
    {"shape.select", select_},    {"shape.unbind", unbind},
    {"shape.part", part},         {"shape.pieces", pieces},
    {"shape.unfolded", unfolded}, {"shape.diagonal", diagonal},
    {"shape.strided", strided},   {NULL, NULL},
};
