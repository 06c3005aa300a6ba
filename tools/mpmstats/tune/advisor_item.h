/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/advisor_item.h
 * @brief Construction of items. For advisor*.c only.
 */
#ifndef MPMSTATS_CLI_TUNE_ADVISOR_ITEM_H
#define MPMSTATS_CLI_TUNE_ADVISOR_ITEM_H

#include "tune/advisor.h"

/** Head-room above what was measured. */
#define ADVISOR_ROOM 1.25

/** Saturated share of the time above which saturation is not chance. */
#define ADVISOR_SELDOM 0.01

/** Adds an item, at most ADVISOR_ITEMS_MAX; never NULL. The verdict is ADVISOR_UNKNOWN. */
advisor_item_t *advisor_add(advisor_advice_t *advice, const char *directive);

/** Sets why, printf()-like. */
void advisor_because(advisor_item_t *item, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Sets now, recommended and the verdict. 0 as @a now means unknown.
 */
void advisor_number(advisor_item_t *item, int now, int recommended);

/** Bytes, human-readable: "1.5 GiB". */
const char *advisor_bytes(double bytes, char room[16]);

/** A time, human-readable: "1.5 ms". */
const char *advisor_span(double us, char room[16]);

/** True when every member is known. */
bool advisor_known(const advisor_spread_t *spread);

/** Confidence given by the length of the sample. */
advisor_confidence_e advisor_trust(const advisor_input_t *in);

/** The lower of two confidences. */
advisor_confidence_e advisor_at_most(advisor_confidence_e a, advisor_confidence_e b);

/** MaxRequestWorkers and what follows from it. */
void advisor_workers(const advisor_input_t *in, bool stop_allowed, advisor_advice_t *advice);

/** KeepAliveTimeout, MaxKeepAliveRequests, ListenBacklog. */
void advisor_connections(const advisor_input_t *in, advisor_advice_t *advice);

/** MaxConnectionsPerChild, MaxMemoryPerChild, the model. */
void advisor_processes(const advisor_input_t *in, advisor_advice_t *advice);

#endif
