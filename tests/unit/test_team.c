// The team: every member runs once a job and once between two barriers, however many are active; and how many decode
// changes nothing of what is decoded.
#include "model/net/pace.h"
#include "model/net/state.h"
#include "tests/test.h"
#include "tests/small.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

typedef struct counts {
    team *team;
    _Atomic int runs[4], phase, wrong;
} counts;

static void count(void *arg, int rank) {
    counts *c = arg;
    atomic_fetch_add(&c->runs[rank], 1);
    for (int i = 1; i <= 3; i++) { // nobody passes a barrier before all have come to it
        atomic_fetch_add(&c->phase, 1);
        team_barrier(c->team);
        if (c->phase != i * team_active(c->team)) atomic_fetch_add(&c->wrong, 1);
        team_barrier(c->team);
    }
}

static void test_members(void) {
    error err;
    counts c = {.team = team_open(4, &err)};
    int want[4] = {0};
    for (int i = 0; i < 400; i++) {
        int active = i / 3 % 4 + 1;
        c.phase = 0;
        team_set_active(c.team, active);
        team_run(c.team, count, &c);
        for (int r = 0; r < active; r++) want[r]++;
    }
    for (int r = 0; r < 4; r++) OK(c.runs[r] == want[r], "member %d ran %d times, expected %d", r, c.runs[r], want[r]);
    OK(c.wrong == 0, "%d barriers were passed too early", c.wrong);
    team_close(c.team);
    team_close(NULL);
}

typedef struct items {
    team *team;
    _Atomic int taken[100];
} items;

static void take(void *arg, int rank) {
    (void)rank;
    items *all = arg;
    for (int step = 0; step < 2; step++) {
        for (int i; (i = team_take(all->team)) < 100;) atomic_fetch_add(&all->taken[i], 1);
        team_barrier(all->team);
    }
}

enum { STEPS = 300 };

typedef struct lines {
    team *team;
    int n[STEPS], ranks[STEPS][4]; // who came to a step, in order: written without a lock
} lines;

static void queue_up(void *arg, int rank) {
    lines *all = arg;
    for (int i = 0; i < STEPS; i++) {
        team_follow(all->team, rank, (unsigned)i + 1);
        all->ranks[i][all->n[i]++] = rank;
        team_reached(all->team, rank, (unsigned)i + 1);
    }
}

// One behind the other, in every job from the beginning.
static void test_queue(void) {
    error err;
    static lines all;
    all.team = team_open(4, &err);
    for (int job = 0; job < 40; job++) {
        int active = job % 4 + 1, wrong = 0;
        memset(all.n, 0, sizeof all.n);
        team_set_active(all.team, active);
        team_run(all.team, queue_up, &all);
        for (int i = 0; i < STEPS; i++) {
            wrong += all.n[i] != active;
            for (int r = 0; r < active; r++) wrong += all.ranks[i][r] != r;
        }
        OK(wrong == 0, "job %d, %d members: %d are out of order", job, active, wrong);
    }
    team_close(all.team);
}

// Every item of a step goes to one member.
static void test_items(void) {
    error err;
    for (int size = 1; size <= 3; size++) {
        items all = {.team = team_open(size, &err)};
        for (int i = 0; i < 50; i++) team_run(all.team, take, &all);
        int wrong = 0;
        for (int i = 0; i < 100; i++) wrong += all.taken[i] != 100;
        OK(wrong == 0, "%d members: %d of 100 items were not taken once a step", size, wrong);
        team_close(all.team);
    }
}

static void test_shares(void) {
    for (int size = 1; size <= 5; size++) {
        int next = 0, least = 100, most = 0;
        for (int rank = 0; rank < size; rank++) {
            int first, last;
            team_share(17, rank, size, &first, &last);
            OK(first == next, "member %d of %d begins at %d, expected %d", rank, size, first, next);
            next = last;
            if (last - first < least) least = last - first;
            if (last - first > most) most = last - first;
        }
        OK(next == 17 && most - least <= 1, "%d members: shares of %d to %d, %d in all", size, least, most, next);
    }
}

// Logits after 200 tokens, with `active` members of two.
static void decode(const net *n, int active, float *logits) {
    error err;
    net_state *s = net_state_open(n, &(net_options){.n_ctx = 256, .threads = 2}, &err);
    team_set_active(s->team, active);
    for (int32_t i = 0; i < 200; i++) {
        int32_t id = i * 7 % SMALL_VOCAB;
        net_eval(s, &id, 1, NULL, NULL, &err);
    }
    memcpy(logits, net_logits(s), SMALL_VOCAB * sizeof *logits);
    net_state_close(s);
}

static void test_same_result(void) {
    small t;
    float two[SMALL_VOCAB], one[SMALL_VOCAB];
    small_open(&t, (small_options){.seed = 4});
    decode(t.model.net, 2, two);
    decode(t.model.net, 1, one);
    OK(memcmp(two, one, sizeof two) == 0, "one member calculates what two do, to the last bit");
    small_close(&t);
}

// A pace leaves the team's number as it found it, in every mode.
static void test_pace(void) {
    error err;
    team *t = team_open(2, &err);
    pace p = {0};
    for (int i = 0; i < 200; i++) {
        if (i == 50) p = (pace){.mode = PACE_TRYING, .left = 3, .together = 1e9};
        pace_begin(&p, t);
        OK(team_active(t) == (p.mode == PACE_TOGETHER ? 2 : 1), "pass %d runs with %d members", i, team_active(t));
        pace_end(&p, t);
        OK(team_active(t) == 2, "after pass %d %d members are active", i, team_active(t));
        if (i == 53) OK(p.mode == PACE_ALONE, "the quicker way is kept");
    }
    OK(p.mode == PACE_TOGETHER, "and left again after a while");
    team_close(t);
}

// A pass whose second member has to sleep at nearly every barrier.
static void dawdle(void *arg, int rank) {
    for (int i = 0; i < 10; i++) {
        if (rank == 0) nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        team_barrier(arg);
    }
}

static pace_mode after_passes(pace p, int n) {
    error err;
    team *t = team_open(2, &err);
    for (int i = 0; i < n; i++) {
        pace_begin(&p, t);
        team_run(t, dawdle, t);
        pace_end(&p, t);
    }
    team_close(t);
    return p.mode;
}

// Six passes that had to sleep begin a trial, unless they were quick all the same.
static void test_trial(void) {
    OK(after_passes((pace){0}, 5) == PACE_TOGETHER, "not yet");
    OK(after_passes((pace){0}, 6) == PACE_TRYING, "a trial");
    OK(after_passes((pace){.quiet = 1e-6}, 6) == PACE_TRYING, "they were slow");
    OK(after_passes((pace){.quiet = 10}, 8) == PACE_TOGETHER, "they were quick");
}

int main(void) {
    test_members();
    test_queue();
    test_items();
    test_shares();
    test_same_result();
    test_pace();
    test_trial();
    return test_end();
}
