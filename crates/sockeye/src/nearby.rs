//! Who is around.

use std::{net::SocketAddr, time::Duration};

use crate::{
    Error, Home,
    discovery::{RosterConfig, hint_key, roster},
    home::TrustStore,
};

/// A machine that announces itself. A hint whom to dial, never an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearby {
    /// Where it answered from, with the port it listens on.
    pub address: SocketAddr,
    /// The public number of its code, if it has one.
    pub nameplate: Option<u16>,
    /// What it calls itself, if it does. Hostile text.
    pub name: Option<String>,
    /// The remembered peer that it hints to be.
    pub remembered_as: Option<String>,
    /// Whether it has something to send; otherwise it receives.
    pub sends: bool,
}

/// Asks the network and listens for as long as `wait`. Empty `interfaces` means all.
pub async fn peers(home: &Home, interfaces: &[String], wait: Duration) -> Result<Vec<Nearby>, Error> {
    let trust = TrustStore::open(home)?;
    let (names, pair_keys): (Vec<_>, Vec<_>) = trust
        .known()
        .map(|known| (known.peer.name.clone(), hint_key(known.pair_key, &known.peer.identity)))
        .unzip();
    let config = RosterConfig { wait, pair_keys, interfaces: interfaces.to_vec(), ..RosterConfig::default() };
    let found = roster(config).await?;
    Ok(found
        .into_iter()
        .filter_map(|neighbour| {
            Some(Nearby {
                address: *neighbour.addresses.first()?,
                nameplate: neighbour.nameplate,
                name: neighbour.name,
                remembered_as: neighbour.pair.and_then(|index| names.get(index).cloned()),
                sends: neighbour.sends,
            })
        })
        .collect())
}
