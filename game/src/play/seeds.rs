//! Seeds of a game below the strongest level, as this client knows them (`docs/network.md` section 5): it fixes its nonce
//! after it has seen the head of the server's chain, and takes an element only if it follows from the one before.

use engine_circuit::{
    Level, Seed,
    sampling::{SeedRecord, follows, ply_seed},
    transcript::keccak256,
};
use protocol::{GameSeeds, Hex32};

/// Head, nonce and elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(SeedRecord);

impl Seeds {
    /// A game with this head: its nonce is drawn now.
    #[must_use]
    pub fn fresh(level: Level, head: Hex32) -> Self {
        Self::known(level, head, Hex32(rand::random()))
    }

    /// A game whose nonce was drawn before.
    #[must_use]
    pub fn known(level: Level, head: Hex32, nonce: Hex32) -> Self {
        Self(SeedRecord { level, head: head.0, nonce: nonce.0, elements: Vec::new() })
    }

    /// What a file says; its chain is checked when it is used.
    #[must_use]
    pub fn of_record(record: SeedRecord) -> Self {
        Self(record)
    }

    /// For a bundle.
    #[must_use]
    pub fn record(&self) -> &SeedRecord {
        &self.0
    }

    /// Head of the server's chain.
    #[must_use]
    pub fn head(&self) -> Hex32 {
        Hex32(self.0.head)
    }

    /// This client's nonce.
    #[must_use]
    pub fn nonce(&self) -> Hex32 {
        Hex32(self.0.nonce)
    }

    /// Head and nonce in one hash, for a link: `keccak256("fairmate watch 1" || head || nonce)`. Whoever has it from the player need not take the
    /// server's word for either.
    #[must_use]
    pub fn fingerprint(&self) -> Hex32 {
        Hex32(keccak256(&[b"fairmate watch 1".as_slice(), &self.0.head, &self.0.nonce].concat()))
    }

    /// Level of the game.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// Takes the element of the network's move that has `number` of its moves before it. Elements of moves before it that are not known (what the server presents to
    /// the chain by itself is told without them) are hashes of this one.
    ///
    /// # Errors
    ///
    /// Returns the reason if it does not lead back to the last element known.
    pub fn take(&mut self, number: usize, element: Option<Hex32>) -> Result<(), String> {
        let Some(Hex32(element)) = element else { return Err("the move came without its seed".into()) };
        let known = number.min(self.0.elements.len());
        let previous = known.checked_sub(1).map_or(&self.0.head, |last| &self.0.elements[last]);
        let mut shown = vec![element];
        let mut first = element;
        for _ in known..number {
            first = keccak256(&first);
            shown.push(first);
        }
        if !follows(previous, &first) {
            return Err(format!("the seed of its move number {} is not in its chain", number + 1));
        }
        self.0.elements.truncate(number);
        self.0.elements.extend(shown.into_iter().rev());
        Ok(())
    }

    /// Takes everything that the server says of a game in which the network has made `moves` moves. True if the server
    /// lacks the nonce.
    ///
    /// # Errors
    ///
    /// Returns the reason if head or nonce is another, or if the elements are no chain of one element a move.
    pub fn agree(&mut self, said: &GameSeeds, moves: usize) -> Result<bool, String> {
        if said.head != self.head() {
            return Err("the head of its seed chain is another than before".into());
        }
        if said.nonce.is_some_and(|nonce| nonce != self.nonce()) {
            return Err("the nonce is not the one this client chose".into());
        }
        if said.elements.len() != moves || (moves > 0 && said.nonce.is_none()) {
            return Err(format!("it shows {} seeds for {moves} moves", said.elements.len()));
        }
        self.0.elements.clear();
        for (number, &element) in said.elements.iter().enumerate() {
            self.take(number, Some(element))?;
        }
        Ok(said.nonce.is_none())
    }

    /// Forgets the elements behind the network's first `moves` moves.
    pub fn cut(&mut self, moves: usize) {
        self.0.elements.truncate(moves);
    }

    /// The seed of the network's move that has `number` of its moves before it, at a ply as the FEN counts them.
    #[must_use]
    pub fn seed(&self, number: usize, game_ply: u32) -> Option<Seed> {
        self.0.elements.get(number).map(|element| ply_seed(&self.0.nonce, element, game_ply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine_circuit::sampling::SeedChain;

    #[test]
    fn only_the_chain_and_the_own_nonce_are_taken() {
        let level = Level::new(3).unwrap();
        let chain = SeedChain::new([7; 32], 4);
        let element = |number| chain.element(number).map(Hex32);
        let mut seeds = Seeds::fresh(level, Hex32(chain.head()));
        assert_ne!(seeds.nonce(), Seeds::fresh(level, Hex32(chain.head())).nonce());
        for other in [Seeds::known(level, Hex32([1; 32]), seeds.nonce()), Seeds::fresh(level, seeds.head())] {
            assert_ne!(seeds.fingerprint(), other.fingerprint());
        }
        assert!(seeds.take(0, None).is_err() && seeds.take(0, element(2)).is_err());
        assert!(seeds.take(1, element(1)).is_err() && seeds.take(1, element(3)).is_err());
        // Two that were not shown.
        let mut late = seeds.clone();
        assert_eq!(late.take(2, element(3)), Ok(()));
        assert_eq!(seeds.take(0, element(1)), Ok(()));
        assert_eq!(seeds.take(1, element(2)), Ok(()));
        assert_eq!(late.record().elements[..2], seeds.record().elements);
        assert_eq!(seeds.seed(1, 9), Some(ply_seed(&seeds.nonce().0, &element(2).unwrap().0, 9)));
        assert_eq!(seeds.seed(2, 9), None);
        let said = |nonce, count| GameSeeds {
            head: Hex32(chain.head()),
            nonce,
            elements: (1..=count).filter_map(element).collect(),
        };
        let own = Some(seeds.nonce());
        assert_eq!(seeds.agree(&said(own, 3), 3), Ok(false));
        assert_eq!(seeds.agree(&said(None, 0), 0), Ok(true));
        assert!(seeds.agree(&said(Some(Hex32([1; 32])), 1), 1).is_err(), "another nonce");
        assert!(seeds.agree(&said(own, 2), 3).is_err(), "too few");
        assert!(seeds.agree(&GameSeeds { head: Hex32([0; 32]), ..said(own, 1) }, 1).is_err(), "another head");
        assert!(seeds.agree(&GameSeeds { elements: vec![Hex32([0; 32])], ..said(own, 1) }, 1).is_err());
    }
}
