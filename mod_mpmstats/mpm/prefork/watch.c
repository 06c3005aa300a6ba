/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/prefork/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mpm/module.h"
#include "mpm/process/child.h"
#include "mpm/process/handover.h"
#include "mpm/process/shortage.h"

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1u << 28)
#endif

int watch_fd = -1;
listener_t *watch_listeners;
unsigned watch_listener_count;
handoff_pairs_t watch_pairs;
int watch_is_partial;
int watch_queue_ended;
char watch_control, watch_queue, watch_passed_on;

void watch_take_pairs(handoff_pairs_t *from)
{
    handoff_take(&watch_pairs, from);
    if (watch_pairs.ready[0] >= 0) {
        close(watch_pairs.ready[1]);
        close(watch_pairs.waiting[0]);
        close(watch_pairs.lingering[0]);
        watch_pairs.ready[1] = watch_pairs.waiting[0] = watch_pairs.lingering[0] = -1;
    }
}

static int add(int fd, uint32_t events, void *who)
{
    struct epoll_event ev = { .events = events, .data.ptr = who };

    return fd < 0 ? 0 : epoll_ctl(watch_fd, EPOLL_CTL_ADD, fd, &ev);
}

int watch_all(void)
{
    unsigned i;
    int failed = 0;

    watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (watch_fd < 0) {
        return -1;
    }
    for (i = 0; i < watch_listener_count; i++) {
        failed |= add(watch_listeners[i].fd, EPOLLIN | EPOLLEXCLUSIVE, &watch_listeners[i]);
    }
    failed |= add(watch_pairs.ready[0], EPOLLIN | EPOLLEXCLUSIVE, &watch_queue);
    failed |= add(handover_fd(), EPOLLIN | EPOLLEXCLUSIVE, &watch_passed_on);
    failed |= add(child.wake_fd, EPOLLIN, &watch_control);
    return failed;
}

/*
 * Other processes share the sockets, so closing them does not remove them from this epoll instance.
 * APR's cleanups close the descriptor numbers, also in a process that is about to exec: the numbers
 * must not be reused, and a signal handler cannot run a cleanup. So each becomes a duplicate of the
 * epoll descriptor.
 */
void watch_leave_listeners(void)
{
    unsigned i;

    for (i = 0; i < watch_listener_count; i++) {
        if (watch_listeners[i].fd >= 0) {
            epoll_ctl(watch_fd, EPOLL_CTL_DEL, watch_listeners[i].fd, NULL);
            dup3(watch_fd, watch_listeners[i].fd, O_CLOEXEC);
            watch_listeners[i].fd = -1;
        }
    }
    if (watch_pairs.waiting[1] >= 0) {
        int fd = watch_pairs.waiting[1];

        watch_pairs.waiting[1] = -1; /* before close(): a signal may arrive in between */
        close(fd);
    }
}

void watch_clear_listeners(void)
{
    unsigned i;

    for (i = 0; i < watch_listener_count && watch_pairs.waiting[1] >= 0; i++) {
        handoff_t what = { .is_tls = watch_listeners[i].is_tls,
                           .at_once = !watch_listeners[i].looks };
        int fd = watch_listeners[i].fd < 0
            ? -1
            : accept4(watch_listeners[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            (void)handoff_send(watch_pairs.waiting[1], fd, &what);
            close(fd);
        }
    }
}

/* Add again at the end of the wait queue; epoll reports what is ready at once. */
static void watch_anew(int fd, void *who)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = who };

    if (fd < 0) {
        return;
    }
    epoll_ctl(watch_fd, EPOLL_CTL_DEL, fd, NULL);
    if (epoll_ctl(watch_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
        watch_is_partial = 1;
        shortage_of(errno, "watch a listening socket");
    }
}

/* A child with pending TLS connections cannot read them while it runs another one. */
void watch_go_last(bool takes_passed_on)
{
    unsigned i;

    watch_is_partial = 0;
    for (i = 0; i < watch_listener_count; i++) {
        watch_anew(watch_listeners[i].fd, &watch_listeners[i]);
    }
    if (!watch_queue_ended) {
        watch_anew(watch_pairs.ready[0], &watch_queue);
    }
    watch_anew(takes_passed_on ? handover_fd() : -1, &watch_passed_on);
}

/* Idle children take new work until prefork.c calls watch_go_last(). */
void watch_stand_aside(void)
{
    unsigned i;

    for (i = 0; i < watch_listener_count; i++) {
        epoll_ctl(watch_fd, EPOLL_CTL_DEL, watch_listeners[i].fd, NULL);
    }
    epoll_ctl(watch_fd, EPOLL_CTL_DEL, watch_pairs.ready[0], NULL);
    epoll_ctl(watch_fd, EPOLL_CTL_DEL, handover_fd(), NULL);
    watch_is_partial = 1;
}

bool watch_is_listener(const void *who)
{
    return (const listener_t *)who >= watch_listeners
        && (const listener_t *)who < watch_listeners + watch_listener_count;
}

bool watch_is_new_work(const void *who)
{
    return watch_is_listener(who) || who == &watch_passed_on
        || (who == &watch_queue && handover_state() == HANDOVER_HOLD);
}
