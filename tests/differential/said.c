/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CGI program that tells what it has read: in its answer, and as a line of the file that
 * SAID_LOG names, begun with the client's address, for clients that are gone before the answer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL ? value : "-";
}

int main(void)
{
    char data[65536], line[1024];
    unsigned long long bytes = 0;
    uint32_t sum = 2166136261u; /* FNV-1a */
    const char *end = "end of file", *log = getenv("SAID_LOG");
    ssize_t n;
    int fd;

    while ((n = read(STDIN_FILENO, data, sizeof(data))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            sum = (sum ^ (unsigned char)data[i]) * 16777619u;
        }
        bytes += (unsigned long long)n;
    }
    if (n < 0) {
        end = strerror(errno);
    }
    snprintf(line, sizeof(line), "%s %.200s length=%.40s coding=%.40s read=%llu sum=%08x %s\n",
             environment("REQUEST_METHOD"), environment("REQUEST_URI"),
             environment("CONTENT_LENGTH"), environment("HTTP_TRANSFER_ENCODING"), bytes, sum, end);
    fd = log != NULL ? open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (fd >= 0) {
        dprintf(fd, "%s %s", environment("REMOTE_ADDR"), line);
        close(fd);
    }
    printf("Content-Type: text/plain\r\nX-Said: yes\r\nContent-Length: %zu\r\n\r\n%s", strlen(line),
           line);
    return 0;
}
