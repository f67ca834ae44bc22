// /proc/meminfo and the control groups of Linux (both versions), sysconf elsewhere. Files that are missing or odd say
// nothing: the check they serve is a courtesy, and a wrong "no" would be worse than none.
#include "model/base/memory.h"
#include "model/base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_FILE = 1 << 16 };

// The text of a small file; false when it cannot be read.
static bool read_text(const char *path, buf *out) {
    FILE *f = fopen(path, "re");
    if (!f) return false;
    char piece[1024];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0 && out->len < LARGEST_FILE) buf_append(out, piece, n);
    fclose(f);
    return out->len > 0;
}

// The number behind `name` at the beginning of a line ("" : of the text); -1 when there is none.
static int64_t number_after(const char *text, const char *name) {
    size_t n = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, name, n) != 0) continue;
        char *end;
        errno = 0;
        long long value = strtoll(line + n, &end, 10);
        return end == line + n || errno || value < 0 ? -1 : value;
    }
    return -1;
}

static int64_t number_in(const char *dir, const char *file, const char *name) {
    buf path = {0}, text = {0};
    buf_printf(&path, "%s/%s", dir, file);
    int64_t value = read_text(path.data, &text) ? number_after(text.data, name) : -1;
    buf_free(&path);
    buf_free(&text);
    return value;
}

static int64_t least(int64_t a, int64_t b) {
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

// What one group leaves: its limit, less what it uses but for files that can be read again. -1: no limit.
static int64_t left_in_group(const char *dir, int version) {
    int64_t limit = number_in(dir, version == 2 ? "memory.max" : "memory.limit_in_bytes", "");
    int64_t used = number_in(dir, version == 2 ? "memory.current" : "memory.usage_in_bytes", "");
    int64_t files = number_in(dir, "memory.stat", version == 2 ? "inactive_file " : "total_inactive_file ");
    if (limit < 0 || used < 0) return -1;
    used -= files > 0 && files < used ? files : 0;
    return used < limit ? limit - used : 0;
}

// The least of a group and all that it is in. line: of /proc/self/cgroup, "4:memory:/a/b" or "0::/a/b".
static int64_t left_in_groups(const char *line) {
    int version = strncmp(line, "0::", 3) == 0 ? 2 : 1;
    const char *path = strchr(line, '/'), *root = version == 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    if (!path || (version == 1 && !strstr(line, ":memory:"))) return -1;
    buf dir = {0};
    buf_printf(&dir, "%s%.*s", root, (int)strcspn(path, "\n"), path);
    int64_t left = -1;
    while (dir.len > strlen(root)) {
        left = least(left, left_in_group(dir.data, version));
        size_t cut = dir.len - 1;
        while (dir.data[cut] != '/') cut--;
        buf_remove(&dir, cut, dir.len - cut);
    }
    left = least(left, left_in_group(root, version));
    buf_free(&dir);
    return left;
}

static int64_t left_in_all_groups(void) {
    buf text = {0};
    int64_t left = -1;
    if (read_text("/proc/self/cgroup", &text))
        for (const char *line = text.data; line && *line; line = strchr(line, '\n'), line += line != NULL)
            left = least(left, left_in_groups(line));
    buf_free(&text);
    return left;
}

static int64_t free_pages(void) {
#if defined(_SC_AVPHYS_PAGES)
    long pages = sysconf(_SC_AVPHYS_PAGES);
#elif defined(_SC_PHYS_PAGES)
    long pages = sysconf(_SC_PHYS_PAGES);
#else
    long pages = -1;
#endif
    long size = sysconf(_SC_PAGESIZE);
    return pages < 0 || size < 0 ? -1 : (int64_t)pages * size;
}

int64_t memory_parse(const char *text) {
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (unit) {
        for (const char *u = units; u <= unit; u++) value *= 1024;
        end++;
    }
    return end == text || *end || errno || !(value >= 0 && value < 9e18) ? -1 : (int64_t)value;
}

int64_t memory_available(void) {
    const char *given = getenv("DOPPEL_MEMORY");
    int64_t amount = given ? memory_parse(given) : -1;
    if (amount >= 0) return amount;
    int64_t kilobytes = number_in("/proc", "meminfo", "MemAvailable:");
    return least(kilobytes >= 0 ? kilobytes * 1024 : free_pages(), left_in_all_groups());
}

bool memory_suffices(size_t need, int64_t *available) {
    int64_t there = memory_available();
    if (available) *available = there;
    return there < 0 || need <= (uint64_t)there;
}

memory_text memory_amount(double bytes) {
    memory_text t;
    if (bytes >= 1e9)
        snprintf(t.text, sizeof t.text, "%.1f GB", bytes * 1e-9);
    else
        snprintf(t.text, sizeof t.text, "%.0f MB", bytes < 1e6 ? 1 : bytes * 1e-6);
    return t;
}
