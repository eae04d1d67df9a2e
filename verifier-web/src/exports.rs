//! What the module exports. The caller asks for room ([`input`]), writes bytes there, calls a function, and finds JSON at
//! [`output`], of the length that the function returns: `{"ok": ..}` or `{"error": ..}`. There is one thread and one verifier.
//!
//! A panic ends the module's instance; what it said stands at [`panic_text`].

#![allow(
    unsafe_code,
    reason = "unmangled names for the caller; no memory is read or written but through safe code"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::Verifier;

struct State {
    verifier: Verifier,
    input: Vec<u8>,
    output: Vec<u8>,
}

static STATE: Mutex<State> =
    Mutex::new(State { verifier: Verifier::new(), input: Vec::new(), output: Vec::new() });
static PANIC: Mutex<String> = Mutex::new(String::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Serialize)]
enum Answer<T, E> {
    #[serde(rename = "ok")]
    Ok(T),
    #[serde(rename = "error")]
    Error(E),
}

/// Takes the input, gives an answer, and returns its length.
fn answer<T: Serialize, E: Serialize>(work: impl FnOnce(&mut Verifier, Vec<u8>) -> Result<T, E>) -> usize {
    let state = &mut *lock(&STATE);
    let input = std::mem::take(&mut state.input);
    let answer = match work(&mut state.verifier, input) {
        Ok(value) => Answer::Ok(value),
        Err(error) => Answer::Error(error),
    };
    state.output = serde_json::to_vec(&answer).unwrap_or_else(|_| br#"{"error":"no answer"}"#.to_vec());
    state.output.len()
}

/// Called once, first.
#[unsafe(no_mangle)]
extern "C" fn start() {
    std::panic::set_hook(Box::new(|info| *lock(&PANIC) = info.to_string()));
}

/// Room for `length` bytes of input; null if there is none.
#[unsafe(no_mangle)]
extern "C" fn input(length: usize) -> *mut u8 {
    let input = &mut lock(&STATE).input;
    *input = Vec::new();
    if input.try_reserve_exact(length).is_err() {
        return std::ptr::null_mut();
    }
    input.resize(length, 0);
    input.as_mut_ptr()
}

/// Where the last answer stands.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    lock(&STATE).output.as_ptr()
}

/// Where the last panic's text stands.
#[unsafe(no_mangle)]
extern "C" fn panic_text() -> *const u8 {
    lock(&PANIC).as_ptr()
}

/// Length of the last panic's text.
#[unsafe(no_mangle)]
extern "C" fn panic_length() -> usize {
    lock(&PANIC).len()
}

/// [`Verifier::set_key`]; input: the key's file.
#[unsafe(no_mangle)]
extern "C" fn set_key() -> usize {
    answer(|verifier, input| verifier.set_key(&input))
}

/// [`Verifier::open_bundle`]; input: the bundle's file.
#[unsafe(no_mangle)]
extern "C" fn open_bundle() -> usize {
    answer(|verifier, input| verifier.open_bundle(&input).map_err(|error| error.to_string()))
}

/// [`Verifier::open_proof`]; input: `claim_length` bytes of text, then the proof.
#[unsafe(no_mangle)]
extern "C" fn open_proof(claim_length: usize) -> usize {
    answer(|verifier, mut claim| {
        let proof = claim.split_off(claim_length.min(claim.len()));
        verifier.open_proof(&claim, proof).map_err(|error| error.to_string())
    })
}

/// [`Verifier::verify`].
#[unsafe(no_mangle)]
extern "C" fn verify(number: usize) -> usize {
    answer(|verifier, _| verifier.verify(number))
}

/// [`Verifier::verify_tampered`].
#[unsafe(no_mangle)]
extern "C" fn verify_tampered(number: usize, at: usize) -> usize {
    answer(|verifier, _| verifier.verify_tampered(number, at))
}
