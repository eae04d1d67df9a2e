//! The proof card: what was checked about one move, in words, with the figures and the means to check it again.

use super::{
    Overlay, badge_sign,
    dialogs::{Dialog, dialog, row},
};
use crate::{
    Step,
    i18n::Texts,
    play::{
        Play, PlayerAction,
        game::{Badge, Game, Trust},
        notation,
        state::PlayState,
    },
    theme::{
        self, Weight,
        art::{Art, Sign},
        colour,
        widgets::{Tone, button},
    },
    verify::{PinnedKeys, Purpose, VerifyDone},
};
use bevy::prelude::*;
use fluent_bundle::FluentValue;
use protocol::shakmaty::{EnPassantMode, Position, fen::Fen};

/// The move on the card, and what was tried with its proof.
#[derive(Resource, Clone, Debug, Default, PartialEq)]
pub struct ProofCard {
    /// Half-moves before the move.
    pub ply: u32,
    /// The result of the last try, and whether one is under way.
    pub last: Try,
}

/// A try with the proof on the card.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Try {
    /// None yet.
    #[default]
    None,
    /// Under way.
    Running,
    /// Over.
    Done(VerifyDone),
}

impl ProofCard {
    /// Shows another move.
    pub fn turn_to(&mut self, ply: u32) {
        *self = Self { ply, last: Try::None };
    }

    /// A try begins.
    pub fn begin(&mut self) {
        self.last = Try::Running;
    }

    /// The verifier came to a result.
    pub fn hear(&mut self, done: &VerifyDone) {
        if done.ply == self.ply {
            self.last = Try::Done(done.clone());
        }
    }
}

/// What stands on the card.
#[derive(Clone, Debug, PartialEq)]
struct Content {
    title: String,
    sign: Sign,
    tone: Color,
    badge: String,
    sentence: String,
    digest: String,
    trust: (String, Color),
    position: String,
    facts: Vec<(String, String)>,
    trial: Option<(String, Sign, Color)>,
    /// What whoever watches takes the server's word for.
    watched: Option<&'static str>,
    has_proof: bool,
    ply: u32,
}

/// Draws the card.
#[derive(Debug)]
pub(super) struct ProofCardPlugin;

impl Plugin for ProofCardPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<ProofCard>().add_systems(Update, draw.in_set(Step::Draw));
    }
}

fn sentence(texts: &Texts, game: &Game, ply: u32, badge: &Badge) -> String {
    let position = game.record.position_at(ply as usize);
    let count = position.map_or(0, |position| position.legal_moves().len());
    let san = notation::san_at(&game.record, ply as usize).unwrap_or_default();
    let digest = notation::short_digest(&game.digest);
    let mut parts: Vec<(&'static str, FluentValue<'_>)> =
        vec![("digest", digest.into()), ("move", san.into()), ("count", count.into())];
    match badge {
        Badge::Verified { verify_ms } => {
            parts.push(("ms", notation::ms(*verify_ms).into()));
            texts.with("card-verified", &parts)
        }
        Badge::Proving { .. } => texts.with("card-proving", &parts),
        Badge::Checking => texts.with("card-checking", &parts),
        Badge::Invalid { reason } => {
            parts.push(("reason", reason.as_str().into()));
            texts.with("card-invalid", &parts)
        }
        Badge::NotChecked { reason } => {
            parts.push(("reason", reason.as_str().into()));
            texts.with("card-not-checked", &parts)
        }
    }
}

fn trust(texts: &Texts, state: &PlayState, game: &Game, pinned: &PinnedKeys) -> (String, Color) {
    let changed = state.opponent.as_ref().is_some_and(|opponent| opponent.trust == Trust::Changed);
    if changed && !game.review {
        (texts.get("card-changed"), colour::BAD)
    } else if pinned.get(&game.digest).is_some() {
        (texts.get("card-pinned"), colour::GOOD)
    } else {
        (texts.get("card-unpinned"), colour::WARN)
    }
}

fn facts(texts: &Texts, game: &Game, ply: u32, pinned: &PinnedKeys) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |id: &str, value: String| facts.push((texts.get(id), value));
    if let Some(proof) = game.proofs.get(&ply) {
        fact("fact-size", format!("{:.1} kB", proof.len() as f64 / 1e3));
    }
    let said = game.facts.get(&ply).copied().unwrap_or_default();
    if let Some(prove_ms) = said.prove_ms {
        fact("fact-prove", format!("{prove_ms} ms"));
    }
    if let Some(Badge::Verified { verify_ms }) = game.badges.get(&ply) {
        fact("fact-verify", format!("{} ms", notation::ms(*verify_ms)));
    }
    if let Some(key) = pinned.get(&game.digest) {
        fact("fact-security", texts.with("fact-bits", &[("bits", key.security_bits().floor().into())]));
    }
    facts
}

fn trial(texts: &Texts, card: &ProofCard) -> Option<(String, Sign, Color)> {
    let done = match &card.last {
        Try::None => return None,
        Try::Running => return Some((texts.get("try-running"), Sign::Glass, colour::WORK)),
        Try::Done(done) => done,
    };
    let ms = notation::ms(done.verify_ms);
    Some(match (done.purpose, &done.result) {
        (Purpose::Tamper { at }, Err(reason)) => {
            let parts = [("at", at.into()), ("reason", reason.as_str().into())];
            (texts.with("try-tampered", &parts), Sign::Tick, colour::GOOD)
        }
        (Purpose::Tamper { .. }, Ok(())) => (texts.get("try-tampered-accepted"), Sign::Cross, colour::BAD),
        (_, Ok(())) => (texts.with("try-again-good", &[("ms", ms.into())]), Sign::Tick, colour::GOOD),
        (_, Err(reason)) => {
            (texts.with("try-again-bad", &[("reason", reason.as_str().into())]), Sign::Cross, colour::BAD)
        }
    })
}

fn content(texts: &Texts, state: &PlayState, card: &ProofCard, pinned: &PinnedKeys) -> Option<Content> {
    let game = state.game.as_ref()?;
    let badge = game.badges.get(&card.ply)?;
    let at = card.ply as usize;
    let san = notation::san_at(&game.record, at)?;
    let (sign, tone) = badge_sign(badge);
    let position = game.record.position_at(at)?;
    Some(Content {
        title: format!("{} {san}", notation::move_number(&game.record, at)),
        sign,
        tone,
        badge: notation::badge_text(texts, badge),
        sentence: sentence(texts, game, card.ply, badge),
        digest: notation::hex_digest(&game.digest),
        trust: trust(texts, state, game, pinned),
        position: Fen::from_position(position, EnPassantMode::Legal).to_string(),
        facts: facts(texts, game, card.ply, pinned),
        trial: trial(texts, card),
        watched: game.watched.then_some(match (&game.seeds, state.link_seeds) {
            (Some(_), None) => "card-watched-seeds",
            _ => "card-watched",
        }),
        has_proof: game.proofs.contains_key(&card.ply),
        ply: card.ply,
    })
}

#[allow(clippy::too_many_arguments, reason = "a system asks for what it draws on")]
fn draw(
    play: Res<'_, Play>,
    texts: Res<'_, Texts>,
    overlay: Res<'_, State<Overlay>>,
    card: Res<'_, ProofCard>,
    pinned: Res<'_, PinnedKeys>,
    art: Res<'_, Art>,
    dialogs: Query<'_, '_, Entity, With<Dialog>>,
    mut drawn: Local<'_, Option<Content>>,
    mut commands: Commands<'_, '_>,
) {
    if *overlay.get() != Overlay::ProofCard {
        *drawn = None;
        return;
    }
    let wanted = content(&texts, &play.state, &card, &pinned);
    if *drawn == wanted {
        return;
    }
    for entity in &dialogs {
        commands.entity(entity).despawn();
    }
    if let Some(content) = &wanted {
        spawn(&mut commands, content, &art);
    }
    *drawn = wanted;
}

fn spawn(commands: &mut Commands<'_, '_>, content: &Content, art: &Art) {
    let icon = |sign, size: f32| {
        (
            Node { width: px(size), height: px(size), flex_shrink: 0.0, ..default() },
            ImageNode::new(art.sign(sign)),
            Pickable::IGNORE,
        )
    };
    let boxed = || {
        (
            Node {
                padding: UiRect::all(px(12)),
                row_gap: px(5),
                flex_direction: FlexDirection::Column,
                border_radius: BorderRadius::all(px(8)),
                flex_shrink: 0.0,
                ..default()
            },
            BackgroundColor(colour::RAISED),
        )
    };
    dialog(commands, Overlay::ProofCard, (600.0, content.tone), |card| {
        card.spawn(row(12.0)).with_children(|row| {
            row.spawn(icon(content.sign, 30.0));
            row.spawn(theme::label(content.title.clone(), 24.0, Weight::SemiBold, colour::TEXT));
            row.spawn(theme::label(content.badge.clone(), 15.0, Weight::SemiBold, content.tone));
        });
        card.spawn(theme::label(content.sentence.clone(), 14.5, Weight::Regular, colour::TEXT));
        card.spawn(boxed()).with_children(|node| {
            node.spawn(row(8.0)).with_children(|row| {
                row.spawn(theme::say("card-digest", 12.5, Weight::SemiBold, colour::MUTED));
                row.spawn(theme::label(content.trust.0.clone(), 12.5, Weight::SemiBold, content.trust.1));
            });
            node.spawn(theme::label(content.digest.clone(), 12.5, Weight::Regular, colour::TEXT));
            node.spawn(theme::say("card-position", 12.5, Weight::SemiBold, colour::MUTED));
            node.spawn(theme::label(content.position.clone(), 12.5, Weight::Regular, colour::TEXT));
        });
        card.spawn(boxed()).with_children(|node| {
            for (name, value) in &content.facts {
                node.spawn(row(0.0)).with_children(|line| {
                    line.spawn(Node { width: px(260), flex_shrink: 0.0, ..default() })
                        .with_child(theme::label(name.clone(), 13.0, Weight::Regular, colour::MUTED));
                    line.spawn(theme::label(value.clone(), 13.0, Weight::SemiBold, colour::TEXT));
                });
            }
        });
        card.spawn(theme::say("card-limits", 12.5, Weight::Regular, colour::MUTED));
        if let Some(watched) = content.watched {
            card.spawn(theme::say(watched, 12.5, Weight::Regular, colour::MUTED));
        }
        if let Some((text, sign, tone)) = &content.trial {
            card.spawn(row(8.0)).with_children(|row| {
                row.spawn(icon(*sign, 18.0));
                row.spawn(Node { flex_shrink: 1.0, ..default() }).with_child(theme::label(
                    text.clone(),
                    13.0,
                    Weight::SemiBold,
                    *tone,
                ));
            });
        }
        let ply = content.ply;
        if content.has_proof {
            card.spawn(row(8.0)).with_children(|row| {
                row.spawn(button("button-verify-again", Tone::Primary, PlayerAction::VerifyAgain(ply)));
                row.spawn(button("button-tamper", Tone::Plain, PlayerAction::Tamper(ply)));
                row.spawn(button("button-save-proof", Tone::Plain, PlayerAction::SaveProof(ply)));
            });
        }
        card.spawn(row(8.0)).with_children(|row| {
            row.spawn(button("button-copy-digest", Tone::Plain, PlayerAction::CopyDigest));
            if content.has_proof {
                row.spawn(button("button-copy-command", Tone::Plain, PlayerAction::CopyCommand(ply)));
            }
            row.spawn(button("button-save", Tone::Plain, PlayerAction::Save));
            row.spawn(button("button-close", Tone::Plain, PlayerAction::Close));
        });
    });
}
