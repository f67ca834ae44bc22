#include "app/headless.h"
#include "app/idle.h"
#include "app/paths.h"
#include "app/read_all.h"
#include "app/train_folder.h"
#include "app/train_recall.h"
#include "model/file/hfjson.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// ---- looking

cJSON *headless_read_run(const char *name, buf *folder, error *err) {
    enum { MOST = 64 << 20 };
    buf path = {0};
    cJSON *run = train_recall_find(name, &path, err) == 0 ? hfjson_read_file(buf_str(&path), MOST, err) : NULL;
    if (run && folder) buf_append(folder, path.data, path.len - strlen("/run.json"));
    buf_free(&path);
    return run;
}

pid_t headless_holder(const char *folder) {
    pid_t holder = train_folder_holder(folder, NULL);
    return holder == getpid() ? 0 : holder;
}

bool headless_can_stop(const char *folder, error *err) {
    bool beside;
    pid_t holder = train_folder_holder(folder, &beside);
    if (holder <= 0 || !beside) return true;
    error_set(err, "%s: is trained by a doppel that chats as well (process %d); stop it there", folder, (int)holder);
    return false;
}

int headless_stop(const char *folder, error *err) {
    pid_t holder = train_folder_holder(folder, NULL);
    if (!headless_can_stop(folder, err)) return -1;
    if (holder > 0) kill(holder, SIGTERM);
    return 0;
}

// ---- beginning

// The command line, with words of its own.
typedef struct words {
    char **argv;
    size_t n, cap;
} words;

static void add(words *w, const char *text) {
    w->argv = mem_reserve(w->argv, &w->cap, w->n + 2, sizeof *w->argv);
    w->argv[w->n++] = mem_strdup(text);
    w->argv[w->n] = NULL;
}

static void words_free(words *w) {
    for (size_t i = 0; i < w->n; i++) free(w->argv[i]);
    free(w->argv);
}

static void put_words(words *w, const char *folder, bool resumes, const char *arguments, int threads) {
    buf option = {0};
    add(w, "doppel");
    add(w, "train");
    cJSON *list = resumes ? NULL : cJSON_Parse(arguments);
    const cJSON *word;
    cJSON_ArrayForEach(word, list) if (cJSON_IsString(word)) add(w, word->valuestring);
    cJSON_Delete(list);
    buf_printf(&option, "--%s=%s", resumes ? "resume" : "out", folder);
    add(w, buf_str(&option));
    buf_clear(&option);
    buf_printf(&option, "-t%d", threads);
    if (threads > 0) add(w, buf_str(&option));
    buf_free(&option);
}

// Where the new process writes: into the folder, or while there is none, to doppel's own log.
static int open_log(const char *folder, bool resumes, buf *path, error *err) {
    if (resumes)
        buf_printf(path, "%s/train.log", folder);
    else if (paths_data("doppel.log", path, err) != 0)
        return -1;
    int fd = open(buf_str(path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0) error_set(err, "%s: cannot be written: %s", buf_str(path), strerror(errno));
    return fd;
}

// In the new process, which shares nothing but may only make system calls until exec: the others of this program's
// threads are gone, and with them whatever they had locked. Says on `say` who it is; what stands there after that is why
// exec failed.
static _Noreturn void become(char **argv, int log, int say) {
    static const char *const programs[] = {"/proc/self/exe", "/proc/curproc/file", "doppel"};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    pid_t pid = fork(); // whoever leads a session could get a terminal again, and its parent would have to wait for it
    if (pid > 0) _exit(0);
    pid = getpid();
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    idle_this_process();
    ssize_t n = write(say, &pid, sizeof pid);
    for (size_t i = 0; n > 0 && i < sizeof programs / sizeof *programs; i++) execvp(programs[i], argv);
    int why = errno;
    n = write(say, &why, sizeof why);
    _exit(127);
}

// The new process's id; -1 with a message.
static pid_t spawn(char **argv, int log, error *err) {
    int ends[2], why = 0;
    pid_t pid = -1;
    if (pipe(ends) != 0) return error_set(err, "cannot make a pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) become(argv, log, ends[1]);
    why = errno;
    close(ends[1]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
    if (child < 0 || read(ends[0], &pid, sizeof pid) != sizeof pid)
        pid = error_set(err, "cannot start another process: %s", strerror(why));
    else if (read(ends[0], &why, sizeof why) == sizeof why)
        pid = error_set(err, "cannot start doppel again: %s", strerror(why));
    close(ends[0]);
    return pid;
}

// The last line of a log that says more than nothing.
static void last_line(const char *path, buf *out) {
    buf text = {0};
    if (read_all_plain(path, &text, NULL) == 0 && text.len > 0) {
        size_t end = text.len;
        while (end > 0 && text.data[end - 1] == '\n') end--;
        size_t from = end;
        while (from > 0 && text.data[from - 1] != '\n') from--;
        buf_append(out, text.data + from, end - from);
    }
    buf_free(&text);
}

// Until the process holds the lock. One that still reads its data after so long will have it later.
static int wait_for_lock(const char *folder, pid_t pid, const char *log, error *err) {
    enum { TRIES = 1000, TRY_MS = 10 };
    const struct timespec moment = {.tv_nsec = TRY_MS * 1000000};
    for (int i = 0; i < TRIES; i++) {
        if (headless_holder(folder) == pid) return 0;
        if (kill(pid, 0) != 0 && errno == ESRCH) break;
        nanosleep(&moment, NULL);
    }
    if (kill(pid, 0) == 0) return 0;
    buf line = {0};
    last_line(log, &line);
    error_set(err, "%s: the process that was to train it has ended: %s", folder, buf_str(&line));
    buf_free(&line);
    return -1;
}

int headless_begin(const char *folder, const char *arguments, int threads, error *err) {
    buf path = {0}, log_path = {0};
    words w = {0};
    buf_printf(&path, "%s%s/run.json", strchr(folder, '/') ? "" : "./", folder);
    bool resumes = access(buf_str(&path), F_OK) == 0;
    put_words(&w, folder, resumes, arguments, threads);
    int log = open_log(folder, resumes, &log_path, err);
    pid_t pid = log < 0 ? -1 : spawn(w.argv, log, err);
    if (log >= 0) close(log);
    int rc = pid < 0 ? -1 : wait_for_lock(folder, pid, buf_str(&log_path), err);
    words_free(&w);
    buf_free(&path);
    buf_free(&log_path);
    return rc;
}
