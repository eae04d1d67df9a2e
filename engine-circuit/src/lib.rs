//! Everything about "this move is the argmax of that committed network on this position".

pub mod encode;
