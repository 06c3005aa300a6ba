/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints advice as text and as JSON.
 */
#include "tune/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fields/figure.h"
#include "common/memory.h"
#include "term/table.h"
#include "common/terminal.h"
#include "common/text.h"

static const char *const confidences[] = {
    [ADVISOR_LOW] = "low", [ADVISOR_MEDIUM] = "medium", [ADVISOR_HIGH] = "high"
};
static const char *const verdicts[] = {
    [ADVISOR_KEEP] = "keep", [ADVISOR_CHANGE] = "change", [ADVISOR_UNKNOWN] = "unknown"
};
static const char *const effects[] = {
    [ADVISOR_GRACEFUL] = "graceful", [ADVISOR_STOP] = "stop", [ADVISOR_BY_HAND] = "by_hand"
};

/* ---- text ---- */

/* Appends a fact to a line; frees both. */
static char *with_fact(char *line, char *fact)
{
    char *longer = memory_format("%s%s%s", line, line[0] != '\0' ? "; " : "", fact);

    free(line);
    free(fact);
    return longer;
}

/* Frees @a line. */
static void show_line(char *line)
{
    char *safe = text_safe(line);

    text_print_words(stdout, safe, terminal_width());
    free(safe);
    free(line);
}

static void show_memory(const tune_t *tune)
{
    const char *source = tuning_memory_source(tune->tuning);
    char *now, *budget;

    if (isnan(tune->in.budget_bytes)) {
        return;
    }
    now = figure_bytes(tuning_memory_used(tune->tuning));
    budget = figure_bytes(tune->in.budget_bytes);
    show_line(memory_format("Memory: %s used now, budget %s (%s)", now, budget,
                            source != NULL ? source : "--memory"));
    free(now);
    free(budget);
}

static void show_sample(const tune_t *tune)
{
    const advisor_input_t *in = &tune->in;
    char *requests = figure_count(in->requests);
    char *line = memory_format("%.0f s, %d looks at %s: %s requests", in->seconds, in->looks,
                               tune->origin, requests);

    free(requests);
    if (!isnan(in->busy.max)) {
        line = with_fact(line,
                         memory_format("%.1f workers busy on average, %.0f at most", in->busy.mean,
                                       in->busy.max));
    }
    if (!isnan(in->demand.max)) {
        line = with_fact(line,
                         memory_format("with waiting requests %.1f, %.0f at most", in->demand.mean,
                                       in->demand.max));
    }
    if (!isnan(in->saturated_share)) {
        line = with_fact(line,
                         memory_format("saturated %.0f %% of the time", in->saturated_share * 100));
    }
    if (!isnan(in->cpu_cores)) {
        line = with_fact(line,
                         memory_format("%.1f of %d processors used", in->cpu_cores, in->cores));
    }
    show_line(line);
    show_memory(tune);
}

static style_e item_style(const advisor_item_t *item)
{
    return item->verdict == ADVISOR_CHANGE ? STYLE_TITLE
        : item->verdict == ADVISOR_KEEP    ? STYLE_PLAIN
                                           : STYLE_FAINT;
}

static char *recommended_cell(const advisor_item_t *item)
{
    if (item->verdict == ADVISOR_UNKNOWN) {
        return memory_copy("?");
    }
    return memory_format("%s%s", item->recommended,
                         item->effect == ADVISOR_STOP && item->verdict == ADVISOR_CHANGE ? " *"
                                                                                         : "");
}

static void show_items(const advisor_advice_t *advice)
{
    static const column_t columns[] = {
        { .title = "DIRECTIVE" },
        { .title = "NOW", .right = true },
        { .title = "RECOMMENDED", .right = true },
        { .title = "CONFIDENCE", .drop = 1 },
        { .title = "WHY", .words = true, .least = 30 },
    };
    table_t *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    bool stop = false;

    for (size_t i = 0; i < advice->count; i++) {
        const advisor_item_t *item = &advice->items[i];
        style_e style = item_style(item);

        table_cell(table, memory_copy(item->directive), style);
        table_cell(table, memory_copy(item->now[0] != '\0' ? item->now : "-"), style);
        table_cell(table, recommended_cell(item), style);
        table_cell(table,
                   memory_copy(item->verdict == ADVISOR_UNKNOWN ? "-"
                                                                : confidences[item->confidence]),
                   style);
        table_cell(table, text_safe(item->why), STYLE_PLAIN);
        stop |= item->verdict == ADVISOR_CHANGE && item->effect == ADVISOR_STOP;
    }
    table_print(table, stdout, terminal_width());
    table_free(table);
    if (stop) {
        puts("* takes effect at a stop and start, not at a graceful restart");
    }
}

void tune_show(const tune_t *tune)
{
    show_sample(tune);
    putchar('\n');
    if (tune->advice.enough) {
        show_items(&tune->advice);
    }
    else {
        show_line(memory_format("Not enough data: %s.", tune->advice.missing));
    }
}

/* ---- JSON ---- */

static void put_number(json_t *object, const char *key, double number)
{
    if (isnan(number)) {
        return;
    }
    json_object_set_new(object, key,
                        number == floor(number) && fabs(number) < 9e15
                            ? json_integer((json_int_t)number)
                            : json_real(number));
}

static void put_spread(json_t *object, const char *key, const advisor_spread_t *spread)
{
    json_t *json;

    if (isnan(spread->max)) {
        return;
    }
    json = json_object();
    put_number(json, "mean", spread->mean);
    put_number(json, "p50", spread->p50);
    put_number(json, "p99", spread->p99);
    put_number(json, "max", spread->max);
    json_object_set_new(object, key, json);
}

static json_t *sample_json(const advisor_input_t *in)
{
    json_t *json = json_object();

    put_number(json, "seconds", in->seconds);
    put_number(json, "looks", in->looks);
    put_number(json, "requests", in->requests);
    put_spread(json, "busy", &in->busy);
    put_spread(json, "demand", &in->demand);
    put_number(json, "burst", in->burst);
    put_number(json, "saturated_share", in->saturated_share);
    put_number(json, "held_share", in->held_share);
    put_number(json, "queue_p50_us", in->queue_p50_us);
    put_number(json, "queue_p99_us", in->queue_p99_us);
    put_number(json, "backlog_max", in->backlog_max);
    put_number(json, "overflows", in->overflows);
    put_number(json, "cpu_cores", in->cpu_cores);
    put_number(json, "cpu_delay_cores", in->cpu_delay_cores);
    if (in->cores > 0) {
        put_number(json, "cores", in->cores);
    }
    put_number(json, "process_bytes", in->process_bytes);
    put_number(json, "worker_bytes", in->worker_bytes);
    put_number(json, "growth_bytes", in->growth_bytes);
    put_number(json, "budget_bytes", in->budget_bytes);
    return json;
}

static json_t *item_json(const advisor_item_t *item)
{
    json_t *json = json_object();

    json_object_set_new(json, "directive", json_string(item->directive));
    if (item->now[0] != '\0') {
        json_object_set_new(json, "now", json_string(item->now));
    }
    if (item->recommended[0] != '\0') {
        json_object_set_new(json, "recommended", json_string(item->recommended));
    }
    json_object_set_new(json, "verdict", json_string(verdicts[item->verdict]));
    json_object_set_new(json, "confidence", json_string(confidences[item->confidence]));
    json_object_set_new(json, "effect", json_string(effects[item->effect]));
    json_object_set_new(json, "why", json_string(item->why));
    return json;
}

json_t *tune_json(const tune_t *tune)
{
    json_t *json = json_object(), *items = json_array();

    json_object_set_new(json, "origin", json_string(tune->origin));
    json_object_set_new(json, "enough", json_boolean(tune->advice.enough));
    if (!tune->advice.enough) {
        json_object_set_new(json, "missing", json_string(tune->advice.missing));
    }
    json_object_set_new(json, "sample", sample_json(&tune->in));
    for (size_t i = 0; i < tune->advice.count; i++) {
        json_array_append_new(items, item_json(&tune->advice.items[i]));
    }
    json_object_set_new(json, "recommendations", items);
    if (tune->applied != NULL) {
        json_object_set(json, "applied", tune->applied);
    }
    return json;
}
