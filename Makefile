# asyncspy: `make help` lists the targets.
CC ?= cc
PKGS := libelf libcjson
VERSION := 0.1.0

# SAN=1 builds with ASan and UBSan, in a folder of its own.
ifeq ($(SAN),1)
OUT := build/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
OUT := build
HARDENING := -D_FORTIFY_SOURCE=2
endif
OBJ := $(OUT)/obj

WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings -Wcast-qual -Wformat=2 -Wswitch-enum \
  -Wnull-dereference -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu17 $(CFLAGS) $(WARNINGS) -fPIE -fstack-protector-strong $(HARDENING) \
  $(SANFLAGS) -Iinclude -D_GNU_SOURCE -DASYNCSPY_VERSION='"$(VERSION)"' \
  $(patsubst -I%,-isystem %,$(shell pkg-config --cflags $(PKGS)))
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now $(SANFLAGS) $(LDFLAGS)
LIBS := $(shell pkg-config --libs $(PKGS)) -lm

SOURCES := $(sort $(wildcard src/*/*.c) $(wildcard offsets/*.c))
OBJECTS := $(SOURCES:%.c=$(OBJ)/%.o)
LIBRARY_OBJECTS := $(filter-out $(OBJ)/src/cmd/main.o,$(OBJECTS))
TABLES := $(sort $(wildcard offsets/cpython_*.c))

UNIT_TESTS := $(patsubst tests/unit/%.c,$(OUT)/tests/%,$(wildcard tests/unit/test_*.c))
PIPELINE_TESTS := $(patsubst tests/pipeline/%.c,$(OUT)/tests/%,$(wildcard tests/pipeline/test_*.c))
SUPPORT := $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/support/*.c))

.PHONY: all help check check-unit check-golden golden clean
.DELETE_ON_ERROR:

all: $(OUT)/asyncspy ## build the program (default)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(OUT)/asyncspy: $(OBJ)/src/cmd/main.o $(OUT)/libasyncspy.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/libasyncspy.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

# The tables that exist, for the layout selection: dropping a file into offsets/ is enough.
$(OUT)/gen/offsets_index.inc: $(TABLES) | $(OUT)/gen
	@for t in $(basename $(notdir $(TABLES))); do \
	  echo "PY_TABLE(py_table_$${t#cpython_})"; done > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(OUT)/gen:
	@mkdir -p $@

$(OBJ)/src/python/layout.o: $(OUT)/gen/offsets_index.inc

$(OBJ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -I$(OUT)/gen -MMD -MP -c -o $@ $<

$(OUT)/tests/test_%: $(OBJ)/tests/unit/test_%.o $(SUPPORT) $(OUT)/libasyncspy.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs cmocka)

check-unit: $(UNIT_TESTS) ## the unit tests
	@set -e; for t in $^; do echo "== $$t"; $$t; done

# Reads a snapshot as JSON and renders it.
$(OUT)/tests/render_snapshot: $(OBJ)/tests/golden/render_snapshot.o $(OUT)/libasyncspy.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Debian's python3, for its python3-jsonschema.
GOLDEN = /usr/bin/python3 tests/golden/run.py $(OUT)/tests/render_snapshot

check-golden: $(OUT)/tests/render_snapshot ## the renderers against tests/golden/
	$(GOLDEN)

golden: $(OUT)/tests/render_snapshot ## rewrite tests/golden/ (then review the diff)
	$(GOLDEN) --write

clean: ## remove what was built (keeps build/pythons)
	rm -rf build/asyncspy build/libasyncspy.a build/obj build/gen build/tests build/san

-include $(shell find $(OBJ) -type f -name '*.d' 2>/dev/null)

# Small programs that the live tests run.
$(OUT)/tests/decode_line_table: $(OBJ)/tests/tools/decode_line_table.o $(OUT)/libasyncspy.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
