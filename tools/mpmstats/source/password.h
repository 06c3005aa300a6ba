/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/password.h
 * @brief Name and password for --user, without showing the password to anybody.
 */
#ifndef MPMSTATS_CLI_SOURCE_PASSWORD_H
#define MPMSTATS_CLI_SOURCE_PASSWORD_H

#include "common/failure.h"

typedef struct {
    char *name;     /**< NULL: none */
    char *password; /**< NULL: none */
} login_t;

/**
 * Takes NAME or NAME:PASSWORD apart and blanks the password where it stood, since
 * ps shows a program's arguments. Without a password there it is taken from
 * $MPMSTATS_PASSWORD, else asked for at the terminal. @a argument may be NULL.
 */
bool password_get(login_t *login, char *argument, failure_t *failure);

void password_free(login_t *login);

#endif
