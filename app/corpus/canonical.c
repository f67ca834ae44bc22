// Canonical JSONL: what doppel itself writes (design of the messages in corpus.h). Read back, it gives the same
// messages; reply_to holds numbers of lines, which become keys.
#include "app/corpus/format.h"
#include "app/corpus/jsonl.h"

#include <string.h>

static void record(gather *g, const cJSON *r, int64_t number) {
    const char *author = cjson_text(r, "author"), *text = cjson_text(r, "text"), *time = cjson_text(r, "time");
    const cJSON *reply = cJSON_GetObjectItemCaseSensitive(r, "reply_to");
    draft d = DRAFT_EMPTY;
    if (!text) {
        gather_skip(g, 1);
        return;
    }
    d.author = author;
    d.n_author = author ? strlen(author) : 0;
    d.text = text;
    d.n_text = strlen(text);
    if (time && when_iso(time, strlen(time), &d.time) != strlen(time)) d.time = WHEN_NOTHING;
    d.key = gather_key(g, (uint64_t)number + 1);
    if (cJSON_IsNumber(reply) && reply->valuedouble >= 0 && reply->valuedouble < 9e15)
        d.reply = gather_key(g, (uint64_t)reply->valuedouble + 1);
    d.bot = cjson_true(r, "bot");
    d.literal = true;
    gather_add(g, &d);
}

int canonical_read(gather *g, text_in *in, error *err) {
    (void)err;
    jsonl_each(g, in, record);
    return 0;
}
