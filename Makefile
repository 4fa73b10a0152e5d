# make run    install what is missing, build, start the demo
# make test   install what the tests need, check, test everything, browsers included
# make check  format, lints, documentation, and whether each defence is found (part of make test)
# make web    bundle the test phone's page      make docs   build the book
# make sdk    build the SDK for pages, and test it
# make dtmf-hour   listen for keys in an hour of speech
# make bench  measure stages and process, ten minutes, into docs/PERFORMANCE.md
# make clean  remove what was built
# make compare   measure beside rtpengine, Kamailio and spandsp, and write the ratios to docs/PERFORMANCE.md and docs/load-testing.md
# make generator   what the load tester itself needs for each caller, beside sipp and Chromium, into docs/PERFORMANCE.md
# make flood   what floods of strangers and too many calls do, beside Kamailio, into docs/PERFORMANCE.md
# make interop   call with other people's phones and servers, and write what holds to docs/INTEROP.md
# make kill      kill the gateway 50 times (KILLS=) with 20 calls, and look what is left of each
# make comings   500 times (COMINGS=) a party comes to a conference of ten or goes, and nobody hears a click
# make defences  take defences of signalling, media and the gateway out, and see that the test of each fails, into docs/DEFENCES.md
# make pages     what a thousand idle pages cost, how soon a hundred that call are told, a hundred reloads and changes of address, and the time to set a call up
# make soak      calls for half an hour (SOAK_MINUTES=), and what is held meanwhile, into docs/PERFORMANCE.md
# make fuzz      fuzz every parser and state machine, each for an hour (FUZZ_SECONDS=), into docs/FUZZ.md
# make rest-fuzz   300 requests of each operation of the REST API by chance (REST_EXAMPLES=), beside those of make test
# make loom   check the jitter buffer's ring in every interleaving (part of make test)
# make weather   what loss and jitter do to the sound, in virtual time, as tables
# make narrow-band   measure what browsers should be asked for when the far side is G.711

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := run

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
CARGO := cargo
FUZZ_SECONDS ?= 3600
KILLS ?= 50
COMINGS ?= 500
REST_EXAMPLES ?= 300
SOAK_MINUTES ?= 30
LOCKED := --locked

WEB := gateway/web
WEB_SOURCES := $(shell find $(WEB)/src -type f) $(WEB)/build.mjs
DRIVER := gateway/tests/driver
SDK := sdk
# What a package manager writes when it is done.
WEB_MODULES := $(WEB)/node_modules/.package-lock.json
DRIVER_MODULES := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard $(DRIVER)/package-lock.json))

SDK_MODULES := $(SDK)/node_modules/.package-lock.json

# Where the browser tests find their tools.
export WEBTRUNK_TEST_NODE := $(TARGET)/tools/node/bin/node
export WEBTRUNK_TEST_PYTHON := $(TARGET)/tools/python/bin/python
export WEBTRUNK_TEST_DOTNET := $(TARGET)/tools/dotnet

.PHONY: run test dtmf-hour kill pages comings soak defences rest-fuzz check loom web sdk bench compare generator flood weather narrow-band interop fuzz docs clean setup-run setup-test setup-bench setup-compare setup-interop setup-fuzz

run: setup-run
	$(MAKE) web
	$(CARGO) run $(LOCKED) --release --package webtrunk -- demo

# What was installed has to be found: a test that lacks a tool fails.
test dtmf-hour kill comings rest-fuzz pages: export WEBTRUNK_TEST_TOOLS := required
# A call waits more than it works: fewer at a time leave both cores idle for most of it.
test: export RUST_TEST_THREADS := 16

test: setup-test
	$(MAKE) web
	$(MAKE) $(DRIVER_MODULES) sdk check
	scripts/test $(CARGO) test $(LOCKED) --workspace --no-fail-fast

dtmf-hour: setup-test
	WEBTRUNK_SPEECH_MINUTES=60 $(CARGO) test $(LOCKED) --release --package webtrunk-codecs --test codecs no_key_is_heard -- --nocapture

kill: setup-test
	$(MAKE) web
	WEBTRUNK_KILLS=$(KILLS) $(CARGO) test $(LOCKED) --workspace --test calls a_kill_leaves_each_call -- --nocapture

comings: setup-test
	$(MAKE) web
	WEBTRUNK_COMINGS=$(COMINGS) $(CARGO) test $(LOCKED) --workspace --test calls joins_and_leaves_of_a_conference -- --nocapture

rest-fuzz: setup-test
	$(MAKE) web
	WEBTRUNK_REST_EXAMPLES=$(REST_EXAMPLES) $(CARGO) test $(LOCKED) --workspace --test calls requests_that_are_made_of_the_document -- --nocapture

pages: setup-test
	$(MAKE) web $(DRIVER_MODULES)
	$(CARGO) test $(LOCKED) --release --workspace --test calls -- agents::json sdk::set_up sdk::survival browser_sipp::moved --ignored --nocapture --test-threads=1

check:
	scripts/defences --dry
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps --document-private-items

# An ordinary test: the ring is compiled into it with loom's atomics, so nothing is built anew.
loom:
	$(CARGO) test $(LOCKED) --package webtrunk-engine --test jitter_ring_loom

web: $(WEB)/dist/index.html

$(WEB)/dist/index.html: $(WEB_SOURCES) $(WEB_MODULES)
	cd $(WEB) && npm run --silent build

sdk: $(SDK_MODULES)
	cd $(SDK) && npm run --silent check

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --silent --no-audit --no-fund
	touch $@

bench: setup-bench
	$(MAKE) web
	$(CARGO) build $(LOCKED) --release --package webtrunk --package webtrunk-loadtest
	python3 scripts/bench --target $(TARGET)

compare: setup-compare
	$(MAKE) web
	$(CARGO) build $(LOCKED) --release --package webtrunk --package webtrunk-loadtest
	$(CARGO) build $(LOCKED) --release --package webtrunk-codecs --example conceal
	WEBTRUNK_PYTHON=$(WEBTRUNK_TEST_PYTHON) python3 scripts/compare --binaries $(TARGET)/release --json $(TARGET)/compare.json

generator: setup-test
	$(MAKE) web $(DRIVER_MODULES)
	$(CARGO) build $(LOCKED) --release --package webtrunk --package webtrunk-loadtest
	python3 scripts/generator --binaries $(TARGET)/release --json $(TARGET)/generator.json

soak: setup-bench
	$(MAKE) web
	$(CARGO) build $(LOCKED) --release --package webtrunk --package webtrunk-loadtest
	python3 scripts/soak --target $(TARGET) --minutes $(SOAK_MINUTES)

defences: setup-run
	scripts/defences --target $(TARGET)

flood: setup-compare
	$(MAKE) web
	$(CARGO) build $(LOCKED) --release --package webtrunk
	python3 scripts/flood --binaries $(TARGET)/release --json $(TARGET)/flood.json

weather: setup-test
	$(CARGO) bench $(LOCKED) --package webtrunk-benches --bench weather

narrow-band: setup-test
	$(MAKE) web
	$(MAKE) $(DRIVER_MODULES)
	$(CARGO) bench $(LOCKED) --package webtrunk --bench narrow_band

interop: setup-interop
	$(MAKE) web
	$(MAKE) $(DRIVER_MODULES)
	python3 scripts/interop

fuzz: setup-fuzz
	scripts/fuzz --seconds $(FUZZ_SECONDS) --tools $(TARGET)/tools

docs: $(TARGET)/tools/bin/mdbook
	$(TARGET)/tools/bin/mdbook build docs

$(TARGET)/tools/bin/mdbook:
	$(CARGO) install --locked --root $(TARGET)/tools mdbook@0.5.4

setup-run:
	scripts/setup run

setup-test:
	scripts/setup test

setup-bench:
	scripts/setup bench

setup-compare:
	scripts/setup compare

setup-interop:
	scripts/setup interop

setup-fuzz:
	scripts/setup fuzz

clean:
	$(CARGO) clean
	rm -rf $(WEB)/node_modules $(WEB)/dist/* $(DRIVER)/node_modules $(SDK)/node_modules $(SDK)/dist $(SDK)/build
