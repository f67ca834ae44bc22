// One file by http or https, with resume.
#ifndef DOPPEL_HTTP_H
#define DOPPEL_HTTP_H

#include "app/meter.h"
#include "app/sha256.h"

typedef struct http_job {
    const char *url;
    const char *part;  // collects the bytes; PART.from beside it remembers which file they are of
    int stall_seconds; // no byte for so long: the connection is given up and tried again; 0: 30
    meter *meter;
} http_job;

typedef struct http_reply {
    long status;             // of the last answer; 0: there was none
    int64_t size;            // bytes in part
    char sha256[SHA256_HEX]; // what the server says the file has (X-Linked-Etag); "" when it does not
} http_reply;

// Fetches url into part, continuing where an earlier call stopped if the server still has the same file (it sent a
// strong ETag or a Last-Modified date then, and confirms it now). A connection that breaks or stalls is taken up again
// as long as each attempt gets further. FETCH_DONE: the part has the size that the server announced; the caller checks
// what is in it, moves it away and calls http_forget. FETCH_FAILED: a message; r->status tells 404 from the rest; what
// arrived is kept for the next call. FETCH_CANCELLED: likewise, without a message. Any thread.
int http_download(const http_job *job, http_reply *r, error *err);

// Removes part and its note.
void http_forget(const char *part);

// The last name in a URL's path, decoded, with anything but letters, digits and . _ - + replaced by '_', so that it can
// be a file's name; "" when there is none. Free it.
char *http_file_name(const char *url);

#endif
