//! The page in one file: text, style, scripts, the module and the pinned keys. It asks for nothing from anywhere, and its policy
//! forbids it to: only these scripts run, only this style applies, nothing is loaded or sent.

use std::sync::OnceLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

const INDEX: &str = include_str!("../www/index.html");
const STYLE: &str = include_str!("../www/style.css");
const TEXTS: &str = include_str!("../www/texts.js");
const SCRIPT: &str = include_str!("../www/page.js");
const WORKER: &str = include_str!("../www/worker.js");
/// The module, compressed by gzip; `scripts/web.sh build` makes it.
const MODULE: &[u8] = include_bytes!("../www/verifier.wasm.gz");

/// A key that the page pins.
#[derive(Clone, Copy, Debug)]
pub struct Pinned {
    /// Name of its network.
    pub name: &'static str,
    /// Digest of its network in hexadecimal digits.
    pub digest: &'static str,
    /// The key's file.
    pub key: &'static [u8],
}

/// The keys of the networks that ship with Fairmate, the default first.
pub const PINNED: &[Pinned] = include!(concat!(env!("OUT_DIR"), "/pinned.rs"));

/// The page and what its server says about it.
#[derive(Debug)]
pub struct Page {
    /// The whole page.
    pub html: String,
    /// Value of the header `Content-Security-Policy`.
    pub policy: String,
}

#[derive(Serialize)]
struct Key {
    name: &'static str,
    digest: &'static str,
    key: String,
}

/// Name of a script or style in a policy.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// Puts a page together around a module.
#[must_use]
pub fn assemble(module: &[u8]) -> Page {
    let script = format!("{TEXTS}{SCRIPT}");
    let policy = format!(
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; worker-src blob:; base-uri 'none'; form-action 'none'",
        source(&script),
        source(STYLE),
    );
    let keys: Vec<Key> = PINNED
        .iter()
        .map(|&Pinned { name, digest, key }| Key { name, digest, key: hex::encode(key) })
        .collect();
    // In a script element `<` can't start anything but the end of it.
    let keys = serde_json::to_string(&keys).unwrap_or_default().replace('<', "\\u003c");
    let module = STANDARD.encode(module);
    let parts = [
        ("%policy%", policy.as_str()),
        ("%style%", STYLE),
        ("%pinned%", keys.as_str()),
        ("%worker%", WORKER),
        ("%module%", module.as_str()),
        ("%script%", script.as_str()),
    ];
    let (mut html, mut rest) = (String::with_capacity(INDEX.len() + script.len() + module.len()), INDEX);
    // In the order in which they stand there, so that nothing inside a part is taken for a place.
    for (place, part) in parts {
        if let Some((before, after)) = rest.split_once(place) {
            html.push_str(before);
            html.push_str(part);
            rest = after;
        }
    }
    html.push_str(rest);
    // A frame's policy comes with the header only.
    Page { html, policy: format!("{policy}; frame-ancestors 'none'") }
}

/// The page around the module of this repository.
pub fn page() -> &'static Page {
    static PAGE: OnceLock<Page> = OnceLock::new();
    PAGE.get_or_init(|| assemble(MODULE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_the_page_and_nothing_else_is_asked_for() {
        let Page { html, policy } = page();
        for place in ["%policy%", "%style%", "%pinned%", "%worker%", "%module%", "%script%"] {
            assert!(INDEX.contains(place) && !html.contains(place), "{place}");
        }
        for text in [STYLE, TEXTS, SCRIPT, WORKER] {
            assert!(!text.contains("</script") && !text.contains("</style") && !text.contains("<!--"));
            assert!(html.contains(text));
        }
        assert!(!html.contains("%missing%"));
        // The only addresses are names of namespaces.
        for (at, _) in html.match_indices("://") {
            let before = &html[..at + 3];
            assert!(
                before.ends_with("'http://") && html[at + 3..].starts_with("www.w3.org/2000/svg'"),
                "{at}"
            );
        }
        assert!(html.contains(policy.strip_suffix("; frame-ancestors 'none'").unwrap()));
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-")
                && !policy.contains("unsafe-inline")
        );
    }

    #[test]
    fn the_pinned_keys_are_those_of_the_shipped_networks() {
        let index = std::fs::read_to_string("../assets/models/index.toml").unwrap();
        let default = index.lines().find_map(|line| line.strip_prefix("default = \"")).unwrap();
        assert!(default.starts_with(PINNED[0].digest) || default.starts_with(PINNED[0].name));
        assert_eq!(PINNED.len(), index.matches("[[model]]").count());
        for pinned in PINNED {
            let key = engine_circuit::VerifyingKey::from_bytes(pinned.key).unwrap();
            assert_eq!(key.digest().to_string(), pinned.digest);
            assert!(page().html.contains(pinned.digest) && page().html.contains(&hex::encode(pinned.key)));
        }
    }

    /// The client's drawings, and no others.
    #[test]
    fn pieces_are_the_client_s() {
        let art = std::fs::read_to_string("../game/src/theme/art.rs").unwrap();
        let (_, classic) = art.split_once("const CLASSIC: Outlines = [").unwrap();
        let (classic, _) = classic.split_once("\n];").unwrap();
        let mut paths = 0;
        for path in classic.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\",")) {
            assert!(SCRIPT.contains(&format!("'{path}'")), "{path}");
            paths += 1;
        }
        assert_eq!(paths, 18);
    }

    /// Both languages have all texts.
    #[test]
    fn every_text_is_there_in_both_languages() {
        let (_, english) = TEXTS.split_once("en: {").unwrap();
        let (english, german) = english.split_once("de: {").unwrap();
        let names = |text: &str| {
            let mut names: Vec<String> = Vec::new();
            for (at, _) in text.match_indices(": '") {
                let name = text[..at].rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
                names.push(name.to_owned());
            }
            names.sort_unstable();
            names
        };
        assert_eq!(names(english), names(german));
        assert!(names(english).len() > 60);
    }
}
