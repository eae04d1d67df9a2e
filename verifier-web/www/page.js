// The page: takes files, shows the game and the verdicts. All checking is the worker's.
const MAX_FILE_BYTES = 512 * 1024 * 1024;
const SVG = 'http://www.w3.org/2000/svg';
const get = (id) => document.getElementById(id);

// The drawings are the client's (game/src/theme/art.rs): body, lines, dots on a canvas of 100 by 100.
const PIECES = {
  pawn: ['M50 17 A12.5 12.5 0 0 1 59.8 37.2 Q65.5 40 66 47 H59 Q60 63 70 71 Q76 76 76 84 V89 H24 V84 Q24 76 30 71 Q40 63 41 47 H34 Q34.5 40 40.2 37.2 A12.5 12.5 0 0 1 50 17 Z',
    'M41 47 H59 M31 78 Q50 72 69 78', ''],
  rook: ['M25 16 H37 V24 H44 V16 H56 V24 H63 V16 H75 V34 L66 42 L68 68 L75 75 V81 H79 V89 H21 V81 H25 V75 L32 68 L34 42 L25 34 Z',
    'M34 42 H66 M32 68 H68 M25 81 H75', ''],
  bishop: ['M50 8 A6 6 0 0 1 53.6 18.8 C66 29 71 41 66 52 Q64 57 61 60 L64 71 Q79 73 80 84 V89 H20 V84 Q21 73 36 71 L39 60 Q36 57 34 52 C29 41 34 29 46.4 18.8 A6 6 0 0 1 50 8 Z',
    'M39 60 H61 M36 71 H64 M59 29 L50.5 42', ''],
  knight: ['M25 89 V85 Q25 80 30 78 C31 66 42 61 45 51 C40 56 35 56 30 59 Q25 65 20 63 Q14 61 15 54 C17 46 23 41 26 33 C28 27 32 23 37 20 L36 9 L46 17 Q50 15 53 10 L56 18 C74 24 83 42 80 78 Q84 80 84 85 V89 Z',
    'M30 78 H80 M58 24 C69 32 73 48 71 70 M45 51 Q51 47 51 39',
    'M37 32.5 a2.8 2.8 0 1 0 0.01 0 Z M21.5 53.5 a1.7 1.7 0 1 0 0.01 0 Z'],
  queen: ['M13 31 L28 53 L31 26 L42.5 50 L50 21 L57.5 50 L69 26 L72 53 L87 31 L77 67 Q75 71 78 76 Q80 80 80 84 V89 H20 V84 Q20 80 22 76 Q25 71 23 67 Z M13 21 a5 5 0 1 0 0.01 0 Z M31 15.5 a5 5 0 1 0 0.01 0 Z M50 10.5 a5.2 5.2 0 1 0 0.01 0 Z M69 15.5 a5 5 0 1 0 0.01 0 Z M87 21 a5 5 0 1 0 0.01 0 Z',
    'M24 67 Q50 58 76 67 M23 78 Q50 70 77 78', ''],
  king: ['M46.5 7 H53.5 V13 H60 V20 H53.5 V31 C61 24 76 26 82 36 C88 47 82 58 76 66 L77 76 Q80 80 80 84 V89 H20 V84 Q20 80 23 76 L24 66 C18 58 12 47 18 36 C24 26 39 24 46.5 31 V20 H40 V13 H46.5 Z',
    'M50 34 V61 M24 66 Q50 57 76 66 M23 77 Q50 69 77 77', ''],
};
const SIGNS = {
  verified: [['M12 54 L39 80 L88 22', 'none', '#63c174', 17]],
  rejected: [['M31 4 H69 L96 31 V69 L69 96 H31 L4 69 V31 Z', '#e5575b', 'none', 0], ['M31 31 L69 69 M69 31 L31 69', 'none', '#ffffff', 13]],
  unchecked: [['M50 4 L97 50 L50 96 L3 50 Z', 'none', '#e3aa45', 8], ['M37 40 Q38 27 50 27 Q63 27 63 39 Q63 47 55 50 Q50 53 50 59 M50 71 L50 73', 'none', '#e3aa45', 9]],
  checking: [['M12 41 a29 29 0 1 0 58 0 a29 29 0 1 0 -58 0 M63 63 L88 88', 'none', '#74a9ee', 14]],
  waiting: [['M12 50 a38 38 0 1 0 76 0 a38 38 0 1 0 -76 0', 'none', '#74a9ee', 13]],
};
const ROLES = { p: 'pawn', n: 'knight', b: 'bishop', r: 'rook', q: 'queen', k: 'king' };
const START = 'rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1';

let language = (navigator.language || 'en').startsWith('de') ? 'de' : 'en';
let flipped = false;
let keys = [];
let keyAt = 0;
let file = null; // { kind: 'bundle' or 'proof', name, bytes, claim }
let game = null; // what the verifier says of the file
let verdicts = []; // by proof: { kind, ms, reason, name }
let shown = 0; // half-moves played in the position on the board
let problem = null; // { text, parts }: nothing was opened
let trial = null; // { kind, answer, at }: the last try with the proof on the card
let broken = null; // { text, parts }: the page itself can't work
let generation = 0; // counts openings, so that answers about an earlier file are dropped

function say(id, parts = {}) {
  return TEXTS[language][id].replace(/\{(\w+)\}/g, (_, name) => parts[name] ?? '');
}
const shortDigest = (digest) => (digest ? `${digest.slice(0, 8)}…${digest.slice(-4)}` : '');
const inMs = (ms) => (ms < 10 ? ms.toFixed(1) : String(Math.round(ms)));

// -- Drawings

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function drawSprite() {
  const gradient = (id, top, bottom) =>
    svg('linearGradient', { id, x1: 0, y1: 0, x2: 0, y2: 1 },
      svg('stop', { offset: 0, 'stop-color': top }), svg('stop', { offset: 1, 'stop-color': bottom }));
  const sprite = get('sprite');
  sprite.append(svg('defs', {}, gradient('shade-white', '#ffffff', '#e6e1d6'), gradient('shade-black', '#55565c', '#35363b')));
  for (const [side, edge, inner] of [['white', '#34312e', '#5a554f'], ['black', '#131417', '#c9ccd3']]) {
    for (const [role, [body, lines, dots]] of Object.entries(PIECES)) {
      sprite.append(svg('symbol', { id: `${side}-${role}`, viewBox: '0 0 100 100' },
        svg('path', { d: body, fill: `url(#shade-${side})`, stroke: edge, 'stroke-width': 3.4, 'stroke-linejoin': 'round' }),
        svg('path', { d: lines, fill: 'none', stroke: inner, 'stroke-width': 2.4, 'stroke-linecap': 'round' }),
        ...(dots ? [svg('path', { d: dots, fill: inner })] : [])));
    }
  }
}

function sign(kind) {
  const paths = SIGNS[kind].map(([d, fill, stroke, width]) =>
    svg('path', { d, fill, stroke, 'stroke-width': width, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
  return svg('svg', { viewBox: '0 0 100 100', 'aria-hidden': 'true' }, ...paths);
}

// -- Worker

let worker = null;
let calls = new Map();
let callNumber = 0;

function moduleBytes() {
  const packed = atob(get('module').textContent.trim());
  return Uint8Array.from(packed, (character) => character.charCodeAt(0));
}

function ask(what, parts = {}) {
  if (!worker) {
    const source = new Blob([get('worker').textContent], { type: 'text/javascript' });
    const url = URL.createObjectURL(source);
    worker = new Worker(url);
    const end = (reason) => {
      worker?.terminate();
      worker = null;
      const waiting = [...calls.values()];
      calls = new Map();
      for (const { reject } of waiting) reject(new Error(reason));
    };
    worker.onmessage = ({ data }) => {
      const call = calls.get(data.id);
      calls.delete(data.id);
      // An instance that panicked can't go on.
      if (data.answer.stopped !== undefined) {
        call?.reject(new Error(data.answer.stopped));
        end(data.answer.stopped);
      } else call?.resolve(data.answer);
    };
    worker.onerror = (event) => end(event.message || 'the worker could not start');
    ask('start', { bytes: moduleBytes() }).catch(() => {});
  }
  const id = ++callNumber;
  return new Promise((resolve, reject) => {
    calls.set(id, { resolve, reject });
    worker.postMessage({ id, what, ...parts });
  });
}

// -- Opening and verifying

/// Takes files as they were dropped or chosen.
async function take(list) {
  if (broken) return fail(broken.text, broken.parts);
  const files = [...list];
  const current = ++generation;
  let opened = null;
  let claim = null;
  let key = null;
  for (const one of files) {
    if (one.size > MAX_FILE_BYTES) return fail('tooLarge', { file: one.name });
    let bytes;
    try {
      bytes = new Uint8Array(await one.arrayBuffer());
    } catch (error) {
      return fail('unreadable', { file: one.name, reason: error.message });
    }
    if (current !== generation) return;
    const name = one.name.toLowerCase();
    const begins = (text) => [...text].every((character, at) => bytes[at] === character.charCodeAt(0));
    if (name.endsWith('.vk') || begins('FAIRMVK')) key = { name: one.name, bytes };
    else if (name.endsWith('.json') || name.endsWith('.txt')) claim = { name: one.name, text: new TextDecoder().decode(bytes) };
    else if (name.endsWith('.pgn')) return fail('pgnOnly');
    else if (opened) return fail('tooMany');
    else opened = { kind: name.endsWith('.fairmate') || begins('PK') ? 'bundle' : 'proof', name: one.name, bytes, claim: null };
  }
  if (key && !(await addKey(key, current))) return;
  if (opened) {
    file = opened;
    get('claim-text').value = '';
  }
  if (claim) get('claim-text').value = claim.text;
  if (file?.kind === 'proof') file.claim = get('claim-text').value.trim() || null;
  await open(current);
}

/// Reads a key and makes it the one to check with.
async function addKey({ name, bytes }, current) {
  try {
    const answer = await ask('set_key', { bytes });
    if (current !== generation) return false;
    if (answer.error !== undefined) {
      fail('unreadable', { file: name, reason: answer.error });
      return false;
    }
    const known = keys.findIndex((key) => key.digest === answer.ok.digest);
    if (known >= 0) keyAt = known;
    else keyAt = keys.push({ name, bytes, pinned: false, ...answer.ok }) - 1;
    return true;
  } catch (error) {
    fail('stopped', { reason: error.message });
    return false;
  }
}

function fail(text, parts = {}) {
  problem = { text, parts };
  game = null;
  verdicts = [];
  shown = 0;
  draw('refused');
  announce(say(text, parts));
}

/// Opens the file at hand under the key at hand and verifies it.
async function open(current) {
  problem = null;
  game = null;
  verdicts = [];
  trial = null;
  shown = 0;
  if (!file || (file.kind === 'proof' && !file.claim)) return draw('ready');
  draw('working');
  try {
    const answer = await openUnderKey();
    if (current !== generation) return;
    if (answer.error !== undefined) return fail('unreadable', { file: file.name, reason: answer.error });
    game = answer.ok;
    verdicts = game.proofs.map(() => ({ kind: 'waiting' }));
    shown = game.proofs.length > 0 && file.kind === 'proof' ? game.proofs[0].plies[0] + 1 : game.plies.length;
    if (game.side === 'black') flipped = false; // the network plays Black, the reader sits where the player sat
    if (game.side === 'white') flipped = true;
    if (game.digest !== null && game.digest !== keys[keyAt].digest) {
      problem = { text: 'noSuchKey', parts: { digest: game.digest } };
    } else if (game.refused !== null) problem = { text: 'refused', parts: { reason: game.refused } };
    if (problem) {
      draw('refused');
      return announce(say(problem.text, problem.parts));
    }
    draw('working');
    for (let number = 0; number < verdicts.length; number += 1) {
      verdicts[number] = { kind: 'checking' };
      drawVerdict(number);
      const answer = await ask('verify', { number });
      if (current !== generation) return;
      verdicts[number] = answer.error === undefined
        ? { kind: 'verified', ms: answer.ms }
        : { kind: 'rejected', ms: answer.ms, reason: answer.error.reason, name: answer.error.name };
      drawVerdict(number);
    }
    draw('done');
    const bad = verdicts.filter(({ kind }) => kind === 'rejected').length;
    announce(bad > 0 ? say('someRejected', { bad, all: verdicts.length }) : say('allVerified', { all: provenMoves() }));
  } catch (error) {
    if (current !== generation) return;
    verdicts = verdicts.map((verdict) => (verdict.ms === undefined ? { kind: 'unchecked', reason: error.message } : verdict));
    problem = { text: 'stopped', parts: { reason: error.message } };
    draw('refused');
    announce(say('stopped', { reason: error.message }));
  }
}

async function openUnderKey() {
  const once = async () => {
    const answer = await ask('set_key', { bytes: keys[keyAt].bytes });
    if (answer.error !== undefined) return answer;
    if (answer.ok.digest !== keys[keyAt].digest) throw new Error(say('wrongPin'));
    return file.kind === 'bundle'
      ? ask('open_bundle', { bytes: file.bytes })
      : ask('open_proof', { bytes: file.bytes, claim: file.claim });
  };
  const answer = await once();
  const named = keys.findIndex(({ digest }) => digest === answer.ok?.digest);
  if (named < 0 || named === keyAt) return answer;
  keyAt = named;
  return once();
}

const provenMoves = () => game.proofs.reduce((sum, { plies }) => sum + plies.length, 0);
const proofOf = (ply) => (game ? game.proofs.findIndex(({ plies }) => plies.includes(ply)) : -1);

/// The verdict about the move after `ply` half-moves.
function verdictOf(ply) {
  const number = proofOf(ply);
  if (number >= 0) return verdicts[number];
  const turn = (game.start[2] + ply) % 2 === 0 ? 'white' : 'black';
  if (problem && game.side === turn) return { kind: 'unchecked', reason: say(problem.text, problem.parts) };
  return { kind: 'unproven' };
}

// -- Drawing

function announce(text) {
  get('status').textContent = text;
}

function badge(verdict) {
  const node = document.createElement('span');
  node.className = `badge ${verdict.kind}`;
  node.append(sign(verdict.kind), say(verdict.kind, { ms: verdict.ms === undefined ? '' : inMs(verdict.ms) }));
  return node;
}

function draw(phase) {
  document.documentElement.lang = language;
  if (phase) document.body.dataset.phase = phase;
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll('[data-language]')) node.setAttribute('aria-pressed', String(node.dataset.language === language));
  for (const node of document.querySelectorAll('[data-step]')) {
    const step = node.dataset.step;
    node.title = say(step);
    node.setAttribute('aria-label', say(step));
    const end = step === 'first' || step === 'back' ? shown === 0 : shown === (game?.plies.length ?? 0);
    node.disabled = step !== 'flip' && end;
  }
  get('steps').setAttribute('aria-label', say('steps'));
  get('languages').setAttribute('aria-label', say('language'));
  const asks = file?.kind === 'proof' && (!file.claim || !game);
  get('claim').hidden = !asks;
  get('claim-file').textContent = asks ? file.name : '';
  get('moves-card').hidden = !game;
  get('drop').classList.toggle('small', game !== null);
  drawAlarm();
  drawSummary();
  drawNetwork();
  drawMoves();
  drawBoard();
  drawMove();
}

function drawAlarm() {
  const lines = [];
  const rejected = verdicts.filter(({ kind }) => kind === 'rejected');
  if (rejected.length > 0) {
    const first = moveName(game.proofs[verdicts.indexOf(rejected[0])].plies[0]);
    lines.push(`${say('someRejected', { bad: rejected.length, all: verdicts.length })} ${first}: ${rejected[0].reason}`);
  }
  if (problem) lines.push(say(problem.text, problem.parts));
  if (keys[keyAt] && !keys[keyAt].pinned) lines.push(`${say('notPinned')}: ${keys[keyAt].digest}`);
  const alarm = get('alarm');
  alarm.hidden = lines.length === 0;
  const text = lines.join('\n');
  if (alarm.innerText !== text) alarm.replaceChildren(...lines.flatMap((line, at) => (at > 0 ? [document.createElement('br'), line] : [line])));
}

function drawSummary() {
  get('summary').hidden = !game;
  if (!game) return;
  const tag = (name) => game.tags.find(([key]) => key === name)?.[1] ?? '?';
  get('title').textContent = game.digest === null ? say('singleTitle') : say('gameTitle', { white: tag('White'), black: tag('Black') });
  const all = provenMoves();
  const moves = (kind) => game.proofs.reduce((sum, { plies }, at) => sum + (verdicts[at].kind === kind ? plies.length : 0), 0);
  const [good, bad] = [moves('verified'), moves('rejected')];
  const count = get('count');
  count.textContent = say('count', { done: good, all });
  count.className = bad > 0 || problem ? 'bad' : good < all ? '' : keys[keyAt].pinned ? 'good' : 'warn';
  get('progress').max = Math.max(all, 1);
  get('progress').value = good + bad;
  get('progress').className = count.className;
  const facts = [say(game.side ? 'facts' : 'factsProof', {
    level: game.level, id: shortDigest(game.game_id), side: game.side && say(game.side), profile: game.profile,
  })];
  const result = game.tags.find(([key]) => key === 'Result')?.[1];
  if (result && result !== '*') facts.push(result);
  if (game.created) facts.push(say('saved', { created: game.created }));
  if (good + bad === all && all > 0) facts.push(say('total', { ms: inMs(verdicts.reduce((sum, { ms }) => sum + ms, 0)) }));
  get('facts').textContent = facts.join(' · ');
}

function drawNetwork() {
  const key = keys[keyAt];
  if (!key) return;
  const trust = get('trust');
  trust.textContent = say(key.pinned ? 'pinned' : 'notPinned');
  trust.className = key.pinned ? 'good' : 'bad';
  get('digest').textContent = key.digest;
  get('network-note').textContent = key.pinned
    ? say('pinnedNote', { name: key.name, channels: key.channels, blocks: key.blocks }) : say('notPinnedNote');
  const select = get('keys');
  select.hidden = keys.length < 2;
  select.setAttribute('aria-label', say('chooseKey'));
  select.replaceChildren(...keys.map((one, at) =>
    new Option(`${shortDigest(one.digest)} ${one.pinned ? one.name : say('dropped', { name: one.name })}`, String(at), at === keyAt, at === keyAt)));
}

/// The move after `ply` half-moves, as `3. d4` or `3... exd4`.
function moveName(ply) {
  const number = game.start[2] + ply;
  return `${Math.floor(number / 2) + 1}${number % 2 === 0 ? '.' : '...'} ${game.plies[ply].san}`;
}

function drawMoves() {
  const list = get('moves');
  list.replaceChildren();
  if (!game) return;
  const offset = game.start[2] % 2;
  for (let row = -offset; row < game.plies.length; row += 2) {
    const line = document.createElement('li');
    const number = document.createElement('span');
    number.className = 'number';
    number.textContent = `${Math.floor((game.start[2] + row) / 2) + 1}.`;
    line.append(number, ...[row, row + 1].map((ply) => {
      if (ply < 0 || ply >= game.plies.length) {
        const gap = document.createElement('span');
        gap.textContent = ply < 0 ? '…' : '';
        return gap;
      }
      const button = document.createElement('button');
      button.type = 'button';
      button.dataset.ply = ply;
      fillMove(button, ply);
      return button;
    }));
    list.append(line);
  }
  showCurrent();
}

function fillMove(button, ply) {
  const verdict = verdictOf(ply);
  const san = document.createElement('span');
  san.textContent = game.plies[ply].san;
  button.replaceChildren(san, ...(verdict.kind === 'unproven' ? [] : [badge(verdict)]));
  button.dataset.verdict = verdict.kind;
  button.dataset.reason = verdict.name ?? '';
  button.setAttribute('aria-label', `${moveName(ply)}, ${say(verdict.kind, { ms: verdict.ms === undefined ? '' : inMs(verdict.ms) })}`);
}

function showCurrent() {
  for (const button of get('moves').querySelectorAll('button')) {
    const current = Number(button.dataset.ply) === shown - 1;
    if (current) {
      button.setAttribute('aria-current', 'true');
      // Not scrollIntoView, which would move the page, too.
      const list = get('moves');
      const [top, bottom] = [button.offsetTop - list.offsetTop, button.offsetTop - list.offsetTop + button.offsetHeight];
      if (top < list.scrollTop) list.scrollTop = top;
      else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
    } else button.removeAttribute('aria-current');
  }
}

/// A verdict changed: everything else stays as it is.
function drawVerdict(number) {
  for (const ply of game.proofs[number].plies) {
    const button = get('moves').querySelector(`[data-ply="${ply}"]`);
    if (button) fillMove(button, ply);
  }
  drawSummary();
  drawAlarm();
  if (proofOf(shown - 1) === number) {
    drawBoard();
    drawMove();
  }
}

/// The pieces of a FEN: `{ e4: 'P' }`.
function pieces(fen) {
  const found = {};
  fen.split(' ')[0].split('/').forEach((rank, down) => {
    let file = 0;
    for (const character of rank) {
      if (character >= '1' && character <= '8') file += Number(character);
      else found[`${'abcdefgh'[file++]}${8 - down}`] = character;
    }
  });
  return found;
}

function drawBoard() {
  const [fen, check] = !game ? [START, null]
    : shown === 0 ? game.start : [game.plies[shown - 1].fen, game.plies[shown - 1].check];
  const last = game && shown > 0 ? game.plies[shown - 1].squares : [];
  const verdict = game && shown > 0 ? verdictOf(shown - 1) : { kind: 'unproven' };
  const on = pieces(fen);
  const ranks = flipped ? [1, 2, 3, 4, 5, 6, 7, 8] : [8, 7, 6, 5, 4, 3, 2, 1];
  const files = flipped ? [...'hgfedcba'] : [...'abcdefgh'];
  const board = get('board');
  board.setAttribute('aria-label', `${say('board')}: ${game && shown > 0 ? moveName(shown - 1) : say('start')}`);
  board.replaceChildren(...ranks.map((rank, down) => {
    const row = document.createElement('div');
    row.setAttribute('role', 'row');
    row.append(...files.map((file, across) => {
      const name = `${file}${rank}`;
      const square = document.createElement('div');
      square.setAttribute('role', 'gridcell');
      const dark = ('abcdefgh'.indexOf(file) + rank) % 2 === 1;
      square.className = ['square', dark && 'dark', last.includes(name) && 'last', check === name && 'check'].filter(Boolean).join(' ');
      const piece = on[name];
      let label = `${name}, ${say('empty')}`;
      if (piece) {
        const [side, role] = [piece === piece.toUpperCase() ? 'white' : 'black', ROLES[piece.toLowerCase()]];
        square.append(svg('svg', { class: 'piece', viewBox: '0 0 100 100', 'aria-hidden': 'true' }, svg('use', { href: `#${side}-${role}` })));
        label = `${name}, ${say(`${side}Piece`, { piece: say(role) })}${check === name ? `, ${say('inCheck')}` : ''}`;
      }
      square.setAttribute('aria-label', label);
      const coordinate = (text, kind) => {
        const node = document.createElement('span');
        node.className = `coordinate ${kind}`;
        node.setAttribute('aria-hidden', 'true');
        node.textContent = text;
        square.append(node);
      };
      if (down === 7) coordinate(file, 'file');
      if (across === 7) coordinate(rank, 'rank');
      if (last[1] === name && verdict.kind !== 'unproven') {
        const mark = document.createElement('span');
        mark.className = 'mark';
        mark.append(sign(verdict.kind));
        square.append(mark);
      }
      return square;
    }));
    return row;
  }));
  get('fen').textContent = game ? fen : '';
}

function drawMove() {
  const card = get('move-card');
  card.hidden = !game || shown === 0;
  if (card.hidden) return;
  const ply = shown - 1;
  const verdict = verdictOf(ply);
  const number = proofOf(ply);
  const proof = game.proofs[number];
  get('move-title').textContent = moveName(ply);
  const mark = get('move-badge');
  mark.replaceChildren(...(verdict.kind === 'unproven' ? [say('unproven')] : [badge(verdict)]));
  mark.className = verdict.kind === 'unproven' ? 'muted' : '';
  const at = proof ? proof.plies.indexOf(ply) : -1;
  const parts = {
    move: game.plies[ply].san, digest: shortDigest(keys[keyAt].digest), level: game.level, reason: verdict.reason,
    count: proof?.legal[at], ms: verdict.ms === undefined ? '' : inMs(verdict.ms),
  };
  const sentence = { verified: game.level < 8 ? 'sentenceVerifiedLevel' : 'sentenceVerified', rejected: 'sentenceRejected',
    checking: 'sentenceChecking', waiting: 'sentenceChecking', unchecked: 'sentenceUnchecked', unproven: 'sentenceUnproven' };
  get('sentence').textContent = say(sentence[verdict.kind], parts);
  const facts = [];
  if (proof) {
    facts.push([say('size'), `${(proof.bytes / 1000).toFixed(1)} kB`]);
    if (verdict.ms !== undefined) facts.push([say('time'), `${inMs(verdict.ms)} ms`]);
    facts.push([say('security'), say('bits', { bits: Math.floor(proof.security_bits) })]);
    facts.push([say('legal'), String(proof.legal[at])]);
    if (proof.plies.length > 1) facts.push([say('shared'), String(proof.plies.length)]);
    if (proof.seeds[at]) facts.push([say('seed'), proof.seeds[at]]);
    if (proof.values[at]) facts.push([say('value'), proof.values[at].join(', ')]);
  }
  const list = get('move-facts');
  list.hidden = facts.length === 0;
  list.replaceChildren(...facts.flatMap(([term, value]) => {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = term;
    dd.textContent = value;
    if (term === say('seed')) dd.className = 'mono';
    return [dt, dd];
  }));
  const settled = verdict.kind === 'verified' || verdict.kind === 'rejected';
  get('again').disabled = !settled;
  get('tamper').disabled = !settled;
  drawTrial(number);
}

function drawTrial(number) {
  const node = get('trial');
  if (!trial || trial.number !== number) return node.replaceChildren();
  const { kind, answer, at } = trial;
  const rejected = answer.error !== undefined;
  const good = (kind === 'tamper') === rejected;
  node.className = good ? 'good' : 'bad';
  const parts = { at, reason: answer.error?.reason, ms: inMs(answer.ms) };
  node.textContent = kind === 'tamper'
    ? say(rejected ? 'tampered' : 'tamperedAccepted', parts) : say(rejected ? 'againBad' : 'againGood', parts);
}

// -- What the reader does

function step(where) {
  const end = game?.plies.length ?? 0;
  if (where === 'flip') flipped = !flipped;
  else shown = { first: 0, back: Math.max(shown - 1, 0), forward: Math.min(shown + 1, end), last: end }[where];
  goTo(shown);
}

function goTo(ply) {
  shown = ply;
  for (const node of document.querySelectorAll('[data-step]')) {
    const back = ['first', 'back'].includes(node.dataset.step);
    node.disabled = node.dataset.step !== 'flip' && (back ? shown === 0 : shown === (game?.plies.length ?? 0));
  }
  showCurrent();
  drawBoard();
  drawMove();
  if (game) {
    const verdict = shown > 0 ? verdictOf(shown - 1) : null;
    announce(verdict ? `${moveName(shown - 1)}, ${say(verdict.kind, { ms: verdict.ms === undefined ? '' : inMs(verdict.ms) })}` : say('start'));
  }
}

async function attempt(kind) {
  const number = proofOf(shown - 1);
  if (number < 0) return;
  const current = generation;
  const at = Math.floor(Math.random() * game.proofs[number].bytes);
  try {
    const answer = kind === 'tamper' ? await ask('verify_tampered', { number, at }) : await ask('verify', { number });
    if (current !== generation) return;
    trial = { number, kind, answer, at };
    drawMove();
  } catch (error) {
    if (current === generation) fail('stopped', { reason: error.message });
  }
}

function listen() {
  get('files').addEventListener('change', (event) => {
    take(event.target.files);
    event.target.value = '';
  });
  get('claim').addEventListener('submit', (event) => {
    event.preventDefault();
    if (!file) return;
    file.claim = get('claim-text').value.trim() || null;
    open(++generation);
  });
  get('keys').addEventListener('change', (event) => {
    keyAt = Number(event.target.value);
    open(++generation);
  });
  get('steps').addEventListener('click', (event) => {
    const where = event.target.closest('[data-step]')?.dataset.step;
    if (where) step(where);
  });
  get('moves').addEventListener('click', (event) => {
    const button = event.target.closest('[data-ply]');
    if (button) goTo(Number(button.dataset.ply) + 1);
  });
  get('languages').addEventListener('click', (event) => {
    const chosen = event.target.closest('[data-language]')?.dataset.language;
    if (!chosen) return;
    language = chosen;
    draw();
  });
  get('again').addEventListener('click', () => attempt('again'));
  get('tamper').addEventListener('click', () => attempt('tamper'));
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('textarea, select')) return;
    const where = { ArrowLeft: 'back', ArrowRight: 'forward', Home: 'first', End: 'last', f: 'flip', F: 'flip' }[event.key];
    if (!where) return;
    event.preventDefault();
    step(where);
  });
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    if (event.dataTransfer.files.length > 0) take(event.dataTransfer.files);
  });
}

function giveUp(text, parts = {}) {
  broken = { text, parts };
  fail(text, parts);
}

async function main() {
  drawSprite();
  listen();
  const pinned = JSON.parse(get('pinned').textContent);
  const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
  for (const what of ['WebAssembly', 'Worker', 'DecompressionStream']) {
    if (!(what in window)) return giveUp('oldBrowser', { what });
  }
  draw('starting');
  try {
    for (const { name, digest, key } of pinned) {
      const answer = await ask('set_key', { bytes: bytes(key) });
      if (answer.ok?.digest !== digest) return giveUp('wrongPin');
      keys.push({ name, bytes: bytes(key), pinned: true, ...answer.ok });
    }
    draw('ready');
  } catch (error) {
    giveUp('stopped', { reason: error.message });
  }
}

main();
