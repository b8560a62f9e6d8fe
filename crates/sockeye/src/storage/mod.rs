//! The receiver's files: what is verified becomes durable, gets its name, and is remembered.
//!
//! | file | is |
//! |---|---|
//! | `volume.rs` | what files are kept on, as a trait: directory handles and single-component names |
//! | `disk.rs` | the real file system |
//! | `memory/` | a disk in memory that forgets what was not synced, for tests |
//! | `names.rs` | which names are written and which are refused: the only place that decides |
//! | `links.rs` | where symbolic links may point |
//! | `destination.rs` | [`Destination`]: the state of one transfer at the receiver |
//! | `judge.rs` | what can be told of an entry by looking |
//! | `plan.rs` | what is needed of each entry, given what is here |
//! | `write.rs`, `part.rs` | verified bytes into the staging directory |
//! | `commit.rs`, `committer.rs`, `place.rs` | batches: sync, rename, sync, journal |
//! | `resume.rs` | the staging directory, its lock, its journal |
//! | `finish.rs` | links, modes and times of directories, the report |
//! | `stream.rs` | a single file to standard output instead |
//!
//! **Order of calls.** [`Destination::open`]; then [`Destination::preview`] for entries as they are listed (nothing is
//! written); [`Destination::accept`]; then [`Destination::plan`] once for every entry in order, and what the plans ask
//! for: `write_packed`, `write_range`, `keep_range`, `resolve_compare`, `fail`, in any order; `commit_if_due` now and
//! then; at the end [`Destination::finish`], or [`Destination::abandon`] when the transfer is interrupted.
//!
//! Everything blocks and belongs on a thread of its own.

mod commit;
mod committer;
mod destination;
mod directories;
mod disk;
mod error;
mod finish;
mod judge;
mod links;
#[cfg(test)]
mod memory;
mod names;
mod part;
mod place;
mod plan;
mod resume;
mod runs;
mod stream;
#[cfg(test)]
mod tests;
mod volume;
mod write;

pub use destination::{Destination, DestinationOptions, Existing};
pub use disk::DiskVolume;
pub use error::{EntryFault, EntryStatus, Failure, StorageError};
pub use finish::Report;
pub use judge::Preview;
pub use plan::{Held, Plan};
pub use stream::StreamOutput;
#[cfg(test)]
use volume::{Name, Volume};
