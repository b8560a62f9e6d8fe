//! Meeting: two machines find a connection, prove who they are, and open a lane.
//!
//! What comes out is a [`Session`]: a control connection and a lane between two identities. Everything after that does
//! not care who dialled.

mod dial;
mod door;
mod listen;
mod meeting;
mod pair;
mod strangers;

use std::net::SocketAddr;

use sockeye_proto::{
    pairing::Code,
    transfer::{AbortCode, Receiver, ReceiverParams},
};
use zeroize::Zeroizing;

use dial::Dialling;
pub(crate) use dial::Known;
use door::Door;
use listen::Listening;
pub(crate) use meeting::{Ground, Meeting, Welcome};

use crate::{
    Error, crypto,
    wire::{control::Control, lane::Lane},
};

/// Two machines, connected and known to each other.
pub(crate) struct Session {
    pub(crate) control: Control,
    pub(crate) lane: Lane,
    pub(crate) address: SocketAddr,
    pub(crate) identity: [u8; 32],
    pub(crate) name: Option<String>,
    pub(crate) pair_key: Zeroizing<[u8; 32]>,
}

impl Session {
    /// Tells a peer that came while another one's transfer runs, and lets it go.
    pub(crate) async fn refuse_busy(mut self) {
        let mut machine = Receiver::new(ReceiverParams::default());
        machine.abort(AbortCode::Busy, "");
        while let Some(frame) = machine.poll_frame() {
            if self.control.send(&frame).await.is_err() {
                return;
            }
        }
        self.control.close().await;
    }
}

/// A code nobody chose.
fn random_code(nameplate: u16, words: usize) -> Result<Code, Error> {
    let code = Code::random(nameplate, words, &mut |out: &mut [u8]| crypto::random(out));
    code.map_err(|error| Error::Misuse { detail: error.to_string() })
}

/// A nameplate nobody asked the network about.
fn random_nameplate() -> u16 {
    Code::random_nameplate(&mut |out: &mut [u8]| crypto::random(out))
}

/// Options of every connection. How long sent data may wait is not the kernel's to judge: a receiver that writes through
/// to a slow disk closes its window for as long as that takes. Heartbeats notice the dead.
fn options() -> sockeye_net::TcpOptions {
    sockeye_net::TcpOptions { user_timeout: None, ..sockeye_net::TcpOptions::default() }
}
