// Discord's own data package: messages/index.json, messages/cID/channel.json and messages.json (or .csv),
// account/user.json. Newer packages write Messages/ and Account/. Only the owner's own messages are in it.
#include "app/corpus/archive.h"
#include "app/corpus/json_stream.h"
#include "app/corpus/own_messages.h"
#include "app/corpus/span.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool matches(const folder *f, size_t i, char **prefix) {
    static const char index[] = "messages/index.json";
    const char *name = folder_name(f, i);
    size_t n = strlen(name), m = sizeof index - 1;
    if (n < m || strcasecmp(name + n - m, index) != 0 || (n > m && name[n - m - 1] != '/')) return false;
    *prefix = mem_strndup(name, n - m);
    return true;
}

typedef struct channel {
    uint64_t id;
    size_t file; // in the folder
} channel;

typedef struct channels {
    channel *list;
    size_t n, cap;
} channels;

static int by_id(const void *a, const void *b) {
    const channel *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file;
}

// "messages/c123/messages.json" -> 123; 0 for another file.
static uint64_t channel_of(const char *name, const char *prefix) {
    size_t n = strlen(prefix);
    if (strncasecmp(name, prefix, n) != 0 || strncasecmp(name + n, "messages/", 9) != 0) return 0;
    const char *s = name + n + 9;
    if (*s == 'c' || *s == 'C') s++;
    size_t digits = strspn(s, "0123456789");
    if (!digits || digits > 20) return 0;
    const char *rest = s + digits;
    if (strcasecmp(rest, "/messages.json") != 0 && strcasecmp(rest, "/messages.csv") != 0) return 0;
    return strtoull(s, NULL, 10);
}

// Names of channels, for mentions: "general in Server" in the index.
static void read_index(gather *g, folder *f, const char *prefix) {
    ptrdiff_t at = folder_find(f, prefix, "messages/index.json");
    cJSON *index = at < 0 ? NULL : folder_json(f, (size_t)at);
    const cJSON *item;
    cJSON_ArrayForEach(item, index) {
        const char *name = cJSON_GetStringValue(item), *in = name ? strstr(name, " in ") : NULL;
        if (!in || !item->string) continue;
        char *channel_name = mem_strndup(name, (size_t)(in - name));
        gather_name(g, '#', strtoull(item->string, NULL, 10), channel_name);
        free(channel_name);
    }
    cJSON_Delete(index);
}

// The owner's shown name; the caller frees it.
static char *read_owner(gather *g, folder *f, const char *prefix) {
    ptrdiff_t at = folder_find(f, prefix, "account/user.json");
    cJSON *user = at < 0 ? NULL : folder_json(f, (size_t)at);
    const char *name = cjson_text(user, "global_name");
    if (!name || !*name) name = cjson_text(user, "username");
    char *owner = mem_strdup(name && *name ? name : "me");
    gather_name(g, '@', cjson_id(user, "id"), owner);
    cJSON_Delete(user);
    return owner;
}

static int read_package(gather *g, folder *f, const char *prefix, archive_open_fn *open, void *arg, error *err) {
    channels c = {0};
    for (size_t i = 0; i < folder_count(f); i++) {
        uint64_t id = channel_of(folder_name(f, i), prefix);
        if (!id) continue;
        c.list = mem_reserve(c.list, &c.cap, c.n + 1, sizeof *c.list);
        c.list[c.n++] = (channel){id, i};
    }
    if (c.n) qsort(c.list, c.n, sizeof *c.list, by_id);
    gather_new_names(g);
    char *owner = read_owner(g, f, prefix);
    read_index(g, f, prefix);
    int result = 0;
    for (size_t i = 0; i < c.n && result == 0 && !g->failed; i++) {
        text_in *in = open(arg, f, c.list[i].file, err);
        if (!in) {
            result = -1;
            break;
        }
        gather_begin_file(g);
        gather_border(g);
        own_messages_read(g, in, owner);
        if (text_in_status(in) == TEXT_IN_STOPPED) result = CORPUS_CANCELLED;
        text_in_close(in);
    }
    free(owner);
    free(c.list);
    return result;
}

const archive_kind package_archive = {"discord-package", "Discord data package", matches, read_package};
