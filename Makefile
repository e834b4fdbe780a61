# The only commands anyone needs to know. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Which benchmarks `make bench` runs: one pattern or several.
FILTER ?= *

# A configuration file for `make run`; without one, ./tollgate.json if it is there, else the defaults.
CONFIG ?=

NATIVE  := src/Tollgate.Store/native/node_modules/.package-lock.json
CLIENTS := tests/Tollgate.EndToEnd/clients/node_modules/.package-lock.json
SOAK    := artifacts/bin/Tollgate.Soak/release/Tollgate.Soak.dll
BENCH   := dotnet artifacts/bin/Tollgate.Benchmarks/release/Tollgate.Benchmarks.dll
LEDGER  := $(if $(SCENARIO),$(filter everything soak,$(SCENARIO))$(EVERYTHING),set)
LOAD    := dotnet artifacts/bin/Tollgate.LoadTest/release/Tollgate.LoadTest.dll
CHARTS  := demo/pictures/node_modules/.package-lock.json
DEMO    := dotnet artifacts/bin/Tollgate.Demo/release/Tollgate.Demo.dll
BUILD   := dotnet build -c Release -v quiet -clp:NoSummary --nologo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(NATIVE) ## build what is missing and start the gateway with the embedded store (CONFIG=file.json)
	@echo "[2/3] building the gateway and its store (about half a minute the first time)"
	@$(BUILD) src/Tollgate.Store
	@$(BUILD) src/Tollgate
	@echo "[3/3] starting"
	@exec artifacts/bin/Tollgate/release/tollgate serve $(if $(CONFIG),--config $(CONFIG))

build: ## build everything; warnings are errors
	@$(BUILD) Gateway.sln

test: $(NATIVE) $(CLIENTS) ## every test: units, the real engine, the real clients, end to end
	@$(BUILD) Gateway.sln
	@deploy/dist.sh
	@tests/run.sh

format: ## rewrite the sources in the house's format
	@dotnet format Gateway.sln

check: ## what must pass before handing over: format, build, the repository's own rules
	@dotnet format Gateway.sln --verify-no-changes
	@$(BUILD) Gateway.sln
	@tests/run.sh Tollgate.Tests

soak: $(NATIVE) ## kill gateway and store ROUNDS times under load and compare the ledger (ROUNDS=1000 SEED=, MINUTES=, STORE=embedded)
	@$(BUILD) src/Tollgate.Store
	@$(BUILD) src/Tollgate
	@$(BUILD) tests/Tollgate.Soak
	@exec dotnet $(SOAK) kill $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(STORE),--store $(STORE))

soak-outage: $(NATIVE) ## take the store away for MINUTES=10 at RATE=2000 calls a second, bring it back, measure
	@$(BUILD) src/Tollgate.Store
	@$(BUILD) src/Tollgate
	@$(BUILD) tests/Tollgate.Soak
	@exec dotnet $(SOAK) outage $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE))

approve: $(NATIVE) ## accept changed routes, configuration keys, metrics, log ids, schema and generated docs, for review in the diff
	@$(BUILD) Gateway.sln
	@TOLLGATE_APPROVE=1 tests/run.sh Tollgate.Proxy.Tests Tollgate.ClickHouse.Tests Tollgate.Demo.Tests Tollgate.Tests

bench: ## every benchmark, held against its promise and the baseline (about 3 minutes; FILTER='*Sse* *Metrics*', UPDATE=1 writes bench/results)
	@$(BUILD) bench/Tollgate.Benchmarks
	@$(BENCH) gate "$$(git rev-parse --short HEAD)" '$(FILTER)' $(if $(UPDATE),update)

bench-smoke: ## every benchmark once, so that none rots
	@$(BUILD) bench/Tollgate.Benchmarks
	@$(BENCH) --filter '*' --job dry --artifacts artifacts/bench

bench-sync: ## what each interval of spool.syncInterval costs (about a minute)
	@$(BUILD) bench/Tollgate.Benchmarks
	@$(BENCH) sync-interval

loadtest: $(if $(LEDGER),$(NATIVE)) ## open-model load beside plain proxies and the targets held against it, under 15 minutes (SCENARIO=turn EVERYTHING=1 RATE=1000 SECONDS=10 PEERS=direct,tollgate,nginx ROUNDS=3; ARGS=--help)
	@$(if $(LEDGER),$(BUILD) src/Tollgate.Store)
	@$(BUILD) src/Tollgate
	@$(BUILD) loadtest/Tollgate.LoadTest
	@$(BUILD) loadtest/peers/Yarp
	@exec $(LOAD) $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(EVERYTHING),--everything) $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PEERS),--peers $(PEERS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(ARGS)

demo: $(NATIVE) ## a month of a simulated team's history, then live traffic, without any provider key (SPEED=2 SECONDS=20 DAYS=30 SEED=; ARGS=--help)
	@echo "building the gateway, its store and the simulated team (about a minute the first time)"
	@$(BUILD) src/Tollgate.Store
	@$(BUILD) src/Tollgate
	@$(BUILD) demo/Tollgate.Demo
	@exec $(DEMO) run $(if $(SPEED),--speed $(SPEED)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(DAYS),--days $(DAYS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

dashboards: $(NATIVE) $(CHARTS) ## draw docs/pictures from the dashboards' own queries against a running demo (about three minutes)
	@$(BUILD) src/Tollgate.Store
	@$(BUILD) src/Tollgate
	@$(BUILD) demo/Tollgate.Demo
	@exec demo/pictures/run.sh

dist: $(NATIVE) ## dist/tollgate, a self-contained folder for linux-x64, and an archive of it (about 2 minutes, 1 GB)
	@deploy/dist.sh --archive

clean: ## remove build output; keeps data/ and node_modules/
	@rm -rf artifacts

$(NATIVE): src/Tollgate.Store/native/package-lock.json
	@echo "[1/3] fetching the ClickHouse engine (libchdb, 178 MB packed, 566 MB on disk)"
	@npm ci --prefix $(@D)/.. --no-audit --no-fund --loglevel=error
	@touch $@

$(CHARTS): demo/pictures/package-lock.json
	@echo "fetching the chart library for the pictures (echarts)"
	@npm ci --prefix $(@D)/.. --no-audit --no-fund --loglevel=error
	@touch $@

$(CLIENTS): tests/Tollgate.EndToEnd/clients/package-lock.json
	@echo "fetching the clients for the end-to-end tests (Claude Code and Anthropic's SDK)"
	@npm ci --prefix $(@D)/.. --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: help run build test format check soak soak-outage approve bench bench-smoke bench-sync loadtest demo dashboards dist clean
