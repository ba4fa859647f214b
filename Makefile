.DEFAULT_GOAL := help
PYTHON_HERE := .venv/bin/python
READY := .venv/ready
CLASSES := .cache/classes.jsa
CODE := src/flatten src/rehearsal src/lambda conftest.py tests tools benchmarks
PROSE := README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md docs databricks.yml resources

# Set-up is done once, and again when a pin, a project file, a tool of it or a jar is another one or gone.
$(READY): $(wildcard requirements/*.txt pyproject.toml src/lambda/pyproject.toml tools/*.sh tools/*_jars.py) \
          $(if $(wildcard .cache/jars/delta-spark*.jar),,again)
	@sh tools/set_up.sh
	@touch $@

.PHONY: again help setup demo test test-connect test-process test-spark test-fast lint bench bench-full bench-dlt bench-lambda docs torture lock clean
again:

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## install what the rest needs into .venv and .cache
	@sh tools/java.sh

demo: $(READY) ## the whole pipeline on this machine: from a put into DynamoDB to a row
	@$(PYTHON_HERE) -m rehearsal $(ARGS)

# The Spark sessions of tests are too short for Java's second compiler to pay; what runs often is worth the first one soon.
test test-%: export JAVA_TOOL_OPTIONS += -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.5 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC
# Python is started a few hundred times: without kept byte code it compiles pandas and pyspark each time anew.
test test-%: export PYTHONDONTWRITEBYTECODE :=
test test-%: export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/bytecode
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
test: $(READY) ## everything that CI runs, two processes at a time
	@$(MAKE) --no-print-directory -j2 $(SYNC) lint $(CLASSES)
	@$(MAKE) --no-print-directory -j2 $(SYNC) test-process test-connect test-spark test-fast

$(CLASSES): $(READY)
	@echo "Archiving the classes of Spark for its many starts in tests (a minute, once)"
	@PYTHONPATH=tests $(PYTHON_HERE) tools/class_archive.py $@

test-connect: $(CLASSES) ## the job's end-to-end tests in Spark Connect
	@FLATTEN_SESSION=connect $(PYTHON_HERE) -m pytest -m connect

test-process: $(CLASSES) ## what runs the zip, an emulator or a Spark of its own
	@$(PYTHON_HERE) -m pytest -m process

test-spark: $(CLASSES) ## the rest of what needs Spark, in classic Spark
	@$(PYTHON_HERE) -m pytest -m "spark and not process"

test-fast: $(READY) ## the rest
	@$(PYTHON_HERE) -m pytest -m "not spark and not process"

lint: $(READY) ## ruff, mypy, spelling and plain words
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/codespell
	$(PYTHON_HERE) tools/words.py $(PROSE)
	$(PYTHON_HERE) -m mypy $(wildcard $(CODE))

bench: $(READY) ## everything measured side by side, as ratios, in about ten minutes
	@$(PYTHON_HERE) -m benchmarks $(ARGS)

bench-full: $(READY) ## the same with the big tables, for an hour or two
	@$(PYTHON_HERE) -m benchmarks --full $(ARGS)

bench-dlt: $(READY) ## install dlt into .cache/dlt, so that `make bench` measures it, too
	@uv=$$(sh tools/uv.sh) && "$$uv" venv --quiet --clear --python $(PYTHON_HERE) .cache/dlt && \
	  "$$uv" pip install --quiet --require-hashes --python .cache/dlt -r requirements/bench.txt

bench-lambda: $(READY) ## the Lambda alone, measured
	@$(PYTHON_HERE) -m benchmarks.stream_to_s3 $(ARGS)

docs: $(READY) ## write the generated parts of docs/ anew
	@$(PYTHON_HERE) tools/generated_docs.py

torture: $(READY) ## kill and restart the job for a long time
	@PYTHONPATH=tests $(PYTHON_HERE) tools/torture.py $(ARGS)

lock: ## pin requirements/*.in anew into requirements/*.txt
	@sh tools/lock.sh $(ARGS)

clean: ## remove all that make put here
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build demo
