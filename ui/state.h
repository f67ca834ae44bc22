// What the full screen knows; shared by loop.c (waiting), input.c (keys) and frame.c (drawing), made by ui_run.
#ifndef DOPPEL_UI_STATE_H
#define DOPPEL_UI_STATE_H

#include "ui/completion.h"
#include "ui/editor.h"
#include "ui/entry.h"
#include "ui/keys.h"
#include "ui/layout.h"
#include "ui/mode.h"
#include "ui/sampling.h"
#include "ui/transcript.h"

typedef struct footer_key { // a key's name as it stands in the footer
    const char *name;
    int col, cols;
} footer_key;

enum { STATE_FOOTER_KEYS = MODE_MAX_KEYS + 5 };

struct ui {
    chat *chat;
    editor *editor;
    transcript *transcript;
    entry entry;
    sampling sampling;
    completion completion;
    bool shows_help;
    int help_top;
    struct training *training; // of the training mode; NULL: never opened
    footer_key footer[STATE_FOOTER_KEYS];
    int n_footer;
    mode mode;          // the overlay that is open
    buf message;        // said in the footer until the next key
    bool asks_to_leave; // the message is the question whether to leave
    bool is_leaving;

    keys keys;
    key held;        // a key that waits until the editor has ended its search; code KEYS_NONE: none
    bool has_waited; // the key being handled was that one
    wchar_t *feed;   // characters on their way to the editor
    size_t n_feed, cap_feed, at_feed;
    char *draft; // text to put into the editor before anything else; NULL: none

    canvas canvas;
    layout layout;
    int rows, cols;
    bool is_stale; // what is on the screen is not what it should be
};

#endif
