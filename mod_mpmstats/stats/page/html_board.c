/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To a screen reader the picture is one image, described by its numbers; the table below it lists
 * the single workers.
 */
#include "stats/page/html_board.h"

#include "base/format.h"
#include "figures/states.h"
#include "figures/sums.h"

static void put_count(out_t *out, apr_int64_t count, const char *what)
{
    char text[FORMAT_BYTES];

    out_raw(out, format_count(text, count));
    out_raw(out, what);
}

/* State, time, client and request: "writing for 2.1 s, 10.0.0.1, GET / HTTP/1.1". */
static void put_tooltip(out_t *out, const snapshot_worker_t *worker)
{
    const char *const whom[] = { worker->client, worker->request };
    char text[FORMAT_BYTES];

    out_raw(out, worker->state_name);
    if (worker->since_us != SNAPSHOT_UNKNOWN) {
        out_raw(out, " for ");
        out_raw(out, format_duration(text, worker->since_us));
    }
    if (worker->state[0] == states[STATE_IDLE].letter[0]) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (whom[i] != NULL) {
            out_print(out, ", %h", whom[i]);
        }
    }
}

static void put_cell(out_t *out, char letter, const snapshot_worker_t *worker)
{
    out_raw(out, "<i data-s=");
    out_bytes(out, &letter, 1);
    if (worker != NULL) {
        out_raw(out, " title=\"");
        put_tooltip(out, worker);
        out_raw(out, "\"");
    }
    out_raw(out, ">");
    out_bytes(out, &letter, 1);
    out_raw(out, "</i>");
}

/* The workers of a process are in the order of their threads: walk both together. */
static void put_cells(out_t *out, const snapshot_t *snapshot, const snapshot_process_t *process)
{
    const snapshot_worker_t *worker = &snapshot->workers[process->first_worker];
    const snapshot_worker_t *end = worker + process->worker_count;

    for (int thread = 0; process->scoreboard[thread] != '\0'; thread++) {
        bool here = worker < end && worker->thread == thread;

        put_cell(out, process->scoreboard[thread], here ? worker : NULL);
        worker += here;
    }
}

static void put_process(out_t *out, const snapshot_t *snapshot, const snapshot_process_t *process)
{
    out_raw(out, "<div class=\"proc\" data-k=\"");
    out_number(out, process->slot);
    out_print(out, "\" data-state=\"%s\"><span class=\"pid\">", process->state);
    out_number(out, process->pid);
    out_raw(out, "</span><span class=\"cells\">");
    put_cells(out, snapshot, process);
    out_raw(out, "</span></div>\n");
}

void html_board_picture(const html_t *html)
{
    const snapshot_t *snapshot = html->snapshot;
    const snapshot_totals_t *totals = &snapshot->totals;
    out_t *out = html->out;

    /* Processes with one worker share lines. */
    out_raw(out,
            snapshot->server.threaded ? "<div id=\"board\" class=\"board\""
                                      : "<div id=\"board\" class=\"board single\"");
    out_raw(out, " role=\"img\" aria-label=\"");
    put_count(out, totals->workers_busy, " busy, ");
    put_count(out, totals->workers_idle, " idle, ");
    put_count(out, totals->workers_starting, " starting, ");
    put_count(out, totals->workers_finishing, " finishing workers in ");
    put_count(out, totals->processes, " processes\">\n");
    for (int i = 0; i < snapshot->process_count; i++) {
        put_process(out, snapshot, &snapshot->processes[i]);
    }
    out_raw(out, "</div>");
}

void html_board_legend(const html_t *html)
{
    html_frame(html, "<ul class=\"legend\" aria-label=\"Legend of the scoreboard\">\n");
    for (int i = 0; i < STATE_COUNT; i++) {
        const state_t *state = &states[i];

        if (!html_is_live(html)) {
            out_print(html->out, "<li title=\"%h\"><i data-s=%s>%s</i> %s ", state->help,
                      state->letter, state->letter, state->name);
        }
        out_print(html->out, "<b data-m=\"letter %s\">", state->letter);
        put_count(html->out, sums_in_state(html->snapshot, state), "</b>");
        html_frame(html, "</li>\n");
    }
    html_frame(html, "</ul>");
}
