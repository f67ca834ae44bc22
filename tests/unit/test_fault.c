// Files that change while they are mapped: zeros are read, it is known, and nothing else is taken for it.
#include "model/base/fault.h"
#include "model/file/map.h"
#include "model/math/team.h"
#include "tests/small.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PAGES = 16 };

static size_t page;
static char *folder;

static file_map open_file(const char *name) {
    buf bytes = {0};
    file_map m = {0};
    error err;
    for (size_t i = 0; i < PAGES * page; i++) buf_putc(&bytes, (char)(1 + i / page));
    write_file(folder, name, bytes.data, bytes.len);
    char *path = path_of(folder, name);
    OK(file_map_open(&m, path, &err) == 0, "%s", err.text);
    free(path);
    buf_free(&bytes);
    return m;
}

static void cut(const char *name, size_t bytes) {
    char *path = path_of(folder, name);
    OK(truncate(path, (off_t)bytes) == 0, "cut");
    free(path);
}

static void test_cut(void) {
    file_map m = open_file("a"), other = open_file("b");
    OK(m.data[5 * page] == 6 && !file_map_is_torn(&m) && !file_map_has_changed(&m), "whole");
    cut("a", 2 * page);
    OK(file_map_has_changed(&m) && !file_map_is_torn(&m), "cut, and nothing was read yet");
    OK(m.data[page] == 2 && !file_map_is_torn(&m), "what is there can be read");
    OK(m.data[5 * page] == 0 && m.data[9 * page + 7] == 0 && file_map_is_torn(&m), "beyond there are zeros");
    OK(!file_map_is_torn(&other) && other.data[5 * page] == 6, "others are whole");
    file_map_close(&m);
    m = open_file("c");
    OK(!file_map_is_torn(&m), "the next file is whole again");
    file_map_close(&m);
    file_map_close(&other);
}

static void test_written(void) {
    file_map m = open_file("a");
    char *path = path_of(folder, "a"), *next = path_of(folder, "next");
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};
    OK(utimensat(AT_FDCWD, path, times, 0) == 0 && file_map_has_changed(&m), "written to");
    file_map_close(&m);
    m = open_file("a");
    write_file(folder, "next", "other", 5);
    OK(rename(next, path) == 0 && !file_map_has_changed(&m) && m.data[7 * page] == 8, "replaced by another");
    OK(unlink(path) == 0 && !file_map_has_changed(&m), "deleted");
    file_map_close(&m);
    free(path);
    free(next);
}

typedef struct job {
    const file_map *map;
    atomic_int sum;
} job;

static void read_all_pages(void *arg, int rank) {
    job *j = arg;
    for (size_t i = 1 + (size_t)rank; i < PAGES; i += 3) j->sum += j->map->data[i * page];
}

static void test_team(void) {
    file_map m = open_file("a");
    error err;
    team *t = team_open(3, &err);
    job j = {.map = &m};
    cut("a", 1);
    team_run(t, read_all_pages, &j);
    OK(j.sum == 0 && file_map_is_torn(&m), "every thread reads zeros: %d", j.sum);
    team_close(t);
    file_map_close(&m);
}

// How a child ends that does this.
static int ends_with(void (*act)(void)) {
    int status = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        act();
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void send_bus(void) {
    raise(SIGBUS);
}

static void read_unwatched(void) {
    char *path = path_of(folder, "own");
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (ftruncate(fd, (off_t)page) != 0) _exit(1);
    volatile const char *bytes = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
    if (ftruncate(fd, 0) != 0) _exit(1);
    _exit(bytes[0]);
}

static void test_others(void) {
    OK(ends_with(send_bus) == SIGBUS, "a signal that was sent ends the program");
    OK(ends_with(read_unwatched) == SIGBUS, "so does a fault that is nobody's");
}

static void test_net(void) {
    small t;
    error err = {{0}};
    small_open(&t, (small_options){.seed = 1, .floats = true});
    const net_options o = {.n_ctx = 32, .threads = 1};
    const int32_t ids[] = {1, 2, 3, 4};
    net_state *s = net_state_open(t.model.net, &o, &err);
    OK(s && net_eval(s, ids, 2, NULL, NULL, &err) == 0, "%s", err.text);
    OK(truncate(t.path, 5000) == 0, "cut off");
    OK(net_eval(s, ids, 2, NULL, NULL, &err) != 0 && strstr(err.text, "cut off") && strstr(err.text, t.path), "%s",
       err.text);
    OK(net_n_past(s) == 2, "what was read before stays");
    model m;
    OK(model_open(&m, t.path, 1, 0, &err) != 0, "%s", err.text);
    net_state_close(s);
    small_close(&t);
}

int main(void) {
    page = (size_t)sysconf(_SC_PAGESIZE);
    folder = make_folder();
    fault_install();
    test_cut();
    test_written();
    test_team();
    test_others();
    test_net();
    static const char *const names[] = {"a", "b", "c", "next", "own"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) remove_file(folder, names[i]);
    rmdir(folder);
    free(folder);
    return test_end();
}
