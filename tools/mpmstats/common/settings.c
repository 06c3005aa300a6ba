/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The global options.
 */
#include "common/settings.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(settings_t, member)

static const char *const json_styles[] = { "auto", "pretty", "compact", NULL };

const option_t settings_options[] = {
    { .name = "url",
      .letter = 'u',
      .arg = "URL",
      .type = OPTION_TEXT,
      .offset = AT(url),
      .help = "address of the server's mpm-status; also unix:/path.sock|http://host/path" },
    { .name = "unix-socket",
      .arg = "PATH",
      .type = OPTION_TEXT,
      .offset = AT(unix_socket),
      .help = "connect through this unix-domain socket" },
    { .name = "segment",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = AT(segment),
      .help = "read a local server from its mpmstats.segment, without a request to it" },
    { .name = "instance",
      .arg = "NAME",
      .type = OPTION_TEXT,
      .offset = AT(instance),
      .help = "the same, for Debian's instance of that name (/etc/apache2-NAME)" },
    { .name = "from",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = AT(from),
      .help = "read a saved answer instead of a server; - is standard input" },
    { .name = "timeout",
      .arg = "SECONDS",
      .type = OPTION_REAL,
      .offset = AT(timeout_s),
      .least = 0.001,
      .most = 86400,
      .help = "fail without an answer after this time (5)" },
    { .name = "insecure",
      .type = OPTION_FLAG,
      .offset = AT(insecure),
      .help = "accept any https certificate" },
    { .name = "cacert",
      .arg = "FILE",
      .type = OPTION_TEXT,
      .offset = AT(cacert),
      .help = "trust the authorities in this PEM file instead of the system's" },
    { .name = "user",
      .arg = "NAME[:PASSWORD]",
      .type = OPTION_TEXT,
      .offset = AT(user),
      .help = "log in; default password: $MPMSTATS_PASSWORD, else a prompt" },
    { .name = "json",
      .letter = 'j',
      .arg = "STYLE",
      .optional = "auto",
      .type = OPTION_CHOICE,
      .offset = AT(json),
      .choices = json_styles,
      .help = "JSON: pretty (default on a terminal) or compact" },
    { .name = "no-color",
      .type = OPTION_FLAG,
      .offset = AT(no_color),
      .help = "no colours, as with NO_COLOR in the environment" },
    { .name = "help",
      .letter = 'h',
      .type = OPTION_FLAG,
      .offset = AT(help),
      .help = "describe the program, or the command" },
    { .name = "version",
      .letter = 'V',
      .type = OPTION_FLAG,
      .offset = AT(version),
      .help = "print the version" },
    { .name = NULL }
};

void settings_init(settings_t *settings)
{
    const char *url = getenv("MPMSTATS_URL");

    memset(settings, 0, sizeof(*settings));
    settings->url_usual = url != NULL && url[0] != '\0' ? (char *)url : NULL;
}
