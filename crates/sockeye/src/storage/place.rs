//! The step that gives a verified file its final name.

use std::io;

use rustix::io::Errno;

use super::{
    Existing,
    error::is,
    names::numbered,
    resume::mark,
    volume::{FileKind, Name, Replace, Volume},
};

/// Highest number tried for `name (number)`: whoever has this many copies is not helped by one more.
const MAX_NUMBER: u32 = 9_999;

/// What is known about the final name when a file is planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Placement {
    /// Nothing had it.
    #[default]
    Fresh,
    /// Something different has it, and the user's policy applies.
    Taken,
    /// An earlier run of this transfer put it there, and nobody changed it since: it may be replaced.
    Ours { mark: [u8; 16], number: u32 },
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// It has the name with this number; 0 is the name itself.
    At(u32),
    /// Something else has the name and stays.
    Exists(&'static str),
    /// The same, and the user wants it so.
    Skipped,
}

/// Moves `from` to its final name. The move itself never replaces what the policy protects, whoever puts it there and
/// when.
pub(super) fn place<V: Volume>(
    volume: &V,
    from: (&V::Dir, Name<'_>),
    to: &V::Dir,
    name: &[u8],
    placement: Placement,
    existing: Existing,
) -> io::Result<Landing> {
    if let Placement::Ours { mark: expected, number } = placement
        && let Some(ours) = numbered(name, number)
        && let Some(ours) = Name::new(&ours)
        && volume.stat(to, ours).is_ok_and(|found| mark(&found) == expected)
    {
        volume.rename(from, (to, ours), Replace::Allowed)?;
        return Ok(Landing::At(number));
    }
    let Some(exact) = Name::new(name) else { return Err(io::ErrorKind::InvalidInput.into()) };
    match volume.rename(from, (to, exact), Replace::Never) {
        Ok(()) => return Ok(Landing::At(0)),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    match existing {
        Existing::Refuse => Ok(Landing::Exists("something else has this name")),
        Existing::Skip => Ok(Landing::Skipped),
        Existing::Overwrite => overwrite(volume, from, to, exact),
        Existing::Rename => number_it(volume, from, to, name),
    }
}

fn overwrite<V: Volume>(
    volume: &V,
    from: (&V::Dir, Name<'_>),
    to: &V::Dir,
    name: Name<'_>,
) -> io::Result<Landing> {
    match volume.stat(to, name) {
        Ok(found) => {
            if let Some(reason) = irreplaceable(found.kind) {
                return Ok(Landing::Exists(reason));
            }
        }
        Err(error) if is(&error, Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    match volume.rename(from, (to, name), Replace::Allowed) {
        Ok(()) => Ok(Landing::At(0)),
        // It became a directory since the look.
        Err(error) if [Errno::ISDIR, Errno::NOTEMPTY, Errno::EXIST].iter().any(|e| is(&error, *e)) => {
            Ok(Landing::Exists(A_DIRECTORY))
        }
        Err(error) => Err(error),
    }
}

fn number_it<V: Volume>(
    volume: &V,
    from: (&V::Dir, Name<'_>),
    to: &V::Dir,
    name: &[u8],
) -> io::Result<Landing> {
    for number in 2..=MAX_NUMBER {
        let Some(next) = numbered(name, number) else { break };
        let Some(next) = Name::new(&next) else { break };
        match volume.rename(from, (to, next), Replace::Never) {
            Ok(()) => return Ok(Landing::At(number)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Landing::Exists("no free name beside it"))
}

/// Why something is never replaced, whatever the policy.
pub(super) fn irreplaceable(kind: FileKind) -> Option<&'static str> {
    match kind {
        FileKind::File | FileKind::Symlink => None,
        FileKind::Directory => Some(A_DIRECTORY),
        FileKind::Other => Some("a device, pipe or socket has this name"),
    }
}

const A_DIRECTORY: &str = "a directory has this name";
