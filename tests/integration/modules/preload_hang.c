/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: preloaded into apache2 (LD_PRELOAD), makes the lobby of the prefork model hang in
 * epoll_wait() while the file exists that MPM_TEST_HANG_LOBBY names, and end while that of
 * MPM_TEST_DIES_LOBBY exists.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

static int is_to(const char *variable)
{
    const char *file = getenv(variable);
    char name[16] = "";

    return file != NULL && access(file, F_OK) == 0 && prctl(PR_GET_NAME, name) == 0
        && strstr(name, " lobby") != NULL;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout)
{
    int (*really)(int, struct epoll_event *, int, int);

    *(void **)&really = dlsym(RTLD_NEXT, "epoll_wait");
    if (is_to("MPM_TEST_DIES_LOBBY")) {
        _exit(1);
    }
    while (is_to("MPM_TEST_HANG_LOBBY")) {
        sleep(1);
    }
    return really(fd, events, most, timeout);
}
