#!/usr/bin/env python3
"""Removes each `revert` of the contracts in turn, in a copy, and says which forge tests go red.

The copy is compiled once: every `revert` goes if the block's beneficiary has its number, and each run of the tests has another beneficiary. That takes minutes
for the compiler and then some seconds a removal. A removal that leaves every test green is a hole in the tests, or a check that another one makes unreachable:
exit code 1.
usage: scripts/remove-contract-checks.py [FILE below contracts/src, without .sol, or FILE:LINE]...
"""
import os, re, shutil, subprocess, sys, tempfile

REVERT = re.compile(r"revert [A-Z]\w*\([^;]*\);")
# No account of the tests; the number is added to it.
BENEFICIARY = 0xfa17_0000

def files(folder):
    for found, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name.endswith(".sol"):
                yield os.path.join(found, name)

def make_removable(source):
    """Rewrites the sources; returns (file, line, error) of each number, from 1."""
    removals = []
    for path in files(source):
        text = open(path).read()
        def switched(found):
            file = os.path.relpath(path, source)[: -len(".sol")]
            removals.append((file, text.count("\n", 0, found.start()) + 1, found.group().split("(")[0]))
            return f"{{ if (uint160(address(block.coinbase)) != {BENEFICIARY + len(removals)}) {found.group()} }}"
        changed = REVERT.sub(switched, text)
        with open(path, "w") as out:
            out.write(changed)
    return removals

def forge(contracts, number):
    """The tests that fail without that `revert`; number 0 removes none."""
    env = dict(os.environ, FOUNDRY_DENY="never", FOUNDRY_FUZZ_RUNS="64", FOUNDRY_INVARIANT_RUNS="8")
    beneficiary = f"0x{BENEFICIARY + number:040x}"
    run = subprocess.run(["tools/forge", "test", "--block-coinbase", beneficiary], cwd=contracts, env=env, capture_output=True, text=True)
    red = sorted(set(re.findall(r"^\[FAIL[^\n]*\] (\w+)\(", run.stdout, re.M)))
    if run.returncode and not red or " tests passed" not in run.stdout:
        raise SystemExit((run.stdout + run.stderr)[-3000:])
    return red

def main(wanted):
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    survivors = []
    with tempfile.TemporaryDirectory() as copy:
        contracts = os.path.join(copy, "contracts")
        shutil.copytree(os.path.join(root, "contracts"), contracts, ignore=shutil.ignore_patterns("node_modules", "out", "cache"))
        os.symlink(os.path.realpath(os.path.join(root, "contracts", "node_modules")), os.path.join(contracts, "node_modules"))
        os.symlink(os.path.join(root, "tests"), os.path.join(copy, "tests"))
        removals = make_removable(os.path.join(contracts, "src"))
        # What asks for the beneficiary is not pure.
        for path in (*files(os.path.join(contracts, "src")), *files(os.path.join(contracts, "test"))):
            text = open(path).read()
            with open(path, "w") as out:
                out.write(re.sub(r"\bpure\b", "view", text))
        red = forge(contracts, 0)
        if red:
            raise SystemExit(f"red with every check in place: {', '.join(red)}")
        for number, (file, line, error) in enumerate(removals, 1):
            if wanted and file not in wanted and f"{file}:{line}" not in wanted:
                continue
            red = forge(contracts, number)
            print(f"{file}:{line} {error}: {', '.join(red) or 'NO TEST GOES RED'}", flush=True)
            if not red:
                survivors.append(f"{file}:{line}")
    if survivors:
        raise SystemExit(f"no test goes red without: {', '.join(survivors)}")

main(sys.argv[1:])
