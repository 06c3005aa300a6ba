/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/control.h
 * @brief Control messages from the parent to its children.
 *
 * Threaded children and the lobby each read them from a socket; end of file means that the parent
 * has ended. Prefork children read them from shared_mail_t after a signal.
 */
#ifndef MPMSTATS_MPM_PROCESS_CONTROL_H
#define MPMSTATS_MPM_PROCESS_CONTROL_H

#include <stdbool.h>

#define CONTROL_GRACEFUL '!'
#define CONTROL_NOW '$'
#define CONTROL_FINISH 'F' /**< like GRACEFUL, for the whole generation */
#define CONTROL_LAST 'L'   /**< like FINISH, and no generation follows */
/** a sibling cannot accept a waiting connection: check the listeners. Threaded models only */
#define CONTROL_LOOK '?'
/** a restart begins: begin nothing new until FINISH or GO_ON */
#define CONTROL_HOLD 'H'
#define CONTROL_GO_ON 'G' /**< end of HOLD: no new generation yet, serve again */
#define CONTROL_MOVE '>'  /**< give up the slot, then confirm (one byte, or shared_mail_t.moved) */

typedef struct {
    unsigned char what;   /**< CONTROL_* */
    unsigned short extra; /**< CONTROL_MOVE: shared record to count in */
} control_message_t;

/** Handlers of the messages; in a prefork child a signal handler may call them. */
typedef struct {
    void (*hold)(void);
    void (*go_on)(void);
    void (*look)(void);            /**< NULL: ignored */
    void (*move)(unsigned record); /**< NULL: it has no slot */
    void (*end)(unsigned what);    /**< GRACEFUL, NOW, FINISH or LAST */
} control_acts_t;

/** Carry out a message; FINISH first sets HANDOVER_GIVE (handover.h), the other ends go_on(). */
void control_obey(unsigned what, unsigned extra, const control_acts_t *acts);

/** Read one message from the socket @a fd, if any, and obey it. Zero at the end of file. */
bool control_read(int fd, const control_acts_t *acts);

#endif
