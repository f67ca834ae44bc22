// Trainings in the background: a tiny model made here, adapters for it, held up, stopped, in line, thrown away.
#include "app/background_impl.h"
#include "app/commands.h"
#include "app/headless.h"
#include "app/paths.h"
#include "app/read_all.h"
#include "app/train_list.h"
#include "app/tree.h"
#include "model/base/fault.h"
#include "tests/models.h"
#include "tests/test.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { PATIENCE_MS = 60000 };

static char home[64];

static const char *below(const char *name) {
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

static bool there(const char *name) {
    return access(below(name), F_OK) == 0;
}

// ---- making

static void write_text(void) {
    static const char *const words[] = {"the", "cat", "dog", "bird", "tree", "river", "house", "sat", "ran", "saw"};
    buf text = {0};
    uint32_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        seed = seed * 1664525 + 1013904223;
        buf_printf(&text, "%s%s", words[(seed >> 16) % 10], i % 9 == 8 ? ".\n" : " ");
    }
    write_file(home, "text.txt", text.data, text.len);
    buf_free(&text);
}

static train_settings settings_of(const char *out, int steps) {
    train_settings s = train_settings_none();
    s.out = out;
    s.max_steps = steps;
    s.block_size = 16;
    s.batch_size = 2;
    s.threads = 2;
    s.eval_every = 10;
    s.sample_every = 10;
    s.patience = 0;
    s.lr = 0.01;
    s.float32 = true; // what is fastest may come out differently in every training
    option_list_push(&s.data, below("text.txt"));
    return s;
}

static int start(background *b, train_settings *s, held_model *m, error *err) {
    buf arguments = {0};
    int rc = train_settings_locate(s, err);
    if (rc == 0) {
        train_settings_arguments(s, &arguments);
        rc = background_start(b, s, arguments.data, m, err);
    }
    buf_free(&arguments);
    train_settings_free(s);
    return rc;
}

static int start_adapter(background *b, const char *out, int steps, held_model *m, error *err) {
    train_settings s = settings_of(out, steps);
    s.model = "base";
    s.lora_r = 4;
    return start(b, &s, m, err);
}

// ---- waiting

typedef bool (*condition)(const background_state *s);

static bool has_ended(const background_state *s) {
    return s->phase == BACKGROUND_DONE || s->phase == BACKGROUND_FAILED;
}

static bool has_stepped(const background_state *s) {
    return s->step >= 3 || has_ended(s);
}

static int step_before; // for has_gone_on

static bool has_gone_on(const background_state *s) {
    return s->step > step_before || has_ended(s);
}

static bool has_result(const background_state *s) {
    return s->has_result || has_ended(s);
}

static bool is_paused(const background_state *s) {
    return s->phase == BACKGROUND_PAUSED || has_ended(s);
}

static bool is_running(const background_state *s) {
    return s->phase == BACKGROUND_RUNNING || has_ended(s);
}

// Pumps until it is so; returns the flags that came. 0 when patience ended.
static unsigned wait_until(background *b, condition is_so) {
    unsigned flags = background_pump(b);
    while (!is_so(background_look(b))) {
        struct pollfd fd = {.fd = background_fd(b), .events = POLLIN};
        if (!OK(poll(&fd, 1, PATIENCE_MS) > 0, "nothing happens in phase %d, step %d", background_look(b)->phase,
                background_look(b)->step))
            return 0;
        flags |= background_pump(b);
    }
    return flags;
}

static const char *how(const background *b) {
    const background_state *s = background_look(b);
    return s->phase == BACKGROUND_FAILED ? s->err.text : s->reason ? s->reason : "no end";
}

static bool ended_as(const background *b, const char *reason) {
    return background_look(b)->phase == BACKGROUND_DONE && strcmp(how(b), reason) == 0;
}

// Takes in what there is until nothing comes for a moment: not while a training runs, which may never leave one.
static void drain(background *b) {
    struct pollfd fd = {.fd = background_fd(b), .events = POLLIN};
    while (poll(&fd, 1, 200) > 0) background_pump(b);
}

typedef struct looked_for {
    const char *name;
    train_standing standing;
    bool found;
} looked_for;

static void look(void *arg, const train_listed *t) {
    looked_for *f = arg;
    f->found |= strcmp(t->name, f->name) == 0 && t->standing == f->standing;
}

static bool is_listed(const char *name, train_standing standing) {
    looked_for f = {name, standing, false};
    train_list_all(NULL, look, &f);
    return f.found;
}

// ---- tests

static void test_scratch(background *b) {
    error err = {{0}};
    train_settings s = settings_of("base", 30);
    s.method_name = "scratch";
    s.layers = s.heads = 2;
    s.embed = 32;
    OK(background_look(b)->phase == BACKGROUND_IDLE && !background_busy(b), "idle at first");
    OK(start(b, &s, NULL, &err) == 0, "%s", err.text);
    OK(background_busy(b) && background_look(b)->phase == BACKGROUND_STARTING, "busy at once");
    unsigned flags = wait_until(b, has_ended);
    const background_state *t = background_look(b);
    OK(ended_as(b, "finished") && t->step == 30 && t->steps == 30, "it ends: %s", how(b));
    OK((flags & (BACKGROUND_STEP | BACKGROUND_EVAL | BACKGROUND_SAMPLE | BACKGROUND_RESULT | BACKGROUND_PHASE)) ==
           (BACKGROUND_STEP | BACKGROUND_EVAL | BACKGROUND_SAMPLE | BACKGROUND_RESULT | BACKGROUND_PHASE),
       "and told of all: %u", flags);
    OK(t->n_losses == 30 && t->losses[29].step == 30 && t->n_evals == 4, "%zu losses, %zu evaluations", t->n_losses,
       t->n_evals);
    OK(t->has_result && t->best_held_out < t->first_held_out && t->sample.len > 0, "it learned");
    OK(strcmp(t->name, "base") == 0 && strcmp(t->path, below("models/base")) == 0, "%s", t->path);
    OK(!background_busy(b), "idle again");
}

static void test_pause(background *b, held_model *m) {
    error err = {{0}};
    OK(start_adapter(b, "first", 100000, m, &err) == 0, "%s", err.text);
    wait_until(b, has_stepped);
    background_pause(b);
    OK(background_look(b)->phase == BACKGROUND_PAUSED && !background_look(b)->pause_reason, "paused");
    drain(b);
    int step = background_look(b)->step;
    drain(b);
    OK(background_look(b)->step == step, "no step while it is paused: %d, %d", step, background_look(b)->step);
    background_go_on(b);
    OK(background_look(b)->phase == BACKGROUND_RUNNING, "goes on");
    step_before = step;
    wait_until(b, has_gone_on);
    wait_until(b, has_result);
    OK(background_look(b)->step > step && there("adapters/first/adapter_model.safetensors"), "and takes steps");
    background_pause(b);
    background_stop(b);
    OK(background_look(b)->phase == BACKGROUND_STOPPING, "stopping");
    wait_until(b, has_ended);
    OK(ended_as(b, "interrupted") && there("adapters/first/checkpoint/state"), "stopped while paused: %s", how(b));
    OK(background_look(b)->has_result, "with what it learned");
    OK(background_resume_training(b, "first", m, &err) == 0, "%s", err.text);
    OK(!background_end(b, 0) && background_look(b)->phase == BACKGROUND_STOPPING, "it ends, but not in no time");
    OK(background_end(b, -1) && !background_busy(b) && ended_as(b, "interrupted"), "in the end: %s", how(b));
}

// What is stopped goes on where it stopped; the loss of a step is that of a training that never stopped.
static void test_resume(background *b, held_model *m) {
    error err = {{0}};
    double whole = 0, parts = 0;
    OK(start_adapter(b, "whole", 40, m, &err) == 0, "%s", err.text);
    wait_until(b, has_ended);
    OK(ended_as(b, "finished"), "%s", how(b));
    whole = background_look(b)->loss;
    OK(start_adapter(b, "parts", 40, m, &err) == 0, "%s", err.text);
    wait_until(b, has_stepped);
    background_stop(b);
    wait_until(b, has_ended);
    OK(ended_as(b, "interrupted"), "%s", how(b));
    OK(is_listed("parts", TRAIN_INTERRUPTED), "it is among those that are not done");
    OK(background_resume_training(b, "parts", m, &err) == 0, "%s", err.text);
    wait_until(b, has_ended);
    parts = background_look(b)->loss;
    OK(ended_as(b, "finished") && whole == parts, "%s: %.17g and %.17g", how(b), whole, parts);
    OK(background_resume_training(b, "nothing", m, &err) != 0 && strstr(err.text, "nothing"), "%s", err.text);
}

static void test_line(background *b, held_model *m) {
    error err = {{0}};
    unsigned n_ended = background_look(b)->n_ended;
    OK(start_adapter(b, "one", 100000, m, &err) == 0 && start_adapter(b, "two", 20, m, &err) == 0 &&
           start_adapter(b, "three", 20, m, &err) == 0,
       "three at once: %s", err.text);
    OK(background_look(b)->n_waiting == 2 && strcmp(background_waiting(b, 1), "three") == 0 &&
           !background_waiting(b, 2),
       "two wait");
    OK(start_adapter(b, "two", 20, m, &err) != 0 && strstr(err.text, "already"), "not twice: %s", err.text);
    OK(there("adapters/three/run.json") && is_listed("three", TRAIN_WAITING), "what waits is on disk");
    background_drop_waiting(b, 1);
    OK(background_look(b)->n_waiting == 1 && !there("adapters/three"), "one dropped");
    wait_until(b, has_stepped);
    OK(strcmp(background_look(b)->name, "one") == 0, "the first trains");
    background_discard(b);
    wait_until(b, has_stepped); // one has taken steps already: until two has
    while (strcmp(background_look(b)->name, "two") != 0 || !has_ended(background_look(b))) wait_until(b, has_ended);
    OK(ended_as(b, "finished") && there("adapters/two"), "then the second: %s", how(b));
    OK(!there("adapters/one"), "what was thrown away is gone");
    bool told = false;
    for (char *line; (line = background_take_note(b)); free(line)) told |= strstr(line, "one") != NULL;
    OK(told, "how the first ended is told");
    OK(background_look(b)->n_ended == n_ended + 2, "both ends are counted");
}

// What waits when the program ends is begun by the next one, and comes out as if it had never waited.
static void test_kept(held_model *m) {
    error err = {{0}};
    double direct = 0;
    for (int i = 0; i < 2; i++) {
        background *b = background_open(&err);
        if (!OK(b != NULL, "%s", err.text)) return;
        int rc = i == 0 ? start_adapter(b, "direct", 20, m, &err) : background_resume_training(b, "kept", m, &err);
        OK(rc == 0, "%s", err.text);
        wait_until(b, has_ended);
        OK(ended_as(b, "finished"), "%s", how(b));
        if (i == 0) {
            direct = background_look(b)->loss;
            OK(start_adapter(b, "head", 100000, m, &err) == 0 && start_adapter(b, "kept", 20, m, &err) == 0, "%s",
               err.text);
            OK(start_adapter(b, "direct", 20, m, &err) != 0 && strstr(err.text, "there already"),
               "a name that is taken: %s", err.text);
            wait_until(b, has_stepped);
        } else {
            OK(background_look(b)->loss == direct, "%.17g and %.17g", direct, background_look(b)->loss);
        }
        background_close(b);
        if (i == 0)
            OK(is_listed("kept", TRAIN_WAITING) && is_listed("head", TRAIN_INTERRUPTED), "both are to be gone on with");
    }
    OK(is_listed("kept", TRAIN_ENDED), "done");
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The seconds that so many steps take.
static double seconds_of(background *b, int steps) {
    double from = now();
    for (int i = 0; i < steps; i++) {
        step_before = background_look(b)->step;
        if (!wait_until(b, has_gone_on)) break;
    }
    return now() - from;
}

// The steps that are made in so many seconds.
static int steps_in(background *b, double seconds) {
    struct pollfd fd = {.fd = background_fd(b), .events = POLLIN};
    int before = background_look(b)->step;
    for (double to = now() + seconds; now() < to;)
        if (poll(&fd, 1, 50) > 0) background_pump(b);
    return background_look(b)->step - before;
}

static void test_yield(background *b, held_model *m) {
    enum { STEPS = 100, TRIES = 5 };
    error err = {{0}};
    train_settings s = settings_of("polite", 100000);
    s.model = "base";
    s.eval_every = 100000;
    OK(start(b, &s, m, &err) == 0, "%s", err.text);
    wait_until(b, has_stepped);
    double seconds = 0;
    int beside = STEPS;
    for (int i = 0; i < TRIES && beside >= STEPS / 5; i++) { // other work on the machine may end in between
        background_yield(b, false);
        seconds = seconds_of(b, STEPS);
        background_yield(b, true);
        beside = steps_in(b, seconds);
    }
    OK(beside < STEPS / 5, "%d steps in %.3f s, %d while the generator works", STEPS, seconds, beside);
    background_stop(b);
    wait_until(b, has_ended);
    OK(ended_as(b, "interrupted"), "one that gives way ends at once when it is told to: %s", how(b));
    background_yield(b, false);
}

static void test_battery(background *b, held_model *m) {
    error err = {{0}};
    char *supply = path_of(home, "power/BAT0");
    mkdir(below("power"), 0700);
    mkdir(supply, 0700);
    write_file(supply, "type", "Battery\n", 8);
    write_file(supply, "status", "Discharging\n", 12);
    background_watch_power(b, below("power"), 0.02);
    OK(start_adapter(b, "mobile", 100000, m, &err) == 0, "%s", err.text);
    wait_until(b, is_paused);
    const background_state *s = background_look(b);
    OK(s->phase == BACKGROUND_PAUSED && s->pause_reason && strcmp(s->pause_reason, "on battery") == 0, "on battery");
    write_file(supply, "status", "Charging\n", 9);
    wait_until(b, is_running);
    OK(background_look(b)->phase == BACKGROUND_RUNNING, "on mains again");
    write_file(supply, "status", "Discharging\n", 12);
    wait_until(b, is_paused);
    background_stop(b);
    wait_until(b, has_ended);
    OK(ended_as(b, "interrupted"), "stopped on battery: %s", how(b));
    background_watch_power(b, below("nothing"), 10);
    free(supply);
}

static void test_refused(background *b) {
    error err = {{0}};
    train_settings s = settings_of("bad", 10);
    s.model = "base";
    OK(background_start(b, &s, "[\"--lr=fast\"]", NULL, &err) != 0 && strstr(err.text, "--lr"), "%s", err.text);
    OK(background_start(b, &s, "[\"--what=1\"]", NULL, &err) != 0 && strstr(err.text, "what"), "%s", err.text);
    OK(background_start(b, &s, "nonsense", NULL, &err) != 0, "%s", err.text);
    train_settings_free(&s);
    s = settings_of("nowhere", 10);
    s.model = "base";
    s.data.n = 0;
    option_list_push(&s.data, "/no/such/file");
    OK(start(b, &s, NULL, &err) == 0, "%s", err.text);
    wait_until(b, has_ended);
    OK(background_look(b)->phase == BACKGROUND_FAILED && strstr(how(b), "/no/such/file"), "no data: %s", how(b));
    OK(!there("adapters/nowhere"), "nothing is left of it");
}

// Waits for a note with these words; false when nothing happens for too long.
static bool hears(background *b, const char *words) {
    struct pollfd fd = {.fd = background_fd(b), .events = POLLIN};
    bool heard = false;
    do {
        background_pump(b);
        for (char *line; (line = background_take_note(b)); free(line)) heard |= strstr(line, words) != NULL;
    } while (!heard && !has_ended(background_look(b)) && poll(&fd, 1, PATIENCE_MS) > 0);
    return heard;
}

// A checkpoint finds no room: that is said, the training goes on, and the next one is whole.
static void test_full_disk(background *b, held_model *m) {
    error err = {{0}};
    struct rlimit before, tight;
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 2048;
    signal(SIGXFSZ, SIG_IGN);
    train_settings s = settings_of("full", 100000);
    s.model = "base";
    s.lora_r = 4;
    s.save_every = 5;
    OK(start(b, &s, m, &err) == 0, "%s", err.text);
    wait_until(b, has_stepped);
    setrlimit(RLIMIT_FSIZE, &tight);
    bool told = hears(b, "adapters/full");
    setrlimit(RLIMIT_FSIZE, &before);
    OK(told && background_look(b)->phase == BACKGROUND_RUNNING, "no room for a checkpoint is told of");
    background_stop(b);
    wait_until(b, has_ended);
    OK(ended_as(b, "interrupted") && there("adapters/full/checkpoint/state"), "the next one is there: %s", how(b));
    OK(background_resume_training(b, "full", m, &err) == 0, "%s", err.text);
    wait_until(b, is_running);
    OK(background_look(b)->phase == BACKGROUND_RUNNING, "and can be gone on with: %s", how(b));
    setrlimit(RLIMIT_FSIZE, &tight);
    background_stop(b);
    OK(hears(b, "for a minute"), "the end waits for room");
    background_discard(b);
    wait_until(b, has_ended);
    setrlimit(RLIMIT_FSIZE, &before);
    OK(ended_as(b, "discarded") && !there("adapters/full"), "unless nothing is wanted any more: %s", how(b));
}

// ---- other processes

// A training is left to a process of its own, followed there, and told to stop.
static void test_leave(background *b, held_model *m) {
    error err = {{0}};
    OK(background_leave(b, &err) == 0, "nothing to leave");
    OK(start_adapter(b, "left", 100000, m, &err) == 0, "%s", err.text);
    wait_until(b, has_stepped);
    OK(background_attach(b, "left", &err) != 0, "one's own is not followed: %s", err.text);
    if (!OK(background_leave(b, &err) == 0, "%s", err.text)) return;
    int step = background_look(b)->step;
    pid_t holder = headless_holder(below("adapters/left"));
    OK(!background_busy(b) && holder > 0 && holder != getpid() && getsid(holder) != getsid(0), "left to %d",
       (int)holder);
    OK(there("adapters/left/train.log"), "with a log");
    OK(is_listed("left", TRAIN_ELSEWHERE), "it is among those that run");
    OK(background_resume_training(b, "left", m, &err) != 0 && strstr(err.text, "another process"), "%s", err.text);
    OK(background_attach(b, "left", &err) == 0, "%s", err.text);
    OK(background_look(b)->is_elsewhere, "followed");
    step_before = step;
    wait_until(b, has_gone_on);
    OK(background_look(b)->step > step, "from step %d on: %d", step, background_look(b)->step);
    background_pause(b);
    char *line = background_take_note(b);
    OK(line && strstr(line, "left"), "what another process does is not paused");
    free(line);
    background_stop(b);
    OK(background_look(b)->phase == BACKGROUND_STOPPING, "stopping at once");
    wait_until(b, has_ended);
    OK(ended_as(b, "interrupted") && background_look(b)->has_result, "stopped: %s", how(b));
    OK(headless_holder(below("adapters/left")) == 0, "and gone");
    OK(background_attach(b, "left", &err) != 0 && strstr(err.text, "left"), "%s", err.text);
}

// Runs this program again with these words.
static pid_t run_again(const char *what, const char *name) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) execl("/proc/self/exe", "test", what, name, (char *)NULL);
    return pid;
}

static train_settings settings_to_kill(const char *name) {
    train_settings s = settings_of(name, 300);
    s.model = "base";
    s.lora_r = 4;
    s.eval_every = s.sample_every = 100;
    s.save_every = 7;
    return s;
}

// Another program that trains in the background, until it is killed.
static int be_killed(const char *name) {
    error err = {{0}};
    background *b = background_open(&err);
    train_settings s = settings_to_kill(name);
    if (!b || start(b, &s, NULL, &err) != 0) return 1;
    wait_until(b, has_ended);
    background_close(b);
    return 0;
}

// A program that is killed loses nothing that cannot be done again, to the last bit.
static void test_kill(background *b, held_model *m) {
    error err = {{0}};
    train_settings s = settings_to_kill("unhurt");
    OK(start(b, &s, m, &err) == 0, "%s", err.text);
    wait_until(b, has_ended);
    double loss = background_look(b)->loss;
    OK(ended_as(b, "finished"), "%s", how(b));
    pid_t pid = run_again("be-killed", "killed");
    while (!there("adapters/killed/checkpoint/state") && waitpid(pid, NULL, WNOHANG) == 0) usleep(1000);
    OK(background_attach(b, "killed", &err) == 0, "%s", err.text);
    wait_until(b, has_stepped);
    background_stop(b);
    char *line = background_take_note(b);
    OK(line && strstr(line, "stop it there") && kill(pid, 0) == 0, "a program that does other things is not ended");
    free(line);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    wait_until(b, has_ended);
    OK(background_look(b)->phase == BACKGROUND_FAILED && strstr(how(b), "before it was done"), "killed: %s", how(b));
    OK(is_listed("killed", TRAIN_CUT_OFF), "and listed so");
    OK(background_resume_training(b, "killed", m, &err) == 0, "%s", err.text);
    wait_until(b, has_ended);
    OK(ended_as(b, "finished") && background_look(b)->loss == loss, "%s: %.17g and %.17g", how(b), loss,
       background_look(b)->loss);
}

// ----

// The model's file is cut off while it is trained on: that is said, and what was learned stays.
static void test_torn(background *b) {
    error err = {{0}};
    char *copy = path_of(home, "models/torn"), *from = path_of(home, "models/base");
    static const char *const names[] = {"config.json", "model.safetensors", "tokenizer.json"};
    buf bytes = {0};
    mkdir(copy, 0700);
    for (int i = 0; i < 3; i++) {
        char *path = path_of(from, names[i]);
        buf_clear(&bytes);
        if (OK(read_all(path, &bytes, &err) == 0, "%s", err.text)) write_file(copy, names[i], bytes.data, bytes.len);
        free(path);
    }
    train_settings s = settings_of("halved", 100000);
    s.model = "torn";
    char *weights = path_of(copy, "model.safetensors");
    OK(start(b, &s, NULL, &err) == 0, "%s", err.text);
    wait_until(b, has_result);
    OK(truncate(weights, 4096) == 0, "cut off");
    wait_until(b, has_ended);
    OK(background_look(b)->phase == BACKGROUND_FAILED && strstr(how(b), "cut off") && strstr(how(b), "up to step"),
       "%s", how(b));
    for (char *line; (line = background_take_note(b)); free(line))
        OK(!strstr(line, "cut off"), "it is told once, not in a note as well: %s", line);
    OK(there("adapters/halved/adapter_model.safetensors") && there("adapters/halved/checkpoint/state"), "all is kept");
    OK(background_look(b)->can_go_on, "and can be gone on with");
    s = settings_of("none", 10);
    s.model = "torn";
    OK(start(b, &s, NULL, &err) == 0, "%s", err.text);
    wait_until(b, has_ended);
    OK(background_look(b)->phase == BACKGROUND_FAILED && strstr(how(b), "torn"), "it cannot be opened any more: %s",
       how(b));
    OK(!background_look(b)->can_go_on, "there is nothing to go on with");
    buf_free(&bytes);
    free(weights);
    free(copy);
    free(from);
}

// The training keeps the model that it reads, whoever else lets go of it.
static void test_held(background *b) {
    error err = {{0}};
    held_model *m = held_model_open(below("models/base"), 1, &err);
    if (!OK(m != NULL, "%s", err.text)) return;
    OK(start_adapter(b, "keeper", 100000, m, &err) == 0, "%s", err.text);
    held_model_drop(m);
    wait_until(b, has_result);
    OK(background_look(b)->has_result, "%s", how(b));
    background_close(b); // saves
    OK(there("adapters/keeper/checkpoint/state"), "closing saves what trains");
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "train") == 0) return cmd_train(argc - 1, argv + 1); // as the background starts it
    if (argc > 2 && strcmp(argv[1], "be-killed") == 0) {
        snprintf(home, sizeof home, "%s", getenv("DOPPEL_HOME"));
        return be_killed(argv[2]);
    }
    snprintf(home, sizeof home, "/tmp/doppel-test-XXXXXX");
    if (!mkdtemp(home)) return 1;
    setenv("DOPPEL_HOME", home, 1);
    setenv("XDG_CONFIG_HOME", home, 1);
    write_text();
    fault_install();
    error err = {{0}};
    background *b = background_open(&err);
    if (OK(b != NULL, "%s", err.text)) {
        background_watch_power(b, below("nothing"), 10);
        test_scratch(b);
        held_model *m = held_model_open(below("models/base"), 1, &err);
        if (OK(m != NULL, "%s", err.text)) {
            test_pause(b, m);
            test_resume(b, m);
            test_line(b, m);
            test_kept(m);
            test_yield(b, m);
            test_battery(b, m);
            test_full_disk(b, m);
            test_leave(b, m);
            test_kill(b, m);
        }
        held_model_drop(m);
        test_refused(b);
        test_torn(b);
        test_held(b);
    }
    tree_remove(home, NULL);
    return test_end();
}
