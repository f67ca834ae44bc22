// The formats by name, each with its reader. A reader stands in the file of its format and takes one text.
#ifndef DOPPEL_CORPUS_FORMAT_H
#define DOPPEL_CORPUS_FORMAT_H

#include "app/corpus/gather.h"

// Reads the text to its end and gathers its messages. 0, or -1 with a message (without the file's name) when its shape
// is not the format's; what is broken inside is skipped and counted. A reader stops early when g->failed is set.
typedef int format_read_fn(gather *g, text_in *in, error *err);

typedef struct corpus_format {
    const char *name;  // in the report: "discord-json"
    const char *title; // for people: "DiscordChatExporter JSON"
    format_read_fn *read;
} corpus_format;

format_read_fn dce_json_read, dce_csv_read, dce_text_read, dce_html_read;
format_read_fn package_json_read, package_csv_read;         // one channel of a Discord data package
format_read_fn slack_day_read;                              // one day of a Slack channel
format_read_fn openai_read, sharegpt_read, completion_read; // instruction tuning (instruct.c)
format_read_fn telegram_read, whatsapp_read, irc_read, imessage_read, paste_read, canonical_read, prose_read;

#endif
