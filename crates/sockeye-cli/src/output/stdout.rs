//! Standard output for commands that write much: gathered while there is work, handed on before the program waits. Where a thread
//! was started for it, a reader who does not read holds nobody up but those who wait for [`room`].

use std::{
    io::{self, Write},
    sync::{
        Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// Bytes gathered before they are handed on although there is more to do.
const ENOUGH: usize = 64 * 1024;
/// Bytes that may wait for a reader before those who bring more have to wait as well.
const MOST: usize = 512 * 1024;
/// How long a reader who does not read may keep a program that was interrupted.
const LAST_WORDS: Duration = Duration::from_millis(500);

static GATHERED: Mutex<Gathered> =
    Mutex::new(Gathered { bytes: Vec::new(), is_due: false, is_writing: false, has_thread: false });
/// Told when something is due, and when it was written.
static DUE: Condvar = Condvar::new();
static WRITTEN: Condvar = Condvar::new();
static ROOM: Notify = Notify::const_new();
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);
static FAILED: AtomicBool = AtomicBool::new(false);
/// Whether the thread hangs at a reader who does not read, and nobody else may write.
static STUCK: AtomicBool = AtomicBool::new(false);
static NEWS: Notify = Notify::const_new();

struct Gathered {
    bytes: Vec<u8>,
    /// Whether the thread is to write them.
    is_due: bool,
    /// Whether it writes what it took.
    is_writing: bool,
    has_thread: bool,
}

/// Whoever read standard output has gone, or the disk is full: see [`failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// Lets a thread write from now on.
pub(crate) fn start() -> io::Result<()> {
    let mut gathered = lock();
    if !gathered.has_thread {
        std::thread::Builder::new().name("output".to_owned()).spawn(write_what_is_due)?;
        gathered.has_thread = true;
    }
    Ok(())
}

fn write_what_is_due() {
    let mut taken = Vec::new();
    loop {
        let mut gathered = lock();
        gathered.is_writing = false;
        WRITTEN.notify_all();
        while !gathered.is_due {
            gathered = DUE.wait(gathered).unwrap_or_else(PoisonError::into_inner);
        }
        (gathered.is_due, gathered.is_writing) = (false, true);
        std::mem::swap(&mut gathered.bytes, &mut taken);
        drop(gathered);
        ROOM.notify_waiters();
        // Whoever waits for the end of it looks whether it failed.
        let _ = write_out(&mut taken);
    }
}

fn lock() -> MutexGuard<'static, Gathered> {
    GATHERED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets `fill` append to what is gathered.
pub(crate) fn append(fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Broken> {
    if FAILED.load(Ordering::Relaxed) {
        return Err(Broken);
    }
    let mut gathered = lock();
    fill(&mut gathered.bytes);
    if gathered.bytes.len() >= ENOUGH { hand_on(gathered) } else { Ok(()) }
}

/// What is so long is not gathered where it can be written at once.
pub(crate) const LARGE: usize = 16 * 1024;

/// Writes something long, behind what is gathered: at once into a file, which has no reader to wait for.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Broken> {
    if FAILED.load(Ordering::Relaxed) {
        return Err(Broken);
    }
    let gathered = lock();
    let is_idle = gathered.bytes.is_empty() && !gathered.is_due && !gathered.is_writing;
    drop(gathered);
    if is_idle && is_file() {
        return written(io::stdout().lock().write_all(bytes));
    }
    append(|out| out.extend_from_slice(bytes))
}

fn is_file() -> bool {
    static IS_FILE: OnceLock<bool> = OnceLock::new();
    *IS_FILE.get_or_init(|| {
        rustix::fs::fstat(io::stdout())
            .is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode).is_file())
    })
}

/// Hands on what is gathered.
pub(crate) fn flush() -> Result<(), Broken> {
    let gathered = lock();
    if gathered.bytes.is_empty() { Ok(()) } else { hand_on(gathered) }
}

fn hand_on(mut gathered: MutexGuard<'_, Gathered>) -> Result<(), Broken> {
    if !gathered.has_thread {
        return write_out(&mut gathered.bytes);
    }
    gathered.is_due = true;
    DUE.notify_one();
    if FAILED.load(Ordering::Relaxed) { Err(Broken) } else { Ok(()) }
}

/// Waits until so little waits for the reader that more may be brought.
pub(crate) async fn room() {
    loop {
        let news = ROOM.notified();
        if FAILED.load(Ordering::Relaxed) || lock().bytes.len() < MOST {
            return;
        }
        news.await;
    }
}

/// Writes all that is left. A reader who does not read is not waited for long if the program was interrupted.
pub(crate) fn finish(was_interrupted: bool) -> Result<(), Broken> {
    flush()?;
    let waits = |gathered: &mut Gathered| {
        gathered.has_thread && (gathered.is_due || gathered.is_writing) && !FAILED.load(Ordering::Relaxed)
    };
    if was_interrupted {
        let waited = WRITTEN.wait_timeout_while(lock(), LAST_WORDS, waits);
        let (gathered, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(gathered);
        STUCK.store(outcome.timed_out(), Ordering::Relaxed);
    } else {
        drop(WRITTEN.wait_while(lock(), waits).unwrap_or_else(PoisonError::into_inner));
    }
    if FAILED.load(Ordering::Relaxed) { Err(Broken) } else { Ok(()) }
}

/// Whether nothing can be written any more without waiting for a reader who does not read.
pub(crate) fn is_stuck() -> bool {
    STUCK.load(Ordering::Relaxed)
}

fn write_out(bytes: &mut Vec<u8>) -> Result<(), Broken> {
    let mut stdout = io::stdout().lock();
    let result = stdout.write_all(bytes).and_then(|()| stdout.flush());
    bytes.clear();
    bytes.shrink_to(2 * MOST);
    written(result)
}

/// Remembers why standard output cannot be written any more.
fn written(result: io::Result<()>) -> Result<(), Broken> {
    result.map_err(|error| {
        *FAILURE.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        FAILED.store(true, Ordering::Relaxed);
        NEWS.notify_one();
        ROOM.notify_waiters();
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
