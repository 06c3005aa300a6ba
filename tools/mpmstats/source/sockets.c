/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_diag(7), as `ss` uses it: dumps of listeners and connections for each address
 * family.
 */
#include "source/sockets.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <math.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/procfs.h"

/* The kernel's TCP states. */
enum { STATE_ESTABLISHED = 1, STATE_CLOSE_WAIT = 8, STATE_LISTEN = 10 };

#define PORTS 65536

struct sockets {
    int netlink;
    bool by_port;          /* inodes unknown: match by port */
    unsigned long *inodes; /* sorted */
    size_t inode_count;
    bool listens[PORTS];
};

typedef void visit_t(sockets_t *sockets, const struct inet_diag_msg *message, void *context);

static bool ask(int netlink, unsigned char family, unsigned states)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 request;
    } message = {
        .head = { .nlmsg_len = sizeof(message),
                  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
        .request = { .sdiag_family = family,
                     .sdiag_protocol = IPPROTO_TCP,
                     .idiag_states = states },
    };
    struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

    return sendto(netlink, &message, sizeof(message), 0, (struct sockaddr *)&kernel, sizeof(kernel))
        == (ssize_t)sizeof(message);
}

/* Reads one datagram of the answer; false after the last one, *failed after an error. */
static bool take(sockets_t *sockets, visit_t *visit, void *context, bool *failed)
{
    static uint64_t room[8192]; /* aligned for nlmsghdr; single-threaded */
    ssize_t length = recv(sockets->netlink, room, sizeof(room), 0);

    *failed = length <= 0;
    if (length < 0 && errno == EINTR) {
        return take(sockets, visit, context, failed);
    }
    for (struct nlmsghdr *head = (struct nlmsghdr *)room;
         !*failed && NLMSG_OK(head, (size_t)length); head = NLMSG_NEXT(head, length)) {
        if (head->nlmsg_type == NLMSG_DONE) {
            return false;
        }
        *failed = head->nlmsg_type == NLMSG_ERROR;
        if (!*failed && head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg))) {
            visit(sockets, NLMSG_DATA(head), context);
        }
    }
    return !*failed;
}

static bool dump(sockets_t *sockets, unsigned states, visit_t *visit, void *context)
{
    static const unsigned char families[] = { AF_INET, AF_INET6 };
    bool any = false;

    for (size_t i = 0; i < 2; i++) {
        bool failed = !ask(sockets->netlink, families[i], states);

        while (!failed && take(sockets, visit, context, &failed)) {
            ;
        }
        any |= !failed;
    }
    return any;
}

static int compare_inodes(const void *a, const void *b)
{
    const unsigned long *left = a, *right = b;

    return *left < *right ? -1 : *left > *right;
}

static bool is_ours(const sockets_t *sockets, const struct inet_diag_msg *message)
{
    unsigned long inode = message->idiag_inode;

    if (sockets->by_port) {
        return sockets->listens[ntohs(message->id.idiag_sport)];
    }
    return bsearch(&inode, sockets->inodes, sockets->inode_count, sizeof(inode), compare_inodes)
        != NULL;
}

static void note_listener(sockets_t *sockets, const struct inet_diag_msg *message, void *context)
{
    bool *any = context;

    if (message->idiag_state == STATE_LISTEN && is_ours(sockets, message)) {
        sockets->listens[ntohs(message->id.idiag_sport)] = true;
        *any = true;
    }
}

sockets_t *sockets_open(pid_t parent, int port)
{
    sockets_t *sockets = memory_get(1, sizeof(*sockets));
    const struct timeval patience = { .tv_sec = 2 };
    bool any = false;

    sockets->inodes = procfs_sockets(parent, &sockets->inode_count);
    sockets->by_port = sockets->inodes == NULL;
    if (sockets->by_port && port > 0 && port < PORTS) {
        sockets->listens[port] = true;
    }
    sockets->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (sockets->netlink >= 0) {
        setsockopt(sockets->netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        dump(sockets, 1u << STATE_LISTEN, note_listener, &any);
    }
    if (any) {
        return sockets;
    }
    sockets_close(sockets);
    return NULL;
}

static void note_connection(sockets_t *sockets, const struct inet_diag_msg *message, void *context)
{
    sockets_look_t *look = context;
    /* the client's FIN counts as one byte */
    unsigned nothing = message->idiag_state == STATE_CLOSE_WAIT ? 1 : 0;

    if (message->idiag_state == STATE_LISTEN) {
        if (!is_ours(sockets, message)) {
            return;
        }
        look->queue += message->idiag_rqueue;
        if (look->limit == 0 || message->idiag_rqueue > look->fullest) {
            look->fullest = message->idiag_rqueue;
            look->limit = message->idiag_wqueue;
        }
    }
    else if (message->idiag_inode != 0 && message->idiag_rqueue > nothing
             && sockets->listens[ntohs(message->id.idiag_sport)]) {
        look->unread++;
    }
}

bool sockets_look(sockets_t *sockets, sockets_look_t *look)
{
    const unsigned states = 1u << STATE_LISTEN | 1u << STATE_ESTABLISHED | 1u << STATE_CLOSE_WAIT;

    *look = (sockets_look_t){ 0, 0, 0, 0 };
    if (dump(sockets, states, note_connection, look)) {
        return true;
    }
    *look = (sockets_look_t){ NAN, NAN, NAN, NAN };
    return false;
}

void sockets_close(sockets_t *sockets)
{
    if (sockets == NULL) {
        return;
    }
    if (sockets->netlink >= 0) {
        close(sockets->netlink);
    }
    free(sockets->inodes);
    free(sockets);
}

/* /proc/net/netstat has pairs of lines: names, then numbers. */
double sockets_overflows(void)
{
    char text[16384], *names, *numbers, *name, *number, *rest_names, *rest_numbers;

    if (!procfs_text("/proc/net/netstat", text, sizeof(text))
        || (names = strstr(text, "TcpExt:")) == NULL
        || (numbers = strstr(names + 1, "TcpExt:")) == NULL) {
        return NAN;
    }
    numbers[-1] = '\0';
    numbers[strcspn(numbers, "\n")] = '\0';
    name = strtok_r(names, " ", &rest_names);
    number = strtok_r(numbers, " ", &rest_numbers);
    while (name != NULL && number != NULL) {
        if (strcmp(name, "ListenOverflows") == 0) {
            return strtod(number, NULL);
        }
        name = strtok_r(NULL, " ", &rest_names);
        number = strtok_r(NULL, " ", &rest_numbers);
    }
    return NAN;
}

int sockets_somaxconn(void)
{
    char text[32];

    return procfs_text("/proc/sys/net/core/somaxconn", text, sizeof(text))
        ? (int)strtol(text, NULL, 10)
        : 0;
}
