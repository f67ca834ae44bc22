# doppel. `make run` installs what is missing, builds, fetches the default model and opens the chat.
# `make test` installs what is missing, builds and runs every test. `make help` lists the rest.

CC      ?= cc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
DESTDIR ?=
B       ?= build
# Tests whose name contains this; seconds per fuzz target.
ONLY    ?=
FUZZ_SECONDS ?= 20
# ---- end of user settings ----

PKGS     := ncursesw libedit libcjson libpcre2-8 sqlite3 libzip libxml-2.0 libutf8proc
# Opened when needed (app/curl_library.c): headers only.
OPENED   := libcurl
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE= -Wall -Wextra -fno-math-errno -fno-trapping-math -I. $(PKG_CFLAGS) $(CFLAGS) $(EXTRA)
ALL_LIBS   = $(PKG_LIBS) -lm -ldl -lpthread
# Silent where pkg-config is not installed yet: `run` and `test` install it, then call make again.
# _GNU_SOURCE for every file alike, in place of the feature macros that ncursesw brings.
PKG_CFLAGS := $(filter-out -D_DEFAULT_SOURCE -D_XOPEN_SOURCE=%,$(shell pkg-config --cflags $(PKGS) $(OPENED) 2>/dev/null))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

SRC  := $(sort $(wildcard app/*.c app/*/*.c ui/*.c model/*.c model/*/*.c))
OBJ  := $(SRC:%.c=$(B)/%.o)
LIB  := $(B)/libdoppel.a
TEST := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c tests/numeric.c))
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))

# For `run` and `test`: on all cores unless a -j was given, and without a word when there is nothing to do.
build = $(MAKE) -q --no-print-directory $(1) 2>/dev/null || { echo Building. && $(MAKE) -s --no-print-directory $(JOBS) $(1); }
JOBS  = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))

all: $(B)/doppel          ## build build/doppel
programs: all $(TEST)     # what the tests run

run:                      ## install what is missing, build, fetch the default model, chat
	@scripts/setup
	+@$(call build,all)
	@$(B)/doppel models pull default --if-missing
	@$(B)/doppel

test:                     ## install what is missing, build, run every test (ONLY=part of a name)
	@scripts/setup tmux pgrep
	+@$(call build,programs)
	@$(B)/doppel models pull default --if-missing || echo 'The tests that need the default model are skipped.'
	@tests/run $(B) $(ONLY)

bench: all                ## measure this machine and doppel on it
	@$(B)/doppel bench

# doppel handles fatal signals itself, to give the terminal back; the tests look at that.
asan:                     ## every test under the address and undefined-behaviour sanitizers
	@ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0 $(MAKE) test B=$(B)/asan CC=clang KERNEL_O=-O1 EXTRA="-fsanitize=address,undefined -fno-sanitize-recover=undefined"

tsan:                     ## every test under the thread sanitizer
	@$(MAKE) test B=$(B)/tsan CC=clang EXTRA="-fsanitize=thread"

fuzz:                     ## every fuzz target for FUZZ_SECONDS
	@$(MAKE) --no-print-directory fuzz-here B=$(B)/fuzz CC=clang KERNEL_O=-O1 EXTRA="-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"

fuzz-here: LINK = -fsanitize=fuzzer
fuzz-here: $(FUZZ)
	@scripts/fuzz $(B) $(FUZZ_SECONDS)

install: all              ## copy the program, its man page, prompts and completion below PREFIX
	@scripts/install $(B) "$(DESTDIR)$(PREFIX)"

uninstall:                ## remove them again
	@scripts/install --remove "$(DESTDIR)$(PREFIX)"

format:                   ## lay the sources out as .clang-format says
	clang-format -i $(SRC) $(wildcard app/*.h app/*/*.h ui/*.h model/*.h model/*/*.h tests/*.[ch] tests/*/*.[ch])

help:                     ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /make \1\t/p' Makefile | expand -t 16

clean:                    ## remove the build folder
	rm -rf $(B)

$(B)/doppel: $(B)/app/main.o $(LIB)
	$(CC) $(CFLAGS) $(EXTRA) -o $@ $^ $(ALL_LIBS)

$(LIB): $(filter-out $(B)/app/main.o,$(OBJ))
	rm -f $@ && ar rcs $@ $^

# Kernels are compiled for the instructions they are named after and chosen at run time (model/math/dispatch.c). -O3 unrolls
# their loops over registers; under sanitizers that takes a minute a file and gains little.
KERNEL_O ?= -O3
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null)))
$(B)/%_avx2.o: ALL_CFLAGS += $(KERNEL_O) -mavx2 -mfma -mf16c
$(B)/%_avx512.o: ALL_CFLAGS += $(KERNEL_O) -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx512bf16
$(B)/%_avx512fp16.o: ALL_CFLAGS += $(KERNEL_O) -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512fp16
endif
# Training's loops say themselves where a product and a sum are one instruction: sums must not depend on the compiler's mood.
$(B)/model/learn/loops_%.o: ALL_CFLAGS += $(KERNEL_O) -ffp-contract=off
ifneq (,$(filter aarch64% arm64%,$(shell $(CC) -dumpmachine 2>/dev/null)))
$(B)/model/math/kernels_neon.o $(B)/model/math/neon_products.o: ALL_CFLAGS += $(KERNEL_O)
$(B)/model/math/neon_products_dot.o: ALL_CFLAGS += $(KERNEL_O) -march=armv8.2-a+dotprod
endif

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%: tests/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LINK) -MMD -MP -MF $@.d -o $@ $< $(LIB) $(ALL_LIBS)

.PHONY: all programs run test bench asan tsan fuzz fuzz-here install uninstall format help clean
-include $(OBJ:.o=.d) $(TEST:=.d) $(FUZZ:=.d)
