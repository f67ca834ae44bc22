// SHA-256 against the examples of FIPS 180-4 and against lengths around every border of a block.
#include "app/sha256.h"
#include "tests/test.h"

#include <string.h>

static const char *hash(const char *bytes, size_t n, size_t piece) {
    static char hex[SHA256_HEX];
    sha256 s;
    sha256_start(&s);
    for (size_t i = 0; i < n; i += piece) sha256_add(&s, bytes + i, n - i < piece ? n - i : piece);
    sha256_finish(&s, hex);
    return hex;
}

static void test_vectors(void) {
    static const struct {
        const char *text, *hex;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = hash(cases[i].text, strlen(cases[i].text), 1000);
        OK(!strcmp(got, cases[i].hex), "vector %zu: %s, expected %s", i, got, cases[i].hex);
    }
}

static void test_million(void) {
    sha256 s;
    char hex[SHA256_HEX], piece[1000];
    memset(piece, 'a', sizeof piece);
    sha256_start(&s);
    for (int i = 0; i < 1000; i++) sha256_add(&s, piece, sizeof piece);
    sha256_finish(&s, hex);
    OK(!strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"), "a million a: %s", hex);
}

// Wherever the input is cut into pieces, the hash is the same.
static void test_pieces(void) {
    char bytes[200], whole[SHA256_HEX];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
    bool same = true;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        strcpy(whole, hash(bytes, n, sizeof bytes));
        for (size_t piece = 1; piece < 70; piece += 3) same &= !strcmp(whole, hash(bytes, n, piece));
    }
    OK(same, "the hash depends on how the input was cut");
}

static void test_is_hex(void) {
    char hex[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
    OK(sha256_is_hex(hex), "64 digits");
    hex[63] = '\0';
    OK(!sha256_is_hex(hex), "63 digits");
    OK(!sha256_is_hex("g"), "no digit");
    OK(!sha256_is_hex(""), "empty");
}

int main(void) {
    test_vectors();
    test_million();
    test_pieces();
    test_is_hex();
    return test_end();
}
