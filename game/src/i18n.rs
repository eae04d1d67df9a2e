//! The client's texts in the player's language, through fluent. What a server or the verifier says stays in English.

use bevy::prelude::*;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use serde::{Deserialize, Serialize};

/// A language of the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The language's own name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::English => include_str!("../assets/locales/en.ftl"),
            Self::German => include_str!("../assets/locales/de.ftl"),
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language that the environment asks for (`LC_ALL`, `LC_MESSAGES`, `LANG`).
    #[must_use]
    pub fn of_environment() -> Self {
        let wanted = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .unwrap_or_default();
        Self::ALL.into_iter().find(|language| wanted.starts_with(language.tag())).unwrap_or_default()
    }
}

/// The texts of one language; what it lacks is said in English.
#[derive(Resource)]
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
    english: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Texts({:?})", self.language)
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self::new(Language::English)
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let locale = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    bundle.set_use_isolating(false);
    // A test reads every file without errors; what can be read of a damaged one is used.
    let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(read, _)| read);
    bundle.add_resource_overriding(resource);
    bundle
}

impl Texts {
    /// The texts of a language.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self { language, bundle: bundle(language), english: bundle(Language::English) }
    }

    /// The language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// A text without parts.
    #[must_use]
    pub fn get(&self, id: &str) -> String {
        self.with(id, &[])
    }

    /// A text with parts. An unknown id is its own text.
    #[must_use]
    pub fn with(&self, id: &str, parts: &[(&'static str, FluentValue<'_>)]) -> String {
        let args: FluentArgs<'_> = parts.iter().cloned().collect();
        for bundle in [&self.bundle, &self.english] {
            if let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) {
                let mut errors = Vec::new();
                return bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
            }
        }
        id.to_owned()
    }
}

/// A text on the screen that follows the language.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Say(pub &'static str);

/// Keeps texts in the player's language.
#[derive(Debug)]
pub struct TextsPlugin;

impl Plugin for TextsPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Texts>()
            .add_systems(PreUpdate, follow_settings)
            .add_systems(PostUpdate, retell.before(bevy::ui::UiSystems::Content));
    }
}

fn follow_settings(settings: Res<'_, crate::settings::Settings>, mut texts: ResMut<'_, Texts>) {
    if texts.language != settings.language {
        *texts = Texts::new(settings.language);
    }
}

fn retell(texts: Res<'_, Texts>, mut said: Query<'_, '_, (Ref<'_, Say>, &mut Text)>) {
    for (say, mut text) in &mut said {
        if texts.is_changed() || say.is_added() {
            text.set_if_neq(Text(texts.get(say.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::Path};

    fn ids(language: Language) -> BTreeSet<&'static str> {
        assert!(FluentResource::try_new(language.source().to_owned()).is_ok(), "{language:?} can't be read");
        language
            .source()
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
            .filter_map(|line| Some(line.split_once(" =")?.0))
            .collect()
    }

    fn sources(folder: &Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else {
                *all += &std::fs::read_to_string(path).unwrap();
            }
        }
    }

    #[test]
    fn every_language_says_everything() {
        let english = ids(Language::English);
        for language in Language::ALL {
            assert_eq!(ids(language), english, "{language:?}");
        }
    }

    #[test]
    fn every_text_asked_for_exists_and_every_text_is_asked_for() {
        let mut code = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut code);
        let english = ids(Language::English);
        for call in ["texts.get(\"", "texts.with(\"", "Say(\""] {
            for (at, _) in code.match_indices(call) {
                let id = code[at + call.len()..].split('"').next().unwrap();
                assert!(
                    id.starts_with(':') || id.is_empty() || english.contains(id),
                    "{call}{id} has no text"
                );
            }
        }
        for id in english {
            assert!(code.contains(&format!("\"{id}\"")), "{id} is said nowhere");
        }
    }

    #[test]
    fn says_parts_and_falls_back() {
        let texts = Texts::new(Language::German);
        assert_eq!(
            texts.with("verified-count", &[("verified", 2.into()), ("all", 3.into())]),
            "2/3 verifiziert"
        );
        let unknown = "no-such-text";
        assert_eq!(texts.get(unknown), unknown);
    }
}
