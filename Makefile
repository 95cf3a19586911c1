# drift-relay: `make` builds, `make help` lists the rest.
# Variables: CC CFLAGS LDFLAGS PREFIX DESTDIR SAN=address|undefined|thread|fuzz V=1 WERROR=1 TIER=name… KEEP=1
CC      ?= cc
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
VERSION := $(shell cat VERSION)

# One folder per compiler and sanitizer, so that switching never mixes objects.
cc_name := $(notdir $(firstword $(CC)))
BUILD   := build/$(if $(filter cc gcc,$(cc_name)),,$(cc_name)-)$(or $(SAN),release)
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

.PHONY: all simulator sim story pictures bench bench-programs fuzz fuzz-programs unit-programs headers tidy install help deps demo test lint format clean test-more coverage trust test-grafana dist deb sbom packages-test compose-test
all: $(BUILD)/drift-relay $(BUILD)/drift-model $(BUILD)/drift-train $(BUILD)/drift-app ## build (the default)

LIBRARIES := libmicrohttpd jansson libcurl libconfig libsodium sqlite3 gnutls libseccomp

# What this compiler takes and where the libraries are. It comes first in every build, so it also gets what is missing;
# the goals below compile nothing themselves.
ifneq ($(filter-out help deps test lint fuzz format clean coverage dist deb sbom packages-test compose-test,$(or $(MAKECMDGOALS),all)),)
include build/probed-$(cc_name).mk
endif
build/probed-$(cc_name).mk: tests/support/probe-flags.sh tests/support/deps.sh
	@sh tests/support/deps.sh build
	@mkdir -p build && CC='$(CC)' sh $< '$(LIBRARIES)' > $@.$$$$ && mv $@.$$$$ $@ || { rm -f $@.$$$$; exit 1; }

sanitizer_flags_address   := -fsanitize=address,undefined -fno-sanitize-recover=all
sanitizer_flags_undefined := -fsanitize=undefined -fno-sanitize-recover=all
sanitizer_flags_thread    := -fsanitize=thread
sanitizer_flags_fuzz      := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all # clang only
sanitizer := $(sanitizer_flags_$(SAN))
ifneq ($(SAN),)
ifeq ($(sanitizer),)
$(error SAN=$(SAN) is unknown: use SAN=address, SAN=undefined, SAN=thread or SAN=fuzz)
endif
endif

all_cflags := -std=c11 -D_GNU_SOURCE -I. -DDRIFT_RELAY_VERSION='"$(VERSION)"' $(PROBED_WARNINGS) \
	$(if $(WERROR),-Werror) $(CFLAGS) $(if $(SAN),-fno-omit-frame-pointer $(sanitizer),$(PROBED_HARDENING)) \
	-fno-common -fPIE -pthread $(PROBED_CFLAGS)
all_ldflags := -pie -Wl,-z,relro,-z,now -pthread $(sanitizer) $(LDFLAGS)

relay_sources := $(filter-out relay/main.c,$(wildcard relay/*.c relay/*/*.c))
relay_headers := $(wildcard relay/*.h relay/*/*.h)
relay_objects := $(relay_sources:%.c=$(BUILD)/%.o)
model_mains   := model/main.c model/train_main.c model/app_main.c
model_sources := $(filter-out $(model_mains),$(wildcard model/*.c model/*/*.c))
headers       := $(relay_headers) $(wildcard model/*.h model/*/*.h)
base_objects  := $(filter $(BUILD)/relay/base/%,$(relay_objects))
unit_programs := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
support_objects := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
c_files = $(shell find relay model tests -name '*.[ch]' 2>/dev/null)

# Products and sums are rounded apart, as numpy and scipy round them, so that scores come out alike.
$(BUILD)/model/%: all_cflags += -ffp-contract=off

$(BUILD)/%.o: %.c build/probed-$(cc_name).mk VERSION
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(all_cflags) -MMD -MP -c -o $@ $<

$(BUILD)/libbase.a: $(base_objects)
$(BUILD)/librelay.a: $(filter-out $(base_objects),$(relay_objects))
$(BUILD)/libmodel.a: $(model_sources:%.c=$(BUILD)/%.o)
$(BUILD)/%.a:
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/drift-relay: $(BUILD)/relay/main.o $(BUILD)/librelay.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

$(BUILD)/drift-model: $(BUILD)/model/main.o $(BUILD)/libmodel.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

# Only what trains needs liblinear.
$(BUILD)/drift-train $(BUILD)/tests/unit/test_train: PROBED_LIBS += -llinear
$(BUILD)/drift-train: $(BUILD)/model/train_main.o $(BUILD)/libmodel.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

$(BUILD)/drift-app: $(BUILD)/model/app_main.o $(BUILD)/libmodel.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

unit-programs: $(unit_programs)
$(unit_programs): $(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(support_objects) $(BUILD)/libmodel.a $(BUILD)/librelay.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS) -lcmocka

$(BUILD)/tests/stories/story: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/stories/*.c)) $(BUILD)/librelay.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

story: $(BUILD)/tests/stories/story
pictures: story ## draw the timelines of docs/engine.md anew
	$(Q)python3 tests/stories/draw.py $(BUILD)/tests/stories/story

# Programs of the bench: those with a main; the others are parts of `load` and `intake_loop`.
bench_parts    := body load_options
bench_programs := $(patsubst %.c,$(BUILD)/%,$(filter-out $(patsubst %,tests/bench/%.c,$(bench_parts) drift_off),$(wildcard tests/bench/*.c)))
$(bench_programs): $(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(bench_parts:%=$(BUILD)/tests/bench/%.o) $(BUILD)/libmodel.a $(BUILD)/librelay.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

# Linked with what it does not use, too.
$(BUILD)/tests/bench/empty: all_ldflags += -Wl,--no-as-needed

# The model server, whose predictions go nowhere.
$(BUILD)/tests/bench/drift_off: $(BUILD)/model/main.o $(BUILD)/tests/bench/drift_off.o $(BUILD)/libmodel.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -Wl,--wrap=monitor_observe -o $@ $^ $(PROBED_LIBS)

bench-programs: $(bench_programs) $(BUILD)/tests/bench/drift_off
bench: all bench-programs ## what things cost, beside what they could cost, as ratios within one run: ROWS=intake,latency…
	@sh tests/support/deps.sh test programs
	@RELAY_BIN='$(abspath $(BUILD))/drift-relay' python3 -m tests.bench.run '$(abspath $(BUILD))' $(ROWS)

sim_objects := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c))
simulator: $(BUILD)/tests/sim/sim
$(BUILD)/tests/sim/sim: $(sim_objects) $(BUILD)/librelay.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -o $@ $^ $(PROBED_LIBS)

sim: simulator ## histories by chance against the model: N=1000 SEED=1 LENGTH=120 STORE=sqlite EVENTS=…
	$(BUILD)/tests/sim/sim $(if $(EVENTS),--histories 1 --events '$(EVENTS)',--histories $(or $(N),1000)) \
	    --seed $(or $(SEED),1) --length $(or $(LENGTH),120) $(if $(STORE),--store $(STORE))

fuzz_programs := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz-programs: $(fuzz_programs)
$(fuzz_programs): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libmodel.a $(BUILD)/librelay.a $(BUILD)/libbase.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(all_ldflags) -fsanitize=fuzzer -o $@ $^ $(PROBED_LIBS)

fuzz: ## libFuzzer on every parser of bytes from outside: TIME=20 TARGET=infer
	@sh tests/support/deps.sh build test
	+@$(MAKE) CC=clang SAN=fuzz BUILD=build/clang-fuzz fuzz-programs
	@tests/fuzz/run.sh build/clang-fuzz $(or $(TIME),20) $(TARGET)

# Each header is enough by itself.
headers: $(headers:%=$(BUILD)/%.alone)
$(BUILD)/%.h.alone: %.h $(headers)
	$(Q)mkdir -p $(@D) && printf '#include "%s"\ntypedef int not_empty;\n' $< | \
	    $(CC) $(all_cflags) -fsyntax-only -x c - && touch $@

# One process for each file: clang-tidy 14 sees false va_list errors when it gets several.
tidy: $(patsubst %.c,$(BUILD)/%.tidy,$(wildcard relay/main.c) $(model_mains) $(relay_sources) $(model_sources))
$(BUILD)/%.tidy: %.c $(headers) .clang-tidy tests/lint/tidy.sh
	$(Q)tests/lint/tidy.sh $< $(all_cflags) && mkdir -p $(@D) && touch $@

analyzer: ## gcc -fanalyzer on every source, whose known false alarms are listed
	@tests/lint/gcc_analyzer.sh $(all_cflags)

# valgrind takes the fortified memmove for memcpy.
memcheck: ## the unit tests under valgrind: none but those that replace the allocator
	@sh tests/support/deps.sh test memcheck
	+@$(MAKE) --no-print-directory BUILD=build/memcheck CFLAGS='-O1 -g' PROBED_HARDENING= unit-programs
	@bash tests/memcheck.sh build/memcheck

# Units name /usr/bin, and are installed with $(PREFIX)/bin.
UNITDIR ?= $(PREFIX)/lib/systemd/system
bindir  := $(DESTDIR)$(PREFIX)/bin
share   := $(DESTDIR)$(PREFIX)/share
library := $(DESTDIR)$(PREFIX)/lib
install: all ## install under PREFIX (/usr/local), below DESTDIR
	install -d '$(bindir)' '$(share)/drift-relay'
	install -m 755 $(BUILD)/drift-relay $(BUILD)/drift-model $(BUILD)/drift-train $(BUILD)/drift-app '$(bindir)'
	for page in $(wildcard docs/man/*.[1-8]); do \
	    install -D -m 644 "$$page" '$(share)/man'/man"$${page##*.}/$${page##*/}" || exit; done
	for unit in relay model app; do \
	    install -D -m 644 config/systemd/drift-$$unit.service '$(DESTDIR)$(UNITDIR)/'drift-$$unit.service && \
	    sed -i 's|/usr/bin/|$(PREFIX)/bin/|' '$(DESTDIR)$(UNITDIR)/'drift-$$unit.service || exit; done
	for unit in relay model; do \
	    install -D -m 644 config/systemd/drift-$$unit.sysusers '$(library)/sysusers.d/'drift-$$unit.conf && \
	    install -D -m 644 config/systemd/drift-$$unit.tmpfiles '$(library)/tmpfiles.d/'drift-$$unit.conf || exit; done
	for program in relay model train app; do \
	    install -D -m 644 config/completion/drift-relay '$(share)/bash-completion/completions/'drift-$$program || exit; done
	cp -R config grafana prometheus '$(share)/drift-relay'
	rm -r '$(share)/drift-relay/config/completion' '$(share)/drift-relay/config/systemd'/*.service \
	    '$(share)/drift-relay/config/systemd'/*.sysusers '$(share)/drift-relay/config/systemd'/*.tmpfiles

demo: all ## the main job end to end on loopback, with real Prometheus and Alertmanager; KEEP=1 leaves it up
	@sh tests/support/deps.sh demo programs
	@RELAY_BIN='$(abspath $(BUILD))/drift-relay' tests/demo/run

test: ## everything that CI runs; TIER=unit runs one tier
	@sh tests/support/deps.sh build test programs
	+@bash tests/run.sh $(TIER)

# MUTANTS=n: a sample; FILE=window.c: one file's. SCORES=n: so many cases against scipy.
test-more: $(BUILD)/drift-model $(BUILD)/drift-train ## the long checks: scores against scipy; real clients; mutants of the engine, each of which a test must notice
	@python3 tests/scipy/scores.py $< --cases $(or $(SCORES),10000)
	@RELAY_BIN='$(abspath $(BUILD))/drift-relay' python3 -m tests.clients.clients
	@python3 -m tests.deploy.linters
	+@$(MAKE) --no-print-directory analyzer memcheck coverage packages-test compose-test
	@python3 tests/mutants/mutants.py $(if $(MUTANTS),--sample $(MUTANTS)) $(if $(FILE),--file $(FILE)) \
	    -- $(CC) $(all_cflags) -- $(all_ldflags) $(PROBED_LIBS)

coverage: ## lines of the engine, the parsers, the store and the GitHub part that tests run; below FLOOR (95) % is an error
	+@$(MAKE) --no-print-directory BUILD=build/coverage CFLAGS='-O1 --coverage -fprofile-update=atomic' LDFLAGS=--coverage \
	    all unit-programs simulator
	@tests/coverage.sh build/coverage

trust: all unit-programs simulator bench-programs ## the faults and attacks of `make test` in their long form, about an hour; writes docs/trust.md
	@sh tests/support/deps.sh test programs
	@python3 -m tests.trust.run $(BUILD) $(STEPS)

test-grafana: all ## the scenarios of tests/e2e/grafana against a real Grafana >= 12.3: GRAFANA_HOME=… [GRAFANA_BIN=…]
	@sh tests/support/deps.sh test programs
	@[ -n '$(GRAFANA_HOME)' ] || echo 'GRAFANA_HOME is not set: no real Grafana is asked, only the stand-in' >&2
	@GRAFANA_HOME='$(GRAFANA_HOME)' GRAFANA_BIN='$(GRAFANA_BIN)' RELAY_BIN='$(abspath $(BUILD))/drift-relay' \
	    /usr/bin/python3 -m pytest -q -rs -s tests/e2e/grafana

lint: ## only the lint tier
	+@$(MAKE) test TIER=lint

format: ## clang-format all C files
	clang-format -i $(c_files)

deps: ## get every library and program that the other targets use
	@sh tests/support/deps.sh build demo test programs

# What git knows, and nothing else, so that a package is of a commit.
dist: ## the source as build/dist/drift-relay-VERSION.tar.gz
	mkdir -p build/dist
	git archive --format=tar.gz --prefix=drift-relay-$(VERSION)/ -o build/dist/drift-relay-$(VERSION).tar.gz HEAD

deb: dist ## Debian packages of HEAD in build/dist
	@sh tests/support/deps.sh build deb
	rm -rf build/deb-source && mkdir -p build/deb-source
	tar -C build/deb-source -xzf build/dist/drift-relay-$(VERSION).tar.gz
	cd build/deb-source/drift-relay-$(VERSION) && cp -R docker/debian debian && dpkg-buildpackage -us -uc -b
	mv build/deb-source/*.deb build/deb-source/*.buildinfo build/deb-source/*.changes build/dist/

sbom: deb ## what the packages are made of, as CycloneDX in build/dist
	python3 docker/sbom.py build/dist > build/dist/drift-relay-$(VERSION).cdx.json

packages-test: sbom ## lintian and the SBOM of the packages; install, upgrade, purge in a chroot
	lintian --fail-on error,warning build/dist/*.changes
	@python3 -m tests.deploy.bill
	@tests/deploy/packages.sh

compose-test: ## docker/compose.yml's images and containers, through the loop
	@sh tests/support/deps.sh containers
	@python3 -m tests.deploy.containers

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^# Variables/Variables/p; s/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
