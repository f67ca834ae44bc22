// What a model is asked: turns of a chat as messages, by its chat format or under the names of a log; who may write next in
// a group.
#include "app/chat_impl.h"
#include "app/chat_style.h"
#include "tests/models.h"
#include "tests/test.h"

// The messages joined: "role=text|role=text".
static char *messages_of(question *q) {
    buf out = {0};
    for (size_t i = 0; i < q->n; i++)
        buf_printf(&out, "%s%s=%s", i ? "|" : "", q->messages[i].role, q->messages[i].content);
    chat_question_free(q);
    return buf_take(&out);
}

static void asks(question *q, const char *want) {
    char *got = messages_of(q);
    OK(strcmp(got, want) == 0, "\"%s\" is \"%s\"", got, want);
    free(got);
}

static void say(chat *c, turn_kind kind, const char *author, const char *text) {
    buf_puts(&chat_turns_insert(c, c->n_turns, kind, author)->text, text);
}

int main(void) {
    static const char RUN[] = "{\"layout\":\"lines\",\"imitate\":[\"maren\"],\"authors\":[\"Gus\",\"maren\",\"Pia\"],"
                              "\"data\":[\"/no/log.txt\"]}";
    error err;
    char *folder = make_folder();
    setenv("DOPPEL_HOME", folder, 1);
    chat *c = chat_open(&(chat_options){.settings = gen_settings_chat()}, &err);
    if (!OK(c != NULL, "%s", err.text)) return test_end();
    chat_turns_clear(c);
    chat_submit(c, "/system Be brief.");
    chat_turns_clear(c);
    say(c, TURN_USER, "you", "hi");
    say(c, TURN_MODEL, "Gus", "Yes.");
    say(c, TURN_MODEL, "Pia", "me too");
    say(c, TURN_NOTE, "", "a note");
    say(c, TURN_USER, "you", "good");
    asks(chat_style_question(c, c->n_turns, true, NULL), "system=Be brief.|user=hi|assistant=Yes.\nme too|user=good");
    asks(chat_style_question(c, 2, true, "and?"), "system=Be brief.|user=hi|assistant=Yes.|user=and?");

    write_file(folder, "run.json", RUN, strlen(RUN));
    voice_read(&c->style->adapter, folder);
    asks(chat_style_question(c, c->n_turns, true, NULL), "you=hi|Gus=Yes.|Pia=me too|you=good");
    asks(chat_style_question(c, c->n_turns, false, NULL), "system=Be brief.|user=hi|assistant=Yes.\nme too|user=good");
    OK(strcmp(chat_style_answerer(c, true), "maren") == 0, "who was learned answers");
    chat_submit(c, "/as pia");
    chat_submit(c, "/me GUS");
    OK(strcmp(chat_style_answerer(c, true), "Pia") == 0 && strcmp(chat_style_me(c), "Gus") == 0, "names as in the log");
    asks(chat_style_question(c, 1, true, NULL), "Gus=hi");

    question *q = chat_style_question(c, 1, true, NULL);
    chat_group_begin(c, NULL);
    chat_group_question(c, q);
    OK(q->person == -1 && q->n_speakers == 2 && strcmp(q->speakers[0], "Pia") == 0,
       "a round begins with somebody else");
    chat_question_free(q);
    chat_group_answer(c, &c->turns[1]);
    q = chat_style_question(c, 2, true, NULL);
    chat_group_question(c, q);
    OK(q->person == 0 && q->n_speakers == 3 && strcmp(q->speakers[0], "Gus") == 0, "then it may be the person's turn");
    chat_question_free(q);
    chat_close(c);
    remove_file(folder, "run.json");
    buf command = {0};
    buf_printf(&command, "rm -rf '%s'", folder);
    OK(system(command.data) == 0, "removed");
    buf_free(&command);
    free(folder);
    return test_end();
}
