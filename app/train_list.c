#include "app/train_list.h"
#include "app/adapter_info.h"
#include "app/train_folder.h"

#include <string.h>

typedef struct listing {
    const char *own;
    train_list_fn *fn;
    void *arg;
} listing;

static train_standing standing_of(const adapter_info *a) {
    const char *status = a->status ? a->status : "";
    if (train_folder_is_locked(a->path)) return TRAIN_ELSEWHERE;
    if (strcmp(status, "waiting") == 0) return TRAIN_WAITING;
    if (strcmp(status, "running") == 0) return TRAIN_CUT_OFF;
    return strcmp(status, "interrupted") == 0 ? TRAIN_INTERRUPTED : TRAIN_ENDED;
}

static void on_adapter(void *arg, const adapter_info *a) {
    const listing *l = arg;
    if (!a->trained || (l->own && strcmp(a->path, l->own) == 0)) return;
    const train_listed t = {.name = a->name,
                            .path = a->path,
                            .imitates = a->imitates ? a->imitates : "",
                            .standing = standing_of(a),
                            .step = a->step,
                            .steps = a->steps,
                            .best_step = a->best_step,
                            .loss = a->loss};
    l->fn(l->arg, &t);
}

void train_list_all(const char *own, train_list_fn *fn, void *arg) {
    adapter_info_all(on_adapter, &(listing){own, fn, arg});
}
