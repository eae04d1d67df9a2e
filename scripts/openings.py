#!/usr/bin/env python3
"""Builds game/assets/openings.txt from the CC0 table of lichess-org/chess-openings.

usage: openings.py FOLDER-WITH-a.tsv..e.tsv    needs python-chess (pip install chess)

A line of the result: the position's Polyglot key (16 hex digits), the ECO code, and the name, of which the first
characters that equal those of the line before are left out and counted by one character ('0' + count).
"""
import io
import sys
from pathlib import Path

import chess.pgn
import chess.polyglot

entries = {}
for table in sorted(Path(sys.argv[1]).glob("?.tsv")):
    for line in table.read_text().splitlines()[1:]:
        eco, name, pgn = line.split("\t")
        board = chess.pgn.read_game(io.StringIO(pgn)).end().board()
        entries[f"{chess.polyglot.zobrist_hash(board):016x}"] = (name, eco)
before = ""
lines = []
for key, (name, eco) in sorted(entries.items(), key=lambda entry: (entry[1], entry[0])):
    shared = 0
    while shared < min(len(before), len(name), 70) and before[shared] == name[shared]:
        shared += 1
    lines.append(f"{key}{eco}{chr(ord('0') + shared)}{name[shared:]}\n")
    before = name
target = Path(__file__).parent.parent / "game/assets/openings.txt"
target.write_text("".join(lines))
print(f"{target}: {len(lines)} positions, {target.stat().st_size} bytes")
