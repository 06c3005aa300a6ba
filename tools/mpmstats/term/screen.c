/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ncursesw and signals. The signals are blocked and read from a descriptor, so
 * curses' own asynchronous handlers never run.
 */
#include "term/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>

#include "common/memory.h"
#include "common/text.h"

#define ESCAPE_WAIT_MS 50

/* The only screen. Written by screen_open() and screen_close(); on_crash() reads it. */
static struct {
    bool open, registered;
    SCREEN *curses;
    int signals;          /* signalfd */
    sigset_t before;      /* original signal mask */
    struct termios modes; /* original modes */
    char restore[128];    /* sequence that resets the terminal, for on_crash() */
    size_t restore_length;
    struct sigaction crash_before[NSIG];
} screen = { .signals = -1 };

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP };
#define CRASHES (sizeof(crashes) / sizeof(crashes[0]))

/* ---- crashes ---- */

/* Async-signal-safe calls only. The signal then has its default effect. */
static void on_crash(int number, siginfo_t *info, void *context)
{
    ssize_t written = write(STDOUT_FILENO, screen.restore, screen.restore_length);

    (void)written;
    (void)context;
    tcsetattr(STDIN_FILENO, TCSANOW, &screen.modes);
    sigaction(number, &screen.crash_before[number], NULL);
    /* a fault repeats after the return; a signal sent by kill() must be sent again */
    if (info->si_code <= 0) {
        raise(number);
    }
}

/* Appends a terminal capability without padding such as $<5>, which terminals no longer need. */
static void add_restore(const char *name)
{
    const char *text = tigetstr(name);

    if (text == NULL || text == (const char *)-1) {
        return;
    }
    while (*text != '\0' && screen.restore_length < sizeof(screen.restore)) {
        if (text[0] == '$' && text[1] == '<' && strchr(text, '>') != NULL) {
            text = strchr(text, '>') + 1;
        }
        else {
            screen.restore[screen.restore_length++] = *text++;
        }
    }
}

static void crashes_watch(void)
{
    struct sigaction action = { .sa_sigaction = on_crash, .sa_flags = SA_SIGINFO };

    screen.restore_length = 0;
    add_restore("sgr0");
    add_restore("op");
    add_restore("cnorm");
    add_restore("rmkx");
    add_restore("rmcup");
    for (size_t i = 0; i < CRASHES; i++) {
        sigaction(crashes[i], &action, &screen.crash_before[crashes[i]]);
    }
}

static void crashes_forget(void)
{
    for (size_t i = 0; i < CRASHES; i++) {
        sigaction(crashes[i], &screen.crash_before[crashes[i]], NULL);
    }
}

/* ---- opening and closing ---- */

/* Blocks all signals except crashes, harmless ones and job control of background I/O. */
static void signals_take(void)
{
    static const int left[] = { SIGCHLD, SIGURG, SIGTTIN, SIGTTOU, SIGPROF };
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < CRASHES; i++) {
        sigdelset(&set, crashes[i]);
    }
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        sigdelset(&set, left[i]);
    }
    sigprocmask(SIG_BLOCK, &set, &screen.before);
    screen.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void colours_begin(void)
{
    if (!terminal_has_colour() || start_color() != OK) {
        return;
    }
    use_default_colors();
    init_pair(STYLE_GOOD, COLOR_GREEN, -1);
    init_pair(STYLE_BUSY, COLOR_CYAN, -1);
    init_pair(STYLE_WARN, COLOR_YELLOW, -1);
    init_pair(STYLE_ALARM, COLOR_RED, -1);
}

bool screen_open(failure_t *failure)
{
    const char *term = getenv("TERM");

    if (!terminal_is_tty() || isatty(STDIN_FILENO) != 1) {
        return failure_set(
            failure, RC_USAGE,
            "top needs a terminal to draw on and to read keys from; in pipes use watch");
    }
    if (tcgetattr(STDIN_FILENO, &screen.modes) != 0) {
        return failure_set(failure, RC_LOCAL, "cannot read the terminal's modes: %s; use watch",
                           strerror(errno));
    }
    screen.curses = newterm(NULL, stdout, stdin);
    if (screen.curses == NULL) {
        return failure_set(
            failure, RC_LOCAL,
            "the terminal '%s' (TERM) is unknown here, or cannot move its cursor; set TERM, or use watch",
            term != NULL ? term : "");
    }
    signals_take();
    crashes_watch();
    screen.open = true;
    if (!screen.registered) {
        screen.registered = atexit(screen_close) == 0;
    }
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_WAIT_MS);
    curs_set(0);
    colours_begin();
    return true;
}

void screen_close(void)
{
    if (!screen.open) {
        return;
    }
    screen.open = false;
    endwin();
    delscreen(screen.curses);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &screen.modes);
    crashes_forget();
    close(screen.signals);
    sigprocmask(SIG_SETMASK, &screen.before, NULL);
}

/* ---- signals ---- */

int screen_signal_fd(void)
{
    return screen.signals;
}

static void resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
        resizeterm(size.ws_row, size.ws_col);
    }
    clearok(curscr, TRUE);
}

/* Takes the default action of a blocked signal. */
static void deliver(int number)
{
    sigset_t one;

    sigemptyset(&one);
    sigaddset(&one, number);
    signal(number, SIG_DFL);
    raise(number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    sigprocmask(SIG_BLOCK, &one, NULL);
}

/* After SIGCONT: the shell has used the terminal. */
static void continued(void)
{
    reset_prog_mode();
    resize();
    refresh();
}

/* True when the signal was ignored at the start, e.g. by nohup. */
static bool is_ignored(int number)
{
    struct sigaction action;

    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void screen_signal(void)
{
    struct signalfd_siginfo info;
    int number;

    if (read(screen.signals, &info, sizeof(info)) != sizeof(info)) {
        return;
    }
    number = (int)info.ssi_signo;
    if (number == SIGWINCH) {
        resize();
    }
    else if (number == SIGCONT) {
        continued();
    }
    else if (number == SIGTSTP && !is_ignored(number)) {
        endwin();
        deliver(number);
        continued();
    }
    else if (number != SIGPIPE && !is_ignored(number)) { /* reading detects a closed terminal */
        screen_close();
        deliver(number);
        exit(128 + number);
    }
}

/* ---- drawing ---- */

int screen_rows(void)
{
    return getmaxy(stdscr);
}

int screen_columns(void)
{
    return getmaxx(stdscr);
}

void screen_clear(void)
{
    erase();
}

void screen_show(void)
{
    refresh();
}

void screen_redraw(void)
{
    clearok(curscr, TRUE);
}

static attr_t attributes(style_e style)
{
    attr_t colour = terminal_has_colour() && style >= STYLE_GOOD ? (attr_t)COLOR_PAIR(style)
                                                                 : A_NORMAL;

    if (style == STYLE_TITLE || style == STYLE_ALARM) {
        return colour | A_BOLD;
    }
    return style == STYLE_FAINT ? A_DIM : colour;
}

static int clipped(int row, int column, int columns)
{
    if (row < 0 || row >= screen_rows() || column < 0 || column >= screen_columns()) {
        return 0;
    }
    return columns < screen_columns() - column ? columns : screen_columns() - column;
}

static int put(int row, int column, int columns, attr_t attr, const char *safe)
{
    char *fits = memory_format("%.*s", (int)text_prefix(safe, (size_t)columns), safe);
    int width = (int)text_width(fits);

    attrset((int)attr);
    mvaddstr(row, column, fits);
    attrset(A_NORMAL);
    free(fits);
    return width;
}

int screen_put(int row, int column, int columns, style_e style, const char *safe)
{
    columns = clipped(row, column, columns);
    return columns > 0 ? put(row, column, columns, attributes(style), safe) : 0;
}

int screen_put_bar(int row, int column, int columns, style_e style, const char *safe)
{
    attr_t attr = attributes(style) | A_REVERSE;

    columns = clipped(row, column, columns);
    if (columns <= 0) {
        return 0;
    }
    for (int i = 0; i < columns; i++) {
        mvaddch(row, column + i, ' ' | attr);
    }
    put(row, column, columns, attr, safe);
    return columns;
}

void screen_cursor(int row, int column)
{
    bool inside = row >= 0 && row < screen_rows() && column >= 0 && column < screen_columns();

    curs_set(inside);
    if (inside) {
        move(row, column);
    }
}

/* ---- keys ---- */

static int named_key(wint_t key)
{
    static const int names[][2] = {
        { KEY_UP, SCREEN_UP },
        { KEY_DOWN, SCREEN_DOWN },
        { KEY_PPAGE, SCREEN_PAGE_UP },
        { KEY_NPAGE, SCREEN_PAGE_DOWN },
        { KEY_HOME, SCREEN_HOME },
        { KEY_END, SCREEN_END },
        { KEY_BACKSPACE, SCREEN_BACKSPACE },
        { KEY_ENTER, SCREEN_ENTER },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i][0] == (int)key) {
            return names[i][1];
        }
    }
    if (key >= KEY_F(1) && key <= KEY_F(12)) {
        return SCREEN_F((int)key - KEY_F(0));
    }
    return SCREEN_OTHER;
}

static int plain_key(wint_t key)
{
    switch (key) {
    case '\r':
    case '\n':
        return SCREEN_ENTER;
    case '\t':
        return SCREEN_TAB;
    case 27:
        return SCREEN_ESCAPE;
    case 8:
    case 127:
        return SCREEN_BACKSPACE;
    default:
        return (int)key;
    }
}

/* curses returns ERR both without input and for a closed terminal. */
static int no_key(void)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

    if (poll(&in, 1, 0) == 1 && (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        return SCREEN_LOST;
    }
    return SCREEN_NONE;
}

int screen_key(void)
{
    wint_t key;

    switch (get_wch(&key)) {
    case KEY_CODE_YES:
        return named_key(key);
    case OK:
        return plain_key(key);
    default:
        return no_key();
    }
}
