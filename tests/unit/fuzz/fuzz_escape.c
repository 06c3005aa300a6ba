/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/escape.c: whatever goes in, what comes out is harmless, valid and says the same. The first
 * byte is a field's size.
 */
#include "../escape_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong;

    if (size < 1 || size > 400) {
        return 0;
    }
    wrong = oracle_check((const char *)data + 1, size - 1);
    if (!wrong) {
        wrong = oracle_field((const char *)data + 1, size - 1, data[0]);
    }
    if (wrong) {
        fprintf(stderr, "escape: %s\n", wrong);
        abort();
    }
    return 0;
}
