//! What this client knows about networks by name: `assets/models/index.toml`, which lists those that ship with their measured Elo.

use crate::{files, i18n::Texts};
use bevy::prelude::Resource;
use protocol::STRONGEST_LEVEL;
use std::path::Path;

/// Below this Elo a figure says less than a word: it rests on games of the network against itself.
const BEGINNER_ELO: i32 = 400;

/// An entry of the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Its name for people.
    pub name: String,
    /// Its digest in hex.
    pub digest: String,
    /// Elo of the levels, 1 first, as its model card measures them; empty if nobody has measured them.
    pub level_elo: Vec<i32>,
}

impl Network {
    /// Elo of a level, rounded to 50: the measurements are not finer.
    #[must_use]
    pub fn rounded_elo(&self, level: u8) -> Option<i32> {
        let elo = *self.level_elo.get(usize::from(level).checked_sub(1)?)?;
        Some((f64::from(elo) / 50.0).round() as i32 * 50)
    }

    /// The document that says how the figures were measured.
    #[must_use]
    pub fn card(&self) -> String {
        format!("docs/models/{}….md", self.digest.get(..8).unwrap_or(&self.digest))
    }
}

/// The networks of the index.
#[derive(Resource, Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Digest or name of the one that plays if none is named.
    pub default: Option<String>,
    /// All of them.
    pub all: Vec<Network>,
}

impl Networks {
    /// The index of a folder of models; nothing is known if there is none.
    #[must_use]
    pub fn load(folder: &Path) -> Self {
        Self::parse(&std::fs::read_to_string(folder.join("index.toml")).unwrap_or_default())
    }

    /// The index of the shipped models.
    #[must_use]
    pub fn shipped() -> Self {
        files::models_folder().map(|folder| Self::load(&folder)).unwrap_or_default()
    }

    /// Reads the part of TOML that the index is written in: `key = "text"`, `key = [1, 2]`, a table `[[model]]` for each
    /// network. What it doesn't know it leaves out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut networks = Self::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line == "[[model]]" {
                networks.all.push(Network::default());
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim(), value.trim());
            let string = value.trim_matches('"').to_owned();
            match (key, networks.all.last_mut()) {
                ("default", None) => networks.default = Some(string),
                ("name", Some(network)) => network.name = string,
                ("digest", Some(network)) => network.digest = string,
                ("level_elo", Some(network)) => {
                    let numbers =
                        value.trim_matches(['[', ']']).split(',').map(|number| number.trim().parse());
                    network.level_elo = numbers.collect::<Result<_, _>>().unwrap_or_default();
                }
                _ => {}
            }
        }
        networks.all.retain_mut(|network| {
            if network.level_elo.len() != usize::from(STRONGEST_LEVEL) {
                network.level_elo.clear();
            }
            !network.digest.is_empty()
        });
        networks
    }

    /// Digest of the network that plays if none is named.
    #[must_use]
    pub fn default_digest(&self) -> Option<&str> {
        let default = self.default.as_deref()?;
        let named = self.all.iter().find(|network| network.name == default);
        Some(named.map_or(default, |network| &network.digest))
    }

    /// The entry of a digest.
    #[must_use]
    pub fn get(&self, digest: &[u8; 32]) -> Option<&Network> {
        let digest = hex::encode(digest);
        self.all.iter().find(|network| network.digest == digest)
    }
}

/// How strong a level is, in few words: `about 700 Elo` or `beginner`; `None` if nobody has measured it.
#[must_use]
pub fn strength(texts: &Texts, network: Option<&Network>, level: u8) -> Option<String> {
    let elo = network?.rounded_elo(level)?;
    Some(if elo < BEGINNER_ELO {
        texts.get("strength-beginner")
    } else {
        texts.with("strength-elo", &[("elo", elo.to_string().into())])
    })
}

/// The same for a narrow place: `700`, or a word.
#[must_use]
pub fn short_strength(texts: &Texts, network: Option<&Network>, level: u8) -> Option<String> {
    let elo = network?.rounded_elo(level)?;
    Some(if elo < BEGINNER_ELO { texts.get("strength-beginner") } else { elo.to_string() })
}

/// Level and strength: `level 5, about 700 Elo`.
#[must_use]
pub fn level_text(texts: &Texts, network: Option<&Network>, level: u8) -> String {
    let text = texts.with("level", &[("level", level.into())]);
    match strength(texts, network, level) {
        Some(strength) => format!("{text}, {strength}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_read_and_what_is_wrong_in_it_is_left_out() {
        let text = "default = \"b\" # comment\n[[model]]\nname = \"a\"\ndigest = \"01\"\nlevel_elo = [1, 2]\n\
                    [[model]]\nname = \"b\"\ndigest = \"02\"\nelo = 9\n\
                    level_elo = [-225, -121, 90, 345, 683, 937, 1092, 1212] # levels\n[[model]]\nname = \"c\"\n";
        let networks = Networks::parse(text);
        assert_eq!(networks.default_digest(), Some("02"));
        let names: Vec<&str> = networks.all.iter().map(|network| network.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(networks.all[0].level_elo.is_empty());
        let texts = Texts::default();
        let said = |level| level_text(&texts, networks.all.get(1), level);
        assert_eq!(said(1), "level 1, beginner");
        assert_eq!(said(4), "level 4, beginner");
        assert_eq!(said(5), "level 5, about 700 Elo");
        assert_eq!(said(8), "level 8, about 1200 Elo");
        assert_eq!(said(9), "level 9");
        assert_eq!(level_text(&texts, networks.all.first(), 3), "level 3");
        assert_eq!(level_text(&texts, None, 3), "level 3");
        assert_eq!(Networks::parse("nothing [[ = "), Networks::default());
    }

    #[test]
    fn the_shipped_index_names_the_shipped_network() {
        let networks = Networks::shipped();
        let digest = networks.default_digest().unwrap();
        let network = networks.all.iter().find(|network| network.digest == digest).unwrap();
        assert_eq!(network.level_elo.len(), usize::from(STRONGEST_LEVEL));
        let card = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/models/{digest}.md"));
        assert!(card.is_file());
    }
}
