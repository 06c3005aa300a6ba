/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  segment/segment.h
 * @brief The shared segment: its layout, for writers and readers.
 *
 * A segment is a contiguous block of memory, usually a file that a server maps and others read: a
 * header, a description of its sections and their fields, and the sections, which are arrays of
 * records. docs/segment.md has the diagram and the byte layout.
 *
 * The fields are declared in figures.def, from which the structs here are generated. A
 * segment_NAME_rec_t is a record in shared memory: every member is atomic, and writes are relaxed
 * unless a comment says otherwise. A segment_NAME_t is a reader's private copy, without the
 * histograms, which are large and copied one by one.
 *
 * Writing: segment/write.h and segment/ring.h. Reading: segment/read.h. httpd's scoreboard:
 * segment/board.h.
 */
#ifndef MPMSTATS_SEGMENT_SEGMENT_H
#define MPMSTATS_SEGMENT_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/histogram.h"

/** The value of an unknown number; distinct from 0. */
#define SEGMENT_UNKNOWN UINT64_MAX

/** Bounds that a reader enforces and a writer keeps. */
#define SEGMENT_BYTES_MAX (UINT64_C(1) << 30)
#define SEGMENT_SECTIONS_MAX 64
#define SEGMENT_FIELDS_MAX 4096

/** Layout of header, description and histograms. Adding or removing fields does not change it. */
#define SEGMENT_VERSION 2
#define SEGMENT_MAGIC "MPMSTATS"
#define SEGMENT_ENDIAN UINT32_C(0x01020304)

/* ---- records ------------------------------------------------------------- */

/*
 * The member of a record that a line of figures.def declares: HOT ones come first, so that they
 * share cache lines.
 */
#define SEGMENT_FIRST(kept, kind, unit, help) SEGMENT_FIRST_##kept
#define SEGMENT_FIRST_HOT(field) _Atomic uint64_t field;
#define SEGMENT_FIRST_NUMBER(field)
#define SEGMENT_FIRST_TOLD(field)
#define SEGMENT_FIRST_TEXT(field, size)
#define SEGMENT_FIRST_HISTOGRAM(field)
#define SEGMENT_FIRST_MADE

#define SEGMENT_THEN(kept, kind, unit, help) SEGMENT_THEN_##kept
#define SEGMENT_THEN_HOT(field)
#define SEGMENT_THEN_NUMBER(field) _Atomic uint64_t field;
#define SEGMENT_THEN_TOLD(field) _Atomic uint64_t field;
#define SEGMENT_THEN_TEXT(field, size) _Atomic uint64_t field[(size) / 8];
#define SEGMENT_THEN_HISTOGRAM(field) histogram_t field;
#define SEGMENT_THEN_MADE

/* The member of a reader's copy. */
#define SEGMENT_PLAIN(kept, kind, unit, help) SEGMENT_PLAIN_##kept
#define SEGMENT_PLAIN_HOT(field) uint64_t field;
#define SEGMENT_PLAIN_NUMBER(field) uint64_t field;
#define SEGMENT_PLAIN_TOLD(field) uint64_t field;
#define SEGMENT_PLAIN_TEXT(field, size) char field[size];
#define SEGMENT_PLAIN_HISTOGRAM(field)
#define SEGMENT_PLAIN_MADE

#define SEGMENT_ALIGNED __attribute__((aligned(64)))

typedef struct {
#define SERVER_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define SERVER_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_server_rec_t;

typedef struct {
#define LISTENER_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define LISTENER_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_listener_rec_t;

typedef struct {
#define PROCESS_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define PROCESS_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_process_rec_t;

typedef struct {
#define VHOST_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define VHOST_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_vhost_rec_t;

typedef struct {
#define HANDLER_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define HANDLER_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_handler_rec_t;

typedef struct {
#define EVENT_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define EVENT_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_event_rec_t;

typedef struct {
#define BOARD_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define BOARD_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_board_rec_t;

typedef struct {
#define BOARD_FIELD_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define BOARD_FIELD_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_board_field_rec_t;

/* Its thread alone writes it while it is not free; see segment_stream_claim(). */
typedef struct {
#define STREAM_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define STREAM_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_stream_rec_t;

/* One cache line for each: its worker writes it with every request. */
typedef struct {
#define WORKER_KEPT SEGMENT_FIRST
#include "figures/figures.def"
#define WORKER_KEPT SEGMENT_THEN
#include "figures/figures.def"
} SEGMENT_ALIGNED segment_worker_rec_t;

typedef struct {
#define SERVER_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_server_t;

typedef struct {
#define LISTENER_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_listener_t;

typedef struct {
#define PROCESS_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_process_t;

typedef struct {
#define VHOST_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_vhost_t;

typedef struct {
#define HANDLER_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_handler_t;

typedef struct {
#define EVENT_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_event_t;

typedef struct {
#define BOARD_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_board_t;

typedef struct {
#define BOARD_FIELD_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_board_field_t;

typedef struct {
#define WORKER_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_worker_t;

typedef struct {
#define STREAM_KEPT SEGMENT_PLAIN
#include "figures/figures.def"
} segment_stream_t;

/** The state of a `stream` record. */
typedef enum {
    SEGMENT_STREAM_FREE,
    SEGMENT_STREAM_CLAIMED, /**< being written */
    SEGMENT_STREAM_RUNS
} segment_stream_state_e;

/** The state of a `handler` record. */
typedef enum {
    SEGMENT_HANDLER_FREE,
    SEGMENT_HANDLER_CLAIMED, /**< its name is being written */
    SEGMENT_HANDLER_USED
} segment_handler_state_e;

/* ---- sections and fields, at run time ------------------------------------ */

/** The sections with fields, in their order in a segment; then those without. */
typedef enum {
    SEGMENT_S_SERVER,
    SEGMENT_S_LISTENER,
    SEGMENT_S_PROCESS,
    SEGMENT_S_VHOST,
    SEGMENT_S_HANDLER,
    SEGMENT_S_EVENT,
    SEGMENT_S_BOARD,
    SEGMENT_S_BOARD_FIELD,
    SEGMENT_S_WORKER,
    SEGMENT_S_STREAM,
    SEGMENT_S_DESCRIBED,
    /** 32-bit counts: a row for each process record; see segment/write.h */
    SEGMENT_S_CELLS = SEGMENT_S_DESCRIBED,
    SEGMENT_S_BOARD_IMAGE, /**< httpd's scoreboard itself */
    SEGMENT_SECTIONS
} segment_section_e;

/** How a field is stored. The numbers are those in the file. */
typedef enum {
    SEGMENT_STORE_NUMBER = 1,
    SEGMENT_STORE_TEXT = 2,
    SEGMENT_STORE_HISTOGRAM = 3
} segment_store_e;

/** What a field is. The numbers are those in the file. */
typedef enum {
    SEGMENT_KIND_TEXT = 1,
    SEGMENT_KIND_ID = 2,
    SEGMENT_KIND_FLAG = 3,
    SEGMENT_KIND_GAUGE = 4,
    SEGMENT_KIND_PEAK = 5,
    SEGMENT_KIND_CEILING = 6,
    SEGMENT_KIND_COUNTER = 7,
    SEGMENT_KIND_TIME = 8,
    SEGMENT_KIND_SPREAD = 9
} segment_kind_e;

typedef enum {
    SEGMENT_UNIT_NONE = 1,
    SEGMENT_UNIT_BYTES = 2,
    SEGMENT_UNIT_MICROSECONDS = 3
} segment_unit_e;

/** A line of figures.def that is a field of the segment. */
typedef struct {
    const char *name;
    segment_store_e store;
    segment_kind_e kind;
    segment_unit_e unit;
    bool told;            /**< a number that is unknown until it is first recorded */
    unsigned size;        /**< of a text, in bytes */
    size_t shared_offset; /**< in segment_NAME_rec_t */
    size_t plain_offset;  /**< in segment_NAME_t; meaningless for a histogram */
} segment_field_t;

typedef struct {
    const char *name;
    const segment_field_t *fields;
    unsigned field_count;
    size_t shared_size; /**< of segment_NAME_rec_t */
    size_t plain_size;  /**< of segment_NAME_t */
} segment_section_t;

/** A section with fields (below SEGMENT_S_DESCRIBED). Static and constant. */
const segment_section_t *segment_section(segment_section_e section);

/** Name of any section, as it stands in a segment. */
const char *segment_section_name(segment_section_e section);

/** The field's number in its section; -1: no such field. */
int segment_field_find(segment_section_e section, const char *name);

/* ---- kinds of events ------------------------------------------------------ */

/* EVENT(name, word, number in the segment, meaning of a, meaning of b, text) */
#define SEGMENT_EVENTS(EVENT) \
    EVENT(START, "start", 1, "", "", "the server has started") \
    EVENT(GRACEFUL, "graceful", 2, "config generation", "", \
          "the configuration was reloaded, requests went on") \
    EVENT(RESTART, "restart", 3, "config generation", "", \
          "the configuration was reloaded, requests were ended") \
    EVENT(STOP, "stop", 4, "", "", "the server was stopped") \
    EVENT(CRASH, "crash", 5, "signal; 0: it exited by itself", "microseconds the process lived", \
          "a child process crashed or was killed") \
    EVENT(SATURATED, "saturated", 6, "busy workers", "MaxRequestWorkers", \
          "every worker the limits allow is busy") \
    EVENT(RELIEVED, "relieved", 7, "microseconds it had lasted", \
          "most connections in a listen queue then", "the server is no longer saturated") \
    EVENT(OVERFLOW, "overflow", 8, "connections that found it full", "the longest queue now", \
          "a listen queue was full; the text names the listener, if known")

#define SEGMENT_EVENT_ENUM(name, word, number, a, b, text) SEGMENT_EVENT_##name = number,
typedef enum { SEGMENT_EVENTS(SEGMENT_EVENT_ENUM) SEGMENT_EVENT_AFTER_LAST } segment_event_e;

/** In words, such as "the server has started"; "unknown event" for a kind of another build. */
const char *segment_event_text(uint64_t kind);

/** A word for machines, lower case, such as "crash"; "unknown" for a kind of another build. */
const char *segment_event_word(uint64_t kind);

/* ---- header and description, as stored in a segment ------------------------ */

typedef struct {
    char magic[8];         /* SEGMENT_MAGIC, without NUL */
    uint32_t endian;       /* SEGMENT_ENDIAN in the writer's byte order */
    uint32_t version;      /* SEGMENT_VERSION */
    uint32_t head_size;    /* bytes of this header */
    uint32_t section_size; /* bytes of one segment_section_file_t */
    uint32_t section_count;
    uint32_t field_size; /* bytes of one segment_field_file_t */
    uint32_t field_count;
    uint32_t histogram_sub_bits;
    uint64_t total_size; /* bytes of all, the size of the file */
    uint64_t sections_offset;
    uint64_t fields_offset;
    uint64_t created; /* microseconds since the epoch */
    uint64_t check;   /* segment_check() of the header to here and of the description */
    /* The members above are constant, those below change. */
    /* odd while names of virtual hosts change; see segment/write.h */
    _Atomic uint64_t table_turn;
    /* The server's own: readers ignore the rest. */
    /* time of the last sample, CLOCK_MONOTONIC microseconds */
    _Atomic uint64_t sample_clock;
    /* the kernel's count of listen overflows at the last sample */
    _Atomic uint64_t overflows_raw;
    /* when streams_waited was last reset to 0, as sample_clock */
    _Atomic uint64_t streams_clock;
    /* microseconds that HTTP/2 streams have waited since then */
    _Atomic uint64_t streams_waited;
    uint64_t reserved[1];
} segment_head_t;

typedef struct {
    char name[24];
    uint64_t offset; /* of the first record, from the beginning of the segment */
    uint64_t record_size;
    uint64_t record_count;
    uint32_t first_field; /* in the list of all fields */
    uint32_t field_count;
} segment_section_file_t;

typedef struct {
    char name[32];
    uint32_t store;  /* segment_store_e */
    uint32_t kind;   /* segment_kind_e */
    uint32_t unit;   /* segment_unit_e */
    uint32_t count;  /* bytes of a text, buckets of a histogram, 1 for a number */
    uint64_t offset; /* in the record */
} segment_field_file_t;

/** 64-bit FNV-1a; the first @a start is SEGMENT_CHECK_START. */
#define SEGMENT_CHECK_START UINT64_C(14695981039346656037)
uint64_t segment_check(uint64_t start, const void *data, size_t len);

/* ---- errors ---------------------------------------------------------------- */

typedef enum {
    SEGMENT_OK = 0,
    SEGMENT_ABSENT,     /**< no such file */
    SEGMENT_DENIED,     /**< no permission */
    SEGMENT_NOT_FILE,   /**< a directory, a pipe, a symbolic link where none is allowed … */
    SEGMENT_FOREIGN,    /**< not a segment */
    SEGMENT_BYTE_ORDER, /**< of a machine with another byte order */
    SEGMENT_NEWER,      /**< of a version this build does not know */
    SEGMENT_TRUNCATED,  /**< shorter than its header or its stated size */
    SEGMENT_CORRUPT,    /**< contradicts itself */
    SEGMENT_CHANGING,   /**< changed during every attempt to read it */
    SEGMENT_IN_USE,     /**< another running server writes to it */
    SEGMENT_SYSTEM      /**< a system call failed; `error` has its errno */
} segment_error_e;

/**
 * The reason of a failure. The text is one line for people that says what to do, without a full
 * stop.
 */
typedef struct {
    segment_error_e code;
    int error; /**< errno, if that is the reason */
    char text[512];
} segment_failure_t;

/** Fills @a failure. @return @a code */
segment_error_e segment_fail(segment_failure_t *failure, segment_error_e code, int error,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/** Upper bound of the fields of any section of this build. */
#define SEGMENT_VIEW_FIELDS 128

#endif
