/* SPDX-License-Identifier: Apache-2.0 */
/* source/url: what people type becomes what is asked; a password is never shown. */
#include "source/url.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static url_t url;
static failure_t failure;

static void stop(void)
{
    url_free(&url);
}

static void parse(const char *text, const char *unix_socket)
{
    url_free(&url);
    ck_assert_msg(url_parse(&url, text, unix_socket, &failure), "'%s': %s", text, failure.text);
}

static void check_refused(const char *text, const char *unix_socket, const char *why)
{
    url_free(&url);
    ck_assert_msg(!url_parse(&url, text, unix_socket, &failure), "'%s' is taken as %s", text,
                  url.full);
    ck_assert_int_eq(failure.rc, RC_USAGE);
    ck_assert_msg(strstr(failure.text, why) != NULL, "'%s': %s", text, failure.text);
    ck_assert_ptr_null(url.full);
}

START_TEST(what_is_left_out_has_a_default)
{
    static const struct {
        const char *text, *full, *host;
        int port;
    } urls[] = {
        { URL_DEFAULT, "http://127.0.0.1/mpm-status?json", "127.0.0.1", 80 },
        { "www.test", "http://www.test/mpm-status?json", "www.test", 80 },
        { "www.test:8080", "http://www.test:8080/mpm-status?json", "www.test", 8080 },
        { "www.test/", "http://www.test/mpm-status?json", "www.test", 80 },
        { "https://www.test", "https://www.test/mpm-status?json", "www.test", 443 },
        { "http://www.test/status", "http://www.test/status?json", "www.test", 80 },
        { "http://www.test/status?auto", "http://www.test/status?auto", "www.test", 80 },
        { "http://www.test/status#top", "http://www.test/status?json", "www.test", 80 },
        { "http://[::1]:81/s", "http://[::1]:81/s?json", "::1", 81 },
        { "localhost/s?to=http://www.test/", "http://localhost/s?to=http://www.test/", "localhost",
          80 },
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        parse(urls[i].text, NULL);
        ck_assert_str_eq(url.full, urls[i].full);
        ck_assert_str_eq(url.shown, urls[i].full);
        ck_assert_str_eq(url.host, urls[i].host);
        ck_assert_int_eq(url.port, urls[i].port);
        ck_assert_ptr_null(url.socket);
    }
}
END_TEST

START_TEST(a_password_is_sent_and_not_shown)
{
    parse("https://me:secret@www.test:444/s", NULL);
    ck_assert_str_eq(url.full, "https://me:secret@www.test:444/s?json");
    ck_assert_str_eq(url.shown, "https://www.test:444/s?json");
    ck_assert_str_eq(url.host, "www.test");
    url_set_query(&url, "metrics");
    ck_assert_str_eq(url.full, "https://me:secret@www.test:444/s?metrics");
    ck_assert_str_eq(url.shown, "https://www.test:444/s?metrics");
    check_refused("https://me:secret@/s", NULL, "not a valid address");
    ck_assert_ptr_null(strstr(failure.text, "secret"));
}
END_TEST

START_TEST(a_socket_is_named_in_front_or_beside)
{
    parse("unix:/run/a.sock|http://www.test/s", NULL);
    ck_assert_str_eq(url.socket, "/run/a.sock");
    ck_assert_str_eq(url.full, "http://www.test/s?json");
    ck_assert_str_eq(url.shown, "unix:/run/a.sock|http://www.test/s?json");
    ck_assert(url.loopback);
    url_set_query(&url, "auto");
    ck_assert_str_eq(url.shown, "unix:/run/a.sock|http://www.test/s?auto");
    parse("UNIX:/run/a.sock", NULL);
    ck_assert_str_eq(url.socket, "/run/a.sock");
    ck_assert_str_eq(url.full, "http://localhost/mpm-status?json");
    parse("www.test", "/run/b.sock");
    ck_assert_str_eq(url.socket, "/run/b.sock");
    ck_assert(url.loopback);
    check_refused("unix:/run/a.sock|http://www.test/", "/run/b.sock", "name two sockets");
    check_refused("unix:run/a.sock", NULL, "must begin with a slash");
    check_refused("unix:", NULL, "must begin with a slash");
    check_refused("www.test", "b.sock", "must begin with a slash");
    check_refused("unix:/run/a.sock|", NULL, "not a valid address");
}
END_TEST

START_TEST(a_socket_fits_the_kernels_address)
{
    char text[200] = "unix:/";

    memset(text + 6, 's', 106); /* 107 bytes with the slash: 108 with the NUL */
    text[6 + 106] = '\0';
    parse(text, NULL);
    ck_assert_uint_eq(strlen(url.socket), 107);
    strcat(text, "s");
    check_refused(text, NULL, "longer than 107 bytes");
}
END_TEST

START_TEST(this_machine_is_known_by_its_addresses)
{
    static const struct {
        const char *text;
        bool loopback;
    } urls[] = {
        { "localhost", true },      { "LOCALHOST:80", true },    { "127.0.0.1", true },
        { "127.1.2.3:8080", true }, { "[::1]", true },           { "www.test", false },
        { "127.www.test", false },  { "127.0.0.1.test", false }, { "128.0.0.1", false },
        { "[::2]", false },         { "localhost.test", false }, { "10.127.0.1", false },
    };

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        parse(urls[i].text, NULL);
        ck_assert_msg(url.loopback == urls[i].loopback, "%s", urls[i].text);
    }
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
    check_refused("ftp://www.test/", NULL, "must begin with http://");
    check_refused("file:///etc/passwd", NULL, "must begin with http://");
    check_refused("http://", NULL, "not a valid address");
    check_refused("", NULL, "not a valid address");
    check_refused("http://www.test:99999/", NULL, "not a valid address");
    check_refused("http://www.test:port/", NULL, "not a valid address");
    check_refused("http://[::1/", NULL, "not a valid address");
    check_refused("http://a b/", NULL, "not a valid address");
    check_refused("http://www.test/\r\nX: y", NULL, "not a valid address");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("url");
    TCase *tc = tcase_create("url");

    tcase_add_checked_fixture(tc, NULL, stop);
    tcase_add_test(tc, what_is_left_out_has_a_default);
    tcase_add_test(tc, a_password_is_sent_and_not_shown);
    tcase_add_test(tc, a_socket_is_named_in_front_or_beside);
    tcase_add_test(tc, a_socket_fits_the_kernels_address);
    tcase_add_test(tc, this_machine_is_known_by_its_addresses);
    tcase_add_test(tc, what_is_no_address_is_refused);
    suite_add_tcase(suite, tc);
    return unit_main(suite);
}
