//! The hostile peer: a small implementation of the connection of its own, which can be honest up to any point.

mod control;
mod crypto;
mod pair;
mod session;
mod tls;

pub use control::{Control, kind};
pub use crypto::Machine;
pub use pair::{Failed, Met, Proof, honest};
pub use session::{Session, present};
pub use tls::{CONTROL, Channel, Keys, LANE};

/// Somebody with an identity and keys for this run.
pub struct Hostile {
    pub keys: Keys,
    pub machine: Machine,
    /// What it calls itself.
    pub name: Option<String>,
}

impl Hostile {
    pub fn new() -> Self {
        Self { keys: Keys::new(), machine: Machine::new(), name: None }
    }

    /// The same identity in a later run.
    pub fn again(&self) -> Self {
        Self { keys: Keys::new(), machine: self.machine.clone(), name: self.name.clone() }
    }
}
