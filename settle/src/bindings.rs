//! The contracts as their committed artefacts (`contracts/artifacts`) describe them: one module a contract.
#![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated from the artefacts")]

/// The rules of chess.
pub mod chess_rules {
    alloy::sol!(
        #[sol(rpc)]
        ChessRules,
        "../contracts/artifacts/ChessRules.json"
    );
}

/// Verifiers by model.
pub mod verifier_router {
    alloy::sol!(
        #[sol(rpc)]
        VerifierRouter,
        "../contracts/artifacts/VerifierRouter.json"
    );
}

/// One model's verifier.
pub mod move_verifier {
    alloy::sol!(
        #[sol(rpc)]
        MoveVerifier,
        "../contracts/artifacts/MoveVerifier.json"
    );
}

/// The part of a verifier that verifies openings.
pub mod opening_verifier {
    alloy::sol!(
        #[sol(rpc)]
        OpeningVerifier,
        "../contracts/artifacts/OpeningVerifier.json"
    );
}

/// Games for stakes.
pub mod settlement {
    alloy::sol!(
        #[sol(rpc)]
        Settlement,
        "../contracts/artifacts/Settlement.json"
    );
}

/// Proven moves as tokens.
pub mod proven_moves {
    alloy::sol!(
        #[sol(rpc)]
        ProvenMoves,
        "../contracts/artifacts/ProvenMoves.json"
    );
}

/// Whole games, replayed and verified in one transaction.
pub mod game_verifier {
    alloy::sol!(
        #[sol(rpc)]
        GameVerifier,
        "../contracts/artifacts/GameVerifier.json"
    );
}

/// Proven games as tokens.
pub mod proven_games {
    alloy::sol!(
        #[sol(rpc)]
        ProvenGames,
        "../contracts/artifacts/ProvenGames.json"
    );
}
