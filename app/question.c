#include "app/question.h"

#include <stdlib.h>
#include <string.h>

question *question_copy(const question *q) {
    question *copy = mem_calloc(1, sizeof *copy);
    chat_message *messages = mem_calloc(q->n, sizeof *messages);
    *copy = *q;
    for (size_t i = 0; i < q->n; i++) {
        messages[i].role = mem_strdup(q->messages[i].role);
        messages[i].content = mem_strdup(q->messages[i].content);
    }
    copy->messages = messages;
    copy->speaker = mem_strdup(q->speaker);
    char **speakers = mem_calloc(q->n_speakers, sizeof *speakers);
    for (size_t i = 0; i < q->n_speakers; i++) speakers[i] = mem_strdup(q->speakers[i]);
    copy->speakers = (const char *const *)speakers;
    if (q->times) {
        time_t *times = mem_calloc(q->n, sizeof *times);
        if (q->n > 0) memcpy(times, q->times, q->n * sizeof *times);
        copy->times = times;
    }
    return copy;
}

void question_free(question *q) {
    if (!q) return;
    for (size_t i = 0; i < q->n; i++) {
        free((char *)q->messages[i].role);
        free((char *)q->messages[i].content);
    }
    free((chat_message *)q->messages);
    free((time_t *)q->times);
    free((char *)q->speaker);
    for (size_t i = 0; i < q->n_speakers; i++) free((char *)q->speakers[i]);
    free((char **)q->speakers);
    free(q);
}
