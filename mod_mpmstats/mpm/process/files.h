/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/files.h
 * @brief The soft limit on open files, which is raised for the server's own processes alone.
 *
 * The hard limit is the administrator's; the soft one is for programs that use select(2). A process
 * that holds many connections raises its own, and whatever it forks gets back the one the server
 * was started with: CGI programs, filters, loggers, daemons of modules. A child of ours that needs
 * more raises it again. posix_spawn(3) and vfork(2) call no handler: what a module starts so
 * inherits the raised limit.
 */
#ifndef MPMSTATS_MPM_PROCESS_FILES_H
#define MPMSTATS_MPM_PROCESS_FILES_H

/**
 * From now on what this process forks has the limit that files_raise() has found. Each time the
 * module is loaded.
 */
void files_watch_forks(void);

/** Raise the soft limit of this process to the hard one. */
void files_raise(void);

/**
 * Raise it if it leaves no room for @a needed descriptors; says so in the log if the hard limit
 * does not either.
 */
void files_raise_for(unsigned needed);

#endif
