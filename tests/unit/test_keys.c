// Bytes to keys: sequences of several terminals, mouse reports, pastes, whatever way they are cut into pieces.
#include "tests/test.h"
#include "ui/keys.h"

#include <string.h>

static key first_key(const char *bytes, size_t n, bool timed_out) {
    keys k = {0};
    key out = {0};
    keys_feed(&k, bytes, n);
    if (!keys_next(&k, timed_out, &out)) out.code = KEYS_NONE;
    keys_free(&k);
    return out;
}

static void expect(const char *bytes, key_code code, unsigned modifiers) {
    key k = first_key(bytes, strlen(bytes), false);
    OK(k.code == code && k.modifiers == modifiers, "ESC%s: key %d with %u, expected %d with %u", bytes + 1, (int)k.code,
       k.modifiers, (int)code, modifiers);
    OK(k.n_bytes == (int)strlen(bytes) && memcmp(k.bytes, bytes, strlen(bytes)) == 0, "ESC%s: the bytes travel along",
       bytes + 1);
}

static void test_sequences(void) {
    expect("\033[A", KEYS_UP, 0);
    expect("\033OB", KEYS_DOWN, 0);
    expect("\033[1;5C", KEYS_RIGHT, KEYS_CTRL);
    expect("\033[1;2D", KEYS_LEFT, KEYS_SHIFT);
    expect("\033[1;3D", KEYS_LEFT, KEYS_ALT);
    expect("\033[H", KEYS_HOME, 0);
    expect("\033[1~", KEYS_HOME, 0);
    expect("\033[7~", KEYS_HOME, 0);
    expect("\033[1;5H", KEYS_HOME, KEYS_CTRL);
    expect("\033[4~", KEYS_END, 0);
    expect("\033[3~", KEYS_DELETE, 0);
    expect("\033[5~", KEYS_PAGE_UP, 0);
    expect("\033[6;2~", KEYS_PAGE_DOWN, KEYS_SHIFT);
    expect("\033[Z", KEYS_BACK_TAB, 0);
    expect("\033OP", KEYS_F1, 0);
    expect("\033[11~", KEYS_F1, 0);
    expect("\033[[A", KEYS_F1, 0);
    expect("\033OQ", KEYS_F2, 0);
    expect("\033[15~", KEYS_F5, 0);
    expect("\033[17~", KEYS_F5 + 1, 0);
    expect("\033[24~", KEYS_F12, 0);
    expect("\033\r", KEYS_NEW_LINE, KEYS_ALT);
    expect("\033[13;2u", KEYS_NEW_LINE, KEYS_SHIFT);
    expect("\033[27;2;13~", KEYS_NEW_LINE, KEYS_SHIFT);
    expect("\033[99~", KEYS_UNKNOWN, 0);
    expect("\033[?62;4c", KEYS_UNKNOWN, 0);
    expect("\033[99999999999999999999;1A", KEYS_UP, 0);
}

static void expect_mouse(const char *bytes, mouse_action action, int row, int col) {
    key k = first_key(bytes, strlen(bytes), false);
    OK(k.code == KEYS_MOUSE && k.action == action && k.row == row && k.col == col, "ESC%s: %d, action %d at %d,%d",
       bytes + 1, (int)k.code, (int)k.action, k.row, k.col);
}

static void test_mouse(void) {
    expect_mouse("\033[<0;10;3M", MOUSE_PRESS, 2, 9);
    expect_mouse("\033[<0;300;3m", MOUSE_RELEASE, 2, 299);
    expect_mouse("\033[<32;11;4M", MOUSE_DRAG, 3, 10);
    expect_mouse("\033[<64;1;1M", MOUSE_WHEEL_UP, 0, 0);
    expect_mouse("\033[<65;1;1M", MOUSE_WHEEL_DOWN, 0, 0);
    OK(first_key("\033[<2;1;1M", 9, false).code == KEYS_UNKNOWN, "the right button means nothing");
    OK(first_key("\033[<66;1;1M", 10, false).code == KEYS_UNKNOWN, "nor does scrolling sideways");
}

static void test_characters(void) {
    key k = first_key("\xc3\xa9", 2, false);
    OK(k.code == KEYS_CHAR && k.ch == 0xe9, "UTF-8 is decoded");
    OK(first_key("\xc3", 1, false).code == KEYS_NONE, "half a character waits");
    OK(first_key("\xc3", 1, true).ch == 0xfffd, "and is invalid in the end");
    OK(first_key("\xff", 1, false).ch == 0xfffd, "an invalid byte");
    OK(first_key("\0", 1, false).code == KEYS_CHAR, "Ctrl-Space is a character");
    OK(first_key("\033", 1, false).code == KEYS_NONE, "a lone ESC waits");
    OK(first_key("\033", 1, true).ch == 033, "and is the Escape key in the end");
    OK(first_key("\033", 1, true).is_alone, "alone");
    OK(!first_key("\033b", 2, false).is_alone, "Alt-b begins with another");
    OK(first_key("\033\033", 2, true).is_alone, "Escape twice");
    OK(first_key("\033\033\033", 3, false).is_alone, "Escape held down");
    OK(first_key("\033\033[", 3, true).is_alone, "Escape, then Alt-[");
    OK(first_key("\033\033[1;3D", 7, false).is_alone, "Escape, then Alt-Left");
    const char *cut[] = {"\033\033", "\033\033[", "\033\033O"};
    for (int i = 0; i < 3; i++)
        OK(first_key(cut[i], strlen(cut[i]), false).code == KEYS_NONE, "what comes next decides: %d", i);
    OK(first_key("\033\033b", 3, false).is_alone, "Escape, then Alt-b");
    OK(first_key("\033\033OQ", 4, false).is_alone && first_key("\033\033[15~", 6, false).is_alone,
       "Escape, then F2, F5");
    OK(!first_key("\033\033[D", 4, false).is_alone, "Alt-Left as some send it");
    OK(first_key("\033[", 2, false).code == KEYS_NONE, "so does the beginning of a sequence");
    keys latin = {.latin1 = true};
    keys_feed(&latin, "\xe9", 1);
    OK(keys_next(&latin, false, &k) && k.ch == 0xe9, "one byte a character where the locale has no UTF-8");
    keys_free(&latin);
}

static void test_alt(void) {
    keys in = {0};
    key k;
    keys_feed(&in, "\033bx", 3);
    OK(keys_next(&in, false, &k) && k.ch == 033, "Alt-b begins with ESC");
    OK(keys_next(&in, false, &k) && k.ch == 'b', "and goes on with b");
    OK(keys_next(&in, false, &k) && k.ch == 'x' && !keys_waiting(&in), "the next key follows");
    keys_free(&in);
}

// Feeds bytes in pieces of `piece` and collects a line of what came out.
static void decode_in_pieces(const char *s, size_t n, size_t piece, buf *out) {
    keys in = {0};
    key k;
    for (size_t i = 0; i < n; i += piece) {
        keys_feed(&in, s + i, n - i < piece ? n - i : piece);
        while (keys_next(&in, false, &k)) {
            buf_printf(out, "%d/%u/%u/%d/%d ", (int)k.code, k.modifiers, (unsigned)k.ch, k.row, k.col);
            if (k.code == KEYS_PASTE) buf_append(out, k.paste, k.n_paste);
        }
    }
    keys_free(&in);
}

static void test_pieces(void) {
    static const char bytes[] =
        "a\xe6\xbc\xa2\033[A\033[<0;10;3M\033[200~past\033[ed \033[201\r\n\033[201~z\033\r\033OP";
    buf whole = {0};
    decode_in_pieces(bytes, sizeof bytes - 1, sizeof bytes, &whole);
    OK(strstr(buf_str(&whole), "past\033[ed \033[201\r\n") != NULL, "the paste is taken as it is");
    for (size_t piece = 1; piece < 12; piece++) {
        buf parts = {0};
        decode_in_pieces(bytes, sizeof bytes - 1, piece, &parts);
        OK(strcmp(buf_str(&parts), buf_str(&whole)) == 0, "in pieces of %zu bytes", piece);
        buf_free(&parts);
    }
    buf_free(&whole);
}

static void test_unended_paste(void) {
    keys in = {0};
    key k;
    keys_feed(&in, "\033[200~text", 10);
    OK(!keys_next(&in, false, &k) && keys_waiting(&in), "a paste waits for its end");
    OK(keys_next(&in, true, &k) && k.code == KEYS_PASTE && k.n_paste == 4, "and is taken when that never comes");
    OK(!in.pasting, "typing goes on");
    keys_free(&in);
}

// A terminal that marks no paste sends it like typing, only faster.
static void test_burst(void) {
    keys k = {0};
    key out;
    buf sent = {0};
    for (int i = 0; i < 40; i++) buf_printf(&sent, "05/01/2026, 10:%02d - Ana: a line of a log\r", i);
    buf_puts(&sent, "the last \033[31mone");
    size_t half = sent.len / 2;
    keys_feed(&k, sent.data, half);
    OK(!keys_next(&k, false, &out) && keys_waiting(&k), "it is waited for");
    keys_feed(&k, sent.data + half, sent.len - half);
    OK(!keys_next(&k, false, &out), "it may go on");
    OK(keys_next(&k, true, &out) && out.code == KEYS_PASTE && out.n_paste == sent.len &&
           memcmp(out.paste, sent.data, sent.len) == 0,
       "all of it is one paste");
    keys_feed(&k, "x", 1);
    OK(keys_next(&k, false, &out) && out.code == KEYS_CHAR && out.ch == 'x' && !keys_waiting(&k), "then typing again");
    keys_feed(&k, "one\rtwo\rthree\rfour\r", 19);
    OK(keys_next(&k, false, &out) && out.code == KEYS_CHAR && out.ch == 'o', "a few words are typed ahead");
    keys_free(&k);
    char held[600];
    memset(held, '\r', sizeof held);
    keys_feed(&k, held, sizeof held);
    OK(keys_next(&k, false, &out) && out.code == KEYS_CHAR && out.ch == '\r', "a key that is held down is no paste");
    keys_free(&k);
    buf_free(&sent);
}

// Whatever comes, decoding ends and takes everything.
static void test_noise(void) {
    unsigned seed = 1;
    int bad = 0;
    for (int round = 0; round < 2000; round++) {
        char noise[40];
        static const char alphabet[] = "\033[O<;0129~AMmuPZ\r\xc3\xa9\xff x";
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1103515245u + 12345u;
            noise[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        keys in = {0};
        key k;
        keys_feed(&in, noise, sizeof noise);
        for (int i = 0; i < 200 && keys_next(&in, true, &k); i++) continue;
        bad += keys_waiting(&in);
        keys_free(&in);
    }
    OK(bad == 0, "%d of 2000 noises were left over", bad);
}

int main(void) {
    test_sequences();
    test_mouse();
    test_characters();
    test_alt();
    test_pieces();
    test_unended_paste();
    test_burst();
    test_noise();
    return test_end();
}
