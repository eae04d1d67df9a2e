#!/usr/bin/env python3
"""Removes each `revert` of the contracts in turn, in a copy, and says which forge tests go red.

A removal that leaves every test green is a hole in the tests, or a check that another one makes unreachable: exit code 1. Takes one or two minutes each.
usage: scripts/remove-contract-checks.py [FILE below contracts/src, without .sol, or FILE:LINE]...
"""
import os, re, shutil, subprocess, sys, tempfile

REVERT = re.compile(r"revert [A-Z]\w*\([^;]*\);")

def sites(source, wanted):
    for folder, _, files in sorted(os.walk(source)):
        for name in sorted(files):
            path = os.path.join(folder, name)
            text = open(path).read()
            for found in REVERT.finditer(text):
                file = os.path.relpath(path, source)[: -len(".sol")]
                line = text.count("\n", 0, found.start()) + 1
                if not wanted or file in wanted or f"{file}:{line}" in wanted:
                    yield file, line, path, text, found

def main(wanted):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    survivors = []
    with tempfile.TemporaryDirectory() as copy:
        contracts = os.path.join(copy, "contracts")
        shutil.copytree(os.path.join(root, "contracts"), contracts, symlinks=True,
                        ignore=shutil.ignore_patterns("node_modules"))
        os.symlink(os.path.realpath(os.path.join(root, "contracts", "node_modules")), os.path.join(contracts, "node_modules"))
        os.symlink(os.path.join(root, "tests"), os.path.join(copy, "tests"))
        env = dict(os.environ, FOUNDRY_DENY="never", FOUNDRY_FUZZ_RUNS="64", FOUNDRY_INVARIANT_RUNS="8")
        for file, line, path, text, found in sites(os.path.join(contracts, "src"), wanted):
            with open(path, "w") as changed:
                changed.write(text[: found.start()] + "{ }" + text[found.end():])
            run = subprocess.run(["tools/forge", "test"], cwd=contracts, env=env, capture_output=True, text=True)
            output = run.stdout + run.stderr
            if "Compiler run failed" in output or "Error (" in output:
                raise SystemExit(f"{file}:{line}: does not compile without it\n{output[-3000:]}")
            red = sorted(set(re.findall(r"^\[FAIL[^\n]*\] (\w+)\(", output, re.M)))
            if run.returncode and not red:
                raise SystemExit(f"{file}:{line}: {output[-3000:]}")
            print(f"{file}:{line} {found.group().split('(')[0]}: {', '.join(red) or 'NO TEST GOES RED'}", flush=True)
            if not red:
                survivors.append(f"{file}:{line}")
            with open(path, "w") as back:
                back.write(text)
    if survivors:
        raise SystemExit(f"no test goes red without: {', '.join(survivors)}")

main(sys.argv[1:])
