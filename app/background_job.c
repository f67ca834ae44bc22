#include "app/background_impl.h"
#include "app/headless.h"
#include "app/train_folder.h"
#include "app/train_run.h"
#include "app/train_words.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

void background_job_free(background_job *j) {
    if (!j) return;
    train_settings_free(&j->settings);
    cJSON_Delete(j->words);
    buf_free(&j->arguments);
    held_model_drop(j->model);
    free(j->name);
    free(j->folder);
    free(j->out);
    free(j->resume);
    free(j);
}

// Fills the job from its words. The arguments are written again from them: paths stay absolute.
static int read_words(background_job *j, held_model *m, error *err) {
    train_settings *s = &j->settings;
    train_folder f;
    if (train_words_read(s, j->words, err) != 0 || train_settings_locate(s, err) != 0) return -1;
    train_settings_arguments(s, &j->arguments);
    if (train_settings_finish(s, err) != 0) return -1;
    s->out = j->out;
    s->resume = j->resume;
    int rc = train_folder_find(&f, s, j->resume ? j->resume : j->out, err);
    if (rc == 0) {
        j->name = mem_strdup(f.name);
        j->folder = mem_strdup(f.path);
        if (m && s->model && held_model_is(m, s->model)) j->model = held_model_keep(m);
    }
    train_folder_close(&f);
    return rc;
}

static background_job *job_of(cJSON *words, const char *out, const char *resume, int threads, held_model *m,
                              error *err) {
    background_job *j = mem_calloc(1, sizeof *j);
    j->settings = train_settings_none();
    j->settings.threads = threads;
    j->words = words;
    if (out) j->out = mem_strdup(out);
    if (resume) j->resume = mem_strdup(resume);
    if (read_words(j, m, err) == 0) return j;
    background_job_free(j);
    return NULL;
}

background_job *background_job_new(const train_settings *s, const char *arguments, held_model *m, error *err) {
    return job_of(cJSON_Parse(arguments), s->out, s->resume, s->threads, m, err);
}

int background_job_keep(background_job *j, error *err) {
    if (train_run_later(&j->settings, buf_str(&j->arguments), err) != 0) return -1;
    j->resume = mem_strdup(j->folder);
    j->settings.resume = j->resume;
    j->is_kept = true;
    return 0;
}

background_job *background_job_resumed(const char *name, held_model *m, error *err) {
    cJSON *run = headless_read_run(name, NULL, err);
    if (!run) return NULL;
    cJSON *words = cJSON_DetachItemFromObjectCaseSensitive(run, "arguments");
    cJSON_Delete(run);
    return job_of(words, NULL, name, 0, m, err);
}

background_job *background_job_followed(const char *name, error *err) {
    buf folder = {0};
    cJSON *run = headless_read_run(name, &folder, err);
    if (!run) return NULL;
    cJSON_Delete(run);
    background_job *j = mem_calloc(1, sizeof *j);
    const char *slash = strrchr(buf_str(&folder), '/');
    j->follows = true;
    j->name = mem_strdup(slash && slash[1] ? slash + 1 : buf_str(&folder));
    j->folder = buf_take(&folder);
    return j;
}
