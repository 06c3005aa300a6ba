/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/procfs.h
 * @brief What the kernel says about a process of this machine.
 *
 * Numbers are NAN, or -1, when the process has gone or we may not know.
 */
#ifndef MPMSTATS_CLI_COMMON_PROCFS_H
#define MPMSTATS_CLI_COMMON_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The parent's id; -1 when there is no such process. */
pid_t procfs_parent(pid_t pid);

/** Has a signal or a tracer stopped it? */
bool procfs_is_stopped(pid_t pid);

/** Threads it has; -1. */
int procfs_threads(pid_t pid);

/** Processor time it has used, in seconds. */
double procfs_cpu(pid_t pid);

/**
 * Time its threads were ready to run and had no processor, in seconds, over those that exist now.
 */
double procfs_cpu_delay(pid_t pid);

/**
 * Memory in bytes, with what is shared divided by the number of its users. Where
 * only its owner may know that, resident memory that is not shared with files.
 */
double procfs_memory(pid_t pid);

/** Inodes of the sockets it has open, sorted; NULL when we may not know. The caller frees them. */
unsigned long *procfs_sockets(pid_t pid, size_t *count);

/** The first line of a small file that begins with @a key, without it; false when there is none. */
bool procfs_line(const char *path, const char *key, char *value, size_t size);

/** A whole small file as text, cut at @a size; false when it cannot be read. */
bool procfs_text(const char *path, char *text, size_t size);

#endif
