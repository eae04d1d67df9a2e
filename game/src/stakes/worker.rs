//! The chain's thread: holds the key and the game's file, signs, and sends transactions.

use super::{
    Seats,
    seat::{Seat, money},
};
use crate::{
    Step,
    files::DataFolder,
    net::{NetEvent, NetSender, Waker},
    play::{Play, PlayerAction, staked::StakesEvent, state::Badge},
    verify::PinnedKeys,
};
use bevy::prelude::*;
use protocol::{
    ClientMessage, GameId, GameRecord, GameStakes, Hex32, HexBytes, ServerMessage, SettledOutcome,
    Side as Colour, SideChoice, StakesWish, WireSignature,
};
use settle::{Chain, ChainError};
use settlement::{
    dispute::{Life, next_act, unseen_move},
    player::{PlayerGame, Wanted},
    signed::SignedOffer,
    typed_data::{Outcome, Side},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, mpsc},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Pause between two looks at the chain.
const LOOK: Duration = Duration::from_secs(2);

/// Shortest time to answer on chain that the player accepts, in seconds.
const MIN_RESPONSE_SECONDS: u32 = 600;

/// Highest bond, as a part of the stake; and one that is always fine, in wei: a dispute's gas does not shrink with the stake.
const MAX_BOND: (u128, u128) = (1, 20_000_000_000_000_000);

/// Seconds by which this computer's clock may be ahead of the chain's.
const CLOCK_MARGIN_S: u64 = 15;

/// What every seed of a game comes from, fixed before the first move.
#[derive(Clone, Copy, PartialEq, Eq)]
struct SeedTerms {
    /// Head of the server's chain.
    head: [u8; 32],
    /// The client's nonce.
    nonce: [u8; 16],
}

/// What the thread is told.
enum Order {
    /// A message that the client has for the server.
    Send(ClientMessage),
    /// The server's whole view of a game for stakes.
    Game {
        id: GameId,
        stakes: Box<GameStakes>,
        /// The seeds that this client verifies with; none for a game that it can't be the player of.
        seeds: Option<SeedTerms>,
        /// Digest of the network, if this client has its key pinned.
        digest: Option<[u8; 32]>,
        /// Half-moves that the server knows.
        plies: usize,
    },
    /// A move of the network's that this client's verifier has accepted.
    Verified { id: GameId, ply: u32, uci: String, signature: Option<WireSignature>, element: Option<Hex32> },
    /// The server's signature on a result.
    Result { id: GameId, outcome: SettledOutcome, signature: WireSignature },
    /// The game is lost or drawn on the board.
    Agree { id: GameId, outcome: SettledOutcome },
    /// The server does not answer.
    Dispute,
    /// The money out of the contract.
    Withdraw,
}

/// The client's end.
#[derive(Resource)]
struct Desk {
    orders: UnboundedSender<Order>,
    events: Mutex<mpsc::Receiver<StakesEvent>>,
    /// The game whose moves are handed over.
    game: Option<GameId>,
    signatures: BTreeMap<u32, WireSignature>,
    handed: BTreeSet<u32>,
    agreed: bool,
}

impl Desk {
    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            warn!("the chain's thread has ended");
        }
    }
}

/// Starts the thread if the client has a seat.
pub(super) fn plug_in(app: &mut App) {
    let world = app.world_mut();
    let Some(seat) = world.resource::<Seats>().player.clone() else { return };
    let folder = world.resource::<DataFolder>().0.join("stakes");
    let waker = Waker::of(world);
    let (outgoing, from_client) = unbounded_channel();
    let to_server = world.resource_mut::<NetSender>().pass_through(outgoing);
    let (orders, inbox) = unbounded_channel();
    let (told, events) = mpsc::channel();
    world.resource_mut::<Play>().state.table = Some(seat.table);
    let desk = Desk {
        orders,
        events: Mutex::new(events),
        game: None,
        signatures: BTreeMap::new(),
        handed: BTreeSet::new(),
        agreed: false,
    };
    app.insert_resource(desk).add_systems(
        Update,
        (drain.in_set(Step::Receive), (order, hand_over).chain().after(Step::Apply).before(Step::Draw)),
    );
    let spawned = std::thread::Builder::new().name("chain".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                let tell = Tell { told, waker };
                match seat.chain().await {
                    Ok(chain) => {
                        Worker {
                            seat,
                            chain,
                            folder,
                            to_server,
                            tell,
                            asked: None,
                            game: None,
                            failed: None,
                            money: None,
                        }
                        .run(inbox, from_client)
                        .await;
                    }
                    Err(reason) => tell.say(StakesEvent::Trouble { reason }),
                }
            }),
            Err(error) => error!("no chain: {error}"),
        }
    });
    if let Err(error) = spawned {
        error!("can't start the chain's thread: {error}");
    }
}

fn drain(desk: Res<'_, Desk>, mut events: MessageWriter<'_, StakesEvent>) {
    let Ok(inbox) = desk.events.lock() else { return };
    events.write_batch(inbox.try_iter());
}

/// Hands on what server and player say.
fn order(
    mut desk: ResMut<'_, Desk>,
    mut events: MessageReader<'_, '_, NetEvent>,
    mut actions: MessageReader<'_, '_, PlayerAction>,
    play: Res<'_, Play>,
    pinned: Res<'_, PinnedKeys>,
) {
    for event in events.read() {
        let NetEvent::Server { message, .. } = event else { continue };
        match message.as_ref() {
            ServerMessage::Game { game_id, stakes: Some(stakes), moves, .. } => {
                let game =
                    play.state.game.as_ref().filter(|game| game.id == *game_id && game.is_played_here());
                let Some(game) = game.filter(|_| play.state.alarm.is_none()) else { continue };
                if desk.game != Some(*game_id) {
                    desk.game = Some(*game_id);
                    desk.signatures.clear();
                    desk.handed.clear();
                    desk.agreed = false;
                }
                let plies = (0..u32::try_from(moves.len()).unwrap_or(0)).filter(|ply| game.is_bot_ply(*ply));
                for (ply, signature) in plies.zip(&stakes.signatures) {
                    if let Some(signature) = signature {
                        desk.signatures.insert(ply, *signature);
                    }
                }
                let seeds = game.seeds.as_ref().and_then(|seeds| {
                    Some(SeedTerms { head: seeds.head().0, nonce: seeds.nonce().0[16..].try_into().ok()? })
                });
                let digest = pinned.get(&game.digest).is_some().then_some(game.digest);
                let (id, plies) = (*game_id, moves.len());
                desk.order(Order::Game { id, stakes: stakes.clone(), seeds, digest, plies });
            }
            ServerMessage::BotMove { game_id, ply, signature: Some(signature), .. }
                if desk.game == Some(*game_id) =>
            {
                desk.signatures.insert(*ply, *signature);
            }
            ServerMessage::ResultSigned { game_id, outcome, signature } => {
                desk.order(Order::Result { id: *game_id, outcome: *outcome, signature: *signature });
            }
            _ => {}
        }
    }
    for action in actions.read() {
        match action {
            PlayerAction::TakeToChain => desk.order(Order::Dispute),
            PlayerAction::Withdraw => desk.order(Order::Withdraw),
            _ => {}
        }
    }
}

/// Hands verified moves over, oldest first, and a lost or drawn end.
fn hand_over(mut desk: ResMut<'_, Desk>, play: Res<'_, Play>) {
    let Some(game) = play.state.game.as_ref().filter(|game| desk.game == Some(game.id)) else { return };
    for (&ply, badge) in &game.badges {
        if desk.handed.contains(&ply) {
            continue;
        }
        let on_chain = game.stakes.as_ref().is_some_and(|stakes| stakes.on_chain.contains(&ply));
        if !matches!(badge, Badge::Verified { .. }) && !on_chain {
            break;
        }
        let Some(mv) = game.move_at(ply) else { break };
        let element = game.seeds.as_ref().and_then(|seeds| {
            seeds.record().elements.get(game.bot_moves_before(ply)).map(|element| Hex32(*element))
        });
        let signature = desk.signatures.get(&ply).copied();
        desk.order(Order::Verified { id: game.id, ply, uci: GameRecord::uci(mv), signature, element });
        desk.handed.insert(ply);
    }
    if let Some(outcome) = game.outcome.filter(|_| !desk.agreed && game.is_all_checked()) {
        let outcome = SettledOutcome::of(outcome, Colour::from(game.human));
        if outcome != SettledOutcome::PlayerWins {
            desk.order(Order::Agree { id: game.id, outcome });
        }
        desk.agreed = true;
    }
}

/// The way to the client.
struct Tell {
    told: mpsc::Sender<StakesEvent>,
    waker: Waker,
}

impl Tell {
    fn say(&self, event: StakesEvent) {
        if self.told.send(event).is_err() {
            // The window is closing.
        }
        self.waker.wake();
    }
}

/// A game under way.
struct Running {
    id: GameId,
    file: PlayerGame,
    /// It is over on chain, and that was told.
    over: bool,
}

struct Worker {
    seat: Seat,
    chain: Chain,
    folder: PathBuf,
    to_server: UnboundedSender<ClientMessage>,
    tell: Tell,
    /// What the last game was asked for with.
    asked: Option<(SideChoice, u8, StakesWish)>,
    game: Option<Running>,
    /// The last failure that was told.
    failed: Option<String>,
    money: Option<(u128, u128)>,
}

impl Worker {
    async fn run(
        mut self,
        mut orders: UnboundedReceiver<Order>,
        mut from_client: UnboundedReceiver<ClientMessage>,
    ) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                // What is verified goes before what is signed on top of it.
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                message = from_client.recv() => match message {
                    Some(message) => self.obey(Order::Send(message)).await,
                    None => return,
                },
                _ = looks.tick() => self.look(false).await,
            };
            match done {
                Ok(()) => {}
                Err(reason) if self.failed.as_ref() == Some(&reason) => {}
                Err(reason) => {
                    self.failed = Some(reason.clone());
                    self.tell.say(StakesEvent::Trouble { reason });
                }
            }
        }
    }

    async fn obey(&mut self, order: Order) -> Result<(), String> {
        match order {
            Order::Send(message) => self.send(message),
            Order::Game { id, stakes, seeds, digest, plies } => {
                self.take_up(id, &stakes, seeds, digest, plies).await
            }
            Order::Verified { id, ply, uci, signature, element } => {
                let Some(running) = self.running(id)? else { return Ok(()) };
                let (signature, element) = (signature.map(|bytes| bytes.0), element.map(|element| element.0));
                running
                    .file
                    .take_verified(ply as usize, &uci, signature, element)
                    .map_err(|error| format!("the network's move {uci} is not taken: {error}"))?;
                self.tell_stand(None);
                Ok(())
            }
            Order::Result { id, outcome, signature } => {
                let Some(running) = self.running(id)? else { return Ok(()) };
                running.file.take_result(outcome.into(), signature.0).map_err(|error| error.to_string())?;
                self.look(false).await
            }
            Order::Agree { id, outcome } => self.sign_result(id, outcome.into()),
            Order::Dispute => self.look(true).await,
            Order::Withdraw => {
                let account = self.seat.account.address();
                let wei = self.chain.balance(account).await.map_err(|error| error.to_string())?;
                self.chain.withdraw(wei, account).await.map_err(|error| error.to_string())?;
                self.count_money().await
            }
        }
    }

    fn path(&self, id: GameId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// The game of that id, from its file if an earlier run of the client began it.
    fn running(&mut self, id: GameId) -> Result<Option<&mut Running>, String> {
        if self.game.as_ref().is_none_or(|running| running.id != id) {
            let path = self.path(id);
            if !path.exists() {
                return Ok(None);
            }
            let file = PlayerGame::load(&path).map_err(|error| error.to_string())?;
            if file.game().offer().game_id() != id.0 {
                return Err(format!("{} is of another game", path.display()));
            }
            self.game = Some(Running { id, file, over: false });
        }
        Ok(self.game.as_mut())
    }

    fn pass(&self, message: ClientMessage) {
        if self.to_server.send(message).is_err() {
            warn!("the network thread has ended");
        }
    }

    /// Signs what is to be signed, and passes it on.
    fn send(&mut self, message: ClientMessage) -> Result<(), String> {
        let key = self.seat.account.clone();
        match message {
            ClientMessage::NewStakedGame { human_side, level, stakes } => {
                self.asked = Some((human_side, level, stakes));
                self.pass(message);
            }
            ClientMessage::Move { game_id, ply, uci, signature } => {
                let signature = match self.running(game_id)? {
                    Some(running) => {
                        let signed = running.file.sign_move(ply as usize, &uci, key.key());
                        Some(HexBytes(signed.map_err(|error| format!("{uci} is not signed: {error}"))?))
                    }
                    None => signature,
                };
                self.pass(ClientMessage::Move { game_id, ply, uci, signature });
                self.tell_stand(None);
            }
            ClientMessage::Resign { game_id } if self.running(game_id)?.is_some() => {
                return self.sign_result(game_id, Outcome::OperatorWins);
            }
            ClientMessage::ClaimDraw { game_id } if self.running(game_id)?.is_some() => {
                return self.sign_result(game_id, Outcome::Draw);
            }
            message => self.pass(message),
        }
        Ok(())
    }

    fn sign_result(&mut self, id: GameId, outcome: Outcome) -> Result<(), String> {
        let account = self.seat.account.clone();
        let Some(running) = self.running(id)? else { return Ok(()) };
        let signature =
            running.file.sign_result(outcome, account.key()).map_err(|error| error.to_string())?;
        let (outcome, signature) = (outcome.into(), HexBytes(signature));
        self.pass(ClientMessage::SignResult { game_id: id, outcome, signature });
        Ok(())
    }

    /// Begins a game that was asked for, or goes on with one that has a file.
    async fn take_up(
        &mut self,
        id: GameId,
        stakes: &GameStakes,
        seeds: Option<SeedTerms>,
        digest: Option<[u8; 32]>,
        plies: usize,
    ) -> Result<(), String> {
        if self.running(id)?.is_none()
            && let Err(reason) = self.begin(id, stakes, seeds, digest).await
        {
            self.tell.say(StakesEvent::Refused { game: id, reason });
            return Ok(());
        }
        let Some(running) = self.running(id)? else { return Ok(()) };
        let file = running.file.game().file();
        let kept = SeedTerms { head: file.offer.offer.seed_head, nonce: file.nonce };
        if seeds.is_some_and(|seeds| seeds != kept) {
            return Err("the seeds of its moves are not those of the offer".into());
        }
        if let Some(result) = &stakes.result {
            running
                .file
                .take_result(result.outcome.into(), result.signature.0)
                .map_err(|error| error.to_string())?;
        }
        // A move that was signed and did not reach the server.
        let game = running.file.game();
        if game.record().ply() == plies + 1 && game.to_move() == Side::Operator {
            let signed = game.file().moves.last().and_then(|mv| Some((mv.uci.clone(), mv.signature?)));
            if let (Some((uci, signature)), Ok(ply)) = (signed, u32::try_from(plies)) {
                self.pass(ClientMessage::Move {
                    game_id: id,
                    ply,
                    uci,
                    signature: Some(HexBytes(signature)),
                });
            }
        }
        self.look(false).await
    }

    /// Checks an offer and writes the game's file. Nothing has been sent to the chain when this returns.
    async fn begin(
        &mut self,
        id: GameId,
        stakes: &GameStakes,
        seeds: Option<SeedTerms>,
        digest: Option<[u8; 32]>,
    ) -> Result<(), String> {
        let (Some((side, level, wish)), Some(seeds)) = (self.asked.take(), seeds) else {
            return Err("it was not asked for".into());
        };
        let Some(model_digest) = digest else {
            return Err("the key of its network is not pinned in this client".into());
        };
        let offer = SignedOffer::try_from(&stakes.offer).map_err(|error| error.to_string())?;
        let wanted = Wanted {
            domain: self.chain.domain(),
            player: self.seat.account.address().into_array(),
            model_digest,
            level,
            stake: wish.stake.0,
            max_bond: (wish.stake.0 * MAX_BOND.0).max(MAX_BOND.1),
            white: match side {
                SideChoice::White => Some(true),
                SideChoice::Black => Some(false),
                SideChoice::Random => None,
            },
            min_response_seconds: MIN_RESPONSE_SECONDS,
        };
        let (_, now) = self.chain.rpc().latest_block().await.map_err(|error| error.to_string())?;
        wanted.check(&offer, now).map_err(|error| error.to_string())?;
        // The verifier takes the seeds from the chain that the server names, the contract from that of the offer.
        if offer.offer.seed_head != seeds.head {
            return Err("the seeds of its moves are not those of the offer".into());
        }
        if offer.game_id() != id.0 {
            return Err("the game's name is not that of its offer".into());
        }
        std::fs::create_dir_all(&self.folder)
            .map_err(|error| format!("{}: {error}", self.folder.display()))?;
        let file =
            PlayerGame::begin(&self.path(id), offer, seeds.nonce).map_err(|error| error.to_string())?;
        self.game = Some(Running { id, file, over: false });
        Ok(())
    }

    async fn count_money(&mut self) -> Result<(), String> {
        let now = money(&self.chain, &self.seat.account).await?;
        if self.money != Some(now) {
            self.money = Some(now);
            self.tell.say(StakesEvent::Money { held: now.0, withdrawable: now.1 });
        }
        Ok(())
    }

    fn tell_stand(&self, pending: Option<(bool, u64)>) {
        let Some(running) = &self.game else { return };
        let game = running.file.game();
        let offer = &game.offer().offer;
        self.tell.say(StakesEvent::Stands {
            game: running.id,
            recorded: game.record().ply(),
            stake: offer.player_stake,
            bond: offer.bond,
            pending,
        });
    }

    /// Looks at the chain and does what is to be done there. `silent`: the player says that the server does not answer.
    async fn look(&mut self, silent: bool) -> Result<(), String> {
        self.count_money().await?;
        let Some(running) = self.game.as_mut().filter(|running| !running.over) else { return Ok(()) };
        let failed = |error: ChainError| error.to_string();
        let mut seen = self.chain.look(running.file.game().offer()).await.map_err(failed)?;
        let id = running.id;
        match seen.life {
            Life::Unopened => {
                let offer = running.file.game().offer().clone();
                let nonce = running.file.game().file().nonce;
                self.tell_stand(None);
                let refused = match self.chain.open(&offer, nonce).await {
                    Ok(_) => {
                        self.pass(ClientMessage::StakesOpened { game_id: id, nonce: HexBytes(nonce) });
                        None
                    }
                    Err(error @ (ChainError::Rejected(_) | ChainError::Funds { .. })) => {
                        Some(error.to_string())
                    }
                    // The next look tries again, or finds it open.
                    Err(error) => return Err(error.to_string()),
                };
                if let Some(reason) = refused {
                    self.game = None;
                    self.tell.say(StakesEvent::Refused { game: id, reason });
                    return Ok(());
                }
                return self.count_money().await;
            }
            Life::Final { outcome } => {
                running.over = true;
                self.tell_stand(None);
                self.tell.say(StakesEvent::Final { game: id, outcome: outcome.map(Into::into) });
                return self.count_money().await;
            }
            Life::Open { .. } => {}
        }
        // A chain on which nothing happens has no new blocks, and its clock stands still.
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        seen.now = seen.now.max(clock.saturating_sub(CLOCK_MARGIN_S));
        if let Some(mv) = unseen_move(running.file.game(), &seen, Side::Player) {
            let ply = running.file.game().record().ply();
            let uci = GameRecord::uci(mv);
            running
                .file
                .take_verified(ply, &uci, None, seen.seed_element)
                .map_err(|error| error.to_string())?;
            let (ply, element) = (u32::try_from(ply).unwrap_or(u32::MAX), seen.seed_element.map(Hex32));
            self.tell.say(StakesEvent::Moved { game: id, ply, uci, element });
        }
        let act = next_act(running.file.game(), &seen, Side::Player, silent);
        if let Some(act) = &act {
            self.chain.act(running.file.game(), act, None).await.map_err(failed)?;
            seen = self.chain.look(running.file.game().offer()).await.map_err(failed)?;
        } else if silent && seen.pending.is_none() {
            return Err("there is nothing to take to the chain now".into());
        }
        self.failed = None;
        let pending = seen.pending.map(|pending| (pending.by == Side::Operator, pending.deadline));
        self.tell_stand(pending);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::{game::Game, staked::Staked};
    use bevy::ecs::system::RunSystemOnce;
    use protocol::{EndReason, record::START_FEN, shakmaty::Color};

    const VERIFIED: Badge = Badge::Verified { verify_ms: 1.0 };

    /// What the thread is told of a game after 1. e4 e5 2. Nf3 Nc6 with these badges on the network's moves: the plies that are handed over, and the result that is
    /// agreed to.
    fn handed_over(
        badges: [Badge; 2],
        on_chain: &[u32],
        outcome: Option<protocol::Outcome>,
    ) -> (Vec<u32>, Option<SettledOutcome>) {
        let id = GameId([7; 32]);
        let record = GameRecord::replay(START_FEN, ["e2e4", "e7e5", "g1f3", "b8c6"]).unwrap();
        let mut game = Game::new(id, Color::White, [1; 32], record);
        game.badges = [1, 3].into_iter().zip(badges).collect();
        game.outcome = outcome;
        game.stakes = Some(Staked { on_chain: on_chain.iter().copied().collect(), ..Staked::default() });
        let mut play = Play::default();
        play.state.game = Some(game);
        let (orders, mut told) = unbounded_channel();
        let (_, events) = mpsc::channel();
        let mut world = World::new();
        world.insert_resource(play);
        world.insert_resource(Desk {
            orders,
            events: Mutex::new(events),
            game: Some(id),
            signatures: BTreeMap::new(),
            handed: BTreeSet::new(),
            agreed: false,
        });
        // A second look hands nothing over again.
        for _ in 0..2 {
            world.run_system_once(hand_over).unwrap();
        }
        let (mut plies, mut agreed) = (Vec::new(), None);
        while let Ok(order) = told.try_recv() {
            match order {
                Order::Verified { ply, .. } => plies.push(ply),
                Order::Agree { outcome, .. } => assert_eq!(agreed.replace(outcome), None),
                _ => panic!("another order"),
            }
        }
        (plies, agreed)
    }

    #[test]
    fn only_what_is_verified_is_signed_on() {
        let unverified = [
            Badge::Proving { since_s: 0.0 },
            Badge::Checking,
            Badge::Invalid { reason: "bad".into() },
            Badge::NotChecked { reason: "no proof".into() },
        ];
        assert_eq!(handed_over([VERIFIED, VERIFIED], &[], None).0, [1, 3]);
        for badge in unverified {
            assert_eq!(handed_over([VERIFIED, badge.clone()], &[], None).0, [1], "{badge:?}");
            // What follows it waits, too; and the contract's check is as good as the own one.
            assert!(handed_over([badge.clone(), VERIFIED], &[], None).0.is_empty(), "{badge:?}");
            assert_eq!(handed_over([badge, VERIFIED], &[1], None).0, [1, 3]);
        }
    }

    #[test]
    fn a_loss_is_agreed_to_once_every_move_is_verified() {
        let ended = |winner| Some(protocol::Outcome { winner, reason: EndReason::Checkmate });
        let lost = ended(Some(Colour::Black));
        assert_eq!(handed_over([VERIFIED, VERIFIED], &[], lost).1, Some(SettledOutcome::OperatorWins));
        assert_eq!(handed_over([VERIFIED, Badge::Checking], &[], lost).1, None);
        assert_eq!(handed_over([VERIFIED, VERIFIED], &[], ended(None)).1, Some(SettledOutcome::Draw));
        assert_eq!(handed_over([VERIFIED, VERIFIED], &[], ended(Some(Colour::White))).1, None);
        assert_eq!(handed_over([VERIFIED, VERIFIED], &[], None).1, None);
    }
}
