/* The trilinear form of convolution for one type of numbers T: included by conv.c. */

/* One row: y += w x, x += w y, or the inner product of the two; y is dense, x has steps of s. */
INLINE void NAME(row_forward)(T *y, const T *x, T w, npy_intp n, npy_intp s)
{
    if (s == 1)
        for (npy_intp i = 0; i < n; i++) y[i] += w * x[i];
    else
        for (npy_intp i = 0; i < n; i++) y[i] += w * x[i * s];
}

INLINE void NAME(row_input)(const T *y, T *x, T w, npy_intp n, npy_intp s)
{
    if (s == 1)
        for (npy_intp i = 0; i < n; i++) x[i] += w * y[i];
    else
        for (npy_intp i = 0; i < n; i++) x[i * s] += w * y[i];
}

INLINE T NAME(row_weight)(const T *y, const T *x, npy_intp n, npy_intp s)
{
    T sum = 0;
    for (npy_intp i = 0; i < n; i++) sum += y[i] * x[i * s];
    return sum;
}

/* What is left out of y, x and w is made (it begins with zeros, or the bias): y[o] from w[o, c] and
   x[c] for each image, group, output o and input c of the group, and so on. */
CLONES static void NAME(trilinear)(const Form *f, int what, T *y, T *x, T *w)
{
    const npy_intp y_plane = f->out[0] * f->out[1] * f->out[2],
                   x_plane = f->in[0] * f->in[1] * f->in[2];
    const npy_intp taps = f->kernel[0] * f->kernel[1] * f->kernel[2], s = f->stride[2];
    for (npy_intp image = 0; image < f->images; image++)
        for (npy_intp o = 0; o < f->outputs; o++)
            for (npy_intp c = 0; c < f->inputs; c++) {
                const npy_intp channel = o / (f->outputs / f->groups) * f->inputs + c;
                T *yo = y + (image * f->outputs + o) * y_plane;
                T *xc = x + (image * f->inputs * f->groups + channel) * x_plane;
                T *wt = w + (o * f->inputs + c) * taps;
                for (npy_intp dz = 0; dz < f->kernel[0]; dz++)
                    for (npy_intp dy = 0; dy < f->kernel[1]; dy++)
                        for (npy_intp dx = 0; dx < f->kernel[2]; dx++, wt++) {
                            const npy_intp z0 = dz * f->dilation[0] - f->pad[0];
                            const npy_intp y0 = dy * f->dilation[1] - f->pad[1];
                            const npy_intp x0 = dx * f->dilation[2] - f->pad[2];
                            npy_intp za, zb, ya, yb, xa, xb;
                            inside(z0, f->stride[0], f->in[0], f->out[0], &za, &zb);
                            inside(y0, f->stride[1], f->in[1], f->out[1], &ya, &yb);
                            inside(x0, s, f->in[2], f->out[2], &xa, &xb);
                            T sum = 0;
                            for (npy_intp z = za; z < zb; z++)
                                for (npy_intp v = ya; v < yb; v++) {
                                    T *from = xc
                                              + ((z * f->stride[0] + z0) * f->in[1]
                                                 + v * f->stride[1] + y0)
                                                    * f->in[2]
                                              + xa * s + x0;
                                    T *to = yo + (z * f->out[1] + v) * f->out[2] + xa;
                                    if (what == FORWARD)
                                        NAME(row_forward)(to, from, *wt, xb - xa, s);
                                    else if (what == INPUT)
                                        NAME(row_input)(to, from, *wt, xb - xa, s);
                                    else sum += NAME(row_weight)(to, from, xb - xa, s);
                                }
                            if (what == WEIGHT) *wt += sum;
                        }
            }
}

/* y[o] += the sum over c of w[o, c] x[c] for one image and one group, with steps of 1 in the last
   dimension: x lies with its padding in `wide`, whose rows end in BLOCK numbers more, and BLOCK
   neighbouring results of four outputs are kept in registers while channels and taps are gone
   through. */
CLONES static void NAME(blocks)(const Wide *v, const T *wide, const T *w, T *y)
{
    const npy_intp plane = v->out[0] * v->out[1] * v->out[2], all = v->inputs * v->taps;
    for (npy_intp o = 0; o < v->outputs; o += 4) {
        const npy_intp four = v->outputs - o < 4 ? v->outputs - o : 4;
        const T *from[4]; /* weights of the four; the last again where there are fewer */
        for (npy_intp q = 0; q < 4; q++) from[q] = w + (o + (q < four ? q : four - 1)) * all;
        for (npy_intp z = 0; z < v->out[0]; z++)
            for (npy_intp r = 0; r < v->out[1]; r++)
                for (npy_intp first = 0; first < v->out[2]; first += BLOCK) {
                    T a[BLOCK] = {0}, b[BLOCK] = {0}, c[BLOCK] = {0}, d[BLOCK] = {0};
                    npy_intp t = 0;
                    for (npy_intp i = 0; i < v->inputs; i++)
                        for (npy_intp dz = 0; dz < v->kernel[0]; dz++)
                            for (npy_intp dy = 0; dy < v->kernel[1]; dy++) {
                                const T *row =
                                    wide + first
                                    + ((i * v->size[0] + z * v->stride[0] + dz * v->dilation[0])
                                           * v->size[1]
                                       + r * v->stride[1] + dy * v->dilation[1])
                                          * v->size[2];
                                for (npy_intp dx = 0; dx < v->kernel[2];
                                     dx++, t++, row += v->dilation[2]) {
                                    const T wa = from[0][t], wb = from[1][t], wc = from[2][t],
                                            wd = from[3][t];
                                    for (int j = 0; j < BLOCK; j++) {
                                        const T x = row[j];
                                        a[j] += wa * x;
                                        b[j] += wb * x;
                                        c[j] += wc * x;
                                        d[j] += wd * x;
                                    }
                                }
                            }
                    const T *sums[4] = {a, b, c, d};
                    const npy_intp rest = v->out[2] - first, count = rest < BLOCK ? rest : BLOCK;
                    for (npy_intp q = 0; q < four; q++) {
                        T *to = y + (o + q) * plane + (z * v->out[1] + r) * v->out[2] + first;
                        for (npy_intp j = 0; j < count; j++) to[j] += sums[q][j];
                    }
                }
    }
}

/* The numbers of one image and group put between their padding. */
static void NAME(widened)(const Wide *v, const T *x, T *wide)
{
    for (npy_intp c = 0; c < v->inputs; c++)
        for (npy_intp z = 0; z < v->in[0]; z++)
            for (npy_intp r = 0; r < v->in[1]; r++, x += v->in[2]) {
                const npy_intp at = (c * v->size[0] + z + v->pad[0]) * v->size[1] + r + v->pad[1];
                memcpy(wide + at * v->size[2] + v->pad[2], x, v->in[2] * sizeof(T));
            }
}

/* The same for all images and groups: `x` is copied into `wide`; `turned` exchanges the roles of
   outputs and inputs of the weight and turns its taps around (the transposed convolution). */
static void NAME(by_blocks)(const Form *f, const Wide *v, const T *x, const T *w, T *y, T *wide,
                            T *own, int turned)
{
    const npy_intp plane = v->in[0] * v->in[1] * v->in[2], made = v->out[0] * v->out[1] * v->out[2];
    const npy_intp all = v->inputs * v->size[0] * v->size[1] * v->size[2];
    for (npy_intp i = 0; i < all; i++) wide[i] = 0;
    for (npy_intp group = 0; group < f->groups; group++) {
        const T *weights = w + group * v->outputs * v->inputs * v->taps;
        if (turned) {
            for (npy_intp o = 0; o < v->outputs; o++)
                for (npy_intp c = 0; c < v->inputs; c++)
                    for (npy_intp t = 0; t < v->taps; t++)
                        own[(o * v->inputs + c) * v->taps + t] =
                            weights[(c * v->outputs + o + 1) * v->taps - 1 - t];
            weights = own;
        }
        for (npy_intp image = 0; image < f->images; image++) {
            NAME(widened)(v, x + (image * f->groups + group) * v->inputs * plane, wide);
            NAME(blocks)(v, wide, weights, y + (image * f->groups + group) * v->outputs * made);
        }
    }
}

/* w[o, c, t] += the inner product of y[o] and x[c] at tap t, for one image and one group; y lies in
   rows of `row` numbers, zeros at their end. */
CLONES static void NAME(weight_blocks)(const Wide *v, const T *wide, const T *y, npy_intp row, T *w)
{
    for (npy_intp o = 0; o < v->outputs; o++, y += v->out[0] * v->out[1] * row)
        for (npy_intp i = 0; i < v->inputs; i++)
            for (npy_intp dz = 0; dz < v->kernel[0]; dz++)
                for (npy_intp dy = 0; dy < v->kernel[1]; dy++)
                    for (npy_intp dx = 0; dx < v->kernel[2]; dx++, w++) {
                        T sums[BLOCK] = {0}, sum = 0;
                        for (npy_intp z = 0; z < v->out[0]; z++)
                            for (npy_intp r = 0; r < v->out[1]; r++) {
                                const T *a = y + (z * v->out[1] + r) * row;
                                const T *b =
                                    wide + dx * v->dilation[2]
                                    + ((i * v->size[0] + z * v->stride[0] + dz * v->dilation[0])
                                           * v->size[1]
                                       + r * v->stride[1] + dy * v->dilation[1])
                                          * v->size[2];
                                for (npy_intp first = 0; first < row; first += BLOCK)
                                    for (int j = 0; j < BLOCK; j++)
                                        sums[j] += a[first + j] * b[first + j];
                            }
                        for (int j = 0; j < BLOCK; j++) sum += sums[j];
                        *w += sum;
                    }
}

/* The same for all images and groups; `own` holds the rows of y. */
static void NAME(weight_by_blocks)(const Form *f, const Wide *v, const T *x, const T *y, T *w,
                                   T *wide, T *own)
{
    const npy_intp plane = v->in[0] * v->in[1] * v->in[2],
                   rows = v->outputs * v->out[0] * v->out[1];
    const npy_intp all = v->inputs * v->size[0] * v->size[1] * v->size[2];
    const npy_intp row = (v->out[2] + BLOCK - 1) / BLOCK * BLOCK;
    for (npy_intp i = 0; i < all; i++) wide[i] = 0;
    for (npy_intp i = 0; i < rows * row; i++) own[i] = 0;
    for (npy_intp group = 0; group < f->groups; group++)
        for (npy_intp image = 0; image < f->images; image++) {
            const npy_intp which = image * f->groups + group;
            NAME(widened)(v, x + which * v->inputs * plane, wide);
            for (npy_intp r = 0; r < rows; r++)
                memcpy(own + r * row, y + (which * rows + r) * v->out[2], v->out[2] * sizeof(T));
            NAME(weight_blocks)(v, wide, own, row, w + group * v->outputs * v->inputs * v->taps);
        }
}
