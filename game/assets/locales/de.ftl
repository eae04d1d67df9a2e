# Die Texte des Programms auf Deutsch. Dieselben Kennungen wie in en.ftl (ein Test vergleicht sie).

white = Weiß
black = Schwarz

# Alarm
alarm-invalid-proof = Der Beweis eines Zuges ist UNGÜLTIG
alarm-illegal-move = Der Server hat einen regelwidrigen Zug gespielt
alarm-out-of-turn = Der Server hat außer der Reihe gezogen
alarm-illegal-game = Der Server schickt eine Partie mit einem regelwidrigen Zug
alarm-other-game = Der Server hat eine andere Partie begonnen als die gewünschte
alarm-other-history = Der Server hat den Verlauf der Partie geändert
alarm-took-back = Der Server hat ungefragt Züge zurückgenommen
alarm-wrong-end = Der Server hat die Partie falsch beendet
alarm-wrong-clock = Die Uhr des Servers nimmt dir Zeit weg
alarm-wrong-seed = Der Server hat einen Zug mit einem Zufall gezogen, den er vorher nicht festgelegt hatte
alarm-wrong-key = Der Schlüssel des Servers gehört nicht zu dem Netz, das er nennt
alarm-meaning = Das Spiel ist angehalten. Was gezeigt wurde, ist nicht das, was das veröffentlichte Netz in dieser Partie spielt, oder es wurde unterwegs beschädigt. An dir lag es nicht.
alarm-reason = Grund: { $part }
alarm-evidence = Beweismittel: { $part }
evidence-unsaved = Die Beweismittel sind noch nicht gespeichert

# Hinweise
banner-failed = Kein Gegner: { $part }
banner-broken = Verbindung verloren, neuer Versuch läuft. Nichts ist verloren. ({ $part })
banner-connecting = Verbinde…
banner-unproven = Noch kein Zug möglich: mehr als 3 Züge des Netzes sind nicht verifiziert. Warte auf die Beweise (deine Uhr steht) oder gib auf.
banner-changed = Der Server hat das Netz während der Partie GEWECHSELT. Was er jetzt spielt, zählt nicht als das Netz dieser Partie.
banner-no-proofs = Dieser Server beweist seine Züge nicht: eine gewöhnliche, ungeprüfte Partie.
banner-unknown-key = Dieses Netz ist hier nicht hinterlegt, seine Beweise sind nicht prüfbar. Vertraue seinem Schlüssel mit --vk DATEI.
banner-prover-failed = Der Beweiser des Servers ist ausgefallen: { $part }
banner-not-checked = Ein Zug konnte NICHT geprüft werden: { $part }
banner-preparing = Der Beweiser bereitet sich vor ({ $percent } %). Spiel weiter: die Beweise folgen.
banner-slow = Der Server braucht lange für seinen Beweis. Spiel weiter: er wird geprüft, sobald er da ist.

# Marken
badge-proving = Beweis läuft…
badge-checking = wird geprüft…
badge-verified = verifiziert { $ms } ms
badge-invalid = UNGÜLTIG
badge-not-checked = nicht geprüft
verified-count = { $verified }/{ $all } verifiziert

# Brett
board-label = Schachbrett
board-blue = Blau
board-green = Grün
board-wood = Holz
pieces-classic = Klassisch
pieces-bold = Kräftig
piece-pawn = Bauer
piece-knight = Springer
piece-bishop = Läufer
piece-rook = Turm
piece-queen = Dame
piece-king = König
piece-of-white = { $piece } Weiß
piece-of-black = { $piece } Schwarz
square-empty = leer
square-selected = gewählt
square-target = erreichbar
square-last-move = letzter Zug
square-check = im Schach
square-premove = Vorauszug

# Knöpfe
button-back-to-game = Zur Partie
button-cancel = Abbrechen
button-claim-draw = Remis fordern
button-close = Schließen
button-close-review = Schließen
button-copy-command = Prüfbefehl kopieren
button-copy-digest = Digest kopieren
button-copy-fen = FEN kopieren
button-copy-pgn = PGN kopieren
button-done = Fertig
button-draw = Remis anbieten
button-flip = Drehen
button-help = Tasten
button-link = Link
button-look = Ansehen
button-menu = Neue Partie
button-new-game = Neue Partie
button-open = Öffnen
button-open-long = Partie öffnen
button-paste = Einfügen
button-play = Spielen
button-play-on = Weiterspielen
button-proof = Beweis
button-rematch = Revanche
button-rematch-staked = Revanche um denselben Einsatz
button-resign = Aufgeben
button-save = Speichern
button-save-proof = Beweis sichern
button-settings = Optionen
button-take-back = Zurück
button-tamper = Fälschungstest
button-usual-start = Übliche Grundstellung
button-verify-again = Nochmals prüfen

# Beweiskarte
card-verified = { $count ->
    [1] { $move } ist der einzige erlaubte Zug in genau dieser Stellung dieser Partie, und das Netz mit dem Digest { $digest } spielt ihn. Das wurde auf diesem Rechner in { $ms } ms geprüft.
   *[other] Das Netz mit dem Digest { $digest } bewertet { $move } am höchsten von { $count } erlaubten Zügen in genau dieser Stellung dieser Partie. Das wurde auf diesem Rechner in { $ms } ms geprüft.
}
card-proving = { $move } steht auf dem Brett; der Server erstellt noch den Beweis, dass das Netz mit dem Digest { $digest } diesen Zug am höchsten von { $count } erlaubten bewertet.
card-checking = Der Beweis für { $move } ist da und wird auf diesem Rechner geprüft.
card-invalid = Der Beweis für { $move } wurde auf diesem Rechner ABGELEHNT: { $reason }. Der Zug ist nicht als Wahl des Netzes { $digest } belegt.
card-not-checked = { $move } konnte nicht geprüft werden: { $reason }. Das heißt nicht, dass er falsch ist; niemand weiß es.
card-digest = Netz
card-pinned = in diesem Programm hinterlegt
card-unpinned = in diesem Programm NICHT HINTERLEGT
card-changed = GEWECHSELT: der Server nennt jetzt ein anderes Netz
card-position = Stellung vor dem Zug
card-limits = Was er nicht beweist: dass das Netz stark ist, woher seine Gewichte kommen, oder irgendetwas über Vertraulichkeit. Der Server kann sich weiterhin weigern zu spielen.
card-watched = Du siehst zu: Welche Züge der Spieler gemacht hat, sagt der Server.
card-watched-seeds = Du siehst zu: Welche Züge der Spieler gemacht hat, sagt der Server; auch seinen Anteil an der Auslosung der Züge des Netzes, denn der Link nennt ihn nicht.
fact-size = Größe des Beweises
fact-prove = Zeit zum Erstellen (sagt der Server)
fact-verify = Zeit zum Prüfen hier
fact-security = Sicherheit, ohne Vermutungen
fact-bits = mindestens { $bits } Bit
try-running = Wird geprüft…
try-tampered = Ein Bit von Byte { $at } wurde in einer Kopie geändert, und die Kopie wurde abgelehnt, wie es sein muss: { $reason }
try-tampered-accepted = Eine beschädigte Kopie wurde ANGENOMMEN. Traue diesem Programm nicht.
try-again-good = Nochmals verifiziert, in { $ms } ms.
try-again-bad = Abgelehnt: { $reason }

# Remis, Ergebnisse
claim-question = Remis fordern?
claim-note = Die Stellung ist dreimal vorgekommen, oder fünfzig Züge vergingen ohne Schlag- und Bauernzug. Die Partie endet sofort.
draw-question = Remis anbieten?
draw-note = Das Netz nimmt nur ein Remis an, das gefordert werden könnte.
resign-question = Diese Partie aufgeben?
end-checkmate = durch Matt
end-stalemate = durch Patt
end-material = durch zu wenig Material
end-threefold = durch dreimalige Wiederholung
end-fivefold = durch fünfmalige Wiederholung
end-fifty-moves = durch die Fünfzig-Züge-Regel
end-seventy-five-moves = durch die 75-Züge-Regel
end-resignation = durch Aufgabe
end-timeout = durch Zeitüberschreitung
end-length = durch die Längengrenze
end-on-chain = auf der Chain
result-player-won = Der Spieler hat gewonnen
result-draw = Remis
result-won = Du hast gewonnen
result-lost = Das Netz hat gewonnen
verdict-none = Das Netz hat nicht gezogen.
verdict-all = Alle Züge des Netzes ({ $all }) wurden auf diesem Rechner verifiziert.
verdict-some = { $verified } von { $all } Zügen des Netzes sind bisher verifiziert.

# Gespeicherte Partien
files-title = Partie öffnen
files-meaning = Wähle eine gespeicherte Partie oder zieh eine Datei (.fairmate mit Beweisen, .pgn ohne) auf das Fenster.
files-none = Noch ist keine Partie gespeichert.
files-folder = Gespeicherte Partien liegen in { $part }

# Tasten
help-title = Maus und Tasten
keys-mouse = Klicken oder ziehen
keys-right = Rechte Taste
keys-space = Leertaste
keys-wheel = Mausrad auf dem Brett
help-mouse = eine Figur ziehen; während der Gegner am Zug ist: ein Vorauszug
help-right = Kreis oder Pfeil zeichnen; Figur oder Vorauszug loslassen
help-cancel = alles loslassen, einen Dialog schließen
help-type = einen Zug tippen (Nf3 oder g1f3), Enter spielt ihn
help-cursor = ein Zeiger: Pfeile bewegen ihn, Leertaste nimmt und setzt
help-browse = einen Zug zurück, einen Zug vor
help-ends = erste Stellung, letzte Stellung
help-flip = Brett drehen
help-proof = was über den letzten Zug bewiesen ist
help-new = neue Partie
help-settings = Optionen
help-mute = Töne aus und an
help-take-back = einen Zug zurücknehmen (freie Partien)
help-save = die Partie mit ihren Beweisen speichern
help-open = eine gespeicherte Partie öffnen
help-copy = Stellung kopieren, Partie kopieren
help-paste = eine Stellung oder Partie einfügen
help-help = diese Liste

# Arten von Partien
kind-casual = Frei
kind-casual-long = Frei (mit Rücknahme)
kind-rated = Gewertet
kind-rated-long = Gewertet (jeder Zug zählt)
kind-review = Ansicht

# Netz
network-connecting = Gegner: verbinde…
network-pinned = Netz { $digest }  hier hinterlegt
network-unknown = Netz { $digest }  NICHT HINTERLEGT
network-changed = Netz { $digest }  GEWECHSELT
network-mismatch = Netz { $digest }  FALSCHER SCHLÜSSEL

# Meldungen
notice-copied = Kopiert
notice-draw-declined = Das Netz lehnt das Remis ab.
notice-link-copied = Der Link ist kopiert: Wer ihn hat, kann zusehen, aber nicht spielen.
notice-not-opened = Nicht geöffnet: { $part }
notice-not-pasted = Nicht eingefügt: { $part }
notice-not-saved = Nicht gespeichert: { $part }
notice-pasted-fen = Die nächste Partie beginnt mit der eingefügten Stellung.
notice-rated-no-takeback = Eine gewertete Partie: kein Zug wird zurückgenommen.
notice-review-invalid = Ein Beweis in dieser Datei ist UNGÜLTIG: { $part }
notice-saved = Gespeichert in { $part }
notice-taken-back = Zurückgenommen

# Spieler
player-watched = Spieler
player-you = Du
player-network = Netz

# Bewertung
policy-title = Was das Netz hier denkt
policy-no-model = Das Netz selbst liegt nicht auf diesem Rechner.

# Optionen
choice-on = An
choice-off = Aus
settings-title = Optionen
settings-language = Sprache
settings-volume = Töne: { $volume } %
settings-silent = Töne: aus
settings-contrast = Hoher Kontrast
settings-premoves = Vorauszüge
settings-hints = Punkte für erlaubte Züge
settings-coordinates = Koordinaten

# Start
start-title-first = Fairmate
start-title = Neue Partie
start-meaning = Spiel gegen ein neuronales Netz, das jeden seiner Züge beweist. Dein Rechner prüft jeden Beweis: Der Zug ist genau die Wahl des veröffentlichten Netzes und von niemandem sonst.
start-side = Deine Seite
start-level = Stufe des Netzes, 8 ist die stärkste
level = Stufe { $level }
level-measured = { $level }, gemessen für »{ $name }« ({ $card }); unter Stufe 8 aus Spielen gegen sich selbst
level-unmeasured = { $level }: niemand hat gemessen, wie stark dieses Netz ist
strength-elo = etwa { $elo } Elo
strength-beginner = Anfänger
start-time = Uhr
start-kind = Art der Partie
start-looks = Brett und Figuren
start-position = Beginnt mit { $part }
side-random = Zufall
time-none = Ohne Uhr

# Lage
status-awaiting-game = Warte auf die Partie, der zugesehen wird
status-choose = Wähle zuerst eine Seite
status-stopped = Angehalten: siehe Beweismittel
status-check = , Schach
status-watching = Zusehen: { $side } am Zug{ $check }
status-network = Das Netz denkt ({ $side }{ $check })
status-unproven = Warten auf Beweise: mehr als 3 Züge sind nicht verifiziert
status-browsing = Frühere Stellung: Ende führt zurück
status-review = Gespeicherte Partie: Stellung { $shown } von { $all }
status-over = Die Partie ist vorbei
status-your-move = Du bist am Zug ({ $side }{ $check })
typing = Zug: { $typed }_

# Die Schätzung des Netzes
value-title = Chancen von Weiß nach eigener Schätzung des Netzes
value-start = Beginn
value-line = { $place }: Weiß gewinnt { $white } %, remis { $draw } %, Schwarz gewinnt { $black } %
value-decided = { $place }: durch die Regeln entschieden

# Spiele um Einsätze
start-stakes = Um Testgeld
stakes-meaning = Beide zahlen Einsatz und Pfand und unterschreiben jeden Zug; hört einer auf, rechnet der Vertrag ab. Ohne Uhr und Rücknahme. Du hast { $held } Test-ETH, im Vertrag { $inside }.
stakes-level = Um Einsätze wird Stufe { $level } gespielt: Stufe { $strongest } spielt immer dieselben Züge
stakes-opening = Einsatz { $stake } Test-ETH: Die Partie wird auf der Chain eröffnet …
stakes-open = Einsatz { $stake } Test-ETH, auf der Chain eröffnet; { $recorded } Züge unterschrieben und aufbewahrt
stakes-challenged = Einsatz { $stake } Test-ETH: Der Server hat sich an die Chain gewandt. Zieh, oder stimm dem Ergebnis zu
stakes-waiting = Einsatz { $stake } Test-ETH: auf der Chain, der Server muss antworten vor { $deadline }
stakes-settling = Einsatz { $stake } Test-ETH: Das Ende wird auf der Chain abgerechnet …
stakes-won = Auf der Chain abgerechnet: Du hast { $stake } Test-ETH gewonnen. { $inside } Test-ETH liegen für dich im Vertrag
stakes-lost = Auf der Chain abgerechnet: Du hast { $stake } Test-ETH verloren. { $inside } Test-ETH liegen für dich im Vertrag
stakes-drawn = Auf der Chain abgerechnet: Niemand hat gewonnen. { $inside } Test-ETH liegen für dich im Vertrag
status-opening = Die Partie wird auf der Chain eröffnet
notice-offer-refused = Das Angebot des Servers wird nicht angenommen, nichts wurde gesendet: { $part }
notice-chain-trouble = Chain: { $part }
notice-no-draw-offer = Um Einsätze kann Remis nur beansprucht werden, und dafür gibt es hier keinen Grund
button-stake-small = Um 0,01 ETH spielen
button-stake-middle = Um 0,1 ETH spielen
button-stake-large = Um 1 ETH spielen
button-to-chain = An die Chain wenden
button-withdraw = Mein Geld abheben
