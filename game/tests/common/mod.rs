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
    dev_tools::DevOptions,
    files,
    net::{NetEvent, Opponent, Script},
    play::{Play, PlayerAction, state::Badge},
    screens::Overlay,
    theme::widgets::Does,
    verify::{PinnedKeys, engine},
};
use protocol::{
    ClientMessage, GameId, GameRecord, Outcome, ProofFrame, ProofMode, ServerMessage, Side, SideChoice,
    shakmaty::Square,
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
    let mut pinned = PinnedKeys::default();
    pinned.pin(engine::Key::from_bytes(&model().verifying_key().to_bytes()).unwrap());
    pinned
}

/// The client under test.
pub struct Client {
    pub app: App,
    pub folder: tempfile::TempDir,
    pointer: Vec2,
}

impl Client {
    pub fn start(opponent: Opponent, pinned: PinnedKeys) -> Self {
        let folder = tempfile::tempdir().unwrap();
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
        });
        app.finish();
        app.cleanup();
        let mut client = Self { app, folder, pointer: Vec2::ZERO };
        client.frames(4);
        client
    }

    /// A client whose server is the test; welcomed, with the shipped network pinned.
    pub fn scripted() -> Self {
        let mut client = Self::start(Opponent::Scripted, pinned());
        client.welcome(ProofMode::Gkr);
        client
    }

    pub fn welcome(&mut self, proof_mode: ProofMode) {
        self.say(ServerMessage::Welcome {
            version: protocol::PROTOCOL_VERSION,
            server: "test".into(),
            model_digest: *model().digest().as_bytes(),
            verifying_key: model().verifying_key().to_bytes(),
            proof_mode,
            prover_ready: true,
            prover_progress: 1.0,
        });
    }

    /// Clicks a side in the first dialog and answers with a game.
    pub fn begin(&mut self, human: Side, start_fen: &str, moves: &[&str]) {
        let choice = if human == Side::White { SideChoice::White } else { SideChoice::Black };
        self.click_button(&PlayerAction::NewGame(choice));
        assert!(matches!(self.sent().pop(), Some(ClientMessage::NewGame { .. })));
        let record = GameRecord::replay(start_fen, moves.iter().copied()).unwrap();
        self.say(ServerMessage::game(GAME, human, &record, None, Vec::new()));
        assert_eq!(self.overlay(), Overlay::None);
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
        self.tell(NetEvent::Server(Box::new(message)));
    }

    pub fn bot_plays(&mut self, ply: u32, uci: &str) {
        self.say(ServerMessage::BotMove { game_id: GAME, ply, uci: uci.into(), infer_ms: 1.0 });
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

    /// Clicks the button that does this, where it lies on the screen.
    pub fn click_button(&mut self, action: &PlayerAction) {
        let mut buttons = self.app.world_mut().query::<(&Does, &UiGlobalTransform, &ComputedNode)>();
        let at = buttons
            .iter(self.app.world())
            .find(|(does, _, node)| does.0 == *action && node.size().x > 0.0)
            .map(|(_, transform, node)| transform.affine().translation * node.inverse_scale_factor());
        self.click_at(at.unwrap_or_else(|| panic!("no button for {action:?}")));
        self.frames(2);
    }
}
