// Runs the verifier beside the page, so that the page stays usable. One message, one answer, in order.
'use strict';
let exports;

const text = (pointer, length) =>
  new TextDecoder().decode(new Uint8Array(exports.memory.buffer, pointer >>> 0, length >>> 0));

function give(...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  let pointer = exports.input(length) >>> 0;
  if (pointer === 0) throw new Error(`there is no memory for ${length} bytes`);
  for (const part of parts) {
    new Uint8Array(exports.memory.buffer, pointer, part.length).set(part);
    pointer += part.length;
  }
}

function call(name, ...numbers) {
  const begin = performance.now();
  const length = exports[name](...numbers);
  const ms = performance.now() - begin;
  return { ...JSON.parse(text(exports.output(), length)), ms };
}

async function start(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const module = await WebAssembly.compile(await new Response(stream).arrayBuffer());
  if (WebAssembly.Module.imports(module).length > 0) throw new Error('the verifier asks for functions of the browser');
  exports = (await WebAssembly.instantiate(module, {})).exports;
  exports.start();
  return { ok: true };
}

async function work(message) {
  switch (message.what) {
    case 'start': return start(message.bytes);
    case 'set_key': give(message.bytes); return call('set_key');
    case 'open_bundle': give(message.bytes); return call('open_bundle');
    case 'open_proof': {
      const claim = new TextEncoder().encode(message.claim);
      give(claim, message.bytes);
      return call('open_proof', claim.length);
    }
    case 'verify': return call('verify', message.number);
    case 'verify_tampered': return call('verify_tampered', message.number, message.at);
    default: throw new Error(`no such work: ${message.what}`);
  }
}

async function answerTo(data) {
  let answer;
  try {
    answer = await work(data);
  } catch (error) {
    let reason = String(error.message || error);
    try {
      if (exports && exports.panic_length() > 0) reason = text(exports.panic_text(), exports.panic_length());
    } catch { /* the instance is gone; the first reason stands */ }
    answer = { stopped: reason };
  }
  postMessage({ id: data.id, answer });
}

// The next message waits for the answer to the one before, also while the module is being compiled.
let queue = Promise.resolve();
onmessage = ({ data }) => {
  queue = queue.then(() => answerTo(data));
};
