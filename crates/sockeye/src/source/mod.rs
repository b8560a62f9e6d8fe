//! What is sent, as the sender's file system has it: the walk that makes the manifest's entries, and the reading of
//! blocks. All calls block.
//!
//! Rules, each with tests:
//! - **Nothing outside what was named is ever opened.** Everything below a named path is reached through directory
//!   handles, one component at a time, never through a symbolic link; a directory swapped for a link is reported, not
//!   followed. A link *named* by the user is followed, because the user meant what it points to.
//! - **Only regular files are opened for reading**, and no open waits for another process: pipes, sockets and devices
//!   are reported. (A lease that a file server holds is waited for, two seconds at most.)
//! - **An entry is sent as it was listed or not at all.** Its identity (size, modification and change times, device,
//!   inode) is compared when it is opened and again after each block is read; the bytes are handed on only if it is
//!   still the listed one. An identity that differs never becomes the listed one again, since the change time only
//!   moves on; reading once more could not help and is not tried. The entry is reported as changed, whether or not
//!   earlier blocks went, and must not be committed.
//! - What a file system does not tell, a change within the resolution of its clock, is what [`doubtful`] is for.
//! - **Names are bytes**, and the order is theirs: the same tree gives the same manifest.

mod error;
mod exclude;
mod handle;
mod identity;
mod read;
mod stream;
mod tree;
mod walk;

#[cfg(test)]
mod tests;

pub(crate) use self::{
    error::{ReadFault, SkipReason, Skipped, SourceError, SpecialFile},
    identity::doubtful,
    read::{BlockRead, Reader},
    stream::{StreamBlock, StreamSource},
    tree::SourceTree,
    walk::Walker,
};
