# cypherlog: db_sync and global_server. GNU make; `make help` lists the targets.
comma    := ,
# BREAK=order and BREAK=literal are programs with a mistake that tests must find
PROFILE  := $(if $(BREAK),break-$(BREAK),$(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),release))$(if $(filter clang%,$(CC)),-clang)
B        := build/$(PROFILE)
PREFIX   ?= /usr/local
VERSION  := 0.1.0
PYTHON   ?= python3
VENV     := build/venv
ASYNCAPI := build/asyncapi
CLIENTS  := build/clients
# the older tool whose snapshots are read and written, in its versions
BACKUPS  := $(patsubst tests/%.txt,build/%/ready,$(sort $(wildcard tests/neo4j-backup-*.txt)))

# name and least version; what `make deps` installs on Debian and Ubuntu
LIBS     := rdkafka:2.0.2:librdkafka-dev libcurl:7.88:libcurl4-openssl-dev jansson:2.14:libjansson-dev \
            zlib:1.2.11:zlib1g-dev libcrypto:3.0:libssl-dev smartcols:2.36:libsmartcols-dev \
            libmicrohttpd:0.9.75:libmicrohttpd-dev
PKGS     := $(foreach l,$(LIBS),$(firstword $(subst :, ,$(l))))
# libraries that are a header, of which pkg-config knows nothing
HEADERS  := uthash.h:uthash-dev

ifeq ($(origin CC),default)
CC       := gcc
endif
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla \
            $(if $(WERROR),-Werror)
HARDEN   := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
OPT      := $(if $(SANITIZE),-O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE),-O2 -g)
ALL_CFLAGS  = -std=c11 -D_POSIX_C_SOURCE=200809L -DCYPHERLOG_VERSION='"$(VERSION)"' $(OPT) $(HARDEN) \
              $(WARN) $(BREAK:%=-DBREAK_%) -Icommon -I. $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
LDLIBS      = $(shell pkg-config --libs $(PKGS)) -lpthread

COMMON_SRC  := $(sort $(wildcard common/*/*.c))
PROGRAMS    := db_sync global_server
SRC          = $(COMMON_SRC) $(foreach p,$(PROGRAMS),$(wildcard $(p)/*.c))
COMMON_OBJ  := $(COMMON_SRC:%.c=$(B)/%.o)
BINARIES    := $(foreach p,$(PROGRAMS),$(B)/bin/$(p))
UNIT_SRC    := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN    := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
FUZZ_SRC    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_REPLAY := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/replay/%)
# what unit tests and fuzz targets may link of a program: everything but its main
PROGRAM_OBJ := $(foreach p,$(PROGRAMS),$(patsubst %.c,$(B)/%.o,$(filter-out %/main.c,$(wildcard $(p)/*.c))))

.DEFAULT_GOAL := all
Q = $(if $(V),,@echo '  $(notdir $(CC))  $(patsubst $(B)/%,%,$@)';)
.PHONY: help deps all install clean check integration property tested test bench fuzz coverage lint format \
        demo stop screenshot check-libs

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

deps: ## install what building, demo and tests need (Debian, Ubuntu; says so first)
	@compose/local/deps.sh all

check-libs:
	@ok=1; for l in $(LIBS); do \
	  name=$${l%%:*}; rest=$${l#*:}; least=$${rest%%:*}; package=$${rest#*:}; \
	  pkg-config --exists $$name 2>/dev/null || { ok=0; \
	    echo "missing: the C library $$name ($$least or newer), Debian package $$package; make deps installs it" >&2; continue; }; \
	  pkg-config --atleast-version=$$least $$name || { ok=0; \
	    echo "too old: $$name $$(pkg-config --modversion $$name), $$least or newer is needed" >&2; }; \
	done; for h in $(HEADERS); do \
	  echo "#include <$${h%%:*}>" | $(CC) $(CFLAGS) -E -o /dev/null - 2>/dev/null || { ok=0; \
	    echo "missing: the C header $${h%%:*}, Debian package $${h#*:}; make deps installs it" >&2; }; \
	done; test $$ok = 1

all: $(BINARIES) ## build db_sync and global_server into build/<profile>/bin; links in build/bin
	@$(if $(BREAK),,mkdir -p build/bin && ln -sfn $(abspath $(BINARIES)) build/bin/)

# Rebuilds everything when compiler or flags change.
FLAGS := $(B)/flags
$(FLAGS): FORCE | check-libs
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS)) $(ALL_LDFLAGS)' | cmp -s - $@ || \
	  printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS)) $(ALL_LDFLAGS)' > $@
FORCE:

$(B)/%.o: %.c $(FLAGS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/common/ops/page.o: common/ops/page.html common/ops/page.css common/ops/page.js

define program
$(B)/bin/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c)) $(B)/libcommon.a
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/libcommon.a: $(COMMON_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/unit/%: tests/unit/%.c $(PROGRAM_OBJ) $(B)/libcommon.a $(FLAGS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< \
	  $(foreach p,$(PROGRAMS),$(if $(findstring $(p)/,$(shell grep -h '^#include "' $<)),$(filter $(B)/$(p)/%,$(PROGRAM_OBJ)))) \
	  $(B)/libcommon.a $(shell pkg-config --libs cmocka) $(LDLIBS)

# private: the objects it is made of are built as ever
$(B)/unit/test_exhaustion: private ALL_LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

$(B)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(PROGRAM_OBJ) $(B)/libcommon.a $(FLAGS)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d $(ALL_LDFLAGS) -o $@ $< tests/fuzz/replay.c \
	  $(foreach p,$(PROGRAMS),$(if $(findstring $(p)/,$(shell grep -h '^#include "' $<)),$(filter $(B)/$(p)/%,$(PROGRAM_OBJ)))) \
	  $(B)/libcommon.a $(LDLIBS)

install: all ## install the programs and their systemd units (DESTDIR, PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(BINARIES) $(DESTDIR)$(PREFIX)/bin/
	@for p in $(PROGRAMS); do unit=$(DESTDIR)$(PREFIX)/lib/systemd/system/$$p@.service; \
	  echo "install unit $$unit"; rm -f "$$unit" && \
	  sed 's|@PREFIX@|$(PREFIX)|g' "compose/systemd/$$p@.service.in" > "$$unit" && chmod 644 "$$unit" || exit 1; done

clean: ## remove what was built; keeps downloads: build/stack, venv, asyncapi, clients, prometheus, neo4j-backup-…
	rm -rf build/release* build/break* build/address* build/undefined* build/thread* build/fuzz build/coverage build/bin

$(VENV)/ready: tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

$(VENV)/bench: tests/bench/requirements.txt $(VENV)/ready
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

build/neo4j-backup-%/ready: tests/neo4j-backup-%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# AsyncAPI's official parser, some 55 MB, and what topics/examples/client.mjs needs. The latter has a
# part in C++: where its binary cannot be fetched it is compiled, with the system's libraries, the
# headers that came with node if they did, and no make beside it, in two minutes.
$(ASYNCAPI)/ready: NPM_FLAGS := --ignore-scripts
NODE_HEADERS = $(if $(wildcard /usr/include/node/node.h),npm_config_nodedir=/usr)
build/%/ready: tests/%/package.json tests/%/package-lock.json
	@command -v npm >/dev/null || { echo "missing: npm and nodejs; make deps installs them" >&2; exit 1; }
	@mkdir -p $(@D) && cp $^ $(@D)/
	MAKEFLAGS= JOBS=1 CKJS_LINKING=dynamic $(NODE_HEADERS) npm ci --prefix $(@D) $(NPM_FLAGS) --loglevel=error --no-audit --no-fund
	@touch $@

check: all $(UNIT_BIN) $(FUZZ_REPLAY) $(VENV)/ready $(ASYNCAPI)/ready ## unit tests, corpora, schemas, README and compose/ against the programs: no services
	@tests/check.py --build $(B)

integration: all $(VENV)/ready $(BACKUPS) $(CLIENTS)/ready ## tests on real Kafka and Neo4j; ONLY=name selects
	@BUILD=$(B) $(VENV)/bin/python -m pytest tests/integration $(if $(ONLY),-k '$(ONLY)')

property: all $(VENV)/ready ## random streams against an oracle on real servers
	@BUILD=$(B) $(VENV)/bin/python -m pytest tests/property $(if $(ONLY),-k '$(ONLY)')

tested: all $(UNIT_BIN) $(FUZZ_REPLAY) $(VENV)/ready $(BACKUPS) $(ASYNCAPI)/ready $(CLIENTS)/ready

# A make of its own for `tested`: it needs what was just installed. What npm compiles, pip fetches and gcc compiles goes at once.
JOBS ?= $(shell nproc)
test: ## install what is missing, then check, integration and property; ends in `N passed, N failed`
	@compose/local/deps.sh test
	@$(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS)) tested
	@BUILD=$(B) tests/run.sh $(ONLY)

bench: all $(VENV)/bench build/neo4j-backup-1.0.0/ready ## tables into tests/bench/results/
	@BUILD=$(B) $(VENV)/bin/python tests/bench/run.py $(ONLY)

FUZZ_SECONDS ?= 60
fuzz: ## a timed run of every fuzz target (FUZZ_SECONDS each, ONLY=name), clang
	@FUZZ_SECONDS=$(FUZZ_SECONDS) PKGS='$(PKGS)' tests/fuzz/run.sh $(ONLY)

coverage: ## line coverage of the unit tests
	@$(MAKE) --no-print-directory SANITIZE= CFLAGS='--coverage -O0' LDFLAGS=--coverage B=build/coverage check
	@gcov -n -o build/coverage/common/base $(COMMON_SRC) 2>/dev/null | grep -A1 '^File .common' || true

screenshot: all $(VENV)/ready ## the picture in README, of the page in a browser
	@BUILD=$(B) SCREENSHOT=compose/replicas.png $(VENV)/bin/python -m pytest tests/integration/test_page.py -k at_once

lint: ## banned calls, order of rooms, each header alone, layout, clang-tidy
	@tests/lint.py $(if $(CI),--strict)

format: ## clang-format over the tree
	clang-format -i $$(git ls-files '*.c' '*.h')

demo: ## the whole system on real data, started from nothing
	@compose/local/demo.sh

stop: ## end what make demo started
	@$(PYTHON) compose/local/demo.py stop

-include $(SRC:%.c=$(B)/%.d) $(UNIT_BIN:%=%.d) $(FUZZ_REPLAY:%=%.d)
