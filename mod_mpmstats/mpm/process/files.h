/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/files.h
 * @brief Raises the soft limit on open files for the server's own processes only.
 *
 * The soft limit protects programs that use select(2). A process with many connections raises its
 * own; processes it forks (CGI programs, filters, loggers, daemons of modules) get back the limit
 * the server was started with, and a child of the MPM raises it again. posix_spawn(3) and vfork(2)
 * call no fork handler: programs started with them inherit the raised limit.
 */
#ifndef MPMSTATS_MPM_PROCESS_FILES_H
#define MPMSTATS_MPM_PROCESS_FILES_H

/** Install the fork handler that restores the original limit. Once per load of the module. */
void files_watch_forks(void);

/** Raise the soft limit of this process to the hard one. */
void files_raise(void);

/**
 * Raise it if it is below @a needed descriptors; logs a warning if the hard limit is below, too.
 */
void files_raise_for(unsigned needed);

#endif
