#!/usr/bin/env python3
"""Removes each `revert` of the contracts in turn, in a copy, and says which forge tests go red.

What lies outside verifier/ is compiled once: every `revert` goes if the block's beneficiary has its number, and each run of the tests has another beneficiary: minutes
for the compiler and then some seconds a removal. So changed, the verifier itself is too deep for the compiler's stack: it is compiled again for each of its removals,
one or two minutes each. A removal that leaves every test green is a hole in the tests, or a check that another one makes unreachable: exit code 1.
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

def read(path):
    with open(path) as text:
        return text.read()

def write(path, text):
    with open(path, "w") as out:
        out.write(text)

class Site:
    """One `revert`."""
    def __init__(self, source, path, text, found):
        self.path, self.span, self.statement = path, found.span(), found.group()
        self.file = os.path.relpath(path, source)[: -len(".sol")]
        self.line = text.count("\n", 0, found.start()) + 1

    def __str__(self):
        return f"{self.file}:{self.line}"

    def is_wanted(self, wanted):
        return not wanted or self.file in wanted or str(self) in wanted

def sites(contracts):
    source = os.path.join(contracts, "src")
    for path in files(source):
        text = read(path)
        for found in REVERT.finditer(text):
            yield Site(source, path, text, found)

def forge(contracts, beneficiary=0):
    """The tests that fail."""
    env = dict(os.environ, FOUNDRY_DENY="never", FOUNDRY_FUZZ_RUNS="64", FOUNDRY_INVARIANT_RUNS="8")
    command = ["tools/forge", "test", "--block-coinbase", f"0x{beneficiary:040x}"]
    run = subprocess.run(command, cwd=contracts, env=env, capture_output=True, text=True)
    red = sorted(set(re.findall(r"^\[FAIL[^\n]*\] (\w+)\(", run.stdout, re.M)))
    if run.returncode and not red or not re.search(r"\d+ tests passed", run.stdout):
        raise SystemExit((run.stdout + run.stderr)[-3000:])
    return red

def switched(contracts, wanted):
    """Removes one after the other by the beneficiary."""
    removals = list(sites(contracts))
    for path in {site.path for site in removals}:
        text = read(path)
        of_file = [(number, site) for number, site in enumerate(removals, 1) if site.path == path]
        for number, site in reversed(of_file):
            begin, end = site.span
            switch = f"{{ if (uint160(address(block.coinbase)) != {BENEFICIARY + number}) {site.statement} }}"
            text = text[:begin] + switch + text[end:]
        write(path, text)
    # What asks for the beneficiary is not pure.
    for path in (*files(os.path.join(contracts, "src")), *files(os.path.join(contracts, "test"))):
        write(path, re.sub(r"\bpure\b", "view", read(path)))
    red = forge(contracts, BENEFICIARY)
    if red:
        raise SystemExit(f"red with every check in place: {', '.join(red)}")
    for number, site in enumerate(removals, 1):
        if site.is_wanted(wanted):
            yield site, forge(contracts, BENEFICIARY + number)

def compiled_again(contracts, wanted):
    """Removes one after the other from the source."""
    for site in list(sites(contracts)):
        if site.file.startswith("verifier") and site.is_wanted(wanted):
            text = read(site.path)
            begin, end = site.span
            write(site.path, text[:begin] + "{ }" + text[end:])
            yield site, forge(contracts)
            write(site.path, text)

def copied(folder, name, keeps):
    """A copy of the contracts with the sources and tests that `keeps` takes, given whether they are the verifier's."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    contracts = os.path.join(folder, name, "contracts")
    shutil.copytree(os.path.join(root, "contracts"), contracts, ignore=shutil.ignore_patterns("node_modules", "out", "cache"))
    os.symlink(os.path.realpath(os.path.join(root, "contracts", "node_modules")), os.path.join(contracts, "node_modules"))
    os.symlink(os.path.join(root, "tests"), os.path.join(folder, name, "tests"))
    for part in ("src", "test"):
        for path in files(os.path.join(contracts, part)):
            if not keeps(part, os.path.relpath(path, os.path.join(contracts, part)).startswith("verifier")):
                os.remove(path)
    return contracts

def main(wanted):
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        rest = copied(folder, "rest", lambda part, verifier: not verifier)
        verifier = copied(folder, "verifier", lambda part, verifier: part == "src" or verifier)
        removed = []
        if any(site.is_wanted(wanted) for site in sites(rest)):
            removed.append(switched(rest, wanted))
        removed.append(compiled_again(verifier, wanted))
        for group in removed:
            for site, red in group:
                print(f"{site} {site.statement.split('(')[0]}: {', '.join(red) or 'NO TEST GOES RED'}", flush=True)
                if not red:
                    survivors.append(str(site))
    if survivors:
        raise SystemExit(f"no test goes red without: {', '.join(survivors)}")

main(sys.argv[1:])
