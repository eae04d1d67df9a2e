#!/usr/bin/env python3
"""Removes each of the verifier's checks and observations in turn, in a copy, and says which tests go red.

A removal that leaves every test green is a hole in the tests: exit code 1. After the first test program with a red test the
rest are left out, unless --all is given. Takes about a minute each, with --all three on a busy machine.
usage: scripts/remove-checks.py [--all] [NAME...]
"""
import os, re, subprocess, sys, tempfile

# (name, [(file below engine-circuit/src, text, replacement)]); both sides are changed where both would be.
REMOVALS = [
('mask',[('verify.rs','if let Some(number) = statement.illegal_move() {','if let Some(number) = statement.illegal_move().filter(|_| false) {')]),
('max moves',[('shape.rs','MAX_MOVES: usize = 256','MAX_MOVES: usize = 512')]),
('root numerator',[('argument/lookups.rs','if n0 * d1 + n1 * d0 != Ext::ZERO {','if false {')]),
('root denominator',[('argument/lookups.rs','if d0 * d1 == Ext::ZERO {','if false {')]),
('level gate',[('argument/lookups.rs','} else if gate(children, mix) != claim {','} else if false && gate(children, mix) != claim {')]),
('leaf numerator',[('argument/columns.rs','if numerator != Ext::ZERO {','if false {')]),
('leaf denominator',[('argument/columns.rs','if denominator != Ext::ZERO {','if false {')]),
('linear weights',[('argument/linear.rs','if (weight + skip_weight) * input != claim {','if false {')]),
('linear source',[('argument/linear.rs','if matrix * (source + planes) != claim {','if false {')]),
('merkle root',[('commitment/verify.rs','Ok((found == Some(root)).then_some(rows))','let _ = (found, root); Ok(Some(rows))')]),
('last word',[('commitment/verify.rs','if on_table != fold {','if false {')]),
('final claim',[('commitment/verify.rs','if total * table_value == last_value {','if true {')]),
('trailing',[('channel.rs','            0 => Ok(()),\n            rest => Err(ChannelError::Trailing(rest)),','            _ => Ok(()),')]),
('canonical',[('field.rs','(value < P).then(|| Val::from_u32(value))','Some(Val::from_u32(value % P))')]),
('grinding',[('channel.rs','if self.transcript.check_grind(bits, nonce) {','if self.transcript.check_grind(bits, nonce) || true {')]),
('siblings left over',[('commitment/merkle.rs','if siblings.next().is_some() {','if false {')]),
('observe digest',[('verify.rs','    transcript.observe(digest.as_bytes());\n','')]),
('observe statement',[('verify.rs','    transcript.observe(&statement.to_bytes());\n','')]),
('observe elements',[('channel.rs','        self.transcript.observe(&self.bytes[start..]);\n',''),('channel.rs','            .collect::<Result<_, _>>()?;\n        self.transcript.observe(bytes);','            .collect::<Result<_, _>>()?;')]),
('observe root',[('channel.rs','        self.transcript.observe(root);\n',''),('channel.rs','        let bytes = self.take(NODE_BYTES)?;\n        self.transcript.observe(bytes);','        let bytes = self.take(NODE_BYTES)?;')]),
('weights point claim',[('verify.rs','        powers_eval(weights_point(&key.root), point) + batch','        Ext::ZERO * powers_eval(weights_point(&key.root), point) + batch'),('verify.rs','factor * (key.value + batch * linear.weight)','factor * batch * linear.weight'),('prove.rs','powers(z, factor, folds)','powers(z, factor * Ext::ZERO, folds)'),('prove.rs','factor * (key.value + batch * linear.weight)','factor * batch * linear.weight')]),
('weights eval claim',[('verify.rs',' + batch * eq_eval(point, &linear.weight_point)',''),('verify.rs','factor * (key.value + batch * linear.weight)','factor * key.value'),('prove.rs','scaled(eq_table(high), factor * batch)','scaled(eq_table(high), batch * Ext::ZERO)'),('prove.rs','factor * (key.value + batch * linear.weight)','factor * key.value')]),
('query claims',[('commitment/verify.rs','            value += factor * fold;\n            added.push(Added { stage_start, y: ext(y), factor });','            let _ = (fold, y);'),('commitment/open.rs','            claim += factor * fold;\n            added.push((y.into(), factor));','            let _: (Ext, Ext) = (y.into(), fold);')]),
('word out of domain',[('commitment/verify.rs','        value += factor * out_of_domain;\n        added.push(Added { stage_start, y: z, factor });','        let _ = (z, out_of_domain);'),('commitment/open.rs','        claim += factor * value;\n        let mut added = vec![(z, factor)];','        let mut added: Vec<(Ext, Ext)> = Vec::new();')]),
('joint: weights in the sum',[('verify.rs','weights_claim(factor, batch)]','weights_claim(Ext::ZERO, batch)]'),('verify.rs','_ => factor * weights_at(point, batch),','_ => Ext::ZERO,'),('prove.rs','weight_groups(factor, batch,','weight_groups(Ext::ZERO, batch,'),('prove.rs','weights_opened(&groups, factor, batch)','weights_opened(&groups, Ext::ZERO, batch)')]),
('joint: batching of both',[('verify.rs','claims.batch.exp_u64(WITNESS_CLAIMS as u64)','claims.batch.exp_u64(0 * WITNESS_CLAIMS as u64)'),('prove.rs','claims.batch.exp_u64(WITNESS_CLAIMS as u64)','claims.batch.exp_u64(0 * WITNESS_CLAIMS as u64)')]),
('joint: the shorter is followed by zeros',[('commitment/verify.rs','total += factor * followed_by_zeros * weight(','total += factor * weight(')]),
('profile in the transcript',[('verify.rs','b"fairmate chain proof 2"','b"fairmate proof 2"')]),
]
REMOVALS += [
('stated values',[('argument/packing.rs','values: std::array::from_fn(|_| next()),','values: [Ext::ZERO; VALUE_PLANES],')]),
('noise of the moves',[('argument/columns.rs','noise -= at * Ext::from_i32(added);','let _ = at * Ext::from_i32(added);')]),
('noise of the winner',[('argument/columns.rs','let mut noise = in_use * Ext::from_i32(public.chosen_noise());','let mut noise = Ext::ZERO;')]),
('statement: level',[('statement.rs','bytes.extend_from_slice(&[self.level.number(), flags]);','bytes.extend_from_slice(&[0, flags]);')]),
('statement: seeds',[('statement.rs','                bytes.extend_from_slice(&mv.seed);','')]),
]
REMOVALS += [
('observe game',[('statement.rs','let mut bytes = self.game_id.to_vec();','let mut bytes = [0u8; 32].to_vec();')]),
('observe ply',[('statement.rs','let mut bytes = record.game_ply().to_be_bytes().to_vec();','let mut bytes = vec![0u8; 4];')]),
('observe 50-move clock',[('statement.rs','position.halfmoves().min(255) as u8,','0,')]),
]
for f in ['out_of_domain','quotient','activation','logit','winner','activation_count','range_count','limb','source']:
    REMOVALS.append((f'witness claim {f}',[('argument/packing.rs',f'            {f}: next(),',f'            {f}: next() * Ext::ZERO,')]))

def main(arguments):
    names = [name for name in arguments if name != "--all"]
    unknown = set(names) - {name for name, _ in REMOVALS}
    if unknown:
        raise SystemExit(f"no removal is called {', '.join(sorted(unknown))}; there are: {', '.join(name for name, _ in REMOVALS)}")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    survivors = []
    with tempfile.TemporaryDirectory() as copy:
        subprocess.run(["git", "clone", "-q", root, copy], check=True)
        source = os.path.join(copy, "engine-circuit", "src")
        cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
        env = dict(os.environ, CARGO_TARGET_DIR=os.path.join(cache, "fairmate", "target-remove-checks"), CARGO_INCREMENTAL="0")
        command = ["cargo", "test", "-q", "-p", "engine-circuit", "--no-default-features", "--features", "prover", "--lib",
                   "--test", "proof", "--test", "forgery", "--test", "dishonest", "--test", "levels", "--test", "layers", "--test", "tamper"]
        command += ["--no-fail-fast"] if "--all" in arguments else []
        for name, edits in REMOVALS:
            if names and name not in names:
                continue
            for file, old, new in edits:
                path = os.path.join(source, file)
                text = open(path).read()
                if old not in text:
                    raise SystemExit(f"{name}: {file} no longer has {old!r}: bring this script up to date")
                open(path, "w").write(text.replace(old, new, 1))
            run = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True)
            output = run.stdout + run.stderr
            if "could not compile" in output:
                raise SystemExit(f"{name}: does not compile without it\n{output[-2000:]}")
            red = sorted(set(re.findall(r"^    ([a-z_:]+)$", output, re.M)))
            print(f"{name}: {', '.join(red) if run.returncode else 'NO TEST GOES RED'}", flush=True)
            if not run.returncode:
                survivors.append(name)
            subprocess.run(["git", "checkout", "-q", "."], cwd=copy, check=True)
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
