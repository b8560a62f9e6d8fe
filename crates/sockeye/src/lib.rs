//! Moves files and directories between two machines: paired by a short code, encrypted, verified, resumable, found on the
//! local network, with no server in between.
//!
//! A [`Sender`] or a [`Receiver`] starts a [`Transfer`], which tells [`Event`]s while it runs and a [`Summary`] at the
//! end. Nothing here prints, prompts or exits.
//!
//! A file from one end to the other, both in this process:
//!
//! ```
//! use sockeye::*;
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
//! # runtime.block_on(async {
//! # let place = tempfile::tempdir().unwrap();
//! # let (home, picture, inbox) = (place.path().join("home"), place.path().join("picture.png"), place.path().join("in"));
//! # std::fs::write(&picture, vec![7; 300_000]).unwrap();
//! # std::fs::create_dir(&inbox).unwrap();
//! let listen = ListenConfig { no_discovery: true, port: Some(0), ..ListenConfig::default() };
//! let mut sender = Sender::start(SendConfig {
//!     sources: vec![Source::Path(picture.clone())],
//!     exclude: Vec::new(),
//!     route: Route::Listen(listen),
//!     many: None,
//!     common: Common::new(Home::at(&home)),
//! })?;
//! let (code, port) = loop {
//!     match sender.next().await {
//!         Some(Event::Code { code, addresses }) => break (code, addresses[0].port()),
//!         Some(_) => {}
//!         None => return sender.finish().await.map(|_| ()),
//!     }
//! };
//! let target = Target::Host { host: "127.0.0.1".into(), port: Some(port) };
//! let receiver = Receiver::start(ReceiveConfig {
//!     output: Output::Directory(inbox.clone()),
//!     existing: Existing::Refuse,
//!     portable_names: false,
//!     max_size: Some(1 << 20),
//!     consent: Consent::Yes,
//!     route: Route::Dial(DialConfig { code: Some(code), target: Some(target), ..DialConfig::default() }),
//!     keep: false,
//!     pair: false,
//!     common: Common::new(Home::at(&home.join("other"))),
//! })?;
//! let (sent, received) = tokio::join!(sender.finish(), receiver.finish());
//! assert_eq!(sent?.digest, received?.digest);
//! assert_eq!(std::fs::read(inbox.join("picture.png")).unwrap(), std::fs::read(picture).unwrap());
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```
//!
//! # Sockets and messages
//!
//! Beside the transfers there is what they stand on, for programs that speak a protocol of their own. An
//! [`Endpoint`](endpoint::Endpoint) says where, a [`Framing`] where each message ends; both are texts. [`socket`] dials and
//! listens, [`Encoder`] and [`Decoder`] put messages into frames and take them out. [`message`] tells besides in which reads
//! each message came; [`inspect`] asks the kernel about a socket, [`option`] sets its options, [`interfaces`] lists what a
//! machine is on.
//!
//! A message each way, on one connection:
//!
//! ```
//! use sockeye::endpoint::Endpoint;
//! use sockeye::socket::{Connection, Listener};
//! use sockeye::{Decoder, Encoder, Framing, Step};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! /// The next message. `None` at the end of the stream.
//! async fn receive(connection: &mut Connection, decoder: &mut Decoder) -> std::io::Result<Option<Vec<u8>>> {
//!     loop {
//!         match decoder.next() {
//!             Step::Frame { payload, .. } => return Ok(Some(payload.to_vec())),
//!             Step::Need(_) => {}
//!             odd => return Err(std::io::Error::other(format!("no message: {odd:?}"))),
//!         }
//!         match connection.read(decoder.spare(4096)).await? {
//!             0 => return decoder.finish().map(|()| None).map_err(std::io::Error::other),
//!             len => decoder.filled(len),
//!         }
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let framing: Framing = "len:u16be,max=4KiB".parse()?;
//! let endpoint: Endpoint = "tcp://127.0.0.1:0?nodelay".parse()?;
//! let mut listener = Listener::bind(&endpoint).await?;
//! let called: Endpoint = format!("tcp://{}", listener.names()[0]).parse()?;
//!
//! let echo = async {
//!     let mut connection = listener.accept().await?.finish().await?;
//!     let (encoder, mut decoder) = (Encoder::new(framing.clone()), Decoder::new(framing.clone()));
//!     while let Some(message) = receive(&mut connection, &mut decoder).await? {
//!         let mut wire = Vec::new();
//!         encoder.encode(&message, &mut wire)?;
//!         connection.write_all(&wire).await?;
//!     }
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! let call = async {
//!     let mut connection = Connection::dial(&called).await?;
//!     let mut wire = Vec::new();
//!     Encoder::new(framing.clone()).encode(b"tulip", &mut wire)?;
//!     connection.write_all(&wire).await?;
//!     let mut decoder = Decoder::new(framing.clone());
//!     assert_eq!(receive(&mut connection, &mut decoder).await?.as_deref(), Some(&b"tulip"[..]));
//!     Ok::<_, Box<dyn std::error::Error>>(())
//! };
//! tokio::try_join!(echo, call)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod crypto;
#[cfg(unix)]
mod delivery;
mod discovery;
pub use sockeye_net::{
    Family, Interface, InterfaceAddress, address, datagram, endpoint, inspect, interfaces, names, option,
};
mod error;
pub mod escape;
mod event;
mod home;
mod machine;
mod meet;
pub mod message;
mod nearby;
#[cfg(unix)]
pub mod socket;
mod source;
mod storage;
mod transfer;
mod wire;

pub use config::{
    Common, Consent, DEFAULT_MTU, DEFAULT_PORT, DEFAULT_TIMEOUT, DEFAULT_WORDS, DEFAULT_WORDS_MANY,
    DeliveryConfig, DialConfig, Existing, ListenConfig, Output, ReceiveConfig, Route, SendConfig, Source,
    Target,
};
pub use error::{AuthenticationFailure, Error, PeerReason, PeerReasonKind};
pub use event::{
    Decision, DeliveryProgress, EntryStatus, Event, Failure, OFFER_SAMPLES, Offer, OfferedRoot, Peer,
    Progress, ReceiverPhase, ReceiverState, SUMMARY_FAILURES, Stats, Summary,
};
pub use home::{Home, HomeError, NameRefused, Remembered, TrustStore};
pub use nearby::{Nearby, peers};
pub use sockeye_codec::{
    ByteOrder, DEFAULT_MAX, Decoder, EncodeError, Encoder, Envelope, Framing, Guess, LARGEST_MAX, MARK_LIMIT,
    Malformed, MarkError, Oversize, Peek, Resync, SpecError, SpecErrorKind, Step, Truncated, Verdict, Width,
    guess, guess_cut,
};
pub use sockeye_proto::pairing::{Code, CodeError};
pub use transfer::{Canceller, Receiver, Sender, Transfer};

/// The words that codes are made of, sorted: for completion and for mending typing errors.
pub fn code_words() -> &'static [&'static str] {
    sockeye_proto::pairing::words()
}
