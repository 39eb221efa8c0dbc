/* Reading images at given places for one type of numbers T: included by grid.c. */

/* One dimension of a place: the lower tap, the part towards the upper one, and by how much that
   moves with the grid. A place that is NaN or too far out has no tap inside. */
INLINE void NAME(along)(const Sampling *s, T c, npy_intp n, npy_intp *low, T *part, T *moves)
{
    const T scale = s->aligned ? (T)(n - 1) / 2 : (T)n / 2;
    c = s->aligned ? (c + 1) * scale : (c + 1) * scale - (T)0.5;
    *moves = scale;
    if (s->padding == REFLECTION) {
        const T first = s->aligned ? 0 : (T)-0.5, span = s->aligned ? (T)(n - 1) : (T)n;
        if (span == 0) {
            c = 0;
            *moves = 0;
        } else {
            const int below = c < first;
            const T far = below ? first - c : c - first, times = FLOOR(far / span),
                    rest = far - times * span;
            const int odd = times != 2 * FLOOR(times / 2);
            c = (odd ? span - rest : rest) + first;
            if (odd != below) *moves = -*moves;
        }
    }
    if (s->padding != ZEROS) {
        if (c <= 0) c = 0, *moves = 0;
        else if (c >= n - 1) c = (T)(n - 1), *moves = 0;
    }
    if (!(c > -2)) c = -2; /* NaN, too */
    if (c > n + 1) c = (T)(n + 1);
    const T lower = s->nearest ? RINT(c) : FLOOR(c);
    *low = (npy_intp)lower;
    *part = s->nearest ? 0 : c - lower;
}

/* out = the values; or, where g is not NULL, to_x and to_grid from the cotangent g. */
static void NAME(sample)(const Sampling *s, const T *x, const T *grid, T *out, const T *g, T *to_x,
                         T *to_grid)
{
    const npy_intp plane = s->in[0] * s->in[1] * s->in[2];
    const int first = 3 - s->n, taps = s->nearest ? 1 : 1 << s->n;
    for (npy_intp image = 0; image < s->images; image++)
        for (npy_intp p = 0; p < s->places; p++) {
            const T *at = grid + (image * s->places + p) * s->n;
            npy_intp low[3] = {0, 0, 0};
            T part[3] = {0, 0, 0}, moves[3] = {0, 0, 0}, to[3] = {0, 0, 0};
            for (int d = first; d < 3; d++)
                NAME(along)(s, at[2 - d], s->in[d], &low[d], &part[d], &moves[d]);
            T *made = out ? out + image * s->channels * s->places + p : NULL;
            if (made)
                for (npy_intp c = 0; c < s->channels; c++) made[c * s->places] = 0;
            for (int tap = 0; tap < taps; tap++) {
                npy_intp place = 0;
                T weight = 1, factor[3] = {1, 1, 1};
                int there = 1;
                for (int d = first; d < 3; d++) {
                    const int up = tap >> (2 - d) & 1;
                    const npy_intp i = low[d] + up;
                    there &= i >= 0 && i < s->in[d];
                    place = place * s->in[d] + i;
                    factor[d] = up ? part[d] : 1 - part[d];
                    weight *= factor[d];
                }
                if (!there) continue;
                const npy_intp from = image * s->channels * plane + place;
                if (made) {
                    for (npy_intp c = 0; c < s->channels; c++)
                        made[c * s->places] += weight * x[from + c * plane];
                    continue;
                }
                T reached = 0;
                const T *gp = g + image * s->channels * s->places + p;
                for (npy_intp c = 0; c < s->channels; c++) {
                    to_x[from + c * plane] += weight * gp[c * s->places];
                    reached += gp[c * s->places] * x[from + c * plane];
                }
                if (s->nearest) continue;
                for (int d = first; d < 3; d++) {
                    T others = tap >> (2 - d) & 1 ? moves[d] : -moves[d];
                    for (int e = first; e < 3; e++) others *= e == d ? 1 : factor[e];
                    to[d] += reached * others;
                }
            }
            if (to_grid)
                for (int d = first; d < 3; d++)
                    to_grid[(image * s->places + p) * s->n + 2 - d] = to[d];
        }
}
