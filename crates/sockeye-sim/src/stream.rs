//! The state of one stream.

use std::collections::VecDeque;

use crate::node::NodeId;
use crate::rng::Rng;

/// One end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// The end at the node that opened the stream.
    Dialer,
    /// The end at the node it was opened to.
    Listener,
}

impl End {
    pub(crate) const BOTH: [Self; 2] = [Self::Dialer, Self::Listener];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Listener,
            Self::Listener => Self::Dialer,
        }
    }
}

/// Into what pieces the bytes of streams are cut on their way. Writes are cut and joined alike: a piece may hold the
/// end of one write and the beginning of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// As much as there is.
    Whole,
    /// This many bytes, at least 1; fewer where no more are there.
    Fixed(usize),
    /// From one to this many bytes, at least 1, each length as probable as the others.
    Random {
        /// The longest piece, in bytes.
        longest: usize,
    },
}

impl Pieces {
    /// Length of the next piece, at least 1.
    pub(crate) fn next(self, rng: &mut Rng) -> usize {
        match self {
            Self::Whole => usize::MAX,
            Self::Fixed(len) => len.max(1),
            Self::Random { longest } => {
                usize::try_from(rng.within(1..=longest.max(1) as u64)).unwrap_or(usize::MAX)
            }
        }
    }
}

/// What goes wrong in one direction of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The stream breaks; both ends are told at once.
    Reset,
    /// Nothing more arrives, and nobody is told.
    Stall,
    /// The reader is told that the stream has ended, as if the writer had done so.
    End,
}

pub(crate) struct Stream {
    ends: [Side; 2],
    halves: [Half; 2],
}

/// What one end knows.
pub(crate) struct Side {
    pub(crate) node: NodeId,
    /// It knows that the stream is open.
    pub(crate) open: bool,
    /// It has broken the stream off and hears no more of it.
    pub(crate) gone: bool,
}

/// One direction.
pub(crate) struct Half {
    /// Sent by the node and not yet on its way.
    pub(crate) waiting: VecDeque<u8>,
    /// Bytes on their way, or arrived and not yet acknowledged.
    pub(crate) in_flight: usize,
    /// A piece is leaving; the next one follows when it has left.
    pub(crate) leaving: bool,
    /// The writer is to be told when nothing is waiting.
    pub(crate) owes_drained: bool,
    pub(crate) end: Ending,
    /// Bytes told to the reader.
    pub(crate) told: u64,
    /// The fault to come, and after how many bytes.
    pub(crate) fault: Option<(u64, Fault)>,
    /// Whatever still arrives is dropped.
    pub(crate) stalled: bool,
    pub(crate) rng: Rng,
}

/// How far the end of one direction has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    No,
    Asked,
    Sent,
    Told,
}

impl Stream {
    pub(crate) fn new(dialer: NodeId, listener: NodeId, mut half: impl FnMut(End) -> Half) -> Self {
        Self {
            ends: [dialer, listener].map(|node| Side { node, open: false, gone: false }),
            halves: End::BOTH.map(&mut half),
        }
    }

    pub(crate) fn side(&mut self, end: End) -> &mut Side {
        &mut self.ends[end as usize]
    }

    /// The direction in which this end writes.
    pub(crate) fn half(&mut self, writer: End) -> &mut Half {
        &mut self.halves[writer as usize]
    }

    pub(crate) fn node(&self, end: End) -> NodeId {
        self.ends[end as usize].node
    }

    /// The end at this node, if the node has not broken the stream off.
    pub(crate) fn end_at(&self, node: NodeId) -> Option<End> {
        End::BOTH.into_iter().find(|end| {
            let side = &self.ends[*end as usize];
            side.node == node && !side.gone
        })
    }

    pub(crate) fn both_ended(&self) -> bool {
        self.halves.iter().all(|half| half.end == Ending::Told)
    }
}

impl Half {
    pub(crate) fn new(rng: Rng, fault: Option<(u64, Fault)>) -> Self {
        Self {
            waiting: VecDeque::new(),
            in_flight: 0,
            leaving: false,
            owes_drained: false,
            end: Ending::No,
            told: 0,
            fault,
            stalled: false,
            rng,
        }
    }

    /// Takes the next piece to send, if something waits and the window has room for it.
    pub(crate) fn take_piece(&mut self, pieces: Pieces, window: usize) -> Option<Vec<u8>> {
        let room = window.saturating_sub(self.in_flight);
        let most = room.min(self.waiting.len());
        if most == 0 {
            return None;
        }
        let len = pieces.next(&mut self.rng).min(most);
        self.in_flight += len;
        Some(self.waiting.drain(..len).collect())
    }

    /// How many of the next `len` bytes the reader gets, and the fault that strikes after them.
    pub(crate) fn admit(&mut self, len: usize) -> (usize, Option<Fault>) {
        match self.fault {
            Some((after, fault)) if self.told + len as u64 >= after => {
                self.fault = None;
                let admitted = usize::try_from(after.saturating_sub(self.told)).unwrap_or(len).min(len);
                (admitted, Some(fault))
            }
            _ => (len, None),
        }
    }
}
