"""The bench's figures as text."""

import math


def share(value, count):
    """A share with half its 95 % interval, in per cent."""
    error = 1.96 * math.sqrt(max(value * (1 - value), 1e-9) / max(count, 1))
    return f"{100 * value:.1f} ± {100 * error:.1f} %"


def render(figures):
    """Everything there is, one figure a line."""
    settings = figures["settings"]
    lines = [f"{settings['model']}: {settings['channels']} x {settings['blocks']}, level {settings['level']}", ""]

    def add(name, value):
        lines.append(f"{name:52} {value}")

    if "labelled" in figures:
        x = figures["labelled"]
        add(f"held-out labelled positions ({x['positions']}): top-1", share(x["top1"], x["positions"]))
        add(f"  with several labels ({x['many_positions']}): top-1", share(x["many_top1"], x["many_positions"]))
        add("  among the labelled moves", share(x["many_in4"], x["many_positions"]))
        add("  mean win-probability loss", f"{x['many_win_loss']:.4f}")
        add("policy cross-entropy (nats)", f"{x['loss']:.4f}")
        add("value: cross-entropy (nats), mean error of the score", f"{x['value_loss']:.4f}, {x['value_error']:.4f}")
        add("illegal moves above the chosen one: mean, p99, max", f"{x['illegal_mean']:.4f}, {x['illegal_p99']:.0f}, {x['illegal_max']}")
    if "humans" in figures:
        x = figures["humans"]
        add(f"human masters' moves ({x['positions']}): match", share(x["top1"], x["positions"]))
    if "puzzles" in figures:
        for name, x in [("all", figures["puzzles"]["all"]), *figures["puzzles"]["bands"].items()]:
            if x["puzzles"]:
                first, whole = share(x["first_move"], x["puzzles"]), share(x["whole_line"], x["puzzles"])
                add(f"puzzles, rating {name} ({x['puzzles']})", f"first move {first}, whole line {whole}")
    if "endings" in figures:
        for name in ("queen", "rook"):
            x = figures["endings"][name]
            outcomes = ", ".join(f"{outcome} {count}" for outcome, count in sorted(x["outcomes"].items(), key=lambda item: -item[1]))
            add(f"king and {name} against king ({x['starts']} starts)", outcomes)
    if "gauntlet" in figures:
        x = figures["gauntlet"]
        for name, y in x["opponents"].items():
            add(f"against Stockfish 15.1 UCI_Elo {name}", f"+{y['wins']} ={y['draws']} -{y['losses']}, {100 * y['score']:.1f} %")
        add(f"Elo on that scale ({x['games']} games)", f"{x['elo']:.0f} ± {x['error_95']:.0f}")
    for name, x in figures.get("baselines", {}).items():
        add(f"against the {name} player", f"+{x['wins']} ={x['draws']} -{x['losses']}")
    for name, x in figures.get("levels", {}).items():
        next_level = x.get("against_next")
        score = f"; against level {int(name) + 1}: +{next_level['wins']} ={next_level['draws']} -{next_level['losses']}" if next_level else ""
        add(f"level {name}: Elo", f"{x['elo']:.0f} ± {x['error_95']:.0f}{score}")
    return "\n".join(lines) + "\n"
