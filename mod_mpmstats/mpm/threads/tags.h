/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/tags.h
 * @brief Tags in epoll_data.u64 that identify the target of an event.
 *
 * A connection's tag is its index in the low and its generation in the high
 * half; the generation identifies events for a previous user of the same
 * conn_t. Generations stay below TAG_SPECIAL.
 */
#ifndef MPMSTATS_MPM_THREADS_TAGS_H
#define MPMSTATS_MPM_THREADS_TAGS_H

#include <stdint.h>

#define TAG_SPECIAL 0x80000000u
#define TAG_WAKE ((uint64_t)TAG_SPECIAL << 32)
#define TAG_LISTENER(n) (((uint64_t)(TAG_SPECIAL | 1u) << 32) | (uint32_t)(n))
#define TAG_HANDOVER ((uint64_t)(TAG_SPECIAL | 2u) << 32)
#define TAG_CONN(index, generation) \
    (((uint64_t)((generation) & (TAG_SPECIAL - 1)) << 32) | (uint32_t)(index))

#define TAG_IS_CONN(tag) (((tag) >> 63) == 0)
#define TAG_IS_LISTENER(tag) ((tag) >> 32 == (TAG_SPECIAL | 1u))
#define TAG_LOW(tag) ((uint32_t)(tag))
#define TAG_GENERATION(tag) ((uint32_t)((tag) >> 32))

#endif
