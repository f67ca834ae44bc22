// The folder that a training writes: adapters/NAME (models/NAME for whole models) or any other.
//
//     what was learned       PEFT files, or a model's; the best step so far
//     run.json               base, layout, names, arguments, how far it came
//     metrics.jsonl          what it told while it ran
//     checkpoint/state       where it goes on (model/learn/checkpoint.h)
//     lock                   held while a doppel trains here: its process, and "beside" when it chats as well
#ifndef DOPPEL_TRAIN_FOLDER_H
#define DOPPEL_TRAIN_FOLDER_H

#include "app/train_settings.h"

#include <stdio.h>
#include <sys/types.h>

typedef struct train_folder {
    char *path, *name;
    char *state, *run; // paths of checkpoint/state and run.json
    int lock;          // -1: none
    FILE *metrics;
    bool made;   // by this run, and nothing is saved in it yet
    bool beside; // the lock says "beside": its process does other things as well, and is not to be ended to end this
} train_folder;

// A name that can stand for a folder, made of a person's name or of a file's path. The caller frees it.
char *train_folder_name(const char *text, bool is_path);
bool train_folder_is_name(const char *word); // may stand for a folder under adapters/ or models/

// Where word leads: a path when it has a slash, else a name under adapters/ or models/. With word NULL the name comes
// from the settings: whom they imitate, or the data's first file. Nothing is made. 0, or -1 with a message. Free with
// train_folder_close in every case.
int train_folder_find(train_folder *f, const train_settings *s, const char *word, error *err);

// Makes it and locks it. -1 with a message when there is something already, or another doppel trains there.
int train_folder_make(train_folder *f, error *err);
// Locks one that is there. -1 with a message: there is none, another doppel trains there, or nothing could be saved in it.
int train_folder_reopen(train_folder *f, error *err);

// The process that trains in the folder at path (it may be this one); 0: none; -1: one that has only just begun. beside:
// whether it does other things as well; may be NULL.
pid_t train_folder_holder(const char *path, bool *beside);
bool train_folder_is_locked(const char *path); // whether there is one

// Opens metrics.jsonl. Of what stands in it the lines up to this step stay (-1: none).
int train_folder_open_metrics(train_folder *f, int step, error *err);
void train_folder_note(train_folder *f, const buf *line); // appends a line to it; a full disk is passed over

// Gives up the lock; what was made for nothing is removed.
void train_folder_close(train_folder *f);

#endif
