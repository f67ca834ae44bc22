#include "ui/completion.h"

#include <stdlib.h>
#include <string.h>

static const char *word_at(const completion *m, int index) {
    const char *word = buf_str(&m->words);
    while (index-- > 0) word += strlen(word) + 1;
    return word;
}

static void set_typed(completion *m, const char *s, size_t n) {
    char *copy = mem_strndup(s, n);
    free(m->typed);
    m->typed = copy;
}

// Bytes, on a character border, that all words begin with.
static size_t common_prefix(const completion *m) {
    const char *first = word_at(m, 0);
    size_t n = strlen(first);
    for (int i = 1; i < m->n_words; i++) {
        const char *word = word_at(m, i);
        size_t same = 0;
        while (same < n && word[same] == first[same]) same++;
        n = same;
    }
    while (n > 0 && ((unsigned char)first[n] & 0xc0) == 0x80) n--;
    return n;
}

// Names of files may hold anything; the prompt holds no control characters.
static bool is_typable(const char *s, size_t n) {
    uint32_t c;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &c);
        if (len <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;
        i += (size_t)len;
    }
    return n > 0;
}

const char *completion_open(completion *m, const char *words, const char *typed) {
    completion_close(m);
    for (const char *s = words; *s;) {
        size_t n = strcspn(s, "\n");
        if (is_typable(s, n)) {
            buf_append(&m->words, s, n);
            buf_putc(&m->words, '\0');
            m->n_words++;
        }
        s += n + (s[n] == '\n');
    }
    if (m->n_words == 0) return NULL;
    size_t n = common_prefix(m), n_typed = strlen(typed);
    if (n >= n_typed)
        set_typed(m, word_at(m, 0), n);
    else
        set_typed(m, typed, n_typed);
    m->chosen = -1;
    if (m->n_words == 1) buf_clear(&m->words);
    return m->typed;
}

bool completion_is_open(const completion *m) {
    return m->words.len > 0;
}

const char *completion_walk(completion *m, int direction) {
    int from = m->chosen < 0 && direction < 0 ? 0 : m->chosen;
    m->chosen = (from + direction + m->n_words) % m->n_words;
    const char *word = word_at(m, m->chosen);
    set_typed(m, word, strlen(word));
    return m->typed;
}

void completion_close(completion *m) {
    buf_clear(&m->words);
    free(m->typed);
    m->typed = NULL;
    m->n_words = 0;
    m->chosen = -1;
}

void completion_draw(const completion *m, canvas *c, rect area) {
    enum { GAP = 2 };
    int widest = 1;
    for (int i = 0; i < m->n_words; i++) {
        const char *word = word_at(m, i);
        int width = cells_width(word, strlen(word));
        if (width > widest) widest = width;
    }
    if (widest > area.cols) widest = area.cols;
    if (area.rows < 2) return;
    int per_row = (area.cols + GAP) / (widest + GAP), n_rows = (m->n_words + per_row - 1) / per_row;
    int limit = area.rows / 2, rows = n_rows < limit ? n_rows : limit;
    int top = m->chosen >= 0 && m->chosen / per_row >= rows ? m->chosen / per_row - rows + 1 : 0;
    rect box = {area.row + area.rows - rows, area.col, rows, area.cols};
    canvas_fill(c, (rect){box.row - 1, area.col, 1, area.cols}, 0x2500, STYLE_BORDER);
    canvas_fill(c, box, ' ', STYLE_TEXT);
    for (int i = top * per_row; i < m->n_words && i / per_row - top < rows; i++) {
        int row = box.row + i / per_row - top, col = box.col + i % per_row * (widest + GAP);
        canvas_puts(c, row, col, widest, word_at(m, i), i == m->chosen ? STYLE_FOCUS : STYLE_VALUE);
    }
}
