/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/password.h
 * @brief User name and password for --user; keeps the password out of ps.
 */
#ifndef MPMSTATS_CLI_SOURCE_PASSWORD_H
#define MPMSTATS_CLI_SOURCE_PASSWORD_H

#include "common/failure.h"

typedef struct {
    char *name;     /**< NULL: none */
    char *password; /**< NULL: none */
} login_t;

/**
 * Splits NAME or NAME:PASSWORD and blanks the password in @a argument, since ps
 * shows a program's arguments. Without a password it reads $MPMSTATS_PASSWORD, then
 * prompts at the terminal. @a argument may be NULL.
 */
bool password_get(login_t *login, char *argument, failure_t *failure);

void password_free(login_t *login);

#endif
