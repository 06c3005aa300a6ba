/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/body.c: whole, byte by byte and in random pieces the answer is the same,
 * and for the chunked coding the slow reference agrees. The first 4 bytes choose
 * mode, limit and cuts.
 */
#include "../body_reference.h"
#include "../unit_random.h"

#include <stdio.h>
#include <stdlib.h>

static void run(body_scan_t *s, const char *buf, size_t len, uint64_t seed, unsigned piece)
{
    size_t at = 0;

    while (at < len && s->verdict == BODY_MORE) {
        size_t n = len - at, took;
        char *copy;

        if (piece) {
            size_t cut = unit_random_below(&seed, piece) + 1;

            n = cut < n ? cut : n;
        }
        copy = malloc(n);
        memcpy(copy, buf + at, n);
        body_scan_feed(s, copy, n, &took);
        free(copy);
        at += took;
        if (took > n || s->fed != at || (s->verdict == BODY_MORE && took != n)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > 1500) {
        return 0;
    }
    const char *buf = (const char *)data + 4;
    size_t len = size - 4, used = 0;
    uint64_t limit = data[1] == 255 ? UINT64_MAX : data[1] * 3u;
    bool known_length = data[0] & 1, strict = data[0] & 2;
    unsigned pieces[] = { 0, 1, 2 + data[2] % 64u };
    body_verdict_e want;

    if (known_length) {
        uint64_t length = data[2];

        want = length == 0   ? BODY_COMPLETE
            : length > limit ? BODY_TOO_LARGE
            : length <= len  ? BODY_COMPLETE
                             : BODY_MORE;
        used = (length > limit || length == 0) ? 0 : length < len ? length : len;
    }
    else {
        want = ref_chunked(buf, len, limit, strict, &used);
    }
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        body_scan_t s;

        if (known_length) {
            body_scan_init_length(&s, data[2], limit);
        }
        else {
            body_scan_init_chunked(&s, limit, strict);
        }
        run(&s, buf, len, 1 + data[3], pieces[i]);
        if (len && (s.verdict != want || s.fed != used)) {
            fprintf(stderr, "pieces of %u: verdict %d used %llu, should be %d, %zu\n", pieces[i],
                    s.verdict, (unsigned long long)s.fed, want, used);
            abort();
        }
    }
    return 0;
}
