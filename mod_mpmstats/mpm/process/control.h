/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/control.h
 * @brief What the parent tells its children.
 *
 * A threaded child and the lobby hear it through a socket of their own, whose end of file says that
 * the parent is gone; a prefork child through shared_mail_t and a signal.
 */
#ifndef MPMSTATS_MPM_PROCESS_CONTROL_H
#define MPMSTATS_MPM_PROCESS_CONTROL_H

#define CONTROL_GRACEFUL '!'
#define CONTROL_NOW '$'
#define CONTROL_FINISH 'F' /**< like graceful, and so does your whole generation */
#define CONTROL_LAST 'L'   /**< like finish, and nobody will accept after you */
/** somebody cannot accept what waits: look for it. Threaded models only */
#define CONTROL_LOOK '?'
/** a restart begins: begin nothing new; FINISH follows, or GO_ON */
#define CONTROL_HOLD 'H'
#define CONTROL_GO_ON 'G' /**< there is no new generation yet: go on as before */
#define CONTROL_MOVE '>'  /**< give the slot up; answered with one byte when done */

typedef struct {
    unsigned char what;   /**< CONTROL_* */
    unsigned short extra; /**< CONTROL_MOVE: shared record to count in */
} control_message_t;

/** How a process does what it is told; in a prefork child a signal handler may call them. */
typedef struct {
    void (*hold)(void);
    void (*go_on)(void);
    void (*look)(void);            /**< NULL: it is never told to */
    void (*move)(unsigned record); /**< NULL: it has no slot */
    void (*end)(unsigned what);    /**< GRACEFUL, NOW, FINISH or LAST */
} control_acts_t;

/** Do what a message says; the state of the handover first (handover.h). */
void control_obey(unsigned what, unsigned extra, const control_acts_t *acts);

/** Take one message from the socket @a fd and obey it; does not wait. Zero at the end of file. */
int control_read(int fd, const control_acts_t *acts);

#endif
