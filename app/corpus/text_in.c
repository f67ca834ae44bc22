// Raw chunks are decoded behind what is already waiting in `data`; a sequence cut by the end of a chunk stays in `raw`
// until the next one. ASCII, nearly all of most logs, is checked eight bytes at a time and copied as it is.
#include "app/corpus/text_in.h"
#include "model/base/plain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW_CHUNK = 1 << 17, RAW_LEAST = 1 << 12, DECLARATION = 1024 };

typedef enum encoding { UTF_8, UTF_16_LE, UTF_16_BE, LATIN_1 } encoding;

struct text_in {
    byte_source source;
    text_in_progress_fn *progress;
    void *progress_arg;
    unsigned char *raw;
    size_t n_raw, cap_raw;
    char *data; // decoded text: at..len is waiting
    size_t at, len, cap;
    encoding encoding;
    const char *signature;
    bool begun, ended, after_cr;
    text_in_state state;
    int64_t bytes, bad, place;
};

// ---- sources

static ssize_t file_read(void *self, void *bytes, size_t n) {
    return read((int)(intptr_t)self, bytes, n);
}

static void file_close(void *self) {
    close((int)(intptr_t)self);
}

int byte_source_file(const char *path, byte_source *out, error *err) {
    if (strcmp(path, "-") == 0) {
        *out = (byte_source){file_read, NULL, (void *)(intptr_t)STDIN_FILENO, -1};
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, "%s: cannot be read (%s)", path, strerror(errno));
    struct stat st;
    bool known = fstat(fd, &st) == 0;
    if (known && S_ISDIR(st.st_mode)) {
        close(fd);
        return error_set(err, "%s: is a folder, not a file", path);
    }
    *out = (byte_source){file_read, file_close, (void *)(intptr_t)fd, known && S_ISREG(st.st_mode) ? st.st_size : -1};
    return 0;
}

int byte_source_plain(const char *path, byte_source *out, error *err) {
    int fd = plain_file_open(path, err);
    if (fd >= 0) *out = (byte_source){file_read, file_close, (void *)(intptr_t)fd, -1};
    return fd < 0 ? -1 : 0;
}

typedef struct memory_source {
    const char *bytes;
    size_t n;
} memory_source;

static ssize_t memory_read(void *self, void *bytes, size_t n) {
    memory_source *m = self;
    if (n > m->n) n = m->n;
    if (n) memcpy(bytes, m->bytes, n);
    m->bytes += n;
    m->n -= n;
    return (ssize_t)n;
}

byte_source byte_source_memory(const char *bytes, size_t n) {
    memory_source *m = mem_calloc(1, sizeof *m);
    *m = (memory_source){bytes, n};
    return (byte_source){memory_read, free, m, (int64_t)n};
}

text_in *text_in_open(byte_source source) {
    text_in *t = mem_calloc(1, sizeof *t);
    t->source = source;
    t->cap_raw = source.size >= RAW_LEAST && source.size < RAW_CHUNK ? (size_t)source.size + 16 : RAW_CHUNK;
    if (source.size >= 0 && source.size < RAW_LEAST) t->cap_raw = RAW_LEAST;
    t->raw = mem_realloc(NULL, t->cap_raw, 1);
    return t;
}

void text_in_close(text_in *t) {
    if (!t) return;
    if (t->source.close) t->source.close(t->source.self);
    free(t->raw);
    free(t->data);
    free(t);
}

void text_in_on_progress(text_in *t, text_in_progress_fn *fn, void *arg) {
    t->progress = fn;
    t->progress_arg = arg;
}

// ---- which encoding

static const char *find_text(const char *s, size_t n, const char *wanted) {
    size_t m = strlen(wanted);
    for (size_t i = 0; i + m <= n; i++) {
        size_t k = 0;
        while (k < m && (s[i + k] | 0x20) == (wanted[k] | 0x20)) k++;
        if (k == m) return s + i;
    }
    return NULL;
}

static bool declares_latin_1(const char *s, size_t n) {
    static const char *const marks[] = {"charset", "coding"};
    static const char *const names[] = {"iso-8859-1", "iso8859-1",    "iso_8859-1", "latin-1",
                                        "latin1",     "windows-1252", "cp1252"};
    if (n > DECLARATION) n = DECLARATION;
    for (size_t i = 0; i < 2; i++) {
        const char *at = find_text(s, n, marks[i]);
        if (!at) continue;
        size_t left = n - (size_t)(at - s);
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (find_text(at, left < 40 ? left : 40, names[k])) return true;
    }
    return false;
}

// Valid UTF-8 apart from a last character that the end of the chunk may have cut.
static bool begins_as_utf8(const char *s, size_t n) {
    uint32_t cp;
    for (size_t i = 0; i < n;) {
        int len = utf8_decode(s + i, n - i, &cp);
        if (len < 0) return false;
        if (len == 0) return true;
        i += (size_t)len;
    }
    return true;
}

static void drop_raw(text_in *t, size_t n) {
    t->n_raw -= n;
    memmove(t->raw, t->raw + n, t->n_raw);
}

static void choose_encoding(text_in *t) {
    const unsigned char *r = t->raw;
    if (t->n_raw >= 3 && memcmp(r, "\xEF\xBB\xBF", 3) == 0) {
        drop_raw(t, 3);
    } else if (t->n_raw >= 2 && r[0] == 0xff && r[1] == 0xfe) {
        t->encoding = UTF_16_LE;
        drop_raw(t, 2);
    } else if (t->n_raw >= 2 && r[0] == 0xfe && r[1] == 0xff) {
        t->encoding = UTF_16_BE;
        drop_raw(t, 2);
    } else if (declares_latin_1((const char *)r, t->n_raw) && !begins_as_utf8((const char *)r, t->n_raw)) {
        t->encoding = LATIN_1;
    }
}

// ---- decoding

static void put(text_in *t, const char *s, size_t n) {
    t->data = mem_reserve(t->data, &t->cap, t->len + n, 1);
    memcpy(t->data + t->len, s, n);
    t->len += n;
}

static void put_bad(text_in *t) {
    put(t, UTF8_REPLACEMENT, 3);
    t->bad++;
    t->after_cr = false;
}

static void put_character(text_in *t, uint32_t cp) {
    char out[4];
    bool after_cr = t->after_cr;
    t->after_cr = cp == '\r';
    if (cp == 0) {
        t->bad++;
        return;
    }
    if (cp == '\n' && after_cr) return;
    if (cp == '\r') cp = '\n';
    put(t, out, (size_t)utf8_encode(cp, out));
}

// Length of the run of bytes that are ASCII, not NUL and not CR.
static size_t plain_run(const unsigned char *s, size_t n) {
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u, crs = ones * '\r';
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v, c;
        memcpy(&v, s + i, 8);
        c = v ^ crs;
        if ((v | ((v - ones) & ~v) | ((c - ones) & ~c)) & highs) break;
    }
    while (i < n && s[i] < 0x80 && s[i] != 0 && s[i] != '\r') i++;
    return i;
}

static size_t decode_utf8(text_in *t) {
    const char *s = (const char *)t->raw;
    size_t i = 0;
    while (i < t->n_raw) {
        size_t run = plain_run(t->raw + i, t->n_raw - i);
        if (run) {
            size_t skip = t->after_cr && s[i] == '\n';
            put(t, s + i + skip, run - skip);
            t->after_cr = false;
            i += run;
            continue;
        }
        uint32_t cp;
        int len = utf8_decode(s + i, t->n_raw - i, &cp);
        if (len == 0 && !t->ended) break;
        if (len <= 0) {
            put_bad(t);
            i++;
        } else if (len == 1) {
            put_character(t, cp);
            i++;
        } else {
            put(t, s + i, (size_t)len);
            t->after_cr = false;
            i += (size_t)len;
        }
    }
    return i;
}

static unsigned utf16_unit(const text_in *t, size_t at) {
    unsigned a = t->raw[at], b = t->raw[at + 1];
    return t->encoding == UTF_16_BE ? a << 8 | b : b << 8 | a;
}

static size_t decode_utf16(text_in *t) {
    size_t i = 0;
    for (; i + 2 <= t->n_raw; i += 2) {
        unsigned u = utf16_unit(t, i);
        if (u < 0xd800 || u > 0xdfff) {
            put_character(t, u);
            continue;
        }
        if (u <= 0xdbff && i + 4 > t->n_raw && !t->ended) break;
        unsigned next = u <= 0xdbff && i + 4 <= t->n_raw ? utf16_unit(t, i + 2) : 0;
        if (next < 0xdc00 || next > 0xdfff) {
            put_bad(t);
            continue;
        }
        put_character(t, 0x10000u + ((u - 0xd800u) << 10) + (next - 0xdc00u));
        i += 2;
    }
    if (t->ended && i < t->n_raw) {
        put_bad(t);
        i = t->n_raw;
    }
    return i;
}

// Latin-1 as people mean it: the range 0x80..0x9f is Windows-1252's.
static size_t decode_latin_1(text_in *t) {
    static const uint16_t high[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                      0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
                                      0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                      0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};
    for (size_t i = 0; i < t->n_raw; i++) {
        unsigned c = t->raw[i];
        put_character(t, c >= 0x80 && c < 0xa0 ? high[c - 0x80] : c);
    }
    return t->n_raw;
}

static const char *signature(const char *bytes, size_t n) {
    static const struct {
        const char *bytes;
        size_t n, at;
        const char *kind;
    } known[] = {
        {"\x89PNG", 4, 0, "a PNG image"},
        {"\xff\xd8\xff", 3, 0, "a JPEG image"},
        {"GIF87a", 6, 0, "a GIF image"},
        {"GIF89a", 6, 0, "a GIF image"},
        {"WEBP", 4, 8, "a WebP image"},
        {"RIFF", 4, 0, "a sound or film"},
        {"ftyp", 4, 4, "a film or picture"},
        {"\x1a\x45\xdf\xa3", 4, 0, "a film"},
        {"OggS", 4, 0, "a sound"},
        {"ID3", 3, 0, "a sound"},
        {"fLaC", 4, 0, "a sound"},
        {"%PDF-", 5, 0, "a PDF"},
        {"PK\x03\x04", 4, 0, "a zip archive"},
        {"PK\x05\x06", 4, 0, "an empty zip archive"},
        {"\x1f\x8b", 2, 0, "gzip-compressed"},
        {"7z\xbc\xaf\x27\x1c", 6, 0, "a 7-Zip archive"},
        {"Rar!\x1a", 5, 0, "a RAR archive"},
        {"\xfd"
         "7zXZ",
         5, 0, "xz-compressed"},
        {"\x28\xb5\x2f\xfd", 4, 0, "zstd-compressed"},
        {"BZh", 3, 0, "bzip2-compressed"},
        {"\x7f"
         "ELF",
         4, 0, "a program"},
        {"SQLite format 3", 15, 0, "an SQLite database"},
        {"GGUF", 4, 0, "a model (GGUF)"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n >= known[i].at + known[i].n && memcmp(bytes + known[i].at, known[i].bytes, known[i].n) == 0)
            return known[i].kind;
    return NULL;
}

// Makes room by moving what is waiting to the front once the gap before it is larger.
static void close_gap(text_in *t) {
    if (t->at == t->len) {
        t->at = t->len = 0;
    } else if (t->at > t->len - t->at && t->at > RAW_CHUNK) {
        memmove(t->data, t->data + t->at, t->len - t->at);
        t->len -= t->at;
        t->at = 0;
    }
}

static bool go_on(text_in *t, size_t bytes) {
    if (t->progress && !t->progress(t->progress_arg, bytes)) t->state = TEXT_IN_STOPPED;
    return t->state != TEXT_IN_STOPPED;
}

// One read that is not interrupted; 0 at the end of the text, also when it was stopped or failed.
static size_t read_bytes(text_in *t) {
    for (;;) {
        ssize_t got = t->source.read(t->source.self, t->raw + t->n_raw, t->cap_raw - t->n_raw);
        if (got < 0 && errno == EINTR && go_on(t, 0)) continue;
        if (got < 0 && t->state == TEXT_IN_FINE) t->state = TEXT_IN_FAILED;
        if (got <= 0) return 0;
        t->n_raw += (size_t)got;
        t->bytes += got;
        return go_on(t, (size_t)got) ? (size_t)got : 0;
    }
}

static void read_chunk(text_in *t) {
    size_t got;
    // The first look must be long enough to tell the encoding, also out of a pipe.
    do got = read_bytes(t);
    while (!t->begun && got && t->n_raw < t->cap_raw);
    if (!got) t->ended = true;
    if (!t->begun) {
        t->signature = signature((const char *)t->raw, t->n_raw);
        choose_encoding(t);
    }
    t->begun = true;
    close_gap(t);
    size_t used = t->encoding == UTF_8 ? decode_utf8(t) : t->encoding == LATIN_1 ? decode_latin_1(t) : decode_utf16(t);
    drop_raw(t, used);
}

const char *text_in_peek(text_in *t, size_t want, size_t *n) {
    while (t->len - t->at < want && !t->ended) read_chunk(t);
    *n = t->len - t->at;
    return t->data ? t->data + t->at : "";
}

void text_in_skip(text_in *t, size_t n) {
    if (n > t->len - t->at) n = t->len - t->at;
    t->at += n;
    t->place += (int64_t)n;
}

bool text_in_line(text_in *t, const char **line, size_t *n) {
    size_t have, looked = 0;
    const char *s = text_in_peek(t, 1, &have);
    if (!have) return false;
    for (;;) {
        const char *lf = memchr(s + looked, '\n', have - looked);
        if (lf || t->ended) {
            *line = s;
            *n = lf ? (size_t)(lf - s) : have;
            text_in_skip(t, *n + (lf != NULL));
            return true;
        }
        looked = have;
        s = text_in_peek(t, have + 1, &have);
    }
}

text_in_state text_in_status(const text_in *t) {
    return t->state;
}

int64_t text_in_place(const text_in *t) {
    return t->place;
}

bool text_in_is_binary(const text_in *t) {
    return t->bad * 10 > t->bytes;
}

const char *text_in_signature(text_in *t) {
    if (!t->begun) read_chunk(t);
    return t->signature;
}
