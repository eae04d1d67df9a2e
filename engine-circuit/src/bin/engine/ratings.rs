//! The measured Elo of a network's levels, from the `index.toml` beside its file: `level_elo = [..]`, level 1 first, in the
//! entry of the file's digest.

use std::path::Path;

use engine_circuit::Level;

/// Elo of every level, level 1 first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ratings(Vec<i32>);

impl Ratings {
    /// Lowest and highest.
    pub fn range(&self) -> (i32, i32) {
        let (low, high) = (self.0.iter().min(), self.0.iter().max());
        (low.copied().unwrap_or(0), high.copied().unwrap_or(0))
    }

    /// The level with the Elo nearest to one, of equals the strongest.
    pub fn nearest(&self, elo: i32) -> Level {
        let levels = Level::all().zip(&self.0);
        levels
            .min_by_key(|&(level, &own)| (own.abs_diff(elo), std::cmp::Reverse(level)))
            .map_or(Level::STRONGEST, |(level, _)| level)
    }
}

/// The ratings of a model file, which is named by its digest; none without an entry that has one Elo a level.
pub fn of(model_path: &Path) -> Option<Ratings> {
    let digest = model_path.file_stem()?.to_str()?;
    find(&std::fs::read_to_string(model_path.with_file_name("index.toml")).ok()?, digest)
}

fn find(index: &str, digest: &str) -> Option<Ratings> {
    let is_its = |entry: &&str| value(entry, "digest") == Some(&format!("\"{digest}\""));
    let list = value(index.split("[[model]]").skip(1).find(is_its)?, "level_elo")?;
    let numbers = list.strip_prefix('[')?.split_once(']')?.0.split(',').map(str::trim);
    let elo = numbers.filter(|number| !number.is_empty()).map(|number| number.parse().ok());
    elo.collect::<Option<Vec<i32>>>().filter(|elo| elo.len() == Level::all().count()).map(Ratings)
}

/// What follows `key =` on its line.
fn value<'a>(entry: &'a str, key: &str) -> Option<&'a str> {
    entry.lines().find_map(|line| Some(line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "default = \"bb\"\n\n[[model]]\nname = \"A\"\ndigest = \"aa\"\n\n[[model]]\ndigest = \"bb\"\n\
        level_elo = [100, 300, 500, 700, 900, 1100, 1300, 1500] # measured\n\n\
        [[model]]\ndigest = \"cc\"\nlevel_elo = [1, 2]\n";

    #[test]
    fn ratings_come_from_the_models_own_entry() {
        let ratings = find(INDEX, "bb").unwrap();
        assert_eq!(ratings.range(), (100, 1500));
        let level = |elo| ratings.nearest(elo).number();
        assert_eq!([level(100), level(390), level(400), level(1290), level(1500)], [1, 2, 3, 7, 8]);
        assert_eq!(
            [find(INDEX, "aa"), find(INDEX, "cc"), find(INDEX, "dd"), find("", "bb")],
            [None, None, None, None]
        );
    }
}
