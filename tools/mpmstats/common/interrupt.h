/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/interrupt.h
 * @brief Polls for termination signals in work that must finish or be undone.
 */
#ifndef MPMSTATS_CLI_COMMON_INTERRUPT_H
#define MPMSTATS_CLI_COMMON_INTERRUPT_H

/** SIGINT, SIGTERM, SIGHUP and SIGQUIT no longer end the program; they interrupt system calls. */
void interrupt_watch(void);

/** The first signal received; 0: none. */
int interrupt_number(void);

/** Forgets the signal, so that the undo step itself is not interrupted. */
void interrupt_clear(void);

#endif
