/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: preloaded into apache2 (LD_PRELOAD), counts calls of times(2) by all processes of the
 * server, in the first eight bytes of the file that MPM_TEST_TIMES names.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <unistd.h>

/* Written by the constructor only; NULL: not to be counted. */
static _Atomic uint64_t *calls;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MPM_TEST_TIMES");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd >= 0 ? mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                       : MAP_FAILED;

    if (at != MAP_FAILED) {
        calls = at;
    }
    if (fd >= 0) {
        close(fd);
    }
}

clock_t times(struct tms *buffer)
{
    if (calls != NULL) {
        atomic_fetch_add_explicit(calls, 1, memory_order_relaxed);
    }
    return (clock_t)syscall(SYS_times, buffer);
}
