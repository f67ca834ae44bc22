#include "ui/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void figures_bytes(char out[FIGURES_BYTES], double bytes) {
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB"};
    int unit = 0;
    while (bytes >= 999.5 && unit < 4) {
        bytes /= 1000;
        unit++;
    }
    snprintf(out, FIGURES_BYTES, unit && bytes < 9.95 ? "%.1f %s" : "%.0f %s", bytes, UNITS[unit]);
}

void figures_time(char out[FIGURES_BYTES], double seconds) {
    double minutes = round(seconds / 60);
    if (!(seconds >= 0) || seconds > 1e8)
        out[0] = '\0';
    else if (seconds < 99.5)
        snprintf(out, FIGURES_BYTES, "%.0f s", seconds);
    else if (minutes < 100)
        snprintf(out, FIGURES_BYTES, "%.0f min", minutes);
    else
        snprintf(out, FIGURES_BYTES, "%.0f h %02.0f min", floor(minutes / 60), fmod(minutes, 60));
}

void figures_count(char out[FIGURES_BYTES], int64_t n) {
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n < 0 ? 0 : n);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}
