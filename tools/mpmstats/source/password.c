/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords from the argument, the environment or the terminal. The terminal is
 * read by character with echo and signals off, so Ctrl-C cannot leave it without
 * echo.
 */
#include "source/password.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/text.h"

#define PASSWORD_BYTES 512

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_KILL = 21, KEY_DELETE = 127 };

static void say(int tty, const char *text)
{
    ssize_t ignored = write(tty, text, strlen(text));

    (void)ignored; /* a failed prompt is harmless */
}

/* Reads a line; false on Ctrl-C, Ctrl-D or a closed terminal. */
static bool read_line(int tty, char *line, size_t size)
{
    size_t length = 0;
    char key;

    while (read(tty, &key, 1) == 1) {
        if (key == '\n' || key == '\r') {
            line[length] = '\0';
            return true;
        }
        if (key == KEY_INTERRUPT || key == KEY_END) {
            return false;
        }
        if (key == KEY_KILL) {
            length = 0;
        }
        else if (key == KEY_BACKSPACE || key == KEY_DELETE) {
            length -= length > 0;
        }
        else if (length + 1 < size) {
            line[length++] = key;
        }
    }
    return false;
}

static bool ask_at(int tty, const char *name, char *line, size_t size)
{
    struct termios before, quiet;
    char *safe;
    bool read;

    if (tcgetattr(tty, &before) != 0) {
        return false;
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0) {
        return false;
    }
    safe = text_safe(name);
    say(tty, "mpmstats: password of ");
    say(tty, safe);
    say(tty, ": ");
    free(safe);
    read = read_line(tty, line, size);
    tcsetattr(tty, TCSAFLUSH, &before);
    say(tty, "\n");
    return read;
}

static char *ask(const char *name)
{
    char line[PASSWORD_BYTES];
    char *password = NULL;
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (tty >= 0) {
        if (ask_at(tty, name, line, sizeof(line))) {
            password = memory_copy(line);
        }
        close(tty);
        explicit_bzero(line, sizeof(line));
    }
    return password;
}

bool password_get(login_t *login, char *argument, failure_t *failure)
{
    char *colon = argument == NULL ? NULL : strchr(argument, ':');
    const char *environment = getenv("MPMSTATS_PASSWORD");

    memset(login, 0, sizeof(*login));
    if (argument == NULL) {
        return true;
    }
    if (argument == colon || argument[0] == '\0') {
        return failure_set(failure, RC_USAGE, "--user wants a name: --user NAME");
    }
    if (colon != NULL) {
        login->password = memory_copy(colon + 1);
        explicit_bzero(colon, strlen(colon));
    }
    else if (environment != NULL) {
        login->password = memory_copy(environment);
    }
    else {
        login->password = ask(argument);
    }
    if (login->password == NULL) {
        return failure_set(
            failure, RC_USAGE,
            "no password for --user; set MPMSTATS_PASSWORD in the environment, or type it at the terminal");
    }
    login->name = memory_copy(argument);
    return true;
}

void password_free(login_t *login)
{
    if (login->password != NULL) {
        explicit_bzero(login->password, strlen(login->password));
    }
    free(login->password);
    free(login->name);
    memset(login, 0, sizeof(*login));
}
