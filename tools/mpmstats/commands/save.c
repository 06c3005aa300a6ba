/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpmstats save: writes the server's answer to a file, atomically.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "common/layout.h"
#include "common/memory.h"
#include "source/source.h"
#include "view/view.h"
#include "common/wholefile.h"

static int save(const char *path, const sample_t *sample)
{
    char *given = sample_text(sample), *text = given == NULL ? NULL : layout_json(given, 1), *line;
    failure_t failure;
    bool saved;

    free(given);
    if (text == NULL) {
        failure_set(&failure, RC_LOCAL, "out of memory; close something and try again");
        return failure_report(&failure);
    }
    line = memory_format("%s\n", text);
    free(text);
    saved = wholefile_write_private(path, line, &failure);
    free(line);
    return saved ? RC_OK : failure_report(&failure);
}

static int run(const settings_t *settings, int argc, char **argv)
{
    failure_t failure;
    sample_t *sample;
    int rc;

    if (argc == 0) {
        failure_set(&failure, RC_USAGE, "save where? name a file, or - for standard output");
        return failure_report(&failure);
    }
    if ((strcmp(argv[0], "-") != 0 && !wholefile_usable(argv[0], &failure))
        || !command_no_arguments(argc - 1, argv + 1, &failure)
        || (sample = source_once(settings, &failure)) == NULL) {
        return failure_report(&failure);
    }
    if (strcmp(argv[0], "-") == 0) {
        rc = view_json_sample(sample, "auto");
    }
    else {
        rc = save(argv[0], sample);
    }
    return sample_end(sample, rc);
}

const command_t cmd_save = {
    .name = "save",
    .synopsis = "FILE",
    .summary = "write the server's answer to a file, for --from and diff",
    .details =
        "The file is replaced atomically. It contains requests and client addresses, so only its\n"
        "owner may read it (mode 0600).\n",
    .examples = "  mpmstats save before.json\n"
                "  mpmstats --from before.json workers --state busy\n"
                "  mpmstats diff before.json\n",
    .run = run,
};
