// Finding drafts by hashing: every place is linked to the one before it that ends in the same few tokens, so that a
// lookup walks over the likely places only, newest first, and takes the one that agrees with the most tokens.
#include "model/gen/draft.h"

#include <stdlib.h>
#include <string.h>

enum {
    SAID_ORDER = 2,   // tokens that must agree in the conversation
    TEXT_ORDER = 3,   // and in added texts, where chance finds more
    MOST_PLACES = 64, // looked at in one lookup
    MOST_AGREEING = 32,
    N_LENGTHS = 6,
    N_SOURCES = 2,
    REFRESH_AFTER = 64, // drafts in a row before a pass is timed alone again
};

typedef struct places {
    int order;
    id_list ids;
    int32_t *before; // (cap_before) of each place: the place before it whose last `order` ids have the same hash, or -1
    size_t cap_before;
    int32_t *newest; // (1 << bits) of each hash: the newest place, or -1
    int bits;
} places;

// Whether a token that was guessed from so many agreeing ones came true.
typedef struct luck {
    double tested, accepted;
} luck;

struct drafter {
    int most;
    bool always;
    places said, text;

    // The draft proposed last: where from, and how many tokens agreed.
    int source, agreeing;

    luck luck[N_SOURCES][N_LENGTHS];
    double one, extra; // seconds of a pass over one token, and of each further one
    bool knows_one;
    int in_a_row;        // drafts since a pass was timed alone
    double spent, saved; // seconds of all passes; gained by drafts, negative when they lost
};

// ---- places

static uint32_t hash_of(const places *p, const int32_t *last) {
    uint32_t h = 0;
    for (int i = 0; i < p->order; i++) h = (h ^ (uint32_t)last[-i]) * 0x9e3779b1u;
    return (h ^ h >> 15) >> (32 - p->bits);
}

static void link_place(places *p, size_t at) {
    p->before[at] = -1;
    if (at + 1 < (size_t)p->order) return;
    uint32_t h = hash_of(p, p->ids.data + at);
    p->before[at] = p->newest[h];
    p->newest[h] = (int32_t)at;
}

// Makes room for n places in all; a larger table means that all are linked anew.
static void make_room(places *p, size_t n) {
    p->before = mem_reserve(p->before, &p->cap_before, n, sizeof *p->before);
    int bits = p->bits ? p->bits : 10;
    while (bits < 28 && (size_t)1 << bits < n) bits++;
    if (bits == p->bits) return;
    p->bits = bits;
    p->newest = mem_realloc(p->newest, (size_t)1 << bits, sizeof *p->newest);
    memset(p->newest, 0xff, sizeof *p->newest << bits);
    for (size_t i = 0; i < p->ids.len; i++) link_place(p, i);
}

static void add_places(places *p, const int32_t *ids, size_t n) {
    if (n > (size_t)INT32_MAX - p->ids.len) n = (size_t)INT32_MAX - p->ids.len;
    make_room(p, p->ids.len + n);
    for (size_t i = 0; i < n; i++) {
        id_list_push(&p->ids, ids[i]);
        link_place(p, p->ids.len - 1);
    }
}

static void clear_places(places *p) {
    p->ids.len = 0;
    if (p->bits) memset(p->newest, 0xff, sizeof *p->newest << p->bits);
}

static void free_places(places *p) {
    id_list_free(&p->ids);
    free(p->before);
    free(p->newest);
}

// The place whose last tokens agree with the most of ids[0..n-1]'s last, the newest of equals; -1 when fewer than
// `order` agree anywhere. *agreeing: how many do.
static int32_t find(const places *p, const int32_t *ids, size_t n, int *agreeing) {
    int32_t best = -1;
    *agreeing = p->order - 1;
    if (n < (size_t)p->order || p->ids.len == 0) return -1;
    int32_t at = p->newest[hash_of(p, ids + n - 1)];
    for (int tries = 0; at >= 0 && tries < MOST_PLACES; at = p->before[at], tries++) {
        int same = 0;
        while (same < MOST_AGREEING && same <= at && (size_t)same < n &&
               p->ids.data[at - same] == ids[n - 1 - (size_t)same])
            same++;
        if (same <= *agreeing || (size_t)at + 1 == p->ids.len) continue;
        best = at;
        *agreeing = same;
    }
    return best;
}

// ---- what drafts are worth

static luck *luck_of(drafter *d, int source, int agreeing) {
    static const int from[N_LENGTHS] = {0, 3, 4, 6, 9, 16};
    int i = N_LENGTHS - 1;
    while (agreeing < from[i]) i--;
    return &d->luck[source][i];
}

// How many of the n tokens found promise the most tokens per second. Each token that comes true makes the next one as
// likely as if one more had agreed.
static int worthwhile(drafter *d, int n) {
    if (!d->knows_one || d->saved < -0.01 * d->spent - d->one || d->in_a_row >= REFRESH_AFTER) return 0;
    double reached = 1, tokens = 1, best = 1.02 / d->one;
    int k = 0;
    for (int i = 0; i < n; i++) {
        const luck *l = luck_of(d, d->source, d->agreeing + i);
        reached *= (l->accepted + 1) / (l->tested + 2);
        tokens += reached;
        double rate = tokens / (d->one + (i + 1) * d->extra);
        if (rate <= best) continue;
        best = rate;
        k = i + 1;
    }
    return k;
}

// Moves *mean towards a sample; a pass that was held up by other programs counts no more than double.
static void track(double *mean, double sample) {
    if (sample > 2 * *mean) sample = 2 * *mean;
    *mean += (sample - *mean) / 8;
}

void drafter_learn(drafter *d, int n_drafted, int n_tested, int n_accepted, double seconds) {
    d->spent += seconds;
    if (n_drafted == 0) {
        if (d->knows_one)
            track(&d->one, seconds);
        else
            d->one = seconds, d->extra = 0.25 * seconds;
        d->knows_one = true;
        d->in_a_row = 0;
        return;
    }
    d->in_a_row++;
    double more = seconds - d->one, least = 0.01 * d->one * n_drafted;
    track(&d->extra, (more > least ? more : least) / n_drafted);
    d->saved += (1 + n_accepted) * d->one - seconds;
    for (int i = 0; i < n_tested; i++) {
        luck *l = luck_of(d, d->source, d->agreeing + i);
        l->tested = l->tested * 0.98 + 1; // the last fifty count
        l->accepted = l->accepted * 0.98 + (i < n_accepted);
    }
}

// ---- the drafter

drafter *drafter_open(int most, bool always) {
    drafter *d = mem_calloc(1, sizeof *d);
    d->most = most < 1 ? 1 : most < DRAFT_MOST ? most : DRAFT_MOST;
    d->always = always;
    d->said.order = SAID_ORDER;
    d->text.order = TEXT_ORDER;
    return d;
}

void drafter_close(drafter *d) {
    if (!d) return;
    free_places(&d->said);
    free_places(&d->text);
    free(d);
}

void drafter_add_text(drafter *d, const int32_t *ids, size_t n) {
    add_places(&d->text, ids, n);
}

void drafter_start(drafter *d, const int32_t *ids, size_t n) {
    clear_places(&d->said);
    add_places(&d->said, ids, n);
}

void drafter_say(drafter *d, int32_t id) {
    add_places(&d->said, &id, 1);
}

int drafter_propose(drafter *d, int room, int32_t *out) {
    const id_list *said = &d->said.ids;
    int agreeing[N_SOURCES], n = 0;
    const places *all[N_SOURCES] = {&d->said, &d->text};
    int32_t at[N_SOURCES];
    for (int i = 0; i < N_SOURCES; i++) at[i] = find(all[i], said->data, said->len, &agreeing[i]);
    d->source = at[0] < 0 || (at[1] >= 0 && agreeing[1] > agreeing[0]);
    d->agreeing = agreeing[d->source];
    if (at[d->source] < 0) return 0;
    if (room > d->most) room = d->most;
    // Where the conversation ends the draft goes on with itself: what comes round again and again is found whole.
    const id_list *from = &all[d->source]->ids;
    for (size_t i = (size_t)at[d->source] + 1; n < room; i++) {
        bool inside = i < from->len;
        if (!inside && d->source == 1) break;
        out[n] = inside ? from->data[i] : out[i - from->len];
        n++;
    }
    return d->always ? n : worthwhile(d, n);
}
