/* Tables along one dimension, for one type of numbers T: included by along.c. x is (outer, n_in,
   inner), y is (outer, n_out, inner). */

/* y[:, o] = the sum over t of weights[t, o] x[:, places[t, o]]; weights may be NULL for one tap. */
CLONES static void NAME(weighted)(const T *restrict x, T *restrict y, const npy_intp *places,
                                  const T *weights, npy_intp taps, npy_intp outer, npy_intp n_in,
                                  npy_intp n_out, npy_intp inner)
{
    for (npy_intp i = 0; i < outer; i++, x += n_in * inner, y += n_out * inner) {
        if (inner == 1) {
            for (npy_intp o = 0; o < n_out; o++) {
                T sum = weights ? weights[o] * x[places[o]] : x[places[o]];
                for (npy_intp t = 1; t < taps; t++)
                    sum += weights[t * n_out + o] * x[places[t * n_out + o]];
                y[o] = sum;
            }
            continue;
        }
        for (npy_intp o = 0; o < n_out; o++) {
            T *to = y + o * inner;
            const T *from = x + places[o] * inner;
            if (weights == NULL) {
                memcpy(to, from, inner * sizeof(T));
                continue;
            }
            const T first = weights[o];
            for (npy_intp j = 0; j < inner; j++) to[j] = first * from[j];
            for (npy_intp t = 1; t < taps; t++) {
                const T w = weights[t * n_out + o];
                from = x + places[t * n_out + o] * inner;
                for (npy_intp j = 0; j < inner; j++) to[j] += w * from[j];
            }
        }
    }
}

/* y[:, sources[i]] += x[:, i] */
CLONES static void NAME(folded)(const T *restrict x, T *restrict y, const npy_intp *sources,
                                npy_intp outer, npy_intp n_in, npy_intp n_out, npy_intp inner)
{
    for (npy_intp i = 0; i < outer; i++, y += n_out * inner)
        for (npy_intp o = 0; o < n_in; o++, x += inner) {
            T *to = y + sources[o] * inner;
            for (npy_intp j = 0; j < inner; j++) to[j] += x[j];
        }
}
