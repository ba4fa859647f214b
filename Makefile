.DEFAULT_GOAL := help
PYTHON_HERE := .venv/bin/python
READY := .venv/ready
CLASSES := .cache/classes.jsa
CODE := src/flatten src/rehearsal src/lambda conftest.py tests tools benchmarks
PROSE := README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md docs databricks.yml resources src benchmarks tools conftest.py

# Set up once, and again when a pin, a project file, a tool or a jar has changed or is missing.
$(READY): $(wildcard requirements/*.txt pyproject.toml src/lambda/pyproject.toml tools/*.sh tools/*_jars.py) \
          $(if $(wildcard .cache/jars/delta-spark*.jar),,force)
	@sh tools/set_up.sh
	@touch $@

.PHONY: force help setup demo test test-connect test-process test-spark test-fast lint bench bench-full bench-dlt bench-lambda docs torture lock clean
force:

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## install all requirements into .venv and .cache
	@sh tools/java.sh

demo: $(READY) ## run the whole pipeline on this machine: from a put into DynamoDB to a row
	@$(PYTHON_HERE) -m rehearsal $(ARGS)

# The Spark sessions of tests are too short for Java's second compiler, but use its first one early.
test test-%: export JAVA_TOOL_OPTIONS += -XX:TieredStopAtLevel=1 -XX:CompileThresholdScaling=0.5 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC
# Python starts a few hundred times: without cached byte code it would compile pandas and pyspark each time.
test test-%: export PYTHONDONTWRITEBYTECODE :=
test test-%: export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/bytecode
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
test: $(READY) ## run everything that CI runs, two processes at a time
	@$(MAKE) --no-print-directory -j2 $(SYNC) lint $(CLASSES)
	@$(MAKE) --no-print-directory -j2 $(SYNC) test-process test-connect test-spark test-fast

$(CLASSES): $(READY)
	@echo "Archiving the classes of Spark for its many starts in tests (a minute, once)"
	@PYTHONPATH=tests $(PYTHON_HERE) tools/class_archive.py $@

test-connect: $(CLASSES) ## run the job's end-to-end tests in Spark Connect
	@FLATTEN_SESSION=connect $(PYTHON_HERE) -m pytest -m connect

test-process: $(CLASSES) ## run the tests with the zip, an emulator or another Spark
	@$(PYTHON_HERE) -m pytest -m process

test-spark: $(CLASSES) ## run the other tests with Spark, in classic Spark
	@$(PYTHON_HERE) -m pytest -m "spark and not process"

test-fast: $(READY) ## run all other tests
	@$(PYTHON_HERE) -m pytest -m "not spark and not process"

lint: $(READY) ## check the code, types, spelling and plain words
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/codespell
	$(PYTHON_HERE) tools/words.py $(PROSE)
	$(PYTHON_HERE) -m mypy $(wildcard $(CODE))

bench: $(READY) ## run all benchmarks in about ten minutes
	@$(PYTHON_HERE) -m benchmarks $(ARGS)

bench-full: $(READY) ## run all benchmarks with the big tables, for an hour or two
	@$(PYTHON_HERE) -m benchmarks --full $(ARGS)

bench-dlt: $(READY) ## install dlt into .cache/dlt, so that `make bench` measures it, too
	@uv=$$(sh tools/uv.sh) && "$$uv" venv --quiet --clear --python $(PYTHON_HERE) .cache/dlt && \
	  "$$uv" pip install --quiet --require-hashes --python .cache/dlt -r requirements/bench.txt

bench-lambda: $(READY) ## run the benchmark of the Lambda
	@$(PYTHON_HERE) -m benchmarks.stream_to_s3 $(ARGS)

docs: $(READY) ## write the generated parts of docs/
	@$(PYTHON_HERE) tools/generated_docs.py

torture: $(READY) ## kill and restart the job over random files in random surroundings
	@PYTHONPATH=tests $(PYTHON_HERE) tools/torture.py $(ARGS)

lock: ## pin requirements/*.in in requirements/*.txt
	@sh tools/lock.sh $(ARGS)

clean: ## remove everything that make created
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build demo
