//! What a transfer tells its user while it runs, and what it tells at the end.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use crate::{Code, Error};

/// Something that happened. Text and names in events come from the peer unless said otherwise: escape before showing
/// ([`crate::escape`]).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// This side listens and the other may come.
    Listening {
        /// Where: one address per interface that a peer could use.
        addresses: Vec<SocketAddr>,
    },
    /// The code to type on the other side. Comes again, with another code, when wrong guesses used one up.
    Code {
        /// The code.
        code: Code,
        /// Addresses for `CODE@HOST:PORT`, for networks where discovery does not work.
        addresses: Vec<SocketAddr>,
    },
    /// Asking the network who has this nameplate, or this remembered peer.
    Searching {
        /// Nameplate or name looked for.
        what: String,
    },
    /// Dialling.
    Connecting {
        /// Whom.
        address: SocketAddr,
    },
    /// Somebody tried a wrong code.
    WrongCode {
        /// Who.
        from: SocketAddr,
        /// How many wrong guesses the code can still take.
        left: u32,
    },
    /// The other side proved who it is.
    Paired {
        /// Who.
        peer: Peer,
    },
    /// The peer was written to the trust store.
    Remembered {
        /// Name given here.
        name: String,
    },
    /// The peer could not be written to the trust store; the transfer goes on.
    NotRemembered {
        /// Name asked for here.
        name: String,
        /// Why.
        reason: String,
    },
    /// The sender's list grows (both sides).
    Listed {
        /// Entries so far.
        entries: u64,
        /// Bytes so far.
        bytes: u64,
    },
    /// Receiver only, with [`crate::Consent::Ask`]: answer with [`crate::Transfer::decide`].
    Offer(Offer),
    /// The receiver said yes; bytes flow.
    Started {
        /// Files to move, those already here included.
        files: u64,
        /// Bytes in all, if every size is known.
        bytes: Option<u64>,
    },
    /// How far it is. At most ten a second.
    Progress(Progress),
    /// One entry that did not arrive, with the reason. Both sides tell the same.
    Failed(Failure),
    /// The connection was lost; waiting for the peer to come back, or trying to reach it.
    Reconnecting {
        /// What broke.
        reason: String,
    },
    /// To many: four words by which the sender is known, the same on every screen. Whoever knows the code could pretend to be
    /// the sender to those who come later: comparing these shows it.
    Fingerprint {
        /// The words, joined by hyphens.
        words: String,
    },
    /// To many: it begins.
    DeliveryStarted {
        /// With so many.
        receivers: usize,
    },
    /// To many: how everybody fares. About four a second, once somebody has come.
    Delivery(DeliveryProgress),
    /// One transfer is complete (with `keep`, others may follow).
    Finished(Summary),
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The long-term Ed25519 public key.
    pub identity: [u8; 32],
    /// What the peer calls itself, if it does. Hostile text.
    pub name: Option<String>,
    /// What it is called here, if it is remembered.
    pub remembered_as: Option<String>,
    /// Where it is.
    pub address: SocketAddr,
}

/// What the sender offers, as it will be written here.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Tells this offer from others of the same process.
    pub number: u64,
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of known sizes.
    pub bytes: u64,
    /// Whether a size is unknown (the sender reads from a pipe).
    pub unknown_size: bool,
    /// Bytes free where it would go.
    pub free: Option<u64>,
    /// Where it would go: the absolute directory.
    pub destination: PathBuf,
    /// What was offered at the top level: path as bytes, bytes in it, entries in it. At most [`OFFER_SAMPLES`].
    pub roots: Vec<OfferedRoot>,
    /// How many roots there are in all.
    pub roots_total: u64,
    /// Paths that are hidden (a component begins with a dot). At most [`OFFER_SAMPLES`].
    pub hidden: Vec<Vec<u8>>,
    /// How many hidden ones there are in all.
    pub hidden_total: u64,
    /// Paths of files with an execute bit. At most [`OFFER_SAMPLES`].
    pub executable: Vec<Vec<u8>>,
    /// How many executable ones there are in all.
    pub executable_total: u64,
    /// Paths that exist here already. At most [`OFFER_SAMPLES`].
    pub existing: Vec<Vec<u8>>,
    /// How many exist in all.
    pub existing_total: u64,
    /// Entries that will not be written, with reasons. At most [`OFFER_SAMPLES`].
    pub refused: Vec<Failure>,
    /// How many will not be written in all.
    pub refused_total: u64,
    /// Bytes of this transfer that an earlier run brought already.
    pub bytes_here: u64,
}

/// How many names of each sort an [`Offer`] shows at most.
pub const OFFER_SAMPLES: usize = 20;

/// One top-level thing of an [`Offer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedRoot {
    /// Name as bytes.
    pub name: Vec<u8>,
    /// Whether it is a directory.
    pub directory: bool,
    /// Entries in it, itself included.
    pub entries: u64,
    /// Bytes in it.
    pub bytes: u64,
}

/// The receiver's answer to an [`Offer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Take it.
    Accept,
    /// Do not.
    Decline {
        /// Told to the peer, at most 512 bytes.
        reason: String,
    },
}

/// How far a transfer is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes done: sent or written and verified, those that were here already included.
    pub bytes: u64,
    /// Bytes in all, if known.
    pub bytes_total: Option<u64>,
    /// Files done.
    pub files: u64,
    /// Files in all so far.
    pub files_total: u64,
    /// Bytes that did not need to travel.
    pub bytes_here: u64,
    /// The path at work, as bytes.
    pub current: Option<Vec<u8>>,
    /// Time since data began to flow.
    pub elapsed: Duration,
}

/// How a delivery to many is going.
#[derive(Clone, Debug, Default)]
pub struct DeliveryProgress {
    /// Everybody who has come, in the order of coming.
    pub receivers: Vec<ReceiverState>,
    /// Bytes of content.
    pub bytes_total: u64,
    /// What the sender sends in packets, on the wire.
    pub bytes_per_second: f64,
    /// Symbols sent for each one of content.
    pub overhead: f64,
    /// Time since it began, once it has.
    pub elapsed: Option<Duration>,
}

/// One receiver of a delivery.
#[derive(Clone, Debug)]
pub struct ReceiverState {
    /// Counts those who came.
    pub number: u32,
    /// Who.
    pub peer: Peer,
    /// How far it is.
    pub phase: ReceiverPhase,
    /// Whether packets to all reach it. Otherwise everything goes by its own connection.
    pub packets: bool,
    /// Bytes it has, about.
    pub bytes: u64,
    /// Share of packets that did not reach it lately.
    pub loss: f64,
    /// It is the one that sets the pace.
    pub limits: bool,
    /// Entries that did not arrive there.
    pub failed: u64,
    /// Why it failed, if it did.
    pub error: Option<Arc<Error>>,
}

/// How far a receiver of a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiverPhase {
    /// It looks at the list, or its user does.
    Asking,
    /// It waits for the beginning.
    Ready,
    /// Packets come.
    Receiving,
    /// What is left comes by its own connection.
    Finishing,
    /// It has verified and stored everything it will have.
    Done,
    /// It is gone.
    Failed,
}

/// Why one entry did not arrive, or arrived under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its path, `/` between components, as bytes.
    pub path: Vec<u8>,
    /// What kind of trouble.
    pub status: EntryStatus,
    /// Details: at most 512 bytes, may come from the peer.
    pub text: String,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum EntryStatus {
    /// Written, verified, under its final name.
    Done,
    /// An equal one was here already.
    Equal,
    /// A different one is here and stays; nothing was written.
    Exists,
    /// Left alone because the receiver was told to skip what exists.
    Skipped,
    /// Written under another name.
    Renamed,
    /// The name cannot be held here, or the policy refuses it.
    NameRefused,
    /// A symbolic link that points out of what is sent, or a kind of file that does not travel.
    KindRefused,
    /// The source changed while it was read.
    SourceChanged,
    /// The source could not be read.
    SourceUnreadable,
    /// It could not be written.
    WriteFailed,
    /// The receiver's disk is full.
    DiskFull,
    /// Its bytes did not have their digest.
    Integrity,
}

/// How a transfer ended.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Whether this side sent.
    pub sent: bool,
    /// Regular files that are now there, complete and verified.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Bytes of content of those files.
    pub bytes: u64,
    /// Of these, bytes that were there already and did not travel.
    pub bytes_here: u64,
    /// Entries that an equal one made unnecessary.
    pub equal: u64,
    /// Entries that did not arrive, or under another name. At most [`SUMMARY_FAILURES`]; each was an [`Event::Failed`] too.
    pub failures: Vec<Failure>,
    /// How many entries did not arrive.
    pub failed: u64,
    /// Receiver: absolute paths of the top-level things written.
    pub written: Vec<PathBuf>,
    /// If exactly one file went: its BLAKE3 digest.
    pub digest: Option<[u8; 32]>,
    /// Time from the first byte of data to the last result.
    pub elapsed: Duration,
    /// Time that the stages waited, for `--stats`.
    pub stats: Stats,
    /// Sent to many: what became of each.
    pub receivers: Vec<ReceiverState>,
}

/// How many failures a [`Summary`] keeps.
pub const SUMMARY_FAILURES: usize = 1000;

/// Where the time went.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Bytes that travelled on the lanes, headers included.
    pub lane_bytes: u64,
    /// Reading (sender) or writing (receiver) files.
    pub disk: Duration,
    /// Digests.
    pub hash: Duration,
    /// Sealing or opening and the socket.
    pub network: Duration,
    /// The disk stage waited for the network stage.
    pub disk_waited: Duration,
    /// The network stage waited for the disk stage.
    pub network_waited: Duration,
    /// Receiver: writing through to the disk and committing.
    pub commit: Duration,
    /// Connections lost and made again.
    pub reconnects: u32,
}
