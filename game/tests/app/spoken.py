"""A screen reader's half of the test of the client's labels: reads the accessibility tree of the running client through AT-SPI.

usage: spoken.py available     exit 77 where the bindings are missing
       spoken.py on            says on the bus that a screen reader listens
       spoken.py listen        starts a game and plays a move, by the tree and by keys; exit 1 where something is not as it should be
"""

import re
import subprocess
import sys
import time

try:
    import gi

    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi, Gio, GLib
except (ImportError, ValueError) as error:
    print(f"skipped: python3-gi and gir1.2-atspi-2.0 are missing ({error})")
    sys.exit(77)

BACK = ["rook", "knight", "bishop", "queen", "king", "bishop", "knight", "rook"]


def start_labels():
    """What the 64 squares say at the start of a game, row by row as White sees them."""
    labels = []
    for rank in range(8, 0, -1):
        for file, piece in zip("abcdefgh", BACK):
            square = f"{file}{rank}"
            if rank in (1, 8):
                labels.append(f"{square} {'white' if rank == 1 else 'black'} {piece}")
            elif rank in (2, 7):
                labels.append(f"{square} {'white' if rank == 2 else 'black'} pawn")
            else:
                labels.append(f"{square} empty")
    return labels


def walk(node):
    """All nodes below one, in order; those that go away meanwhile are left out."""
    try:
        for at in range(node.get_child_count()):
            child = node.get_child_at_index(at)
            if child is not None:
                yield child
                yield from walk(child)
    except GLib.Error:
        return


def nodes():
    """Role, name and node of everything that the client shows to screen readers."""
    found = []
    desktop = Atspi.get_desktop(0)
    # The tree as it is now, not as it was when somebody asked last.
    desktop.set_cache_mask(Atspi.Cache.NONE)
    for node in walk(desktop):
        try:
            found.append((node.get_role_name(), node.get_name(), node))
        except GLib.Error:
            continue
    return found


def squares():
    """The labels of the squares, in the order of the tree."""
    boards = [node for role, name, node in nodes() if role == "table" and name == "Chess board"]
    if len(boards) != 1:
        return []
    return [node.get_name() for node in walk(boards[0]) if node.get_role_name() == "table cell"]


def focused():
    """The names of what has the focus."""
    return [name for _, name, node in nodes() if node.get_state_set().contains(Atspi.StateType.FOCUSED)]


def named(wanted_role, pattern):
    """The first node of a role whose name fits."""
    return next((node for role, name, node in nodes() if role == wanted_role and re.fullmatch(pattern, name or "")), None)


def keys(*names):
    """Presses keys one after the other."""
    for name in names:
        subprocess.run(["xdotool", "key", name], check=True)
        time.sleep(0.2)


def until(what, condition, act=lambda: None):
    """Waits for a condition; a busy machine misses input, so acts again from time to time."""
    for _ in range(12):
        act()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                heard = condition()
            except GLib.Error:
                heard = None
            if heard:
                print(f"heard: {what}")
                return heard
            time.sleep(0.1)
    for role, name, _ in nodes():
        print(f"  {role}: {name}")
    sys.exit(f"not heard: {what}")


def press(name):
    """Presses a button as a screen reader does, without pointer or key."""
    button = named("push button", re.escape(name))
    if button is not None:
        button.do_action(0)


def switch_on():
    """Says that assistive technology is there, as a desktop does when a screen reader starts."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION)
    for name in ("IsEnabled", "ScreenReaderEnabled"):
        value = GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True)))
        bus.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set", value, None, 0, 20000, None)


def listen():
    """A game begun and a move played by somebody who does not see the window."""
    until("the first dialog's text", lambda: named("label", "Play a neural network that proves every move.*"))
    until("a game begins by its button", lambda: squares() and named("status bar", r"Your move \(White\)"), lambda: press("Play"))
    until("64 squares, each with what stands on it", lambda: squares() == start_labels())
    cursor = lambda *more: lambda: keys("Escape", "space", *more)
    until("no picture without a name", lambda: not [name for role, name, _ in nodes() if role in ("image", "icon") and not name])
    until("the keyboard's square has the focus", lambda: focused() == ["e2 white pawn"], cursor())
    until("the focus moves with the arrows", lambda: focused() == ["f3 empty"], cursor("Up", "Right"))
    until("what a taken piece can reach", lambda: "e4 empty, can be moved to" in squares(), cursor("space"))
    until("the move", lambda: "e4 white pawn" in [name.split(",")[0] for name in squares()], cursor("space", "Up", "Up", "space"))
    until("the answer and its check", lambda: named("status bar", r"1… \S+, verified [\d.,]+ ms\. Your move \(White\)"))
    until("that no square has the focus without a cursor", lambda: not set(focused()) & set(squares()), lambda: keys("Escape"))


if __name__ == "__main__":
    commands = {"available": lambda: None, "on": switch_on, "listen": listen}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]]()
