/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tools/mpmstats/version.h
 * @brief The version mpmstats says of itself; the build may name another.
 */
#ifndef MPMSTATS_VERSION_H
#define MPMSTATS_VERSION_H

#ifndef MPMSTATS_VERSION
#define MPMSTATS_VERSION "0.1.0"
#endif

#endif
