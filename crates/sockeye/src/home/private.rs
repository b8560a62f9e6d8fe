//! Files and directories for their owner's eyes only, replaced in one step.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use tempfile::{Builder, NamedTempFile};
use zeroize::Zeroizing;

use super::HomeError;

/// Permission bits of group and others.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Write permission of group and others.
#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;

/// Beginning of the names of files that are being written.
pub(super) const TEMPORARY: &str = ".new-";

/// Makes the directory with mode 0700, and those above it as usual. One that is there already must not be writable by
/// others, who could put their own files in place of ours.
pub(super) fn make_directory(path: &Path) -> Result<(), HomeError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(HomeError::io("create", parent))?;
    }
    match only_ours().create(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::metadata(path).map_err(HomeError::io("look at", path))?;
            if !metadata.is_dir() {
                return Err(HomeError::io("create", path)(io::ErrorKind::NotADirectory.into()));
            }
            refuse_if_exposed(path, &metadata, true)
        }
        Err(error) => Err(HomeError::io("create", path)(error)),
    }
}

fn only_ours() -> DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(unix)]
fn refuse_if_exposed(path: &Path, metadata: &fs::Metadata, directory: bool) -> Result<(), HomeError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
    let forbidden = if directory { OTHERS_WRITE } else { OTHERS };
    if mode & forbidden == 0 { Ok(()) } else { Err(HomeError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_if_exposed(_: &Path, _: &fs::Metadata, _: bool) -> Result<(), HomeError> {
    Ok(())
}

/// Reads a file that only its owner may read, of at most `limit` bytes. `None`: there is none.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, HomeError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(HomeError::io("open", path)(error)),
    };
    let metadata = file.metadata().map_err(HomeError::io("look at", path))?;
    if !metadata.is_file() {
        return Err(HomeError::Corrupt { path: path.to_owned(), detail: "not a regular file".to_owned() });
    }
    refuse_if_exposed(path, &metadata, false)?;
    if metadata.len() > limit {
        let detail = format!("{} bytes, more than the {limit} allowed", metadata.len());
        return Err(HomeError::Corrupt { path: path.to_owned(), detail });
    }
    // Room for all of it at once: growing would leave copies of secrets behind.
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1));
    file.take(limit).read_to_end(&mut bytes).map_err(HomeError::io("read", path))?;
    Ok(Some(bytes))
}

/// Puts a file in place, or replaces it, in one step and durably.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let (file, directory) = written(path, bytes)?;
    file.persist(path).map_err(|error| HomeError::io("write", path)(error.error))?;
    sync_directory(directory)
}

/// Puts a file in place unless there is one. Says whether it did.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<bool, HomeError> {
    let (file, directory) = written(path, bytes)?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_directory(directory).map(|()| true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(HomeError::io("write", path)(error.error)),
    }
}

/// A temporary file (mode 0600) beside `path`, with the bytes on the disk.
fn written<'p>(path: &'p Path, bytes: &[u8]) -> Result<(NamedTempFile, &'p Path), HomeError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = Builder::new().prefix(TEMPORARY).tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    Ok((write().map_err(HomeError::io("write", path))?, directory))
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), HomeError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(HomeError::io("write", path))
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> Result<(), HomeError> {
    Ok(())
}

/// Takes the lock that goes with a file, waiting for whoever holds it. Released when dropped, and by the system if
/// the process dies.
pub(super) fn lock(path: &Path) -> Result<File, HomeError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(HomeError::io("open", path))?;
    file.lock().map_err(HomeError::io("lock", path))?;
    Ok(file)
}
