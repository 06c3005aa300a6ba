/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  common/interrupt.h
 * @brief Signals that end the program, made into a question, for work that must not be left half
 * done.
 */
#ifndef MPMSTATS_CLI_COMMON_INTERRUPT_H
#define MPMSTATS_CLI_COMMON_INTERRUPT_H

/** From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT do not end the program; what waits is woken. */
void interrupt_watch(void);

/** The first signal that came, 0 if none did. */
int interrupt_number(void);

/** Forgets it, so that what has to be undone can be undone in peace. */
void interrupt_clear(void);

#endif
