// Both kinds are listed once when they are opened; a file's bytes come through a byte_source.
#include "app/corpus/folder.h"
#include "app/corpus/json_stream.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zip.h>

enum {
    MAX_FILES = 1000000,
    MAX_DEPTH = 32,
    BOMB_RATIO = 250,       // logs pack 10 to 40 times smaller
    BOMB_BYTES = 256 << 20, // below this size nothing is a bomb
    SMALL_JSON = 64 << 20,
};

typedef struct entry {
    char *name;
    int64_t size;
    uint64_t index; // in the archive
} entry;

struct folder {
    char *path;
    zip_t *zip; // NULL: a folder on disk
    entry *entries;
    size_t n, cap;
};

bool folder_is_zip(const char *path) {
    char head[4];
    struct stat st;
    // What is read from a pipe would be gone.
    FILE *f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    if (!f) return false;
    bool whole = fread(head, 1, sizeof head, f) == sizeof head;
    fclose(f);
    return whole && memcmp(head, "PK\x03\x04", 4) == 0;
}

static void add_entry(folder *f, const char *name, int64_t size, uint64_t index) {
    f->entries = mem_reserve(f->entries, &f->cap, f->n + 1, sizeof *f->entries);
    f->entries[f->n++] = (entry){mem_strdup(name), size, index};
}

// ---- on disk

static int list_folder(folder *f, const char *inside, int depth, error *err);

static int list_name(folder *f, const char *inside, const char *name, int depth, error *err) {
    struct stat st;
    buf path = {0}, relative = {0};
    buf_printf(&relative, "%s%s%s", inside, *inside ? "/" : "", name);
    buf_printf(&path, "%s/%s", f->path, relative.data);
    int result = 0;
    if (lstat(path.data, &st) == 0) {
        bool is_link = S_ISLNK(st.st_mode);
        if (is_link && stat(path.data, &st) != 0) st.st_mode = 0;
        if (S_ISREG(st.st_mode))
            add_entry(f, relative.data, st.st_size, 0);
        else if (S_ISDIR(st.st_mode) && !is_link)
            result = list_folder(f, relative.data, depth + 1, err);
    }
    buf_free(&path);
    buf_free(&relative);
    return result;
}

static int list_folder(folder *f, const char *inside, int depth, error *err) {
    buf path = {0};
    buf_printf(&path, "%s%s%s", f->path, *inside ? "/" : "", inside);
    DIR *d = depth > MAX_DEPTH ? NULL : opendir(path.data);
    int result = 0;
    if (!d && depth == 0) result = error_set(err, "cannot be read (%s)", strerror(errno));
    for (struct dirent *e; d && result == 0 && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        result = list_name(f, inside, e->d_name, depth, err);
        if (result == 0 && f->n > MAX_FILES) result = error_set(err, "holds more than a million files");
    }
    if (d) closedir(d);
    buf_free(&path);
    return result;
}

// ---- in an archive

static bool points_outside(const char *name) {
    if (name[0] == '/' || name[0] == '\\' || (name[0] && name[1] == ':')) return true;
    for (const char *part = name; *part;) {
        size_t n = strcspn(part, "/\\");
        if (n == 2 && part[0] == '.' && part[1] == '.') return true;
        part += n + (part[n] != '\0');
    }
    return false;
}

static bool is_hidden(const char *name) {
    const char *last = strrchr(name, '/');
    return name[0] == '.' || (last && last[1] == '.') || strncmp(name, "__MACOSX/", 9) == 0;
}

static int list_member(folder *f, zip_uint64_t i, int64_t *total, error *err) {
    zip_stat_t st;
    if (zip_stat_index(f->zip, i, 0, &st) != 0 || !(st.valid & ZIP_STAT_NAME) || !(st.valid & ZIP_STAT_SIZE))
        return error_set(err, "is a damaged zip archive (%s); fetch it again", zip_strerror(f->zip));
    if (points_outside(st.name))
        return error_set(err, "is a zip archive with a member \"%s\" that points outside of it; it was not opened",
                         st.name);
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE)
        return error_set(err, "is an encrypted zip archive; unpack it with its password and import the folder");
    if (st.size > INT64_MAX / 4 || *total > INT64_MAX / 4) return error_set(err, "is no honest zip archive (sizes)");
    *total += (int64_t)st.size;
    size_t n = strlen(st.name);
    if (n && st.name[n - 1] != '/' && !is_hidden(st.name)) add_entry(f, st.name, (int64_t)st.size, i);
    return 0;
}

static int list_zip(folder *f, int64_t archive_size, error *err) {
    int code, result = 0;
    f->zip = zip_open(f->path, ZIP_RDONLY, &code);
    if (!f->zip) {
        zip_error_t e;
        zip_error_init_with_code(&e, code);
        error_set(err, "is a zip archive that cannot be read (%s); fetch it again", zip_error_strerror(&e));
        zip_error_fini(&e);
        return -1;
    }
    zip_int64_t n = zip_get_num_entries(f->zip, 0);
    int64_t total = 0;
    if (n > MAX_FILES) return error_set(err, "holds more than a million files");
    for (zip_int64_t i = 0; i < n && result == 0; i++) result = list_member(f, (zip_uint64_t)i, &total, err);
    if (result == 0 && total > BOMB_BYTES && total / BOMB_RATIO > archive_size)
        result = error_set(err, "is a zip archive of %lld bytes that would unpack to %lld; it was not opened",
                           (long long)archive_size, (long long)total);
    return result;
}

typedef struct member_source {
    zip_file_t *file;
    int64_t left; // what the archive's list says it holds; not a byte more is taken
} member_source;

static ssize_t member_read(void *self, void *bytes, size_t n) {
    member_source *m = self;
    if ((int64_t)n > m->left) n = (size_t)m->left;
    if (n == 0) return 0;
    zip_int64_t got = zip_fread(m->file, bytes, n);
    if (got < 0) errno = EIO;
    if (got > 0) m->left -= got;
    return (ssize_t)got;
}

static void member_close(void *self) {
    member_source *m = self;
    zip_fclose(m->file);
    free(m);
}

// ---- both

// Names by their parts, runs of digits by value.
static int compare_names(const char *a, const char *b) {
    while (*a && *b) {
        size_t x = strspn(a, "0123456789"), y = strspn(b, "0123456789");
        if (x && y) {
            while (x > 1 && *a == '0') a++, x--;
            while (y > 1 && *b == '0') b++, y--;
            int order = x != y ? (x < y ? -1 : 1) : memcmp(a, b, x);
            if (order) return order;
            a += x;
            b += y;
        } else {
            // '/' sorts first, so that a folder's files stay together.
            unsigned char c = (unsigned char)*a++, d = (unsigned char)*b++;
            if (c != d) return c == '/' ? -1 : d == '/' ? 1 : c < d ? -1 : 1;
        }
    }
    return *a ? 1 : *b ? -1 : 0;
}

static int by_name(const void *a, const void *b) {
    const entry *x = a, *y = b;
    int order = compare_names(x->name, y->name);
    return order ? order : strcmp(x->name, y->name);
}

folder *folder_open(const char *path, error *err) {
    struct stat st;
    folder *f = mem_calloc(1, sizeof *f);
    f->path = mem_strdup(path);
    int result;
    if (stat(path, &st) != 0)
        result = error_set(err, "cannot be read (%s)", strerror(errno));
    else if (S_ISDIR(st.st_mode))
        result = list_folder(f, "", 0, err);
    else
        result = list_zip(f, st.st_size, err);
    if (result != 0) {
        folder_close(f);
        return NULL;
    }
    if (f->n) qsort(f->entries, f->n, sizeof *f->entries, by_name);
    return f;
}

void folder_close(folder *f) {
    if (!f) return;
    for (size_t i = 0; i < f->n; i++) free(f->entries[i].name);
    free(f->entries);
    if (f->zip) zip_discard(f->zip);
    free(f->path);
    free(f);
}

size_t folder_count(const folder *f) {
    return f->n;
}

const char *folder_name(const folder *f, size_t i) {
    return f->entries[i].name;
}

int64_t folder_size(const folder *f, size_t i) {
    return f->entries[i].size;
}

int folder_source(folder *f, size_t i, byte_source *out, error *err) {
    const entry *e = &f->entries[i];
    if (!f->zip) {
        buf path = {0};
        buf_printf(&path, "%s/%s", f->path, e->name);
        int result = byte_source_file(path.data, out, err);
        buf_free(&path);
        return result;
    }
    zip_file_t *file = zip_fopen_index(f->zip, e->index, 0);
    if (!file) return error_set(err, "%s: cannot be unpacked (%s)", e->name, zip_strerror(f->zip));
    member_source *m = mem_calloc(1, sizeof *m);
    *m = (member_source){file, e->size};
    *out = (byte_source){member_read, member_close, m, e->size};
    return 0;
}

ptrdiff_t folder_find(const folder *f, const char *prefix, const char *name) {
    size_t n = strlen(prefix);
    for (size_t i = 0; i < f->n; i++)
        if (strncasecmp(f->entries[i].name, prefix, n) == 0 && strcasecmp(f->entries[i].name + n, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

cJSON *folder_json(folder *f, size_t i) {
    byte_source source;
    if (folder_size(f, i) > SMALL_JSON || folder_source(f, i, &source, NULL) != 0) return NULL;
    text_in *in = text_in_open(source);
    size_t n;
    const char *s = text_in_peek(in, SMALL_JSON, &n);
    cJSON *value = json_stream_whole(s, n);
    text_in_close(in);
    return value;
}
