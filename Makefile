# doppel. `make run` installs what is missing, builds, fetches the default model and opens the chat.

CC      ?= cc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
B       ?= build
# ---- end of user settings ----

PKGS     := ncursesw libedit libcjson libpcre2-8 sqlite3 libzip libxml-2.0 libcurl libutf8proc
ALL_CFLAGS = -std=c11 -Wall -Wextra -fno-math-errno -I. $(shell pkg-config --cflags $(PKGS)) $(CFLAGS) $(EXTRA)
ALL_LIBS   = $(shell pkg-config --libs $(PKGS)) -lm -ldl -lpthread

SRC  := $(sort $(wildcard app/*.c app/*/*.c ui/*.c model/*.c model/*/*.c))
OBJ  := $(SRC:%.c=$(B)/%.o)
LIB  := $(B)/libdoppel.a
TEST := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))

all: $(B)/doppel

$(B)/doppel: $(B)/app/main.o $(LIB)
	$(CC) $(CFLAGS) $(EXTRA) -o $@ $^ $(ALL_LIBS)

$(LIB): $(filter-out $(B)/app/main.o,$(OBJ))
	rm -f $@ && ar rcs $@ $^

# Kernels are compiled for the instructions they are named after and chosen at run time (model/math/dispatch.c).
ifneq (,$(findstring x86_64,$(shell $(CC) -dumpmachine)))
$(B)/%_avx2.o: ALL_CFLAGS += -mavx2 -mfma -mf16c
$(B)/%_avx512.o: ALL_CFLAGS += -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512vnni -mavx512bf16
endif

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%: tests/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(LIB) $(ALL_LIBS)

test: $(B)/doppel $(TEST)
	@tests/run $(B)

clean:
	rm -rf $(B)

.PHONY: all test clean
-include $(OBJ:.o=.d) $(TEST:=.d)
