//! Standard output for commands that write much: gathered while there is work, handed on before the program waits.

use std::{
    io::{self, Write},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

/// Bytes gathered before they are handed on although there is more to do.
const ENOUGH: usize = 64 * 1024;

static GATHERED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);
static FAILED: AtomicBool = AtomicBool::new(false);
static NEWS: Notify = Notify::const_new();

/// Whoever read standard output has gone, or the disk is full: see [`failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// Lets `fill` append to what is gathered.
pub(crate) fn append(fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Broken> {
    if FAILED.load(Ordering::Relaxed) {
        return Err(Broken);
    }
    let mut gathered = GATHERED.lock().unwrap_or_else(PoisonError::into_inner);
    fill(&mut gathered);
    if gathered.len() >= ENOUGH { hand_on(&mut gathered) } else { Ok(()) }
}

/// What is so long is written at once instead of being gathered.
pub(crate) const LARGE: usize = 16 * 1024;

/// Writes something long, behind what is gathered.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Broken> {
    if FAILED.load(Ordering::Relaxed) {
        return Err(Broken);
    }
    flush()?;
    written(io::stdout().lock().write_all(bytes))
}

/// Hands on what is gathered.
pub(crate) fn flush() -> Result<(), Broken> {
    let mut gathered = GATHERED.lock().unwrap_or_else(PoisonError::into_inner);
    if gathered.is_empty() { Ok(()) } else { hand_on(&mut gathered) }
}

fn hand_on(gathered: &mut Vec<u8>) -> Result<(), Broken> {
    let mut stdout = io::stdout().lock();
    let result = stdout.write_all(gathered).and_then(|()| stdout.flush());
    gathered.clear();
    gathered.shrink_to(2 * ENOUGH);
    written(result)
}

/// Remembers why standard output cannot be written any more.
fn written(result: io::Result<()>) -> Result<(), Broken> {
    result.map_err(|error| {
        *FAILURE.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        FAILED.store(true, Ordering::Relaxed);
        NEWS.notify_one();
        Broken
    })
}

/// Waits until standard output cannot be written any more.
pub(crate) async fn failed() {
    if !FAILED.load(Ordering::Relaxed) {
        NEWS.notified().await;
    }
}

/// Why it cannot be written any more.
pub(crate) fn failure() -> io::Error {
    let failure = FAILURE.lock().unwrap_or_else(PoisonError::into_inner).take();
    failure.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
}
