/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of samples. Which members are numbers, reals or strings is told by
 * the tables of fields.c, so a figure added there starts as unknown here.
 */
#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "fields.h"
#include "memory.h"

sample_t *sample_new(void)
{
    sample_t *sample = memory_get(1, sizeof(*sample));

    fields_clear(fields_server, &sample->snap);
    return sample;
}

void sample_rows(sample_t *sample, size_t processes, size_t workers)
{
    snapshot_t *snap = &sample->snap;

    snap->processes = memory_get(processes, sizeof(*snap->processes));
    snap->workers = memory_get(workers, sizeof(*snap->workers));
    for (size_t i = 0; i < processes; i++)
        fields_clear(fields_process, &snap->processes[i]);
    for (size_t i = 0; i < workers; i++)
        fields_clear(fields_worker, &snap->workers[i]);
    snap->process_count = (int)processes;
    snap->worker_count = (int)workers;
}

void sample_free(sample_t *sample)
{
    if (sample == NULL)
        return;
    free(sample->snap.processes);
    free(sample->snap.workers);
    json_decref(sample->document);
    free(sample);
}

bool sample_worker_busy(const snapshot_worker_t *worker)
{
    return worker->state != NULL && strlen(worker->state) == 1
           && strchr("_SIG.", worker->state[0]) == NULL;
}
