// Private details go, everything that merely looks like one stays.
#include "app/corpus/scrub.h"
#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(unsigned flags, const scrub_words *words, const char *text, const char *want) {
    buf out = {0};
    int64_t counts[SCRUB_KINDS] = {0};
    scrub_text(text, strlen(text), flags, words, &out, counts);
    OK(strcmp(buf_str(&out), want) == 0, "\"%s\" became \"%s\", expected \"%s\"", text, buf_str(&out), want);
    int64_t n = 0, marks = 0;
    for (int k = 0; k < SCRUB_KINDS; k++) n += counts[k];
    static const char *const names[] = {"[email]", "[phone]", "[card]", "[ip]", "[key]", "[name]"};
    for (int k = 0; k < SCRUB_KINDS; k++)
        for (const char *at = want; (at = strstr(at, names[k])) != NULL; at++) marks++;
    OK(n == marks, "\"%s\": counted %lld of %lld", text, (long long)n, (long long)marks);
    buf_free(&out);
}

static void stays(const char *text) {
    check(SCRUB_ALL, NULL, text, text);
}

static void gone(const char *text, const char *want) {
    check(SCRUB_ALL, NULL, text, want);
}

// The letters are made up; only the marks are real. Strings are cut in two, so that no scanner takes them for keys.
static void test_keys(void) {
    gone("use AKIA"
         "ABCDEFGH12345678 for now",
         "use [key] for now");
    gone("(ghp_"
         "abcdefghijklmnopqrstuvwxyz0123456789)",
         "([key])");
    gone("token=sk-"
         "abcdefghijklmnopqrstuvwxyz012345",
         "token=[key]");
    gone("eyJ"
         "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmnopqrstuvwxyz",
         "[key]");
    gone("bot: MTIz"
         "NDU2Nzg5MDEyMzQ1Njc4.Gabc12.abcdefghijklmnopqrstuvwxyz01234567",
         "bot: [key]");
    gone("123456789:"
         "abcdefghijklmnopqrstuvwxyz_ABCDEFGH",
         "[key]");
    gone("a\n-----BEGIN RSA "
         "PRIVATE KEY-----\nMIIB\nabc\n-----END RSA PRIVATE KEY-----\nb",
         "a\n[key]\nb");
    gone("-----BEGIN "
         "PRIVATE KEY-----\nMIIB",
         "[key]");
    stays("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----");
    stays("sk-lessons are on monday, sk-abc");
    stays("the AKIA"
          "ABCDEFGH1234567890 is too long to be one");
    stays("ghp_"
          "abcdefghijklmnopqrstuvwxyzabcdefghijklm has no digit");
    stays("xghp_"
          "abcdefghijklmnopqrstuvwxyz0123456789");
    stays("My.name.is, at 12:30");
    stays("eyJust joking...");
}

static void test_found(void) {
    gone("write to anna.b+x@mail.example.com please", "write to [email] please");
    gone("anna@example.com", "[email]");
    gone("(anna@example.com).", "([email]).");
    gone("mail anna@example.com, or bob@example.org!", "mail [email], or [email]!");
    gone("call +49 30 1234567 now", "call [phone] now");
    gone("+1 (555) 010-9999", "[phone]");
    gone("+15550109999.", "[phone].");
    gone("tel (555) 010-9999", "tel [phone]");
    gone("555-010-9999", "[phone]");
    gone("555.010.9999 ok", "[phone] ok");
    gone("0171 2345678", "[phone]");
    gone("030/1234567", "[phone]");
    gone("4111 1111 1111 1111", "[card]");
    gone("card 4111111111111111 exp 12/30", "card [card] exp 12/30");
    gone("5500-0000-0000-0004", "[card]");
    gone("378282246310005", "[card]");
    gone("ping 192.168.0.12 please", "ping [ip] please");
    gone("http://10.0.0.1:8080/x", "http://[ip]:8080/x");
    gone("it is 2001:db8::7 today", "it is [ip] today");
    gone("fe80::1", "[ip]");
    gone("8.8.8.8, 8.8.4.4.", "[ip], [ip].");
}

static void test_stays(void) {
    stays("on 2026-11-20 at 12:06:33");
    stays("20-11-2026, 20.11.2026 and 11/20/2026 12:06");
    stays("@anna and anna@home");
    stays("17:42 / 18:05 / whatever");
    stays("1573312022970368011 is an id");
    stays("4111 1111 1111 1112 fails the check");
    stays("1111111111111117");
    stays("version 1.2.3 and 1.2.3.4.5");
    stays("std::vector, a::b, ::1");
    stays("300.1.2.3");
    stays("10 000 000 people");
    stays("12:06:33 12:06:34");
    stays("3.14159265358979");
    stays("i got 3/8 but i also got 5/8 so");
    stays("1 + 2 + 3 = 6, +1 from me");
    stays("(2026) 12");
    stays("see https://example.com/a?b=1&c=2");
    stays("<t:1783108260:R>");
    stays("abc4111111111111111");
    stays("\xC3\xA9t\xC3\xA9 \xF0\x9F\x8D\xB2");
}

static void test_one_kind_only(void) {
    check(SCRUB_EMAIL, NULL, "a@b.cd 192.168.0.12", "[email] 192.168.0.12");
    check(SCRUB_IP, NULL, "a@b.cd 192.168.0.12", "a@b.cd [ip]");
    check(0, NULL, "a@b.cd", "a@b.cd");
}

static void test_words(void) {
    char path[] = "/tmp/doppel-scrub-XXXXXX";
    int fd = mkstemp(path);
    static const char list[] = "# people\nNadia\nUlti John\n\xC3\x84nne\n";
    OK(fd >= 0 && write(fd, list, sizeof list - 1) == (ssize_t)sizeof list - 1, "%s", path);
    close(fd);
    error err;
    scrub_words *w = scrub_words_open(path, &err);
    OK(w != NULL, "%s", err.text);
    if (w) {
        check(0, w, "nadia said NADIA, not Nadiana or xnadia", "[name] said [name], not Nadiana or xnadia");
        check(0, w, "ask ulti john. ulti stays", "ask [name]. ulti stays");
        check(0, w, "\xC3\xA4nne \xC3\x84NNE \xC3\xA4nnes", "[name] [name] \xC3\xA4nnes");
        check(SCRUB_EMAIL, w, "nadia@example.com", "[name]@example.com");
    }
    scrub_words_free(w);
    FILE *empty = fopen(path, "w");
    if (empty) fclose(empty);
    OK(!scrub_words_open(path, &err) && strstr(err.text, path), "an empty list is refused: %s", err.text);
    unlink(path);
}

static void test_flags(void) {
    unsigned flags;
    error err;
    OK(scrub_flags("email,ip", &flags, &err) == 0 && flags == (SCRUB_EMAIL | SCRUB_IP), "email,ip");
    OK(scrub_flags("all", &flags, &err) == 0 && flags == SCRUB_ALL, "all");
    OK(scrub_flags("email,fax", &flags, &err) == -1 && strstr(err.text, "fax"), "%s", err.text);
    OK(scrub_flags("", &flags, &err) == -1, "nothing");
}

int main(void) {
    test_found();
    test_keys();
    test_stays();
    test_one_kind_only();
    test_words();
    test_flags();
    return test_end();
}
