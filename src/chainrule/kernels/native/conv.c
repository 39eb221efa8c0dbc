/* Small convolutions, directly from their definition: kernels/conv.py. Large ones are products of
   matrices, which the twins do. */

#include "windows.h"

/* y[image, o] and x[image, c] are planes of out and in numbers, w[o, c] is one of kernel numbers;
   `inputs` are those of a group. */
typedef struct {
    npy_intp images, outputs, inputs, groups;
    npy_intp in[3], out[3], kernel[3], stride[3], pad[3], dilation[3];
} Form;

enum { FORWARD, INPUT, WEIGHT };

/* Multiplications up to which the direct way is quicker than building columns. */
#define FEW 60000

/* Results that are computed side by side; rows that are too short for it. */
#define BLOCK 16
#define NARROW 8

/* What the blocks see of one image and group: `size` is that of an input with its padding. */
typedef struct {
    npy_intp outputs, inputs, taps;
    npy_intp in[3], out[3], size[3], kernel[3], stride[3], pad[3], dilation[3];
} Wide;

#define T float
#define NAME(x) x##_float
#include "conv_loops.h"
#undef T
#undef NAME
#define T double
#define NAME(x) x##_double
#include "conv_loops.h"
#undef T
#undef NAME

/* The pooled dimensions of a dense array (a, b, *spatial). */
static int read_operand(PyObject *x, int type, int n, npy_intp *a, npy_intp *b, npy_intp *spatial)
{
    if (!PyArray_CheckExact(x) || !is_dense(x, type) || PyArray_NDIM(ARRAY(x)) != n + 2 || !SIZE(x))
        return 0;
    *a = PyArray_DIM(ARRAY(x), 0);
    *b = PyArray_DIM(ARRAY(x), 1);
    for (int i = 0; i < 3; i++) spatial[i] = 1;
    for (int i = 0; i < n; i++) spatial[3 - n + i] = PyArray_DIM(ARRAY(x), 2 + i);
    return 1;
}

/* (size, stride, padding, dilation, groups): the form without its operands; `size` goes to one of
   them. Returns the number of spatial dimensions, or 0. */
static int read_geometry(PyObject *const *args, Form *f, npy_intp *size)
{
    const int n = PyTuple_CheckExact(args[0]) ? (int)PyTuple_GET_SIZE(args[0]) : 0;
    if (n < 1 || n > 3 || !read_ints(args[0], n, 1, size) || !read_ints(args[1], n, 1, f->stride)
        || !read_ints(args[2], n, 0, f->pad) || !read_ints(args[3], n, 1, f->dilation)
        || !as_index(args[4], &f->groups) || f->groups < 1)
        return 0;
    return size[0] > 0 && size[1] > 0 && size[2] > 0 ? n : 0;
}

static npy_intp multiplications(const Form *f)
{
    return f->images * f->outputs * f->inputs * f->out[0] * f->out[1] * f->out[2] * f->kernel[0]
           * f->kernel[1] * f->kernel[2];
}

static int float_type(PyObject *x)
{
    if (!PyArray_CheckExact(x)) return -1;
    const int type = PyArray_TYPE(ARRAY(x));
    return type == NPY_FLOAT32 || type == NPY_FLOAT64 ? type : -1;
}

static PyObject *made_of(npy_intp a, npy_intp b, const npy_intp *spatial, int n, int type)
{
    npy_intp shape[5] = {a, b};
    for (int i = 0; i < n; i++) shape[2 + i] = spatial[3 - n + i];
    return PyArray_ZEROS(n + 2, shape, type, 0);
}

/* y += w x, x += w y or w += y x by blocks: 1 done, 0 another way is needed, -1 no memory. */
static int run_blocks(const Form *f, int what, int type, PyObject *y, PyObject *x, PyObject *w)
{
    const int turned = what == INPUT;
    Wide v = {.taps = f->kernel[0] * f->kernel[1] * f->kernel[2]};
    const npy_intp outputs = f->outputs / f->groups;
    v.outputs = turned ? f->inputs : outputs;
    v.inputs = turned ? outputs : f->inputs;
    npy_intp numbers = v.inputs;
    for (int d = 0; d < 3; d++) {
        v.in[d] = turned ? f->out[d] : f->in[d];
        v.out[d] = turned ? f->in[d] : f->out[d];
        v.kernel[d] = f->kernel[d];
        v.dilation[d] = f->dilation[d];
        v.stride[d] = f->stride[d];
        const npy_intp reach = f->dilation[d] * (f->kernel[d] - 1);
        v.pad[d] = turned ? reach - f->pad[d] : f->pad[d];
        v.size[d] = (v.out[d] - 1) * v.stride[d] + reach + 1;
        if (v.pad[d] < 0 || ((turned || d == 2) && f->stride[d] != 1)) return 0;
        if (v.size[d] < v.in[d] + v.pad[d]) v.size[d] = v.in[d] + v.pad[d];
        if (d == 2 && v.out[d] <= NARROW) return 0;
        if (d == 2) v.size[d] += BLOCK;
        numbers *= v.size[d];
    }
    const size_t width = type == NPY_FLOAT32 ? sizeof(float) : sizeof(double);
    npy_intp own = v.outputs * v.inputs * v.taps; /* weights turned around, or rows of y */
    if (what == WEIGHT) own = v.outputs * v.out[0] * v.out[1] * (v.out[2] + BLOCK);
    char *wide = PyMem_Malloc((numbers + own) * width);
    if (!wide) return -1;
    void *more = wide + numbers * width;
    PyObject *from = turned ? y : x, *to = turned ? x : y;
    if (type == NPY_FLOAT32) {
        if (what == WEIGHT)
            weight_by_blocks_float(f, &v, DATA(float, x), DATA(float, y), DATA(float, w),
                                   (float *)wide, more);
        else
            by_blocks_float(f, &v, DATA(float, from), DATA(float, w), DATA(float, to),
                            (float *)wide, more, turned);
    } else {
        if (what == WEIGHT)
            weight_by_blocks_double(f, &v, DATA(double, x), DATA(double, y), DATA(double, w),
                                    (double *)wide, more);
        else
            by_blocks_double(f, &v, DATA(double, from), DATA(double, w), DATA(double, to),
                             (double *)wide, more, turned);
    }
    PyMem_Free(wide);
    return 1;
}

/* The operand that is made, from the two others; it is given up where there is no memory. */
static PyObject *run(const Form *f, int what, int type, PyObject *y, PyObject *x, PyObject *w)
{
    PyObject *made = what == FORWARD ? y : what == INPUT ? x : w;
    const int done = run_blocks(f, what, type, y, x, w);
    if (done > 0) return made;
    if (done < 0) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    if (type == NPY_FLOAT32)
        trilinear_float(f, what, DATA(float, y), DATA(float, x), DATA(float, w));
    else trilinear_double(f, what, DATA(double, y), DATA(double, x), DATA(double, w));
    return made;
}

/* Each plane of y begins with its number of the bias. */
static void begin(const Form *f, int type, PyObject *y, PyObject *bias)
{
    const npy_intp plane = f->out[0] * f->out[1] * f->out[2];
    for (npy_intp i = 0; i < f->images * f->outputs; i++)
        for (npy_intp p = 0; p < plane; p++)
            if (type == NPY_FLOAT32)
                DATA(float, y)[i * plane + p] = DATA(float, bias)[i % f->outputs];
            else DATA(double, y)[i * plane + p] = DATA(double, bias)[i % f->outputs];
}

/* convolution(x, w, size, stride, padding, dilation, groups[, bias]) */
static PyObject *convolution_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Form f;
    npy_intp channels;
    const int type = nargs == 7 || nargs == 8 ? float_type(args[0]) : -1;
    if (type < 0) DECLINE;
    const int n = read_geometry(args + 2, &f, f.out);
    if (!n || !read_operand(args[0], type, n, &f.images, &channels, f.in)
        || !read_operand(args[1], type, n, &f.outputs, &f.inputs, f.kernel))
        DECLINE;
    if (channels != f.inputs * f.groups || f.outputs % f.groups || multiplications(&f) > FEW)
        DECLINE;
    PyObject *bias = nargs == 8 && args[7] != Py_None ? args[7] : NULL;
    if (bias && (!PyArray_CheckExact(bias) || !is_dense(bias, type) || SIZE(bias) != f.outputs))
        DECLINE;
    PyObject *y = made_of(f.images, f.outputs, f.out, n, type);
    if (!y) return NULL;
    if (bias) begin(&f, type, y, bias);
    return run(&f, FORWARD, type, y, args[0], args[1]);
}

/* convolution_input(y, w, size, stride, padding, dilation, groups) */
static PyObject *convolution_input_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Form f;
    npy_intp channels;
    const int type = nargs == 7 ? float_type(args[0]) : -1;
    if (type < 0) DECLINE;
    const int n = read_geometry(args + 2, &f, f.in);
    if (!n || !read_operand(args[0], type, n, &f.images, &channels, f.out)
        || !read_operand(args[1], type, n, &f.outputs, &f.inputs, f.kernel))
        DECLINE;
    if (channels != f.outputs || f.outputs % f.groups || multiplications(&f) > FEW) DECLINE;
    PyObject *x = made_of(f.images, f.inputs * f.groups, f.in, n, type);
    return x ? run(&f, INPUT, type, args[0], x, args[1]) : NULL;
}

/* convolution_weight(y, x, size, stride, padding, dilation, groups) */
static PyObject *convolution_weight_kernel(PyObject *const *args, Py_ssize_t nargs)
{
    Form f;
    npy_intp again, channels;
    const int type = nargs == 7 ? float_type(args[0]) : -1;
    if (type < 0) DECLINE;
    const int n = read_geometry(args + 2, &f, f.kernel);
    if (!n || !read_operand(args[0], type, n, &f.images, &f.outputs, f.out)
        || !read_operand(args[1], type, n, &again, &channels, f.in))
        DECLINE;
    f.inputs = channels / f.groups;
    if (again != f.images || channels % f.groups || f.outputs % f.groups
        || multiplications(&f) > FEW)
        DECLINE;
    PyObject *w = made_of(f.outputs, f.inputs, f.kernel, n, type);
    return w ? run(&f, WEIGHT, type, args[0], args[1], w) : NULL;
}

const Row conv_rows[] = {
    {"conv.convolution", convolution_kernel},
    {"conv.convolution_input", convolution_input_kernel},
    {"conv.convolution_weight", convolution_weight_kernel},
    {NULL, NULL},
};
