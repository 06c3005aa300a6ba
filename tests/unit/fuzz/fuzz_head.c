/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/head.c: whole, byte by byte and in random pieces the answer is the same,
 * and the slow reference agrees. The first 8 bytes choose limits and cuts.
 */
#include "../head_reference.h"
#include "../unit_random.h"

static void run(const char *buf, size_t len, const head_limits_t *lim, uint64_t seed,
                unsigned piece, head_scan_t *s, size_t *used)
{
    size_t at = 0;

    head_scan_init(s, lim);
    *used = 0;
    while (at < len && s->verdict == HEAD_MORE) {
        size_t n = len - at, took;
        char *copy;

        if (piece) {
            size_t cut = piece == 1 ? 1 : unit_random_below(&seed, piece) + 1;

            n = cut < n ? cut : n;
        }
        copy = malloc(n);
        memcpy(copy, buf + at, n);
        head_scan_feed(s, copy, n, &took);
        free(copy);
        if (took > n || (s->verdict == HEAD_MORE && took != n && s->fed != at + took)) {
            abort();
        }
        at += took;
    }
    *used = at;
}

static void same(const ref_head_t *ref, const head_scan_t *s, size_t used)
{
    const char *what = ref_differs(ref, s, used);

    if (what) {
        fprintf(stderr, "differs in %s: reference verdict %d used %zu, scanner %d used %zu\n", what,
                ref->verdict, ref->used, s->verdict, used);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    head_limits_t lim;
    ref_head_t ref;
    head_scan_t s;
    size_t used;

    if (size < 8 || size > 1500) {
        return 0;
    }
    lim.line = data[0];
    lim.field = data[1];
    lim.fields = data[2] % 16;
    lim.total = data[3] * 4u;
    lim.strict = data[4] & 1;
    const char *buf = (const char *)data + 8;
    size_t len = size - 8;
    const head_limits_t *use = (data[4] & 2) ? NULL : &lim;
    uint64_t seed = 1 + data[5] + 256u * data[6];

    ref_head(buf, len, use, &ref);
    run(buf, len, use, seed, 0, &s, &used);
    same(&ref, &s, used);
    run(buf, len, use, seed, 1, &s, &used);
    same(&ref, &s, used);
    run(buf, len, use, seed, 2 + data[7] % 64, &s, &used);
    same(&ref, &s, used);
    return 0;
}
