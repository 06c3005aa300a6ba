/* SPDX-License-Identifier: Apache-2.0 */
#include "mpm/process/control.h"

#include <stdbool.h>
#include <sys/socket.h>

#include "mpm/process/handover.h"

static void end(unsigned what, const control_acts_t *acts)
{
    if (what == CONTROL_FINISH) {
        handover_give();
    }
    else {
        acts->go_on();
    }
    if (what == CONTROL_LAST) {
        handover_keep();
    }
    acts->end(what);
}

void control_obey(unsigned what, unsigned extra, const control_acts_t *acts)
{
    switch (what) {
    case CONTROL_MOVE:
        if (acts->move != NULL) {
            acts->move(extra);
        }
        break;
    case CONTROL_LOOK:
        if (acts->look != NULL) {
            acts->look();
        }
        break;
    case CONTROL_HOLD:
        acts->hold();
        break;
    case CONTROL_GO_ON:
        acts->go_on();
        break;
    default:
        end(what, acts);
    }
}

bool control_read(int fd, const control_acts_t *acts)
{
    control_message_t message;
    ssize_t n = recv(fd, &message, sizeof(message), MSG_DONTWAIT);

    if (n == sizeof(message)) {
        control_obey(message.what, message.extra, acts);
    }
    return n != 0;
}
