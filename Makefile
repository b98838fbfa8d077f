# make help lists what there is. The two that matter: make run, make test.
SHELL       := /bin/bash
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X main.version=$(VERSION)
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.13.2
GOFUMPT     := mvdan.cc/gofumpt@v0.9.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4
FUZZTIME    ?= 10s
TESTFLAGS   ?=
export GOTOOLCHAIN := local

.DEFAULT_GOAL := help
.PHONY: help build run test race lint vuln gen verify bench bench-zones paging fuzz release clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./watchpost (the first time takes minutes: two engines are inside)
	go build -ldflags '$(LDFLAGS)' -o watchpost ./cmd/watchpost

run: build ## watch a lab of public systems on loopback; the wall is at http://127.0.0.1:9115/
	./watchpost lab

test: ## all tests; one whose Debian program is missing is skipped (WATCHPOST_REQUIRE_ALL=1: fails)
	go test $(TESTFLAGS) ./...

race: ## all tests with the race detector, none skipped (what CI runs)
	WATCHPOST_REQUIRE_ALL=1 $(MAKE) test TESTFLAGS='-race -timeout 30m'

lint: ## golangci-lint and gofumpt
	go run $(GOLANGCI) run ./...
	@out=$$(go run $(GOFUMPT) -l .); [ -z "$$out" ] || { echo "not gofumpt-clean:"; echo "$$out"; exit 1; }

vuln: ## govulncheck (needs the vulnerability database at vuln.go.dev)
	go run $(GOVULNCHECK) ./...

gen: ## write the generated files: dashboards, schemas, CONFIGURATION.md, metric table
	go run ./cmd/watchpost gen

verify: gen ## fail when a generated file is stale or go.mod untidy
	@git diff --exit-code -- . || { echo "A generated file is stale: run 'make gen' and commit."; exit 1; }
	@[ -z "$$(git ls-files --others --exclude-standard)" ] || { git ls-files --others --exclude-standard; echo "Files that git does not know: commit or ignore them."; exit 1; }
	go mod tidy -diff
	go mod verify

bench: ## measure against the peers and the bare protocol in one run; writes docs/BENCH.md
	go run ./bench

bench-zones: ## what a dns_zone check costs: 1,000 signed zones on NSD in a namespace; writes its part of docs/BENCH.md
	go run ./bench zones

paging: ## measure the time from a fault to the ringing phone; writes docs/PAGING.md (6 min)
	go test -tags measure ./cmd/watchpost -run TestTimeToRing -v -timeout 15m

fuzz: ## every fuzz target for FUZZTIME
	@for p in $$(grep -rl --include=*_test.go '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$p/*_test.go | sed 's/^func //'); do \
	    echo "== $$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

release: ## static binaries with checksums under dist/ (refuses an untagged or dirty tree)
	@git describe --exact-match --tags >/dev/null 2>&1 || { echo "no tag on HEAD: git tag v0.x.y first"; exit 1; }
	@[ -z "$$(git status --porcelain)" ] || { git status --short; echo "the tree has changes: commit first"; exit 1; }
	@mkdir -p dist
	@for a in amd64 arm64; do CGO_ENABLED=0 GOOS=linux GOARCH=$$a go build -trimpath -ldflags '$(LDFLAGS)' -o dist/watchpost-$(VERSION)-linux-$$a ./cmd/watchpost || exit 1; done
	cd dist && sha256sum watchpost-* > SHA256SUMS

clean: ## remove what was built
	rm -rf watchpost dist
