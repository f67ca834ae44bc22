// Names are settled once per person when the selection is opened, so that a message costs a look into a table.
#include "app/corpus/select.h"

#include <stdlib.h>
#include <string.h>

struct selection {
    const corpus_options *o;
    const people *authors;
    const char **shown; // per author: the name after aliases
    bool *wanted;       // per author; NULL: everyone
    bool *imitated;     // likewise
    id_map seen;        // what dedupe has met
};

static int read_date(const char *option, const char *text, error *err) {
    char whole[WHEN_TEXT];
    size_t n = text ? strlen(text) : 0;
    int64_t seconds;
    if (!text) return 0;
    if (n == 10 || n == 16 || n == 19) {
        memcpy(whole, text, n);
        strcpy(whole + n, &"0000-00-00T00:00:00"[n]);
        whole[10] = 'T';
        if (when_seconds(whole, &seconds)) return 0;
    }
    return error_set(err, "--%s is \"%s\"; it takes a date such as 2026-11-20 or 2026-11-20T12:06", option, text);
}

int selection_check(const corpus_options *o, error *err) {
    if (read_date("after", o->after, err) != 0 || read_date("before", o->before, err) != 0) return -1;
    for (size_t i = 0; i < o->n_aliases; i++) {
        const char *alias = o->aliases[i], *equals = strchr(alias, '=');
        if (!equals || equals == alias || !equals[1])
            return error_set(err, "--alias is \"%s\"; it takes NAME=NAME, the second being the one that stays", alias);
    }
    return 0;
}

static int open_alias(selection *s, const char *alias, error *err) {
    const char *equals = strchr(alias, '=');
    char *from = mem_strndup(alias, (size_t)(equals - alias));
    size_t place;
    int result = people_find(s->authors, from, &place, err);
    free(from);
    if (result == 0) s->shown[place] = equals + 1;
    return result;
}

// Marks everyone whose shown name is one of those typed. *marks stays NULL when there are none.
static int mark_people(const selection *s, const char *const *typed, size_t n, bool **marks, error *err) {
    people shown = {0};
    int result = 0;
    if (!n) return 0;
    *marks = mem_calloc(s->authors->n, sizeof **marks);
    for (size_t i = 0; i < s->authors->n; i++) people_place(&shown, s->shown[i], strlen(s->shown[i]));
    for (size_t k = 0; k < n && result == 0; k++) {
        size_t found;
        result = people_find(&shown, typed[k], &found, err);
        for (size_t i = 0; result == 0 && i < s->authors->n; i++)
            if (strcmp(s->shown[i], shown.list[found].name) == 0) (*marks)[i] = true;
    }
    people_free(&shown);
    return result;
}

int selection_open(selection **out, const corpus_options *o, const people *authors, error *err) {
    *out = NULL;
    if (selection_check(o, err) != 0) return -1;
    if (!o->n_only && !o->n_imitate && !o->n_aliases && !o->no_bots && !o->after && !o->before && o->min_length <= 1 &&
        !o->dedupe)
        return 0;
    selection *s = mem_calloc(1, sizeof *s);
    *s = (selection){.o = o, .authors = authors};
    s->shown = mem_calloc(authors->n, sizeof *s->shown);
    for (size_t i = 0; i < authors->n; i++) s->shown[i] = authors->list[i].name;
    int result = 0;
    for (size_t i = 0; i < o->n_aliases && result == 0; i++) result = open_alias(s, o->aliases[i], err);
    if (result == 0) result = mark_people(s, o->only, o->n_only, &s->wanted, err);
    if (result == 0) result = mark_people(s, o->imitate, o->n_imitate, &s->imitated, err);
    if (result == 0)
        *out = s;
    else
        selection_close(s);
    return result;
}

void selection_close(selection *s) {
    if (!s) return;
    free(s->shown);
    free(s->wanted);
    free(s->imitated);
    id_map_free(&s->seen);
    free(s);
}

// Wall-clock comparison of a message's time with a date that may be shorter.
static int compare(const char *time, const char *date) {
    size_t n = strlen(date);
    int order = strncmp(time, date, n < 10 ? n : 10);
    return order || n <= 11 ? order : strncmp(time + 11, date + 11, n - 11);
}

static bool is_new(selection *s, const candidate *c) {
    uint64_t key = c->id;
    if (!key) {
        key = id_map_hash(c->author ? c->author_place : UINT64_MAX, c->time, strlen(c->time));
        key = id_map_hash(key, c->text, c->n_text);
    }
    bool added;
    id_map_add(&s->seen, key, 0, &added);
    return added;
}

bool selection_keeps(selection *s, const candidate *c) {
    const corpus_options *o = s->o;
    if (s->wanted && (!c->author || !s->wanted[c->author_place])) return false;
    if (o->no_bots && c->bot) return false;
    if ((o->after || o->before) && !*c->time) return false;
    if (o->after && compare(c->time, o->after) < 0) return false;
    if (o->before && compare(c->time, o->before) >= 0) return false;
    if (o->min_length > 1 && utf8_length(c->text, c->n_text) < (size_t)o->min_length) return false;
    return !o->dedupe || is_new(s, c);
}

bool selection_imitates(const selection *s, const char *author, uint32_t author_place) {
    return !s->imitated || !author || s->imitated[author_place];
}

const char *selection_author(const selection *s, const char *author, uint32_t author_place) {
    return author ? s->shown[author_place] : NULL;
}
