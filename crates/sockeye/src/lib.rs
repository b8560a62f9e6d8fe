//! Moves files and directories between two machines: paired by a short code, encrypted, verified, resumable, found on the
//! local network, with no server in between.
//!
//! A [`Sender`] or a [`Receiver`] starts a [`Transfer`], which tells [`Event`]s while it runs and a [`Summary`] at the
//! end. Nothing here prints, prompts or exits.
//!
//! ```no_run
//! # async fn example() -> Result<(), sockeye::Error> {
//! use sockeye::{Common, Event, Home, ListenConfig, Route, SendConfig, Sender, Source};
//!
//! let mut transfer = Sender::start(SendConfig {
//!     sources: vec![Source::Path("picture.png".into())],
//!     exclude: Vec::new(),
//!     route: Route::Listen(ListenConfig::default()),
//!     common: Common::new(Home::of_user()?),
//! })?;
//! while let Some(event) = transfer.next().await {
//!     if let Event::Code { code, .. } = event {
//!         println!("on the other side: sockeye receive {code}");
//!     }
//! }
//! let summary = transfer.finish().await?;
//! println!("{} bytes", summary.bytes);
//! # Ok(())
//! # }
//! ```

mod config;
mod crypto;
mod discovery;
mod error;
pub mod escape;
mod event;
mod home;
mod machine;
mod meet;
mod nearby;
mod source;
mod storage;
mod transfer;
mod wire;

pub use config::{
    Common, Consent, DEFAULT_PORT, DEFAULT_TIMEOUT, DEFAULT_WORDS, DialConfig, Existing, ListenConfig,
    Output, ReceiveConfig, Route, SendConfig, Source, Target,
};
pub use error::{AuthenticationFailure, Error, PeerReason, PeerReasonKind};
pub use event::{
    Decision, EntryStatus, Event, Failure, OFFER_SAMPLES, Offer, OfferedRoot, Peer, Progress,
    SUMMARY_FAILURES, Stats, Summary,
};
pub use home::{Home, HomeError, NameRefused, Remembered, TrustStore};
pub use nearby::{Nearby, peers};
pub use sockeye_proto::pairing::{Code, CodeError};
pub use transfer::{Canceller, Receiver, Sender, Transfer};

/// The words that codes are made of, sorted: for completion and for mending typing errors.
pub fn code_words() -> &'static [&'static str] {
    sockeye_proto::pairing::words()
}
