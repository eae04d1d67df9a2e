//! The program's allocator: mimalloc. A proof takes and frees hundreds of megabytes, most of it in pieces of some kilobytes to
//! megabytes; the system's allocator hands them back to the kernel each time.

use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's `mi_option_e`: milliseconds until freed memory goes back to the kernel.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// How long freed memory stays for the next proof, or the next part of this one. With mimalloc's own second, a proof of many moves
/// on a busy machine spends as long in the kernel, which clears pages, as in its arithmetic.
const KEEP: Duration = Duration::from_secs(60);

/// Has freed memory stay with the program for a minute. For the start of a program that proves, before it has other threads.
///
/// SAFETY (the one call below):
/// - `mi_option_set` writes one number of mimalloc's table of options; the index is that of the version built in (the test below
///   finds the delay's default there), and any value is valid.
/// - It is not synchronised: another thread that reads the option meanwhile would race. Callers call it first in `main`.
#[allow(unsafe_code, reason = "the option has no safe interface")]
pub fn keep_freed_memory() {
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEEP.as_millis() as std::ffi::c_long) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(unsafe_code, reason = "the option has no safe interface")]
    fn the_option_is_the_purge_delay() {
        // SAFETY: reads one number of a table.
        let delay = || unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert_eq!(delay(), 1_000, "mimalloc 3's default");
        keep_freed_memory();
        assert_eq!(delay(), 60_000);
    }
}
