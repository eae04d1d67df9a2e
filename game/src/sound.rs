//! Sounds, synthesised at start: short decaying tones, nothing recorded.

use crate::{
    Step,
    play::{
        Play,
        game::{Badge, Game},
    },
    screens::players::is_low,
    settings::Settings,
};
use bevy::{
    audio::{AudioPlayer, AudioSource, PlaybackSettings, Volume},
    prelude::*,
};
use protocol::shakmaty::Position;
use std::{collections::HashMap, f32::consts::TAU};

/// Something to be heard.
#[derive(Message, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sound {
    /// A move.
    Move,
    /// A capture.
    Capture,
    /// A check.
    Check,
    /// A game begins.
    Start,
    /// A game is over.
    End,
    /// Little time is left.
    LowTime,
    /// A proof was verified.
    Verified,
    /// Something is badly wrong.
    Alarm,
}

impl Sound {
    /// All sounds.
    pub const ALL: [Self; 8] = [
        Self::Move,
        Self::Capture,
        Self::Check,
        Self::Start,
        Self::End,
        Self::LowTime,
        Self::Verified,
        Self::Alarm,
    ];

    /// Its tones: start in seconds, frequency in Hz, loudness, time to a third in seconds, share of noise.
    fn tones(self) -> &'static [(f32, f32, f32, f32, f32)] {
        match self {
            Self::Move => &[(0.0, 190.0, 0.55, 0.022, 0.6)],
            Self::Capture => &[(0.0, 150.0, 0.7, 0.03, 0.75), (0.035, 220.0, 0.5, 0.02, 0.7)],
            Self::Check => &[(0.0, 190.0, 0.5, 0.022, 0.6), (0.04, 880.0, 0.28, 0.07, 0.0)],
            Self::Start => &[(0.0, 392.0, 0.3, 0.09, 0.0), (0.11, 523.3, 0.3, 0.12, 0.0)],
            Self::End => {
                &[(0.0, 523.3, 0.3, 0.12, 0.0), (0.14, 392.0, 0.3, 0.12, 0.0), (0.28, 261.6, 0.3, 0.25, 0.0)]
            }
            Self::LowTime => &[(0.0, 1046.5, 0.25, 0.03, 0.0), (0.12, 1046.5, 0.25, 0.03, 0.0)],
            Self::Verified => &[(0.0, 1318.5, 0.07, 0.05, 0.0)],
            Self::Alarm => {
                &[(0.0, 233.1, 0.5, 0.16, 0.1), (0.2, 220.0, 0.5, 0.16, 0.1), (0.4, 207.7, 0.55, 0.3, 0.1)]
            }
        }
    }
}

/// Samples per second.
const RATE: u32 = 22_050;

/// The samples of a sound, between -1 and 1.
#[must_use]
pub fn samples(sound: Sound) -> Vec<f32> {
    let end = sound.tones().iter().map(|&(start, _, _, decay, _)| start + 6.0 * decay).fold(0.0, f32::max);
    let count = (end * RATE as f32) as usize;
    // A fixed sequence: the same noise each time.
    let mut state = 0x2545_f491_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    let mut smooth = 0.0;
    (0..count)
        .map(|at| {
            let seconds = at as f32 / RATE as f32;
            // Noise without its sharpest part, as of wood.
            smooth += 0.28 * (noise() - smooth);
            let value: f32 = sound
                .tones()
                .iter()
                .filter(|&&(start, ..)| seconds >= start)
                .map(|&(start, frequency, loudness, decay, share)| {
                    let since = seconds - start;
                    let attack = (since / 0.003).min(1.0);
                    let tone = (TAU * frequency * since).sin() + 0.3 * (TAU * 2.0 * frequency * since).sin();
                    let mixed = (1.0 - share) * tone + share * 2.2 * smooth;
                    loudness * attack * (-since / decay * 1.1).exp() * mixed
                })
                .sum();
            value.clamp(-1.0, 1.0)
        })
        .collect()
}

/// A WAV file of one channel with 16 bits.
fn wav(samples: &[f32]) -> Vec<u8> {
    let data_bytes = u32::try_from(2 * samples.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(44 + 2 * samples.len());
    bytes.extend(b"RIFF");
    bytes.extend((36 + data_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    for value in [1_u16, 1] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((2 * RATE).to_le_bytes());
    for value in [2_u16, 16] {
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    for sample in samples {
        bytes.extend(((sample * 32_767.0) as i16).to_le_bytes());
    }
    bytes
}

#[derive(Resource)]
struct Sources(HashMap<Sound, Handle<AudioSource>>);

/// Decides what is heard, and plays it.
#[derive(Debug)]
pub struct SoundPlugin;

impl Plugin for SoundPlugin {
    fn build(&self, app: &mut App) {
        app.add_message::<Sound>().add_systems(Update, (notice, play).chain().in_set(Step::Draw));
    }

    fn finish(&self, app: &mut App) {
        let Some(mut sources) = app.world_mut().get_resource_mut::<Assets<AudioSource>>() else { return };
        let handles = Sound::ALL.map(|sound| {
            let bytes = wav(&samples(sound)).into();
            (sound, sources.add(AudioSource { bytes }))
        });
        app.insert_resource(Sources(handles.into()));
    }
}

/// What was last heard of.
#[derive(Default)]
struct Heard {
    game: Option<(protocol::GameId, u32)>,
    ply: usize,
    verified: usize,
    over: bool,
    low: bool,
    alarm: bool,
}

fn move_sound(game: &Game) -> Sound {
    let last = game.record.moves().last();
    if game.record.position().is_check() {
        Sound::Check
    } else if last.is_some_and(|mv| mv.is_capture()) {
        Sound::Capture
    } else {
        Sound::Move
    }
}

fn notice(
    play: Res<'_, Play>,
    time: Res<'_, Time<Real>>,
    mut heard: Local<'_, Heard>,
    mut sounds: MessageWriter<'_, Sound>,
) {
    let alarm = play.state.alarm.is_some();
    if alarm && !heard.alarm {
        sounds.write(Sound::Alarm);
    }
    heard.alarm = alarm;
    let Some(game) = &play.state.game else { return };
    let verified = game.badges.values().filter(|badge| matches!(badge, Badge::Verified { .. })).count();
    let low = game.clock_now(time.elapsed_secs_f64()).is_some_and(|clock| {
        let side = game.human_side();
        clock.running == Some(side) && is_low(game, clock.left_ms(side))
    });
    let over = game.outcome.is_some();
    let ply = game.shown_ply();
    if heard.game == Some((game.id, game.generation)) {
        if ply == heard.ply + 1 {
            sounds.write(move_sound(game));
        }
        if verified > heard.verified && !game.review {
            sounds.write(Sound::Verified);
        }
        if over && !heard.over {
            sounds.write(Sound::End);
        }
        if low && !heard.low {
            sounds.write(Sound::LowTime);
        }
    } else if heard.game.is_none_or(|(id, _)| id != game.id) && !game.review {
        sounds.write(Sound::Start);
    }
    *heard = Heard { game: Some((game.id, game.generation)), ply, verified, over, low, alarm };
}

fn play(
    mut wanted: MessageReader<'_, '_, Sound>,
    sources: Option<Res<'_, Sources>>,
    settings: Res<'_, Settings>,
    mut commands: Commands<'_, '_>,
) {
    let volume = f32::from(settings.volume) / 10.0;
    for sound in wanted.read() {
        if let Some(source) = sources.as_ref().and_then(|sources| sources.0.get(sound))
            && volume > 0.0
        {
            commands.spawn((
                AudioPlayer::new(source.clone()),
                // Loudness is felt by its square.
                PlaybackSettings::DESPAWN.with_volume(Volume::Linear(volume * volume)),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sound_is_heard_and_ends() {
        for sound in Sound::ALL {
            let samples = samples(sound);
            let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
            assert!((0.03..=1.0).contains(&loudest), "{sound:?}: {loudest}");
            assert!(samples.last().unwrap().abs() < 0.01, "{sound:?} is cut off");
            assert!(samples.len() < 3 * RATE as usize, "{sound:?} is too long");
            let file = wav(&samples);
            assert_eq!(&file[..4], b"RIFF");
            assert_eq!(file.len(), 44 + 2 * samples.len());
        }
    }
}
