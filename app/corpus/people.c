// Counting is by place in a list; names are found through a hash of their bytes (verified, so that two names with one
// hash stay two people).
#include "app/corpus/people.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

size_t people_place(people *p, const char *name, size_t n) {
    uint64_t key = id_map_hash(0, name, n);
    for (;; key++) {
        bool added;
        uint32_t place = *id_map_add(&p->index, key ? key : 1, (uint32_t)p->n, &added);
        if (added) break;
        const char *there = p->list[place].name;
        if (strlen(there) == n && memcmp(there, name, n) == 0) return place;
    }
    p->list = mem_reserve(p->list, &p->cap, p->n + 1, sizeof *p->list);
    p->list[p->n] = (person){.name = mem_strndup(name, n)};
    return p->n++;
}

int64_t people_words(const char *text, size_t n) {
    int64_t words = 0;
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        bool blank = text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r');
        words += !blank && !inside;
        inside = !blank;
    }
    return words;
}

bool people_time_before(const char *a, const char *b) {
    // Texts of one length with the same end (the usual case) sort as they are.
    size_t n = strlen(a);
    if (n == strlen(b) && n >= 19 && strcmp(a + 19, b + 19) == 0) return strcmp(a, b) < 0;
    int64_t x, y;
    return when_seconds(a, &x) && when_seconds(b, &y) && x < y;
}

void people_count(person *who, const char *text, size_t n, const char *time, bool bot) {
    who->messages++;
    who->words += people_words(text, n);
    who->bot |= bot;
    if (!time || strlen(time) >= WHEN_TEXT) return;
    if (!*who->first || people_time_before(time, who->first)) strcpy(who->first, time);
    if (!*who->last || people_time_before(who->last, time)) strcpy(who->last, time);
}

void people_free(people *p) {
    for (size_t i = 0; i < p->n; i++) free(p->list[i].name);
    free(p->list);
    id_map_free(&p->index);
    *p = (people){0};
}

static int by_messages(const void *a, const void *b) {
    const person *x = a, *y = b;
    if (x->messages != y->messages) return x->messages < y->messages ? 1 : -1;
    return strcmp(x->name, y->name);
}

void people_sort(people *p) {
    if (p->n) qsort(p->list, p->n, sizeof *p->list, by_messages);
    id_map_free(&p->index);
    for (size_t i = 0; i < p->n; i++) {
        uint64_t key = id_map_hash(0, p->list[i].name, strlen(p->list[i].name));
        bool added = false;
        for (; !added; key++) id_map_add(&p->index, key ? key : 1, (uint32_t)i, &added);
    }
}

// The name as it is compared when it was not typed exactly; the caller frees it.
static char *folded(const char *name) {
    utf8proc_uint8_t *out = NULL;
    utf8proc_option_t options =
        UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    if (utf8proc_map((const utf8proc_uint8_t *)name, 0, &out, options) < 0) return mem_strdup(name);
    return (char *)out;
}

static int not_found(const people *p, const char *typed, const char *wanted, error *err) {
    buf names = {0};
    int shown = 0;
    for (int pass = 0; pass < 2 && shown == 0; pass++)
        for (size_t i = 0; i < p->n && shown < 5; i++) {
            char *name = folded(p->list[i].name);
            bool near = pass == 1 || (*wanted && strstr(name, wanted)) || (*name && strstr(wanted, name));
            free(name);
            if (near) buf_printf(&names, "%s\"%s\"", shown++ ? ", " : "", p->list[i].name);
        }
    if (shown)
        error_set(err, "nobody here is called \"%s\"; there %s %s%s", typed, p->n == 1 ? "is" : "are", names.data,
                  p->n > 5 && shown == 5 ? " ... (--authors lists everyone)" : "");
    else
        error_set(err, "nobody here is called \"%s\"; the messages have no authors", typed);
    buf_free(&names);
    return -1;
}

int people_find(const people *p, const char *typed, size_t *place, error *err) {
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->list[i].name, typed) == 0) {
            *place = i;
            return 0;
        }
    char *wanted = folded(typed);
    size_t matches = 0;
    for (size_t i = 0; i < p->n; i++) {
        char *name = folded(p->list[i].name);
        if (strcmp(name, wanted) == 0) {
            matches++;
            *place = i;
        }
        free(name);
    }
    int result = 0;
    if (matches > 1)
        result = error_set(
            err, "several people are called \"%s\" but for letter case; write the name as --authors does", typed);
    else if (matches == 0)
        result = not_found(p, typed, wanted, err);
    free(wanted);
    return result;
}
