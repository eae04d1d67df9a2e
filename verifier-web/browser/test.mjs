// Drops files on the page in a real Chromium and compares what the page says with what the native verifier says.
// usage: node test.mjs FOLDER BROWSER [FOLDER FOR SCREENSHOTS]      FOLDER as `cargo run --example page -- FILE --cases` writes it
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const [folder, executablePath, pictures] = process.argv.slice(2);
const at = (name) => join(folder, name);
const json = (name) => JSON.parse(readFileSync(at(name), 'utf8'));
const PATIENCE_MS = 120_000;

// As root, Chromium starts without its sandbox only; in containers /dev/shm may be small.
const flags = ['--disable-dev-shm-usage', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];
const browser = await chromium.launch({ executablePath, args: flags, timeout: PATIENCE_MS });
const html = readFileSync(at('page.html'));
const policy = readFileSync(at('policy.txt'), 'utf8');
// Damaged pages: a key that is not the one named beside it, a module that wants a function of the browser, no module at all.
const importing = gzipSync(Buffer.from('0061736d01000000010401600000020701016101620000', 'hex')).toString('base64');
const damaged = {
  '/pin': html.toString().replace(/"digest":"[0-9a-f]{8}/, '"digest":"00000000'),
  '/import': html.toString().replace(/(id="module">)[^<]*/, `$1${importing}`),
  '/nothing': html.toString().replace(/(id="module">)[^<]*/, '$1'),
};
const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy });
  response.end(damaged[request.url] ?? html);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const served = `http://127.0.0.1:${server.address().port}/verify`;
const requests = [];

async function opened(url, options = {}, phase = 'ready') {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1240, height: 860 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => requests.push(request.url()));
  page.complaints = complaints;
  await page.goto(url);
  await page.waitForSelector(`body[data-phase="${phase}"]`);
  return page;
}

/// Drops files and waits for the page to come to an end with them.
async function drop(page, ...files) {
  await page.evaluate(() => { document.body.dataset.phase = 'waiting'; });
  await page.setInputFiles('#files', files);
  await page.waitForSelector('body[data-phase="done"], body[data-phase="refused"]');
  return page.evaluate(() => ({
    phase: document.body.dataset.phase,
    alarm: document.getElementById('alarm').hidden ? '' : document.getElementById('alarm').innerText,
    digest: document.getElementById('digest').textContent,
    trust: document.getElementById('trust').textContent,
    count: document.getElementById('count').textContent,
    moves: [...document.querySelectorAll('#moves button')].map(({ dataset, innerText }) =>
      ({ ply: Number(dataset.ply), verdict: dataset.verdict, reason: dataset.reason, text: innerText })),
  }));
}

const of = (seen, verdict) => seen.moves.filter((move) => move.verdict === verdict).map(({ ply }) => ply);
const times = (seen) => seen.moves.flatMap(({ text }) => {
  const found = /verified ([\d.]+) ms/.exec(text.replaceAll('\n', ' '));
  return found ? [Number(found[1])] : [];
});
async function picture(page, name) {
  if (!pictures) return;
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

try {
  const page = await opened(served);
  await picture(page, 'verify-start');
  const pinned = await page.textContent('#digest');
  assert.match(pinned, /^[0-9a-f]{64}$/);
  assert.equal(await page.textContent('#trust'), 'pinned in this page');

  // A whole game of the shipped network.
  const games = json('games.json');
  let seen = await drop(page, at('game.fairmate'));
  assert.deepEqual([seen.phase, seen.alarm, seen.digest], ['done', '', pinned]);
  assert.deepEqual(of(seen, 'verified'), games.game.verified);
  assert.equal(of(seen, 'unproven').length, seen.moves.length - games.game.verified.length);
  assert.equal(seen.count, `${games.game.verified.length}/${games.game.verified.length} verified`);
  const first = times(seen);
  seen = await drop(page, at('game.fairmate'));
  const again = times(seen).sort((a, b) => a - b);
  console.log(`${again.length} moves of the shipped network: first ${first[0]} ms, then median ${again[again.length >> 1]} ms, at most ${again.at(-1)} ms`);
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.getAttribute('#moves [aria-current]', 'data-ply'), String(seen.moves.length - 2));
  await page.click(`#moves [data-ply="${games.game.verified[6]}"]`);
  assert.match(await page.textContent('#sentence'), /rates \S+ highest of the \d+ legal moves in exactly this position/);
  await picture(page, 'verify-game');
  await page.click('#tamper');
  await page.waitForSelector('#trial.good');
  assert.match(await page.textContent('#trial'), /rejected, as it must be/);
  await page.click('#again');
  await page.waitForFunction(() => document.getElementById('trial').textContent.startsWith('Verified again'));

  // Keyboard and what a screen reader gets.
  await page.keyboard.press('Home');
  assert.equal(await page.getAttribute('[role="gridcell"][aria-label^="e2"]', 'aria-label'), 'e2, white pawn');
  assert.equal(await page.locator('[role="grid"] [role="row"] [role="gridcell"]').count(), 64);
  await page.keyboard.press('ArrowRight');
  assert.match(await page.textContent('#status'), /^1\. \S+, verified/);
  const corner = () => page.getAttribute('#board .square', 'aria-label');
  const before = await corner();
  await page.keyboard.press('f');
  assert.notEqual(await corner(), before);
  for (const [language, word] of [['de', 'verifiziert'], ['en', 'verified']]) {
    await page.click(`[data-language="${language}"]`);
    assert.equal(await page.getAttribute('html', 'lang'), language);
    assert.match(await page.textContent('#count'), new RegExp(word));
  }

  // Files that are not what they should be: never a verified move, always a reason.
  for (const [name, { verified, rejected = [], refused }] of Object.entries(games)) {
    if (name === 'game') continue;
    seen = await drop(page, at(`${name}.fairmate`));
    if (refused) {
      assert.equal(seen.phase, 'refused', name);
      assert.ok(seen.alarm.includes(refused), `${name}: ${seen.alarm} has no ${refused}`);
      assert.deepEqual(of(seen, 'verified'), [], name);
    } else {
      assert.deepEqual(of(seen, 'rejected'), rejected, name);
      for (const ply of verified) assert.ok(of(seen, 'verified').includes(ply), `${name}: ${ply}`);
      assert.match(seen.alarm, /REJECTED/);
      assert.match(seen.moves[rejected[0]].reason, /^(Witness|Lookups|Linear|Columns|Channel|Weights)\b/);
      await picture(page, `verify-${name}`);
    }
  }
  seen = await drop(page, at('page.html'), at('game.fairmate'));
  assert.match(seen.alarm, /one game or one proof at a time/);

  // Another key: what verifies under it says loudly that it is not the pinned network.
  seen = await drop(page, at('tiny.vk'), at('drawn.fairmate'));
  assert.deepEqual([seen.phase, of(seen, 'verified')], ['done', [0, 2, 4, 6]]);
  assert.equal(seen.digest, games.drawn.digest);
  assert.equal(seen.trust, 'NOT THE PINNED NETWORK');
  assert.ok(seen.alarm.includes('NOT THE PINNED NETWORK'), seen.alarm);
  assert.match(await page.textContent('#sentence'), /./);
  await picture(page, 'verify-other-key');
  // The pinned game brings its own key back.
  seen = await drop(page, at('game.fairmate'));
  assert.deepEqual([seen.trust, seen.alarm, seen.digest], ['pinned in this page', '', pinned]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();

  // The vectors of the native verifier, from a file on the disk, each with its key, proof and statement.
  const vectors = await opened(pathToFileURL(at('page.html')).href);
  for (const { name, files, plies, expected, digest } of json('cases.json')) {
    seen = await drop(vectors, ...files.map(at));
    assert.equal(seen.digest, digest, name);
    const verdicts = plies.map((ply) => seen.moves[ply]).map(({ verdict, reason }) => (verdict === 'verified' ? 'ok' : `${verdict} ${reason}`));
    assert.deepEqual(verdicts, plies.map(() => (expected === 'ok' ? 'ok' : `rejected ${expected}`)), name);
    assert.deepEqual(of(seen, 'verified'), expected === 'ok' ? plies : [], name);
  }
  // A proof alone asks what it is about; a command says it.
  await vectors.reload();
  await vectors.waitForSelector('body[data-phase="ready"]');
  const [one] = json('cases.json');
  const claim = json(one.files[2]);
  await vectors.setInputFiles('#files', one.files.slice(0, 2).map(at));
  await vectors.waitForSelector('#claim:not([hidden])');
  await vectors.fill('#claim-text', 'engine verify --fen nonsense --move e2e4');
  await vectors.click('#claim [type="submit"]');
  await vectors.waitForSelector('body[data-phase="refused"]');
  assert.match(await vectors.innerText('#alarm'), /not a legal position in FEN/);
  await vectors.fill('#claim-text', `engine verify --fen '${claim.fen}' --move ${claim.moves[0]} --game-id ${claim.game_id}`);
  await vectors.click('#claim [type="submit"]');
  await vectors.waitForSelector('body[data-phase="done"]');
  assert.equal(await vectors.getAttribute('#moves button', 'data-verdict'), 'verified');
  await picture(vectors, 'verify-proof');
  assert.deepEqual(vectors.complaints, []);

  // On a telephone nothing is cut off at the side.
  const small = await opened(served, { viewport: { width: 390, height: 780 }, locale: 'de-DE' });
  seen = await drop(small, at('game.fairmate'));
  assert.match(seen.count, /verifiziert/);
  assert.ok(await small.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  await picture(small, 'verify-small');

  for (const [path, reason] of [['/pin', 'This page is damaged'], ['/import', 'asks for functions of the browser'], ['/nothing', 'The verifier stopped']]) {
    const page = await opened(new URL(path, served).href, {}, 'refused');
    const alarm = await page.innerText('#alarm');
    assert.ok(alarm.includes(reason), `${path}: ${alarm} has no ${reason}`);
    seen = await drop(page, at('game.fairmate'));
    assert.deepEqual(of(seen, 'verified'), [], path);
    assert.ok(seen.alarm.includes(reason), `${path}: ${seen.alarm} has no ${reason}`);
    await page.context().close();
  }

  // Neither page asked for anything but itself and its own worker.
  const own = [served, pathToFileURL(at('page.html')).href, ...Object.keys(damaged).map((path) => new URL(path, served).href)];
  const foreign = requests.filter((url) => !own.includes(url) && !url.startsWith('blob:'));
  assert.deepEqual(foreign, []);
  console.log(`the page in Chromium ${browser.version()}: ${json('cases.json').length} vectors, ${Object.keys(games).length} games`);
} finally {
  await browser.close();
  server.close();
}
