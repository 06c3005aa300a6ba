/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/procfs.h
 * @brief Figures of a local process, from /proc.
 *
 * NAN or -1 means that the process has exited or that permission is missing.
 */
#ifndef MPMSTATS_CLI_COMMON_PROCFS_H
#define MPMSTATS_CLI_COMMON_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** The parent's process id; -1: no such process. */
pid_t procfs_parent(pid_t pid);

/** True when a signal or a tracer has stopped the process. */
bool procfs_is_stopped(pid_t pid);

/** Number of threads, or -1. */
int procfs_threads(pid_t pid);

/** Processor time used, in seconds. */
double procfs_cpu(pid_t pid);

/** Run-queue delay in seconds, summed over the threads that exist now. */
double procfs_cpu_delay(pid_t pid);

/**
 * Proportional set size in bytes; without permission to read it, the resident
 * memory that is not file-backed.
 */
double procfs_memory(pid_t pid);

/** Sorted inodes of its open sockets; NULL without permission. The caller frees the array. */
unsigned long *procfs_sockets(pid_t pid, size_t *count);

/** The rest of the first line that begins with @a key; false when no line does. */
bool procfs_line(const char *path, const char *key, char *value, size_t size);

/** A whole small file as text, cut at @a size; false when it cannot be read. */
bool procfs_text(const char *path, char *text, size_t size);

#endif
