/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: handler `test-scribble` is what a child would do that has been taken over. It leaves a
 * process behind, with a child's privileges and everything a child has mapped, that for `ms`
 * milliseconds writes over all memory it shares with the other processes: random bytes, the number
 * `pid` in every word, extreme numbers. It answers how many bytes those are.
 *
 * /test-scribble?ms=3000&pid=4711&seed=1
 *
 * With `two` it sends so many messages with two descriptors each into every socket that passes
 * messages and that it shares with others; with `shut` it shuts these down.
 */
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"
#include "apr_strings.h"

#define MAPS 64

typedef struct {
    volatile char *begin;
    size_t size;
} map_t;

static map_t maps[MAPS];
static int map_count;

static long argument(request_rec *r, const char *name)
{
    const char *at = r->args ? strstr(r->args, name) : NULL;
    return at ? strtol(at + strlen(name) + 1, NULL, 10) : 0;
}

/* Every mapping that is shared and writable, but for what the tests' own library has mapped. */
static size_t find_maps(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[512];
    size_t total = 0;

    map_count = 0;
    while (f && map_count < MAPS && fgets(line, sizeof line, f)) {
        unsigned long begin, end;
        char rights[8];
        if (sscanf(line, "%lx-%lx %7s", &begin, &end, rights) == 3 && !strcmp(rights, "rw-s")
            && !strstr(line, "/faults")) {
            maps[map_count].begin = (volatile char *)begin;
            maps[map_count++].size = end - begin;
            total += end - begin;
        }
    }
    if (f) {
        fclose(f);
    }
    return total;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(uint32_t word)
{
    for (int i = 0; i < map_count; i++) {
        for (size_t at = 0; at + 4 <= maps[i].size; at += 4) {
            *(volatile uint32_t *)(maps[i].begin + at) = word;
        }
    }
}

/* Some thousand words, anywhere. */
static void sprinkle(uint64_t *state, uint32_t word, int anything)
{
    for (int i = 0; i < map_count; i++) {
        for (int n = 0; n < 4096; n++) {
            size_t at = next_random(state) % (maps[i].size / 4) * 4;
            *(volatile uint32_t *)(maps[i].begin + at) = anything ? (uint32_t)next_random(state)
                                                                  : word;
        }
    }
}

static void scribble(long ms, uint32_t pid, uint64_t state)
{
    struct timespec now;
    int64_t end;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
    for (unsigned round = 0;; round++) {
        switch (round % 8) {
        case 0:
            fill(pid);
            break;
        case 1:
        case 2:
        case 3:
            sprinkle(&state, 0, 1);
            break;
        case 4:
            fill(0xffffffff);
            break;
        case 5:
            sprinkle(&state, pid, 0);
            break;
        case 6:
            fill(INT_MAX);
            break;
        default:
            fill(1);
            sprinkle(&state, 0, 1);
            break;
        }
        usleep(3000);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec * 1000 + now.tv_nsec / 1000000 >= end) {
            _exit(0);
        }
    }
}

static void send_two(int to)
{
    int two[2] = { 0, 0 };
    char text[4096] = "", space[CMSG_SPACE(sizeof two)] = "";
    struct iovec iov = { .iov_base = text, .iov_len = sizeof text };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof two);
    memcpy(CMSG_DATA(c), two, sizeof two);
    sendmsg(to, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int abuse_sockets(request_rec *r, long two, long shut)
{
    int found = 0;

    for (int fd = 3; fd < 1024; fd++) {
        int type = 0;
        socklen_t len = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET) {
            continue;
        }
        found++;
        for (long n = 0; n < two; n++) {
            send_two(fd);
        }
        if (shut) {
            shutdown(fd, SHUT_RDWR);
        }
    }
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r, "%d sockets of %ld", found, (long)getpid());
    return OK;
}

static int scribble_handler(request_rec *r)
{
    size_t total;
    long ms = argument(r, "ms"), pid = argument(r, "pid"), seed = argument(r, "seed");

    if (strcmp(r->handler, "test-scribble")) {
        return DECLINED;
    }
    if (argument(r, "two") || argument(r, "shut")) {
        return abuse_sockets(r, argument(r, "two"), argument(r, "shut"));
    }
    total = find_maps();
    if (fork() == 0) {
        signal(SIGTERM, SIG_DFL);
        for (int fd = 3; fd < 1024; fd++) {
            close(fd);
        }
        scribble(ms, (uint32_t)pid, (uint64_t)seed * 2654435761u + 1);
    }
    ap_set_content_type(r, "text/plain");
    ap_rprintf(r, "%lu bytes in %d mappings", (unsigned long)total, map_count);
    return OK;
}

static void register_hooks(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(scribble_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(test_scribble) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE
};
