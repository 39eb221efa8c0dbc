/* Scaled dot-product attention of small float32 heads: kernels/attention.py.

   A row of scores is computed from the keys laid across, so that all columns come at once, becomes
   probabilities where it is, and is used up before the next. Larger heads are left to products of
   matrices by BLAS. */

#include "spans.h"

#define MOST (1 << 19) /* multiplications of one kind, up to which this is quicker */
#define LANE 16

typedef struct {
    npy_intp heads, rows, columns, width, of_value; /* q (heads, rows, width), v (.., of_value) */
    npy_intp wide;                                  /* columns, filled up to whole vectors */
    const float *q, *k, *v, *mask;
    npy_intp mask_step; /* from head to head */
    float scale;
    PyObject *held[3]; /* q, k, v in the order of C */
} Heads;

static void let_go(Heads *h)
{
    for (int i = 0; i < 3; i++) Py_CLEAR(h->held[i]);
}

/* up to whole vectors */
INLINE npy_intp filled(npy_intp n)
{ return (n + LANE - 1) / LANE * LANE; }

/* what the shapes of q, k, v, mask, and scale say; 0 for what is not small or empty */
static int shapes_fit(PyObject *const *args, Heads *h)
{
    for (int i = 0; i < 3; i++)
        if (!is_array(args[i], NPY_FLOAT32) || !SIZE(args[i])) return 0;
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    double scale;
    if (nd < 2 || PyArray_NDIM(ARRAY(args[1])) != nd || PyArray_NDIM(ARRAY(args[2])) != nd
        || !as_double(args[4], &scale))
        return 0;
    h->scale = (float)scale;
    h->heads = 1;
    for (int i = 0; i < nd - 2; i++) {
        const npy_intp n = PyArray_DIM(ARRAY(args[0]), i);
        if (PyArray_DIM(ARRAY(args[1]), i) != n || PyArray_DIM(ARRAY(args[2]), i) != n) return 0;
        h->heads *= n;
    }
    h->rows = PyArray_DIM(ARRAY(args[0]), nd - 2);
    h->width = PyArray_DIM(ARRAY(args[0]), nd - 1);
    h->columns = PyArray_DIM(ARRAY(args[1]), nd - 2);
    h->of_value = PyArray_DIM(ARRAY(args[2]), nd - 1);
    h->wide = filled(h->columns);
    if (PyArray_DIM(ARRAY(args[1]), nd - 1) != h->width
        || PyArray_DIM(ARRAY(args[2]), nd - 2) != h->columns)
        return 0;
    const double products = (double)h->heads * (double)h->rows * (double)h->columns;
    if (products * (double)(h->width > h->of_value ? h->width : h->of_value) > MOST) return 0;
    h->mask = NULL;
    h->mask_step = 0;
    if (args[3] == Py_None) return 1;
    const npy_intp one = h->rows * h->columns;
    if (!is_dense(args[3], NPY_FLOAT32)) return 0;
    const int last = PyArray_NDIM(ARRAY(args[3])) - 1;
    if (last < 1 || PyArray_DIM(ARRAY(args[3]), last) != h->columns
        || PyArray_DIM(ARRAY(args[3]), last - 1) != h->rows)
        return 0; /* a mask for all rows or columns alike */
    h->mask = DATA(float, args[3]);
    if (SIZE(args[3]) != one) h->mask_step = one;
    return SIZE(args[3]) == one || SIZE(args[3]) == one * h->heads;
}

/* all that q, k, v, mask, scale say; what is held is to be let go */
static int heads_of(PyObject *const *args, Heads *h)
{
    if (!shapes_fit(args, h)) return 0;
    for (int i = 0; i < 3; i++)
        if (!(h->held[i] = as_dense(args[i]))) {
            let_go(h);
            return 0;
        }
    h->q = DATA(float, h->held[0]);
    h->k = DATA(float, h->held[1]);
    h->v = DATA(float, h->held[2]);
    return 1;
}

#define ROWS 4 /* rows of queries taken together, so that what is read for them is read once */

/* rows of `width` numbers as columns of a matrix with `wide` of them */
INLINE void lay_across(const float *x, float *across, npy_intp n, npy_intp width, npy_intp wide)
{
    for (npy_intp j = 0; j < n; j++)
        for (npy_intp e = 0; e < width; e++) across[e * wide + j] = x[j * width + e];
}

/* the same rows, filled up to `wide` */
INLINE void lay_out(const float *x, float *rows, npy_intp n, npy_intp width, npy_intp wide)
{
    for (npy_intp j = 0; j < n; j++)
        memcpy(rows + j * wide, x + j * width, (size_t)width * sizeof *x);
}

/* y += sum over e < depth of x[e] times row e of m, whose rows have `wide` numbers; x in steps */
INLINE void add_rows(float *restrict y, const float *x, npy_intp step, const float *restrict m,
                     npy_intp depth, npy_intp wide)
{
    npy_intp e = 0;
    for (; e + 4 <= depth; e += 4, m += 4 * wide) {
        const float *at = x + e * step, a = at[0], b = at[step], c = at[2 * step], d = at[3 * step];
        for (npy_intp i = 0; i < wide; i++)
            y[i] += a * m[i] + b * m[wide + i] + (c * m[2 * wide + i] + d * m[3 * wide + i]);
    }
    for (; e < depth; e++, m += wide) {
        const float a = x[e * step];
        for (npy_intp i = 0; i < wide; i++) y[i] += a * m[i];
    }
}

/* y = x m for a few rows of x, `step` apart */
INLINE void times(const float *x, npy_intp step, const float *m, float *y, npy_intp depth,
                  npy_intp wide, int rows)
{
    memset(y, 0, (size_t)(rows * wide) * sizeof *y);
    for (int r = 0; r < rows; r++) add_rows(y + r * wide, x + r * step, 1, m, depth, wide);
}

/* y += x^T m for a few rows of x and m */
INLINE void add_outer(float *y, const float *x, npy_intp step, const float *m, npy_intp n,
                      npy_intp wide, int rows)
{
    for (npy_intp j = 0; j < n; j++) add_rows(y + j * wide, x + j, step, m, rows, wide);
}

/* a row of scores, made probabilities where it is; zeros where everything is masked */
INLINE void make_probabilities(const Heads *h, const float *mask, float *p)
{
    if (mask)
        for (npy_intp j = 0; j < h->columns; j++) p[j] = p[j] * h->scale + mask[j];
    else
        for (npy_intp j = 0; j < h->columns; j++) p[j] *= h->scale;
    float top = largest_row(p, h->columns);
    if (top == -INFINITY) top = 0.0f;
    for (npy_intp j = 0; j < h->wide; j++) p[j] = exp32(p[j] - top);
    const double total = sum_row(p, h->columns);
    const float share = total == 0.0 ? 0.0f : (float)(1.0 / total);
    for (npy_intp j = 0; j < h->columns; j++) p[j] *= share;
}

/* the probabilities of a few rows of queries from number i of a head on */
INLINE void probabilities(const Heads *h, npy_intp head, npy_intp i, const float *keys, float *p,
                          int rows)
{
    const npy_intp at = (head * h->rows + i) * h->width;
    times(h->q + at, h->width, keys, p, h->width, h->wide, rows);
    for (int r = 0; r < rows; r++) {
        const npy_intp row = head * h->mask_step + (i + r) * h->columns;
        make_probabilities(h, h->mask ? h->mask + row : NULL, p + r * h->wide);
    }
}

/* floats of memory for a head: keys, values, and a few rows of probabilities and results */
static size_t room_of(const Heads *h)
{
    const npy_intp deep = filled(h->of_value);
    return (size_t)(h->width * h->wide + h->columns * deep + ROWS * (h->wide + deep));
}

INLINE void few_rows(const Heads *h, npy_intp head, npy_intp i, float *out, float *room, int rows)
{
    const npy_intp deep = filled(h->of_value);
    float *keys = room, *values = keys + h->width * h->wide;
    float *p = values + h->columns * deep, *made = p + ROWS * h->wide;
    probabilities(h, head, i, keys, p, rows);
    times(p, h->wide, values, made, h->columns, deep, rows);
    for (int r = 0; r < rows; r++)
        memcpy(out + ((head * h->rows + i + r) * h->of_value), made + r * deep,
               (size_t)h->of_value * sizeof *out);
}

CLONES static void attention_loop(const Heads *h, float *out, float *room)
{
    const npy_intp columns = h->columns, width = h->width, deep = h->of_value;
    for (npy_intp s = 0; s < h->heads; s++) {
        lay_across(h->k + s * columns * width, room, columns, width, h->wide);
        lay_out(h->v + s * columns * deep, room + width * h->wide, columns, deep, filled(deep));
        npy_intp i = 0;
        for (; i + ROWS <= h->rows; i += ROWS) few_rows(h, s, i, out, room, ROWS);
        for (; i < h->rows; i++) few_rows(h, s, i, out, room, 1);
    }
}

/* attention(q, k, v, mask, scale) */
static PyObject *attention(PyObject *const *args, Py_ssize_t nargs)
{
    Heads h = {0};
    if (nargs != 5 || !heads_of(args, &h)) DECLINE;
    const int nd = PyArray_NDIM(ARRAY(args[0]));
    npy_intp shape[NPY_MAXDIMS];
    for (int i = 0; i < nd - 1; i++) shape[i] = PyArray_DIM(ARRAY(args[0]), i);
    shape[nd - 1] = h.of_value;
    float *room = PyMem_RawCalloc(room_of(&h), sizeof(float));
    PyObject *out = room ? new_array(nd, shape, NPY_FLOAT32) : PyErr_NoMemory();
    if (out) {
        THREADS_BEGIN(h.heads * h.rows * h.columns);
        attention_loop(&h, DATA(float, out), room);
        THREADS_END;
    }
    PyMem_RawFree(room);
    let_go(&h);
    return out;
}

/* Memory of the derivative for a head. */
typedef struct {
    float *keys, *values; /* (width, wide), (of_value, wide) */
    float *key_rows;      /* (columns, filled width) */
    float *gk, *gv;       /* (columns, filled width), (columns, filled of_value) */
    float *p, *d;         /* ROWS of wide each */
    float *q, *g, *gq;    /* ROWS filled up */
} Room;

static size_t lay_room(const Heads *h, float *at, Room *room)
{
    const npy_intp wide = h->wide, width = filled(h->width), deep = filled(h->of_value);
    const float *start = at;
    float **parts[] = {&room->keys, &room->values, &room->key_rows, &room->gk, &room->gv,
                       &room->p,    &room->d,      &room->q,        &room->g,  &room->gq};
    const npy_intp sizes[] = {h->width * wide,    h->of_value * wide, h->columns * width,
                              h->columns * width, h->columns * deep,  ROWS * wide,
                              ROWS * wide,        ROWS * width,       ROWS * deep,
                              ROWS * width};
    npy_intp total = 0;
    for (int i = 0; i < 10; i++) {
        if (start) *parts[i] = at + total;
        total += sizes[i];
    }
    return (size_t)total;
}

/* With d = g v^T: that of the scores is s = p (d - sum of p d); gq = s k scale, gk = s^T q scale,
   gv = p^T g. */
INLINE void few_rows_back(const Heads *h, npy_intp head, npy_intp i, const float *g, float *gq,
                          const Room *room, int rows)
{
    const npy_intp wide = h->wide, width = filled(h->width), deep = filled(h->of_value);
    const npy_intp first = head * h->rows + i;
    lay_out(h->q + first * h->width, room->q, rows, h->width, width);
    lay_out(g + first * h->of_value, room->g, rows, h->of_value, deep);
    probabilities(h, head, i, room->keys, room->p, rows);
    times(room->g, deep, room->values, room->d, h->of_value, wide, rows);
    add_outer(room->gv, room->p, wide, room->g, h->columns, deep, rows);
    for (int r = 0; r < rows; r++) {
        const float *p = room->p + r * wide;
        float *d = room->d + r * wide;
        const float total = (float)sum_products_row(p, d, h->columns);
        for (npy_intp j = 0; j < h->columns; j++) d[j] = p[j] * (d[j] - total) * h->scale;
    }
    times(room->d, wide, room->key_rows, room->gq, h->columns, width, rows);
    for (int r = 0; r < rows; r++)
        memcpy(gq + (first + r) * h->width, room->gq + r * width, (size_t)h->width * sizeof *gq);
    add_outer(room->gk, room->d, wide, room->q, h->columns, width, rows);
}

CLONES static void attention_back_loop(const Heads *h, const float *g, float *gq, float *gk,
                                       float *gv, const Room *room)
{
    const npy_intp columns = h->columns, width = h->width, deep = h->of_value;
    for (npy_intp s = 0; s < h->heads; s++, gk += columns * width, gv += columns * deep) {
        lay_across(h->k + s * columns * width, room->keys, columns, width, h->wide);
        lay_out(h->k + s * columns * width, room->key_rows, columns, width, filled(width));
        lay_across(h->v + s * columns * deep, room->values, columns, deep, h->wide);
        memset(room->gk, 0, (size_t)(columns * filled(width)) * sizeof *gk);
        memset(room->gv, 0, (size_t)(columns * filled(deep)) * sizeof *gv);
        npy_intp i = 0;
        for (; i + ROWS <= h->rows; i += ROWS) few_rows_back(h, s, i, g, gq, room, ROWS);
        for (; i < h->rows; i++) few_rows_back(h, s, i, g, gq, room, 1);
        for (npy_intp j = 0; j < columns; j++) {
            memcpy(gk + j * width, room->gk + j * filled(width), (size_t)width * sizeof *gk);
            memcpy(gv + j * deep, room->gv + j * filled(deep), (size_t)deep * sizeof *gv);
        }
    }
}

/* attention_backward(g, q, k, v, mask, scale): gq, gk, gv */
static PyObject *attention_backward(PyObject *const *args, Py_ssize_t nargs)
{
    Heads h = {0};
    if (nargs != 6 || !heads_of(args + 1, &h)) DECLINE;
    PyObject *g = as_dense(args[0]);
    if (!g || SIZE(g) != h.heads * h.rows * h.of_value) {
        Py_XDECREF(g);
        let_go(&h);
        DECLINE;
    }
    Room parts;
    float *room = PyMem_RawCalloc(lay_room(&h, NULL, &parts), sizeof(float));
    PyObject *made[3] = {NULL}, *all = NULL;
    int whole = room != NULL;
    for (int i = 0; whole && i < 3; i++) whole = (made[i] = NEW_LIKE(h.held[i])) != NULL;
    if (whole) {
        lay_room(&h, room, &parts);
        THREADS_BEGIN(h.heads * h.rows * h.columns);
        attention_back_loop(&h, DATA(float, g), DATA(float, made[0]), DATA(float, made[1]),
                            DATA(float, made[2]), &parts);
        THREADS_END;
        all = PyTuple_Pack(3, made[0], made[1], made[2]);
    } else if (!room) PyErr_NoMemory();
    PyMem_RawFree(room);
    Py_DECREF(g);
    for (int i = 0; i < 3; i++) Py_XDECREF(made[i]);
    let_go(&h);
    return all;
}

const Row attention_rows[] = {
    {"attention.attention", attention},
    {"attention.attention_backward", attention_backward},
    {NULL, NULL},
};
