#include "ui/input.h"

#include "app/tuning.h"
#include "app/chat_copies.h"
#include "app/chat_style.h"
#include "ui/compareview.h"
#include "ui/help.h"
#include "ui/leave.h"
#include "ui/pasted.h"
#include "ui/screen.h"
#include "ui/training.h"

#include <stdlib.h>
#include <string.h>

enum { WHEEL_ROWS = 3, ESCAPE = 0x1b, CTRL_G = 7, CTRL_L = 12 };

static void feed(ui *u, wchar_t c) {
    if (u->at_feed == u->n_feed) u->at_feed = u->n_feed = 0;
    u->feed = mem_reserve(u->feed, &u->cap_feed, u->n_feed + 1, sizeof *u->feed);
    u->feed[u->n_feed++] = c;
}

static void feed_bytes(ui *u, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) feed(u, (unsigned char)bytes[i]);
}

void input_say(ui *u, const char *text) {
    buf_clear(&u->message);
    if (text) buf_puts(&u->message, text);
    u->is_stale = true;
}

void input_changed(ui *u, unsigned chat_flags) {
    if (chat_flags & CHAT_TURNS) {
        chat_copies_mark(u->chat);
        transcript_sync(u->transcript, u->chat->turns, u->chat->n_turns);
    }
    if (chat_flags) u->is_stale = true;
    leave_follow(u);
    compareview_follow(u);
}

bool input_act(ui *u, unsigned chat_flags) {
    const chat *c = u->chat;
    size_t n = c->n_turns;
    input_changed(u, chat_flags);
    while (n > 0 && c->turns[n - 1].waiting) n--;
    if (!(chat_flags & CHAT_TURNS) || n == 0 || !c->turns[n - 1].is_error) return true;
    input_say(u, buf_str(&c->turns[n - 1].text));
    return false;
}

// ---- putting text into the editor

void input_insert(ui *u, const char *text, size_t n) {
    wchar_t *wide = mem_calloc(n + 1, sizeof *wide);
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        uint32_t c;
        int len = utf8_decode(text + i, n - i, &c);
        if (len <= 0) {
            len = 1;
            c = 0xfffd;
        }
        i += (size_t)len;
        if (c == '\r') {
            if (i < n && text[i] == '\n') i++;
            c = '\n';
        }
        bool is_control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0);
        if (!is_control) wide[used++] = (wchar_t)c;
    }
    editor_insert(u->editor, wide, used);
    free(wide);
}

void input_submit(ui *u, char *line) {
    bool is_message = u->chat->question == QUESTION_NONE;
    if (is_message && mode_command(u, line)) {
        error err = {0};
        if (editor_remember(u->editor, line, &err)) input_say(u, err.text);
    } else if (line[strspn(line, " \t\n")]) {
        error err = {0};
        if (is_message && editor_remember(u->editor, line, &err)) input_say(u, err.text);
        transcript_newest(u->transcript);
        tuning_stage before = u->chat->tuning->stage;
        input_changed(u, chat_submit(u->chat, line));
        if (u->chat->tuning->stage == TUNING_READING && before != TUNING_READING) training_prepare(u);
        free(u->draft);
        u->draft = chat_take_draft(u->chat);
    }
    free(line);
    u->is_stale = true;
}

// ---- completion

static void replace_word(ui *u, const char *old, const char *word) {
    editor_erase(u->editor, utf8_length(old, strlen(old)));
    input_insert(u, word, strlen(word));
}

static void complete(ui *u, int direction) {
    if (completion_is_open(&u->completion)) {
        char *old = mem_strdup(u->completion.typed);
        replace_word(u, old, completion_walk(&u->completion, direction));
        free(old);
        return;
    }
    size_t n, start = 0;
    bool at_end;
    char *text = editor_before_cursor(u->editor, &n, &at_end);
    buf words = {0};
    chat_complete(u->chat, text, n, &start, &words);
    if (start > n) start = n;
    const char *word = completion_open(&u->completion, buf_str(&words), text + start);
    if (word) {
        replace_word(u, text + start, word);
        bool is_whole = !completion_is_open(&u->completion), is_folder = *word && word[strlen(word) - 1] == '/';
        if (is_whole && at_end && !is_folder) input_insert(u, " ", 1);
    } else if (n > 0) {
        input_say(u, "nothing to complete");
    }
    buf_free(&words);
    free(text);
}

// ---- the sliders

static sampling_result act_on_sliders(ui *u, const key *k) {
    gen_settings s = u->chat->settings;
    sampling_result r = k->code == KEYS_MOUSE ? sampling_mouse(&u->sampling, k, &s) : sampling_key(&u->sampling, k, &s);
    if (r == SAMPLING_CHANGED) chat_set_settings(u->chat, &s);
    if (r == SAMPLING_DIALLED)
        input_changed(u, chat_set_strength(u->chat, (size_t)u->sampling.selected,
                                           (float)u->sampling.dials[u->sampling.selected].value));
    if (u->sampling.err.text[0]) input_say(u, u->sampling.err.text);
    return r;
}

// While they have the focus. On a screen too small to show them the prompt has it; text that is pasted is for the
// prompt too.
static bool take_for_sliders(ui *u, const key *k) {
    if (!u->sampling.focused || u->layout.too_small || (k->code == KEYS_CHAR && k->ch == CTRL_L)) return false;
    if (k->code == KEYS_PASTE || k->code == KEYS_NEW_LINE) u->sampling.focused = false;
    return u->sampling.focused && act_on_sliders(u, k) != SAMPLING_IGNORED;
}

// ---- scrolling

static void scroll(ui *u, int rows) {
    if (u->shows_help)
        u->help_top += rows;
    else
        transcript_scroll(u->transcript, rows);
}

static bool take_scrolling(ui *u, const key *k) {
    int page = u->layout.chat_text.rows > 1 ? u->layout.chat_text.rows - 1 : 1;
    bool modified = k->modifiers != 0;
    switch (k->code) {
    case KEYS_PAGE_UP: scroll(u, -page); return true;
    case KEYS_PAGE_DOWN: scroll(u, page); return true;
    case KEYS_UP:
    case KEYS_DOWN:
        if (modified || u->shows_help) scroll(u, k->code == KEYS_UP ? -1 : 1);
        return modified || u->shows_help;
    case KEYS_HOME:
        if (modified) transcript_oldest(u->transcript);
        return modified;
    case KEYS_END:
        if (modified) transcript_newest(u->transcript);
        return modified;
    default: return false;
    }
}

// ---- the mouse

// A click on a key's name in the footer presses it.
static bool take_footer(ui *u, const key *k) {
    if (k->action != MOUSE_PRESS || k->row != u->layout.footer.row || u->layout.too_small) return false;
    for (int i = 0; i < u->n_footer; i++) {
        const footer_key *f = &u->footer[i];
        key pressed = {0};
        if (k->col < f->col || k->col >= f->col + f->cols || !keys_named(f->name, &pressed)) continue;
        input_key(u, &pressed);
        return true;
    }
    return false;
}

static void take_mouse(ui *u, const key *k) {
    size_t index;
    editor_view v;
    editor_look(u->editor, &v);
    if (k->action == MOUSE_WHEEL_UP || k->action == MOUSE_WHEEL_DOWN) {
        scroll(u, k->action == MOUSE_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
    } else if (u->shows_help) {
        if (k->action == MOUSE_PRESS) u->shows_help = false;
    } else if (!v.search && k->action == MOUSE_PRESS && entry_at(&u->entry, k->row, k->col, &index)) {
        u->sampling.focused = false;
        completion_close(&u->completion);
        editor_move(u->editor, index);
    } else {
        act_on_sliders(u, k);
    }
}

// ---- the prompt

// Moves the cursor within a text of several rows; at its first and last row the key is the history's.
static bool move_between_rows(ui *u, const key *k, const editor_view *v) {
    size_t index;
    entry_layout(&u->entry, v->text, v->n, v->cursor, u->layout.prompt.cols, layout_prompt_limit(u->rows));
    if (!entry_vertical(&u->entry, k->code == KEYS_UP ? -1 : 1, &index)) return false;
    editor_move(u->editor, index);
    return true;
}

// On an empty line, where words cannot be jumped over: walks among the answers there are.
static bool walk_alternatives(ui *u, const key *k, const editor_view *v) {
    bool is_side = k->code == KEYS_LEFT || k->code == KEYS_RIGHT;
    if (!is_side || k->modifiers != KEYS_ALT || v->n > 0 || v->search) return false;
    transcript_newest(u->transcript);
    input_changed(u, chat_walk(u->chat, k->code == KEYS_LEFT ? -1 : 1));
    return true;
}

// Hands a named key to libedit, if it means something there.
static void feed_named(ui *u, const key *k) {
    bool is_arrow = k->code >= KEYS_UP && k->code <= KEYS_RIGHT;
    bool by_word =
        (k->code == KEYS_LEFT || k->code == KEYS_RIGHT) && (k->modifiers == KEYS_CTRL || k->modifiers == KEYS_ALT);
    bool is_plain = k->modifiers == 0 && (is_arrow || k->code == KEYS_HOME || k->code == KEYS_END);
    if (editor_is_bound(u->editor, k->bytes, (size_t)k->n_bytes) || is_plain || by_word || k->code == KEYS_DELETE) {
        feed_bytes(u, k->bytes, (size_t)k->n_bytes);
    } else if (is_arrow) {
        char plain[] = {ESCAPE, '[', "ABDC"[k->code - KEYS_UP]};
        feed_bytes(u, plain, sizeof plain);
    }
}

// What only works on the line itself: a running search is ended first, and the key comes again. Only once: what looks
// like a search may be text (editor_look).
static bool must_wait(ui *u, const key *k, const editor_view *v) {
    if (!v->search || u->has_waited) return false;
    u->held = *k;
    u->has_waited = true;
    feed(u, ESCAPE);
    return true;
}

// An Escape that closes nothing: libedit would take it and the next key for a chord.
static bool is_stray_escape(const ui *u, const key *k, const editor_view *v) {
    return k->is_alone && !v->search && !editor_is_vi(u->editor) &&
           !editor_is_bound(u->editor, k->bytes, (size_t)k->n_bytes);
}

static void take_for_prompt(ui *u, const key *k) {
    if (k->code == KEYS_CHAR && editor_quotes(u->editor)) {
        feed(u, (wchar_t)k->ch);
        return;
    }
    editor_view v;
    editor_look(u->editor, &v);
    bool is_tab = (k->code == KEYS_CHAR && k->ch == '\t') || k->code == KEYS_BACK_TAB;
    bool was_open = completion_is_open(&u->completion);
    if (is_tab) {
        if (!must_wait(u, k, &v)) complete(u, k->code == KEYS_BACK_TAB ? -1 : 1);
        return;
    }
    completion_close(&u->completion);
    if (was_open && k->code == KEYS_CHAR && k->ch == ESCAPE) return;
    if (is_stray_escape(u, k, &v)) return;
    if (k->code == KEYS_CHAR) {
        feed(u, (wchar_t)k->ch);
    } else if (k->code == KEYS_NEW_LINE) {
        if (!must_wait(u, k, &v)) editor_insert(u->editor, L"\n", 1);
    } else if (k->code == KEYS_PASTE) {
        if (!must_wait(u, k, &v) && !pasted_ask(u, k->paste, k->n_paste)) input_insert(u, k->paste, k->n_paste);
    } else if ((k->code == KEYS_UP || k->code == KEYS_DOWN) && !v.search && move_between_rows(u, k, &v)) {
        return;
    } else if (!walk_alternatives(u, k, &v)) {
        feed_named(u, k);
    }
}

// ---- all keys

void input_interrupt(ui *u) {
    editor_view v;
    editor_look(u->editor, &v);
    if (v.search) {
        bool incremental = v.search_mark == '<' || v.search_mark == '>';
        feed(u, incremental ? CTRL_G : ESCAPE);
        if (v.search_failed) feed(u, CTRL_G); // the first one only went back to what was found
    } else if (u->chat->answering || u->chat->fetching || chat_compare_runs(u->chat)) {
        input_changed(u, chat_stop(u->chat));
    } else if (u->shows_help || mode_is_open(u, NULL) || u->sampling.focused || completion_is_open(&u->completion)) {
        if (!u->shows_help) mode_close(u);
        u->shows_help = u->sampling.focused = false;
        u->sampling.typed[0] = '\0';
        completion_close(&u->completion);
    } else if (u->asks_to_leave) {
        u->asks_to_leave = false;
        leave_ask(u);
    } else {
        input_say(u, "press Ctrl-C again to leave");
        u->asks_to_leave = true;
    }
    u->is_stale = true;
}

static void take_function_key(ui *u, key_code code) {
    if (code == KEYS_F1) {
        u->shows_help = !u->shows_help;
        u->help_top = 0;
    } else if (code == KEYS_F2) {
        mode_close(u);
        u->sampling.focused = true;
        u->shows_help = false;
        completion_close(&u->completion);
    } else if (code == KEYS_F5) {
        transcript_newest(u->transcript);
        input_changed(u, chat_again(u->chat));
    } else if (code == KEYS_F6) {
        input_changed(u, chat_style_toggle(u->chat));
    }
}

// The help goes away with any key that does not scroll it; what is typed then is typed into the prompt.
static bool take_for_help(ui *u, const key *k) {
    if (take_scrolling(u, k)) return true;
    u->shows_help = false;
    return k->code == KEYS_CHAR && (k->ch == ESCAPE || k->ch == '\r' || k->ch == 'q' || k->ch == ' ');
}

void input_key(ui *u, const key *k) {
    u->is_stale = true;
    if (k->code == KEYS_MOUSE) {
        if (!take_footer(u, k) && (u->shows_help || !mode_take(u, k))) take_mouse(u, k);
        return;
    }
    if (k->code == KEYS_CHAR && (int)k->ch == screen_interrupt_key()) {
        input_interrupt(u);
        return;
    }
    input_say(u, NULL);
    u->asks_to_leave = false;
    if (k->code == KEYS_CHAR && k->ch == CTRL_L) screen_forget();
    if (k->code == KEYS_F1 || k->code == KEYS_F5 || k->code == KEYS_F6 || (k->code == KEYS_F2 && !u->sampling.focused))
        take_function_key(u, k->code);
    else if (u->shows_help && take_for_help(u, k))
        return;
    else if (!mode_take(u, k) && !take_for_sliders(u, k) && !take_scrolling(u, k))
        take_for_prompt(u, k);
}
