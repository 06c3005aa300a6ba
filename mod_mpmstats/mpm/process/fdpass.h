/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/fdpass.h
 * @brief A message and a descriptor through a Unix socket (SCM_RIGHTS).
 */
#ifndef MPMSTATS_MPM_PROCESS_FDPASS_H
#define MPMSTATS_MPM_PROCESS_FDPASS_H

#include <sys/types.h>
#include <sys/uio.h>

/**
 * Send @a client with the bytes of @a iov, without waiting; the caller closes its own copy. 0, or
 * -1 and errno.
 */
int fdpass_send(int fd, int client, const struct iovec *iov, int parts);

/**
 * Take one message without waiting. It stays in the socket if the process has no free descriptor.
 * @param bytes  out: length of the message; 0 at the end of file, -1: none was taken (errno)
 * @return its descriptor, or -1 and errno (EPROTO: the message carries none)
 */
int fdpass_receive(int fd, struct iovec *iov, int parts, ssize_t *bytes);

#endif
