//! The program's allocator: mimalloc. A proof takes and frees hundreds of megabytes, most of it in pieces of some kilobytes to
//! megabytes; the system's allocator hands them back to the kernel each time.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
