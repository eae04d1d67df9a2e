//! `--profile`: which of the two kinds of proof.

use clap::{Args, ValueEnum};
use engine_circuit::Profile;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Made in a moment: what a server sends with each move
    Live,
    /// Half as long, for a contract; takes seconds to make
    Chain,
}

/// The flag. A proof verifies under the profile it was made with, and under no other.
#[derive(Args)]
pub struct ProfileFlag {
    /// Kind of proof
    #[arg(id = "profile", long = "profile", value_enum, value_name = "PROFILE", default_value = "live")]
    name: Name,
}

impl ProfileFlag {
    /// Its value.
    pub fn get(&self) -> Profile {
        match self.name {
            Name::Live => Profile::Live,
            Name::Chain => Profile::Chain,
        }
    }
}
