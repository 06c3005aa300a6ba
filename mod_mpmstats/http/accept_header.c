/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header is a list of ranges, a range a type and its parameters. Quoted parameters are not
 * parsed: no relevant client sends any.
 */
#include "http/accept_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WANTED 1000

/* A part of the header. */
typedef struct {
    const char *at;
    size_t len;
} piece_t;

static piece_t trimmed(piece_t piece)
{
    while (piece.len > 0 && strchr(" \t", piece.at[0]) != NULL) {
        piece.at++;
        piece.len--;
    }
    while (piece.len > 0 && strchr(" \t", piece.at[piece.len - 1]) != NULL) {
        piece.len--;
    }
    return piece;
}

/* Removes the part before the next `mark` from the front of `rest`. */
static piece_t next_piece(piece_t *rest, char mark)
{
    const char *end = memchr(rest->at, mark, rest->len);
    piece_t piece = { rest->at, end != NULL ? (size_t)(end - rest->at) : rest->len };
    size_t taken = piece.len + (end != NULL);

    rest->at += taken;
    rest->len -= taken;
    return trimmed(piece);
}

static bool is(piece_t piece, const char *word)
{
    return piece.len == strlen(word) && strncasecmp(piece.at, word, piece.len) == 0;
}

/* If `piece` begins with `key`, removes it. */
static bool begins(piece_t *piece, const char *key)
{
    size_t len = strlen(key);

    if (piece->len < len || strncasecmp(piece->at, key, len) != 0) {
        return false;
    }
    piece->at += len;
    piece->len -= len;
    return true;
}

/* "0.75" is 750. Anything but a number counts as 1. */
static int read_quality(piece_t text)
{
    int quality = 0;
    int unit = WANTED;

    for (size_t i = 0; i < text.len && unit > 0; i++) {
        if (text.at[i] >= '0' && text.at[i] <= '9') {
            quality += (text.at[i] - '0') * unit;
            unit /= 10;
        }
        else if (text.at[i] != '.' || i != 1) {
            return WANTED;
        }
    }
    return text.len > 0 && quality < WANTED ? quality : WANTED;
}

static bool one_of(piece_t version, const char *const *versions)
{
    for (; *versions != NULL; versions++) {
        if (is(version, *versions)) {
            return true;
        }
    }
    return false;
}

/* The quality of a range by its parameters; 0: its version is not wanted. */
static int judge(piece_t parameters, const char *const *versions)
{
    int quality = WANTED;

    while (parameters.len > 0) {
        piece_t parameter = next_piece(&parameters, ';');

        if (begins(&parameter, "q=")) {
            quality = read_quality(parameter);
        }
        else if (begins(&parameter, "version=") && !one_of(parameter, versions)) {
            return 0;
        }
    }
    return quality;
}

int accept_quality(const char *header, const char *type, const char *const *versions)
{
    piece_t rest = { header, header != NULL ? strlen(header) : 0 };
    int best = 0;

    while (rest.len > 0) {
        piece_t range = next_piece(&rest, ',');

        if (is(next_piece(&range, ';'), type)) {
            int quality = judge(range, versions);

            best = quality > best ? quality : best;
        }
    }
    return best;
}
