//! The whole client without a window and without a GPU: real picking, injected input.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use bevy::{
    input::{
        ButtonState,
        keyboard::{Key, KeyCode, KeyboardInput},
        mouse::{MouseButton, MouseButtonInput},
    },
    log::LogPlugin,
    prelude::*,
    render::{
        RenderPlugin,
        settings::{RenderCreation, WgpuSettings},
    },
    ui::UiGlobalTransform,
    window::{CursorMoved, ExitCondition, PrimaryWindow, WindowEvent, WindowResolution},
    winit::WinitPlugin,
};
use engine_circuit::{Model, Prover, Statement};
use game::{
    GamePlugin,
    board::{BoardHand, layout::BoardLayout},
    clipboard::Clipboard,
    dev_tools::DevOptions,
    files,
    i18n::Language,
    net::{NetEvent, Opponent, Script},
    play::{Play, PlayerAction, game::Game, state::Badge},
    screens::{Overlay, dialogs::Dialog},
    settings::{Setting, Settings},
    sound::Sound,
    theme::widgets::Does,
    verify::{PinnedKeys, engine},
};
use protocol::{
    ClientMessage, ClockReading, GameId, GameRecord, Outcome, ProofFrame, ProofMode, ServerMessage, Side,
    SideChoice, shakmaty::Square,
};
use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

pub const GAME: GameId = GameId([7; 32]);

/// The shipped network.
pub fn model() -> Arc<Model> {
    static MODEL: OnceLock<Arc<Model>> = OnceLock::new();
    Arc::clone(MODEL.get_or_init(|| Arc::new(Model::load(&files::default_model().unwrap()).unwrap())))
}

/// The proof of the network's own move at the end of a record, and the move.
pub fn prove(record: &GameRecord) -> (String, Vec<u8>) {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    let prover = PROVER.get_or_init(|| Prover::in_memory(model()).unwrap());
    let mv = engine_circuit::evaluate(&model(), record).unwrap().best;
    let statement = Statement::single(GAME.0, record, mv).unwrap();
    (GameRecord::uci(mv), prover.prove(&statement, engine_circuit::Profile::Live).unwrap().proof)
}

pub fn pinned() -> PinnedKeys {
    pinned_to(&model())
}

/// A client that knows this network alone.
pub fn pinned_to(model: &Model) -> PinnedKeys {
    let mut pinned = PinnedKeys::default();
    pinned.pin(engine::Key::from_bytes(&model.verifying_key().to_bytes()).unwrap());
    pinned
}

/// What was to be heard.
#[derive(Resource, Default)]
struct HeardSounds(Vec<Sound>);

fn listen(mut sounds: MessageReader<'_, '_, Sound>, mut heard: ResMut<'_, HeardSounds>) {
    heard.0.extend(sounds.read());
}

/// The client under test.
pub struct Client {
    pub app: App,
    pub folder: tempfile::TempDir,
    pointer: Vec2,
}

impl Client {
    pub fn start(opponent: Opponent, pinned: PinnedKeys) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), opponent, pinned)
    }

    /// A client that finds what another left in a folder.
    pub fn start_in(folder: tempfile::TempDir, opponent: Opponent, pinned: PinnedKeys) -> Self {
        Self::seated(folder, opponent, pinned, game::stakes::Seats::default())
    }

    /// A client that plays for stakes.
    pub fn seated(
        folder: tempfile::TempDir,
        opponent: Opponent,
        pinned: PinnedKeys,
        seats: game::stakes::Seats,
    ) -> Self {
        let window = Window { resolution: WindowResolution::new(1180, 800), ..default() };
        let mut app = App::new();
        app.add_plugins(
            DefaultPlugins
                .set(WindowPlugin {
                    primary_window: Some(window),
                    exit_condition: ExitCondition::DontExit,
                    ..default()
                })
                .set(RenderPlugin {
                    render_creation: RenderCreation::Automatic(Box::new(WgpuSettings {
                        backends: None,
                        ..default()
                    })),
                    ..default()
                })
                .disable::<LogPlugin>()
                .disable::<WinitPlugin>(),
        )
        .add_plugins(GamePlugin {
            opponent,
            pinned,
            store: folder.path().to_owned(),
            dev: DevOptions::default(),
            seats,
        });
        app.insert_resource(Clipboard::own_only()).init_resource::<HeardSounds>().add_systems(Last, listen);
        app.finish();
        app.cleanup();
        app.world_mut().resource_mut::<Settings>().language = Language::English;
        let mut client = Self { app, folder, pointer: Vec2::ZERO };
        client.frames(4);
        client
    }

    /// A client whose server is the test; welcomed, with the shipped network pinned.
    pub fn scripted() -> Self {
        Self::scripted_in(tempfile::tempdir().unwrap())
    }

    /// The same in a folder that another client has used.
    pub fn scripted_in(folder: tempfile::TempDir) -> Self {
        let mut client = Self::start_in(folder, Opponent::Scripted, pinned());
        client.welcome(ProofMode::Gkr);
        client
    }

    /// Ends the client and keeps its folder.
    pub fn close(self) -> tempfile::TempDir {
        self.folder
    }

    pub fn welcome(&mut self, proof_mode: ProofMode) {
        self.welcome_by(&model(), proof_mode);
    }

    /// Welcomed by a server with another network.
    pub fn welcome_by(&mut self, model: &Model, proof_mode: ProofMode) {
        self.say(ServerMessage::Welcome {
            version: protocol::PROTOCOL_VERSION,
            server: "test".into(),
            model_digest: *model.digest().as_bytes(),
            verifying_key: model.verifying_key().to_bytes(),
            proof_mode,
            prover_ready: true,
            prover_progress: 1.0,
        });
    }

    /// Chooses a side in the first dialog, starts and answers with a game.
    pub fn begin(&mut self, human: Side, start_fen: &str, moves: &[&str]) {
        let choice = if human == Side::White { SideChoice::White } else { SideChoice::Black };
        self.click_button(&PlayerAction::Choose(Setting::Side(choice)));
        if start_fen != protocol::record::START_FEN {
            self.app.world_mut().resource_mut::<Play>().state.start_fen = Some(start_fen.to_owned());
            self.frames(2);
        }
        self.click_button(&PlayerAction::Start);
        let Some(ClientMessage::NewGame { human_side, terms, .. }) = self.sent().pop() else {
            panic!("no game was asked for");
        };
        assert_eq!(human_side, choice);
        let record = GameRecord::from_fen(start_fen).unwrap();
        self.say(ServerMessage::game(GAME, human, &record, None, terms, Vec::new(), None));
        assert_eq!(self.overlay(), Overlay::None, "{:?}", self.play().state.alarm);
        if !moves.is_empty() {
            // The game as it stands after some moves that were played here, as a server resumes it.
            let record = GameRecord::replay(start_fen, moves.iter().copied()).unwrap();
            let mut play = self.app.world_mut().resource_mut::<Play>();
            play.state.game.as_mut().unwrap().record = record.clone();
            self.say(ServerMessage::game(GAME, human, &record, None, terms, Vec::new(), None));
        }
        self.sent();
    }

    /// A game with a clock, at its start.
    pub fn begin_clocked(&mut self, time: usize, clock: ClockReading) {
        self.click_button(&PlayerAction::Choose(Setting::Time(time)));
        self.begin(Side::White, protocol::record::START_FEN, &[]);
        self.clock(clock);
    }

    pub fn clock(&mut self, clock: ClockReading) {
        self.say(ServerMessage::Clock { game_id: GAME, clock });
    }

    pub fn frames(&mut self, count: usize) {
        for _ in 0..count {
            self.app.update();
        }
    }

    pub fn wait_for(&mut self, what: &str, seconds: u64, mut done: impl FnMut(&mut Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !done(self) {
            assert!(Instant::now() < end, "waited {seconds} s for: {what}\n{:?}", self.play().state);
            self.app.update();
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    // The server's side of a scripted client.

    pub fn tell(&mut self, event: NetEvent) {
        self.app.world().resource::<Script>().answer.send(event).unwrap();
        self.frames(3);
    }

    pub fn say(&mut self, message: ServerMessage) {
        let raw = message.encode().unwrap();
        self.tell(NetEvent::Server { message: Box::new(message), raw });
    }

    pub fn bot_plays(&mut self, ply: u32, uci: &str) {
        self.say(ServerMessage::BotMove {
            game_id: GAME,
            ply,
            uci: uci.into(),
            infer_ms: 1.0,
            seed_element: None,
            signature: None,
        });
    }

    pub fn accept(&mut self, ply: u32) {
        self.say(ServerMessage::MoveAccepted { game_id: GAME, ply });
    }

    pub fn bring_proof(&mut self, ply: u32, proof: Vec<u8>) {
        self.tell(NetEvent::Proof(ProofFrame { game_id: GAME, ply, proof }));
    }

    pub fn end(&mut self, outcome: Outcome) {
        self.say(ServerMessage::GameOver { game_id: GAME, outcome });
    }

    /// What the client sent since the last time.
    pub fn sent(&mut self) -> Vec<ClientMessage> {
        let script = self.app.world().resource::<Script>().clone();
        let mut sent = script.sent.lock().unwrap();
        std::iter::from_fn(|| sent.try_recv().ok()).collect()
    }

    // What is on the screen.

    pub fn play(&self) -> &Play {
        self.app.world().resource::<Play>()
    }

    pub fn moves(&self) -> Vec<String> {
        self.play().state.game.as_ref().map(|game| game.record.uci_moves()).unwrap_or_default()
    }

    pub fn game(&self) -> &Game {
        self.play().state.game.as_ref().unwrap()
    }

    pub fn badge(&self, ply: u32) -> Badge {
        self.play().state.game.as_ref().unwrap().badges[&ply].clone()
    }

    pub fn hand(&self) -> &BoardHand {
        self.app.world().resource::<BoardHand>()
    }

    pub fn layout(&self) -> BoardLayout {
        *self.app.world().resource::<BoardLayout>()
    }

    pub fn overlay(&self) -> Overlay {
        *self.app.world().resource::<State<Overlay>>().get()
    }

    /// All texts on the screen.
    pub fn texts(&mut self) -> Vec<String> {
        let mut texts = self.app.world_mut().query::<(&Text, &ComputedNode)>();
        texts
            .iter(self.app.world())
            .filter(|(_, node)| node.size().x > 0.0)
            .map(|(text, _)| text.0.clone())
            .collect()
    }

    pub fn assert_text(&mut self, wanted: &str) {
        let texts = self.texts();
        assert!(texts.iter().any(|text| text.contains(wanted)), "{wanted:?} is not among {texts:#?}");
    }

    // The player's hand.

    fn window(&mut self) -> Entity {
        let mut windows = self.app.world_mut().query_filtered::<Entity, With<PrimaryWindow>>();
        windows.single(self.app.world()).unwrap()
    }

    pub fn move_to(&mut self, position: Vec2) {
        let window = self.window();
        let delta = Some(position - self.pointer);
        self.pointer = position;
        let moved = CursorMoved { window, position, delta };
        let world = self.app.world_mut();
        world.get_mut::<Window>(window).unwrap().set_cursor_position(Some(position));
        world.write_message(moved.clone());
        world.write_message(WindowEvent::CursorMoved(moved));
        self.frames(1);
    }

    pub fn mouse(&mut self, button: MouseButton, state: ButtonState) {
        let window = self.window();
        let input = MouseButtonInput { button, state, window };
        self.app.world_mut().write_message(input);
        self.app.world_mut().write_message(WindowEvent::MouseButtonInput(input));
        self.frames(2);
    }

    pub fn click_at(&mut self, position: Vec2) {
        self.move_to(position);
        self.mouse(MouseButton::Left, ButtonState::Pressed);
        self.mouse(MouseButton::Left, ButtonState::Released);
    }

    /// Pointer, press and release in one frame.
    pub fn hasty_click(&mut self, position: Vec2) {
        let window = self.window();
        self.pointer = position;
        let world = self.app.world_mut();
        world.get_mut::<Window>(window).unwrap().set_cursor_position(Some(position));
        world.write_message(WindowEvent::CursorMoved(CursorMoved { window, position, delta: None }));
        for state in [ButtonState::Pressed, ButtonState::Released] {
            let input = MouseButtonInput { button: MouseButton::Left, state, window };
            world.write_message(input);
            world.write_message(WindowEvent::MouseButtonInput(input));
        }
        self.frames(4);
    }

    pub fn click(&mut self, square: Square) {
        self.click_at(self.layout().centre_of(square));
    }

    pub fn drag_to(&mut self, from: Square, to: Vec2) {
        let from = self.layout().centre_of(from);
        self.move_to(from);
        self.mouse(MouseButton::Left, ButtonState::Pressed);
        for step in 1..=5 {
            self.move_to(from.lerp(to, step as f32 / 5.0));
        }
        self.mouse(MouseButton::Left, ButtonState::Released);
    }

    pub fn drag(&mut self, from: Square, to: Square) {
        self.drag_to(from, self.layout().centre_of(to));
    }

    pub fn key(&mut self, key_code: KeyCode) {
        let window = self.window();
        for state in [ButtonState::Pressed, ButtonState::Released] {
            self.app.world_mut().write_message(KeyboardInput {
                key_code,
                logical_key: Key::Unidentified(bevy::input::keyboard::NativeKey::Unidentified),
                state,
                text: None,
                repeat: false,
                window,
            });
            self.frames(2);
        }
    }

    /// A key that is a character.
    pub fn type_text(&mut self, text: &str) {
        let window = self.window();
        for character in text.chars() {
            let text: bevy::prelude::KeyCode =
                KeyCode::Unidentified(bevy::input::keyboard::NativeKeyCode::Unidentified);
            for state in [ButtonState::Pressed, ButtonState::Released] {
                self.app.world_mut().write_message(KeyboardInput {
                    key_code: text,
                    logical_key: Key::Character(character.to_string().into()),
                    state,
                    text: state.is_pressed().then(|| character.to_string().into()),
                    repeat: false,
                    window,
                });
                self.frames(1);
            }
        }
    }

    /// A key while Ctrl is held.
    pub fn control(&mut self, key_code: KeyCode) {
        let window = self.window();
        let input = |key_code, state| KeyboardInput {
            key_code,
            logical_key: Key::Unidentified(bevy::input::keyboard::NativeKey::Unidentified),
            state,
            text: None,
            repeat: false,
            window,
        };
        for (key_code, state) in [
            (KeyCode::ControlLeft, ButtonState::Pressed),
            (key_code, ButtonState::Pressed),
            (key_code, ButtonState::Released),
            (KeyCode::ControlLeft, ButtonState::Released),
        ] {
            self.app.world_mut().write_message(input(key_code, state));
            self.frames(2);
        }
    }

    /// Another size of the window, in logical pixels.
    pub fn resize(&mut self, width: f32, height: f32, scale: f32) {
        let window = self.window();
        let mut window = self.app.world_mut().get_mut::<Window>(window).unwrap();
        window.resolution.set_scale_factor(scale);
        window.resolution.set(width, height);
        self.frames(3);
    }

    /// The right button from one square to another.
    pub fn right_drag(&mut self, from: Square, to: Square) {
        self.move_to(self.layout().centre_of(from));
        self.mouse(MouseButton::Right, ButtonState::Pressed);
        self.move_to(self.layout().centre_of(to));
        self.frames(1);
        self.mouse(MouseButton::Right, ButtonState::Released);
    }

    /// The wheel, by lines; up is positive.
    pub fn scroll(&mut self, at: Square, lines: f32) {
        use bevy::input::mouse::{MouseScrollUnit, MouseWheel};
        self.move_to(self.layout().centre_of(at));
        let window = self.window();
        let wheel = MouseWheel {
            unit: MouseScrollUnit::Line,
            x: 0.0,
            y: lines,
            window,
            phase: bevy::input::touch::TouchPhase::Moved,
        };
        self.app.world_mut().write_message(wheel);
        self.app.world_mut().write_message(WindowEvent::MouseWheel(wheel));
        self.frames(2);
    }

    pub fn settings(&self) -> &Settings {
        self.app.world().resource::<Settings>()
    }

    pub fn clipboard(&self) -> String {
        self.app.world().resource::<Clipboard>().text()
    }

    pub fn copy(&self, text: &str) {
        self.app.world().resource::<Clipboard>().copy(text.into());
    }

    /// Sounds since the last time.
    pub fn sounds(&mut self) -> Vec<Sound> {
        std::mem::take(&mut self.app.world_mut().resource_mut::<HeardSounds>().0)
    }

    /// Whether there is a button that does this.
    pub fn has_button(&mut self, action: &PlayerAction) -> bool {
        let mut buttons = self.app.world_mut().query::<(&Does, &ComputedNode)>();
        buttons.iter(self.app.world()).any(|(does, node)| does.0 == *action && node.size().x > 0.0)
    }

    /// Where the button that does this lies on the screen; the one in a dialog, if there is one.
    pub fn button_at(&mut self, action: &PlayerAction) -> Vec2 {
        let world = self.app.world_mut();
        let mut dialogs = world.query_filtered::<Entity, With<Dialog>>();
        let dialogs: Vec<Entity> = dialogs.iter(world).collect();
        let mut parents = world.query::<&ChildOf>();
        let mut buttons = world.query::<(Entity, &Does, &UiGlobalTransform, &ComputedNode)>();
        let found = buttons.iter(world).filter(|(_, does, _, node)| does.0 == *action && node.size().x > 0.0);
        let at = found
            .map(|(entity, _, transform, node)| {
                let inside =
                    parents.query(world).iter_ancestors(entity).any(|parent| dialogs.contains(&parent));
                (inside, transform.affine().translation * node.inverse_scale_factor())
            })
            .max_by_key(|(inside, _)| *inside);
        at.unwrap_or_else(|| panic!("no button for {action:?}")).1
    }

    /// Clicks the button that does this, where it lies on the screen.
    pub fn click_button(&mut self, action: &PlayerAction) {
        let at = self.button_at(action);
        self.click_at(at);
        self.frames(2);
    }
}
