/* Pooling of one type of numbers T: included by pool.c for float and for double.

   A row of results is made tap by tap, so that inner loops run along contiguous results. The first
   maximum of a window wins, a NaN wins over everything and the last one over the others. */

/* Along one row: best[o] and, unless place is NULL, where it is in the plane, from taps at
   x[o * stride + offset]. Places have the width of T, so that both fit one vector loop. */
INLINE void NAME(best_of)(const T *from, T *best, P *place, P at, const P s, npy_intp low,
                          npy_intp high)
{
    if (place == NULL) {
        for (npy_intp o = low; o < high; o++) {
            const T value = from[s * o], had = best[o];
            best[o] = WINS(value, had) ? value : had;
        }
        return;
    }
    for (npy_intp o = low; o < high; o++) {
        const T value = from[s * o], had = best[o];
        const P was = place[o];
        const int wins = (was < 0) | WINS(value, had);
        best[o] = wins ? value : had;
        place[o] = wins ? at + s * (P)o : was;
    }
}

/* The maxima of one row of windows. */
CLONES static void NAME(max_row)(const Windows *w, const T *plane, npy_intp oz, npy_intp oy,
                                 T *restrict best, P *restrict place)
{
    const npy_intp s = w->stride[2];
    for (npy_intp o = 0; o < w->out[2]; o++) best[o] = -(T)INFINITY;
    if (place)
        for (npy_intp o = 0; o < w->out[2]; o++) place[o] = -1;
    for (npy_intp dz = 0; dz < w->kernel[0]; dz++) {
        const npy_intp z = oz * w->stride[0] - w->pad[0] + dz * w->dilation[0];
        if (z < 0 || z >= w->in[0]) continue;
        for (npy_intp dy = 0; dy < w->kernel[1]; dy++) {
            const npy_intp y = oy * w->stride[1] - w->pad[1] + dy * w->dilation[1];
            if (y < 0 || y >= w->in[1]) continue;
            for (npy_intp dx = 0; dx < w->kernel[2]; dx++) {
                const npy_intp offset = dx * w->dilation[2] - w->pad[2];
                const npy_intp at = (z * w->in[1] + y) * w->in[2] + offset;
                npy_intp low, high;
                inside(offset, s, w->in[2], w->out[2], &low, &high);
                if (s == 1) NAME(best_of)(plane + at, best, place, (P)at, 1, low, high);
                else if (s == 2) NAME(best_of)(plane + at, best, place, (P)at, 2, low, high);
                else NAME(best_of)(plane + at, best, place, (P)at, (P)s, low, high);
            }
        }
    }
}

/* All maxima; where they are, too, if there is a row of scratch for it. */
static void NAME(maxima)(const Windows *w, const T *x, T *best, npy_intp *place, P *scratch)
{
    const npy_intp inner = w->in[0] * w->in[1] * w->in[2], row = w->out[2];
    for (npy_intp p = 0; p < w->planes; p++)
        for (npy_intp oz = 0; oz < w->out[0]; oz++)
            for (npy_intp oy = 0; oy < w->out[1]; oy++) {
                NAME(max_row)(w, x + p * inner, oz, oy, best, scratch);
                best += row;
                if (scratch)
                    for (npy_intp o = 0; o < row; o++) *place++ = scratch[o];
            }
}

/* made[place of the maximum of like] += g, or made = x[place]; with rows of scratch. 0 if `top` is
   not what the maxima are. */
static int NAME(through_maxima)(const Windows *w, const T *g, const T *like, const T *top, T *made,
                                int pick, T *scratch, P *place)
{
    const npy_intp inner = w->in[0] * w->in[1] * w->in[2], row = w->out[2];
    for (npy_intp p = 0; p < w->planes; p++)
        for (npy_intp oz = 0; oz < w->out[0]; oz++)
            for (npy_intp oy = 0; oy < w->out[1]; oy++) {
                NAME(max_row)(w, like + p * inner, oz, oy, scratch, place);
                for (npy_intp o = 0; o < row; o++)
                    if (scratch[o] != top[o] && (scratch[o] == scratch[o] || top[o] == top[o]))
                        return 0;
                top += row;
                if (pick) {
                    for (npy_intp o = 0; o < row; o++) made[o] = g[p * inner + place[o]];
                    made += row;
                } else {
                    for (npy_intp o = 0; o < row; o++) made[p * inner + place[o]] += g[o];
                    g += row;
                }
            }
    return 1;
}

/* Sums of windows divided by their counts; back: each cotangent shared out over its window. */
CLONES static void NAME(mean_row)(const Windows *w, T *plane, npy_intp oz, npy_intp oy, T *row,
                                  int back)
{
    for (npy_intp dz = 0; dz < w->kernel[0]; dz++) {
        const npy_intp z = oz * w->stride[0] - w->pad[0] + dz;
        if (z < 0 || z >= w->in[0]) continue;
        for (npy_intp dy = 0; dy < w->kernel[1]; dy++) {
            const npy_intp y = oy * w->stride[1] - w->pad[1] + dy;
            if (y < 0 || y >= w->in[1]) continue;
            for (npy_intp dx = 0; dx < w->kernel[2]; dx++) {
                const npy_intp s = w->stride[2], offset = dx - w->pad[2];
                npy_intp low, high;
                inside(offset, s, w->in[2], w->out[2], &low, &high);
                T *x = plane + (z * w->in[1] + y) * w->in[2] + offset;
                if (back) {
                    if (s == 1)
                        for (npy_intp o = low; o < high; o++) x[o] += row[o];
                    else
                        for (npy_intp o = low; o < high; o++) x[s * o] += row[o];
                } else if (s == 1)
                    for (npy_intp o = low; o < high; o++) row[o] += x[o];
                else if (s == 2)
                    for (npy_intp o = low; o < high; o++) row[o] += x[2 * o];
                else
                    for (npy_intp o = low; o < high; o++) row[o] += x[s * o];
            }
        }
    }
}

static void NAME(means)(const Windows *w, const T *from, T *to, T *scratch, int back)
{
    const npy_intp inner = w->in[0] * w->in[1] * w->in[2], row = w->out[2];
    for (npy_intp p = 0; p < w->planes; p++)
        for (npy_intp oz = 0; oz < w->out[0]; oz++)
            for (npy_intp oy = 0; oy < w->out[1]; oy++) {
                const npy_intp outer = count(w, 0, oz) * count(w, 1, oy);
                if (back) {
                    for (npy_intp o = 0; o < row; o++) scratch[o] = from[o] / DIVISOR(w, outer, o);
                    NAME(mean_row)(w, to + p * inner, oz, oy, scratch, 1);
                    from += row;
                } else {
                    for (npy_intp o = 0; o < row; o++) to[o] = 0;
                    NAME(mean_row)(w, (T *)from + p * inner, oz, oy, to, 0);
                    for (npy_intp o = 0; o < row; o++) to[o] /= DIVISOR(w, outer, o);
                    to += row;
                }
            }
}

/* Maxima of intervals that cover each dimension evenly, and their places. */
static void NAME(adaptive_maxima)(const Windows *w, const T *x, T *best, npy_intp *place)
{
    const npy_intp inner = w->in[0] * w->in[1] * w->in[2];
    Span a, b, c;
    for (npy_intp p = 0; p < w->planes; p++, x += inner)
        for (npy_intp oz = 0; a = span(w, 0, oz), oz < w->out[0]; oz++)
            for (npy_intp oy = 0; b = span(w, 1, oy), oy < w->out[1]; oy++)
                for (npy_intp ox = 0; c = span(w, 2, ox), ox < w->out[2]; ox++) {
                    npy_intp at = (a.start * w->in[1] + b.start) * w->in[2] + c.start;
                    T most = x[at];
                    for (npy_intp z = a.start; z < a.end; z++)
                        for (npy_intp y = b.start; y < b.end; y++)
                            for (npy_intp i = c.start; i < c.end; i++) {
                                const npy_intp here = (z * w->in[1] + y) * w->in[2] + i;
                                if (WINS(x[here], most)) most = x[here], at = here;
                            }
                    *best++ = most;
                    *place++ = at;
                }
}

/* Means of such intervals; back: each cotangent shared out over its interval. */
static void NAME(adaptive_means)(const Windows *w, const T *from, T *to, int back)
{
    const npy_intp inner = w->in[0] * w->in[1] * w->in[2];
    Span a, b, c;
    for (npy_intp p = 0; p < w->planes; p++)
        for (npy_intp oz = 0; a = span(w, 0, oz), oz < w->out[0]; oz++)
            for (npy_intp oy = 0; b = span(w, 1, oy), oy < w->out[1]; oy++)
                for (npy_intp ox = 0; c = span(w, 2, ox), ox < w->out[2]; ox++) {
                    const T size = (T)((a.end - a.start) * (b.end - b.start) * (c.end - c.start));
                    const T share = back ? *from++ / size : 0;
                    T sum = 0;
                    for (npy_intp z = a.start; z < a.end; z++)
                        for (npy_intp y = b.start; y < b.end; y++) {
                            const npy_intp at = p * inner + (z * w->in[1] + y) * w->in[2];
                            if (back)
                                for (npy_intp i = c.start; i < c.end; i++) to[at + i] += share;
                            else
                                for (npy_intp i = c.start; i < c.end; i++) sum += from[at + i];
                        }
                    if (!back) *to++ = sum / size;
                }
}

/* Maxima of windows that start at random places of a plane, w.in inside and w.out outside; samples:
   a number for each dimension of every plane, and start: memory for all starts. */
static void NAME(fractional_maxima)(const Windows *w, const int *order, int n, const T *x,
                                    const T *samples, T *made, npy_intp *places, npy_intp *start)
{
    npy_intp *begin[3] = {start, start + w->out[0], start + w->out[0] + w->out[1]};
    for (npy_intp p = 0; p < w->planes; p++, x += w->in[0] * w->in[1] * w->in[2], samples += n) {
        for (int d = 0; d < 3; d++) {
            const npy_intp count = w->out[d], spare = w->in[d] - w->kernel[d];
            const T u = d < 3 - n ? 0 : samples[order[d - 3 + n]];
            const T alpha = count > 1 ? (T)spare / (T)(count - 1) : 0;
            for (npy_intp o = 0; o + 1 < count; o++)
                begin[d][o] = (npy_intp)(((T)o + u) * alpha) - (npy_intp)(u * alpha);
            begin[d][count - 1] = spare;
        }
        for (npy_intp a = 0; a < w->out[0]; a++)
            for (npy_intp b = 0; b < w->out[1]; b++)
                for (npy_intp c = 0; c < w->out[2]; c++, made++, places++) {
                    npy_intp found =
                        (begin[0][a] * w->in[1] + begin[1][b]) * w->in[2] + begin[2][c];
                    T best = x[found];
                    for (npy_intp i = 0; i < w->kernel[0]; i++)
                        for (npy_intp j = 0; j < w->kernel[1]; j++)
                            for (npy_intp k = 0; k < w->kernel[2]; k++) {
                                const npy_intp at =
                                    ((begin[0][a] + i) * w->in[1] + begin[1][b] + j) * w->in[2]
                                    + begin[2][c] + k;
                                if (WINS(x[at], best)) {
                                    best = x[at];
                                    found = at;
                                }
                            }
                    *made = best;
                    *places = found;
                }
    }
}
