//! Where batches are committed: on a thread of its own, so that writing goes on meanwhile, or at once.

use std::{
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::{
    commit::{Batch, Outcome, Worker},
    error::StorageError,
    volume::Volume,
};

/// Commits one batch at a time.
#[derive(Debug)]
pub(super) enum Committer<V: Volume> {
    /// In the caller's thread.
    Here(Box<Worker<V>>),
    /// In another. `thread` is `None` once it is gone.
    Beside {
        batches: Option<SyncSender<Batch<V>>>,
        outcomes: Receiver<Outcome>,
        thread: Option<thread::JoinHandle<()>>,
        busy: bool,
    },
}

impl<V: Volume> Committer<V> {
    pub(super) fn here(worker: Worker<V>) -> Self {
        Self::Here(Box::new(worker))
    }

    pub(super) fn beside(mut worker: Worker<V>) -> io::Result<Self> {
        let (batches, work) = sync_channel::<Batch<V>>(1);
        let (done, outcomes) = sync_channel(1);
        let thread = thread::Builder::new().name("sockeye-commit".to_owned()).spawn(move || {
            while let Ok(batch) = work.recv() {
                let outcome = worker.run(batch);
                if done.send(outcome).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self::Beside { batches: Some(batches), outcomes, thread: Some(thread), busy: false })
    }

    /// Whether a batch is being worked on.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Beside { busy: true, .. })
    }

    /// Hands over a batch. Only when none is being worked on; returns what became of it if that is known already.
    pub(super) fn submit(&mut self, batch: Batch<V>) -> Option<Outcome> {
        match self {
            Self::Here(worker) => Some(worker.run(batch)),
            Self::Beside { batches, busy, .. } => {
                let sent = batches.as_ref().is_some_and(|batches| batches.send(batch).is_ok());
                *busy = sent;
                (!sent).then(gone)
            }
        }
    }

    /// The outcome of the batch that was being worked on, if it is there.
    pub(super) fn poll(&mut self) -> Option<Outcome> {
        let Self::Beside { outcomes, busy: busy @ true, .. } = self else { return None };
        let outcome = outcomes.try_recv().ok()?;
        *busy = false;
        Some(outcome)
    }

    /// Waits for it.
    pub(super) fn wait(&mut self) -> Option<Outcome> {
        let Self::Beside { outcomes, busy: busy @ true, .. } = self else { return None };
        *busy = false;
        Some(outcomes.recv().unwrap_or_else(|_| gone()))
    }
}

impl<V: Volume> Drop for Committer<V> {
    /// Waits until the thread has let go of the journal, so that its lock ends here.
    fn drop(&mut self) {
        if let Self::Beside { batches, outcomes, thread, .. } = self {
            drop(batches.take());
            while outcomes.recv().is_ok() {}
            if let Some(thread) = thread.take() {
                drop(thread.join());
            }
        }
    }
}

fn gone() -> Outcome {
    let error = StorageError::Misuse { what: "the committing thread ended early" };
    Outcome { error: Some(error), ..Outcome::default() }
}
