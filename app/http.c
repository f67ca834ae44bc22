// Downloading with libcurl. What the server says is not believed: a 206 must continue exactly where the part ends and
// name the size known before, lengths must agree with each other and with what arrives, redirections stay with http.
#include "app/http.h"
#include "app/curl_library.h"
#include "app/tree.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FAILURES = 4, DEFAULT_STALL = 30, MAX_VALIDATOR = 200 };

// What one answer's headers said; cleared at each status line, since a redirection brings several answers.
typedef struct headers {
    char etag[MAX_VALIDATOR], modified[MAX_VALIDATOR];
    int64_t length;                  // Content-Length; -1: not said
    int64_t range_start, range_size; // Content-Range; -1: not said
} headers;

typedef struct transfer {
    const http_job *job;
    http_reply *reply;
    const curl_library *lib;
    CURL *curl;
    int fd;
    int64_t have;                  // bytes in the part
    int64_t total;                 // size of the whole file; -1: not known
    char validator[MAX_VALIDATOR]; // of what the part holds; "": it cannot be continued
    headers h;
    int64_t linked_size; // what a redirecting server said of the file behind it; -1: nothing
    bool begun;          // the answer's body was accepted or refused
    bool refused;        // its bytes are not the file's: an error page
    bool start_over;     // the part is of no use
    bool failed;         // *err says why
    error *err;
} transfer;

static int64_t parse_count(const char *s) {
    if (!isdigit((unsigned char)*s)) return -1;
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    return errno ? -1 : (int64_t)v;
}

// ---- the note beside the part: URL, validator and size, a line each ----

static char *note_path(const char *part) {
    buf b = {0};
    buf_printf(&b, "%s.from", part);
    return buf_take(&b);
}

static void note_write(const transfer *t) {
    char *path = note_path(t->job->part);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    // A note that could not be written only costs the chance to continue.
    if (f) {
        fprintf(f, "%s\n%s\n%" PRId64 "\n", t->job->url, t->validator, t->total);
        if (fclose(f) != 0) unlink(path);
    }
    free(path);
}

// Reads a line without its newline into *line; false at the end.
static bool note_line(FILE *f, char **line, size_t *cap) {
    if (getline(line, cap, f) <= 0) return false;
    (*line)[strcspn(*line, "\n")] = '\0';
    return true;
}

// Takes up what an earlier call left behind, if the note says that it is of the same URL.
static void note_read(transfer *t) {
    char *path = note_path(t->job->part), *line = NULL;
    size_t cap = 0;
    FILE *f = fopen(path, "re");
    if (f && note_line(f, &line, &cap) && !strcmp(line, t->job->url) && note_line(f, &line, &cap)) {
        snprintf(t->validator, sizeof t->validator, "%s", line);
        if (note_line(f, &line, &cap)) t->total = parse_count(line);
    }
    if (f) fclose(f);
    free(line);
    free(path);
}

void http_forget(const char *part) {
    char *note = note_path(part);
    unlink(note);
    unlink(part);
    free(note);
}

static void start_over(transfer *t) {
    t->have = 0;
    t->total = -1;
    t->validator[0] = '\0';
    if (ftruncate(t->fd, 0) != 0) t->failed = true, error_set(t->err, "%s: %s", t->job->part, strerror(errno));
}

// ---- what libcurl calls ----

static bool header_is(const char *line, size_t n, const char *name, char *value, size_t cap) {
    size_t k = strlen(name);
    if (n <= k || strncasecmp(line, name, k) != 0 || line[k] != ':') return false;
    const char *s = line + k + 1, *end = line + n;
    while (s < end && (*s == ' ' || *s == '\t')) s++;
    while (end > s && isspace((unsigned char)end[-1])) end--;
    size_t len = (size_t)(end - s);
    if (len >= cap) len = 0; // no header we read is that long: as if it had not come
    memcpy(value, s, len);
    value[len] = '\0';
    return true;
}

static void take_linked_etag(transfer *t, char *value) {
    size_t n = strlen(value);
    if (n < 2 || value[0] != '"' || value[n - 1] != '"') return;
    value[n - 1] = '\0';
    if (sha256_is_hex(value + 1)) memcpy(t->reply->sha256, value + 1, SHA256_HEX);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg) {
    transfer *t = arg;
    char value[MAX_VALIDATOR];
    n *= size;
    if (n > 5 && !strncasecmp(line, "HTTP/", 5)) {
        t->h = (headers){.length = -1, .range_start = -1, .range_size = -1};
    } else if (header_is(line, n, "ETag", value, sizeof value)) {
        // Weak validators (W/"...") say nothing about bytes.
        if (value[0] == '"') memcpy(t->h.etag, value, sizeof value);
    } else if (header_is(line, n, "Last-Modified", value, sizeof value)) {
        memcpy(t->h.modified, value, sizeof value);
    } else if (header_is(line, n, "Content-Length", value, sizeof value)) {
        t->h.length = parse_count(value);
    } else if (header_is(line, n, "Content-Range", value, sizeof value)) {
        const char *slash = strchr(value, '/');
        if (!strncasecmp(value, "bytes ", 6)) t->h.range_start = parse_count(value + 6);
        if (slash) t->h.range_size = parse_count(slash + 1);
    } else if (header_is(line, n, "X-Linked-Size", value, sizeof value)) {
        t->linked_size = parse_count(value);
    } else if (header_is(line, n, "X-Linked-Etag", value, sizeof value)) {
        take_linked_etag(t, value);
    }
    return n;
}

static bool room_for(transfer *t) {
    int64_t room = tree_free_space(t->job->part);
    if (t->total < 0 || room < 0 || t->total - t->have <= room) return true;
    t->failed = true;
    error_set(t->err, "%s: %.1f MB are to come, but the disk has room for %.1f; make room and pull again", t->job->part,
              (double)(t->total - t->have) * 1e-6, (double)room * 1e-6);
    return false;
}

// Decides, with all headers read, what the body is. Returns whether it is to be read at all.
static bool begin_body(transfer *t) {
    t->begun = true;
    t->lib->easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->reply->status);
    int64_t total = -1;
    if (t->reply->status == 206) {
        total = t->h.range_size;
        if (t->h.range_start != t->have || total < t->have || (t->total >= 0 && total != t->total)) {
            t->start_over = true;
            return false;
        }
    } else if (t->reply->status == 200) {
        // The server has another file by now, or does not continue files at all.
        if (t->have) start_over(t);
        total = t->h.length;
    } else {
        t->refused = true;
        return true;
    }
    if (t->failed) return false;
    t->total = total;
    if (t->linked_size >= 0 && t->total >= 0 && t->linked_size != t->total) {
        t->failed = true;
        error_set(t->err, "%s: the server announces %" PRId64 " bytes and sends %" PRId64 "; try again later",
                  t->job->url, t->linked_size, t->total);
        return false;
    }
    snprintf(t->validator, sizeof t->validator, "%s", *t->h.etag ? t->h.etag : t->h.modified);
    note_write(t);
    return room_for(t);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg) {
    transfer *t = arg;
    n *= size;
    if (!t->begun && !begin_body(t)) return 0;
    if (t->refused) return n;
    for (size_t done = 0; done < n;) {
        ssize_t w = pwrite(t->fd, bytes + done, n - done, (off_t)t->have);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) {
            t->failed = true;
            error_set(t->err, "%s: cannot be written: %s; make room and pull again, it continues where it stopped",
                      t->job->part, strerror(w < 0 ? errno : ENOSPC));
            return 0;
        }
        done += (size_t)w;
        t->have += w;
    }
    return n;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    transfer *t = arg;
    (void)total, (void)now, (void)up_total, (void)up_now;
    bool arriving = t->begun && !t->refused;
    return !meter_tick(t->job->meter, arriving ? FETCH_DOWNLOADING : FETCH_CONNECTING, t->have,
                       t->total > 0 ? t->total : 0);
}

// ---- one attempt, and as many as it takes ----

static void set_up(transfer *t, struct curl_slist **lines) {
    const curl_library *lib = t->lib;
    CURL *c = t->curl;
    lib->easy_setopt(c, CURLOPT_URL, t->job->url);
    lib->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    lib->easy_setopt(c, CURLOPT_USERAGENT, "doppel");
    lib->easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    lib->easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
#if LIBCURL_VERSION_NUM >= 0x075500
    lib->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    lib->easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    lib->easy_setopt(c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
    lib->easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    long stall = t->job->stall_seconds > 0 ? t->job->stall_seconds : DEFAULT_STALL;
    lib->easy_setopt(c, CURLOPT_CONNECTTIMEOUT, stall);
    lib->easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    lib->easy_setopt(c, CURLOPT_LOW_SPEED_TIME, stall);
    lib->easy_setopt(c, CURLOPT_BUFFERSIZE, 256 * 1024L);
    lib->easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    lib->easy_setopt(c, CURLOPT_HEADERDATA, t);
    lib->easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    lib->easy_setopt(c, CURLOPT_WRITEDATA, t);
    lib->easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    lib->easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    lib->easy_setopt(c, CURLOPT_XFERINFODATA, t);
    if (!t->have) return;
    char line[MAX_VALIDATOR + 64];
    // Not CURLOPT_RANGE: libcurl would take an answer with the whole file for an error of its own.
    snprintf(line, sizeof line, "Range: bytes=%" PRId64 "-", t->have);
    *lines = t->lib->slist_append(NULL, line);
    snprintf(line, sizeof line, "If-Range: %s", t->validator);
    *lines = t->lib->slist_append(*lines, line);
    lib->easy_setopt(c, CURLOPT_HTTPHEADER, *lines);
}

// Returns FETCH_DONE, FETCH_CANCELLED, FETCH_FAILED with a message, or -2 with one when another attempt may help.
enum { TRY_AGAIN = -2 };

static int judge(transfer *t, CURLcode code) {
    if (t->job->meter->cancelled) return FETCH_CANCELLED;
    if (code == CURLE_OK && !t->begun && !begin_body(t)) code = CURLE_WRITE_ERROR;
    if (t->failed) return FETCH_FAILED;
    long status = t->reply->status;
    const char *url = t->job->url;
    if (t->start_over || status == 416) {
        start_over(t);
        if (t->failed) return FETCH_FAILED;
        error_set(t->err, "%s: the server does not continue the file as it announced it; try again later", url);
        return TRY_AGAIN;
    }
    if (code == CURLE_OK && (status == 200 || status == 206)) {
        if (t->total < 0 || t->have == t->total) return FETCH_DONE;
        error_set(t->err, "%s: %" PRId64 " bytes were announced and %" PRId64 " came; pull again to continue", url,
                  t->total, t->have);
        if (t->have > t->total) start_over(t);
        return TRY_AGAIN;
    }
    if (code == CURLE_OK) {
        error_set(t->err, "%s: the server answered %ld; check the address", url, status);
        return status >= 500 || status == 408 || status == 429 ? TRY_AGAIN : FETCH_FAILED;
    }
    const char *why = t->lib->easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        error_set(t->err, "%s: %s; check the address and the network", url, why);
        // At the first attempt there is no network; later it went away and may come back.
        return t->have ? TRY_AGAIN : FETCH_FAILED;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
        error_set(t->err, "%s: broke off after %.1f MB (%s); pull again to continue", url, (double)t->have * 1e-6, why);
        return TRY_AGAIN;
    default: error_set(t->err, "%s: %s", url, why); return FETCH_FAILED;
    }
}

static int attempt(transfer *t) {
    struct curl_slist *lines = NULL;
    t->begun = t->refused = t->start_over = false;
    t->linked_size = -1;
    t->h = (headers){.length = -1, .range_start = -1, .range_size = -1};
    t->reply->status = 0;
    // Without a validator nobody could say whether the rest belongs to what is there.
    if (t->have && !*t->validator) start_over(t);
    if (t->failed) return FETCH_FAILED;
    t->curl = t->lib->easy_init();
    if (!t->curl) return error_set(t->err, "%s: libcurl does not start", t->job->url);
    set_up(t, &lines);
    int result = judge(t, t->lib->easy_perform(t->curl));
    t->lib->slist_free_all(lines);
    t->lib->easy_cleanup(t->curl);
    return result;
}

static int attempts(transfer *t) {
    int64_t best = t->have;
    for (int failures = 0;;) {
        int result = attempt(t);
        if (result != TRY_AGAIN) return result;
        failures++;
        // Getting further than ever before is a reason to go on; a server that starts again each time never does.
        if (t->have > best) best = t->have, failures = 1;
        if (failures == MAX_FAILURES) return FETCH_FAILED;
        static const double pauses[MAX_FAILURES] = {0, 0.1, 1, 3};
        if (!meter_wait(t->job->meter, pauses[failures])) return FETCH_CANCELLED;
    }
}

int http_download(const http_job *job, http_reply *r, error *err) {
    *r = (http_reply){0};
    transfer t = {.job = job, .reply = r, .total = -1, .err = err, .lib = curl_library_get(err)};
    if (!t.lib) return FETCH_FAILED;
    t.fd = open(job->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (t.fd < 0) return error_set(err, "%s: cannot be written: %s", job->part, strerror(errno));
    int result = FETCH_FAILED;
    struct stat st;
    if (fstat(t.fd, &st) != 0) {
        error_set(err, "%s: %s", job->part, strerror(errno));
    } else {
        t.have = st.st_size;
        note_read(&t);
        result = attempts(&t);
        r->size = t.have;
        if (result != FETCH_DONE && t.have == 0) http_forget(job->part);
    }
    close(t.fd);
    return result;
}

char *http_file_name(const char *url) {
    const curl_library *lib = curl_library_get(NULL);
    CURLU *u = lib ? lib->url() : NULL;
    char *path = NULL;
    buf name = {0};
    if (u && lib->url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        lib->url_get(u, CURLUPART_PATH, &path, CURLU_URLDECODE) == CURLUE_OK) {
        size_t n = strlen(path);
        while (n && path[n - 1] == '/') path[--n] = '\0';
        const char *slash = strrchr(path, '/');
        for (const char *s = slash ? slash + 1 : path; *s; s++)
            buf_putc(&name, isalnum((unsigned char)*s) || strchr("._-+", *s) ? *s : '_');
        // A leading dot would hide the file, a leading dash would look like an option.
        if (name.len && (name.data[0] == '.' || name.data[0] == '-')) name.data[0] = '_';
    }
    if (path) lib->free(path);
    if (u) lib->url_cleanup(u);
    return buf_take(&name);
}
