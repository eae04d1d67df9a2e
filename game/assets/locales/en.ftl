# Texts of the client in English. Every other language has the same ids (a test compares them).

white = White
black = Black

# Alarms
alarm-invalid-proof = The proof of a move is INVALID
alarm-illegal-move = The server played an illegal move
alarm-out-of-turn = The server moved out of turn
alarm-illegal-game = The server sent a game with an illegal move
alarm-other-game = The server started another game than the one asked for
alarm-other-history = The server changed the history of the game
alarm-took-back = The server took moves back that you did not ask for
alarm-wrong-end = The server ended the game wrongly
alarm-wrong-clock = The server's clock takes time from you
alarm-wrong-seed = The server drew a move with a seed it had not fixed before
alarm-wrong-key = The server's key does not belong to the network it claims
alarm-meaning = Play has stopped. What was shown is not what the published network plays in this game, or it was damaged on the way. Nothing you did caused this.
alarm-reason = Reason: { $part }
alarm-evidence = Evidence: { $part }
evidence-unsaved = The evidence is not saved yet

# Banner
banner-failed = No opponent: { $part }
banner-broken = Connection lost, trying again. Nothing is lost. ({ $part })
banner-connecting = Connecting…
banner-unproven = You can't move yet: more than 3 moves of the network are not verified. Wait for the proofs (your clock stands still), or resign.
banner-changed = The server CHANGED its network during the game. Nothing it plays now counts as this game's network.
banner-no-proofs = This server does not prove its moves: an ordinary, unverified game.
banner-unknown-key = This network is not pinned here, so its proofs can't be checked. Trust its key with --vk FILE.
banner-prover-failed = The prover of the server has failed: { $part }
banner-not-checked = A move could NOT be checked: { $part }
banner-preparing = The prover prepares itself ({ $percent } %). Play on: proofs follow.
banner-slow = The server is slow with its proof. Play on: it is checked when it comes.

# Badges
badge-proving = proving…
badge-checking = checking…
badge-verified = verified { $ms } ms
badge-invalid = INVALID
badge-not-checked = not checked
verified-count = { $verified }/{ $all } verified

# Board
board-label = Chess board
board-blue = Blue
board-green = Green
board-wood = Wood
pieces-classic = Classic
pieces-bold = Bold
piece-pawn = pawn
piece-knight = knight
piece-bishop = bishop
piece-rook = rook
piece-queen = queen
piece-king = king
piece-of-white = white { $piece }
piece-of-black = black { $piece }
square-empty = empty
square-selected = selected
square-target = can be moved to
square-last-move = last move
square-check = in check
square-premove = premove

# Buttons
button-back-to-game = Back to the game
button-cancel = Cancel
button-claim-draw = Claim draw
button-close = Close
button-close-review = Close
button-copy-command = Copy check command
button-copy-digest = Copy digest
button-copy-fen = Copy FEN
button-copy-pgn = Copy PGN
button-done = Done
button-draw = Offer draw
button-flip = Flip
button-help = Keys
button-link = Link
button-look = Look at it
button-menu = New game
button-new-game = New game
button-open = Open
button-open-long = Open a game
button-paste = Paste
button-play = Play
button-play-on = Play on
button-proof = Proof
button-rematch = Rematch
button-rematch-staked = Rematch for the same stake
button-resign = Resign
button-save = Save game
button-save-proof = Save proof
button-settings = Settings
button-take-back = Take back
button-tamper = Tamper test
button-usual-start = Usual start position
button-verify-again = Verify again

# Proof card
card-verified = { $count ->
    [1] { $move } is the only legal move in exactly this position of this game, and the network with digest { $digest } plays it. That was checked on this computer in { $ms } ms.
   *[other] The network with digest { $digest } rates { $move } highest of the { $count } legal moves in exactly this position of this game. That was checked on this computer in { $ms } ms.
}
card-proving = { $move } is on the board; the server is still making the proof that the network with digest { $digest } rates it highest of { $count } legal moves.
card-checking = The proof for { $move } has come and is being checked on this computer.
card-invalid = The proof for { $move } was REJECTED on this computer: { $reason }. The move is not shown to be the choice of the network { $digest }.
card-not-checked = { $move } could not be checked: { $reason }. That does not mean it is wrong; it means nobody knows.
card-digest = Network
card-pinned = pinned in this client
card-unpinned = NOT PINNED in this client
card-changed = CHANGED: the server now claims another network
card-position = Position before the move
card-limits = What it does not prove: that the network is strong, where its weights come from, or anything about privacy. The server can still refuse to play.
card-watched = You watch: which moves the player has made is the server's word.
card-watched-seeds = You watch: which moves the player has made is the server's word, and so is the player's part in drawing the network's moves, because the link does not name it.
fact-size = Size of the proof
fact-prove = Time to make it (the server says)
fact-verify = Time to check it here
fact-security = Security, without conjectures
fact-bits = at least { $bits } bits
try-running = Checking…
try-tampered = One bit of byte { $at } was changed in a copy, and the copy was rejected, as it must be: { $reason }
try-tampered-accepted = A damaged copy was ACCEPTED. Do not trust this client.
try-again-good = Verified again, in { $ms } ms.
try-again-bad = Rejected: { $reason }

# Draws, results
claim-question = Claim a draw?
claim-note = The position has occurred three times, or fifty moves passed without a capture or pawn move. The game ends at once.
draw-question = Offer a draw?
draw-note = The network agrees only to a draw that could be claimed.
resign-question = Resign this game?
end-checkmate = by checkmate
end-stalemate = by stalemate
end-material = by insufficient material
end-threefold = by threefold repetition
end-fivefold = by fivefold repetition
end-fifty-moves = by the fifty-move rule
end-seventy-five-moves = by the seventy-five-move rule
end-resignation = by resignation
end-timeout = on time
end-length = by the length limit
end-on-chain = on the chain
result-player-won = The player won
result-draw = Draw
result-won = You won
result-lost = The network won
verdict-none = The network has not moved.
verdict-all = All moves of the network ({ $all }) were verified on this computer.
verdict-some = { $verified } of { $all } moves of the network are verified so far.

# Saved games
files-title = Open a game
files-meaning = Choose a saved game, or drop a file (.fairmate with proofs, .pgn without) on the window.
files-none = No games are saved yet.
files-folder = Saved games lie in { $part }

# Keys
help-title = Mouse and keys
keys-mouse = Click or drag
keys-right = Right button
keys-space = Space
keys-wheel = Wheel on the board
help-mouse = move a piece; during the opponent's turn: a premove
help-right = draw a circle or an arrow; let go of a piece or premove
help-cancel = let go of everything, close a dialog
help-type = type a move (Nf3 or g1f3), Enter plays it
help-cursor = a cursor: arrows move it, Space takes and drops
help-browse = one move back, one move on
help-ends = first position, last position
help-flip = turn the board
help-proof = what is proven about the last move
help-new = new game
help-settings = settings
help-mute = sounds off and on
help-take-back = take a move back (casual games)
help-save = save the game with its proofs
help-open = open a saved game
help-copy = copy the position, copy the game
help-paste = paste a position or a game
help-help = this list

# Kinds of games
kind-casual = Casual
kind-casual-long = Casual (moves can be taken back)
kind-rated = Rated
kind-rated-long = Rated (every move counts)
kind-review = Review

# Network
network-connecting = Opponent: connecting…
network-pinned = Network { $digest }  pinned in this client
network-unknown = Network { $digest }  NOT PINNED
network-changed = Network { $digest }  CHANGED
network-mismatch = Network { $digest }  WRONG KEY

# Notices
notice-copied = Copied
notice-draw-declined = The network declines the draw.
notice-link-copied = The link is copied: whoever has it can watch, but not play.
notice-not-opened = Not opened: { $part }
notice-not-pasted = Not pasted: { $part }
notice-not-saved = Not saved: { $part }
notice-pasted-fen = The next game starts at the pasted position.
notice-rated-no-takeback = A rated game: no move is taken back.
notice-review-invalid = A proof in this file is INVALID: { $part }
notice-saved = Saved to { $part }
notice-taken-back = Taken back

# Players
player-watched = Player
player-you = You
player-network = Network

# Policy
policy-title = What the network thinks here
policy-no-model = The network itself is not on this computer.

# Settings
choice-on = On
choice-off = Off
settings-title = Settings
settings-language = Language
settings-volume = Sounds: { $volume } %
settings-silent = Sounds: off
settings-contrast = High contrast
settings-premoves = Premoves
settings-hints = Dots for legal moves
settings-coordinates = Coordinates

# Start
start-title-first = Fairmate
start-title = New game
start-meaning = Play a neural network that proves every move it makes. Your computer checks each proof: the move is exactly the choice of the published network, never of anyone else.
start-side = Your side
start-level = Level of the network, 8 is the strongest
level = level { $level }
level-measured = { $level }, as measured for “{ $name }” ({ $card }); below level 8 from games against itself
level-unmeasured = { $level }: nobody has measured how strong this network is
strength-elo = about { $elo } Elo
strength-beginner = beginner
start-time = Clock
start-kind = Kind of game
start-looks = Board and pieces
start-position = Starts at { $part }
side-random = Random
time-none = No clock

# Status
status-awaiting-game = Waiting for the game to watch
status-choose = Choose a side to begin
status-stopped = Stopped: see the evidence
status-check = , check
status-watching = Watching: { $side } to move{ $check }
status-network = The network thinks ({ $side }{ $check })
status-unproven = Waiting for proofs: more than 3 moves are not verified
status-browsing = Earlier position: press End to return
status-review = Saved game: position { $shown } of { $all }
status-over = The game is over
status-your-move = Your move ({ $side }{ $check })
typing = Move: { $typed }_

# The network's own estimate
value-title = White's chances in the network's own estimate
value-start = Start
value-line = { $place }: White wins { $white } %, draw { $draw } %, Black wins { $black } %
value-decided = { $place }: decided by the rules

# Games for stakes
start-stakes = For test stakes
stakes-meaning = Both put in stake and bond and sign every move; the contract settles if one side stops. No clock, no taking back. You have { $held } test ETH, { $inside } in the contract.
stakes-level = Stakes are played at level { $level }: level { $strongest } plays the same moves every time
stakes-opening = Stake { $stake } test ETH: opening the game on the chain…
stakes-open = Stake { $stake } test ETH, open on the chain; { $recorded } moves signed and kept
stakes-challenged = Stake { $stake } test ETH: the server has turned to the chain. Make your move, or agree to the result
stakes-waiting = Stake { $stake } test ETH: on the chain, the server has to answer before { $deadline }
stakes-settling = Stake { $stake } test ETH: the end is being settled on the chain…
stakes-won = Settled on the chain: you won { $stake } test ETH. { $inside } test ETH wait for you in the contract
stakes-lost = Settled on the chain: you lost { $stake } test ETH. { $inside } test ETH wait for you in the contract
stakes-drawn = Settled on the chain: nobody won. { $inside } test ETH wait for you in the contract
status-opening = The game is being opened on the chain
notice-offer-refused = The server's offer is not taken, nothing was sent: { $part }
notice-chain-trouble = Chain: { $part }
notice-no-draw-offer = In a game for stakes a draw can only be claimed, and there is none to claim
button-stake-small = Play for 0.01 ETH
button-stake-middle = Play for 0.1 ETH
button-stake-large = Play for 1 ETH
button-to-chain = Take it to the chain
button-withdraw = Withdraw my money
