# asyncspy: `make help` lists the targets.
CC ?= cc
PKGS := libelf libcjson libzstd liblz4 liblzma zlib ncursesw
VERSION := 0.1.0

PREFIX ?= /usr/local
PYTHON ?= /usr/bin/python3

# SAN=1 builds with ASan and UBSan, CC=clang with clang: each in a folder of its own.
BUILD := build$(if $(findstring clang,$(CC)),/clang)
ifeq ($(SAN),1)
OUT := $(BUILD)/san
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
OUT := $(BUILD)
HARDENING := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
OBJ := $(OUT)/obj

# V=1 shows the whole commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,echo "  $(1)")

WARNINGS := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings -Wcast-qual -Wformat=2 -Wswitch-enum \
  -Wnull-dereference
WERROR ?= -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu17 $(CFLAGS) $(WARNINGS) $(WERROR) -fPIE -fstack-protector-strong $(HARDENING) \
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

.PHONY: all help offsets check check-all check-style check-unit check-pipeline check-golden check-formats golden \
  check-cores cores check-live check-offsets check-man fuzz fuzz-smoke lint bench soak demo install uninstall clean
.DELETE_ON_ERROR:

all: $(OUT)/asyncspy ## build the program (default)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

$(OUT)/asyncspy: $(OBJ)/src/cmd/main.o $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/libasyncspy.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(call say,AR $@)
	$(Q)$(AR) rcs $@ $^

# The tables that exist, for the layout selection: dropping a file into offsets/ is enough.
$(OUT)/gen/offsets_index.inc: $(TABLES) | $(OUT)/gen
	@for t in $(basename $(notdir $(TABLES))); do \
	  echo "PY_TABLE(py_table_$${t#cpython_})"; done > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# The page of the flame graph with its style and scripts, as the bytes of a C array.
PAGE_STYLE := src/render/flamegraph.css
PAGE_SCRIPTS := $(addprefix src/render/flamegraph_,model.js view.js table.js page.js)
$(OUT)/gen/flamegraph.inc: src/render/flamegraph.html $(PAGE_STYLE) $(PAGE_SCRIPTS) Makefile | $(OUT)/gen
	@sed $(PAGE_STYLE:%=-e '/@STYLE@/r %') $(PAGE_SCRIPTS:%=-e '/@SCRIPT@/r %') \
	  -e '/@STYLE@/d' -e '/@SCRIPT@/d' $< | od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g' >$@

$(OUT)/gen:
	@mkdir -p $@

$(OBJ)/src/python/layout.o: $(OUT)/gen/offsets_index.inc
$(OBJ)/src/render/flamegraph_html.o: $(OUT)/gen/flamegraph.inc

$(OBJ)/%.o: %.c Makefile
	$(call say,CC $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -I$(OUT)/gen -MMD -MP -c -o $@ $<

$(UNIT_TESTS): $(OUT)/tests/%: $(OBJ)/tests/unit/%.o $(SUPPORT) $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs cmocka)

$(PIPELINE_TESTS): $(OUT)/tests/%: $(OBJ)/tests/pipeline/%.o $(SUPPORT) $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs cmocka)

check: check-style check-unit check-pipeline check-golden check-formats check-cores check-man fuzz-smoke check-live ## the tests, quick mode

check-all: lint check-offsets check ## everything on everything (run before an issue is closed)
	scripts/check_style.py --self-test
	$(MAKE) SAN=1 check-unit check-pipeline check-golden check-formats check-cores
	$(MAKE) check-live LIVE=--all

check-unit: $(UNIT_TESTS) ## the unit tests
	@scripts/run-unit-tests $^

check-pipeline: $(PIPELINE_TESTS) ## fake bytes all the way to text
	@scripts/run-unit-tests $^

# The fuzzers, always with clang and its sanitizers: a build of its own.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 30
FUZZ_OUT := build/fuzz
FUZZ_OBJ := $(FUZZ_OUT)/obj
FUZZERS := $(filter-out fuzz_image fuzz_folder fuzz_show,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_PROGRAMS := $(FUZZERS:%=$(FUZZ_OUT)/%)
FUZZ_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_SHARED := $(patsubst %.c,$(FUZZ_OBJ)/%.o,$(filter-out src/cmd/%,$(SOURCES)) \
  $(filter-out tests/support/fake_target.c,$(wildcard tests/support/fake_*.c)) \
  tests/fuzz/fuzz_image.c tests/fuzz/fuzz_folder.c tests/fuzz/fuzz_show.c)

$(FUZZ_OBJ)/src/python/layout.o: $(OUT)/gen/offsets_index.inc
$(FUZZ_OBJ)/src/render/flamegraph_html.o: $(OUT)/gen/flamegraph.inc

$(FUZZ_OBJ)/%.o: %.c Makefile
	$(call say,CC $@)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(filter-out $(SANFLAGS) -O2 -D_FORTIFY_SOURCE=2,$(ALL_CFLAGS)) -O1 $(FUZZ_FLAGS) \
	  $(if $(filter tests/%,$<),,-fsanitize=fuzzer-no-link) -I$(OUT)/gen -MMD -MP -c -o $@ $<

$(FUZZ_OUT)/libshared.a: $(FUZZ_SHARED)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(FUZZ_PROGRAMS): $(FUZZ_OUT)/%: $(FUZZ_OBJ)/tests/fuzz/%.o $(FUZZ_OUT)/libshared.a
	$(call say,LINK $@)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -pie -o $@ $^ $(LIBS)

HAS_FUZZER = echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' | \
  $(FUZZ_CC) -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null

fuzz: ## libFuzzer on the readers, each for FUZZ_SECONDS (default 30); what it finds: build/fuzz
	@if $(HAS_FUZZER); then \
	  $(MAKE) --no-print-directory $(FUZZ_PROGRAMS) && scripts/fuzz $(FUZZ_SECONDS) $(FUZZ_PROGRAMS); \
	else echo "fuzz: $(FUZZ_CC) with libFuzzer is not installed (scripts/install-deps test)"; \
	  echo "0 passed, 0 failed, 1 skipped"; fi

fuzz-smoke: ## the same for a moment
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=1

# Read snapshots as JSON and render them, and what `top` shows of them.
GOLDEN_PROGRAMS := $(OUT)/tests/render_snapshot $(OUT)/tests/render_top
$(GOLDEN_PROGRAMS): $(OUT)/tests/%: $(OBJ)/tests/golden/%.o $(OBJ)/tests/golden/read_snapshot.o \
  $(OBJ)/tests/support/fake_live.o $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Debian's python3, for its python3-jsonschema.
GOLDEN = $(PYTHON) tests/golden/run.py $(GOLDEN_PROGRAMS)

check-golden: $(GOLDEN_PROGRAMS) ## the renderers against tests/golden/
	$(GOLDEN)

golden: $(GOLDEN_PROGRAMS) ## rewrite tests/golden/ (then review the diff)
	$(GOLDEN) --write

# Made-up recordings in every format, read by the programs that the formats are for.
FORMAT_WRITERS := $(patsubst tests/formats/%.c,$(OUT)/tests/%,$(wildcard tests/formats/write_*.c))
$(FORMAT_WRITERS): $(OUT)/tests/%: $(OBJ)/tests/formats/%.o $(SUPPORT) $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(shell pkg-config --libs cmocka)

check-formats: $(FORMAT_WRITERS) ## the formats of recordings against their readers
	$(PYTHON) tests/formats/run.py $(OUT)

check-cores: $(OUT)/asyncspy ## saved cores of every version against their pictures (tests/cores/)
	ASYNCSPY=$(OUT)/asyncspy $(PYTHON) tests/cores/check.py

cores: $(OUT)/asyncspy ## rewrite these pictures (then review the diff)
	ASYNCSPY=$(OUT)/asyncspy $(PYTHON) tests/cores/check.py --write

# Small programs that the live tests run.
TOOLS := $(patsubst tests/tools/%.c,$(OUT)/tests/%,$(wildcard tests/tools/*.c))
$(TOOLS): $(OUT)/tests/%: $(OBJ)/tests/tools/%.o $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# LIVE="-k gather --interpreter 3.13" picks some; tests/live/README.md has the options.
LIVE ?= --quick
check-live: $(OUT)/asyncspy $(TOOLS) ## live processes of every Python found
	ASYNCSPY=$(OUT)/asyncspy $(PYTHON) tests/live/run.py $(LIVE)

# The objects, because the globals of the program are looked for in them.
check-style: $(OUT)/libasyncspy.a ## layers, sizes, format (seconds)
	@scripts/check_style.py

check-offsets: ## the tables against every Python with DWARF that is found
	$(PYTHON) scripts/gen_offsets.py --check

offsets: ## write the tables of offsets/ anew
	$(PYTHON) scripts/gen_offsets.py

check-man: $(OUT)/asyncspy ## the man pages against --help
	@ASYNCSPY=$(OUT)/asyncspy scripts/check_man.py

TIDY := $(SOURCES:%=tidy-%)
.PHONY: $(TIDY) cppcheck
$(TIDY): tidy-%: $(OUT)/gen/offsets_index.inc $(OUT)/gen/flamegraph.inc
	@said=$$(clang-tidy --quiet $* -- $(filter-out -U% -D_FORTIFY%,$(ALL_CFLAGS)) -I$(OUT)/gen \
	  $(if $(filter-out src/base/%,$*),-include scripts/tidy.h) 2>&1) || { echo "$$said"; exit 1; }

cppcheck: $(OUT)/gen/flamegraph.inc
	@cppcheck --quiet --enable=warning,performance,portability,style --error-exitcode=1 \
	  --inline-suppr $(addprefix --suppressions-list=,$(wildcard scripts/cppcheck.suppress)) --std=c11 --library=posix \
	  -j $$(nproc) -Iinclude -I$(OUT)/gen -D_GNU_SOURCE -DASYNCSPY_VERSION='""' src offsets

lint: $(TIDY) cppcheck ## clang-tidy and cppcheck (minutes; use -j)

$(OUT)/tests/measure: $(OBJ)/tests/bench/measure.o
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

MEASURES := $(addprefix $(OUT)/tests/,measure_analysis measure_profile)
$(MEASURES): $(OUT)/tests/%: $(OBJ)/tests/bench/%.o $(OUT)/libasyncspy.a
	$(call say,LINK $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# BENCH="--tasks 10,1000 --interpreter 3.14" measures less.
bench: $(OUT)/asyncspy $(OUT)/tests/measure $(MEASURES) ## how fast, how much memory, how long the target stands
	@ASYNCSPY=$(OUT)/asyncspy MEASURE=$(OUT)/tests/measure $(PYTHON) scripts/bench $(BENCH)
	@$(OUT)/tests/measure_analysis
	@$(OUT)/tests/measure_profile

# SOAK="300 --screen" looks shorter, and at the screen.
soak: $(OUT)/asyncspy ## top beside a busy server for half an hour: what grows, what does the server lose
	@ASYNCSPY=$(OUT)/asyncspy $(PYTHON) scripts/soak_top $(SOAK)

demo: ## a hung server and its dump
	scripts/demo

PAGES := $(wildcard man/*.1)
install: $(OUT)/asyncspy ## into PREFIX (default /usr/local), below DESTDIR
	install -D -m 755 $< $(DESTDIR)$(PREFIX)/bin/asyncspy
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(PAGES) $(DESTDIR)$(PREFIX)/share/man/man1

uninstall: ## take that away again
	rm -f $(DESTDIR)$(PREFIX)/bin/asyncspy $(PAGES:man/%=$(DESTDIR)$(PREFIX)/share/man/man1/%)

clean: ## remove what was built (keeps build/pythons)
	rm -rf build/asyncspy build/libasyncspy.a build/obj build/gen build/tests build/artefacts build/san build/clang build/fuzz

-include $(shell find $(OBJ) $(FUZZ_OBJ) -type f -name '*.d' 2>/dev/null)
