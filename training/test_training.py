"""Tests of the training code on synthetic games: `python -m unittest discover training`."""

import contextlib
import io
import json
import random
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import chess
import numpy as np
import torch

import candidates
import forecast
import positions
import records
from grow import grow
from network import FloatNet, fold
from quantise import quantise
from quantised import OutOfRange, QuantisedNet

HERE = Path(__file__).parent


def random_positions(count, seed):
    """Records of random games with random labels and results, and their legal bitmaps."""
    rng = random.Random(seed)
    rows, bitmaps = [], []
    while len(rows) < count:
        board, result = chess.Board(), rng.choice([1, 0, -1, 2])
        for ply in range(60):
            moves = list(board.legal_moves)
            if not moves:
                break
            row, labels = positions.record(board), rng.sample(moves, min(len(moves), rng.randint(1, 4)))
            row["labels"], row["result"], row["scored"], row["ply"] = len(labels), result, 1, ply
            row["index"] = 65535
            row["index"][0, : len(labels)] = [positions.policy_index(m, board.turn) for m in labels]
            row["score"][0, : len(labels)] = sorted((rng.randint(-900, 900) for _ in labels), reverse=True)
            rows.append(row)
            bitmaps.append(positions.legal_bitmap(board))
            board.push(rng.choice(moves))
            result = result if result == 2 else -result
    return np.concatenate(rows[:count]), np.concatenate(bitmaps[:count])


def write_data(folder):
    """400 training positions, 50 of them for validation too."""
    rows, bitmaps = random_positions(400, 7)
    rows.tofile(folder / "train.bin")
    rows[:50].tofile(folder / "val.bin")
    bitmaps[:50].tofile(folder / "val.legal")


def folded(seed=0, channels=16, blocks=1):
    """A folded network that has seen a batch, with a value that is not zero."""
    torch.manual_seed(seed)
    net = FloatNet(channels, blocks).train()
    torch.nn.init.normal_(net.head.weight, std=0.3)
    rows, _ = random_positions(200, seed)
    for _ in range(30):
        net(records.planes(records.raw(rows)))
    return fold(net.eval()).eval(), net


class Records(unittest.TestCase):
    def test_mirrored_positions_are_the_mirrored_boards(self):
        rows, _ = random_positions(300, 1)
        rows = rows[rows["castling"] == 0]
        self.assertGreater(len(rows), 20)
        once = records.augment(records.raw(rows), np.random.default_rng(0), mirror=1, forget_last=0)
        for row, mirrored in zip(rows, once.numpy().view(records.RECORD)[:, 0], strict=True):
            board = positions.board_of(row).transform(chess.flip_horizontal)
            again = positions.record(board)[0]
            for name in ("pieces", "ep", "halfmove"):
                self.assertTrue(np.array_equal(again[name], mirrored[name]), name)
            legal = set(np.flatnonzero(np.unpackbits(positions.legal_bitmap(board)[0], bitorder="little")))
            self.assertLessEqual(set(mirrored["index"][: mirrored["labels"]].tolist()), legal)
        twice = records.augment(once, np.random.default_rng(0), mirror=1, forget_last=0)
        self.assertTrue(torch.equal(twice, records.raw(rows)))

    def test_last_move_can_be_forgotten(self):
        rows, _ = random_positions(50, 2)
        out = records.augment(records.raw(rows), np.random.default_rng(0), mirror=0, forget_last=1)
        self.assertTrue((records.planes(out)[:, 18:] == 0).all())
        self.assertTrue(torch.equal(records.planes(out)[:, :18], records.planes(records.raw(rows))[:, :18]))

    def test_value_targets(self):
        rows, _ = random_positions(4, 3)
        rows["score"][:, 0], rows["result"], rows["scored"] = [0, 29999, 300, 300], [2, 1, 0, 2], [1, 1, 0, 0]
        target, known = records.value_targets(records.raw(rows))
        self.assertTrue(torch.allclose(target.sum(1), torch.ones(4)))
        self.assertAlmostEqual(float(target[0, 0]), float(target[0, 2]), places=6)  # level: win and loss are equal
        self.assertGreater(float(target[1, 0]), 0.99)
        self.assertEqual(target[2].tolist(), [0, 1, 0])  # no score: the result alone
        self.assertEqual(known.tolist(), [1, 1, 1, 0])

    def test_illegal_moves_above_the_best_legal_one_are_counted(self):
        rows, bitmaps = random_positions(10, 4)
        legal = records.legal_mask(bitmaps)
        policy = legal.double() * 2 - 1
        illegal = int((~legal[0]).nonzero()[0])
        policy[0, illegal] = 5
        out = records.summarise([records.measure(policy, torch.zeros(10, 3), records.raw(rows), bitmaps)])
        self.assertEqual((out["illegal_max"], out["illegal_mean"]), (1, 0.1))


class Quantised(unittest.TestCase):
    def test_file_round_trip_and_fake_quantised_arithmetic(self):
        net, _ = folded()
        integers = quantise(net)
        rows, _ = random_positions(64, 5)
        planes = records.planes(records.raw(rows))
        policy, value = integers.forward((planes * 128).round().long())
        with torch.no_grad():
            soft_policy, soft_value = net(planes)
        scale = 2.0**integers.logit_scale_log2
        self.assertLess(float((policy / scale - soft_policy).abs().mean()), 0.02)
        self.assertLess(float((value / (64 * scale) - soft_value).abs().mean()), 0.02)
        self.assertGreater(float(value.double().std()), 0)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.quant"
            integers.write(path)
            again = QuantisedNet.read(path)
        self.assertEqual(again.to_bytes(), integers.to_bytes())
        self.assertEqual(again.version, 2)

    def test_worst_case_of_the_value_planes_is_bounded(self):
        net, _ = folded()
        integers = quantise(net)
        integers.head_biases[75] = 2**23
        with self.assertRaisesRegex(OutOfRange, "value plane"):
            integers.check()
        integers.head_biases[75] = 0
        integers.head_biases[3] = 2**23  # a policy plane may be larger
        integers.check()
        integers.head_biases[3] = 2**25
        with self.assertRaisesRegex(OutOfRange, "policy logit"):
            integers.check()

    def test_large_sums_are_exact(self):
        net, _ = folded(channels=16)
        integers = quantise(net)
        integers.head_weights[:] = 127
        integers.layers[1].weights[:] = 127
        integers.layers[1].shifts[:] = 14
        planes = torch.full((1, 20, 8, 8), 128)
        policy, _ = integers.forward(planes)
        self.assertTrue(((policy - torch.from_numpy(integers.head_biases[:73]).repeat_interleave(64)) % 127 == 0).all())

    def test_growing_keeps_the_function(self):
        net, _ = folded(blocks=2)
        integers = quantise(net)
        rows, _ = random_positions(200, 6)
        planes = records.planes(records.raw(rows))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.quant"
            integers.write(path)
            same = grow(path, 16, 2, planes).eval()
        policy, value = integers.forward((planes * 128).round().long())
        with torch.no_grad():
            again_policy, again_value = same(planes)
        scale = 2.0**integers.logit_scale_log2
        self.assertLess(float((policy / scale - again_policy).abs().mean()), 0.05)
        self.assertLess(float((value / (64 * scale) - again_value).abs().mean()), 0.05)


class ValuePlanes(unittest.TestCase):
    def test_the_policy_stays_and_the_value_is_learnt(self):
        net, _ = folded(seed=1)
        integers = quantise(net)
        rows, _ = random_positions(400, 8)
        own = (rows["pieces"] == 1).sum(1) - (rows["pieces"] == 7).sum(1)  # a value that material shows: pawns up win
        rows["score"][:, 0] = 300 * own
        rows["result"] = 2
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            rows.tofile(folder / "train.bin")
            integers.write(folder / "net.quant")
            command = [sys.executable, HERE / "value_planes.py", folder / "net.quant", folder, folder / "out.quant"]
            subprocess.run([*command, "--positions", "400"], check=True, capture_output=True)
            again = QuantisedNet.read(folder / "out.quant")
        planes = (records.planes(records.raw(rows)) * 128).round()
        policy, _ = integers.forward(planes)
        same, value = again.forward(planes)
        self.assertTrue(torch.equal(policy, same))
        wanted, _ = records.value_targets(records.raw(rows))
        value = torch.log_softmax(value.double() / 2 ** (again.logit_scale_log2 + 6), 1)
        mean = wanted.mean(0).double()
        constant = float(-(mean * mean.log()).sum())
        self.assertLess(float(-(value * wanted).sum(1).mean()), 0.97 * constant)


class Resuming(unittest.TestCase):
    def test_a_run_cut_in_two_resumes_where_it_was(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            write_data(folder)

            def train(run, *more):
                command = [sys.executable, HERE / "train.py", "--data", folder, "--run", folder / run, "--channels", "16"]
                command += ["--blocks", "1", "--batch", "20", "--workers", "1", "--validation-positions", "50", *more]
                subprocess.run(command, check=True, capture_output=True)
                return [json.loads(line) for line in (folder / run / "log.jsonl").read_text().splitlines()]

            first = train("float", "--minutes", "0.1", "--session-minutes", "0.03")
            log = train("float", "--minutes", "0.1")
            self.assertEqual(log[: len(first)], first)
            self.assertGreater(log[-1]["step"], first[-1]["step"])
            self.assertGreaterEqual(log[-1]["seconds"], 6)
            self.assertLess(log[-1]["val_loss"], first[0]["val_loss"])
            qat = train("qat", "--stage", "qat", "--start", folder / "float" / "checkpoint.pt", "--minutes", "0.05", "--rate", "1e-4")
            self.assertLess(qat[-1]["val_loss"], first[0]["val_loss"])
            (folder / "float" / "checkpoint.pt").unlink()  # a resumed run no longer needs its start
            again = train("qat", "--stage", "qat", "--start", folder / "float" / "checkpoint.pt", "--minutes", "0.06", "--rate", "1e-4")
            self.assertGreater(again[-1]["step"], qat[-1]["step"])
            state = torch.load(folder / "qat" / "checkpoint.pt", weights_only=True)
            self.assertEqual(state["shape"], {"stage": "qat", "channels": 16, "blocks": 1, "pooled": False})

    def test_a_plan_in_samples_gives_the_same_network_whether_cut_or_not(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            write_data(folder)

            def train(run, *more):
                command = [sys.executable, HERE / "train.py", "--data", folder, "--run", folder / run, "--channels", "16", "--blocks", "3"]
                command += ["--batch", "20", "--workers", "1", "--validation-positions", "50", "--samples", "1200", "--pooled", *more]
                subprocess.run(command, check=True, capture_output=True)
                return torch.load(folder / run / "checkpoint.pt", weights_only=True)

            whole, cut = train("whole"), train("cut", "--session-minutes", "0.005")
            self.assertTrue(0 < cut["step"] < 60 == whole["step"], cut["step"])
            cut = train("cut")
            self.assertEqual(cut["step"], 60)
            for name, value in whole["average"].items():
                self.assertTrue(torch.equal(value, cut["average"][name]), name)


class Candidates(unittest.TestCase):
    def test_the_whole_board_reaches_a_pooled_network_and_it_has_no_integer_form(self):
        torch.manual_seed(0)
        planes = torch.zeros(1, 20, 8, 8)
        far = planes.clone()
        far[0, 0, 7, 7] = 1
        for pooled in (False, True):
            net = FloatNet(16, 1, pooled).eval()
            torch.nn.init.normal_(net.head.weight)
            a_corner = [net(x)[0].detach().view(73, 8, 8)[:, 0, 0] for x in (planes, far)]
            self.assertEqual(torch.equal(*a_corner), not pooled)
        with self.assertRaises(ValueError):
            fold(net)

    def test_the_comparison_runs_to_its_table_and_goes_on_after_a_stop(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            write_data(folder)
            shapes = {"16x1": (16, 1, False), "16x1 pooled": (16, 1, True)}
            arguments = ["candidates.py", "--data", str(folder), "--out", str(folder / "out"), "--budget", "0.3", "--positions", "50"]
            tables = []
            for _ in range(2):
                with mock.patch.object(candidates, "CANDIDATES", shapes), mock.patch.object(sys, "argv", arguments):
                    with contextlib.redirect_stdout(io.StringIO()):
                        candidates.main()
                tables.append((folder / "out" / "candidates.md").read_text())
            self.assertEqual(*tables)
            self.assertEqual([line.split(" | ")[0] for line in tables[0].splitlines()[2:]], ["| 16x1", "| 16x1 pooled"])
            cost = json.loads((folder / "out" / "cost.json").read_text())
            for name, run in (("16x1", "16x1"), ("16x1 pooled", "16x1-pooled")):
                state = torch.load(folder / "out" / run / "float" / "checkpoint.pt", weights_only=True)
                self.assertAlmostEqual(state["samples"], 5 / 6 * 300 / cost[name], delta=candidates.BATCH)
            self.assertTrue((folder / "out" / "candidates.png").exists())

    def test_a_power_law_is_found_again_and_says_what_is_missing(self):
        samples = np.array([1e5, 3e5, 1e6, 5e6])
        law = forecast.fit(samples, 0.02 + 3 * samples**-0.4, True)
        for found, true in zip(law, (0.02, 3, 0.4), strict=True):
            self.assertAlmostEqual(found, true, delta=1e-3 * true)
        self.assertAlmostEqual(forecast.needed(law, 0.02 + 3 * 1e7**-0.4), 1e7, delta=1e5)
        self.assertEqual(forecast.needed(law, 0.019), float("inf"))
        hopeful = forecast.fit(samples, 0.02 + 3 * samples**-0.4, False)
        self.assertEqual(hopeful[0], 0)
        self.assertLess(forecast.needed(hopeful, 0.019), float("inf"))

    def test_parameters_are_those_of_the_integer_network(self):
        for channels, blocks in ((16, 1), (64, 5)):
            net = quantise(fold(FloatNet(channels, blocks)))
            held = sum(layer.weights.size + layer.biases.size for layer in net.layers) + net.head_weights.size + net.head_biases.size
            self.assertEqual(candidates.parameters(channels, blocks, False), held)


if __name__ == "__main__":
    unittest.main()
