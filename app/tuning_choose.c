// What can be chosen about a training: whom it imitates, and the sliders.
#include "app/tuning_job.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void tuning_choose(tuning *t, size_t author, bool chosen) {
    if (author >= t->n_authors || t->authors[author].chosen == chosen) return;
    t->authors[author].chosen = chosen;
    tuning_settings_name(t);
    tuning_want_forecast(t);
}

bool tuning_is_strange(const tuning *t) {
    const double poor = 0.6; // tokens for a character
    return t->forecast.known && t->forecast.tokens_per_character > poor;
}

size_t tuning_n_chosen(const tuning *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n_authors; i++) n += t->authors[i].chosen;
    return n;
}

static int find_author(const tuning *t, const char *word, size_t *out, error *err) {
    char *rest;
    long number = strtol(word, &rest, 10);
    size_t matches = 0;
    for (size_t i = 0; i < t->n_authors; i++) {
        if (strcmp(t->authors[i].name, word) == 0) return *out = i, 0;
        if (strcasecmp(t->authors[i].name, word) != 0) continue;
        *out = i;
        matches++;
    }
    if (matches == 1) return 0;
    if (matches > 1) return error_set(err, "several people are called %s but for letter case; give the number", word);
    if (!*rest && rest != word && number >= 1 && (size_t)number <= t->n_authors) return *out = (size_t)number - 1, 0;
    return error_set(err, "%s wrote nothing in %s; these did: 1 %s%s", word, t->title, t->authors[0].name,
                     t->n_authors > 1 ? ", and more (/train lists them)" : "");
}

int tuning_choose_words(tuning *t, const char *const *words, size_t n, error *err) {
    if (t->stage != TUNING_READY) return error_set(err, "nothing is read yet, so there is nobody to choose");
    if (t->n_authors == 0) return error_set(err, "%s has no authors to choose from", t->title);
    bool *chosen = mem_calloc(t->n_authors, sizeof *chosen);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t place = 0;
        if (n == 1 && strcasecmp(words[i], "all") == 0) break;
        rc = find_author(t, words[i], &place, err);
        if (rc == 0) chosen[place] = true;
    }
    for (size_t i = 0; i < t->n_authors && rc == 0; i++) t->authors[i].chosen = chosen[i];
    free(chosen);
    if (rc != 0) return -1;
    tuning_settings_name(t);
    tuning_want_forecast(t);
    return 0;
}

void tuning_set_effort(tuning *t, tuning_effort e) {
    t->effort = e;
    tuning_forecast_update(t);
}

void tuning_set_rank(tuning *t, int rank) {
    t->rank = rank < TUNING_LEAST_RANK ? TUNING_LEAST_RANK : rank > TUNING_MOST_RANK ? TUNING_MOST_RANK : rank;
    tuning_forecast_update(t);
}

void tuning_set_rate(tuning *t, double rate) {
    t->rate = rate < TUNING_LEAST_RATE ? TUNING_LEAST_RATE : rate > TUNING_MOST_RATE ? TUNING_MOST_RATE : rate;
}

void tuning_set_scrub(tuning *t, bool on) {
    if (t->scrub == on) return;
    t->scrub = on;
    if (t->stage == TUNING_READY) tuning_want_forecast(t);
}
