//! From what the receiver asks for to frames on the lane: reads, digests, sends.

use std::{io, ops::Range, time::Instant};

use sockeye_proto::{
    content::{BlockShape, Digest, EntryId, KindRef},
    transfer::{DataHeader, DataKind, Work},
};

use super::Sending;
use crate::{
    Error,
    source::{BlockRead, ReadFault},
    transfer::report,
    wire::lane::LaneWriter,
};

/// Work under way.
pub(super) enum Task {
    Send(Range<u64>),
    Stream { entry: EntryId, block: u64 },
    Check { block: u64, digests: std::vec::IntoIter<Digest> },
    Compare { entry: EntryId, digest: Digest },
    End,
}

impl From<Work> for Task {
    fn from(work: Work) -> Self {
        match work {
            Work::Send { blocks } => Self::Send(blocks),
            Work::Stream { entry, first } => Self::Stream { entry, block: first },
            Work::Check { first, digests } => Self::Check { block: first, digests: digests.into_iter() },
            Work::Compare { entry, digest } => Self::Compare { entry, digest },
            Work::End => Self::End,
        }
    }
}

impl Sending<'_> {
    /// Does one step of the work at the head of the queue.
    pub(super) fn work(&mut self) -> Result<(), Error> {
        let Some(task) = self.work.pop_front() else { return Ok(()) };
        match task {
            Task::Send(mut blocks) => {
                let Some(block) = blocks.next() else { return Ok(()) };
                if !blocks.is_empty() {
                    self.work.push_front(Task::Send(blocks));
                }
                self.send_block(block)
            }
            Task::Stream { entry, block } => self.stream_next(entry, block),
            Task::Check { block, mut digests } => {
                let Some(expected) = digests.next() else { return Ok(()) };
                if digests.len() > 0 {
                    self.work.push_front(Task::Check { block: block + 1, digests });
                }
                self.check(block, &expected)
            }
            Task::Compare { entry, digest } => self.compare(entry, &digest),
            Task::End => self.send_frame(DataHeader::new(DataKind::End), Vec::new()),
        }
    }

    fn send_block(&mut self, block: u64) -> Result<(), Error> {
        let shape = self.machine.blocks().shape(block);
        let shape = shape.ok_or_else(|| Error::Internal { detail: format!("block {block} has no shape") })?;
        if let BlockShape::Range { entry, .. } = shape
            && self.failed.contains(&entry)
        {
            return Ok(());
        }
        let mut body = std::mem::take(&mut self.body);
        let read = self.read(&shape, &mut body)?;
        self.send_read(block, &shape, &read, body)
    }

    fn read(&mut self, shape: &BlockShape, body: &mut Vec<u8>) -> Result<BlockRead, Error> {
        let before = Instant::now();
        let reader = self.origin.reader.as_mut();
        let reader =
            reader.ok_or_else(|| Error::Internal { detail: String::from("nothing to read from") })?;
        let read = reader.read_block(self.machine.manifest(), shape, body);
        self.stats.disk += before.elapsed();
        Ok(read)
    }

    fn send_read(
        &mut self,
        block: u64,
        shape: &BlockShape,
        read: &BlockRead,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        for (entry, fault) in &read.skipped {
            self.send_fault(*entry, fault)?;
        }
        let entry = match *shape {
            BlockShape::Range { entry, .. } if self.failed.contains(&entry) => {
                self.body = body;
                return Ok(());
            }
            BlockShape::Range { entry, .. } => entry,
            BlockShape::Pack { first, .. } => first,
        };
        let plain = u32::try_from(body.len())
            .map_err(|_| Error::Internal { detail: String::from("a block above 4 GiB") })?;
        let kind = if matches!(shape, BlockShape::Pack { .. }) { DataKind::Pack } else { DataKind::Range };
        let mut header = DataHeader::new(kind);
        header.entry = entry;
        header.block = block;
        header.plain = plain;
        header.stored = plain;
        header.digest = read.digest;
        header.doubtful = read.doubtful;
        self.count(shape, u64::from(plain));
        self.note_digest(block, &header);
        self.send_frame(header, body)?;
        if let Some(seat) = &self.seat {
            let rest = seat.rest_after(plain.into());
            self.resting = (!rest.is_zero()).then(|| self.links.now() + rest);
        }
        Ok(())
    }

    fn count(&mut self, shape: &BlockShape, bytes: u64) {
        self.progress.bytes += bytes;
        match *shape {
            BlockShape::Pack { first, last, .. } => {
                self.progress.files += (first..=last).filter(|&id| self.is_file(id)).count() as u64;
                self.progress.current = Some(self.machine.manifest().path(last));
            }
            BlockShape::Range { entry, offset, .. } => {
                if offset == 0 {
                    self.progress.files += 1;
                    self.progress.current = Some(self.machine.manifest().path(entry));
                }
            }
        }
    }

    fn is_file(&self, id: EntryId) -> bool {
        self.machine.manifest().get(id).is_some_and(|e| matches!(e.kind, KindRef::File { .. }))
    }

    /// Tells the receiver, in the lane's order, that an entry cannot be sent.
    fn send_fault(&mut self, entry: EntryId, fault: &ReadFault) -> Result<(), Error> {
        if !self.failed.insert(entry) {
            return Ok(());
        }
        let (status, text) = report::read_fault(fault);
        let body = text.into_bytes();
        let mut header = DataHeader::new(DataKind::Fail);
        header.entry = entry;
        header.block = status as u64;
        header.stored = u32::try_from(body.len()).unwrap_or(0);
        self.send_frame(header, body)
    }

    fn send_frame(&mut self, header: DataHeader, body: Vec<u8>) -> Result<(), Error> {
        let sent = self.on_lane(|lane, go_on| lane.send(&header, &body, go_on));
        if matches!(header.kind, DataKind::Range | DataKind::Pack) {
            self.body = body;
        }
        sent?;
        if header.kind == DataKind::End {
            self.on_lane(LaneWriter::finish)?;
            self.stats.lane_bytes += self.lane.bytes();
            self.stats.network_waited += self.lane.blocked();
        }
        Ok(())
    }

    /// Does something on the lane. It waits for the peer as long as nobody cancels and the peer is there; when it breaks,
    /// the peer may have said why on the control connection.
    pub(super) fn on_lane(
        &mut self,
        act: impl FnOnce(&mut LaneWriter, &mut dyn FnMut() -> bool) -> io::Result<()>,
    ) -> Result<(), Error> {
        let before = Instant::now();
        let Self { lane, links, .. } = self;
        let done = act(lane, &mut || links.is_alive());
        self.stats.network += before.elapsed();
        match done {
            Ok(()) => Ok(()),
            Err(_) if self.links.is_cancelled() => Err(Error::Cancelled),
            Err(source) => self.last_words(source),
        }
    }

    fn stream_next(&mut self, entry: EntryId, block: u64) -> Result<(), Error> {
        let (read, body) = match self.blocks.pop_front() {
            Some(Ok(next)) => next,
            Some(Err(source)) => {
                return self.send_fault(entry, &ReadFault::Unreadable { action: "read", source });
            }
            None => return Err(Error::Internal { detail: String::from("a stream without a block") }),
        };
        let mut header = DataHeader::new(DataKind::Range);
        header.entry = entry;
        header.block = block;
        header.plain = u32::try_from(body.len()).unwrap_or(0);
        header.stored = header.plain;
        header.digest = read.digest;
        header.last = read.last;
        self.progress.bytes += u64::from(header.plain);
        if read.last {
            self.progress.files += 1;
        } else {
            self.work.push_front(Task::Stream { entry, block: block + 1 });
        }
        self.note_digest(block, &header);
        self.send_frame(header, body)?;
        if let Some(stream) = &self.origin.stream {
            // A thread that has read everything needs no more buffers.
            let _ = stream.buffers.send(std::mem::take(&mut self.body));
        }
        Ok(())
    }

    /// Gathers the digest of a single file, as long as its blocks come one after the other.
    fn note_digest(&mut self, block: u64, header: &DataHeader) {
        match self.root.as_mut() {
            Some(root) if root.blocks() == block => root.push(header.digest),
            _ => self.root = None,
        }
    }

    /// BLAKE3 of what was sent, if it was a single file and all of it was read in this session.
    pub(super) fn single_digest(&mut self) -> Option<Digest> {
        let totals = self.machine.manifest().totals();
        let root = self.root.take().filter(|_| totals.files == 1)?;
        root.finish(self.progress.bytes)
    }

    /// Reads what the receiver doubts and says for each block that it is the same, or sends it.
    fn check(&mut self, first: u64, expected: &Digest) -> Result<(), Error> {
        let shape = self.machine.blocks().shape(first);
        let shape = shape.ok_or_else(|| Error::Internal { detail: format!("block {first} has no shape") })?;
        if let BlockShape::Range { entry, .. } = shape
            && self.failed.contains(&entry)
        {
            return Ok(());
        }
        let mut body = std::mem::take(&mut self.body);
        let read = self.read(&shape, &mut body)?;
        if !read.skipped.is_empty() || read.digest != *expected {
            return self.send_read(first, &shape, &read, body);
        }
        self.count(&shape, body.len() as u64);
        self.progress.bytes_here += body.len() as u64;
        self.body = body;
        let mut header = DataHeader::new(DataKind::Same);
        header.block = first;
        header.digest = read.digest;
        header.doubtful = read.doubtful;
        self.note_digest(first, &header);
        self.send_frame(header, Vec::new())
    }

    fn compare(&mut self, entry: EntryId, digest: &Digest) -> Result<(), Error> {
        let Some(reader) = self.origin.reader.as_mut() else {
            return Err(Error::Internal { detail: String::from("nothing to compare with") });
        };
        let same = reader.file_digest(self.machine.manifest(), entry).is_ok_and(|own| own == *digest);
        self.machine.compared(entry, same);
        Ok(())
    }
}
