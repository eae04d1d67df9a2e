//! The parts of a proof, one file each: the lookup argument, the columns behind its leaves, the one linear identity of all
//! layers, and the packing of what is committed.

pub mod columns;
pub mod linear;
pub mod lookups;
pub mod packing;
